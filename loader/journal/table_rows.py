"""The records in the tables of a checkpoint."""

from __future__ import annotations

import json
from typing import NamedTuple
from zlib import crc32

from loader.model import Outcome, Phase, Reject, State

# Longer texts are cut: a ten-megabyte cell stays in the input, where it can be read again.
LONGEST_TEXT = 2000
# A vendor code beyond SQLite's integers does not count as a code.
_LARGEST = 1 << 63


class ExceptionRow(NamedTuple):
    """A row that was not simply confirmed.

    Attributes:
        ordinal: the record's ordinal.
        state: `REJECTED` or `IN_DOUBT`; `CONFIRMED` for a row that had been in doubt and was sent again;
            `NEVER_SENT` for one that was given back by a decision, to be sent by the next load.
        phase: who rejected it; for a row in doubt always the vendor.
        http_status, code: of the vendor's answer, if there was one.
        message: the whole sentence of the mapping, or the vendor's message, or the reason of the doubt.
        attempts: requests sent for the row; 0 if that is not known.
        at: when that was written, in seconds since 1970.
        column, value: of a row that the mapping rejected; else "".
        reason: what equal rows are counted by; "" if that is the message.
        resent: the row was sent again while in doubt; if it is confirmed, it may be there twice.
    """

    ordinal: int
    state: State
    phase: Phase
    http_status: int | None
    code: int | None
    message: str
    attempts: int
    at: float
    column: str = ""
    value: str = ""
    reason: str = ""
    resent: bool = False

    @classmethod
    def of_outcome(cls, outcome: Outcome, *, at: float, resent: bool) -> ExceptionRow:
        """What is written of an outcome that is not a plain confirmation."""
        return cls(
            int(outcome.ordinal),
            outcome.state,
            outcome.phase,
            outcome.http_status,
            outcome.code if outcome.code is not None and abs(outcome.code) < _LARGEST else None,
            make_storable(outcome.message),
            outcome.attempts,
            at,
            reason=make_storable(outcome.reason),
            resent=resent,
        )

    @classmethod
    def of_reject(cls, reject: Reject, *, at: float) -> ExceptionRow:
        """What is written of a record that is not sent."""
        column, value, reason = map(make_storable, (reject.column, reject.value, reject.reason))
        message = make_storable(reject.message)
        return cls(
            int(reject.ordinal),
            State.REJECTED,
            reject.phase,
            None,
            None,
            message,
            0,
            at,
            column,
            value,
            reason,
        )

    @classmethod
    def of_doubt(cls, ordinal: int, reason: str, *, attempts: int, at: float) -> ExceptionRow:
        """What is written of a row that a dead run left open."""
        return cls(ordinal, State.IN_DOUBT, Phase.VENDOR, None, None, reason, attempts, at)

    def given_back(self, *, marked: bool, at: float) -> ExceptionRow:
        """The same row, to be sent by the next load; `marked` as one that may be there already."""
        return self._replace(state=State.NEVER_SENT, resent=marked, at=at)

    def left_out_in_doubt(self, reason: str, *, at: float) -> ExceptionRow:
        """What is written of this row, which may be there already, when a load leaves it out."""
        message = make_storable(f"in doubt, then left out: {reason}")
        return self._replace(
            state=State.IN_DOUBT,
            phase=Phase.VENDOR,
            http_status=None,
            code=None,
            message=message,
            at=at,
            reason="",
        )

    def follow_up(self, before: ExceptionRow | None) -> ExceptionRow:
        """This outcome, of a row that was given back before.

        One that may be there already cannot be rejected any more: the first request may have been taken.
        """
        if before is None:
            return self
        row = self._replace(attempts=self.attempts + before.attempts, resent=self.resent or before.resent)
        if before.resent and self.state is State.REJECTED:
            message = f"in doubt, then sent again and rejected: {self.message}"
            return row._replace(state=State.IN_DOUBT, phase=Phase.VENDOR, message=make_storable(message))
        return row

    def stored(self) -> tuple[object, ...]:
        """The columns without the checksum."""
        return (self.ordinal, str(self.state), str(self.phase), *self[3:-1], int(self.resent))

    @classmethod
    def from_columns(cls, row: tuple[object, ...]) -> ExceptionRow:
        """The record that `stored` wrote; the row's checksum was verified."""
        ordinal, state, phase, *rest, resent = row
        return cls(ordinal, State(state), Phase(phase), *rest, bool(resent))  # type: ignore[arg-type, call-arg]  # sealed


class Lease(NamedTuple):
    """Rows that may be sent: from `first` up to, not with, `stop`; `lease` is a number of its own."""

    lease: int
    first: int
    stop: int

    @property
    def rows(self) -> range:
        """The rows' ordinals."""
        return range(self.first, self.stop)


