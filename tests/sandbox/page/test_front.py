"""The page beside the calls: who may read it, what it may do, and what draws it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from loader.sandbox.page.front import names_this_machine
from tests.sandbox.conftest import DEVICE, call, send
from tests.sandbox.page.conftest import children_of, fetch, linux, wait_until
from tests.sandbox.test_server import served

if TYPE_CHECKING:
    import subprocess


ADDRESSES = ("/", "/api/live", "/page.js", "/page.css", "/download/events.csv", "/nothing")


@pytest.mark.parametrize("target", ADDRESSES)
def test_a_page_may_load_nothing_from_elsewhere(base: str, target: str) -> None:
    """Every answer forbids scripts within the page, and anything from another address."""
    policy = fetch(base, target).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert fetch(base, target).headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1:8707", True),
        ("127.1.2.3", True),
        ("[::1]:8707", True),
        ("localhost:8707", True),
        ("LOCALHOST", True),
        ("evil.example", False),
        ("evil.example:8707", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example", False),
        ("10.0.0.1", False),
        ("", False),
        ("[::1", False),
        ("localhost@evil.example", False),
        ("evil.example#@localhost", False),
    ],
)
def test_the_page_is_for_this_machine(host: str, allowed: bool) -> None:
    """A name that a web site has pointed to this machine is not one of this machine's."""
    assert names_this_machine(host) is allowed


def test_another_site_cannot_read_the_page(base: str) -> None:
    """A browser that was led here under another name gets neither page nor data."""
    for target in ("/", "/api/users", "/download/users.csv"):
        answer = fetch(base, target, host="evil.example")
        assert answer.status == 403
        assert b"U1" not in answer.body


def test_calls_are_taken_under_any_name(own_base: str) -> None:
    """The API itself answers whatever the Host header says, as before."""
    answer = send(f"{own_base}/json/1.3/", "registerUser", b"{}", headers={"Host": "gateway.example"})
    assert answer.status == 200


def test_no_get_changes_anything(base: str) -> None:
    """To look at every address leaves the tables as they were, and other verbs are refused."""
    before = fetch(base, "/download/events.csv").body
    for view in fetch(base, "/api/").json["views"]:
        fetch(base, view)
    assert fetch(base, "/download/events.csv").body == before
    for verb in ("POST", "PUT", "DELETE"):
        assert fetch(base, "/events", verb=verb).status in (404, 405)


def test_head_has_no_body(base: str) -> None:
    """HEAD says how long the page is, and sends none of it."""
    head = fetch(base, "/users", verb="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert int(head.headers["Content-Length"]) > 1000


@linux
def test_a_page_is_drawn_again_after_its_process_died(foreground: subprocess.Popen[str]) -> None:
    """The child that draws can be killed: calls are taken, and the next look is answered."""
    assert foreground.stdout is not None
    with foreground:
        endpoint = foreground.stdout.readline().strip()
        base = endpoint.removesuffix("/json/1.3/")
        assert children_of(foreground.pid) == []  # nobody has looked
        assert fetch(base, "/").status == 200
        (drawer,) = children_of(foreground.pid)
        os.kill(drawer, signal.SIGKILL)
        assert call(endpoint, "registerUser", DEVICE).body["status_code"] == 200
        assert fetch(base, "/").status == 200
        assert children_of(foreground.pid) != [drawer]
        foreground.send_signal(signal.SIGINT)


@linux
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_nothing_draws_on_after_the_sandbox_has_ended(
    foreground: subprocess.Popen[str], sign: signal.Signals
) -> None:
    """However the sandbox ends, the child that draws ends too."""
    assert foreground.stdout is not None
    with foreground:
        base = foreground.stdout.readline().strip().removesuffix("/json/1.3/")
        fetch(base, "/")
        (drawer,) = children_of(foreground.pid)
        foreground.send_signal(sign)
        foreground.wait(20)
    assert wait_until(lambda: not Path(f"/proc/{drawer}").exists())


def test_a_store_that_cannot_be_read_is_an_answer(tmp_path: Path) -> None:
    """If the file is taken away while it is served, the page says so and later draws again."""
    with served(tmp_path / "s") as serving:
        base = serving.endpoint.removesuffix("/json/1.3/")
        (tmp_path / "s").rename(tmp_path / "moved")
        answer = fetch(base, "/")
        assert answer.status in (500, 503)
        (tmp_path / "moved").rename(tmp_path / "s")
        assert fetch(base, "/").status == 200
