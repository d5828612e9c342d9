"""Requests from the parts of several workers in turn: all of them send, and each device keeps its order.

A row of a device waits here as long as an earlier lease has a row of that device that was not handed out.
From then on the dispatcher's lanes keep the order, whichever workers send. This takes memory for the devices
of the open leases, two for each worker; how many devices the input has does not matter. What it costs: if
neighbouring leases share all their devices, one worker sends at a time.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from loader.cluster.messages import read_references
from loader.model import NOT_YET

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from loader.cluster.line import ClusterLine
    from loader.cluster.parts import Part
    from loader.model import Request

# As many requests come from one worker before the burdens are compared again.
_IN_A_ROW = 4
_LEASES_A_WORKER = 2


class _Lease:
    """The requests of one lease that were not handed out.

    Attributes:
        part: which they are of.
        free: those that may go.
        held: those of devices that an earlier lease has too.
        devices: of all of them.
    """

    __slots__ = ("devices", "free", "held", "part")

    def __init__(self, part: Part, requests: list[Request], taken: dict[str, int]) -> None:
        self.part = part
        self.free: deque[Request] = deque()
        self.held: deque[Request] = deque()
        for request in requests:
            (self.held if request.device in taken else self.free).append(request)
        self.devices = {request.device for request in requests if request.device}


class Spread:
    """Hands out the requests of leases.

    Args:
        groups: the requests of one lease after the other, in order; `NOT_YET` alone if none can be made yet.
        line: to the workers.
    """

    def __init__(self, groups: Iterator[Iterable[Request]], line: ClusterLine) -> None:
        self._groups: Iterator[Iterable[Request]] | None = groups
        self._line = line
        self._open: list[_Lease] = []
        self._taken: dict[str, int] = {}
        self._current: _Lease | None = None
        self._in_a_row = 0

    def __iter__(self) -> Spread:
        return self

    def __next__(self) -> Request:
        """The next request, of a worker that has few; `NOT_YET` if no worker has one that may go."""
        lease = self._current
        if lease is None or self._in_a_row >= _IN_A_ROW or not self._may_go(lease):
            lease = self._current = self._choose()
            self._in_a_row = 0
            if lease is None:
                if self._groups is None and not self._open:
                    raise StopIteration
                return NOT_YET
        self._in_a_row += 1
        request = lease.free.popleft()
        if not lease.free:
            self._tidy()
        return request

    def _choose(self) -> _Lease | None:
        """The lease of the worker with the least to do, among those that have a request that may go."""
        self._open_more()
        return min(filter(self._may_go, self._open), key=_find_burden, default=None)

    def _may_go(self, lease: _Lease) -> bool:
        """Whether it has a request for the line; if no worker is left, the line says that it was not sent."""
        return bool(lease.free and (lease.part.ready or self._line.failure))

    def _open_more(self) -> None:
        """Have rows leased until each worker has some, or no more can be leased yet."""
        while self._groups is not None and self._lacking():
            group = next(self._groups, None)
            if group is None:
                self._groups = None
                return
            requests = list(group)
            if requests and requests[0] is NOT_YET:
                return
            if requests:
                self._add(requests)

    def _lacking(self) -> bool:
        """Whether a worker may be without a request while there is room for more leases."""
        workers = max(len(self._line.stations), 1)
        served = {lease.part.holder for lease in self._open if lease.free}
        return len(served) < workers and len(self._open) < _LEASES_A_WORKER * workers

    def _add(self, requests: list[Request]) -> None:
        ((number, _),) = read_references(requests[0].body)
        part = self._line.parts.open[number]
        part.left += len(requests)
        lease = _Lease(part, requests, self._taken)
        for device in lease.devices:
            self._taken[device] = self._taken.get(device, 0) + 1
        self._open.append(lease)
        self._tidy()

    def _tidy(self) -> None:
        """Close the leases that are handed out; the first of the others need not hold anything back."""
        for lease in [each for each in self._open if not each.free and not each.held]:
            self._close(lease)
        if self._open and not self._open[0].free:
            first = self._open[0]
            first.free, first.held = first.held, deque()

    def _close(self, lease: _Lease) -> None:
        self._open.remove(lease)
        for device in lease.devices:
            self._taken[device] -= 1
            if not self._taken[device]:
                del self._taken[device]


def _find_burden(lease: _Lease) -> int:
    return lease.part.holder.burden if lease.part.holder is not None else 0
