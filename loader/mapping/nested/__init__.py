"""Cells that hold several values: JSON text, structs, maps, and lists of keys and values.

* `paths`: names such as `properties.time`; `jsontext` and `keyed` find the members, `widening` makes one
  column of them.
* `members`, `expansion`, `expansion_pairs`: each member as an attribute of its own, as `expand` asks.
"""
