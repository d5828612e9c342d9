"""A worker whose permit is over sends nothing, wherever its process stood still."""

from __future__ import annotations

import time

import pytest

from loader.choices import Library
from loader.delivery import Target, open_line_in_process
from loader.model import Answer, Attempt
from tests.faultserver import FaultServer

_PATIENCE = 60.0


def send_one(server: FaultServer, library: Library, *answers: bool) -> Attempt:
    """What becomes of one request, if it is said of each body in turn whether it may leave."""
    said = iter(answers)
    line = open_line_in_process(Target(library, server.url + "postEvent", None, 1), lambda: next(said))
    line.send(b'{"row":1}', "row")
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        for _, attempt in line.turn(0.1):
            line.close()
            return attempt
    raise AssertionError("the attempt did not end")


@pytest.mark.parametrize("library", Library)
def test_a_body_that_may_not_leave_any_more_does_not_reach_the_vendor(library: Library) -> None:
    """A process that stood still between its decision to send and the wire looks at the clock once more."""
    with FaultServer() as server:
        attempt = send_one(server, library, *([False] * 9))
        assert not isinstance(attempt, Answer)
        assert not server.bodies


@pytest.mark.parametrize("library", Library)
def test_a_body_that_may_leave_is_sent_once(library: Library) -> None:
    """The question costs no request."""
    with FaultServer() as server:
        assert isinstance(send_one(server, library, *([True] * 9)), Answer)
        assert server.bodies == [b'{"row":1}']
