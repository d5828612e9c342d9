"""Rows in doubt are settled as a user decides, and only then."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

from loader.model import Decision
from loader.resolution import resolve
from tests import faultserver
from tests.failed_rows import Load, Vendor, counts, left_in_doubt, times_sent

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine


def test_doubts_that_landed_are_confirmed_without_a_request(
    load: Load, vendor: Vendor, server: faultserver.FaultServer
) -> None:
    """`resolve --landed` ends the doubt, and the same load then exits 0 with nothing sent."""
    vendor.cut = {"0003", "0017"}
    assert counts(load.summary()) == (28, 0, 2, 0)
    said = load.run("resolve", "--landed")
    assert said.startswith("2 rows in doubt are now confirmed.")
    assert counts(load.summary()) == (30, 0, 0, 0)
    assert len(server.bodies) == 30


def test_doubts_are_told_apart_by_what_was_looked_up(
    load: Load, vendor: Vendor, server: faultserver.FaultServer, tmp_path: Path
) -> None:
    """Ids found at the vendor are confirmed, the others sent once more, none marked as a duplicate."""
    vendor.cut = {"0003", "0017"}
    load.summary()
    (tmp_path / "found.csv").write_text("user_id\n0003\n")
    load.run("resolve", "--landed", "--from", "found.csv")
    load.run("resolve", "--dropped")
    vendor.cut = set()
    account = load.summary()
    assert (counts(account), account["possible_duplicates"]) == ((30, 0, 0, 0), 0)
    assert (times_sent(server, "0003"), times_sent(server, "0017")) == (1, 2)


def test_events_in_doubt_go_again_when_the_same_load_asks_for_it(
    load: Load, vendor: Vendor, server: faultserver.FaultServer
) -> None:
    """`--on-doubt resend` takes in what earlier runs left in doubt; without it nothing is sent again."""
    vendor.cut = {"0003"}
    load.summary()
    vendor.cut = set()
    assert counts(load.summary()) == (29, 0, 1, 0)
    account = load.summary("--on-doubt", "resend")
    assert (counts(account), account["possible_duplicates"]) == ((30, 0, 0, 0), 1)
    assert times_sent(server, "0003") == 2


def test_one_row_is_spoken_of_as_one(load: Load, vendor: Vendor) -> None:
    """Words agree in number, and a look at a checkpoint names the load as the command that continues."""
    vendor.cut = {"0003"}
    load.summary("--limit", 29)
    said = load.run("status")
    assert "1 row never sent. The load command itself (`events`) sends it." in said
    said = load.run("resolve", "--dropped")
    assert said.startswith("1 row will be sent by the next load.")
    assert "1 of the rows never sent was given back, to send again" in load.run("status")


def test_two_decisions_at_once_are_refused(load: Load, vendor: Vendor) -> None:
    """`resolve --landed --dropped` settles nothing: which of them is meant cannot be told."""
    vendor.cut = {"0003"}
    load.summary()
    said = load.run("resolve", "--landed", "--dropped", code=2)
    assert said.endswith("Say what became of the rows: give --landed, --dropped or --resend.\n")
    assert counts(load.summary()) == (29, 0, 1, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="needs pseudoterminals")
@pytest.mark.parametrize(
    ("more", "answer", "code", "in_doubt"),
    [((), "n", 2, 2), ((), "y", 0, 0), (("--yes",), "", 0, 0), (("--from", "found.csv"), "", 0, 1)],
)
def test_a_person_is_asked_before_all_doubts_are_settled(
    load: Load, vendor: Vendor, more: tuple[str, ...], answer: str, code: int, in_doubt: int
) -> None:
    """On a terminal `resolve` of all rows asks first; --yes or a file of rows needs no answer."""
    vendor.cut = {"0003", "0017"}
    load.summary()
    (load.command.folder / "found.csv").write_text("user_id\n0003\n")
    keyboard, terminal = os.openpty()
    try:
        os.write(keyboard, f"{answer}\n".encode())
        arguments = ("resolve", "events.csv.events.ckpt", "--landed", *more)
        process = load.command.start(*arguments, stdin=terminal)
        _, said = process.communicate(timeout=60)
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert process.returncode == code, said
    assert ("Confirm 2 rows in doubt as landed? [y/N]: " in said) is bool(answer)
    assert counts(load.summary()) == (30 - in_doubt, 0, in_doubt, 0)


def test_an_old_row_of_a_device_is_not_given_back_over_a_newer_one(tmp_path: Path) -> None:
    """A user's row in doubt stays so when a later row of its device is confirmed; others are given back."""
    checkpoint = left_in_doubt(tmp_path, "http://127.0.0.1:9/")
    resolved = resolve(checkpoint, Decision.RESEND)
    assert (resolved.rows, resolved.overtaken) == (1, {0: 1})
    assert (resolved.account.in_doubt, resolved.account.never_sent) == (1, 1)
    landed = resolve(checkpoint, Decision.LANDED)
    assert (landed.account.confirmed, landed.account.in_doubt) == (2, 0)


