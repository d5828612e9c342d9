"""`doctor`: each thing that can be wrong before a load is found, named, and answered with what to do."""

from __future__ import annotations

import datetime
import json
import ssl
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from loader.addresses import Proxy
from loader.delivery.transports.contract import Timeouts
from loader.delivery.transports.curl import probe
from loader.delivery.transports.probing import Probe, Stage
from loader.doctor import CheckState, examination, examine, machine
from loader.doctor.network import BODY, judge_certificate, judge_clock
from loader.load_options import LoadOptions
from loader.methods import Kind
from loader.settings import Endpoint, Settings, Token
from tests import faultserver
from tests.faultserver import FaultServer, answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import CommandLine, Ran

NOT_VALID = b'{"status_code":210,"status_message":"Request format is not valid."}'
OK, PROBLEM, NOT_KNOWN = CheckState.OK, CheckState.PROBLEM, CheckState.NOT_KNOWN
NETWORK = ("name", "connection", "proxy", "certificate", "answer", "token", "clock")


def vendor(status: int = 200, body: bytes = NOT_VALID, *, skew: float = 0.0, **how: Any) -> FaultServer:
    """A server whose clock differs from ours, and which answers as a vendor does."""
    return FaultServer([answer(status, body, f"Date: {formatdate(time.time() + skew, usegmt=True)}")], **how)


def settings_for(url: str, token: str | None = "secret-token", **how: Any) -> Settings:
    """The settings of a load."""
    return Settings(
        kind=Kind.EVENTS,
        files=(),
        application="AAAAA-BBBBB",
        endpoint=Endpoint.parse(url),
        checkpoint=how.pop("checkpoint", None),
        token=Token(token) if token else None,
        options=LoadOptions(**how),
    )


def states(url: str, token: str | None = "secret-token", **how: Any) -> dict[str, CheckState]:
    """The state of each check."""
    return {each.name: each.state for each in examine(settings_for(url, token, **how)).checks}


def found(url: str, name: str, token: str | None = "secret-token", **how: Any) -> str:
    """What one check says."""
    checks = {each.name: each for each in examine(settings_for(url, token, **how)).checks}
    return f"{checks[name].found}. {checks[name].advice}"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """An authority that nobody knows."""
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path) -> Path:
    """Its certificate."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


def speak_as(authority: trustme.CA, ends: datetime.datetime | None = None) -> ssl.SSLContext:
    """TLS with a certificate of the authority's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", not_after=ends).configure_cert(context)
    return context


def test_a_vendor_that_is_ready(authority: trustme.CA, trusted: Path) -> None:
    """All is well, and of the token no more is claimed than is known."""
    with vendor(tls=speak_as(authority)) as server:
        seen = states(server.url, ca_bundle=trusted)
    assert {name for name, state in seen.items() if state is not OK} == {"token"}
    assert seen["token"] is NOT_KNOWN


def test_one_request_without_content_is_sent() -> None:
    """A look changes nothing at the vendor: the request names no application, no device and no event."""
    with vendor() as server:
        states(server.url)
    (request,) = server.accepted
    assert request.body == BODY
    assert json.loads(BODY) == {"request": {}}
    assert request.header("Authorization") == ["Token secret-token"]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, b""),
        (403, b'{"message":"Token restrictions forbid this operation"}'),
        (200, b'{"status_code":403,"status_message":"Token restrictions forbid this operation"}'),
    ],
)
@pytest.mark.parametrize("token", ["secret-token", None])
def test_a_wrong_or_missing_token_is_found(status: int, body: bytes, token: str | None) -> None:
    """A token that is refused is found before the load, in each way in which servers refuse."""
    with vendor(status, body) as server:
        assert states(server.url, token)["token"] is PROBLEM
        said = found(server.url, "token", token)
    assert "PUSHWOOSH_API_TOKEN" in said
    assert ("none is given" in said) is (token is None)
    assert said.count("PUSHWOOSH_API_TOKEN") == 1
    assert ("Token restrictions" in said) is (token is not None and bool(body))


@pytest.mark.parametrize("skew", [3597.0, -205.0])
def test_a_clock_that_differs_is_found(skew: float) -> None:
    """The answer's date tells by how much, and in which direction."""
    with vendor(skew=skew) as server:
        assert states(server.url)["clock"] is PROBLEM
        said = found(server.url, "clock")
    assert ("behind the server's" if skew > 0 else "ahead of the server's") in said
    assert ("59 min 5" if skew > 0 else "3 min 2") in said


