"""What is opened, what is refused, and what is left as it was."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loader.errors import CheckpointDiffers, CheckpointError
from loader.journal import CheckpointView, FileRecord, Identity, list_changes, opening, schema
from loader.journal.checkpoint_files import Files, give_name
from loader.journal.reading import open_for_reading
from loader.journal.store import connect
from loader.methods import Kind
from loader.model import Decision, Mark, Outcome, State
from tests.journal.conftest import Place, confirmed, die, free_rows, identity, rejects

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loader.journal import Journal


def test_only_the_owner_can_read_any_file_of_it(place: Place) -> None:
    """Checkpoints hold customers' values: every part has mode 0600."""
    previous = os.umask(0)
    try:
        journal = place.open()
        journal.lease(range(3))
        parts = list(place.path.parent.iterdir())
    finally:
        os.umask(previous)
    assert {part.name.removeprefix("orders.ckpt") for part in parts} == {
        "", "-wal", "-shm", "-wire", "-lock", "-reserve",
    }  # fmt: skip
    assert {stat.S_IMODE(part.stat().st_mode) for part in parts} == {0o600}


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-wire", "-lock", "-reserve", "-new", "-wire-new"])
def test_a_planted_symbolic_link_is_refused(place: Place, suffix: str) -> None:
    """A link in the place of any part is refused, and what it points to is not touched."""
    victim = place.path.with_name("victim")
    victim.write_bytes(b"precious")
    place.beside(suffix).symlink_to(victim)
    with pytest.raises(CheckpointError, match="symbolic link"):
        place.open()
    assert victim.read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("suffix", "said"), [("", "is a folder, and a checkpoint is a file"), ("-wire", "not a regular file")]
)
def test_a_folder_in_its_place_is_refused(place: Place, suffix: str, said: str) -> None:
    """Only regular files are used; who named a folder is not told to remove it."""
    place.beside(suffix).mkdir()
    with pytest.raises(CheckpointError, match=said) as refused:
        place.open()
    assert ("remove" in str(refused.value)) is bool(suffix)


def test_who_names_the_input_is_told_the_checkpoint_beside_it(place: Place) -> None:
    """A slip that is easily made; where there is none, nothing is made up."""
    source = place.path.with_name("orders.csv")
    source.write_text("order\n1\n")
    with pytest.raises(CheckpointError, match=r"Name another checkpoint\.$"):
        CheckpointView.open(source)
    place.open().close()
    place.path.rename(source.with_name("orders.csv.events.ckpt"))
    with pytest.raises(
        CheckpointError, match=r"The checkpoint of a load of it is \S+orders\.csv\.events\.ckpt\.$"
    ):
        CheckpointView.open(source)


def test_a_folder_that_is_missing_is_named(place: Place) -> None:
    """A wrong folder is an error with its name, not a traceback."""
    place.path = place.path.parent / "nowhere" / "orders.ckpt"
    with pytest.raises(CheckpointError, match="nowhere"):
        place.open()


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs permissions of POSIX")
@pytest.mark.parametrize("there", [True, False], ids=["resumed", "new"])
def test_a_folder_that_is_read_only_is_refused(memory: Path, there: bool) -> None:
    """A load that could write nothing down does not begin, with a new checkpoint or an old one."""
    place = Place(memory / "orders.ckpt")
    if there:
        confirm_a_row(place.open())
    with anybody(memory):
        memory.chmod(0o500)
        before = {part: part.read_bytes() for part in memory.iterdir()}
        with pytest.raises(CheckpointError, match=r"orders\.ckpt"):
            place.open()
        assert {part: part.read_bytes() for part in memory.iterdir()} == before
        memory.chmod(0o700)


@contextmanager
def anybody(folder: Path) -> Iterator[None]:
    """Give a folder to an account without privileges and be that account, where this one has them."""
    if os.geteuid():
        yield
        return
    for path in (folder, *folder.iterdir()):
        os.chown(path, 65534, 65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "is empty"), (b"id,name\n1,x\n" * 50, "not a checkpoint"), (os.urandom(5000), "not a checkpoint")],
)
def test_a_file_that_is_no_checkpoint_is_refused_and_kept(place: Place, content: bytes, reason: str) -> None:
    """Nothing that this program did not write is overwritten."""
    place.path.write_bytes(content)
    with pytest.raises(CheckpointError, match=reason):
        place.open()
    with pytest.raises(CheckpointError, match=reason):
        place.view()
    assert place.path.read_bytes() == content


