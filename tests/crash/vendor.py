"""A vendor that notes every row that it takes, before it answers: what it noted is the truth."""

from __future__ import annotations

import os
import re
import threading
from typing import TYPE_CHECKING, Self

from tests.checker import noted
from tests.faultserver import FaultServer, http

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable
    from pathlib import Path

    from tests.faultserver import Visit

# The key of a row is its ordinal, as the user's id.
KEY = re.compile(rb'"userId":"(\d+)"')
LATENCY_SECONDS = 0.005
_YES = http(200)
_NO = http(200, b'{"status_code":210,"status_message":"not this one","response":null}')


def refuses(ordinal: int) -> bool:
    """Whether the vendor rejects a row, always."""
    return ordinal % 40 == 39


class Alarm:
    """Rings once, at the request after a number of others: when it was noted, or when it was answered."""

    def __init__(self, requests: int, ring: Callable[[], object], *, answered: bool = False) -> None:
        self._left = requests
        self._ring = ring
        self._answered = answered
        self._lock = threading.Lock()

    def count(self) -> bool:
        """Count a request; whether it is the one."""
        with self._lock:
            self._left -= 1
            return self._left == 0

    def ring(self, *, answered: bool) -> None:
        """Ring, if this is the moment."""
        if answered is self._answered:
            self._ring()


class RecordingVendor:
    """Serves on loopback while it is entered; appends the key of each row that it takes to a file.

    Attributes:
        alarm: what is called at one of the next requests.
    """

    def __init__(self, notes: Path) -> None:
        self.alarm: Alarm | None = None
        self._notes = notes
        self._server = FaultServer([self._visit])

    def __enter__(self) -> Self:
        self._file = os.open(self._notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()
        os.close(self._file)

    @property
    def url(self) -> str:
        """What `--endpoint` takes."""
        return self._server.url

    @property
    def bodies(self) -> list[bytes]:
        """The requests that were read."""
        return self._server.bodies

    @property
    def landed(self) -> Counter[int]:
        """How often each row was taken."""
        return noted(self._notes)

    @property
    def order(self) -> list[int]:
        """The rows in the order in which they were taken."""
        return list(map(int, self._notes.read_text().split()))

    def _visit(self, visit: Visit) -> None:
        found = KEY.search(visit.take())
        assert found is not None
        ordinal, alarm = int(found[1]), self.alarm
        due = alarm is not None and alarm.count()
        if self.takes(ordinal):
            os.write(self._file, b"%d\n" % ordinal)
        if alarm and due:
            alarm.ring(answered=False)
        self.reply(visit, ordinal)
        if alarm and due:
            alarm.ring(answered=True)

    def takes(self, ordinal: int) -> bool:
        """Whether the vendor takes a row."""
        return not refuses(ordinal)

    def reply(self, visit: Visit, ordinal: int) -> None:
        """Answer, after a while."""
        visit.pause(LATENCY_SECONDS)
        visit.send(_YES if self.takes(ordinal) else _NO)
