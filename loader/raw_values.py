"""Values of JSON as they stand in a text -> columns of texts, without an object for each."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import Raw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Positions: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"

LINE_END, RETURN, QUOTE, BACKSLASH = b'\n\r"\\'
BEGIN, END, LIST, NULL = b"{}[n"

#: What a text means. Raises `msgspec.MsgspecError`: it is none, or has half a character.
decode_text = msgspec.json.Decoder(str).decode
#: The members of an object as they stand there. Raises `msgspec.MsgspecError`: it is none.
decode_members = msgspec.json.Decoder(dict[str, Raw]).decode


def decode_all(texts: list[bytes]) -> list[str | None]:
    """What each text means."""
    return list(map(decode_text, texts))


def count_sign(text: bytes, sign: int) -> int:
    """How often a byte occurs."""
    return int(np.count_nonzero(np.frombuffer(text, np.uint8) == sign))


def read_flat_objects(objects: Sequence[bytes]) -> list[dict[str, Raw]] | None:
    """The members of objects, each as it stands there, if no object is within another or names a key twice.

    None if it is not certain that all are such objects; a bracket or a brace within a text is a doubt, too.
    """
    text = b"".join(objects)
    if b"[" in text or text.count(b"{") != len(objects):
        return None
    try:
        found = list(map(decode_members, objects))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    inside = b"".join(chain.from_iterable(map(dict.values, found)))
    # A key has two quotes. One that is named twice, or has a quote of its own, leaves some over.
    quotes = count_sign(inside, QUOTE) + 2 * sum(map(len, found))
    return found if count_sign(text, QUOTE) == quotes else None


class RawValues:
    """Values as they stand in JSON, in rows of equal width.

    Args:
        text: each value, and a line end behind each; nothing before it stands for no value.
        write: what texts with a backslash, objects and lists become, from how they stand there; None for one
            that needs a closer look.
    """

    def __init__(self, text: bytes, write: Callable[[list[bytes]], list[str | None]]) -> None:
        self._text = text
        self._write = write
        self._signs = np.frombuffer(text, np.uint8)
        self._ends = np.flatnonzero(self._signs == LINE_END)
        self._starts = np.append(0, self._ends[:-1] + 1)
        self._firsts = self._signs[self._starts]

    @property
    def present(self) -> int:
        """How many values there are."""
        return int(np.count_nonzero(self._firsts != LINE_END))

    @property
    def quotes(self) -> int:
        """How many quotes they have."""
        return count_sign(self._text, QUOTE)

    def arrange(self, width: int) -> tuple[list[pa.Array], Positions]:
        """The values as columns of texts, without the quotes; null for none and for null.

        Args:
            width: values in a row.

        Returns:
            The columns, and the rows in which a value needs a closer look; their texts mean nothing.
        """
        texts, places, doubtful = self._cut()
        nulls = (self._firsts == LINE_END) | (self._firsts == NULL)
        masks = [nulls[number::width] if nulls.any() else None for number in range(width)]
        columns = [
            texts.take(pa.array(places[number::width], mask=mask)) for number, mask in enumerate(masks)
        ]
        return columns, np.unique(doubtful // width)

    def _cut(self) -> tuple[pa.Array, Positions, Positions]:
        """Texts, which of them each value is, and the values that need a closer look."""
        quoted = self._firsts == QUOTE
        offsets = np.empty(2 * len(quoted) + 1, np.int32)
        offsets[:-1:2], offsets[1::2] = self._starts + quoted, self._ends - quoted
        offsets[-1] = len(self._text)
        # Every other one is what stands between two values.
        texts = pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(self._text))
        places = np.arange(0, len(offsets) - 1, 2)
        nested = np.flatnonzero((self._firsts == BEGIN) | (self._firsts == LIST))
        values = np.concatenate([self._find_escapes(), nested])
        if not len(values):
            return texts, places, values
        places[values] = len(texts) + np.arange(len(values))
        written = self._write([self._text[start:end] for start, end in self._list_bounds(values)])
        doubtful = np.array([text is None for text in written])
        return pa.concat_arrays([texts, pa.array(written, pa.string())]), places, values[doubtful]

    def _find_escapes(self) -> Positions:
        """The texts that have a backslash."""
        if b"\\" not in self._text:
            return np.empty(0, np.int64)
        marks = np.flatnonzero(self._signs == BACKSLASH)
        values = np.unique(np.searchsorted(self._starts, marks, side="right") - 1)
        return np.asarray(values[self._firsts[values] == QUOTE], np.int64)

    def _list_bounds(self, values: Positions) -> Iterator[tuple[int, int]]:
        return zip(self._starts[values].tolist(), self._ends[values].tolist(), strict=True)
