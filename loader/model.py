"""The records that travel between the rooms: frozen data, no I/O.

The way of a row: a `Chunk` from the source, a `Request` or a `Reject` from the mapping, an `Attempt`
from the transport, a `Verdict` from the pure judge, an `Outcome` into the journal, and all outcomes
together an `Account`.

An *ordinal* is a record's number in reading order over all input files, from 0. It is never a line
number: a quoted newline is part of one record. Users see the row in its file, counted from 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from loader.message import Message

if TYPE_CHECKING:
    from collections.abc import Mapping as ReadOnlyDict

    import pandas as pd

    from loader.message import Spelling
    from loader.methods import Kind


# Columns with this prefix are the loader's own, written into files of failed rows and ignored when such a
# file is loaded.
OWN_COLUMNS = "_loader_"
# How a table in memory is described in place of the form of a file. Checkpoints have it: it never changes.
FRAME_FORM = "a table in memory"


class State(StrEnum):
    """The states of the promise. Every row read is in exactly one of them.

    `LEFT_OUT` is a row that is not part of the load: the mapping, or a ledger, says so.
    """

    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    IN_DOUBT = "in_doubt"
    NEVER_SENT = "never_sent"
    LEFT_OUT = "left_out"


class Decision(StrEnum):
    """What the user decided about rows that are rejected or in doubt."""

    RESEND = "resend"
    LANDED = "landed"
    DROPPED = "dropped"
    RETRY = "retry"


class Phase(StrEnum):
    """Who rejected a row: the mapping on this machine, the vendor, or the loader, as a later row overtook it.

    The values are stored in checkpoints: they never change.
    """

    LOCAL = "local"
    VENDOR = "vendor"
    OVERTAKEN = "overtaken"


class Mark(NamedTuple):
    """A place in a text file at which a record begins, so that reading can begin there.

    Attributes:
        row: records before it.
        offset: bytes before it.
        digest: the first half of the SHA-256 of all bytes before it, in hexadecimal; tells where a file that
            changed first differs.
    """

    row: int
    offset: int
    digest: str


@dataclass(frozen=True, slots=True)
class FileRecord:
    """Which file was loaded, for the checkpoint.

    Attributes:
        name: the path as the user gave it.
        size: bytes.
        sha256: of the bytes, in hexadecimal.
        rows: records in it, those that cannot be read included.
        marks: places in it, ascending; none if its format needs none or the text allows none.
        form: how it was read, for the user; "" if an older version wrote the record.
        rows_hash: what two files with the same rows have in common: the hash of the unpacked bytes, and the
            columns of the folders; "" if nobody looked. It is not stored.
    """

    name: str
    size: int
    sha256: str
    rows: int
    marks: tuple[Mark, ...] = ()
    form: str = ""
    rows_hash: str = field(default="", compare=False, repr=False)

    @property
    def content(self) -> tuple[int, str, int]:
        """What must stay the same; the name and the times of the file may change."""
        return self.size, self.sha256, self.rows


@dataclass(frozen=True, slots=True)
class LookUpRecord:
    """Which table a look-up of the mapping was, for the checkpoint.

    Attributes:
        name: what the mapping calls it.
        files: the files that it was, where they were then.
    """

    name: str
    files: tuple[FileRecord, ...]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive records of one file.

    Attributes:
        first: ordinal of the frame's first record.
        frame: one record a row; CSV columns are text, Parquet columns keep their type (Arrow-backed).
        file: the file's name as the user gave it, for messages.
        first_row: the first record's row in its file, from 1.
        unreadable: offset in the frame of each record that is not a record of this table (a ragged
            row), with the reason; its row in the frame is empty and must not be mapped.
        no_data: offset of each record that is one of the table but surely no data (the header again), with
            the reason; it must not be sent.
        memo: what was read of its cells, for who reads them next.
    """

    first: int
    frame: pd.DataFrame
    file: str
    first_row: int
    unreadable: ReadOnlyDict[int, str]
    no_data: ReadOnlyDict[int, str] = field(default_factory=dict)
    memo: dict[object, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def rows(self) -> range:
        """Ordinals of the records."""
        return range(self.first, self.first + len(self.frame))

    def part(self, rows: range) -> Chunk:
        """The records of this chunk that are in `rows` too."""
        first, stop = max(rows.start, self.rows.start), min(rows.stop, self.rows.stop)
        if range(first, stop) == self.rows:
            return self
        skipped = first - self.first

        def cut(reasons: ReadOnlyDict[int, str]) -> ReadOnlyDict[int, str]:
            return {
                offset - skipped: reason
                for offset, reason in reasons.items()
                if first <= self.first + offset < stop
            }

        return Chunk(
            first=first,
            frame=self.frame.iloc[skipped : stop - self.first],
            file=self.file,
            first_row=self.first_row + skipped,
            unreadable=cut(self.unreadable),
            no_data=cut(self.no_data),
        )

    def place(self, ordinal: int) -> str:
        """Where a record is, for the user: ``orders.csv, row 1042``."""
        return f"{self.file}, row {self.first_row + ordinal - self.first}"


class Unreadable(str):
    """Why a record is none of its table, as a whole sentence.

    Attributes:
        reason: the part that equal records share; what repeats the row is a `Quote` in it.
    """

    __slots__ = ("reason",)
    reason: Message

    @classmethod
    def of(cls, reason: Message | str, rest: str) -> Unreadable:
        """The reason, and what follows it: the row and what to do about it."""
        shared = reason if isinstance(reason, Message) else Message("{reason}", reason=reason)
        text = cls(f"{shared}{rest}")
        text.reason = shared
        return text


class Request(NamedTuple):
    """One record, ready to be sent.

    Attributes:
        ordinal: the record's ordinal.
        device: key of what must keep its order (the hwid), or "" where order does not matter.
        body: the whole JSON body, UTF-8.
    """

    ordinal: int
    device: str
    body: bytes


NOT_YET = Request(-1, "", b"")
"""Stands for the next request while nobody can say yet which one that is."""


class Reject(NamedTuple):
    """A record that is not sent, because it cannot be mapped or a newer one overtook it (`phase`).

    `message` is the whole sentence with file, row, column, value, reason and remedy; `reason` is the
    part that equal rejects share, to count them by; `remedy` is the sentence that says what to do, or "";
    `shared_remedy` is the part of it that repeats nothing of the row; `shown_reason` is the reason without
    what repeats the row, and "" if nobody knows what of it does.
    """

    ordinal: int
    column: str
    value: str
    reason: str
    message: str
    remedy: str = ""
    shared_remedy: str = ""
    shown_reason: str = ""
    phase: Phase = Phase.LOCAL


class LeftOut(NamedTuple):
    """Rows that are no part of the load, all for one reason.

    Attributes:
        reason: why, in words that repeat no cell, so that there are few of them; rows are counted by it.
        first: an ordinal.
        bits: which rows: bit n, counted from the lowest, stands for the row `first + n`.
    """

    reason: str
    first: int
    bits: int

    @property
    def rows(self) -> int:
        """How many rows."""
        return self.bits.bit_count()


class StopCode(StrEnum):
    """Why a run ended before its end. The values are stored in checkpoints: they never change."""

    OUTAGE = "outage"
    STANDSTILL = "standstill"
    DURATION = "duration"
    REJECTED_ALIKE = "rejected_alike"
    UNMAPPABLE = "unmappable"
    TOO_MANY_REJECTED = "too_many_rejected"
    TOO_MANY_IN_DOUBT = "too_many_in_doubt"
    SERVER_REFUSES = "server_refuses"
    VENDOR_REFUSES = "vendor_refuses"
    CERTIFICATE = "certificate"
    PROXY = "proxy"
    SETTINGS = "settings"
    SESSION_CLOSED = "session_closed"
    PROCESSES_ENDED = "processes_ended"
    WORKERS_LOST = "workers_lost"
    INPUT = "input"
    CHECKPOINT = "checkpoint"
    DISK_FULL = "disk_full"

    @property
    def planned(self) -> bool:
        """Whether the user asked for exactly this end, so that it is no failure."""
        return self in PLANNED_STOPS


# A run that ends with one of these did what it was to do: its exit code speaks only of the rows it settled.
PLANNED_STOPS = frozenset({StopCode.DURATION})


class Answer(NamedTuple):
    """A complete HTTP answer. `retry_after` is the raw header; `body` is cut at 64 KiB.

    `seconds` is how long it took, if another process sent the request and measured that.
    """

    status: int
    body: bytes
    retry_after: str | None = None
    complete: bool = True
    seconds: float | None = None


class NotSent(NamedTuple):
    """No byte of the request left this machine: the vendor cannot have acted.

    `stop` says why trying again cannot help (an invalid certificate); None if it can.
    """

    reason: str
    stop: StopCode | None = None


class NoAnswer(NamedTuple):
    """The request, or part of it, left, and no whole answer came: nobody knows whether it was taken.

    `shared` is the reason without what only some rows have, such as the name of a worker; "" if that
    is the same.
    """

    reason: str
    shared: str = ""


Attempt = Answer | NotSent | NoAnswer


class Confirmed(NamedTuple):
    """The vendor says that it took the record."""


class Rejected(NamedTuple):
    """The vendor says that it did not and will not take this record."""

    http_status: int
    code: int | None
    message: str


class Retry(NamedTuple):
    """Proof that the vendor did not act: the whole sender pauses, then the record goes again.

    `after` is the vendor's Retry-After in seconds, or None if the sender chooses the pause itself.
    `connection` tells a failure to reach the vendor from an answer that asks to wait.
    """

    reason: str
    after: float | None = None
    connection: bool = False


class InDoubt(NamedTuple):
    """The vendor may or may not have taken the record; for `shared` see `NoAnswer`."""

    reason: str
    http_status: int | None = None
    code: int | None = None
    shared: str = ""


class Stop(NamedTuple):
    """Not the record's fault, and no use to continue: the run ends, unsent records stay never sent.

    Attributes:
        code: why, for programs; stored with the end of the run.
        message: why, for the user; what may repeat a row or the vendor's words is a `Quote` in it.
    """

    code: StopCode
    message: Message

    @property
    def planned(self) -> bool:
        """Whether the run ended as the user had planned, so that nothing needs to be fixed."""
        return self.code.planned

    @property
    def reason(self) -> str:
        """The sentence, with settings spelled as options of the command line."""
        return str(self.message)

    def spell(self, spelling: Spelling) -> Stop:
        """The same, with its settings and commands spelled."""
        return self._replace(message=Message.of(self.message.spell(spelling)))


Verdict = Confirmed | Rejected | Retry | InDoubt | Stop


class Outcome(NamedTuple):
    """What became of one record, for the journal.

    An outcome `IN_DOUBT` with `resending` is written before the record is sent again on request; a later
    outcome for the same ordinal replaces it, and the record stays marked as a possible duplicate.
    `NEVER_SENT` gives back a leased record that no byte of was sent. `reason` is what equal rows are counted
    by; "" if it is the message.
    """

    ordinal: int
    state: State
    attempts: int = 1
    http_status: int | None = None
    code: int | None = None
    message: str = ""
    phase: Phase = Phase.VENDOR
    resending: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """The counts by state. They add up to `read` by construction.

    Attributes:
        read: records in the whole input.
        confirmed, rejected, in_doubt: records in that state, over all runs.
        in_flight: records leased by a load that is running right now and not yet settled; 0 at rest.
        possible_duplicates: confirmed records that had been in doubt and were sent again on request.
        attempts: requests sent, over all runs.
        elapsed_seconds: time spent loading, over all runs.
        left_out_by: records that are no part of the load, by the reason; the most frequent first.
    """

    read: int
    confirmed: int = 0
    rejected: int = 0
    in_doubt: int = 0
    in_flight: int = 0
    possible_duplicates: int = 0
    attempts: int = 0
    elapsed_seconds: float = 0.0
    left_out_by: tuple[tuple[str, int], ...] = ()

    @property
    def left_out(self) -> int:
        """Records that are no part of the load."""
        return sum(rows for _, rows in self.left_out_by)

    @property
    def never_sent(self) -> int:
        """Records that no byte of was ever sent."""
        return self.read - self.settled - self.in_flight

    @property
    def settled(self) -> int:
        """Records whose fate is written down."""
        return self.confirmed + self.rejected + self.in_doubt + self.left_out


# What `Wire.waiting_for` says, and what a checkpoint and programs store: these words never change.
RETRY_AFTER = "Retry-After"
VENDOR_ASKED = "the vendor, as it asked"
OUTAGE = "an outage"
# The sender keeps a limit of its own; nobody else makes it wait.
RATE_LIMIT = "the rate limit"


class Worker(NamedTuple):
    """What the user is shown of one worker of a cluster.

    Attributes:
        name: of the worker.
        rows: attempts of it that ended.
        rate: how many of them a second, lately.
        in_flight: rows that it has and that have no outcome.
        doubts: attempts of it without an answer.
        silent: seconds since it was heard.
        lost: why it does not take part any more; "" if it does.
        mean: attempts that ended, a second, since it joined.
    """

    name: str
    rows: int
    rate: float
    in_flight: int
    doubts: int
    silent: float
    lost: str = ""
    mean: float = 0.0


class Wire(NamedTuple):
    """What the sender is doing at this moment, for the user.

    Attributes:
        in_flight: requests on the wire.
        attempts: requests sent in this run.
        window: how many may be on the wire.
        waiting_for: what holds the sender back (`OUTAGE`, for example), or "".
        waiting_seconds: for how much longer.
        answers: answers of this run by the first digit of their HTTP status, 1 to 5.
        waited: seconds of this run in which nothing could be sent, by what kept the sender back.
        workers: of the cluster that sends, those that were lost among them; none if this process sends.
        failure: the last failure in words, secrets hidden, or "".
    """

    in_flight: int
    attempts: int
    window: int = 0
    waiting_for: str = ""
    waiting_seconds: float = 0.0
    answers: tuple[int, ...] = ()
    waited: ReadOnlyDict[str, float] = MappingProxyType({})
    workers: tuple[Worker, ...] = ()
    failure: str = ""


class Traffic(NamedTuple):
    """What the sender has done since its run began; all but `window` only ever grow.

    Attributes:
        window: how many requests might be on the wire, at the most since it was asked before.
        attempts: requests that left this machine and came to an end, one way or another.
        wire_seconds: their times on the wire, added up; over the time that passed, how many were there.
        waited: seconds in which nothing could be sent, by what kept the sender back.
        times: answers by the time they took; see `loader.latency`.
    """

    window: int
    attempts: int
    wire_seconds: float
    waited: ReadOnlyDict[str, float]
    times: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Gone:
    """The keys that the ledger knows and an input does not have any more: they were listed.

    Attributes:
        keys: how many there are.
        unnamed: how many of them have no id in the list, because no load kept it.
        keyless: rows of the input whose key cannot be read; each may hide one that is listed.
        target: the list.
        ids: where ids are kept.
        new: whether no ids were kept before.
    """

    keys: int
    unnamed: int
    keyless: int
    target: str
    ids: str
    new: bool


@dataclass(frozen=True, slots=True)
class Result:
    """How a load ended.

    Attributes:
        kind: what was loaded.
        account: the counts over all runs.
        checkpoint: the checkpoint file, as the user gave it.
        stop: why it ended before the end of the input, or None.
        interrupted: it was asked to end (Ctrl-C, SIGTERM).
        run: the id of the last run in the checkpoint, which its log lines carry; "" if there was none.
        not_requested: rows never sent that this load was not to send, because they are beyond its limit.
        gone: keys that the ledger knows and the input does not have any more; None if no list was written.
    """

    kind: Kind
    account: Account
    checkpoint: str
    stop: Stop | None = None
    interrupted: bool = False
    run: str = ""
    not_requested: int = 0
    gone: Gone | None = None

    @property
    def stopped(self) -> str | None:
        """Why it ended before the end of the input, as a sentence, or None."""
        return self.stop and self.stop.reason

    @property
    def complete(self) -> bool:
        """Whether the run did all that it was to do, or ended early as planned."""
        planned = self.stop is not None and self.stop.code.planned
        return planned or self.account.never_sent <= self.not_requested

    @property
    def exit_code(self) -> int:
        """The exit code; `docs/reference/exit-codes.md` lists them."""
        if not self.complete:
            return 130 if self.interrupted else 5
        if self.account.in_doubt:
            return 4
        return 3 if self.account.rejected else 0
