"""What a report says, as frozen records: gathered in `loader.reporting`, drawn in `loader.report.html`.

Nothing in them is personal but the `examples` of a group and what the `reason` of the end of a run or of a
worker may quote, and those are filled only on request.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loader.latency import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from loader.methods import Kind
    from loader.model import Account, FileRecord, LookUpRecord
    from loader.text.next_steps import Step


@dataclass(frozen=True, slots=True)
class RunStretch:
    """A stretch of a run's time, and its traffic.

    Attributes:
        run: number of the run.
        at: its end, in seconds since 1970.
        seconds: its length.
        rows: that came to an end.
        attempts: requests that came to an end.
        window: how many requests might be on the wire, at the most.
        wire_seconds: times on the wire, added up.
        waited: seconds in which nothing could be sent, by what for.
        times: how long answers took, see `loader.latency`.
    """

    run: int
    at: float
    seconds: float
    rows: int
    attempts: int
    window: int
    wire_seconds: float
    waited: Mapping[str, float] = field(default_factory=dict)
    times: tuple[int, ...] = (0,) * BUCKETS


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """What one worker of a cluster did in a run.

    Attributes:
        name: of the worker, or how many others it stands for.
        rows: attempts of it that ended.
        doubts: those without an answer.
        rate: rows a second while it took part; None if it is not known.
        lost: whether it took no part any more when the run ended.
        reason: why it was lost, if that can be shown; see the module.
    """

    name: str
    rows: int
    doubts: int
    rate: float | None
    lost: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run.

    Attributes:
        number: from 1, of the runs that sent.
        started, ended: in UTC; of a run that died, the time of its last commit.
        seconds: how long it took.
        attempts: requests sent.
        end: how it ended, in a few words.
        reason: why, if that can be shown; see the module.
        options, versions: with what it was begun; nothing is known of runs by older versions.
        stretches: its traffic, oldest first.
        mark: how charts name its end; "" if it came to its end as planned.
        workers: of the cluster that sent; none if one machine did, or if nothing is known of them because the
            run died.
    """

    number: int
    started: datetime
    ended: datetime
    seconds: float
    attempts: int
    end: str
    reason: str
    options: Mapping[str, str]
    versions: Mapping[str, str]
    stretches: tuple[RunStretch, ...]
    mark: str = ""
    workers: tuple[WorkerFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows are in each of the four states."""

    confirmed: int = 0
    rejected: int = 0
    in_doubt: int = 0
    never_sent: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.confirmed + self.rejected + self.in_doubt + self.never_sent


@dataclass(frozen=True, slots=True)
class Events:
    """The events of the input by what became of them.

    Attributes:
        names: by name, the most frequent first.
        other_names: those beyond, together.
        months: by month of the user's clock, as ``2024-02``, without a gap.
        timeless: that the mapping rejects for their time, or before it reads it.
        read: how many rows the input was read for, because the checkpoint does not know them.
    """

    names: tuple[tuple[str, Counts], ...]
    other_names: Counts
    months: tuple[tuple[str, Counts], ...]
    timeless: Counts
    read: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that are rejected, or in doubt, for one reason.

    Attributes:
        reason: in words, without a value of any row.
        by: who said so: "the mapping" or "the vendor".
        rows: how many.
        remedy: what to do; "" if there is nothing to say.
        examples: whole messages of a few of them, only on request.
    """

    reason: str
    by: str
    rows: int
    remedy: str = ""
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DecisionFacts:
    """What the user decided, in words."""

    at: datetime
    words: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class VerificationFacts:
    """The last verification of a load.

    Attributes:
        at: when.
        landed: what the load was compared with.
        loads: how many loads were verified together, which share the counts.
        counts: what was found, in words, each with its number.
        differences: how many there are.
        settled: what became of the rows in doubt, in words; "" if they were only looked at.
    """

    at: datetime
    landed: str
    loads: int
    counts: tuple[tuple[str, int], ...]
    differences: int
    settled: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a report says.

    Attributes:
        made: when the report was made.
        where: the host, or that it is a sandbox.
        checkpoint: its name.
        events: None if they cannot be counted; then `no_events` says why.
        given_back: rows never sent that a decision gave back.
        mapping: the mapping file's text.
        versions: of the program that makes the report.
        with_examples: whether personal data were requested.
        verification: the last one, or None.
        tables: the keywords with which Python gives the tables again that were in its memory; "" if all that
            the load needs lies in files.
        lookups: the tables in which the mapping looks up cells.
    """

    made: datetime
    kind: Kind
    where: str
    application: str
    checkpoint: str
    running: bool
    files: tuple[FileRecord, ...]
    account: Account
    runs: tuple[RunFacts, ...]
    events: Events | None
    no_events: str
    rejects: tuple[Group, ...]
    doubts: tuple[Group, ...]
    decisions: tuple[DecisionFacts, ...]
    given_back: int
    mapping: str
    versions: Mapping[str, str]
    steps: tuple[Step, ...]
    with_examples: bool
    tables: str = ""
    verification: VerificationFacts | None = None
    lookups: tuple[LookUpRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A checkpoint that cannot be read.

    Attributes:
        checkpoint: its name.
        problem: why, in sentences that name it.
    """

    checkpoint: str
    problem: str


@dataclass(frozen=True, slots=True)
class SeveralFacts:
    """All that a report over several loads says.

    Attributes:
        made: when the report was made.
        loads: the facts of each, in the order of the page.
        unreadable: checkpoints that nothing is known of.
        with_examples: whether personal data were requested.
    """

    made: datetime
    loads: tuple[Facts, ...]
    unreadable: tuple[Unreadable, ...] = ()
    with_examples: bool = False
