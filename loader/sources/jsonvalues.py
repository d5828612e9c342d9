"""JSON values as cells: text as it is, numbers as they are written, objects and lists as JSON again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from loader.sources.jsoncauses import TwiceNamed

if TYPE_CHECKING:
    from collections.abc import Sequence


class Number(str):
    """A number as it is written."""

    __slots__ = ()


def make_decoder(nothing: Sequence[str]) -> json.JSONDecoder:
    """Decodes a record; NaN and the infinities are nothing if they are listed, and no JSON otherwise."""
    return _Decoder(nothing)


class _Decoder(json.JSONDecoder):
    """The decoder of `make_decoder`; one that arrives in another process is made again there."""

    def __init__(self, nothing: Sequence[str]) -> None:
        self._nothing = tuple(nothing)
        super().__init__(
            object_pairs_hook=_refuse_repeats,
            parse_int=Number,
            parse_float=Number,
            parse_constant=self._read_constant,
        )

    def __reduce__(self) -> tuple[type[_Decoder], tuple[Sequence[str]]]:
        return _Decoder, (self._nothing,)

    def _read_constant(self, name: str) -> None:
        if name not in self._nothing:
            raise ValueError(f"{name} is not JSON")


def write_cell(value: Any) -> str | None:
    """A decoded value as a cell; None if it is null."""
    if value is None or type(value) is str:
        return value
    return str(value) if type(value) is Number else write_value(value)


def write_value(value: Any) -> str:
    """A value as JSON again, its numbers as they were written."""
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{write_value(key)}: {write_value(each)}" for key, each in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(write_value, value)) + "]"
    return str(value) if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)


def find_half_character(record: dict[str, Any]) -> str | None:
    """The key whose value, or itself, cannot be written in UTF-8."""
    for key, value in record.items():
        try:
            json.dumps([key, value], ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return key
    return None


def _refuse_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        keys = [key for key, _ in pairs]
        raise TwiceNamed(next(key for key in keys if keys.count(key) > 1))
    return record
