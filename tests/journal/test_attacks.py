"""What other programs and hasty users do to a checkpoint while a load runs: other processes, real files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from subprocess import PIPE
from typing import TYPE_CHECKING

import pytest

from loader.errors import CheckpointError
from loader.journal.slots import Slots
from loader.model import State
from tests.effort import EFFORT
from tests.journal.attacks import ROOT, TOOL, run
from tests.journal.conftest import Place, confirmed, die, free_rows, rejects

if TYPE_CHECKING:
    from collections.abc import Callable

STARTS = 25 * EFFORT
posix = pytest.mark.skipif(os.name != "posix", reason="Windows lets nobody delete or rename an open file")

# Loads one lease, and says how it went.
LOAD = """
import sys
from pathlib import Path
from loader.errors import CheckpointError
from tests.journal.conftest import Place, confirmed
place = Place(Path(sys.argv[1]))
try:
    with place.open() as journal:
        rows = next(journal.never_sent())[:10]
        journal.lease(rows)
        journal.sending(*rows)
        journal.settle(confirmed(rows))
except CheckpointError as error:
    print(error)
else:
    print("loaded", *rows)
"""
# Whether a load runs.
SEE = """
import sys
from pathlib import Path
from tests.journal.conftest import Place
print(Place(Path(sys.argv[1])).view().running)
"""
# Looks until its input is closed, and says how often.
LOOK = """
import sys, threading
from pathlib import Path
from tests.journal.conftest import Place
place, looks, done = Place(Path(sys.argv[1])), 0, threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), done.set()), daemon=True).start()
while not done.is_set():
    place.view()
    looks += 1
    if looks == 1:
        print("looking", flush=True)
print(looks)
"""


def look_from_within(place: Place) -> None:
    """A `Checkpoint` in the notebook that loads."""
    view = place.view()
    assert view.running
    assert not list(view.exceptions(State.IN_DOUBT))


def read_from_within(place: Place) -> None:
    """A backup, or a digest, by the user's own code in the process that loads."""
    shutil.copy(place.path, place.path.with_name("copy"))


@pytest.mark.parametrize(
    "within",
    [
        lambda _: None,
        look_from_within,
        pytest.param(
            read_from_within, marks=pytest.mark.skipif(sys.platform != "linux", reason="needs locks of files")
        ),
    ],
    ids=["nothing", "look", "copy"],
)
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT commits FROM head",
        "BEGIN IMMEDIATE",
        "VACUUM",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA locking_mode = EXCLUSIVE",
    ],
)
def test_an_sqlite_tool_does_no_harm_to_a_running_load(
    place: Place, statement: str, within: Callable[[Place], None]
) -> None:
    """The load continues, its log stays, and nothing of what was written before or after is lost."""
    journal = place.open()
    journal.lease(range(10))
    journal.settle(confirmed(range(5)))
    within(place)
    said = run(TOOL, place.path, statement)
    assert ("locked" in said) is ("journal_mode" in statement)
    assert place.beside("-wal").exists()
    journal.settle(confirmed(range(5, 10)))
    journal.lease(range(10, 30))
    journal.sending(10)
    die(journal)
    again = place.open()
    assert (again.account().confirmed, again.leftovers, free_rows(again)) == (10, 1, set(range(11, 1000)))


