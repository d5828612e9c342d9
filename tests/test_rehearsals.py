"""Rehearsals: which load a call belongs to, and what begins again when the user changes what is rehearsed."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

from loader.conditions import Conditions
from loader.journal import CheckpointView
from loader.rehearsals import find_label, make_label, read_noted_label
from tests import warm
from tests.conftest import Ran

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import CommandLine
    from tests.faultserver import FaultServer

SANDBOXED = ("--sandbox", "--yes", "--app", "AAAAA-BBBBB")
AGAIN = "This rehearsal begins again, and the sandbox forgets what it holds of the one before."


@dataclass(frozen=True)
class Kind:
    """A kind of rows, with an input that can be changed, and a look at what arrived of it.

    Attributes:
        name: as the command is called.
        head: the columns.
        row: a row, for a number.
        arrived: the query for the numbers that arrived, from the log of calls.
    """

    name: str
    head: str
    row: str
    arrived: str

    def write(self, *numbers: int, path: str = "rows.csv", folder: Path | None = None) -> Path:
        """Write an input of these rows."""
        place = (folder or Path()) / path
        place.write_text("\n".join([self.head, *(self.row.format(number) for number in numbers)]) + "\n")
        return place

    def read_arrived(self, command: CommandLine, store: str = "pushwoosh-sandbox.sqlite3") -> list[int]:
        """The numbers that the store holds, as often as it holds them."""
        return sorted(int(text) for (text,) in command.held(self.arrived, store))


USERS = Kind(
    "users", "hwid,userId,tz_offset", "d{0},{0},3600", "SELECT user_id FROM registrations WHERE load <> ''"
)
TAGS = Kind("tags", "userId,Tier", "{0},gold", "SELECT user_id FROM tag_calls WHERE load <> ''")
EVENTS = Kind(
    "events",
    "hwid,userId,event,timestampUTC,amount",
    "d{0},{0},buy,2024-02-29T12:00:00Z,{0}",
    "SELECT user_id FROM events WHERE load <> ''",
)
KINDS = pytest.mark.parametrize("kind", [USERS, TAGS, EVENTS], ids=lambda kind: kind.name)


def say(ran: Ran) -> str:
    """What a command said, in one line."""
    return " ".join(f"{ran.out} {ran.err}".split())


@pytest.fixture(autouse=True)
def _in_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@KINDS
def test_each_call_of_a_rehearsal_carries_the_label_of_its_checkpoint(
    command: CommandLine, kind: Kind
) -> None:
    """What a load sent is told in the store from what others did, and the checkpoint says by which label."""
    checkpoint = Path(f"rows.csv.{kind.name}.sandbox.ckpt")
    assert command.run(kind.name, kind.write(1, 2), *SANDBOXED).code == 0
    table = {"users": "registrations", "tags": "tag_calls", "events": "events"}[kind.name]
    label = make_label(checkpoint)
    assert command.held(f"SELECT DISTINCT load FROM {table}") == [(label,)]
    assert read_noted_label(CheckpointView.open(checkpoint)) == label


@pytest.mark.parametrize("name", ["a b%20?#&é.csv", "ünï.csv", "a+b;c=d.csv", "…/x.csv".replace("/", "_")])
def test_a_rehearsal_of_a_file_with_an_odd_name_has_a_label(command: CommandLine, name: str) -> None:
    """Any name that a file can have comes through a URL as it is."""
    assert command.run("events", EVENTS.write(1, path=name), *SANDBOXED).code == 0
    assert command.held("SELECT load FROM events") == [(make_label(Path(f"{name}.events.sandbox.ckpt")),)]


@pytest.mark.skipif(os.name == "nt", reason="names there are text")
def test_a_name_that_is_not_utf_8_has_a_label_that_can_be_stored() -> None:
    """Such names exist on Linux, and a label is text in a database and in a URL."""
    assert make_label(Path(os.fsdecode(b"caf\xe9.csv.ckpt"))).encode()


def test_a_label_is_of_a_place_however_it_is_written(tmp_path: Path) -> None:
    """It names the checkpoint for people, and two of one name in two folders are two loads."""
    label = make_label(Path("a.csv.events.sandbox.ckpt"))
    name, _, digits = label.rpartition("-")
    assert (name, len(digits)) == ("a.csv.events.sandbox", 8)
    assert int(digits, 16) >= 0
    assert make_label(tmp_path / "other" / ".." / "a.csv.events.sandbox.ckpt") == label
    assert make_label(tmp_path / "other" / "a.csv.events.sandbox.ckpt") != label


@pytest.mark.parametrize("text", ['{"versions": {}, "options": {}}', '{"label": 3}', '{"label": null}', "x"])
def test_a_note_without_a_label_is_read(text: str) -> None:
    """Earlier versions noted none; then the place of the checkpoint says which it is."""
    assert Conditions.from_text(text).label == ""


def test_a_checkpoint_that_was_moved_keeps_its_label(command: CommandLine) -> None:
    """The rest of its rows is under the same label in the store, so nothing seems missing or extra."""
    EVENTS.write(1, 2, 3)
    assert command.run("events", "rows.csv", *SANDBOXED, "--limit", 1).code == 0
    before = find_label(Path("rows.csv.events.sandbox.ckpt"))
    Path("moved").mkdir()
    for part in Path().glob("rows.csv.events.*"):
        part.rename(Path("moved") / part.name)
    moved = Path("moved/rows.csv.events.sandbox.ckpt")
    assert command.run("events", "rows.csv", *SANDBOXED, "--checkpoint", moved).code == 0
    assert command.held("SELECT load, count(*) FROM events GROUP BY load") == [(before, 3)]
    assert find_label(moved) == before != make_label(moved)


def change_a_cell(command: CommandLine, kind: Kind) -> tuple[str, ...]:
    """One cell differs, and no length."""
    kind.write(1, 2, 4)
    return ()


def add_a_row(command: CommandLine, kind: Kind) -> tuple[str, ...]:
    """One row more."""
    kind.write(1, 2, 3, 4)
    return ()


def change_the_mapping(command: CommandLine, kind: Kind) -> tuple[str, ...]:
    """The input is the same, and is read in another way, which is a part of the mapping."""
    return ("--null-values", "nothing")


def change_the_application(command: CommandLine, kind: Kind) -> tuple[str, ...]:
    """Another application."""
    return ("--app", "CCCCC-DDDDD")


def give_another_store(command: CommandLine, kind: Kind) -> tuple[str, ...]:
    """Another store, which is empty."""
    return ("--sandbox-store", "other.sqlite3")


def delete_the_store(command: CommandLine, kind: Kind) -> tuple[str, ...]:
    """The store is gone, and a new one takes its place."""
    for part in Path().glob("pushwoosh-sandbox.sqlite3*"):
        part.unlink()
    return ()


Change: TypeAlias = "Callable[[CommandLine, Kind], tuple[str, ...]]"

CHANGES: dict[Change, tuple[list[int], str]] = {
    change_a_cell: ([1, 2, 4], "The content of rows.csv has changed: the length is the same"),
    add_a_row: ([1, 2, 3, 4], "The content of rows.csv has changed: it had"),
    change_the_mapping: ([1, 2, 3], "The mapping has changed: `"),
    change_the_application: ([1, 2, 3], 'The application was "AAAAA-BBBBB", and is now "CCCCC-DDDDD".'),
    give_another_store: ([1, 2, 3], "The sandbox has another store."),
    delete_the_store: ([1, 2, 3], "The sandbox has another store."),
}


@KINDS
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_rehearsal_of_something_else_begins_again(command: CommandLine, kind: Kind, change: Change) -> None:
    """It says so and what changed; the store then holds exactly what is rehearsed now, and each row once."""
    assert command.run(kind.name, kind.write(1, 2, 3), *SANDBOXED).code == 0
    wanted, said = CHANGES[change]
    more = change(command, kind)
    store = "other.sqlite3" if change is give_another_store else "pushwoosh-sandbox.sqlite3"
    again = command.run(kind.name, "rows.csv", *SANDBOXED, *more)
    assert again.code == 0, again.err
    assert f"{AGAIN} {said}" in say(again)
    assert kind.read_arrived(command, store) == wanted
    third = command.run(kind.name, "rows.csv", *SANDBOXED, *more)
    assert "nothing is left to be sent" in say(third)
    assert kind.read_arrived(command, store) == wanted


@KINDS
@pytest.mark.parametrize("change", list(CHANGES)[:-1], ids=lambda change: change.__name__)
def test_keep_refuses_as_a_real_load_does(command: CommandLine, kind: Kind, change: Change) -> None:
    """Nothing is sent and nothing forgotten, and the load that the checkpoint is of can be continued."""
    assert command.run(kind.name, kind.write(1, 2, 3), *SANDBOXED, "--limit", 2).code == 0
    more = change(command, kind)
    refused = command.run(kind.name, "rows.csv", *SANDBOXED, *more, "--keep")
    assert refused.code == 2
    assert "was made for another load" in say(refused) or "has grown since" in say(refused)
    assert kind.read_arrived(command) == [1, 2]
    kind.write(1, 2, 3)
    assert command.run(kind.name, "rows.csv", *SANDBOXED, "--keep").code == 0
    assert kind.read_arrived(command) == [1, 2, 3]


def test_what_other_rehearsals_stored_stays(command: CommandLine) -> None:
    """Several loads share a store; only the one that begins again is forgotten."""
    users, events = USERS.write(1, 2, path="users.csv"), EVENTS.write(1, 2)
    assert command.run("users", users, *SANDBOXED).code == 0
    assert command.run("events", events, *SANDBOXED).code == 0
    EVENTS.write(1, 5)
    assert command.run("events", events, *SANDBOXED).code == 0
    assert (USERS.read_arrived(command), EVENTS.read_arrived(command)) == ([1, 2], [1, 5])


def test_a_rehearsal_whose_checkpoint_was_deleted_stores_no_row_twice(command: CommandLine) -> None:
    """To rehearse the same once more, the user deletes the checkpoint; the store begins again with it."""
    EVENTS.write(1, 2)
    for _ in range(2):
        assert command.run("events", "rows.csv", *SANDBOXED).code == 0
        assert EVENTS.read_arrived(command) == [1, 2]
        for part in Path().glob("*.ckpt*"):
            part.unlink()


@pytest.mark.parametrize("cut", ["--limit", "--canary"])
def test_a_rehearsal_in_parts_continues(command: CommandLine, cut: str) -> None:
    """With unchanged input nothing begins again, and no row of the first part is sent twice."""
    EVENTS.write(1, 2, 3)
    assert command.run("events", "rows.csv", *SANDBOXED, cut, 1).code == 0
    rest = command.run("events", "rows.csv", *SANDBOXED)
    assert "begins again" not in say(rest)
    assert EVENTS.read_arrived(command) == [1, 2, 3]


def test_a_canary_of_a_changed_input_begins_again(command: CommandLine) -> None:
    """The canary is sent to a store that holds none of the rows of before, and the rest follows it."""
    EVENTS.write(1, 2, 3)
    assert command.run("events", "rows.csv", *SANDBOXED).code == 0
    EVENTS.write(1, 2, 4)
    canary = command.run("events", "rows.csv", *SANDBOXED, "--canary", 1)
    assert AGAIN in say(canary)
    assert len(EVENTS.read_arrived(command)) == 1
    assert command.run("events", "rows.csv", *SANDBOXED).code == 0
    assert EVENTS.read_arrived(command) == [1, 2, 4]


def test_the_checkpoint_of_a_real_load_is_never_replaced(command: CommandLine, server: FaultServer) -> None:
    """A slip in --checkpoint costs nothing: the load is refused, and the checkpoint stays byte for byte."""
    real = command.folder / "real.ckpt"
    source = EVENTS.write(1, 2)
    to = ("--endpoint", server.url, "--app", "AAAAA-BBBBB", "--yes")
    assert command.run("events", source, *to, "--checkpoint", real).code == 0
    before = real.read_bytes()
    for input_ in ([1, 2], [1, 7]):
        EVENTS.write(*input_)
        refused = command.run("events", source, *SANDBOXED, "--checkpoint", real)
        assert refused.code == 2
        assert "was made for another load" in say(refused)
    assert real.read_bytes() == before


def test_the_checkpoint_of_a_rehearsal_is_not_replaced_by_a_real_load(
    command: CommandLine, server: FaultServer
) -> None:
    """Only a rehearsal begins again by itself."""
    source = EVENTS.write(1, 2)
    assert command.run("events", source, *SANDBOXED, "--checkpoint", "c.ckpt").code == 0
    real = ("--endpoint", server.url, "--app", "AAAAA-BBBBB", "--yes", "--checkpoint", "c.ckpt")
    refused = command.run("events", source, *real)
    assert refused.code == 2
    assert "was made for another load" in say(refused)


def test_a_checkpoint_of_another_kind_is_refused(command: CommandLine) -> None:
    """It was named by mistake, and is not this rehearsal's."""
    assert command.run("users", USERS.write(1), *SANDBOXED, "--checkpoint", "c.ckpt").code == 0
    refused = command.run("events", EVENTS.write(1), *SANDBOXED, "--checkpoint", "c.ckpt")
    assert refused.code == 2
    assert "is a checkpoint of users" in say(refused)
    assert USERS.read_arrived(command) == [1]


