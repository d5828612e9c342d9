"""The line to the workers of a cluster: what it makes of what they say."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from loader.cluster.line import ClusterLine
from loader.cluster.messages import ReadPart, Report
from loader.cluster.parts import PARTS_A_WORKER
from loader.cluster.station import Heard, Lost, Station
from loader.message import Message
from loader.model import NotSent, StopCode

if TYPE_CHECKING:
    from collections.abc import Iterator

WHOLE = ReadPart(0, (), 1, None)
OTHER = ReadPart(0, (), 2, None)
GONE = ReadPart(0, (), 3, Message("events.csv is gone."))


@pytest.fixture
def line() -> Iterator[ClusterLine]:
    """A line of a load of ten rows."""
    loop = asyncio.new_event_loop()
    line = ClusterLine(loop, lambda *_: None)
    line.parts.begin([range(10)], 1)
    yield line
    loop.close()


def join(line: ClusterLine, name: str) -> Station:
    """A worker joins, and is given what there is to be read."""
    station = Station(name, None, 0.0, heard_at=0.0, permit_seconds=1.0, tell=line.tell)
    line.tell(station)
    line.count_workers()
    line.parts.assign(line.stations)
    return station


def hear(line: ClusterLine, station: Station, read: ReadPart) -> None:
    """A worker says that it has read a part."""
    line.tell(Heard(station, Report(0.0, parts=(read,))))
    line.count_workers()


@pytest.mark.parametrize(
    ("second", "words"), [(OTHER, ["two", "other rows"]), (GONE, ["two", "events.csv is gone."])]
)
def test_a_worker_that_reads_other_rows_than_the_one_before_it_is_named(
    line: ClusterLine, second: ReadPart, words: list[str]
) -> None:
    """What was leased as read by one worker is not sent as read by another one."""
    hear(line, first := join(line, "one"), WHOLE)
    line.tell(Lost(first, "it does not answer"))
    hear(line, join(line, "two"), second)
    assert all(word in line.failure for word in words)
    line.send(bytes(12), "row")
    ((tag, attempt),) = line.close()
    assert tag == "row"
    assert isinstance(attempt, NotSent)
    assert attempt.stop is StopCode.WORKERS_LOST


def test_a_worker_that_reads_the_same_rows_takes_them_over(line: ClusterLine) -> None:
    """Rows of a worker that was lost are sent by another one."""
    hear(line, first := join(line, "one"), WHOLE)
    line.tell(Lost(first, "it does not answer"))
    hear(line, second := join(line, "two"), WHOLE)
    assert not line.failure
    line.send(bytes(12), "row")
    assert second.burden == 1


def test_a_part_that_one_worker_cannot_read_is_read_by_another_one(line: ClusterLine) -> None:
    """An input that vanishes on one machine does not stop the load."""
    first = join(line, "one")
    second = join(line, "two")
    hear(line, first, GONE)
    line.parts.assign(line.stations)
    assert (first.parts, second.parts) == (0, 1)
    hear(line, second, WHOLE)
    part = line.parts.next
    assert part is not None
    assert part.read is WHOLE
    assert not line.failure


@pytest.mark.parametrize("lost", [False, True])
def test_what_no_worker_can_read_ends_the_input(line: ClusterLine, *, lost: bool) -> None:
    """An input that is damaged for all is read to there, also if one of two workers has gone meanwhile."""
    first = join(line, "one")
    second = join(line, "two")
    hear(line, first, GONE)
    line.parts.assign(line.stations)
    if lost:
        line.tell(Lost(second, "it does not answer"))
        line.count_workers()
        line.parts.assign(line.stations)
    hear(line, first if lost else second, GONE)
    part = line.parts.next
    assert part is not None
    assert part.read is GONE


@pytest.mark.parametrize("read", [None, WHOLE])
def test_the_oldest_part_of_a_lost_worker_waits_for_nobody(line: ClusterLine, read: ReadPart | None) -> None:
    """The others may have read all that they may hold, and cannot send it before that part is sent."""
    line.parts.begin([range(100_000)], 1)
    first = join(line, "one")
    if read is not None:
        hear(line, first, read)
    second = join(line, "two")
    assert first.parts == second.parts == PARTS_A_WORKER
    line.tell(Lost(first, "it does not answer"))
    line.count_workers()
    line.parts.assign(line.stations)
    oldest = line.parts.open[0]
    assert oldest.holder is second
    assert second.parts == PARTS_A_WORKER + 1