@pytest.mark.parametrize("date", ["", "yesterday", "Sun, 99 Nov 2026 14:00:00 GMT"])
def test_a_clock_that_nobody_tells_is_not_known(date: str) -> None:
    """Without a readable date nothing is claimed."""
    assert judge_clock(Probe(Stage.DONE, date=date, began=time.time())).state is NOT_KNOWN


@pytest.mark.parametrize("skew", [-50.0, 0.0, 50.0])
def test_a_few_seconds_are_no_problem(skew: float) -> None:
    """A header has whole seconds, and an answer takes a while."""
    with vendor(skew=skew) as server:
        assert states(server.url)["clock"] is OK


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (404, b"", "--endpoint"),
        (302, b"", "--endpoint"),
        (503, b"", "Try again later"),
        (200, b"<html><title>Sign in to the hotel's WiFi</title></html>", "Sign in to the hotel"),
        (200, faultserver.OK, "another server"),
    ],
)
def test_a_server_that_does_not_answer_as_the_vendor_is_found(status: int, body: bytes, words: str) -> None:
    """A wrong path, a redirect, an outage, a captive portal, and a server that takes just anything."""
    with vendor(status, body) as server:
        seen, said = states(server.url), found(server.url, "answer")
    assert seen["answer"] is PROBLEM
    assert words in said
    assert seen["connection"] is OK
    assert seen["token"] is NOT_KNOWN


def test_a_certificate_that_nobody_knows_is_found_and_gets_no_token(authority: trustme.CA) -> None:
    """The advice is to check the address or to name the authority; the token stays here."""
    with vendor(tls=speak_as(authority)) as server:
        seen, said = states(server.url), found(server.url, "certificate")
    assert (seen["certificate"], seen["connection"]) == (PROBLEM, OK)
    assert {seen[name] for name in ("answer", "token", "clock")} == {NOT_KNOWN}
    assert "--ca-bundle" in said
    assert not server.accepted


def test_an_expired_certificate_says_when_it_ended(authority: trustme.CA, trusted: Path) -> None:
    """The reason is there, and the time."""
    ended = datetime.datetime(2020, 2, 29, tzinfo=datetime.UTC)
    with vendor(tls=speak_as(authority, ended)) as server:
        said = found(server.url, "certificate", ca_bundle=trusted)
    assert "expired" in said
    assert "valid until 2020-02-29 00:00 UTC" in said


@pytest.mark.parametrize(("days", "state"), [(1, PROBLEM), (30, OK)])
def test_a_certificate_that_ends_soon_is_told(days: int, state: CheckState) -> None:
    """A load of a night must not meet the end of a certificate unprepared."""
    now = time.time()
    seen = Probe(Stage.DONE, expires=now + days * 86_400, began=now)
    assert judge_certificate(seen, settings_for("https://127.0.0.1/")).state is state


def test_nobody_listens() -> None:
    """A refused connection is found, and what comes after is not known rather than wrong."""
    seen = states("http://127.0.0.1:9/")
    assert (seen["name"], seen["connection"]) == (OK, PROBLEM)
    assert {seen[name] for name in ("answer", "token", "clock")} == {NOT_KNOWN}


def test_a_name_that_does_not_exist() -> None:
    """A misspelt host is found at the first step."""
    seen = states("https://no-such-host.invalid/")
    assert seen["name"] is PROBLEM
    assert {seen[name] for name in NETWORK[1:] if name != "proxy"} == {NOT_KNOWN}