class Run(NamedTuple):
    """One opening of the checkpoint for a load.

    Attributes:
        generation: its number, from 1.
        run: its random id.
        started, ended: seconds since 1970; `ended` is None while it runs, or if it died.
        elapsed: seconds.
        attempts: requests sent.
    """

    generation: int
    run: str
    started: float
    ended: float | None
    elapsed: float
    attempts: int


class Decided(NamedTuple):
    """A decision of the user, as it was carried out.

    Attributes:
        number: of the commit.
        at: seconds since 1970.
        what: the decision, or "mapping" if another mapping took the place of the one in `detail`.
        rows: how many rows it moved.
        detail: what it was made of.
    """

    number: int
    at: float
    what: str
    rows: int
    detail: str = ""


class Fixed(NamedTuple):
    """Cells that the user fixed, in place of those of the input, as they came with one decision.

    Attributes:
        number: orders them: of two that have the same row, the later one counts.
        rows: how many rows they are of.
        digest: SHA-256 of the cells as they are stored, in hexadecimal.
    """

    number: int
    rows: int
    digest: str


class PackedCategories(NamedTuple):
    """By what a report counts some rows, as the journal keeps it: bytes that it does not look into.

    What they say follows from the input and the mapping alone, never from what became of a row.

    Attributes:
        first, stop: the rows: from `first` up to, not with, `stop`.
        codes: what `loader.categories` makes of them.
    """

    first: int
    stop: int
    codes: bytes

    def seal(self, number: int) -> int:
        """Checksum of the row under its number."""
        return crc32(self.codes, crc32(f"categories{(number, self.first, self.stop)!r}".encode()))


class Sample(NamedTuple):
    """The traffic of a run between the sample before, or its start, and a commit.

    Attributes:
        number: of the commit.
        generation: of the run.
        at: the time of the commit, in seconds since 1970.
        seconds: that it covers.
        confirmed, rejected, in_doubt: rows that came to that state meanwhile, up to the commit before; a row
            that leaves a state counts down.
        attempts: requests that came to an end.
        window: how many might be on the wire, at the most.
        wire_seconds: times on the wire, added up.
        waited: what nothing could be sent for, and for how many seconds, as a JSON object; "" for nothing.
        times: how long answers took, see `loader.latency`.
    """

    number: int
    generation: int
    at: float
    seconds: float
    confirmed: int
    rejected: int
    in_doubt: int
    attempts: int
    window: int
    wire_seconds: float
    waited: str
    times: str

    @property
    def waits(self) -> dict[str, float]:
        """What nothing could be sent for, and for how many seconds."""
        return dict(json.loads(self.waited)) if self.waited else {}


class Note(NamedTuple):
    """What is worth knowing of a run afterwards, in the words of the one who ran it.

    Attributes:
        number: orders them.
        generation: of the run.
        at: seconds since 1970.
        what: what kind of note it is.
        detail: the note.
    """

    number: int
    generation: int
    at: float
    what: str
    detail: str


class Sums(NamedTuple):
    """Sums of the row checksums of each table, in the order of the head's columns.

    Those of `runs` are of samples and notes too.
    """

    chunks: int = 0
    exceptions: int = 0
    leases: int = 0
    released: int = 0
    runs: int = 0
    identity: int = 0
    decisions: int = 0


class Head(NamedTuple):
    """The one row that every commit writes.

    Attributes:
        generation: how many times the checkpoint was opened for a load.
        commits: number of this commit, over all runs.
        clean: closed in order; nothing is missing if there is no write-ahead log.
        mark: the intent mark: no row from here on was ever leased.
        attempts, elapsed: of the present run.
        at: time of the commit.
        sums: of all tables.
    """

    generation: int = 0
    commits: int = 0
    clean: bool = True
    mark: int = 0
    attempts: int = 0
    elapsed: float = 0.0
    at: float = 0.0
    sums: Sums = Sums()

    def stored(self) -> tuple[object, ...]:
        """The columns without the checksum."""
        return (1, self.generation, self.commits, int(self.clean), *self[3:-1], *self.sums)

    @classmethod
    def from_columns(cls, row: tuple[object, ...]) -> Head:
        """The record that `stored` wrote; the row's checksum was verified."""
        _, generation, commits, clean, mark, attempts, elapsed, at, *sums = row
        return cls(generation, commits, bool(clean), mark, attempts, elapsed, at, Sums(*sums))  # type: ignore[arg-type]  # sealed


def make_storable(text: str) -> str:
    """Text as SQLite can keep it: no lone surrogates, and no more than fits."""
    short = text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "…"
    return short.encode("utf-8", "backslashreplace").decode()
