"""A mistyped application, host, path or token, corrected: the load continues in the same checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import faultserver
from tests.cli.conftest import GOOD, NAMELESS, events_csv

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import CommandLine

RIGHT = "AAAAA-BBBBB"
LOCAL = ",,purchase,20240229,America/New_York,1"
UNKNOWN = b'{"status_code":210,"status_message":"Application not found","response":null}'
NO = b'{"status_code":210,"status_message":"not today","response":null}'


class Vendor:
    """Knows one application, one path and one token."""

    def __init__(self, token: str = "") -> None:
        self.token = token
        self.took: list[bytes] = []

    def __call__(self, visit: faultserver.Visit) -> None:
        """Answer as the vendor does."""
        head, body = visit._request()
        if b"POST /json/1.3/" not in head:
            visit.send(faultserver.http(404, b"<html>no such page</html>"))
        elif self.token and f"Authorization: Token {self.token}\r\n".encode() not in head:
            visit.send(faultserver.http(401, b""))
        elif RIGHT.encode() not in body:
            visit.send(faultserver.http(200, UNKNOWN))
        else:
            self.took.append(body)
            visit.send(faultserver.http(200))


def events_with_a_reject(folder: Path, rows: int = 60) -> Path:
    """The second row is rejected on this machine; every other row is another one."""
    good = [GOOD.replace("0042", f"{number:04}") for number in range(rows - 1)]
    return events_csv(folder, good[0], NAMELESS, *good[1:])


def users_with_a_reject(folder: Path, rows: int = 60) -> Path:
    """The second row has no device."""
    path = folder / "users.csv"
    lines = [f"u{number},DEV-{number}" for number in range(rows - 1)]
    path.write_text("\n".join(["user_id,device_id", lines[0], "lone,", *lines[1:]]) + "\n")
    return path


@pytest.fixture
def vendor() -> Vendor:
    """A vendor that asks for a token."""
    return Vendor("right-token")


@pytest.fixture
def server(vendor: Vendor) -> Iterator[faultserver.FaultServer]:
    """Its server."""
    with faultserver.FaultServer([vendor]) as running:
        yield running


WRONG = {
    "application": (["--app", "AAAAA-BBBBX"], "right-token", "{}/json/1.3/"),
    "path": (["--app", RIGHT], "right-token", "{}/json/1.2/"),
    "token": (["--app", RIGHT], "wrong-token", "{}/json/1.3/"),
}


@pytest.mark.parametrize("kind", ["events", "users"])
@pytest.mark.parametrize("mistake", WRONG)
def test_a_corrected_command_continues_in_the_same_checkpoint(
    command: CommandLine,
    tmp_path: Path,
    vendor: Vendor,
    server: faultserver.FaultServer,
    kind: str,
    mistake: str,
) -> None:
    """After a mistake that the vendor noticed, the corrected command sends every row once."""
    source = (events_with_a_reject if kind == "events" else users_with_a_reject)(tmp_path)
    root = f"http://127.0.0.1:{server.port}"
    options, token, endpoint = WRONG[mistake]
    first = command.run(
        kind, source, *options, "--endpoint", endpoint.format(root), PUSHWOOSH_API_TOKEN=token
    )
    assert first.code == 5, first.out + first.err
    assert vendor.took == []
    second = command.summary(
        kind, source, "--app", RIGHT, "--endpoint", f"{root}/json/1.3/", PUSHWOOSH_API_TOKEN="right-token"
    )
    assert (second["confirmed"], second["rejected"], second["in_doubt"], second["never_sent"]) == (
        59, 1, 0, 0,
    )  # fmt: skip
    assert len(vendor.took) == len(set(vendor.took)) == 59


def test_a_mistyped_host_that_refuses_every_row_is_corrected(
    command: CommandLine, tmp_path: Path, vendor: Vendor, server: faultserver.FaultServer
) -> None:
    """Another server's HTTP 400 binds nothing: it is not known to be the vendor."""
    source = events_with_a_reject(tmp_path)
    with faultserver.FaultServer(
        [faultserver.answer(400, b"<html><title>Bad Request</title></html>")]
    ) as other:
        first = command.run(
            "events", source, "--app", RIGHT, "--endpoint", other.url, PUSHWOOSH_API_TOKEN="right-token"
        )
    assert first.code == 5, first.err
    second = command.summary(
        "events", source, "--app", RIGHT, "--endpoint", server.url, PUSHWOOSH_API_TOKEN="right-token"
    )
    assert (second["confirmed"], second["rejected"]) == (59, 1)
    assert len(vendor.took) == 59