def test_a_foreign_database_is_refused_and_kept(place: Place) -> None:
    """Another program's SQLite file is left byte for byte."""
    with closing(sqlite3.connect(place.path)) as connection:
        connection.execute("CREATE TABLE precious (x)")
    before = place.path.read_bytes()
    with pytest.raises(CheckpointError, match="database of another program"):
        place.open()
    assert place.path.read_bytes() == before


def test_a_newer_version_is_refused(place: Place) -> None:
    """An old program does not touch a new checkpoint."""
    place.open().close()
    with closing(sqlite3.connect(place.path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(CheckpointError, match=r"newer version of this program .checkpoint version 99"):
        place.open()


def test_an_older_version_is_brought_up_to_date(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new program reads an old checkpoint as it is, and a load with it brings it up to date."""
    with place.open() as journal:
        journal.lease(range(10))
        journal.settle(confirmed(range(10)))
    later = (*schema.MIGRATIONS, (99, ("CREATE TABLE later (text TEXT)",)))
    monkeypatch.setattr(schema, "MIGRATIONS", later)
    assert place.view().account().confirmed == 10
    assert read_version(place) < 99
    with place.open() as journal:
        assert journal.account().confirmed == 10
    assert place.view().account().confirmed == 10
    assert read_version(place) == 99


def read_version(place: Place) -> int:
    """The version that the file says."""
    with open_for_reading(Files(place.path)) as connection:
        return schema.read_version(connection)


def test_a_kill_right_after_it_was_brought_up_to_date(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new version stands in the log alone then; it is not brought up to date a second time."""
    confirm_a_row(place.open())
    later = (*schema.MIGRATIONS, (99, ("CREATE TABLE later (text TEXT)",)))
    monkeypatch.setattr(schema, "MIGRATIONS", later)
    with (
        closing(sqlite3.connect(f"{place.path.as_uri()}?mode=ro", uri=True)) as reader,
        closing(connect(place.path)) as connection,
    ):
        reader.execute("SELECT commits FROM head").fetchone()
        schema.migrate(connection, schema.MIGRATIONS[-2][0])
    assert place.beside("-wal").stat().st_size
    with place.open() as journal:
        assert journal.account().confirmed == 1
    assert place.view().account().confirmed == 1


@pytest.mark.parametrize("keep", [0.01, 0.2, 0.5, 0.9])
def test_a_truncated_checkpoint_is_refused(place: Place, keep: float) -> None:
    """A file cut short is never taken for a smaller load."""
    with place.open() as journal:
        journal.lease(range(1000))
        journal.settle(confirmed(range(0, 1000, 2)))
    size = place.path.stat().st_size
    os.truncate(place.path, int(size * keep))
    with pytest.raises(CheckpointError, match=r"damaged|no checkpoint"):
        place.open()


@pytest.mark.parametrize(
    "leftover", ["-new", "-new-wal", "-new-shm", f"-new-{'0a' * 8}", f"-new-{'0a' * 8}-wal"]
)
def test_what_was_killed_while_being_created_is_created_again(place: Place, leftover: str) -> None:
    """A kill during creation leaves nothing that blocks the next start, and what is not ours stays."""
    place.beside("-newer").write_bytes(b"of the user")
    place.beside(leftover).write_bytes(b"SQLite format 3\0 half")
    place.beside("-wire-new").write_bytes(b"half")
    place.open().close()
    assert not place.beside(leftover).exists()
    assert place.beside("-newer").exists()


def test_two_starts_at_the_same_moment_create_one_checkpoint(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if the lock file was deleted between them: the second continues with the file of the first."""
    other = Place(place.path.with_name("other.ckpt"))
    confirm_a_row(other.open())

    def be_slower(new: Path, path: Path) -> None:
        for suffix in ("", "-wire"):
            other.beside(suffix).rename(place.beside(suffix))
        give_name(new, path)

    monkeypatch.setattr(opening, "give_name", be_slower)
    with place.open() as journal:
        assert journal.account().confirmed == 1


@pytest.mark.parametrize("clean", [True, False], ids=["ended", "killed"])
@pytest.mark.parametrize("left", [["-wire"], ["-wal"], ["-wire", "-wal"]], ids=" ".join)
def test_parts_without_their_checkpoint_are_refused(place: Place, left: list[str], clean: bool) -> None:
    """If only the main file was deleted, its rows are not sent again; deleting what is named begins again."""
    journal = place.open()
    journal.lease(range(10))
    journal.sending(0)
    journal.settle(confirmed([0]))
    for part in left:
        shutil.copy(place.beside(part), place.beside(f"{part}-kept"))
    journal.close() if clean else die(journal)
    for path in place.path.parent.iterdir():
        if not path.name.endswith("-kept"):
            path.unlink()
    for part in left:
        place.beside(f"{part}-kept").rename(place.beside(part))
    for look in (place.open, place.view):
        with pytest.raises(CheckpointError, match="is gone, but ") as refusal:
            look()
        assert all(f"orders.ckpt{part}" in str(refusal.value) for part in left)
    for part in left:
        place.beside(part).unlink()
    assert free_rows(place.open()) == set(range(1000))


def test_an_older_copy_is_refused(place: Place) -> None:
    """A copy of yesterday does not know today's sends: they would be sent twice."""
    place.open().close()
    copy = shutil.copy(place.path, place.path.with_name("yesterday"))
    with place.open() as journal:
        journal.lease(range(10))
        journal.settle(confirmed(range(10)))
    shutil.copy(copy, place.path)
    for look in (place.open, place.view):
        with pytest.raises(CheckpointError, match="older than what was last written"):
            look()
    place.boot = "another start of the machine"
    with pytest.raises(CheckpointError, match="older than what was last written"):
        place.open()


@pytest.mark.parametrize("wire", [True, False], ids=["with slots", "without slots"])
def test_a_deleted_log_is_refused(place: Place, wire: bool) -> None:
    """Without its write-ahead log a dead run's checkpoint is too old, with or without the slot file."""
    journal = place.open()
    journal.lease(range(10))
    journal.sending(1)
    die(journal)
    place.beside("-wal").unlink()
    if not wire:
        place.beside("-wire").unlink()
    for look in (place.open, place.view):
        with pytest.raises(CheckpointError, match=r"orders.ckpt-wal was deleted or damaged"):
            look()


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_log_cut_short_is_refused(place: Place, keep: float) -> None:
    """A log that lost its end is never taken for the whole of it."""
    journal = place.open()
    journal.lease(range(10))
    journal.sending(1)
    journal.settle(confirmed([1]))
    die(journal)
    os.truncate(place.beside("-wal"), int(place.beside("-wal").stat().st_size * keep))
    for look in (place.open, place.view):
        with pytest.raises(CheckpointError, match=r"orders.ckpt-wal was deleted or damaged"):
            look()


def test_a_look_with_any_sqlite_tool_does_no_harm(place: Place) -> None:
    """Such a tool folds the log into the file; the slot file proves that nothing is missing."""
    journal = place.open()
    journal.lease(range(10))
    journal.sending(1)
    die(journal)
    with closing(sqlite3.connect(place.path)) as connection:
        assert connection.execute("SELECT commits FROM head").fetchone()
    assert not place.beside("-wal").exists()
    assert place.open().account().in_doubt == 1


def test_a_kill_while_the_log_is_folded_leaves_a_checkpoint_that_opens(place: Place) -> None:
    """The first page of the file may say more pages than there are: the log still has them all."""
    journal = place.open()
    journal.lease(range(400), rejects=rejects(range(200)))
    die(journal)
    log, page = place.beside("-wal").read_bytes(), schema.PAGE_BYTES
    frames = [log[at : at + 24 + page] for at in range(32, len(log), 24 + page)]
    first_page = [frame[24:] for frame in frames if int.from_bytes(frame[:4]) == 1][-1]
    with place.path.open("r+b") as file:
        file.write(first_page)
    assert int.from_bytes(first_page[28:32]) * page > place.path.stat().st_size
    assert place.view().account().rejected == 200
    assert place.open().account().rejected == 200


def test_a_head_that_a_power_loss_left_half_written_does_not_count(place: Place) -> None:
    """A power loss while the log is folded may tear a page. The checkpoint still opens."""
    journal = place.open()
    journal.lease(range(10))
    journal.sending(1)
    die(journal)
    torn = place.path.with_name("torn.ckpt")
    torn.write_bytes(place.path.read_bytes())
    with closing(sqlite3.connect(torn)) as connection, connection:
        connection.execute("UPDATE head SET commits = commits + 100")
    place.path.write_bytes(torn.read_bytes())
    assert place.view().account().in_doubt == 1
    assert place.open().account().in_doubt == 1


def test_a_refusal_changes_nothing(place: Place) -> None:
    """After a refusal for another mapping the dead run is classified as if nobody had asked."""
    journal = place.open()
    journal.lease(range(10))
    journal.sending(1)
    die(journal)
    names = ("", "-wal", "-wire")
    before = [place.beside(name).read_bytes() for name in names]
    with pytest.raises(CheckpointDiffers):
        place.open(identity=identity(mapping="other"))
    assert [place.beside(name).read_bytes() for name in names] == before
    assert place.open().account().in_doubt == 1


def _file(
    rows: int = 1000, digest: str = "ab" * 32, name: str = "orders.csv", size: int = 20_000
) -> FileRecord:
    return FileRecord(name, size, digest, rows)


def _marked(*digests: str, size: int = 20_000, first: int = 10_000) -> FileRecord:
    """A file with a mark at every 500 rows."""
    marks = (Mark(500 * number, first * number, digest) for number, digest in enumerate(digests, start=1))
    return FileRecord("orders.csv", size, "".join(digests), 1000, tuple(marks))


@pytest.mark.parametrize(
    ("now", "place_named"),
    [
        (_marked("xx", "yy", "zz"), " The first difference is in rows 1 to 500."),
        (_marked("aa", "yy", "zz"), " The first difference is in rows 501 to 1,000."),
        (_marked("aa", "bb", "zz"), " The first difference is in rows 1,001 to 1,500."),
        (_marked("aa", "bb", "cc", "dd"), " The first 1,500 rows are the same."),
        (_marked("aa"), " The first 500 rows are the same."),
        (_marked("xx", "yy", first=10_001), ""),
        (_marked(), ""),
    ],
)
def test_a_change_of_the_input_is_named_with_its_place(
    place: Place, now: FileRecord, place_named: str
) -> None:
    """As closely as the marks of both files tell, and no closer."""
    confirm_a_row(place.open(identity=identity(files=(_marked("aa", "bb", "cc"),))))
    with pytest.raises(CheckpointDiffers) as refusal:
        place.open(identity=identity(files=(now,)))
    assert str(refusal.value) == (
        f"{place.path} was made for another load. The content of orders.csv has changed: "
        "the length is the same, "
        f"but SHA-256 was aabbcc… and is now {now.sha256}….{place_named} "
        "Nothing was sent. To continue that load, give what it was made for. To begin a new load, name "
        "another --checkpoint: it sends every row, also those that this checkpoint has settled, unless a "
        "ledger knows them."
    )


def test_marks_are_kept(place: Place) -> None:
    """A resumed load is told where in the file it can begin to read."""
    marked = identity(files=(_marked("aa", "bb"),))
    place.open(identity=marked).close()
    assert place.view().identity == marked


def confirm_a_row(journal: Journal) -> None:
    """Load one row, and end."""
    with journal:
        journal.lease(range(1))
        journal.sending(0)
        journal.settle([Outcome(0, State.CONFIRMED)])


def test_a_checkpoint_that_knows_of_no_row_binds_nothing(place: Place) -> None:
    """Where nothing was sent, whatever was wrong may be fixed: the next load begins again."""
    with place.open() as journal:
        journal.lease(range(10))
        journal.release()
    other = identity(application="BBBBB-22222", mapping="another")
    with place.open(identity=other) as journal:
        assert journal.identity == other
        assert free_rows(journal) == set(range(1000))
    assert place.view().identity == other


def test_a_checkpoint_whose_rows_may_have_been_sent_binds(place: Place) -> None:
    """After a kill between lease and answer nothing is settled, and still nothing else may begin there."""
    journal = place.open()
    journal.lease(range(10))
    die(journal)
    with pytest.raises(CheckpointDiffers):
        place.open(identity=identity(application="BBBBB-22222"))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"application": "BBBBB-22222"}, 'The application was "AAAAA-11111", and is now "BBBBB-22222"'),
        (
            {"endpoint": "http://127.0.0.1:1/"},
            'The endpoint was "https://api.example.com/json/1.3/", and is now',
        ),
        ({"mapping": 'kind = "events"\n[fields]\nhwid = "id"\n'}, '-hwid = "device"\n+hwid = "id"'),
        ({"mapping": "\n".join("abcdefghijklmnopqrstuvwxyz")}, "… and 17 more lines"),
        ({"files": (_file(1001, size=20_020),)}, "1,000 rows, and now has 20,020 bytes and 1,001"),
        ({"files": (_file(digest="cd" * 32),)}, "SHA-256 was abababababababab… and is now cdcdcdcdcdcdcdcd…"),
        ({"files": (_file(digest="cd" * 32, name="o.csv"),)}, "of o.csv .formerly orders.csv. has changed"),
        ({"files": (_file(), _file(name="more.csv"))}, "was orders.csv, and is now orders.csv, more.csv"),
        ({"files": ()}, "and is now no file"),
    ],
)  # fmt: skip
def test_what_differs_is_said(place: Place, change: dict[str, object], sentence: str) -> None:
    """A checkpoint is refused for anything but what it was made for, with both values."""
    confirm_a_row(place.open())
    with pytest.raises(CheckpointDiffers) as refusal:
        place.open(identity=identity(**change))  # type: ignore[arg-type]  # fields of Identity
    assert sentence.replace(".formerly orders.csv.", "(formerly orders.csv)") in str(refusal.value)


