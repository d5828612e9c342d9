"""Look-ups of a mapping: other tables in which a cell of the input is a key.

    opening     the look-ups that a mapping names -> tables, read by the loader's own readers, each once
    table       one table: the columns that are needed, and which row has a key
    index       keys in the order of their hashes, with the exact key compared at the end
    texts       the cells of one column, on disk, mapped into memory

A table of up to 16 MB of text travels to other processes as it is, as does one of Python's memory. A larger
one is read again there, from its file.

In memory are 12 bytes for each key, and 2 to 4 more to find the place; keys and values lie in files without a
name in the folder for temporary files. The system keeps in memory what of them is used, while there is room.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.late_imports import import_on_use

if TYPE_CHECKING:
    from loader.lookups.opening import OpenLookUps, open_lookups

__all__ = ["OpenLookUps", "open_lookups"]

__getattr__ = import_on_use(
    __name__,
    {
        ".opening": "OpenLookUps open_lookups",
    },
)
