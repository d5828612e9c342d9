"""A line that asks, right before a body leaves, whether it may."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from loader.choices import Library
from loader.delivery import Target, open_line_in_process
from loader.model import Answer, NotSent
from tests.faultserver import FaultServer

if TYPE_CHECKING:
    from loader.delivery import PolledLine
    from loader.model import Attempt


def send(line: PolledLine, body: bytes) -> Attempt:
    """Send one body; what became of it."""
    line.send(body, body)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        for tag, attempt in line.turn(1.0):
            assert tag == body
            return attempt
    raise AssertionError("it has no end")


@pytest.mark.parametrize("library", list(Library))
def test_no_body_leaves_after_the_time_is_over(library: Library) -> None:
    """A process may stand still between the order and the wire: then the row is not sent, and says so."""
    allowed = True
    with FaultServer() as server:
        line = open_line_in_process(Target(library, server.url + "x", None, 1), lambda: allowed)
        assert isinstance(send(line, b"{}"), Answer)
        allowed = False
        assert isinstance(send(line, b"[]"), NotSent)
        line.close()
        assert server.bodies == [b"{}"]