@pytest.mark.parametrize("kind", [Kind.USERS, Kind.TAGS])
def test_a_checkpoint_of_another_kind_is_refused_for_that_alone(place: Place, kind: Kind) -> None:
    """It was named by mistake: that its mapping and input differ too would only hide the mistake."""
    confirm_a_row(place.open())
    other = identity(kind=kind, mapping="other", files=(_file(name="more.csv", digest="cd" * 32),))
    for refuse in (lambda: place.open(identity=other), lambda: place.view().refuse_other(other)):
        with pytest.raises(CheckpointDiffers) as refusal:
            refuse()
        assert str(refusal.value) == (
            f"{place.path} is a checkpoint of events, and this load is of {kind}. Nothing was sent. "
            "Name another checkpoint with --checkpoint."
        )
        assert refusal.value.settings == ("checkpoint",)


def test_files_in_another_order_are_refused(place: Place) -> None:
    """Ordinals are counted over the files in order."""
    one, two = _file(name="1.csv"), _file(name="2.csv", digest="cd" * 32)
    confirm_a_row(place.open(identity=identity(files=(one, two))))
    with pytest.raises(
        CheckpointDiffers, match=r"order of the files has changed from 1.csv, 2.csv to 2.csv, 1.csv"
    ):
        place.open(identity=identity(files=(two, one)))


