"""Stores with a bit of everything, served over real HTTP."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from loader.sandbox.calls import Answered, Event, Received, Refused, Registration, TagValues
from loader.sandbox.store import SandboxStore
from tests.sandbox.test_server import FOREGROUND, served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from loader.sandbox.calls import Call

APP = "AAAAA-00001"
MORNING = 1_435_228_403  # 2015-06-25 10:33:23 UTC
NIGHTLY, REPAIR = "nightly-0a1b2c3d", "repair-00000001"

HOSTILE = (
    "</script><script>document.title='pwned'</script><img src=x onerror=alert(2)>"
    "\"'&\x1b[31m\u202egnp\u2066{{ 7 * 7 }}"
)
LONG = "long" * 2_500


class Page(NamedTuple):
    """An answer of the page."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def fetch(base: str, target: str, *, verb: str = "GET", host: str | None = None) -> Page:
    """Ask for one address of a server."""
    url = urlsplit(base)
    with closing(http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)) as connection:
        connection.request(verb, target, headers={"Host": host} if host else {})
        answer = connection.getresponse()
        return Page(answer.status, answer.headers, answer.read())


def event(number: int = 0, **changes: Any) -> Event:
    """An event of user U1."""
    fields: dict[str, Any] = {
        "application": APP,
        "event": "purchase",
        "hwid": "D1",
        "user_id": "U1",
        "timestamp_utc": MORNING + number,
        "timestamp_current": MORNING + number + 25_200,
        "device_type": 3,
        "attributes": '{"cds": 2, "dollars": 42.5}',
    }
    return Event(**(fields | changes))


def fill(store: Path, calls: Sequence[Call], load: str = "", *, arrived: int = 1_700_000_000_000) -> None:
    """Put calls into a store, each a second after the other."""
    with SandboxStore(store) as opened:
        opened.write([Received(load, arrived + 1_000 * place, call) for place, call in enumerate(calls)])


def answered(store: Path, counts: dict[Answered, int], refusals: Sequence[Refused] = ()) -> None:
    """Put counts of answers, and refused calls, into a store."""
    with SandboxStore(store) as opened:
        opened.write([], counts, refusals)


def fill_loads(path: Path) -> Path:
    """Put two loads and a call without a label into a store."""
    fill(
        path,
        [
            Registration(APP, "D1", "U1", 25_200, 3),
            Registration(APP, "D2", "U2", None, 1),
            Registration(APP, "D2", "U3", -2_917, 1),
            TagValues(APP, "", "U1", '{"plan": "gold", "visits": 3}'),
            event(),
            event(),
            event(86_400 * 40, event="visit", attributes="{}"),
        ],
        NIGHTLY,
    )
    fill(
        path,
        [
            event(5, attributes='{"cds": "many", "dollars": 1.5}'),
            event(6, user_id="", hwid="D9"),
            event(7, timestamp_utc=None, timestamp_current=None, event="visit"),
        ],
        REPAIR,
    )
    fill(path, [event(8, user_id="")])
    return path


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store of two loads and of calls without a label."""
    return fill_loads(tmp_path / "store.sqlite3")


@contextmanager
def drawn(store: Path) -> Iterator[str]:
    """Serve the page of a store; its address."""
    with served(store) as serving:
        yield serving.endpoint.removesuffix("/json/1.3/")


@pytest.fixture
def own_base(store: Path) -> Iterator[str]:
    """The address of the page of `store`, for a test that changes it."""
    with drawn(store) as address:
        yield address


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the page of another such store, for tests that only look; they share what draws it."""
    with drawn(fill_loads(tmp_path_factory.mktemp("looked-at") / "store.sqlite3")) as address:
        yield address


def children_of(pid: int) -> list[int]:
    """The processes that a process has started."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def wait_until(met: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether a condition is met before too long."""
    until = time.monotonic() + seconds
    while not met() and time.monotonic() < until:
        time.sleep(0.02)
    return met()


@pytest.fixture
def foreground(store: Path) -> subprocess.Popen[str]:
    """A sandbox in a process of its own."""
    command = [sys.executable, "-c", FOREGROUND, str(store)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


linux = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
