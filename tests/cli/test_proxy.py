"""A proxy's password is in nothing that a load shows or leaves, and a wrong proxy is said at once."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import faultserver
from tests.cli.conftest import GOOD, events_csv

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import CommandLine, Ran

HOT = "hot-4711"
NO = b'{"status_code":210,"status_message":"not today","response":null}'
APP = ("--app", "AAAAA-BBBBB")
EVERYTHING = ("--report", "report.html", "--summary", "summary.json")


def refuse_asker(visit: faultserver.Visit) -> None:
    """Be a proxy that does not know the user."""
    visit._until(b"\r\n\r\n")
    visit.send(faultserver.http(407, b"<title>Access denied</title>", "Proxy-Authenticate: Basic"))
    visit.close()


def assert_nowhere(folder: Path, ran: Ran, *secrets: str) -> None:
    """No secret is in what was said, or in any file."""
    said = [
        ran.out,
        ran.err,
        *(path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file()),
    ]
    assert not [secret for secret in secrets for text in said if secret in text]


@pytest.fixture
def proxy() -> Iterator[faultserver.FaultServer]:
    """A proxy that lets nobody through."""
    with faultserver.FaultServer([refuse_asker]) as running:
        yield running


@pytest.mark.parametrize("transport", ["curl", "requests"])
@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9/", "https://127.0.0.1:9/"])
@pytest.mark.parametrize("log", ["text", "json"])
def test_a_proxy_that_does_not_know_the_user_stops_the_load_at_once(
    command: CommandLine,
    tmp_path: Path,
    proxy: faultserver.FaultServer,
    transport: str,
    endpoint: str,
    log: str,
) -> None:
    """No quarter of an hour passes, no row is in doubt, and the password is nowhere."""
    began = time.monotonic()
    ran = command.run(
        "events", events_csv(tmp_path, GOOD), *APP, *EVERYTHING, "--endpoint", endpoint, "--yes",
        "--log-format", log, "--transport", transport, "--proxy", f"http://us-er:{HOT}@127.0.0.1:{proxy.port}",
    )  # fmt: skip
    assert time.monotonic() - began < 30
    assert ran.code == 5
    assert "407" in ran.out + ran.err
    assert "Check --proxy" in ran.out
    record = json.loads((tmp_path / "summary.json").read_text())
    assert (record["in_doubt"], record["never_sent"]) == (0, 1)
    assert_nowhere(tmp_path, ran, HOT, "us-er")


def test_a_proxy_that_is_not_there_is_named(command: CommandLine, tmp_path: Path) -> None:
    """What cannot be reached is the proxy: the load says to check that setting too."""
    ran = command.run(
        "events", events_csv(tmp_path, GOOD), *APP, *EVERYTHING, "--endpoint", "http://127.0.0.1:9/", "--yes",
        "--give-up-after", "1s", "--proxy", f"http://us-er:{HOT}@127.0.0.1:9",
    )  # fmt: skip
    assert ran.code == 5
    assert "never reached in this run: check --proxy and --endpoint." in ran.out
    assert_nowhere(tmp_path, ran, HOT, "us-er")


@pytest.mark.parametrize(
    "place", ["127.0.0.1:99999", "127.0.0.1:0", "127.0.0.1:port", "[::1", "pro..xy:1", ""]
)
@pytest.mark.parametrize("log", ["text", "json"])
def test_a_proxy_that_cannot_be_parsed_is_refused_before_the_first_row(
    command: CommandLine, tmp_path: Path, place: str, log: str
) -> None:
    """A wrong setting is exit code 2 and a sentence; there is no checkpoint that holds it."""
    ran = command.run(
        "events", events_csv(tmp_path, GOOD), *APP, *EVERYTHING, "--log-format", log,
        "--proxy", f"http://us-er:{HOT}@{place}",
    )  # fmt: skip
    assert ran.code == 2
    assert "--proxy is not a URL of a proxy" in ran.err
    assert "Traceback" not in ran.err
    assert_nowhere(tmp_path, ran, HOT, "us-er")
    assert not list(tmp_path.glob("*.ckpt*"))


@pytest.mark.parametrize("order", ["events", "retry", "run", "doctor"])
def test_a_proxy_can_stand_in_the_environment(
    command: CommandLine, tmp_path: Path, proxy: faultserver.FaultServer, order: str
) -> None:
    """Each command that goes to the vendor uses `PUSHWOOSH_PROXY`, whose password is on no command line."""
    source, jobs = events_csv(tmp_path, GOOD), tmp_path / "jobs.toml"
    jobs.write_text(f'version = 1\n[jobs.one]\nkind = "events"\ninput = "{source.name}"\n')
    way = f"http://us-er:{HOT}@127.0.0.1:{proxy.port}"
    with faultserver.FaultServer([faultserver.answer(200, NO)]) as server:
        place = (*APP, "--endpoint", server.url)
        words = {
            "events": (source, *place, "--yes"),
            "retry": ("events.csv.events.ckpt", "--yes"),
            "run": (jobs, *place, "--yes"),
            "doctor": place[2:],
        }
        if order == "retry":
            assert command.run("events", source, *place, "--yes").code == 3
        before = len(server.accepted)
        ran = command.run(order, *words[order], PUSHWOOSH_PROXY=way)
    assert "407" in ran.out + ran.err
    assert len(server.accepted) == before
    assert_nowhere(tmp_path, ran, HOT, "us-er")


def test_a_proxy_that_is_typed_comes_before_the_environment(
    command: CommandLine, tmp_path: Path, proxy: faultserver.FaultServer
) -> None:
    """`--proxy` is used, and the other one is not asked; an empty variable is none."""
    source = events_csv(tmp_path, GOOD)
    typed = ("--proxy", f"http://127.0.0.1:{proxy.port}")
    ran = command.run(
        "events", source, *APP, "--endpoint", "http://127.0.0.1:9/", "--yes", *typed,
        PUSHWOOSH_PROXY="http://127.0.0.1:9",
    )  # fmt: skip
    assert (ran.code, "407" in ran.out + ran.err) == (5, True)
    with faultserver.FaultServer() as server:
        ran = command.run("events", source, *APP, "--endpoint", server.url, "--yes", PUSHWOOSH_PROXY="")
    assert ran.code == 0, ran.out + ran.err


def test_a_wrong_proxy_of_ours_in_the_environment_is_refused(command: CommandLine, tmp_path: Path) -> None:
    """The sentence names the variable, and holds neither user name nor password."""
    ran = command.run(
        "events", events_csv(tmp_path, GOOD), *APP, PUSHWOOSH_PROXY=f"http://us-er:{HOT}@127.0.0.1:99999"
    )
    assert ran.code == 2
    assert "PUSHWOOSH_PROXY" in ran.err
    assert_nowhere(tmp_path, ran, HOT, "us-er")


def test_a_rehearsal_goes_through_no_proxy(command: CommandLine, tmp_path: Path) -> None:
    """The sandbox is on this machine."""
    ran = command.run(
        "events", events_csv(tmp_path, GOOD), "--sandbox", "--yes", PUSHWOOSH_PROXY="http://127.0.0.1:9"
    )
    assert ran.code == 0, ran.out + ran.err


@pytest.mark.parametrize(
    "name", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"]
)
@pytest.mark.parametrize("transport", ["curl", "requests"])
def test_a_wrong_proxy_in_the_environment_has_no_effect(
    command: CommandLine, tmp_path: Path, name: str, transport: str
) -> None:
    """Proxies of the environment are not used: a wrong one neither stops a load nor is shown."""
    with faultserver.FaultServer() as server:
        ran = command.run(
            "events", events_csv(tmp_path, GOOD), *APP, *EVERYTHING, "--endpoint", server.url,
            "--transport", transport, **{name: f"http://us-er:{HOT}@127.0.0.1:99999", "NO_PROXY": "[::"},
        )  # fmt: skip
    assert ran.code == 0, ran.err
    assert_nowhere(tmp_path, ran, HOT, "us-er")


def test_worker_processes_show_no_password(
    command: CommandLine, tmp_path: Path, proxy: faultserver.FaultServer
) -> None:
    """Arguments and environment of the processes that send hold neither token nor password."""
    hold = faultserver.FaultServer([faultserver.hang])
    with hold:
        way = f"http://us-er:{HOT}@127.0.0.1:{hold.port}"
        with command.start(
            "events", events_csv(tmp_path, GOOD, GOOD), *APP, "--endpoint", "http://127.0.0.1:9/", "--yes",
            "--processes", 2, "--proxy", way, HTTP_PROXY=way, PUSHWOOSH_API_TOKEN="token-4711",
        ) as load:  # fmt: skip
            hold.await_accepted(1, 60)
            seen = [read_process(folder) for folder in children_of(load.pid)]
            load.kill()
            load.communicate(timeout=60)
    assert len(seen) == 2
    assert all(b"run_name='__main__'" in each for each in seen)
    assert not [each for each in seen if HOT.encode() in each or b"token-4711" in each]


def children_of(pid: int) -> list[Path]:
    """The folders in /proc of the processes that a process has started."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [Path("/proc") / child for task in tasks for child in task.read_text().split()]


def read_process(folder: Path) -> bytes:
    """Arguments and environment of a process."""
    return (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()


@pytest.mark.parametrize(
    "content", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_ca_bundle_without_a_certificate_is_refused_before_the_first_row(
    command: CommandLine, tmp_path: Path, content: str
) -> None:
    """Every connection would fail for it, so none is tried."""
    (tmp_path / "ca.pem").write_text(content)
    ran = command.run("events", events_csv(tmp_path, GOOD), *APP, "--ca-bundle", "ca.pem")
    assert ran.code == 2
    assert "--ca-bundle ca.pem holds no certificate in PEM form" in ran.err
    assert not list(tmp_path.glob("*.ckpt*"))