def test_the_stop_for_an_unknown_application_says_what_to_check(
    command: CommandLine, tmp_path: Path, server: faultserver.FaultServer
) -> None:
    """The user is sent to --app, because no change of the rows can help."""
    ran = command.run(
        "events", events_with_a_reject(tmp_path), "--app", "AAAAA-BBBBX", "--endpoint", server.url,
        PUSHWOOSH_API_TOKEN="right-token",
    )  # fmt: skip
    assert "Check --app. With the right one, the load begins again with these rows." in " ".join(
        ran.out.split()
    )


def test_after_an_unknown_application_no_step_leads_to_it_again(
    command: CommandLine, tmp_path: Path, vendor: Vendor, server: faultserver.FaultServer
) -> None:
    """Load, status and report name the corrected load, and no retry: it would send to the wrong one."""
    source, checkpoint = events_with_a_reject(tmp_path), "events.csv.events.ckpt"
    load = ("events", source, "--endpoint", server.url, "--app")
    token = {"PUSHWOOSH_API_TOKEN": "right-token"}
    ran = command.run(*load, "AAAAA-BBBBX", **token)
    status = command.run("status", checkpoint)
    assert command.run("report", checkpoint, "-o", "r.html").code == 0
    page = " ".join((tmp_path / "r.html").read_text().split())
    assert "The vendor does not know the application. Check --app." in page
    for text in (ran.out, status.out, page):
        assert "pushwoosh-loader retry" not in text
        words = " ".join(text.split())
        assert "with the right --app sends them." in words
        assert "with the right --app begins again with them." in words
    assert command.run(*load, RIGHT, **token).code == 3
    assert len(vendor.took) == 59
    after = command.run("status", checkpoint)
    assert "[--mapping FIXED.toml]" in after.out
    assert "--app" not in after.out


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (faultserver.answer(), 3),
        (faultserver.answer(200, NO), 3),
        (faultserver.close_after_request, 4),
    ],
    ids=["confirmed", "rejected by the vendor", "in doubt"],
)
def test_a_vendor_that_knew_the_application_binds_the_checkpoint(
    command: CommandLine, tmp_path: Path, answer: faultserver.Behaviour, code: int
) -> None:
    """Once a row is confirmed, in doubt or rejected by the vendor, another application is refused."""
    source = events_with_a_reject(tmp_path)
    with faultserver.FaultServer([answer]) as server:
        first = command.run("events", source, "--app", RIGHT, "--endpoint", server.url, "--limit", 3)
        assert first.code == code, first.err
        for elsewhere in (["--app", "AAAAA-CCCCC"], ["--app", RIGHT, "--endpoint", "http://127.0.0.1:9/"]):
            options = ["--endpoint", server.url, *elsewhere]
            second = command.run("events", source, *options)
            assert second.code == 2
            assert "was made for another load" in second.err
        sent = len(server.bodies)
        assert sent <= 3


def test_rows_rejected_for_a_mistyped_application_are_right_for_the_next(
    command: CommandLine, tmp_path: Path
) -> None:
    """One row, rejected here, bound nothing; the account afterwards is the one of the right application."""
    source = events_csv(tmp_path, *[LOCAL] * 3)
    first = command.summary("events", source, "--app", "AAAAA-BBBBX")
    assert (first["exit_code"], first["rejected"]) == (3, 3)
    second = command.summary("events", source, "--app", RIGHT)
    assert (second["exit_code"], second["rejected"]) == (3, 3)
    shown = command.run("status", "events.csv.events.ckpt")
    assert RIGHT in shown.out
    assert "AAAAA-BBBBX" not in shown.out


def test_a_corrected_destination_does_not_excuse_another_input(command: CommandLine, tmp_path: Path) -> None:
    """With the destination unchanged, rows rejected here still bind the checkpoint to its input."""
    source = events_csv(tmp_path, LOCAL)
    assert command.run("events", source, "--app", RIGHT).code == 3
    source.write_text(source.read_text() + GOOD + "\n")
    ran = command.run("events", source, "--app", RIGHT)
    assert ran.code == 2
    assert "events.csv was appended to" in ran.err
