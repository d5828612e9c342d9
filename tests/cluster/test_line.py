"""The line to the workers of a cluster: what it makes of what they say."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from loader.cluster.line import ClusterLine
from loader.cluster.messages import ReadPart, Report
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
