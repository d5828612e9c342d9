"""What a report counts rows by: written with the lease, or not at all; never in the way of a row."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from loader.errors import CheckpointError
from loader.journal import Journal, PackedCategories, schema
from tests.journal.conftest import Place, confirmed, die, identity
from tests.journal.disk import Disk
from tests.journal.test_disk import FOR_EVER, Full, on, sent

if TYPE_CHECKING:
    from loader.journal import CheckpointView

# Longer than a page, so that it takes several writes.
CODES = random.Random(0).randbytes(3000)


def packed(first: int, stop: int) -> PackedCategories:
    """The categories of some rows."""
    return PackedCategories(first, stop, CODES)


def kept(view: CheckpointView) -> list[PackedCategories]:
    """What a checkpoint keeps, without the numbers."""
    return [categories for _, categories in view.categories()]


@pytest.mark.parametrize("killed", [True, False])
def test_they_are_there_once_a_row_may_be_sent(place: Place, *, killed: bool) -> None:
    """After the lease returned they outlive a kill, and are listed by their first row; the last is known."""
    journal = place.open()
    journal.lease(range(500, 510), categories=packed(500, 600))
    journal.lease(range(10), categories=packed(0, 100))
    journal.lease(range(520, 530), categories=packed(500, 600))
    die(journal) if killed else journal.close()
    found = list(place.view().categories())
    assert [each for _, each in found] == [packed(0, 100), packed(500, 600), packed(500, 600)]
    assert found[2][0] > found[0][0] > found[1][0]


def test_a_lease_that_found_no_room_leaves_none(place: Place) -> None:
    """A disk that fills up at any write of a lease: neither its rows nor their categories are there."""
    for writes in range(FOR_EVER):
        place.path = place.path.with_name(f"{writes}.ckpt")
        disk = Disk(random.Random(0), FOR_EVER)
        journal = on(disk, place)
        sent(journal, range(4))
        disk.refuses = full = Full(writes, room=lambda: not place.beside("-reserve").exists())
        try:
            journal.lease(range(4, 300), categories=packed(4, 600))
        except CheckpointError as error:
            assert "the disk is full" in str(error)  # noqa: PT017  # whether it is raised is the question
        if not full.refused:
            break
        journal.settle(confirmed(range(4)))
        journal.close()
        assert kept(place.view()) == []
        assert place.view().account().confirmed == 4
    assert writes > 3


def test_a_load_that_begins_again_begins_without_them(place: Place) -> None:
    """What was kept for another mapping does not stay behind."""
    with place.open() as journal:
        journal.lease(range(10), categories=packed(0, 100))
        journal.release()
    assert kept(place.view())
    with place.open(identity=identity(mapping="another")):
        pass
    assert kept(place.view()) == []


@pytest.mark.parametrize("present", [1, 2, 3, 4])
def test_an_earlier_version_has_none_and_is_continued_with_them(
    place: Place, monkeypatch: pytest.MonkeyPatch, present: int
) -> None:
    """A checkpoint of any version before is looked at as it is; the next run keeps them."""
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:present])
        if present < schema.LEFT_OUT.since:
            patch.setattr("loader.journal.store.Store.left_out", lambda *_: None)
        with place.open() as journal:
            journal.lease(range(20))
            journal.settle(confirmed(range(20)))
    before = place.path.read_bytes()
    assert kept(place.view()) == []
    assert place.path.read_bytes() == before
    with place.open() as journal:
        journal.lease(range(20, 30), categories=packed(20, 30))
    assert kept(place.view()) == [packed(20, 30)]
    assert place.view().account().confirmed == 20


def test_a_recovered_checkpoint_keeps_what_it_still_has(place: Place) -> None:
    """A lost slot file costs none of them, and what is leased later is the last again."""
    with place.open() as journal:
        journal.lease(range(10), categories=packed(0, 10))
        journal.settle(confirmed(range(10)))
    place.beside("-wire").unlink()
    with Journal.recover(place.path, host=place.host):
        pass
    assert kept(place.view()) == [packed(0, 10)]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE categories SET first = 1",
        "UPDATE categories SET stop = 99",
        "UPDATE categories SET number = number + 1",
        "UPDATE categories SET codes = x'00'",
        "UPDATE categories SET codes = NULL",
        "UPDATE categories SET crc = crc + 1",
    ],
)
def test_a_change_is_refused_where_they_are_read_and_nowhere_else(place: Place, change: str) -> None:
    """What is damaged there is not counted; the account does not depend on it, and the load continues."""
    with place.open() as journal:
        journal.lease(range(10), categories=packed(0, 100))
        journal.settle(confirmed(range(10)))
    with closing(sqlite3.connect(place.path)) as connection:
        connection.execute(change)
        connection.commit()
    assert place.view().account().confirmed == 10
    with pytest.raises(CheckpointError, match="its table categories does not fit its checksum"):
        kept(place.view())
    with place.open() as journal:
        journal.lease(range(10, 20))
