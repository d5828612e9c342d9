"""Which worker has which rows."""

from __future__ import annotations

from itertools import chain
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from loader.cluster.messages import ReadPart
from loader.cluster.parts import PARTS_A_WORKER, Part, Parts
from loader.journal import collect_ranges
from loader.model import Outcome, State

WANTED = st.sets(st.integers(0, 3000), min_size=1).map(sorted)


class Worker:
    """What a station does with parts."""

    def __init__(self) -> None:
        self.held: list[Part] = []

    @property
    def parts(self) -> int:
        """How many it holds."""
        return len(self.held)

    def give(self, part: Part) -> None:
        """It has one more."""
        self.held.append(part)

    def forget(self, part: Part) -> None:
        """It has one less."""
        self.held.remove(part)


def settle_all(parts: Parts, part: Part) -> None:
    """Every row of a part is leased, sent and confirmed."""
    rows = list(chain.from_iterable(part.rows))
    part.read = ReadPart(part.number, (), 0, None)
    part.left = len(rows)
    parts.note_leased(part)
    parts.settle([Outcome(row, State.CONFIRMED) for row in rows])


@settings(deadline=None)
@given(WANTED, st.integers(1, 4), st.data())
def test_every_wanted_row_is_read_and_settled_once_whoever_is_lost(
    wanted: list[int], count: int, data: st.DataObject
) -> None:
    """Parts hold all wanted rows in order; those of a lost worker go to another; at the end none is held."""
    workers: list[Any] = [Worker() for _ in range(count)]
    parts = Parts()
    parts.begin(list(collect_ranges(wanted)), count)
    seen: list[int] = []
    parts.assign(workers)
    while not parts.exhausted:
        if data.draw(st.integers(0, 5)) == 0:
            lost = data.draw(st.sampled_from(workers))
            parts.return_from(lost)
            workers[workers.index(lost)] = Worker()
        parts.assign(workers)
        assert all(worker.parts <= PARTS_A_WORKER for worker in workers)
        part = parts.next
        assert part is not None
        seen += chain.from_iterable(part.rows)
        settle_all(parts, part)
        parts.assign(workers)
    assert seen == wanted
    assert not parts.open
    assert not any(worker.parts for worker in workers)


def test_bodies_are_kept_as_long_as_a_row_may_be_sent_again() -> None:
    """A doubt that is sent again, or a row that is still to be leased, keeps the part with its worker."""
    worker: Any = Worker()
    parts = Parts()
    parts.begin([range(2)], 1)
    parts.assign([worker])
    part = parts.next
    assert part is not None
    part.left = 2
    parts.settle([Outcome(0, State.CONFIRMED), Outcome(1, State.IN_DOUBT, resending=True)])
    parts.note_leased(part)
    assert worker.held == [part]
    parts.settle([Outcome(1, State.CONFIRMED)])
    assert worker.held == []


def test_a_small_input_is_spread_over_the_workers() -> None:
    """2,000 rows are not one part of one worker."""
    workers: list[Any] = [Worker() for _ in range(4)]
    parts = Parts()
    parts.begin([range(2000)], 4)
    parts.assign(workers)
    assert all(worker.parts for worker in workers)