def test_users_in_doubt_go_again_on_resume_but_not_over_a_newer_row(
    command: CommandLine, tmp_path: Path
) -> None:
    """The same load again settles users in doubt, except one that would undo a confirmed later row."""
    with faultserver.FaultServer() as server:
        left_in_doubt(tmp_path, server.url)
        arguments = ("users", tmp_path / "users.csv", "--app", "AAAAA-BBBBB", "--endpoint", server.url)
        account = command.summary(*arguments)
        assert counts(account) == (2, 0, 1, 0)
        assert [b"lone" in body for body in server.bodies] == [True]
        assert counts(command.summary(*arguments)) == (2, 0, 1, 0)
        assert len(server.bodies) == 1


def test_a_lost_part_is_named_and_the_advice_leads_on(load: Load, server: faultserver.FaultServer) -> None:
    """Followed to the letter, it takes an ended load of ten rows to its end, each row sent once."""
    load.summary("--limit", 10)
    load.command.folder.joinpath("events.csv.events.ckpt-wire").unlink()
    refused = load.command.run(*load.arguments)
    assert refused.code == 2
    assert "events.csv.events.ckpt-wire is missing or damaged" in refused.err
    assert "If it is lost, `resolve --recover` keeps what is known" in refused.err
    said = load.run("resolve", "--recover")
    assert said.startswith("The checkpoint can be used again. 20 rows may have been sent and are now in")
    assert "20 rows put in doubt, because a part of the checkpoint was lost" in load.run("status")
    listed = load.run("failures", "--in-doubt", "--format", "jsonl").splitlines()[:20]
    assert all("a part of the checkpoint was lost" in json.loads(row)["_loader_reason"] for row in listed)
    load.run("resolve", "--dropped")
    assert counts(load.summary()) == (30, 0, 0, 0)
    assert len(server.bodies) == 30
    assert "nothing to recover" in load.run("resolve", "--recover", code=2)


@pytest.mark.parametrize("more", [("--landed",), ("--from", "found.csv")])
def test_a_recovery_settles_nothing_at_the_same_time(load: Load, more: tuple[str, ...]) -> None:
    """Which rows are in doubt is known only afterwards."""
    load.summary("--limit", 10)
    load.command.folder.joinpath("events.csv.events.ckpt-wire").unlink()
    assert "--recover comes first and alone" in load.run("resolve", "--recover", *more, code=2)


def test_what_is_left_of_a_deleted_checkpoint_keeps_its_rows_from_going_again(
    load: Load, server: faultserver.FaultServer
) -> None:
    """If its main file alone is deleted, nothing is sent; if what is named is deleted too, all is."""
    load.summary()
    load.command.folder.joinpath("events.csv.events.ckpt").unlink()
    refused = load.command.run(*load.arguments)
    assert refused.code == 2
    assert "is gone, but events.csv.events.ckpt-wire beside it is a part of it" in refused.err
    for look in ("status", "failures", "resolve --landed"):
        assert "is gone, but events.csv.events.ckpt-wire" in load.run(*look.split(), code=2)
    assert len(server.bodies) == 30
    load.command.folder.joinpath("events.csv.events.ckpt-wire").unlink()
    assert counts(load.summary()) == (30, 0, 0, 0)
    assert len(server.bodies) == 60
