"""Rows that are not sent again, because a later row of their owner is at the vendor, or may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loader.journal import CheckpointView
from loader.methods import Kind
from loader.model import Decision, State
from loader.resolution import resolve
from tests import faultserver
from tests.failed_rows import counts, left_in_doubt

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

IN_DOUBT, CONFIRMED, REJECTED = State.IN_DOUBT, State.CONFIRMED, State.REJECTED
HEADER = "user_id,plan,city\n"
UNDOES = "not sent, because a later row of the same user or device is at the vendor, or may be; it would undo"
PARTLY = "or may be, and sets some of the same tags; the others are not set"


@pytest.mark.parametrize(
    ("later", "reason"),
    [
        (["U2,silver,"], ""),
        (["U1,,Oslo"], ""),
        (["U1,silver,"], UNDOES),
        (["U1,silver,Bergen"], UNDOES),
    ],
    ids=["another user", "another tag", "the same tag", "more tags"],
)
def test_a_row_of_tags_is_sent_after_a_later_one_only_if_it_undoes_no_tag(
    command: CommandLine, tmp_path: Path, later: list[str], reason: str
) -> None:
    """Tags merge: an older row still sets what no later row of its user has set, and nothing else."""
    rows = HEADER + "\n".join(["U1,gold,", *later]) + "\n"
    with faultserver.FaultServer() as server:
        checkpoint = left_in_doubt(tmp_path, server.url, REJECTED, CONFIRMED, kind=Kind.TAGS, rows=rows)
        assert command.run("retry", checkpoint).code == (3 if reason else 0)
        assert len(server.bodies) == (not reason)
    messages = [row.message for row in CheckpointView.open(checkpoint).exceptions(REJECTED)]
    assert len(messages) == bool(reason)
    assert all(reason in message for message in messages)


def test_a_row_whose_tags_are_set_by_several_later_rows_is_undone_by_them_all(tmp_path: Path) -> None:
    """What a row sets may be set by more than one later row; what none of them sets is said to be left."""
    rows = HEADER + "U1,gold,Oslo\nU1,silver,\nU1,bronze,\n"
    checkpoint = left_in_doubt(
        tmp_path, "http://127.0.0.1:9/", IN_DOUBT, CONFIRMED, CONFIRMED, kind=Kind.TAGS, rows=rows
    )
    resolved = resolve(checkpoint, Decision.RESEND)
    assert (resolved.rows, resolved.overtaken, resolved.partly) == (0, {0: 1}, frozenset({0}))
    (tmp_path / "other").mkdir()
    rows = HEADER + "U1,gold,Oslo\nU1,silver,\nU1,,Bergen\n"
    checkpoint = left_in_doubt(
        tmp_path / "other", "http://127.0.0.1:9/", IN_DOUBT, CONFIRMED, CONFIRMED, kind=Kind.TAGS, rows=rows
    )
    resolved = resolve(checkpoint, Decision.RESEND)
    assert (resolved.rows, resolved.overtaken, resolved.partly) == (0, {0: 1}, frozenset())


def test_tags_that_no_later_row_sets_are_said_to_be_unset(command: CommandLine, tmp_path: Path) -> None:
    """A row that is partly undone is not sent in part: its reason says that some tags are not set."""
    rows = HEADER + "U1,gold,Oslo\nU1,silver,\nU2,gold,\n"
    with faultserver.FaultServer() as server:
        checkpoint = left_in_doubt(tmp_path, server.url, kind=Kind.TAGS, rows=rows)
        asked = command.run("resolve", checkpoint, "--resend", "--yes")
        assert "1 row also sets tags that no later row sets. If it did not land, load those tags" in asked.out
        assert command.run("resolve", checkpoint, "--dropped", "--yes").code == 0
        load = ("tags", tmp_path / "tags.csv", "--app", "AAAAA-BBBBB", "--endpoint", server.url)
        assert counts(command.summary(*load)) == (2, 1, 0, 0)
        assert [b"U2" in body for body in server.bodies] == [True]
    (row,) = CheckpointView.open(checkpoint).exceptions(REJECTED)
    assert PARTLY in row.message


def test_a_rejected_row_that_was_overtaken_gets_that_as_its_reason(
    command: CommandLine, tmp_path: Path
) -> None:
    """After a retry the list of failures says why the row was not sent, and the advice is no circle."""
    with faultserver.FaultServer() as server:
        checkpoint = left_in_doubt(tmp_path, server.url, REJECTED, CONFIRMED, CONFIRMED)
        first = command.run("retry", checkpoint)
        again = command.run("retry", checkpoint)
        assert (first.code, again.code, server.bodies) == (3, 3, [])
    assert "retry" not in again.out.split("never sent", 1)[1]
    (row,) = CheckpointView.open(checkpoint).exceptions(REJECTED)
    assert "a later row of the same device is at the vendor, or may be; it would undo that one" in row.message
    assert len(CheckpointView.open(checkpoint).decisions) == 1, "the second retry changed nothing"
