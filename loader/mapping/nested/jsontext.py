"""Cells of JSON text: parsed once for each distinct text, numbers kept as they are written."""

from __future__ import annotations

import json
import math
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.mapping.encode import numpy_mask
from loader.mapping.nested.steps import split_element, split_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from msgspec import Raw

    from loader.mapping.nested.steps import Element
    from loader.mapping.zones import Mask

_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_encode = json.JSONEncoder(ensure_ascii=False).encode


class Number(str):
    """A JSON number as it was written: 12.00 stays 12.00, and no digit of an id is lost."""

    __slots__ = ()


class Unsound(Number):
    """A number that is not finite, or a whole number of more than 64 bits."""

    __slots__ = ()


def _whole(text: str) -> Number:
    sound = len(text) < 19 or (len(text) < 21 and -(2**63) <= int(text) < 2**63)
    return Number(text) if sound else Unsound(text)


def _real(text: str) -> Number:
    return Number(text) if math.isfinite(float(text)) else Unsound(text)


class _Twice(ValueError):
    """An object names a member twice."""


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise _Twice
    return found


def _constant(name: str) -> Any:
    raise ValueError(name)  # NaN and Infinity are not JSON


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_real, parse_int=_whole, parse_constant=_constant
)


#: What `dig` gives for a path into a list that does not say which element is meant.
#: It is a text, so that `text_of` lets it pass; it is known by its identity.
IN_A_LIST = "in\0a list"


class Cells:
    """A column of JSON text. What is asked of it decides how much of a text is parsed.

    Args:
        texts: of the column.

    Attributes:
        indices: for each row, the position of its distinct text; null if there is no cell.
    """

    def __init__(self, texts: pa.Array) -> None:
        encoded = texts.dictionary_encode()
        self.indices: pa.Array = encoded.indices
        self._texts = encoded.dictionary

    @cached_property
    def values(self) -> list[Any]:
        """Each distinct text, parsed; None if it is empty, null or unreadable."""
        return [_parse(text) for text in self._texts.to_pylist()]

    @cached_property
    def wrong(self) -> Mask:
        """The rows whose text is neither a JSON object nor a list."""
        bad = np.zeros(len(self._texts), np.bool_)
        for place, value in self._others.items():
            bad[place] = value is None and self._texts[place].as_py().strip() not in {"", "null"}
        return numpy_mask(pa.array(bad).take(self.indices))

    @cached_property
    def _flat(self) -> list[dict[str, Raw] | None]:
        """The members of each distinct text as they stand there, if it is certainly an object of scalars."""
        from loader.raw_values import read_flat_objects  # noqa: PLC0415 - only if there is JSON text

        texts = self._texts.cast(pa.binary()).to_pylist()
        found = read_flat_objects(texts)
        if found is not None:
            return list(found)
        return [next(iter(read_flat_objects([text]) or ()), None) for text in texts]

    @cached_property
    def _others(self) -> dict[int, Any]:
        """All other distinct texts, parsed, by their positions."""
        return {
            place: _parse(self._texts[place].as_py())
            for place, found in enumerate(self._flat)
            if found is None
        }

    def texts(self, path: str) -> tuple[pa.Array, Mask | None]:
        """The value at the path in each row, as text; null if there is none, or the cell is empty.

        And the rows in which a list stands in the way, because the path does not say which element is meant;
        None if there are no such rows.
        """
        if not len(self._texts):
            return pa.nulls(len(self.indices), pa.string()), None
        # Nothing is within a scalar, so of these objects a path can only name a member.
        from loader.raw_values import RawValues, decode_all  # noqa: PLC0415 - only if there is JSON text

        raw_values = [b"" if found is None else found.get(path, b"") for found in self._flat]
        ((texts,), _) = RawValues(b"".join([b"\n".join(raw_values), b"\n"]), decode_all).arrange(1)
        if not self._others:
            return texts.take(self.indices), None
        others = {place: text_of(dig(value, path)) for place, value in self._others.items()}
        blocked = np.zeros(len(texts), np.bool_)
        # A text that is equal by chance is another object.
        blocked[[place for place, text in others.items() if text is IN_A_LIST]] = True
        texts = pc.replace_with_mask(
            texts,
            pa.array(np.isin(np.arange(len(texts)), list(others))),
            pa.array([None if text is IN_A_LIST else text for text in others.values()], pa.string()),
        )
        mask = numpy_mask(pa.array(blocked).take(self.indices)) if blocked.any() else None
        return texts.take(self.indices), mask

    def list_on_the_way(self, path: str) -> str | None:
        """The path of a list in the way of a path in any row, "" for the cell itself; None if none is."""
        others = self._others.values()
        return next((found for value in others if (found := _find_list(value, path)) is not None), None)


