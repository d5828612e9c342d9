"""Facts to draw."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from loader.latency import BUCKETS
from loader.methods import Kind
from loader.model import OUTAGE, RETRY_AFTER, Account, FileRecord
from loader.report.facts import Counts, DecisionFacts, Events, Facts, Group, RunFacts, RunStretch
from loader.text.next_steps import Remains, Step, Way

BEGAN = datetime(2026, 3, 28, 22, 0, tzinfo=UTC)


def stretches(run: int, start: datetime, count: int = 30, seconds: float = 10.0) -> tuple[RunStretch, ...]:
    """Traffic of a thousand rows in each stretch."""
    times = [0] * BUCKETS
    times[30:34] = [700, 250, 40, 10]
    return tuple(
        RunStretch(
            run=run,
            at=(start + timedelta(seconds=seconds * (number + 1))).timestamp(),
            seconds=seconds,
            rows=1000,
            attempts=1000,
            window=40,
            wire_seconds=30 * seconds,
            waited={"an outage": 1.5} if number == 3 else {},
            times=tuple(times),
        )
        for number in range(count)
    )


def run(number: int, start: datetime, **changes: Any) -> RunFacts:
    """A run of five minutes."""
    facts = RunFacts(
        number=number,
        started=start,
        ended=start + timedelta(seconds=300),
        seconds=300.0,
        attempts=30_000,
        end="came to its end",
        reason="",
        options={"concurrency": "auto:1-256"},
        versions={"pushwoosh-loader": "0.1.0", "libcurl": "8.23.0"},
        stretches=stretches(number, start),
    )
    return replace(facts, **changes)


def facts(**changes: Any) -> Facts:
    """A load in two runs, with rows in all states."""
    found = Facts(
        made=BEGAN + timedelta(days=2),
        kind=Kind.EVENTS,
        where="api.example.com",
        application="AAAAA-BBBBB",
        checkpoint="purchases.csv.events.ckpt",
        running=False,
        files=(FileRecord("purchases.csv", 6_700_000, "ab" * 32, 60_000, form="CSV"),),
        account=Account(60_000, 59_000, 700, 200, attempts=60_000, elapsed_seconds=600.0),
        runs=(
            run(1, BEGAN, end="was killed", reason="The process died.", mark="killed"),
            run(2, BEGAN + timedelta(hours=12)),
        ),
        events=Events(
            names=(("purchase", Counts(50_000, 500, 200, 100)), ("refund", Counts(9_000, 200))),
            other_names=Counts(),
            months=(("2024-01", Counts(30_000, 300)), ("2024-02", Counts(29_000, 400, 200, 100))),
            timeless=Counts(0, 30),
        ),
        no_events="",
        rejects=(
            Group('column "amount" is not a number', "the mapping", 600, "Set decimal."),
            Group("HTTP 413", "the vendor", 100),
        ),
        doubts=(Group("timed out", "the loader", 200),),
        decisions=(DecisionFacts(BEGAN + timedelta(days=1), "5 rows in doubt: had landed", "found.csv"),),
        given_back=0,
        mapping='version = 1\nkind = "events"\n',
        versions={"pushwoosh-loader": "0.1.0"},
        steps=(
            Step(
                Remains.REJECTED,
                "700 rows rejected",
                ways=(Way("To see them", "pushwoosh-loader failures a.ckpt"),),
            ),
        ),
        with_examples=False,
    )
    return replace(found, **changes)


def wait(found: tuple[RunStretch, ...], numbers: range, what: str) -> tuple[RunStretch, ...]:
    """The same traffic with a wait for N stretches, and none elsewhere."""
    return tuple(
        replace(each, waited={what: 0.9 * each.seconds} if number in numbers else {})
        for number, each in enumerate(found)
    )


def troubled(**changes: Any) -> Facts:
    """A load of a folder through an outage, a kill, a wait and an interrupt, at odd times."""
    first, second, third = (BEGAN + timedelta(minutes=minutes, seconds=17) for minutes in (3, 9, 16))
    runs = (
        run(1, first, mark="killed", stretches=wait(stretches(1, first), range(5, 9), OUTAGE)),
        run(
            2, second, mark="interrupted", stretches=wait(stretches(2, second, 12), range(3, 4), RETRY_AFTER)
        ),
        run(3, third, stretches=wait(stretches(3, third), range(0), OUTAGE)),
    )
    files = tuple(
        FileRecord(f"exports/2024/part-{number:05}.csv.gz", 1_000_000, "ab" * 32, 1500, form="CSV")
        for number in range(40)
    )
    name = f"{'/data/exports-of-all-customers' * 4}.ckpt"
    line = f"pushwoosh-loader retry {name} [--mapping FIXED.toml] [--from FIXED.csv]"
    steps = (Step(Remains.REJECTED, "700 rows rejected", ways=(Way("To send them again", line),)),)
    return replace(facts(), **{"runs": runs, "files": files, "steps": steps, **changes})