def wait_for(happened: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until something is so."""
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_rehearsal_that_is_running_is_not_replaced(command: CommandLine) -> None:
    """The second command is refused as in use, and the first loses none of its rows."""
    EVENTS.write(*range(60))
    EVENTS.write(1, 99, path="other.csv")
    checkpoint = ("--checkpoint", "c.ckpt")
    with command.start("events", "rows.csv", *SANDBOXED, *checkpoint, "--rate", "1") as running:
        wait_for(lambda: _count_events(command) > 0)
        refused = command.run("events", "other.csv", *SANDBOXED, *checkpoint)
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)
    assert (refused.code, running.returncode) == (7, 130)
    assert command.run("events", "rows.csv", *SANDBOXED, *checkpoint).code == 0
    assert EVENTS.read_arrived(command) == list(range(60))


def _count_events(command: CommandLine) -> int:
    try:
        return len(EVENTS.read_arrived(command))
    except (sqlite3.Error, OSError):  # the store is just being made
        return 0


def piped(command: CommandLine, text: str, *arguments: object) -> Ran:
    """Run a command with a text on its standard input."""
    with command.start(*arguments, stdin=warm.PIPE) as process:
        out, err = process.communicate(text, timeout=120)
        return Ran(process.wait(), out, err)


def test_another_standard_input_begins_again(command: CommandLine) -> None:
    """The input that was kept is replaced with the checkpoint; with --keep, both stay."""
    first, second = (EVENTS.write(1, 2).read_text(), EVENTS.write(1, 3).read_text())
    load = ("events", "-", *SANDBOXED, "--checkpoint", "c.ckpt")
    assert piped(command, first, *load).code == 0
    refused = piped(command, second, *load, "--keep")
    assert (refused.code, Path("c.ckpt.input.csv").read_text()) == (2, first)
    again = piped(command, second, *load)
    assert again.code == 0, again.err
    assert AGAIN in say(again)
    assert EVENTS.read_arrived(command) == [1, 3]
    assert "nothing is left" in say(piped(command, second, *load))


def test_standard_input_of_a_real_load_is_never_replaced(command: CommandLine, server: FaultServer) -> None:
    """What was kept beside its checkpoint is needed to continue it."""
    first, second = (EVENTS.write(1, 2).read_text(), EVENTS.write(1, 3).read_text())
    to = ("--endpoint", server.url, "--app", "AAAAA-BBBBB", "--yes")
    assert piped(command, first, "events", "-", *to, "--checkpoint", "c.ckpt").code == 0
    assert piped(command, second, "events", "-", *SANDBOXED, "--checkpoint", "c.ckpt").code == 2
    assert Path("c.ckpt.input.csv").read_text() == first


def test_of_several_jobs_only_the_changed_one_begins_again(command: CommandLine) -> None:
    """`run` rehearses a night; what did not change is not sent twice."""
    USERS.write(1, 2, path="users.csv")
    EVENTS.write(1, 2)
    Path("jobs.toml").write_text(
        '[jobs.users]\nkind = "users"\ninput = "users.csv"\n'
        '[jobs.events]\nkind = "events"\ninput = "rows.csv"\n'
    )
    assert command.run("run", "jobs.toml", *SANDBOXED).code == 0
    EVENTS.write(1, 3)
    assert command.run("run", "jobs.toml", *SANDBOXED, "--keep").code == 2
    again = command.run("run", "jobs.toml", *SANDBOXED)
    assert again.code == 0
    assert say(again).count(AGAIN) == 1
    assert (USERS.read_arrived(command), EVENTS.read_arrived(command)) == ([1, 2], [1, 3])


@pytest.mark.parametrize("arguments", [("events", "rows.csv"), ("run", "jobs.toml")], ids=["one", "several"])
def test_keep_without_a_sandbox_is_refused(command: CommandLine, arguments: tuple[str, ...]) -> None:
    """It would say nothing: a real load always refuses."""
    Path("jobs.toml").write_text('[jobs.events]\nkind = "events"\ninput = "rows.csv"\n')
    EVENTS.write(1)
    ran = command.run(*arguments, "--keep", "--app", "AAAAA-BBBBB", "--yes")
    assert ran.code == 2
    assert "--keep is for a rehearsal with --sandbox." in say(ran)


# Each dies by SIGKILL at a step of a rehearsal that begins again.
DIE = "import os, signal\ndef die(*_, **__): os.kill(os.getpid(), signal.SIGKILL)\n"
STEPS = {
    "while the checkpoint is emptied": "from loader.journal import opening; opening._write_beginning = die",
    "when it is emptied": "from loader.journal import opening; opening._look = twice(opening._look)",
    "before the store forgets": "from loader.sandbox import EmbeddedSandbox as E; E.forget = die",
    "after the store forgot": "from loader.sandbox import EmbeddedSandbox as E; E.forget = then(E.forget)",
    "after the first lease": "from loader.journal import Journal as J; J.lease = then(J.lease)",
    "after the first answer": "from loader.journal import Journal as J; J.settle = die",
}
HELP = """
def then(function):
    def run(*arguments, **keywords):
        function(*arguments, **keywords)
        die()
    return run
calls = []
def twice(function):
    def run(*arguments):
        calls.append(1)
        if len(calls) == 2:
            die()
        return function(*arguments)
    return run
"""


@pytest.mark.parametrize("later", [[1, 2, 4], [1, 2, 3], [5]], ids=["as it was", "changed back", "changed"])
@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_leaves_what_the_next_command_sets_right(
    command: CommandLine, step: str, later: list[int]
) -> None:
    """Whatever the input is by then, the store holds exactly its rows afterwards, but for rows in doubt."""
    assert command.run("users", USERS.write(1, 2, 3), *SANDBOXED).code == 0
    USERS.write(1, 2, 4)
    words = ["pushwoosh-loader", "users", "rows.csv", *SANDBOXED]
    script = f"{DIE}{HELP}{STEPS[step]}\nimport sys\nsys.argv = {words!r}\n"
    script += "from loader.__main__ import main\nmain()\n"
    with warm.start(["-c", script], folder=command.folder, environment=command.environment) as dying:
        dying.communicate(timeout=60)
    assert dying.returncode == -9
    USERS.write(*later)
    ran = command.run("users", "rows.csv", *SANDBOXED)
    assert ran.code == 0, ran.err
    arrived = USERS.read_arrived(command)
    assert sorted(set(arrived)) == later
    # A row whose answer the dead process never read is sent again: registerUser may be repeated.
    assert len(arrived) == len(later) or (step == "after the first answer" and later == [1, 2, 4])
    with closing(sqlite3.connect("pushwoosh-sandbox.sqlite3")) as store:
        assert store.execute("SELECT count(*) FROM devices").fetchone() == (len(later),)
