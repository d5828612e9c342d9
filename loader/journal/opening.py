"""Opening a checkpoint: create it or verify it, before anything of it is changed."""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from loader.errors import CheckpointError
from loader.journal import recovery, schema
from loader.journal.binding import is_bound
from loader.journal.checkpoint_files import (
    NO_FOLLOW,
    OWNER_ONLY,
    create,
    explain_unusable,
    give_name,
    sync_folder,
)
from loader.journal.identity import verify
from loader.journal.reading import (
    Snapshot,
    explain_damage,
    has_log,
    list_open_rows,
    open_for_reading,
    read_exceptions,
    read_folded_commit,
    take_snapshot,
)
from loader.journal.slots import digest_boot, read_slots
from loader.journal.store import Transaction, connect
from loader.journal.table_rows import Head
from loader.model import State

if TYPE_CHECKING:
    from pathlib import Path

    from loader.journal.checkpoint_files import Files
    from loader.journal.host import Host
    from loader.journal.identity import GrownFrom, Identity
    from loader.journal.ranges import Ranges
    from loader.journal.recovery import Leftovers
    from loader.journal.slots import LeftSlots

RESERVE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Verified:
    """A checkpoint that can be continued.

    Attributes:
        snapshot: its contents.
        identity: what it is for, with the files' present names.
        leftovers: what a dead run left, not yet written.
    """

    snapshot: Snapshot
    identity: Identity
    leftovers: Leftovers

    @property
    def released(self) -> Ranges:
        """The rows below the intent mark that may be leased."""
        return self.leftovers.free(self.snapshot.released)


def ensure_checkpoint(files: Files, wanted: Identity) -> None:
    """Create the checkpoint if there is none; the lock file is held.

    Raises:
        CheckpointError: it cannot be created, or parts of a deleted one are there.
    """
    try:
        if not files.path.exists():
            create_checkpoint(files, wanted)
    except OSError as error:
        raise explain_unusable(files.path, error) from error


def open_verified(
    files: Files,
    wanted: Identity,
    host: Host,
    *,
    replacing: bool = False,
    grown_from: GrownFrom | None = None,
) -> Verified:
    """Verify the checkpoint that is there; it is held.

    Args:
        files: of the checkpoint.
        wanted: what is to be loaded.
        host: the machine.
        replacing: whether the checkpoint of a rehearsal that was made for something else begins again.
        grown_from: what it was made for, if the wanted input certainly begins with that and has more rows.

    Raises:
        CheckpointDiffers: it was made for something else.
        CheckpointError: it cannot be read or trusted. It was left as it is.
    """
    try:
        files.remove_unfinished()
        _bring_up_to_date(files)
        snapshot, left, boot = _look(files, host)
        recovery.refuse_without_slots(files, snapshot, left)
        if may_begin_again(snapshot, wanted) or (replacing and is_replaceable(snapshot.identity, wanted)):
            _begin_again(files, wanted, snapshot.head.commits)
            snapshot, left, boot = _look(files, host)
    except OSError as error:
        raise explain_unusable(files.path, error) from error
    stored = snapshot.identity
    if grown_from is not None and stored.has_input_of(grown_from.identity):
        grown_from.refuse_continued(files.path, snapshot.head.commits)
        stored = replace(stored, files=wanted.files)
    identity = verify(files.path, stored, wanted)
    return Verified(snapshot, identity, recovery.classify(snapshot, left, boot))


def _look(files: Files, host: Host) -> tuple[Snapshot, LeftSlots | None, bytes]:
    """The contents of the checkpoint and its slots, and this boot; an older copy is refused."""
    log = has_log(files)
    with open_for_reading(files) as connection:
        snapshot = take_snapshot(connection, files.path, log=log)
    left, boot = read_slots(files.wire), digest_boot(host.boot_id)
    _refuse_older(files, snapshot, left, boot)
    return snapshot, left, boot


def _refuse_older(files: Files, snapshot: Snapshot, left: LeftSlots | None, boot: bytes) -> None:
    recovery.refuse_older(
        files, snapshot, left, boot, names=files.count_names(), folded=read_folded_commit(files)
    )


def salvage(files: Files, host: Host) -> Verified:
    """Find what is known of a checkpoint that is refused because a part is lost; it is held.

    Raises:
        CheckpointError: it cannot be read or trusted, or no part of it is lost.
    """
    _bring_up_to_date(files)
    log = has_log(files)
    with open_for_reading(files) as connection:
        snapshot = take_snapshot(connection, files.path, log=log)
        left, boot = read_slots(files.wire), digest_boot(host.boot_id)
        _refuse_whole(files, snapshot, left, boot)
        reach = recovery.find_reach(snapshot, left, boot)
        leftovers = recovery.salvage(
            reach,
            list_open_rows(connection, files.path, snapshot.identity.rows, reach.mark),
            chain.from_iterable(
                read_exceptions(connection, files.path, state) for state in (State.REJECTED, State.IN_DOUBT)
            ),
        )
    return Verified(snapshot, snapshot.identity, leftovers)


