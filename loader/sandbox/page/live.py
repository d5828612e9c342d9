"""What arrives: rates, answers by method and verdict, faults dealt out, loads."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loader.sandbox.page.asked import Asked
    from loader.sandbox.page.state import StoreState
    from loader.sandbox.page.tallies import Key, Sum, Tally

WINDOW_SECONDS = 300
RECENT_SECONDS = 60
#: The course is in 60 steps: of a second if nothing is older than a minute, else of five.
STEPS = 60
REMEMBERED_LOADS = 200


@dataclass(frozen=True, slots=True)
class Answers:
    """How often a method was answered so, or a verdict was given.

    Attributes:
        name: of the method or verdict.
        kind: of a verdict: `ok`, `refused` or `fault`; "" of a method.
        recent: in the last minute.
        window: in the last five.
        total: since the store was made.
    """

    name: str
    kind: str
    recent: int
    window: int
    total: int


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the course: answers a second, by kind of verdict."""

    second: int
    ok: float
    refused: float
    fault: float


@dataclass(frozen=True, slots=True)
class Load:
    """What one load sent; `label` is "" for calls without one."""

    label: str
    events: int
    registrations: int
    tag_calls: int
    answers: int
    refused: int
    faults: int
    first: int | None
    last: int | None


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the store holds of all loads, or of the chosen one; users, devices and tags are always of all."""

    events: int
    unmatched: int
    stamped: int
    registrations: int
    tag_calls: int
    devices: int
    users: int
    tags: int


@dataclass(frozen=True, slots=True)
class Live:
    """The first view.

    Attributes:
        now: Unix seconds.
        ended: the last second of the course: now, or the last answer if that is long ago.
        last: the second of the last answer; None if none was counted.
        step: of the course, in seconds: 1 or 5.
        rate: answers a second over the last ten seconds before `ended`.
        behind: rows that are not counted yet.
    """

    now: int
    ended: int
    last: int | None
    step: int
    rate: float
    holdings: Holdings
    methods: list[Answers]
    verdicts: list[Answers]
    course: list[Step]
    loads: list[Load]
    behind: int

    @property
    def empty(self) -> bool:
        """Nothing was ever sent here."""
        return not (self.verdicts or self.holdings.events or self.holdings.devices)

    @property
    def faults(self) -> list[Answers]:
        """The verdicts that are faults dealt out on purpose."""
        return [each for each in self.verdicts if each.kind == "fault"]


def gather_live(state: StoreState, asked: Asked) -> Live:
    """The first view, of all loads or one."""
    behind = state.catch_up(state.events, state.registrations, state.tag_calls)
    now = int(state.now())
    last = find_last_answer(state, asked)
    ended = now if last is None or last > now - WINDOW_SECONDS else last
    recent = read_answers(state, asked, ended - WINDOW_SECONDS)
    totals = count_answers(state, asked)
    step = 1 if all(row[0] > ended - STEPS for row in recent) else WINDOW_SECONDS // STEPS
    return Live(
        now=now,
        ended=ended,
        last=last,
        step=step,
        rate=sum(row[3] for row in recent if ended - 10 < row[0] <= ended) / 10,
        holdings=count_holdings(state, asked),
        methods=summarize(recent, totals, ended, column=0),
        verdicts=summarize(recent, totals, ended, column=1),
        course=trace_course(recent, ended, step),
        loads=list_loads(state),
        behind=behind,
    )


def find_last_answer(state: StoreState, asked: Asked) -> int | None:
    """The second in which the last answer was given."""
    condition, values = choose_load(asked)
    found: int | None = state.reader.fetch_row(
        f"SELECT max(second) FROM answers WHERE {condition}",  # noqa: S608 - the condition is ours
        values,
    )[0]
    return found


def choose_load(asked: Asked) -> tuple[str, tuple[str, ...]]:
    """The condition for the rows of the chosen load."""
    return ("1", ()) if asked.load is None else ("load = ?", (asked.load,))


def read_answers(state: StoreState, asked: Asked, after: int) -> list[tuple[Any, ...]]:
    """Second, method, verdict and count of the answers since a second."""
    condition, values = choose_load(asked)
    query = f"SELECT second, method, verdict, count FROM answers WHERE second > ? AND {condition}"  # noqa: S608
    return state.reader.list_rows(query, (after, *values))


def count_answers(state: StoreState, asked: Asked) -> Counter[tuple[str, str]]:
    """All answers by method and verdict."""
    rows = state.reader.remember("answers", lambda: sum_answers(state))
    found: Counter[tuple[str, str]] = Counter()
    for load, method, verdict, count in rows:
        if asked.load is None or load == asked.load:
            found[method, verdict] += count
    return found


def sum_answers(state: StoreState) -> list[tuple[Any, ...]]:
    """All answers by load, method and verdict."""
    return state.reader.list_rows(
        "SELECT load, method, verdict, sum(count) FROM answers GROUP BY load, method, verdict"
    )


def summarize(
    recent: list[tuple[Any, ...]], totals: Counter[tuple[str, str]], ended: int, *, column: int
) -> list[Answers]:
    """The answers by method (column 0) or verdict (column 1), the most frequent first."""
    minute, window, whole = Counter[str](), Counter[str](), Counter[str]()
    for second, method, verdict, count in recent:
        name = (method, verdict)[column]
        window[name] += count
        minute[name] += count if second > ended - RECENT_SECONDS else 0
    for key, count in totals.items():
        whole[key[column]] += count
    # What is remembered may be older than what was just read.
    names = sorted(whole | window, key=lambda name: (-whole[name], name))
    return [
        Answers(
            name,
            classify(name) if column else "",
            minute[name],
            window[name],
            max(whole[name], window[name]),
        )
        for name in names
    ]


def classify(verdict: str) -> str:
    """The kind of a verdict: `ok`, `refused ...`, or else the name of a fault."""
    word = verdict.partition(" ")[0]
    return word if word in ("ok", "refused") else "fault"


def trace_course(recent: list[tuple[Any, ...]], ended: int, step: int) -> list[Step]:
    """Answers a second, in steps of some seconds, up to the end."""
    last = ended - ended % step
    starts = range(last - (STEPS - 1) * step, last + 1, step)
    sums = Counter[tuple[int, str]]()
    for second, _, verdict, count in recent:
        sums[second - second % step, classify(verdict)] += count

    def compute_rate(start: int, kind: str) -> float:
        # The last step may have begun just now.
        return sums[start, kind] / min(step, ended - start + 1)

    return [Step(at, *(compute_rate(at, kind) for kind in ("ok", "refused", "fault"))) for at in starts]


def count_holdings(state: StoreState, asked: Asked) -> Holdings:
    """What is counted, and the three counts of what follows from it."""
    events = choose(state.events, asked)
    devices, users, tags = state.reader.remember("holdings", lambda: count_derived(state))
    return Holdings(
        events=sum(found.rows for _, found in events),
        unmatched=sum(found.rows for key, found in events if not key.matched),
        stamped=sum(found.rows for key, found in events if key.stamped),
        registrations=sum(found.rows for _, found in choose(state.registrations, asked)),
        tag_calls=sum(found.rows for _, found in choose(state.tag_calls, asked)),
        devices=devices,
        users=users,
        tags=tags,
    )


def count_derived(state: StoreState) -> tuple[Any, ...]:
    """Devices, users and tags."""
    return state.reader.fetch_row(
        "SELECT (SELECT count(*) FROM devices), (SELECT count(*) FROM users), (SELECT count(*) FROM tags)"
    )


def choose(tally: Tally[Key], asked: Asked) -> list[tuple[Key, Sum]]:
    """The counts of the chosen load, or all."""
    return [pair for pair in tally.sums.items() if asked.load is None or pair[0].load == asked.load]


def list_loads(state: StoreState) -> list[Load]:
    """The loads that sent something, the latest first."""
    answers: dict[str, Counter[str]] = {}
    for load, _, verdict, count in state.reader.remember("answers", lambda: sum_answers(state)):
        answers.setdefault(load, Counter())[classify(verdict)] += count
    spans = {
        load: (first, last)
        for load, first, last in state.reader.remember(
            "spans",
            lambda: state.reader.list_rows(
                "SELECT load, min(second), max(second) FROM answers GROUP BY load"
            ),
        )
    }
    events, registrations, tag_calls = (
        sum_by_load(tally.sums.items()) for tally in (state.events, state.registrations, state.tag_calls)
    )
    labels = {*answers, *events, *registrations, *tag_calls}
    found = [
        Load(
            label,
            events[label],
            registrations[label],
            tag_calls[label],
            answers=sum(answers.get(label, Counter()).values()),
            refused=answers.get(label, Counter())["refused"],
            faults=answers.get(label, Counter())["fault"],
            first=spans.get(label, (None, None))[0],
            last=spans.get(label, (None, None))[1],
        )
        for label in labels
    ]
    return sorted(found, key=lambda load: (-(load.last or 0), load.label))[:REMEMBERED_LOADS]


def find_spans(state: StoreState) -> dict[str, tuple[int, int]]:
    """The first and last second of each load's answers."""
    rows = state.reader.list_rows("SELECT load, min(second), max(second) FROM answers GROUP BY load")
    return {load: (first, last) for load, first, last in rows}


def sum_by_load(sums: Iterable[tuple[Key, Sum]]) -> Counter[str]:
    """How many rows each load sent."""
    found = Counter[str]()
    for key, each in sums:
        found[key.load] += each.rows
    return found