def test_a_renamed_file_goes_on_under_its_new_name(place: Place) -> None:
    """Only the content counts."""
    place.open().close()
    renamed = identity(files=(_file(name="moved/orders.csv"),))
    with place.open(identity=renamed) as journal:
        assert journal.identity == renamed
    assert place.view().identity == renamed


def test_no_secret_of_the_address_is_stored(place: Place) -> None:
    """User, password and query of an endpoint are dropped."""
    secret = Identity(Kind.USERS, "A", "https://me:hunter2@host:8/x?token=hunter2#hunter2", "m", ())
    assert secret.endpoint == "https://host:8/x"
    journal = place.open(identity=secret)
    journal.lease(range(0))
    assert all(b"hunter2" not in part.read_bytes() for part in place.path.parent.iterdir())


def test_a_disk_without_room_for_the_reserve_is_refused(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A load that could not write its last answers does not begin; the next start is not blocked."""

    def full(self: opening.Reserve) -> None:
        raise CheckpointError("no space")

    with monkeypatch.context() as patched:
        patched.setattr(opening.Reserve, "take", full)
        with pytest.raises(CheckpointError, match="no space"):
            place.open()
    place.open().close()
    assert not place.beside("-reserve").exists()


def test_a_path_can_hold_any_character(tmp_path: Path, place: Place) -> None:
    """Names with the special characters of a URI are names."""
    place.path = tmp_path / "a?b#c%20 é.ckpt"
    with place.open() as journal:
        journal.lease(range(5))
    assert place.view().path == place.path
    assert {part.name[:14] for part in tmp_path.iterdir()} == {"a?b#c%20 é.ckp"}


def test_another_load_of_the_same_input_differs_only_in_its_checkpoint(place: Place) -> None:
    """The stored identity is the one that was given."""
    place.open().close()
    assert place.view().identity == identity()
    assert replace(place.view().identity, kind=Kind.USERS) != identity()
    assert Files(place.path).wire == place.beside("-wire")


def test_rows_rejected_on_this_machine_bind_to_no_application(place: Place) -> None:
    """A mistyped application is corrected: nothing left, and the rows are looked at once more."""
    journal = place.open()
    journal.lease(range(10), rejects=rejects(range(10)))
    journal.close()
    corrected = place.open(identity=identity(application="BBBBB-22222"))
    assert free_rows(corrected) == set(range(1000))
    assert corrected.account().rejected == 0


def test_a_doubt_that_was_settled_by_the_user_still_binds(place: Place) -> None:
    """Rows that a decision gave back after a doubt were at the vendor of that application."""
    journal = place.open()
    journal.lease(range(2))
    journal.sending(0)
    journal.settle([Outcome(0, State.IN_DOUBT, message="cut"), Outcome(1, State.NEVER_SENT)])
    journal.decide(Decision.DROPPED, list(CheckpointView.open(place.path).exceptions(State.IN_DOUBT)))
    journal.close()
    with pytest.raises(CheckpointDiffers, match="The application was"):
        place.open(identity=identity(application="BBBBB-22222"))


REHEARSED, REAL = "sandbox 4c1f", "https://api.example.com/json/1.3/"


@pytest.mark.parametrize("watched", [False, True], ids=["alone", "while someone looks at it"])
def test_a_rehearsal_is_replaced_whole_whatever_it_left(place: Place, watched: bool) -> None:
    """Also one that was killed with rows on the wire, and while a reader keeps the log from being moved."""
    before, now = identity(endpoint=REHEARSED), identity(endpoint=REHEARSED, files=(_file(digest="cd" * 32),))
    journal = place.open(identity=before)
    journal.lease(range(8), rejects=rejects([3]))
    journal.sending(1)
    journal.settle(confirmed([0]))
    die(journal)
    with open_for_reading(Files(place.path)) if watched else nullcontext() as reader:
        if reader is not None:
            reader.execute("SELECT count(*) FROM head").fetchone()
        journal = place.open(identity=now, replacing=True)
        assert journal.blank
        assert free_rows(journal) == set(range(1000))
        journal.lease(range(2))
        journal.settle(confirmed([0]))
        die(journal)
    journal = place.open(identity=now)
    assert (journal.account().confirmed, journal.blank) == (1, False)
    assert [run.generation for run in place.view().runs] == [1, 2]


def test_a_rehearsal_that_is_replaced_and_killed_at_once_can_be_opened(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file without its log still knows the earlier rehearsal; that is not an older copy of it."""
    before, now = identity(endpoint=REHEARSED), identity(endpoint=REHEARSED, mapping="other")
    confirm_a_row(place.open(identity=before))
    with closing(connect(place.path)) as reader:  # the log cannot be moved into the file
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM head").fetchone()
        with monkeypatch.context() as patched:
            patched.setattr(opening, "verify", _die)
            with pytest.raises(KeyboardInterrupt):
                place.open(identity=now, replacing=True)
        assert place.view().blank
        assert place.open(identity=now).blank


def _die(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (identity(endpoint=REAL), identity(endpoint=REHEARSED)),
        (identity(endpoint=REHEARSED), identity(endpoint=REAL)),
        (identity(endpoint=REAL), identity(endpoint=REAL, mapping="other")),
        (identity(endpoint=REHEARSED), identity(endpoint=REHEARSED, kind=Kind.TAGS)),
    ],
    ids=["real then rehearsed", "rehearsed then real", "both real", "another kind"],
)
def test_only_a_rehearsal_takes_the_place_of_one(place: Place, before: Identity, now: Identity) -> None:
    """Whoever asks for it: what was sent to a vendor is never forgotten."""
    confirm_a_row(place.open(identity=before))
    with pytest.raises(CheckpointDiffers):
        place.open(identity=now, replacing=True)
    assert place.view().account().confirmed == 1


def test_a_rehearsal_is_not_replaced_unless_that_is_wanted(place: Place) -> None:
    """With --keep it is refused as any other load."""
    confirm_a_row(place.open(identity=identity(endpoint=REHEARSED)))
    with pytest.raises(CheckpointDiffers):
        place.open(identity=identity(endpoint=REHEARSED, mapping="other"))
    assert place.view().account().confirmed == 1


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        ("a = 1\nb = 2\n", "a = 1\nb = 3\n", "`b = 2` is now `b = 3`."),
        ("a = 1\n", "a = 1\nb = 3\nc = 4\n", "`b = 3` is new, and 1 more."),
        ("a = 1\nb = 2\nc = 3\n", "c = 3\n", "`a = 1` is gone, and 1 more."),
        ("a = 1\nb = 2\nc = 3\n", "a = 2\nb = 2\n", "`a = 1` is now `a = 2`, and 1 more."),
    ],
)
def test_what_changed_in_a_mapping_is_said_in_one_line(then: str, now: str, said: str) -> None:
    """The user who has just changed one line of it sees that line."""
    changes = list_changes(identity(mapping=then), identity(mapping=now))
    assert changes == [f"The mapping has changed: {said}"]
