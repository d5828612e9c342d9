"""What a run was like: samples of its traffic, and notes. They travel in commits that are made anyway.

A sample is taken with the first commit after a fifth of a second, then whenever another hundredth of the
run's time has passed: a run of a week leaves about 1,200. A commit that fails loses none: the sender only
counts up, and what passed since the last sample is in the next.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from loader import latency
from loader.journal import schema
from loader.journal.table_rows import Note, Sample, make_storable
from loader.model import State, Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from loader.journal.store import Transaction
    from loader.journal.table_rows import Head

SHORTEST_SECONDS = 0.2
SHARE_OF_RUN = 0.01
# A load of many short runs must not leave a thousand samples for each.
SHARE_OF_EARLIER = 0.001
_NOTES_BITS = 20
_STILL = Traffic(0, 0, 0.0, {}, (0,) * latency.BUCKETS)

Counts = tuple[int, int, int]


class Chronicle:
    """Gathers what must be written about a run besides its rows.

    Args:
        generation: of the run.
        earlier: seconds of all runs before it.
    """

    def __init__(self, generation: int, earlier: float) -> None:
        self._generation = generation
        self._earlier = earlier
        self._notes: list[Note] = []
        self._noted = generation << _NOTES_BITS
        self._traffic: Callable[[], Traffic] | None = None
        self._seen = _STILL
        self._counts: Counts = (0, 0, 0)
        self._elapsed = 0.0
        self._due = 0.0
        self._sampled: tuple[Traffic, Counts] | None = None

    def observe(self, traffic: Callable[[], Traffic], counts: Mapping[State, int], elapsed: float) -> None:
        """From now on, take samples of a sender."""
        self._traffic = traffic
        self._counts = of_states(counts)
        self._elapsed = elapsed
        self._due = self._next(elapsed)

    def note(self, what: str, detail: str, at: float) -> None:
        """Have a note written with the next commit."""
        self._noted += 1
        self._notes.append(Note(self._noted, self._generation, at, what, make_storable(detail)))

    def due(self, head: Head, counts: Mapping[State, int]) -> bool:
        """Whether the commit of this head has anything to take along."""
        return bool(self._notes) or self._sample_due(head, of_states(counts))

    def write(self, transaction: Transaction, head: Head, counts: Mapping[State, int]) -> None:
        """Write what is due; may be called again if the commit failed."""
        for note in self._notes:
            transaction.add(schema.NOTES, note)
        self._sampled = None
        now = of_states(counts)
        if self._traffic is not None and self._sample_due(head, now):
            seen = self._traffic()
            transaction.add(schema.SAMPLES, self._sample(head, seen, now))
            self._sampled = seen, now

    def written(self, head: Head) -> None:
        """The commit of this head was made."""
        self._notes.clear()
        if self._sampled is not None:
            self._seen, self._counts = self._sampled
            self._elapsed = head.elapsed
            self._due = self._next(head.elapsed)
            self._sampled = None

    def _sample_due(self, head: Head, counts: Counts) -> bool:
        if self._traffic is None:
            return False
        news = head.elapsed > self._elapsed or counts != self._counts
        return head.elapsed >= self._due or (head.clean and news)

    def _next(self, elapsed: float) -> float:
        return elapsed + max(SHORTEST_SECONDS, SHARE_OF_RUN * elapsed, SHARE_OF_EARLIER * self._earlier)

    def _sample(self, head: Head, now: Traffic, counts: Counts) -> Sample:
        before = self._seen
        waited = {
            reason: round(seconds - before.waited.get(reason, 0.0), 3)
            for reason, seconds in now.waited.items()
            if seconds > before.waited.get(reason, 0.0)
        }
        times = [new - old for new, old in zip(now.times, before.times, strict=True)]
        confirmed, rejected, in_doubt = (new - old for new, old in zip(counts, self._counts, strict=True))
        return Sample(
            head.commits + 1,
            self._generation,
            head.at,
            head.elapsed - self._elapsed,
            confirmed,
            rejected,
            in_doubt,
            now.attempts - before.attempts,
            now.window,
            now.wire_seconds - before.wire_seconds,
            json.dumps(waited, ensure_ascii=False) if waited else "",
            latency.to_text(times),
        )


def of_states(counts: Mapping[State, int]) -> Counts:
    """The counts that a sample knows."""
    return counts[State.CONFIRMED], counts[State.REJECTED], counts[State.IN_DOUBT]
