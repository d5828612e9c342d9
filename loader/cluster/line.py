"""The line of the one dispatcher to the workers of a cluster: it names a row to the worker that has its body.

What is sent, and when, stays with the dispatcher, as on one machine: rate, window, pauses, the breaker, the
order of a device and the limits of failures are those of one sender. So a worker that is lost leaves in doubt
what it had of the one window, and nothing else.
"""

from __future__ import annotations

import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from loader.cluster import permit
from loader.cluster.messages import read_references
from loader.cluster.parts import Parts
from loader.cluster.station import Alone, Heard, Lost, Station
from loader.model import NotSent, StopCode
from loader.text.nouns import count_rows

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable

    from loader.cluster.messages import ReadPart, Report
    from loader.cluster.parts import Part
    from loader.model import Attempt, Worker

_LONGEST_WAIT = 1.0  # a longer one cannot be broken by a signal on every system
# A row that is sent again, and whose worker was lost, waits this long until another one has read it.
_WAITING_SECONDS = 5.0
# Hundreds of workers may be lost, and their rows are counted together.
_LOST = "the worker that had this row was lost"


class ClusterLine:
    """See `loader.delivery.transports.contract.PolledLine`.

    Args:
        loop: the event loop of Dask's client.
        news: told of workers that come and go: what happened, a sentence, and who it is about.

    Attributes:
        parts: the parts of the load.
        stations: its workers.
        failure: why the workers cannot continue, or "".
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, news: Callable[[str, str, str], None]) -> None:
        self.parts = Parts()
        self.stations: list[Station] = []
        self.failure = ""
        self._loop = loop
        self._news = news
        self._lost: list[Worker] = []
        self._inbox: SimpleQueue[Heard | Lost | Station | Alone | None] = SimpleQueue()
        self._ended: list[tuple[object, Attempt]] = []
        self._alone_since: float | None = None
        self._hopeless = ""
        self._last_words = "none has joined"

    def tell(self, event: Heard | Lost | Station | Alone) -> None:
        """Take what a worker says, or a new worker; from any thread."""
        self._inbox.put(event)

    def send(self, body: bytes, tag: object) -> None:
        """Have the row sent that a reference names, in the next turn."""
        ((number, ordinal),) = read_references(body)
        part = self.parts.open[number]
        if self.failure:
            self._ended.append((tag, NotSent(self.failure, StopCode.WORKERS_LOST)))
        elif part.ready and part.holder is not None:
            part.holder.add(body, ordinal, tag)
        else:
            part.waiting.append((body, tag))
            part.waits_until = part.waits_until or time.monotonic() + _WAITING_SECONDS

    def turn(self, timeout: float | None) -> list[tuple[Any, Attempt]]:
        """Hand over what is ordered; the attempts that ended, or none after the timeout or a `wake`."""
        self.parts.assign(self.stations)
        for station in self.stations:
            station.flush(self._loop)
        longest = _LONGEST_WAIT if timeout is None else min(timeout, _LONGEST_WAIT)
        self._receive(0.0 if self._ended else longest)
        self._look_for_workers()
        self._end_waiting()
        ended, self._ended = self._ended, []
        return ended

    def wake(self) -> None:
        """End a wait, or the next one; from any thread or a signal handler."""
        self._inbox.put(None)  # `put` may interrupt itself, so a signal may call it

    def close(self) -> list[tuple[Any, Attempt]]:
        """Every attempt that had not ended."""
        for station in self.stations:
            self._ended += station.give_up("the load has ended")
        self._give_up_waiting("the load has ended", None)
        ended, self._ended = self._ended, []
        return ended

    def list_workers(self) -> tuple[Worker, ...]:
        """The workers that take part, and those that were lost; any thread may ask."""
        return (*(station.look() for station in tuple(self.stations)), *self._lost)

    def count_workers(self) -> int:
        """How many workers take part, those that have just joined among them."""
        self._receive(0.0)
        return len(self.stations)

    def _receive(self, timeout: float) -> None:
        try:
            event = self._inbox.get(timeout=timeout) if timeout > 0 else self._inbox.get_nowait()
            while True:
                self._take(event)
                event = self._inbox.get_nowait()
        except Empty:
            return

    def _take(self, event: Heard | Lost | Station | Alone | None) -> None:
        if isinstance(event, Heard):
            self._hear(event.station, event.report)
        elif isinstance(event, Lost):
            self._lose(event.station, event.reason)
        elif isinstance(event, Alone):
            self._hopeless = event.reason
        elif event is not None:
            self.stations.append(event)
            self._count_crowd()
            self._news("worker_joined", f"{call_worker(event.name, 'Worker')} takes part.", event.name)

    def _hear(self, station: Station, report: Report) -> None:
        if station not in self.stations:
            return
        self._ended += station.take(report)
        for read in report.parts:
            self._note_read(station, read)
        if report.over:
            self._lose(station, report.over)

    def _note_read(self, station: Station, read: ReadPart) -> None:
        part = self.parts.open.get(read.number)
        if part is None or part.holder is not station:
            return
        others = part.find_fit(each for each in self.stations if each is not station)
        if read.failure is not None and others and not part.failed:
            self.parts.hand_on(part)  # perhaps only this worker has lost the input, or has another one
            return
        if part.digest is None:
            part.read, part.digest = read, read.digest
        elif part.digest != read.digest:
            self._fail(_explain_other_rows(station, read))
            return
        part.ready = True
        waiting, part.waiting, part.waits_until = part.waiting, [], None
        for body, tag in waiting:
            self.send(body, tag)

    def _lose(self, station: Station, reason: str) -> None:
        """Its rows on the wire have no answer; its parts wait for another worker."""
        if station not in self.stations:
            return
        self._last_words = f"{station.name}: {reason}"
        self.stations.remove(station)
        before = station.doubts
        self._ended += station.give_up(f"{call_worker(station.name)} was lost while it had this row", _LOST)
        lost = station.look(reason)
        self._lost.append(lost)
        self.parts.return_from(station)
        self._count_crowd()
        self._news("worker_lost", _say_lost(lost, lost.doubts - before), station.name)

    def _count_crowd(self) -> None:
        for station in self.stations:
            station.crowd = len(self.stations)

    def _look_for_workers(self) -> None:
        if self.stations or self.failure:
            self._alone_since = None
            return
        now = time.monotonic()
        self._alone_since = self._alone_since or now
        if now - self._alone_since > permit.ALONE_SECONDS or self._hopeless:
            why = f": {self._hopeless}" if self._hopeless else ""
            self._fail(f"The cluster has no worker that can send{why}. The last one, {self._last_words}.")

    def _fail(self, reason: str) -> None:
        self.failure = reason
        self._give_up_waiting(reason, StopCode.WORKERS_LOST)

    def _end_waiting(self) -> None:
        """Let rows go back to the dispatcher that wait for a worker for long: it may be ending."""
        now = time.monotonic()
        late = [part for part in self.parts.open.values() if part.waits_until and part.waits_until < now]
        self._give_up_waiting("no worker has read the row again yet", None, late)

    def _give_up_waiting(
        self, reason: str, stop: StopCode | None, parts: Iterable[Part] | None = None
    ) -> None:
        for part in self.parts.open.values() if parts is None else parts:
            self._ended += [(tag, NotSent(reason, stop)) for _, tag in part.waiting]
            part.waiting, part.waits_until = [], None


def _explain_other_rows(station: Station, read: ReadPart) -> str:
    """Why a worker cannot send what another one had read before it was lost."""
    name = call_worker(station.name, "Worker")
    if read.failure is not None:
        return f"{name} cannot read again what the worker before it has read: {read.failure}"
    return (
        f"{name} read other rows than the worker before it. All workers must read the same input and the "
        "same look-up tables."
    )


def _say_lost(worker: Worker, had: int) -> str:
    """What the loss of a worker means for the load, if it had as many rows that may have been sent."""
    rows = f" It had {count_rows(had)} that may have been sent." if had else ""
    lost = f"{call_worker(worker.name, 'Worker')} was lost: {worker.lost.rstrip('.')}."
    return f"{lost}{rows} Its other rows go to the others."


def call_worker(name: str, word: str = "worker") -> str:
    """A worker in a sentence: Dask calls workers "0" and "1", and users call them "worker-1"."""
    return name if "worker" in name.lower() else f"{word} {name}"