def test_a_tool_that_keeps_the_checkpoint_locked_stops_the_load_with_the_reason(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program with an open change: the load waits, then stops; afterwards the checkpoint can be used."""
    monkeypatch.setattr("loader.journal.store._PATIENCE_SECONDS", 0.1)
    journal = place.open()
    journal.lease(range(10))
    journal.sending(0)
    code = TOOL.replace("connection.close()", "sys.stdin.read()")
    command = [sys.executable, "-c", code, str(place.path), "BEGIN IMMEDIATE"]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) as tool:
        while not _is_locked(place):
            pass
        with pytest.raises(CheckpointError, match=r"another program has kept it locked for writing"):
            journal.settle(confirmed([0]))
        tool.communicate("")
    journal.close()
    with place.open() as journal:
        assert journal.leftovers == 1


@posix
@pytest.mark.parametrize("replaced", [False, True], ids=["deleted", "replaced"])
def test_a_lock_file_that_is_gone_lets_no_second_load_in(place: Place, replaced: bool) -> None:
    """Whoever deletes it because it looks stale starts no second load, and the first one continues."""
    journal = place.open()
    journal.lease(range(10))
    place.beside("-lock").unlink()
    if replaced:
        place.beside("-lock").write_text("process 1\n")
    assert place.view().running
    for said in (run(LOAD, place.path), refuse(place)):
        assert said.startswith(f"{place.path} is in use: a load is running with it right now")
        assert "its lock file was deleted or replaced" in said
    journal.settle(confirmed(range(10)))
    journal.lease(range(10, 20))
    journal.close()
    assert run(LOAD, place.path).startswith("loaded 10 ")


def refuse(place: Place) -> str:
    """What a second load in this very process is told."""
    with pytest.raises(CheckpointError) as refusal:
        place.open()
    return str(refusal.value)


def link_all(place: Place, *suffixes: str) -> Place:
    """The same files under a second name, as `cp -al` makes them."""
    other = Place(place.path.with_name("other.ckpt"))
    for suffix in suffixes:
        if place.beside(suffix).exists():
            os.link(place.beside(suffix), other.beside(suffix))
    return other


@posix
@pytest.mark.parametrize("parts", [[""], ["", "-wire"], ["", "-wire", "-wal", "-shm", "-lock"]])
def test_a_hard_link_lets_no_second_load_in(place: Place, parts: list[str]) -> None:
    """The checkpoint is one file, whatever its names: it is loaded under one of them at a time."""
    with place.open() as journal:
        journal.lease(range(10))
        journal.settle(confirmed(range(10)))
    other = link_all(place, *parts)
    journal = place.open()
    journal.lease(range(10, 20))
    for said in (run(LOAD, other.path), refuse(other)):
        assert "under another name" in said or "in use" in said
    journal.settle(confirmed(range(10, 20)))
    journal.lease(range(20, 30))
    journal.settle(confirmed(range(20, 30)))
    journal.close()
    assert place.view().account().confirmed == 30


@posix
@pytest.mark.parametrize("running", [True, False], ids=["of a running load", "at rest"])
def test_a_copy_is_not_loaded_at_the_same_moment(place: Place, running: bool) -> None:
    """Both would send the same rows. Afterwards nothing is left of what keeps them apart."""
    if running:
        place.open().lease(range(10))
        copy_all(place)
    else:
        place.open().close()
        copy_all(place)
        place.open()
    other = Place(place.path.parent / "copy" / place.path.name)
    for said in (run(LOAD, other.path), refuse(other)):
        assert said.startswith(f"{other.path} is in use: another copy of it is being loaded right now")
    journal = place.opened[-1]
    journal.settle(confirmed(range(10)) if running else [])
    guard = Path(tempfile.gettempdir()) / f"pushwoosh-loader-{journal._checkpoint}.lock"
    assert guard.exists()
    journal.close()
    assert not guard.exists()
    assert run(LOAD, place.path).startswith(f"loaded {10 if running else 0} ")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names of sockets without a file")
def test_a_copy_is_kept_out_whatever_its_folder_for_temporary_files(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service with a folder of its own (systemd's PrivateTmp) sends no row that another copy sends."""
    journal = place.open()
    journal.lease(range(10))
    copy_all(place)
    own = place.path.parent / "own"
    own.mkdir()
    other = Place(place.path.parent / "copy" / place.path.name)
    with monkeypatch.context() as patched:
        patched.setenv("TMPDIR", str(own))
        said = run(LOAD, other.path)
        assert said.startswith(f"{other.path} is in use: another copy of it is being loaded right now")
        patched.setattr(tempfile, "tempdir", str(own))
        assert refuse(other) == said.strip()
    journal.settle(confirmed(range(10)))
    journal.close()
    assert run(LOAD, place.path).startswith("loaded 10 ")


def test_without_a_folder_for_temporary_files_a_load_runs(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What keeps copies out is a second guard: it stops nobody who cannot have it."""
    monkeypatch.setattr(tempfile, "tempdir", str(place.path.parent / "nowhere"))
    with place.open() as journal:
        journal.lease(range(10))
        journal.settle(confirmed(range(10)))
    assert place.view().account().confirmed == 10


def copy_all(place: Place) -> None:
    """Copy every file of a checkpoint into another folder."""
    folder = place.path.parent / "copy"
    folder.mkdir()
    for part in place.path.parent.glob(f"{place.path.name}*"):
        shutil.copy(part, folder)


@posix
def test_a_checkpoint_under_another_path_is_the_same_one(place: Place) -> None:
    """Through a link to its folder a second load is refused, as it would be under the folder's own name."""
    around = place.path.parent.with_name("around")
    around.symlink_to(place.path.parent)
    journal = place.open()
    journal.lease(range(10))
    assert "is in use" in run(LOAD, around / place.path.name)
    place.beside("-lock").unlink()
    assert "is in use" in run(LOAD, around / place.path.name)
    journal.settle(confirmed(range(10)))


@posix
def test_a_folder_that_is_renamed_stops_the_load(place: Place) -> None:
    """Nothing is sent that would be written down elsewhere; under its new name the checkpoint continues."""
    folder = place.path.parent / "night"
    folder.mkdir()
    night = Place(folder / "orders.ckpt")
    journal = night.open()
    journal.lease(range(10))
    journal.sending(0, 1)
    journal.settle(confirmed([0]))
    folder.rename(folder.with_name("day"))
    with pytest.raises(CheckpointError, match="was deleted, moved or replaced while it was in use"):
        journal.lease(range(10, 20))
    journal.close()
    with Place(folder.with_name("day") / "orders.ckpt").open() as journal:
        # Row 10 to 19 were never sent; the lease of 0 to 9 is judged by the slots.
        assert (journal.account().confirmed, journal.leftovers) == (1, 1)
        assert free_rows(journal) == set(range(2, 1000))


def test_readers_never_keep_a_load_from_starting(place: Place) -> None:
    """While two processes look all the time, every start succeeds."""
    place.open().close()
    command = [sys.executable, "-c", LOOK, str(place.path)]
    with ExitStack() as stack:
        readers = [
            stack.enter_context(subprocess.Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True))
            for _ in range(2)
        ]
        for reader in readers:
            assert reader.stdout is not None
            assert reader.stdout.readline() == "looking\n"
        for number in range(STARTS):
            with place.open() as journal:
                journal.lease(range(number, number + 1))
                journal.settle(confirmed([number]))
        for reader in readers:
            said, _ = reader.communicate("")
            assert int(said) > STARTS, "it looked too rarely to be in the way"
    assert place.view().account().confirmed == STARTS


@posix
def test_a_forked_process_keeps_no_hold(place: Place) -> None:
    """A child of the process that loads, which lives on after it, is not taken for a load."""
    journal = place.open()
    (begun, begins), (awake, ended) = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        os.close(ended)
        os.write(begins, b"!")
        os.read(awake, 1)
        os._exit(0)
    os.close(awake)
    os.read(begun, 1)
    try:
        die(journal)
        assert not place.view().running
        assert run(LOAD, place.path).startswith("loaded 0 ")
    finally:
        os.close(ended)
        os.waitpid(child, 0)


def test_a_load_that_is_just_opening_is_seen(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process sees it before there are slots of its own, so it judges nothing by the old ones."""
    with place.open() as journal:
        journal.lease(range(10))
    seen: list[str] = []

    def look_and_die(*_: object) -> None:
        seen.append(run(SEE, place.path))
        raise InterruptedError("killed here")

    with monkeypatch.context() as patched:
        patched.setattr(Slots, "create", look_and_die)
        with pytest.raises(CheckpointError, match="killed here"):
            place.open()
    assert seen == ["True"]
    assert run(SEE, place.path) == "False"


def test_a_load_that_ends_takes_no_locks_from_a_look_in_its_process(place: Place) -> None:
    """A look that is not at its end keeps its lock, so that no tool takes itself for the only one."""
    journal = place.open()
    journal.lease(range(10), rejects=rejects([3]))
    rows = place.view().exceptions(State.REJECTED)
    assert next(rows).ordinal == 3
    journal.settle(confirmed([0]))
    journal.close()
    for number in (1, 2):
        assert "locked" in run(TOOL, place.path, "PRAGMA journal_mode = DELETE"), number
    assert not list(rows)
    assert run(LOAD, place.path).startswith("loaded 1 ")


def _is_locked(place: Place) -> bool:
    return "locked" in run(TOOL, place.path, "BEGIN IMMEDIATE")
