"""Columns to the fields of the two API methods, and to JSON bytes.

    fields      the two methods: names, types, limits, device types, synonyms (the sandbox reads it too)
    rules       what a mapping says: frozen records
    toml_text   mapping file -> rules, every mistake at once; rules -> canonical text
    inference   rules from the names of the columns
    binding     rules and columns -> what is decided before the first row: formats, zones, types
    mapper      a chunk -> bodies and rejects, column by column
    nested      cells that hold several values: JSON text, structs, maps, lists of keys and values
    proposing   columns and a sample -> a mapping file with a word on each line

The parts that `mapper` is made of: `table` (a column by its name), `origins`, `timestamps`, `instants`,
`zones`, `transitions`, `attributes`, `encode`, `findings`.

The names below are imported on first use: the sandbox needs `fields` alone, without pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loader.mapping.binding import bind
    from loader.mapping.findings import Clocks, Column
    from loader.mapping.inference import infer
    from loader.mapping.mapper import Mapped, Mapper
    from loader.mapping.rules import Mapping

__all__ = ["Clocks", "Column", "Mapped", "Mapper", "Mapping", "bind", "infer"]

_HOMES = {
    "Clocks": "findings",
    "Column": "findings",
    "Mapped": "mapper",
    "Mapper": "mapper",
    "Mapping": "rules",
    "bind": "binding",
    "infer": "inference",
}


def __getattr__(name: str) -> Any:
    """Import a public name where it is defined (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - this module must stay light

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