def _find_list(value: Any, path: str) -> str | None:
    if dig(value, path) is not IN_A_LIST:
        return None
    ends = [end for end, sign in enumerate(path) if sign in ".["]
    return next((path[:end] for end in reversed(ends) if isinstance(dig(value, path[:end]), list)), "")


def _parse(text: str) -> Any:
    try:
        value = _DECODER.decode(text)
        if _ESCAPED_SURROGATE.search(text.encode()):
            raw(value).encode()
        if not isinstance(value, (dict, list)):
            return None
    except (ValueError, RecursionError):
        return None
    return value


def dig(value: Any, path: str) -> Any:
    """The value at a path in a parsed value (`steps`); None if there is none, or `IN_A_LIST`."""
    while path and type(value) is dict:
        if path in value:
            return value[path]
        found = _split_plain(path, value) if "[" not in path else split_name(path, value)
        if found is None:
            return None
        value, path = value[found[0]], found[1]
    return _dig_list(value, path) if path and value else value if not path else None


def _split_plain(path: str, members: Collection[str]) -> tuple[str, str] | None:
    """As `split_name`, for a path without brackets: most paths, in each row."""
    name = path
    while "." in name:
        name = name.rpartition(".")[0]
        if name in members:
            return name, path[len(name) + 1 :]
    return None


def _dig_list(value: Any, path: str) -> Any:
    """The value at a path in a list that is not empty."""
    if not isinstance(value, list):
        return None
    members = _list_members(value, path)
    found = split_name(path, members) if members is not None else None
    if members is not None:
        return dig(members[found[0]], found[1]) if found else None
    element = split_element(path)
    return IN_A_LIST if element is None else dig(_pick_element(value, element[0]), element[1])


def _list_members(value: list[Any], path: str) -> dict[str, Any] | None:
    """What has names in a list of keys and values, the first of each key; None for other lists."""
    pairs = None if path.startswith("[") else read_pairs(value)
    return None if pairs is None else dict(reversed(pairs))


def _pick_element(elements: list[Any], which: Element) -> Any:
    if which.place is not None:
        return elements[which.place] if which.place < len(elements) else None
    return next((one for one in elements if _fits(one, which)), None)


def _fits(element: Any, which: Element) -> bool:
    found = dig(element, which.member)
    return found is not IN_A_LIST and text_of(found) == which.text


def keyed(value: Any) -> dict[str, Any] | None:
    """The members of an object, or of a list of ``{"key": ..., "value": ...}``; None if it is neither."""
    if isinstance(value, dict):
        return value
    pairs = read_pairs(value)
    members = dict(pairs or ())
    return members if pairs is not None and len(members) == len(pairs) else None


def read_pairs(value: Any) -> list[tuple[str, Any]] | None:
    """The keys and values of a list of ``{"key": ..., "value": ...}``; None if it is something else."""
    if not isinstance(value, list) or not value:
        return None
    if not all(isinstance(pair, dict) and set(pair) == {"key", "value"} for pair in value):
        return None
    return [(str(pair["key"]), _alternative(pair["value"])) for pair in value]


def _alternative(value: Any) -> Any:
    """GA4 writes ``{"int_value": 5}`` for 5, with or without the alternatives that are null."""
    if isinstance(value, dict) and value and all(name.endswith("_value") for name in value):
        return next((member for member in value.values() if member is not None), None)
    return value


def text_of(value: Any) -> str | None:
    """A parsed value as a cell would hold it: scalars bare, lists and objects as JSON."""
    if value is None or isinstance(value, str):
        return value
    return raw(value)


def raw(value: Any) -> str:
    """A parsed value as JSON again, numbers as they were written."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, list):
        return "[" + ",".join(map(raw, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{_encode(name)}:{raw(member)}" for name, member in value.items()) + "}"
    return _encode(value)


def members(value: Any) -> Collection[tuple[str, Any]]:
    """Every member of an object under its dotted name; objects within it are opened, lists are not."""
    found = keyed(value) or {}
    if any(isinstance(member, (dict, list)) for member in found.values()):
        return list(_opened(found, ""))
    return found.items()


def _opened(found: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, member in found.items():
        inner = keyed(member)
        if inner is None:
            yield prefix + name, member
        else:
            yield from _opened(inner, f"{prefix}{name}.")
