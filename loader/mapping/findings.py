"""What is wrong with the rows of one chunk: the first problem of each row, as sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from loader.model import Reject

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from loader.model import Chunk

SHOWN_CHARACTERS = 60


class Fault(NamedTuple):
    """Why a row is rejected: `reason` follows the value in the sentence, `remedy` is its own sentence."""

    reason: str
    remedy: str


def shown(text: str) -> str:
    """`text` in quotes on one line, shortened, for a sentence."""
    cut = text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
    return '"' + "".join(c if c.isprintable() else repr(c)[1:-1] for c in cut) + '"'


def named(columns: Sequence[str]) -> str:
    """``column "a"`` or ``columns "a", "b"``; nothing for a constant."""
    quoted = ", ".join(f'"{column}"' for column in columns)
    return f"column{'s' if len(columns) > 1 else ''} {quoted}" if columns else "the mapping"


class Findings:
    """The rejects of one chunk. Only the first problem of a row is kept: it is rejected once.

    Attributes:
        bad: for each row of the chunk, whether it is rejected.
        uses: how often an allowed correction was made, by what it was.
    """

    def __init__(self, chunk: Chunk) -> None:
        self.bad: np.ndarray[Any, np.dtype[np.bool_]] = np.zeros(len(chunk.frame), dtype=np.bool_)
        self.uses: dict[str, int] = {}
        self._chunk = chunk
        self._rejects: list[Reject] = []
        for offset, reason in chunk.unreadable.items():
            self._reject(offset, "", "", reason.partition(": ")[0], reason)

    @property
    def rejects(self) -> list[Reject]:
        """The rejected rows in order."""
        return sorted(self._rejects)

    def add(self, rows: Any, columns: Sequence[str], texts: pa.Array | None, fault: Fault) -> None:
        """Reject the rows of a mask, unless they already are.

        Args:
            rows: boolean numpy array, a row each.
            columns: where the value comes from.
            texts: the values to show, or None where there is none.
            fault: reason and remedy.
        """
        for offset in np.flatnonzero(rows & ~self.bad).tolist():
            value = texts[offset].as_py() if texts is not None else None
            column = ", ".join(columns)
            subject = named(columns) if value is None else f"{named(columns)}: {shown(value)}"
            sentence = f"{subject} {fault.reason}. {fault.remedy}"
            self._reject(offset, column, value or "", f"{named(columns)} {fault.reason}", sentence)

    def count(self, use: str, times: int) -> None:
        """Note that an allowed correction was made so many times."""
        if times:
            self.uses[use] = self.uses.get(use, 0) + times

    def _reject(self, offset: int, column: str, value: str, reason: str, sentence: str) -> None:
        ordinal = self._chunk.first + offset
        message = f"{self._chunk.place(ordinal)}, {sentence}"
        self.bad[offset] = True
        self._rejects.append(Reject(ordinal, column, value[:SHOWN_CHARACTERS], reason, message))
