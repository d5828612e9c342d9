"""A port that refuses connections for a while."""

from __future__ import annotations

import time
from contextlib import closing
from socket import create_server
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.sandbox.conftest import rows
from tests.sandbox.faults.conftest import Caller, Hands, event, misbehaving, post
from tests.sandbox.faults.test_misbehaviour import stored

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LONGEST = 20.0


def wait_until(holds: Callable[[], bool]) -> None:
    """Ask again and again until it holds."""
    end = time.monotonic() + LONGEST
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


def answers(endpoint: str) -> bool:
    """Whether somebody listens; a connection that is opened sends nothing."""
    try:
        with Caller(endpoint):
            return True
    except ConnectionRefusedError:
        return False


def test_outage(tmp_path: Path) -> None:
    """In the window the port refuses connections, and an open one is reset; afterwards all is as before."""
    clock = Hands()
    with misbehaving(tmp_path / "s", "outage=5s-9s", clock) as serving:
        with Caller(serving.endpoint) as caller:
            assert caller.call("postEvent", event(1)).status == 200
            clock.seconds += 6
            assert caller.wait_for_end() == "reset"
        wait_until(lambda: not answers(serving.endpoint))
        clock.seconds += 2
        assert not answers(serving.endpoint)
        clock.seconds += 2
        wait_until(lambda: answers(serving.endpoint))
        assert post(serving.endpoint, 2).status == 200
    assert stored(tmp_path / "s") == [1, 2]


def test_two_outages(tmp_path: Path) -> None:
    """Each window has its outage, on the same port, and each is counted once."""
    clock = Hands()
    with misbehaving(tmp_path / "s", "outage=1s-2s,outage=3s-4s", clock) as serving:
        for number in (1, 2):
            assert post(serving.endpoint, number).status == 200
            clock.seconds += 1
            wait_until(lambda: not answers(serving.endpoint))
            clock.seconds += 1
            wait_until(lambda: answers(serving.endpoint))
    assert stored(tmp_path / "s") == [1, 2]
    counted = rows(tmp_path / "s", "SELECT method, verdict, sum(count) FROM answers GROUP BY 1, 2")
    assert sorted(counted) == [("", "outage", 2), ("postEvent", "ok", 2)]


@pytest.mark.parametrize("spec", ["outage=1s-2s", "outage=1s-"])
def test_a_sandbox_ends_in_the_middle_of_an_outage(tmp_path: Path, spec: str) -> None:
    """A sandbox can be ended while its port is closed."""
    clock = Hands()
    with misbehaving(tmp_path / "s", spec, clock) as serving:
        post(serving.endpoint, 1)
        clock.seconds += 1.5
        wait_until(lambda: not answers(serving.endpoint))


def test_an_outage_lasts_until_the_port_is_free(tmp_path: Path) -> None:
    """If another program takes the port meanwhile, the sandbox comes back when it is free again."""
    clock = Hands()
    with misbehaving(tmp_path / "s", "outage=1s-2s", clock) as serving:
        post(serving.endpoint, 1)
        clock.seconds += 1
        wait_until(lambda: not answers(serving.endpoint))
        with closing(create_server(("127.0.0.1", urlsplit(serving.endpoint).port or 0))):
            clock.seconds += 1
            time.sleep(0.1)
        wait_until(lambda: answers(serving.endpoint))
        assert post(serving.endpoint, 2).status == 200
