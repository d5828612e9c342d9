"""What is found in the rows of one chunk: the first problem of each row, as sentences, and the values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from loader.message import HIDDEN, Message, spell_option
from loader.model import Chunk, Reject, Unreadable
from loader.text.escape import LONGEST_QUOTE, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import pyarrow as pa

    from loader.mapping.lookups import Match
    from loader.mapping.number_forms import NumberForms
    from loader.mapping.rules import Join

    Places = np.ndarray[Any, np.dtype[np.int64]]


class Fault(NamedTuple):
    """Why a row is rejected.

    Attributes:
        reason: follows the value in the sentence; what of it repeats a cell is a `Quote` in a `Message`.
        remedy: a sentence of its own; the same for every row with this reason, so it repeats no cell.
        hint: a sentence before it that may repeat the cell, or "".
    """

    reason: str | Message
    remedy: str
    hint: str = ""

    @property
    def advice(self) -> str:
        """What to do, for one row."""
        return " ".join(filter(None, [self.hint, self.remedy]))


NO_FAULT = Fault("", "")


class _Reason(NamedTuple):
    """A reason as it is, and without what repeats a cell; "" if nobody knows what does."""

    text: str
    shown: str


def _hide(reason: Message) -> str:
    return reason.spell(spell_option, quotes=False, hidden=HIDDEN)


class Origin(tuple[str, ...]):
    """The columns that a value is taken from.

    Attributes:
        found_in: if their cells are keys of a look-up, where the value was found: ``"hwid" of devices.csv``.
    """

    found_in: str = ""


def named(columns: Sequence[str]) -> str:
    """``column "a"`` or ``columns "a", "b"``; nothing for a constant."""
    quoted = ", ".join(f'"{column}"' for column in columns)
    found = f", {columns.found_in}" if isinstance(columns, Origin) and columns.found_in else ""
    return f"column{'s' if len(columns) > 1 else ''} {quoted}{found}" if columns else "the mapping"


class Column(NamedTuple):
    """The values of one key of the bodies, one for each row, rejected rows included; for a check.

    Attributes:
        name: the key.
        values: plain text (if `text`), otherwise JSON; times are integers. Null: the row has no such key.
        text: whether the values are texts that are not JSON yet.
        member: whether the key is a member of the container (`attributes`), not of the request itself.
        kind: the type of the values, if no rule of the mapping gives it.
    """

    name: str
    values: pa.Array
    text: bool
    member: bool
    kind: str | None = None


class Shown:
    """The columns of one chunk. Columns that would slow down a load are made only when they are read."""

    def __init__(self) -> None:
        self._made: list[Column] = []
        self._later: list[Callable[[], Iterable[Column]]] = []

    def add(self, column: Column) -> None:
        """Keep a column."""
        self._made.append(column)

    def add_later(self, make: Callable[[], Iterable[Column]]) -> None:
        """Keep a function that makes columns when they are read."""
        self._later.append(make)

    def __iter__(self) -> Iterator[Column]:
        yield from self._made
        for make in self._later:
            yield from make()


@dataclass(slots=True)
class Clocks:
    """How the times of one chunk were read.

    Attributes:
        naive: times that carry no offset of their own, by the zone in which they were read.
        skipped: how many of these the clocks skipped, corrected or not.
        twice: how many of these came twice, corrected or not.
        known: for each selected row, whether it has a time.
    """

    naive: Counter[str] = field(default_factory=Counter)
    skipped: int = 0
    twice: int = 0
    known: np.ndarray[Any, np.dtype[np.bool_]] = field(
        default_factory=lambda: np.empty(0, np.bool_), compare=False
    )


class Findings:
    """The rejects of one chunk. Only the first problem of a row is kept: it is rejected once.

    Args:
        chunk: the chunk.
        number_forms: how the numbers of the sample are written, by their columns.
        kept: which of its rows are looked at, by their places in it, ascending; None for all. From here on,
            a row is counted among these.

    Attributes:
        bad: for each row, whether it is rejected.
        uses: how often each allowed correction was made.
        columns: the converted values, before they become JSON.
        clocks: how the time of the events was read.
        number_forms: how the numbers of the sample are written, by their columns.
        matches: the keys that were looked up.
    """

    def __init__(
        self, chunk: Chunk, number_forms: NumberForms | None = None, kept: Places | None = None
    ) -> None:
        self.number_forms: NumberForms = number_forms or {}
        rows = len(chunk.frame) if kept is None else len(kept)
        self.bad: np.ndarray[Any, np.dtype[np.bool_]] = np.zeros(rows, dtype=np.bool_)
        self.uses: dict[str, int] = {}
        self.columns = Shown()
        self.clocks = Clocks()
        self.matches: dict[Join, Match] = {}
        self._chunk = chunk
        self._kept = kept
        self._rejects: list[Reject] = []
        for offset, sentence in chain(chunk.no_data.items(), chunk.unreadable.items()):
            # Of a sentence alone nobody knows which part repeats the row.
            shared = sentence.reason if isinstance(sentence, Unreadable) else None
            reason = _Reason(str(shared), _hide(shared)) if shared else _Reason(sentence, "")
            at = offset if kept is None else int(np.searchsorted(kept, offset))
            self._reject(at, "", "", reason, sentence)

    @classmethod
    def of_rows(cls, rows: int) -> Findings:
        """What takes the rejects of some rows that nobody wants to know."""
        return cls(Chunk(0, pd.DataFrame(index=range(rows)), "", 1, {}))

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
        column, where = ", ".join(columns), named(columns)
        said = fault.reason if isinstance(fault.reason, Message) else Message("{text}", text=fault.reason)
        reason = _Reason(f"{where} {said}", f"{where} {_hide(said)}")
        for offset in np.flatnonzero(rows & ~self.bad).tolist():
            value = texts[offset].as_py() if texts is not None else None
            subject = where if value is None else f"{where}: {quote(value)}"
            sentence = f"{subject} {said}. {fault.advice}"
            self._reject(offset, column, value or "", reason, sentence, fault)

    def count(self, use: str, times: int) -> None:
        """Note how often an allowed correction was made."""
        if times:
            self.uses[use] = self.uses.get(use, 0) + times

    def show(self, name: str, values: pa.Array, *, text: bool = False, member: bool = False) -> None:
        """Keep the values of a key for a check."""
        self.columns.add(Column(name, values, text, member))

    def _reject(
        self, offset: int, column: str, value: str, reason: _Reason, sentence: str, fault: Fault = NO_FAULT
    ) -> None:
        ordinal = self._chunk.first + (offset if self._kept is None else int(self._kept[offset]))
        message = f"{self._chunk.place(ordinal)}, {sentence}"
        self.bad[offset] = True
        self._rejects.append(
            Reject(
                ordinal,
                column,
                value[:LONGEST_QUOTE],
                reason.text,
                message,
                fault.advice,
                fault.remedy,
                reason.shown,
            )
        )
