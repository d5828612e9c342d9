"""Cells that hold several values: JSON text, structs, maps, and lists of keys and values.

* `schema` works before the first row: the columns that a mapping names, opens, and takes as others.
* `rows`, `rows_of_pairs` work in each chunk: the members of an opened column, as each row names them.

Both build on `paths` (names such as `properties.time`), `jsontext` and `keyed` (which find the members), and
`members` (what becomes of a member by its name).
"""
