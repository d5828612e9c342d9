"""Requests of several workers in turn: each once, each device in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.cluster.messages import make_references
from loader.cluster.parts import Part
from loader.cluster.spread import Spread
from loader.model import NOT_YET, Request

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Each lease is of a worker, and has devices, one for each row; "" for a row whose order does not matter.
LEASES = st.lists(
    st.tuples(st.integers(0, 2), st.lists(st.sampled_from(["", "a", "b", "c", "d"]), min_size=1, max_size=6)),
    max_size=8,
)


class Worker:
    """What a lease asks of the worker that holds it."""

    burden = 0


class Bench:
    """Three workers, of which some are away, and what they hold."""

    def __init__(self, leases: list[tuple[int, list[str]]]) -> None:
        self.workers = [Worker() for _ in range(3)]
        self.open: dict[int, Part] = {}
        self.requests: list[list[Request]] = []
        ordinal = 0
        for number, (worker, devices) in enumerate(leases):
            rows = range(ordinal, ordinal + len(devices))
            holder: Any = self.workers[worker]
            self.open[number] = Part(number, (rows,), holder=holder, ready=True, leased=True)
            bodies = make_references(number, np.array(rows)).to_pylist()
            self.requests.append([Request(*each) for each in zip(rows, devices, bodies, strict=True)])
            ordinal = rows.stop
        self.parts = self
        self.stations = self.workers
        self.failure = ""

    def spread(self, waits: list[bool]) -> Spread:
        """The requests, with moments at which no lease can be made yet."""

        def groups() -> Iterator[list[Request]]:
            for number, group in enumerate(self.requests):
                if number < len(waits) and waits[number]:
                    yield [NOT_YET]
                yield group

        line: Any = self
        return Spread(groups(), line)


@settings(deadline=None)
@given(LEASES, st.lists(st.booleans(), max_size=8), st.data())
def test_every_row_goes_out_once_and_each_device_in_order(
    leases: list[tuple[int, list[str]]], waits: list[bool], data: st.DataObject
) -> None:
    """Whichever workers are busy or away, no row is lost or doubled, and no device is mixed up."""
    bench = Bench(leases)
    found: list[Request] = []
    idle = 0
    for request in bench.spread(waits):
        if request is NOT_YET:
            idle += 1
            for part in bench.open.values():
                part.ready = True
            assert idle < 100
            continue
        found.append(request)
        for worker in bench.workers:
            worker.burden = data.draw(st.integers(0, 3))
        for part in bench.open.values():
            part.ready = data.draw(st.booleans())
    assert sorted(request.ordinal for request in found) == list(range(sum(len(each) for _, each in leases)))
    for device in "abcd":
        own = [request.ordinal for request in found if request.device == device]
        assert own == sorted(own)


def test_all_workers_are_given_rows_from_the_start() -> None:
    """The first rows do not all go to the worker that holds the beginning of the input."""
    bench = Bench([(worker, [""] * 6) for worker in range(3)])
    holders = []
    for request in bench.spread([]):
        part = next(part for part in bench.open.values() if request.ordinal in part.rows[0])
        holders.append(bench.workers.index(part.holder))  # type: ignore[arg-type]
        bench.workers[holders[-1]].burden += 1
    assert set(holders[:12]) == {0, 1, 2}


def test_a_worker_that_is_away_holds_up_its_own_rows_alone() -> None:
    """Rows of other workers go on, and those of the lost one come when another worker has read them."""
    bench = Bench([(0, ["", ""]), (1, ["", ""])])
    bench.open[0].ready = False
    spread = bench.spread([])
    assert [next(spread).ordinal for _ in range(3)] == [2, 3, NOT_YET.ordinal]
    bench.open[0].ready = True
    assert [request.ordinal for request in spread] == [0, 1]


def test_memory_is_of_the_open_leases_and_not_of_all_devices() -> None:
    """However many devices an input has, only those of two leases a worker are remembered."""
    bench = Bench([(number % 3, [f"device {number} {row}" for row in range(6)]) for number in range(60)])
    spread = bench.spread([])
    most = 0
    for _ in spread:
        most = max(most, len(spread._taken))
    assert most <= 2 * 3 * 6