def _refuse_whole(files: Files, snapshot: Snapshot, left: LeftSlots | None, boot: bytes) -> None:
    try:
        _refuse_older(files, snapshot, left, boot)
        recovery.refuse_without_slots(files, snapshot, left)
    except CheckpointError:
        return
    raise CheckpointError(
        f"{files.path} has all of its parts, so there is nothing to recover. Nothing was changed."
    )


def may_begin_again(snapshot: Snapshot, wanted: Identity) -> bool:
    """Whether the checkpoint of another load promised nothing yet, so that a mistake can be corrected.

    One that knows no row was made for nothing in particular. One that knows only rows which no vendor of its
    application has seen can still go elsewhere: then those rows are looked at once more.
    """
    stored = snapshot.identity
    if snapshot.blank:
        return stored.differs(wanted)
    elsewhere = stored.goes_elsewhere(wanted.application, wanted.endpoint)
    return elsewhere and stored.kind == wanted.kind and not is_bound(snapshot)


def is_replaceable(stored: Identity, wanted: Identity) -> bool:
    """Whether a checkpoint is of a rehearsal, and begins again for another one.

    What a rehearsal has sent is in a store on this machine, and nothing is lost by sending it again. One of
    another kind was named by mistake.
    """
    return stored.rehearsed and wanted.rehearsed and stored.kind == wanted.kind and stored.differs(wanted)


def _begin_again(files: Files, identity: Identity, commits: int) -> None:
    """Empty a checkpoint that promised nothing: in its place, because the hold is on this very file.

    In one transaction: after a kill it is as it was, or empty. Its commits are counted on, because a file
    whose log is not moved into it yet knows a later commit than the log otherwise, and is taken for a copy.
    """
    try:
        with closing(connect(files.path)) as connection:
            connection.execute("PRAGMA synchronous = FULL").fetchall()
            connection.execute("BEGIN IMMEDIATE")
            for statement in schema.EMPTY:
                connection.execute(statement)
            _write_beginning(connection, identity, commits + 1)
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise explain_unusable(files.path, error) from error


def create_checkpoint(files: Files, identity: Identity) -> None:
    """Write a complete checkpoint under another name and rename it: it is there as a whole, or not at all.

    Raises:
        CheckpointError: parts of a deleted checkpoint are there.
        OSError: the folder cannot be written.
    """
    files.refuse_remains()
    for leftover in (files.log, files.shared):
        leftover.unlink(missing_ok=True)
    unfinished = files.name_unfinished()
    create(unfinished, b"")
    try:
        _write_new(unfinished, identity)
    except sqlite3.Error as error:
        raise explain_unusable(files.path, error) from error
    # If a start at the same moment was faster, the hold decides who continues.
    give_name(unfinished, files.path)
    sync_folder(files.path.parent)


def _write_new(path: Path, identity: Identity) -> None:
    with closing(connect(path)) as connection:
        for setting in (
            f"page_size = {schema.PAGE_BYTES}",
            f"application_id = {schema.APPLICATION_ID}",
            "synchronous = FULL",
            "journal_mode = WAL",
        ):
            connection.execute(f"PRAGMA {setting}").fetchall()
        schema.migrate(connection, 0)
        connection.execute("BEGIN IMMEDIATE")
        _write_beginning(connection, identity)
        connection.execute("COMMIT")


def _write_beginning(connection: sqlite3.Connection, identity: Identity, commits: int = 0) -> None:
    """Write into empty tables what a checkpoint is of, under a new id; as the commit of that number."""
    transaction = Transaction(connection, Head())
    transaction.add(schema.IDENTITY, (secrets.token_hex(16), *identity.to_row()))
    head = Head(commits=commits, sums=transaction.sums).stored()
    connection.execute(schema.HEAD.insert, (*head, schema.HEAD.seal(head)))


def _bring_up_to_date(files: Files) -> None:
    """Migrate an older file; make it its owner's alone."""
    with open_for_reading(files) as connection:
        present = schema.read_version(connection)
    files.path.chmod(OWNER_ONLY)
    if present < schema.version():
        try:
            with closing(connect(files.path)) as connection:
                schema.migrate(connection, present)
        except sqlite3.Error as error:
            raise explain_damage(files.path, str(error)) from error


class Reserve:
    """A file that takes up space until the disk is full; then it makes room for the last answers."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def take(self) -> None:
        """Create the file if there is none.

        Raises:
            CheckpointError: there is no room for it.
        """
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | NO_FOLLOW, OWNER_ONLY)
            with os.fdopen(descriptor, "r+b") as file:
                file.write(bytes(RESERVE_BYTES))
                file.flush()
                os.fsync(descriptor)
        except OSError as error:
            self.give()
            raise explain_unusable(self._path, error) from error

    def give(self) -> None:
        """Give the space back."""
        self._path.unlink(missing_ok=True)