def test_a_server_that_is_silent_is_waited_for_only_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step has its time-out."""
    monkeypatch.setattr(probe, "TIMEOUTS", Timeouts(0.5, 0.5, 0.5))
    with FaultServer([faultserver.hang]) as server:
        began = time.monotonic()
        seen = probe.send_probe(server.url, BODY, None, timeouts=probe.TIMEOUTS)
    assert time.monotonic() - began < 5
    assert seen.stage is Stage.ANSWER


def test_a_proxy_is_used_and_named_without_its_password() -> None:
    """The way leads over the proxy; its password is in no line."""
    with FaultServer([answer(407, b"")]) as there:
        proxy = Proxy.parse(f"http://me:pass-word@127.0.0.1:{there.port}")
        checks = examine(settings_for("https://no-such-host.invalid/", proxy=proxy)).checks
    seen = {each.name: each for each in checks}
    assert seen["proxy"].state is PROBLEM
    assert "--proxy" in seen["proxy"].advice
    assert "pass-word" not in repr(checks)


def test_a_full_disk_is_found(tmp_path: Path) -> None:
    """Where the checkpoint goes there must be room; how much there is and where is said."""
    settings = settings_for("http://127.0.0.1:9/", checkpoint=tmp_path / "c.ckpt")
    (disk,) = (each for each in examine(settings, lambda _: 3_000_000).checks if each.name == "disk")
    assert disk.state is PROBLEM
    assert disk.found == f"3.0 MB free in {tmp_path}"
    assert "--checkpoint" in disk.advice
    (disk,) = (each for each in examine(settings, lambda _: 10**12).checks if each.name == "disk")
    assert disk.state is OK


def test_a_folder_that_is_not_there_is_found(tmp_path: Path) -> None:
    """A checkpoint cannot be kept in it."""
    seen = {
        each.name: each
        for each in examine(settings_for("http://127.0.0.1:9/", checkpoint=tmp_path / "no" / "c")).checks
    }
    assert seen["locks"].state is PROBLEM
    assert "no file can be written there" in seen["locks"].found
    assert seen["disk"].state is NOT_KNOWN


def _allow_all(_: int) -> bool:
    return False


def _refuse(_: int) -> bool:
    raise OSError(95, "Operation not supported")


@pytest.mark.parametrize(
    ("name", "stand_in", "words"),
    [("is_byte_locked", _allow_all, "keeps nobody out"), ("lock_byte", _refuse, "Operation not supported")],
)
def test_a_file_system_without_locks_is_found(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    stand_in: Callable[[int], bool],
    words: str,
) -> None:
    """On a network file system that takes every lock, or none, two loads could run at once."""
    monkeypatch.setattr(f"loader.journal.folder_trial.{name}", stand_in)
    check = machine.check_locks(tmp_path)
    assert check.state is PROBLEM
    assert words in check.found


def test_a_folder_is_left_as_it_was(tmp_path: Path) -> None:
    """What is tried there is removed."""
    assert machine.check_locks(tmp_path).state is OK
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_hangs_holds_up_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A server of files that has gone keeps calls for minutes: the check says so after its time."""
    monkeypatch.setattr(examination, "MOST_SECONDS", 0.2)
    settings = settings_for("http://127.0.0.1:9/", checkpoint=tmp_path / "c")

    def hang(_: Path) -> int:
        time.sleep(3)
        return 10**12

    seen = {each.name: each for each in examine(settings, hang).checks}
    assert seen["disk"].state is NOT_KNOWN
    assert "no answer" in seen["disk"].found


def run(command: CommandLine, *more: object, code: int = 0, **environment: str) -> Ran:
    """Run the command."""
    ran = command.run("doctor", *more, **environment)
    assert ran.code == code, ran.out + ran.err
    return ran


def test_a_sandbox_is_ready(command: CommandLine) -> None:
    """Without a network the command works, and leaves no file behind."""
    out = run(command, "--sandbox").out
    assert "No problem was found." in out
    assert all(f"\n{name}" in f"\n{out}" for name in (*NETWORK, "disk", "locks", "time zones", "parts"))
    assert list(command.folder.iterdir()) == []


def test_a_problem_has_an_exit_code_and_a_record(command: CommandLine) -> None:
    """A job can look before it begins: the code says that something is wrong, the record what."""
    with vendor(401, b"") as server:
        ran = run(
            command,
            *("--endpoint", server.url, "--summary", "doctor.json"),
            code=2,
            PUSHWOOSH_API_TOKEN="secret-token",
        )
    record = json.loads((command.folder / "doctor.json").read_text())
    assert (record["command"], record["exit_code"], record["state"]) == ("doctor", 2, "ended")
    token = next(each for each in record["checks"] if each["name"] == "token")
    assert token["state"] == "problem"
    assert "1 problem to fix." in ran.out
    assert "secret-token" not in ran.out + ran.err + json.dumps(record)


def test_the_versions_are_those_of_the_parts(command: CommandLine) -> None:
    """Whoever asks for help can name what is in use."""
    import pyarrow as pa  # noqa: PLC0415 - for one line
    import pycurl  # noqa: PLC0415 - for one line

    out = run(command, "--sandbox").out
    assert f"pyarrow {pa.__version__}" in out
    assert f"libcurl {pycurl.version_info()[1]}" in out


def test_proxies_of_the_environment_are_not_used_and_that_is_told(command: CommandLine) -> None:
    """A user who set a variable for other programs learns that it does not count here."""
    out = run(command, "--sandbox", HTTPS_PROXY="http://127.0.0.1:9").out
    assert "none; HTTPS_PROXY of the environment is not used" in out
