"""Rejected rows and rows given back are sent again, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.journal import CheckpointView
from loader.model import State
from tests import faultserver
from tests.failed_rows import HEADER, ROWS, USERS, Load, Vendor, counts, left_in_doubt, user_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine


def test_a_resend_is_marked_for_ever(load: Load, vendor: Vendor, server: faultserver.FaultServer) -> None:
    """`resolve --resend` and `retry` send only these rows, and the account calls them possible duplicates."""
    vendor.cut = {"0003"}
    load.summary("--limit", 10)
    load.run("resolve", "--resend")
    vendor.cut = set()
    account = load.command.summary("retry", "events.csv.events.ckpt", "--only", "given-back")
    assert (counts(account), account["possible_duplicates"]) == ((10, 0, 0, 20), 1)
    assert len(server.bodies) == 11
    assert "given back, to send again as possible duplicates" in load.run("status")


def test_rejects_of_the_vendor_are_sent_again_alone(
    load: Load, vendor: Vendor, server: faultserver.FaultServer
) -> None:
    """`retry` sends the rejected rows and no others; one that is refused again keeps its reason."""
    vendor.refuse = {"0005", "0006"}
    assert counts(load.summary()) == (28, 2, 0, 0)
    vendor.refuse = {"0006"}
    account = load.command.summary("retry", "events.csv.events.ckpt")
    assert counts(account) == (29, 1, 0, 0)
    assert sorted(user_of(body) for body in server.bodies[30:]) == ["0005", "0006"]
    assert "not today" in load.run("failures", "--rejected")


def test_a_mended_mapping_brings_in_what_it_rejected(
    command: CommandLine, server: faultserver.FaultServer, tmp_path: Path
) -> None:
    """`retry --mapping` maps rejected rows again, and the load continues with that mapping."""
    rows = [*ROWS[:10], ROWS[10].replace("purchase", "a name of more than thirty-two characters"), *ROWS[11:]]
    load = Load(command, server.url, *rows)
    assert counts(load.summary("--limit", 20)) == (19, 1, 0, 10)
    (tmp_path / "fixed.toml").write_text(
        'kind = "events"\n[fields]\nuserId = "user_id"\nhwid = "device_id"\nevent = { const = "purchase" }\n'
        'timestamp = { column = "timestamp", format = "%Y%m%d", zone = { column = "timezone" } }\n'
    )
    fixed = ("--mapping", "fixed.toml")
    assert counts(command.summary("retry", "events.csv.events.ckpt", *fixed)) == (20, 0, 0, 10)
    assert user_of(server.bodies[-1]) == "0011"
    refused = command.run(*load.arguments)
    assert refused.code == 2
    assert "The mapping has changed" in refused.err
    assert "To use the new mapping, give it to `retry` with --mapping" in refused.err
    assert counts(load.summary(*fixed)) == (30, 0, 0, 0)
    status = load.run("status")
    assert ' UTC: the mapping was changed\n    -event = { column = "event" }\n' in status
    assert '\n    +event = { const = "purchase" }\n' in status


def test_a_retry_of_a_rehearsal_goes_to_its_sandbox(command: CommandLine, tmp_path: Path) -> None:
    """Where a retry sends is what the checkpoint says: a sandbox's rows never leave the machine."""
    (tmp_path / "events.csv").write_text(
        HEADER + ROWS[0] + "\n" + ROWS[1].replace("20240229", "20240230") + "\n"
    )
    assert command.run("events", "events.csv", "--sandbox", "--yes").code == 3
    assert command.run("retry", "events.csv.events.sandbox.ckpt", "--yes").code == 3
    assert command.held("select count(*) from events") == [(1,)]


def test_a_retry_that_confirms_all_does_not_speak_of_an_option_that_it_has_not(
    command: CommandLine, tmp_path: Path
) -> None:
    """How to continue from a rehearsal is said by a load, which has --sandbox; and one request is one."""
    (tmp_path / "events.csv").write_text(HEADER + ROWS[0] + "\n")
    (tmp_path / "wrong.toml").write_text(
        'kind = "events"\n[fields]\nuserId = "user_id"\nevent = { const = "purchase" }\n'
        'timestamp = { column = "timestamp", format = "%Y%m%d", zone = "UTC", earliest = 2050-01-01 }\n'
    )
    (tmp_path / "right.toml").write_text(
        (tmp_path / "wrong.toml").read_text().replace(", earliest = 2050-01-01", "")
    )
    load = ("events", "events.csv", "--sandbox", "--yes")
    assert command.run(*load, "--mapping", "wrong.toml").code == 3
    again = command.run("retry", "events.csv.events.sandbox.ckpt", "--yes", "--mapping", "right.toml")
    assert (again.code, "--sandbox" in again.out) == (0, False)
    assert "\n  1 request in " in again.out
    assert "--sandbox" in command.run(*load, "--mapping", "right.toml").out


def test_a_rejected_user_is_not_retried_over_a_row_that_may_be_there(
    command: CommandLine, tmp_path: Path
) -> None:
    """A user's row stays rejected when a later row of its device is in doubt; the retry says so."""
    with faultserver.FaultServer() as server:
        checkpoint = left_in_doubt(tmp_path, server.url, State.REJECTED, State.IN_DOUBT, State.REJECTED)
        ran = command.run("retry", checkpoint)
        assert ran.code == 4
        assert "1 row not sent, because a later row of the same device is at the vendor, or may be" in ran.out
        assert [b"lone" in body for body in server.bodies] == [True]
    account = CheckpointView.open(checkpoint).account()
    assert (account.confirmed, account.rejected, account.in_doubt) == (1, 1, 1)


def test_an_older_row_that_was_never_sent_is_not_sent_after_a_newer_one(
    command: CommandLine, tmp_path: Path
) -> None:
    """A retry may bring in a device's newer row first; the load then rejects the older one, and says why."""
    source, mapping = tmp_path / "users.csv", tmp_path / "fixed.toml"
    source.write_text(USERS)
    checkpoint = tmp_path / "users.csv.users.ckpt"
    with faultserver.FaultServer() as server:
        left_in_doubt(tmp_path, server.url, State.NEVER_SENT, State.REJECTED, State.CONFIRMED)
        assert command.run("retry", checkpoint).code == 5
        arguments = ("users", source, "--app", "AAAAA-BBBBB", "--endpoint", server.url)
        assert counts(command.summary(*arguments)) == (2, 1, 0, 0)
        assert [b"new" in body for body in server.bodies] == [True]
        mapping.write_text('kind = "users"\n[fields]\nhwid = "user_id"\nuserId = "user_id"\n')
        refused = command.run("retry", checkpoint, "--mapping", mapping)
        assert (refused.code, len(server.bodies)) == (2, 1)
    assert "takes hwid from other columns than the mapping with which" in refused.err
    (row,) = CheckpointView.open(checkpoint).exceptions(State.REJECTED)
    assert (row.ordinal, row.message) == (
        0,
        f"{source}, row 1: not sent, because a later row of the same device is at the vendor, or may be; "
        f"it would undo that one ({source}, row 2).",
    )
