"""Calls are answered only after the commit of their group: what was acknowledged survives a kill."""

from __future__ import annotations

import http.client
import json
import os
import signal
import sys
import threading
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from loader.sandbox import EmbeddedSandbox
from tests.effort import EFFORT
from tests.sandbox.asgi import calling
from tests.sandbox.conftest import EVENT, rows

if TYPE_CHECKING:
    from pathlib import Path

CALLERS, BEFORE_THE_KILL = 8, 300


class Poster(threading.Thread):
    """Posts events of its own on one connection, until the server is gone."""

    def __init__(self, endpoint: str, name: str, enough: threading.Event, acknowledged: list[str]) -> None:
        super().__init__()
        self.url, self.prefix = urlsplit(endpoint), name
        self.enough, self.acknowledged = enough, acknowledged

    def run(self) -> None:
        """Post until the connection breaks; note what was answered with a success."""
        with closing(
            http.client.HTTPConnection(self.url.hostname or "", self.url.port, timeout=20)
        ) as server:
            for number in range(100_000):
                if not self.post(server, f"{self.prefix} {number}"):
                    return

    def post(self, server: http.client.HTTPConnection, event: str) -> bool:
        """Post one event; whether the server is still there."""
        body = json.dumps({"request": EVENT | {"event": event}}).encode()
        try:
            server.request("POST", f"{self.url.path}postEvent", body)
            code = json.loads(server.getresponse().read())["status_code"]
        except (OSError, http.client.HTTPException):
            return False
        if code == 200:
            self.acknowledged.append(event)
        if len(self.acknowledged) >= BEFORE_THE_KILL:
            self.enough.set()
        return True


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
@pytest.mark.parametrize("attempt", range(2 * EFFORT))
def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, attempt: int) -> None:
    """A SIGKILL in the middle of many callers loses no answered event, and leaves none half written."""
    acknowledged: list[str] = []
    enough = threading.Event()
    with EmbeddedSandbox(tmp_path / "s") as sandbox:
        posters = [Poster(sandbox.endpoint, f"{n}", enough, acknowledged) for n in range(CALLERS)]
        for poster in posters:
            poster.start()
        assert enough.wait(120)
        assert sandbox.pid is not None
        os.kill(sandbox.pid, signal.SIGKILL)
        for poster in posters:
            poster.join(60)
    stored = [name for (name,) in rows(tmp_path / "s", "SELECT event FROM events")]
    assert len(stored) == len(set(stored))
    assert set(acknowledged) <= set(stored)
    assert len(stored) - len(acknowledged) <= CALLERS, "each caller has at most one call without an answer"
    ((counted,),) = rows(tmp_path / "s", "SELECT sum(count) FROM answers WHERE verdict = 'ok'")
    assert counted == len(stored), "answers are counted in the transaction of their calls"
    with EmbeddedSandbox(tmp_path / "s") as sandbox:
        assert {event.event for event in sandbox.holdings().events} == set(stored)


def test_calls_of_one_moment_share_a_transaction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls that arrive together cost one commit, and each is answered after it."""
    store, path = tmp_path / "s", "/json/1.3/postEvent"
    body = json.dumps({"request": EVENT}).encode()
    with calling(store) as caller:
        commits: list[int] = []
        connection = caller.vendor._store._connection
        connection.set_trace_callback(lambda sql: commits.append(1) if sql == "COMMIT" else None)
        answers = caller.send_together(*[(path, body)] * 50)
    assert [answer.body["status_code"] for answer in answers] == [200] * 50
    assert (len(commits), rows(store, "SELECT count(*) FROM events")) == (1, [(50,)])
