"""Columns to the fields of the API methods, and to JSON bytes.

From a rule to a body, in the order to read:

    rules          what a mapping says: frozen records
    file, keys     mapping file -> rules, every mistake at once
    canonical_text rules -> a mapping file
    inference      rules from the names of the columns
    binding        rules and columns -> what is decided before the first row: formats, zones, types
    mapper         a chunk -> bodies and rejects: `field_values` converts the fields, `values` the members
    threaded       chunks mapped in a thread, the next one while the present one is used
    nested         cells that hold several values: JSON text, structs, maps, lists of keys and values
    proposing      columns and a sample -> a mapping file with a reason for each line

They use `fields` (names and numbers with a meaning to the API), `table` (a column by its name), `origins`,
`timestamps`, `instants`, `zones`, `transitions`, `encode` and `findings`. `loader.methods` says what each API
method is.

The names below are imported on first use: the sandbox needs `fields` alone, without pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loader.mapping.binding import bind
    from loader.mapping.canonical_text import write_mapping
    from loader.mapping.file import build_mapping, parse_mapping, read_mapping
    from loader.mapping.findings import Clocks, Column
    from loader.mapping.inference import infer
    from loader.mapping.mapper import Mapped, Mapper
    from loader.mapping.rules import Mapping

__all__ = [
    "Clocks",
    "Column",
    "Mapped",
    "Mapper",
    "Mapping",
    "bind",
    "build_mapping",
    "infer",
    "parse_mapping",
    "read_mapping",
    "write_mapping",
]

_HOMES = {
    "Clocks": "findings",
    "Column": "findings",
    "Mapped": "mapper",
    "Mapper": "mapper",
    "Mapping": "rules",
    "bind": "binding",
    "build_mapping": "file",
    "infer": "inference",
    "parse_mapping": "file",
    "read_mapping": "file",
    "write_mapping": "canonical_text",
}


def __getattr__(name: str) -> Any:
    """Import a public name where it is defined (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - this module must stay light

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
