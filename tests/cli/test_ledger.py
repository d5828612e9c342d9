"""Loads with a ledger, as a user meets them: nights that overlap, lost ledgers, and the commands."""

from __future__ import annotations

import json
import shutil
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from loader.bookkeeping import forget
from loader.ledger import Ledger

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

SANDBOXED = ("--sandbox", "--yes", "--app", "AAAAA-BBBBB")
EVENTS = """
[fields]
hwid = "device"
event = "name"
timestamp = { column = "time", unit = "s" }
[attributes]
amount = "amount"
"""
USERS = """
[fields]
hwid = "device"
userId = "user"
"""
TAGS = '[fields]\nhwid = "device"\n[tags]\ncity = "user"\n'
KEY = 'key = ["id"]'


def write(
    folder: Path, name: str, *rows: str, kind: str = "events", top: str = KEY, fields: str = EVENTS
) -> tuple[str, ...]:
    """An input and its mapping; the arguments of a load of it with the ledger of all nights."""
    header = "id,device,name,time,amount" if kind == "events" else "device,user"
    (folder / f"{name}.csv").write_text("\n".join([header, *rows]) + "\n")
    (folder / "m.toml").write_text(f'kind = "{kind}"\n{top}\n{fields}')
    return (kind, f"{name}.csv", "--mapping", "m.toml", "--ledger", "all.ledger", *SANDBOXED)


def event(number: int, amount: int = 1) -> str:
    """A row."""
    return f"e-{number},d-{number},buy,{1700000000 + number},{amount}"


def reasons(command: CommandLine, checkpoint: str) -> dict[str, int]:
    """How many rows are left out, by the reason without its date."""
    found = command.summary("status", checkpoint)["left_out_reasons"]
    assert isinstance(found, list)
    return {str(each["reason"]).split(" on 20")[0]: each["rows"] for each in found}


def held(command: CommandLine) -> list[str]:
    """The devices whose events the sandbox holds, in order."""
    return sorted(device for (device,) in command.held("SELECT hwid FROM events"))


def test_nights_that_overlap_send_each_event_once(command: CommandLine, tmp_path: Path) -> None:
    """What the night before has sent is left out, naming it; the account closes, and the exit code is 0."""
    monday = write(tmp_path, "monday", event(1), event(2), event(3))
    assert command.run(*monday).code == 0
    tuesday = write(tmp_path, "tuesday", event(2), event(3), event(4), event(4))
    assert command.run(*tuesday).code == 0
    assert held(command) == ["d-1", "d-2", "d-3", "d-4"]
    assert reasons(command, "tuesday.csv.events.sandbox.ckpt") == {
        "sent by monday.csv.events.sandbox.ckpt": 2,
        "repeat of another row": 1,
    }


def test_an_event_that_changed_after_it_was_sent_is_counted_apart(
    command: CommandLine, tmp_path: Path
) -> None:
    """It is never sent twice by itself, and a list names it with the load that sent it."""
    command.run(*write(tmp_path, "monday", event(1), event(2)))
    command.run(*write(tmp_path, "tuesday", event(1, amount=9), event(2)))
    checkpoint = "tuesday.csv.events.sandbox.ckpt"
    assert reasons(command, checkpoint) == {
        "changed since it was sent by monday.csv.events.sandbox.ckpt": 1,
        "sent by monday.csv.events.sandbox.ckpt": 1,
    }
    listed = command.run("failures", checkpoint, "--left-out", "--format", "jsonl").out.splitlines()
    messages = [json.loads(line)["_loader_message"] for line in listed]
    assert messages[0].startswith("changed since it was sent by monday.csv.events.sandbox.ckpt on 20")
    assert messages[1].startswith("sent by monday.csv.events.sandbox.ckpt on 20")


def test_a_row_without_a_key_is_rejected(command: CommandLine, tmp_path: Path) -> None:
    """Nobody could know it again, so it could be doubled; the reason says what to do."""
    ran = command.run(*write(tmp_path, "monday", event(1), ",d-2,buy,1700000000,1"))
    assert ran.code == 3
    listed = command.run("failures", "monday.csv.events.sandbox.ckpt", "--format", "jsonl").out
    row = json.loads(listed)
    assert row["_loader_reason"] == 'column "id" is empty, so nobody could know whether the row was sent'
    assert row["_loader_message"].startswith('monday.csv, row 2, column "id" is empty, so nobody could know')
    assert '1 × column "id" is empty, so nobody could know whether the row was sent' in ran.out
    assert held(command) == ["d-1"]


def test_events_need_a_key(command: CommandLine, tmp_path: Path) -> None:
    """A mapping without one is refused before anything is sent, and the advice works."""
    load = write(tmp_path, "monday", event(1), top="")
    text = (tmp_path / "monday.csv").read_text()
    (tmp_path / "monday.csv").write_text(text.replace("id,device", "insert_id,device"))
    ran = command.run(*load)
    assert ran.code == 2
    assert 'The column "insert_id" is known to hold one: write key = ["insert_id"]' in ran.err
    mapping = (tmp_path / "m.toml").read_text()
    (tmp_path / "m.toml").write_text('key = ["insert_id"]\n' + mapping)
    assert command.run(*load).code == 0


@pytest.mark.parametrize(("kind", "fields"), [("users", USERS), ("tags", TAGS)])
def test_only_new_and_changed_users_are_sent(
    command: CommandLine, tmp_path: Path, kind: str, fields: str
) -> None:
    """Of a nightly full export what has not changed is left out, and the account says how many that were."""
    rows = [f"d-{number},u-{number}" for number in range(100)]
    assert command.run(*write(tmp_path, "monday", *rows, kind=kind, top="", fields=fields)).code == 0
    rows[7], rows[8] = "d-7,u-other", "d-new,u-8"
    assert command.run(*write(tmp_path, "tuesday", *rows, kind=kind, top="", fields=fields)).code == 0
    checkpoint = f"tuesday.csv.{kind}.sandbox.ckpt"
    assert reasons(command, checkpoint) == {f"unchanged since monday.csv.{kind}.sandbox.ckpt": 98}
    assert command.summary("status", checkpoint)["confirmed"] == 2


def test_a_user_is_compared_with_what_was_sent_last(command: CommandLine, tmp_path: Path) -> None:
    """Also within one load: a device that goes back to an earlier user is sent, one that stays is not."""
    first = write(tmp_path, "monday", "d,a", "d,b", "d,b", "d,a", kind="users", top="", fields=USERS)
    command.run(*first)
    assert command.summary("status", "monday.csv.users.sandbox.ckpt")["confirmed"] == 3
    second = write(tmp_path, "tuesday", "d,b", "d,a", "d,a", kind="users", top="", fields=USERS)
    command.run(*second)
    assert command.summary("status", "tuesday.csv.users.sandbox.ckpt")["confirmed"] == 2
    assert command.held("SELECT user_id FROM devices") == [("a",)]


def test_an_older_load_does_not_undo_a_newer_one(command: CommandLine, tmp_path: Path) -> None:
    """Monday's load, continued after Tuesday's, leaves out the users that Tuesday has changed."""
    monday = write(tmp_path, "monday", "d1,a", "d2,old", kind="users", top="", fields=USERS)
    command.run(*monday, "--limit", "1")
    command.run(*write(tmp_path, "tuesday", "d2,new", kind="users", top="", fields=USERS))
    assert command.run(*monday).code == 0
    assert command.held("SELECT user_id FROM devices WHERE hwid = 'd2'") == [("new",)]
    assert reasons(command, "monday.csv.users.sandbox.ckpt") == {
        "older than what was sent by tuesday.csv.users.sandbox.ckpt": 1
    }


def test_a_load_keeps_its_ledger(command: CommandLine, tmp_path: Path) -> None:
    """Resumed without the option it uses the same ledger: the rest is not sent past it."""
    load = write(tmp_path, "monday", event(1), event(2))
    command.run(*load, "--limit", "1")
    without = [word for word in load if word not in {"--ledger", "all.ledger"}]
    assert command.run(*without).code == 0
    command.run(*write(tmp_path, "tuesday", event(1), event(2)))
    assert held(command) == ["d-1", "d-2"]


def test_a_ledger_that_is_gone_is_not_begun_again(command: CommandLine, tmp_path: Path) -> None:
    """The load is refused, and the advice works to the letter: what was sent is taken over."""
    load = write(tmp_path, "monday", event(1), event(2))
    command.run(*load, "--limit", "1")
    for part in tmp_path.glob("all.ledger*"):
        part.unlink()
    ran = command.run(*load)
    assert ran.code == 2
    assert "all.ledger is missing, the ledger with which" in ran.err
    assert "ledger import all.ledger /" in ran.err
    advised = command.run("ledger", "import", "all.ledger", "monday.csv.events.sandbox.ckpt")
    assert "Taken over: 1 key as sent, 0 in doubt." in advised.out
    assert command.run(*load).code == 0
    command.run(*write(tmp_path, "tuesday", event(1), event(2)))
    assert held(command) == ["d-1", "d-2"]


def test_a_checkpoint_from_a_backup_frees_no_key_in_doubt(command: CommandLine, tmp_path: Path) -> None:
    """It does not know what was sent since; the load is refused, and the advice works to the letter."""
    load = write(tmp_path, "monday", event(1), event(2), event(3))
    command.run(*load, "--limit", "1")
    (backup := tmp_path / "backup").mkdir()
    for part in tmp_path.glob("monday.csv.events.sandbox.ckpt*"):
        shutil.copy(part, backup)
    assert command.run(*load, "--faults", "garbled-answer=#2").code == 4
    for part in backup.iterdir():
        shutil.copy(part, tmp_path)
    for refused in (
        load,
        ("ledger", "import", "all.ledger", "monday.csv.events.sandbox.ckpt"),
    ):
        ran = command.run(*refused)
        assert ran.code == 2
        assert "is older than what " in ran.err
    for part in tmp_path.glob("monday.csv.events.sandbox.ckpt*"):
        part.rename(backup / part.name)
    assert held(command) == ["d-1", "d-2", "d-3"]
    again = write(tmp_path, "again", event(1), event(2), event(3))
    command.run(*again, "--checkpoint", "again.ckpt")
    assert held(command) == ["d-1", "d-2", "d-3"]
    assert sum(reasons(command, "again.ckpt").values()) == 3


def test_a_new_load_does_not_begin_a_ledger_that_is_lost(command: CommandLine, tmp_path: Path) -> None:
    """A ledger that was deleted between two nights is missed, if a load is there that had it."""
    command.run(*write(tmp_path, "monday", event(1), event(2)))
    for part in tmp_path.glob("all.ledger*"):
        part.unlink()
    tuesday = write(tmp_path, "tuesday", event(2), event(3))
    ran = command.run(*tuesday)
    assert ran.code == 2
    assert "is missing, and 1 load in " in ran.err
    assert not (tmp_path / "all.ledger").exists()
    command.run("ledger", "import", "all.ledger", "monday.csv.events.sandbox.ckpt")
    assert command.run(*tuesday).code == 0
    assert held(command) == ["d-1", "d-2", "d-3"]
    other = [word.replace("all.ledger", "other.ledger") for word in write(tmp_path, "later", event(4))]
    assert command.run(*other).code == 0


@pytest.mark.parametrize(("kind", "fields"), [("users", USERS), ("tags", TAGS)])
def test_users_are_known_by_their_device_alone(
    command: CommandLine, tmp_path: Path, kind: str, fields: str
) -> None:
    """A row is unchanged only against what was sent last for its device; another key is refused."""
    ran = command.run(*write(tmp_path, "monday", "d-1,a", kind=kind, top='key = ["user"]', fields=fields))
    assert ran.code == 2
    assert "key is for events" in ran.err
    for night, user in (("monday", "a"), ("tuesday", "b"), ("wednesday", "a")):
        load = write(tmp_path, night, f"d-1,{user}", kind=kind, top="", fields=fields)
        assert command.run(*load).code == 0
        assert command.summary("status", f"{night}.csv.{kind}.sandbox.ckpt")["confirmed"] == 1


def test_a_file_that_is_not_a_ledger_is_named_as_such(command: CommandLine, tmp_path: Path) -> None:
    """Whatever the file is, each command says what it is not, and leaves it as it is."""
    (tmp_path / "rows.csv").write_text("user_id,device_id\n" + "a,b\n" * 500)
    for words in (["ledger", "show"], ["ledger", "verify"], ["ledger", "forget", "--older-than", "1d"]):
        ran = command.run(*words, "rows.csv")
        assert ran.code == 2
        assert "rows.csv is not a ledger. Nothing was sent. Name another file." in ran.err
    assert (tmp_path / "rows.csv").read_text().startswith("user_id")


def test_a_ledger_is_moved_with_all_its_files(command: CommandLine, tmp_path: Path) -> None:
    """A load that was begun before is told its place once, and each event goes once, also from new loads."""
    load = write(tmp_path, "monday", event(1), event(2), event(3))
    command.run(*load, "--limit", "1")
    (tmp_path / "new").mkdir()
    for part in tmp_path.glob("all.ledger*"):
        part.rename(tmp_path / "new" / part.name)
    without = [word for word in load if word not in {"--ledger", "all.ledger"}]
    ran = command.run(*without)
    assert (ran.code, "If it was moved, give its place with --ledger" in ran.err) == (2, True)
    assert command.run(*without, "--ledger", "new/all.ledger", "--limit", "2").code == 0
    assert command.run(*without).code == 0
    tuesday = write(tmp_path, "tuesday", event(2), event(3), event(4))
    assert command.run(*tuesday, "--ledger", "new/all.ledger").code == 0
    assert held(command) == ["d-1", "d-2", "d-3", "d-4"]
    assert not list(tmp_path.glob("all.ledger*"))


def test_doubts_of_a_deleted_checkpoint_stay_until_they_are_forgotten(
    command: CommandLine, tmp_path: Path
) -> None:
    """Their rows are left out of other loads, which name it; then they are sent like new ones."""
    ran = command.run(*write(tmp_path, "monday", event(1)), "--faults", "504=100%")
    assert (ran.code, held(command)) == (4, [])
    checkpoint = "monday.csv.events.sandbox.ckpt"
    for part in tmp_path.glob(f"{checkpoint}*"):
        part.unlink()
    command.run(*write(tmp_path, "tuesday", event(1), event(2)))
    assert reasons(command, "tuesday.csv.events.sandbox.ckpt") == {f"in doubt in {checkpoint}": 1}
    forget(tmp_path / "all.ledger", before=time.time() + 1)
    assert command.run(*write(tmp_path, "wednesday", event(1))).code == 0
    assert held(command) == ["d-1", "d-2"]


def test_a_ledger_from_a_backup_is_refused_until_it_is_brought_up_to_date(
    command: CommandLine, tmp_path: Path
) -> None:
    """An older ledger than the checkpoint knows would let rows be sent again."""
    load = write(tmp_path, "monday", event(1), event(2), event(3))
    command.run(*load, "--limit", "1")
    shutil.copy(tmp_path / "all.ledger", tmp_path / "backup")
    command.run(*load, "--limit", "2")
    shutil.copy(tmp_path / "backup", tmp_path / "all.ledger")
    ran = command.run(*load)
    assert ran.code == 2
    assert "was put back from a backup" in ran.err
    command.run("ledger", "import", "all.ledger", "monday.csv.events.sandbox.ckpt")
    assert command.run(*load).code == 0
    command.run(*write(tmp_path, "tuesday", event(1), event(2), event(3)))
    assert held(command) == ["d-1", "d-2", "d-3"]


def test_a_ledger_that_is_given_late_is_refused_until_it_knows_what_was_sent(
    command: CommandLine, tmp_path: Path
) -> None:
    """A load that was begun without it has sent rows that other loads would send again; the advice works."""
    load = write(tmp_path, "monday", event(1), event(2), event(3))
    without = [word for word in load if word not in {"--ledger", "all.ledger"}]
    command.run(*without, "--limit", "2")
    ran = command.run(*load)
    assert ran.code == 2
    assert "has sent 2 rows, and " in ran.err
    assert "ledger import " in ran.err
    command.run("ledger", "import", "all.ledger", "monday.csv.events.sandbox.ckpt")
    assert command.run(*load).code == 0
    command.run(*write(tmp_path, "tuesday", event(1), event(2), event(3), event(4)))
    assert held(command) == ["d-1", "d-2", "d-3", "d-4"]


def test_an_older_ledger_is_refused_also_after_other_loads_went_on_with_it(
    command: CommandLine, tmp_path: Path
) -> None:
    """However often it was used since it was put back, it lacks what this load has sent."""
    load = write(tmp_path, "monday", event(1), event(2), event(3))
    command.run(*load, "--limit", "1")
    shutil.copy(tmp_path / "all.ledger", tmp_path / "backup")
    command.run(*load, "--limit", "2")
    shutil.copy(tmp_path / "backup", tmp_path / "all.ledger")
    for number in (7, 8):
        assert command.run(*write(tmp_path, f"other{number}", event(number))).code == 0
    ran = command.run(*load)
    assert ran.code == 2
    assert "was put back from a backup" in ran.err
    command.run("ledger", "import", "all.ledger", "monday.csv.events.sandbox.ckpt")
    assert command.run(*load).code == 0
    command.run(*write(tmp_path, "tuesday", event(2), event(3)))
    assert held(command) == ["d-1", "d-2", "d-3", "d-7", "d-8"]


def test_two_loads_at_once_are_refused_also_with_a_copy(command: CommandLine, tmp_path: Path) -> None:
    """Exit code 7: whoever has the ledger, or a copy or another name of it, is alone with it."""
    load = write(tmp_path, "monday", event(1))
    command.run(*load)
    shutil.copy(tmp_path / "all.ledger", tmp_path / "copy.ledger")
    (tmp_path / "link.ledger").symlink_to("all.ledger")
    with Ledger.read(tmp_path / "all.ledger") as found:
        bound = found.header.bound
    tuesday = write(tmp_path, "tuesday", event(2))
    with Ledger.open(tmp_path / "all.ledger", bound):
        for name in ("all.ledger", "copy.ledger", "link.ledger"):
            ran = command.run(*[name if word == "all.ledger" else word for word in tuesday])
            assert ran.code == 7, name
            assert "another load has this ledger, or a copy of it" in ran.err
    assert held(command) == ["d-1"]
    assert command.run(*tuesday).code == 0


def test_a_ledger_of_another_application_is_refused(command: CommandLine, tmp_path: Path) -> None:
    """What was sent elsewhere says nothing about this load."""
    command.run(*write(tmp_path, "monday", event(1)))
    tuesday = write(tmp_path, "tuesday", event(1))
    ran = command.run(*[word.replace("AAAAA-BBBBB", "AAAAA-CCCCC") for word in tuesday])
    assert ran.code == 2
    assert 'is a ledger of the application "AAAAA-BBBBB"' in ran.err
    assert "sandbox" not in ran.err


def test_a_ledger_of_another_store_of_the_sandbox_is_refused(command: CommandLine, tmp_path: Path) -> None:
    """A sandbox that begins empty knows nothing of what was sent; the message says what goes together."""
    command.run(*write(tmp_path, "monday", event(1)))
    ran = command.run(*write(tmp_path, "tuesday", event(1)), "--sandbox-store", "another.sqlite3")
    assert ran.code == 2
    assert "The ledger of a rehearsal goes with the store of its sandbox: keep or delete both." in ran.err


def test_a_rejected_row_that_is_retried_is_known_from_then_on(command: CommandLine, tmp_path: Path) -> None:
    """A retry uses the load's ledger: the row is sent once, whichever load has it next."""
    load = write(tmp_path, "monday", event(1), "e-2,d-2,buy,never,1")
    assert command.run(*load).code == 3
    (tmp_path / "fixed.toml").write_text(
        f'kind = "events"\n{KEY}\n{EVENTS}'.replace(
            '"time", unit = "s"', '"time", unit = "s", null_values = ["never"], default = 1700000000'
        )
    )
    ran = command.run("retry", "monday.csv.events.sandbox.ckpt", "--mapping", "fixed.toml", "--yes")
    assert ran.code == 0, ran.err
    command.run(*write(tmp_path, "tuesday", event(1), event(2)))
    assert held(command) == ["d-1", "d-2"]


def test_a_rehearsal_that_begins_again_forgets_its_keys(command: CommandLine, tmp_path: Path) -> None:
    """The sandbox forgets it too, so its rows are sent again."""
    command.run(*write(tmp_path, "monday", event(1), event(2)))
    changed = write(tmp_path, "monday", event(1), event(2), event(3))
    assert command.run(*changed).code == 0
    assert held(command) == ["d-1", "d-2", "d-3"]


def test_the_ledger_holds_nothing_of_the_rows(command: CommandLine, tmp_path: Path) -> None:
    """No key, device or value is in its files, and only their owner can read them."""
    command.run(*write(tmp_path, "monday", *(event(number, 987654) for number in range(50))))
    for part in tmp_path.glob("all.ledger*"):
        content = part.read_bytes()
        assert not any(text in content for text in (b"e-33", b"d-33", b"987654", b"buy")), part
        assert part.stat().st_mode & 0o077 == 0, part


def test_show_verify_export_and_forget(command: CommandLine, tmp_path: Path) -> None:
    """What a ledger holds is shown and listed; what is forgotten is sent again, what is damaged is told."""
    command.run(*write(tmp_path, "monday", event(1), event(2)))
    assert "2 keys sent, 0 in doubt" in command.run("ledger", "show", "all.ledger").out
    (load,) = json.loads(command.run("ledger", "show", "all.ledger", "--json").out)["loads"]
    assert (load["sent"], load["key"], load["kind"]) == (2, "id", "events")
    assert datetime.fromisoformat(load["began"]) <= datetime.fromisoformat(load["at"]) <= datetime.now(UTC)
    exported = command.run("ledger", "export", "all.ledger").out.splitlines()
    assert [line.split(",")[2:4] for line in exported[1:]] == [["sent", "monday.csv.events.sandbox.ckpt"]] * 2
    assert "all.ledger is whole: 2 keys." in command.run("ledger", "verify", "all.ledger").out
    assert "0 loads forgotten." in command.run("ledger", "forget", "all.ledger", "--older-than", "400d").out
    both = command.run("ledger", "forget", "all.ledger", "--older-than", "4d", "--keys", "all.ledger")
    assert "Give one of --older-than and --keys." in both.err
    assert command.run("ledger", "forget", "all.ledger").code == 2
    assert command.run("ledger", "forget", "all.ledger", "--older-than", "soon").code == 2


def test_what_is_forgotten_is_not_known(command: CommandLine, tmp_path: Path) -> None:
    """Only the loads that are old enough are forgotten, with all of their keys."""
    command.run(*write(tmp_path, "monday", event(1), event(2)))
    command.run(*write(tmp_path, "tuesday", event(2), event(3)))
    with Ledger.read(tmp_path / "all.ledger") as ledger:
        last = [load.at for load in ledger.loads.values()]
    assert forget(tmp_path / "all.ledger", before=last[1]) == 1
    command.run(*write(tmp_path, "wednesday", event(1), event(3), event(4)))
    assert reasons(command, "wednesday.csv.events.sandbox.ckpt") == {
        "sent by tuesday.csv.events.sandbox.ckpt": 1
    }


def test_a_load_without_a_ledger_is_taken_over(command: CommandLine, tmp_path: Path) -> None:
    """With the column that it is known by, as its mapping names no key."""
    load = write(tmp_path, "monday", event(1), event(2), top="")
    assert command.run(*[word for word in load if word not in {"--ledger", "all.ledger"}]).code == 0
    checkpoint = "monday.csv.events.sandbox.ckpt"
    refused = command.run("ledger", "import", "all.ledger", checkpoint)
    assert refused.code == 2
    taken = command.run("ledger", "import", "all.ledger", checkpoint, "--key", "id")
    assert "Taken over: 2 keys as sent, 0 in doubt." in taken.out
    command.run(*write(tmp_path, "tuesday", event(2), event(3)))
    assert held(command) == ["d-1", "d-2", "d-3"]


def test_a_load_that_was_taken_over_continues_with_the_key_that_was_given(
    command: CommandLine, tmp_path: Path
) -> None:
    """Its mapping names none and may not change; its other rows are known by the same columns."""
    load = write(tmp_path, "monday", event(1), event(2), event(3), top="")
    load = tuple(word for word in load if word not in {"--ledger", "all.ledger"})
    command.run(*load, "--limit", "1")
    taken = command.run("ledger", "import", "all.ledger", "monday.csv.events.sandbox.ckpt", "--key", "id")
    assert "Taken over: 1 key as sent" in taken.out
    command.run(*write(tmp_path, "tuesday", event(2)))
    write(tmp_path, "monday", event(1), event(2), event(3), top="")
    assert command.run(*load).code == 0
    left_out = command.run(
        "failures", "monday.csv.events.sandbox.ckpt", "--left-out", "--format", "jsonl"
    ).out
    assert json.loads(left_out)["_loader_reason"].startswith("sent by tuesday.csv.events.sandbox.ckpt")
    assert json.loads(left_out)["_loader_column"] == "id"
    again = command.run("ledger", "import", "all.ledger", "monday.csv.events.sandbox.ckpt")
    assert "Taken over: 0 keys as sent, 0 in doubt." in again.out, again.err
    command.run(*write(tmp_path, "later", event(3), event(4)))
    assert held(command) == ["d-1", "d-2", "d-3", "d-4"]


@pytest.mark.parametrize(("decision", "fault"), [("--landed", "garbled-answer=#1"), ("--dropped", "500=#1")])
def test_a_decision_about_doubts_reaches_the_ledger(
    command: CommandLine, tmp_path: Path, decision: str, fault: str
) -> None:
    """Until then other loads leave the key out and name the load; afterwards it is known, or free."""
    monday = write(tmp_path, "monday", event(1))
    assert command.run(*monday, "--faults", fault).code == 4
    first = write(tmp_path, "first", event(1))
    command.run(*first)
    assert reasons(command, "first.csv.events.sandbox.ckpt") == {
        "in doubt in monday.csv.events.sandbox.ckpt": 1
    }
    assert "0 keys sent, 1 in doubt" in command.run("ledger", "show", "all.ledger").out
    assert command.run("resolve", "monday.csv.events.sandbox.ckpt", decision).code == 0
    command.run(*write(tmp_path, "tuesday", event(1), event(2)))
    assert held(command) == ["d-1", "d-2"]
    assert command.run(*monday).code == 0
    assert held(command) == ["d-1", "d-2"]


def test_a_load_can_wait_for_the_ledger(command: CommandLine, tmp_path: Path) -> None:
    """With --ledger-wait the second load begins when the first is done, and knows what that has sent."""
    command.run(*write(tmp_path, "monday", event(1)))
    tuesday = write(tmp_path, "tuesday", event(1), event(2))
    with Ledger.read(tmp_path / "all.ledger") as found:
        bound = found.header.bound
    with Ledger.open(tmp_path / "all.ledger", bound):
        waiting = command.start(*tuesday, "--ledger-wait", "100s")
        assert command.run(*tuesday, "--checkpoint", "other").code == 7
        assert waiting.poll() is None
    with waiting as process:
        process.communicate(timeout=100)
        assert process.wait() == 0
    assert held(command) == ["d-1", "d-2"]


@pytest.mark.parametrize("key", ['["box.id"]', '["time", "box.id"]'])
def test_rows_whose_keys_cannot_be_read_are_rejected(command: CommandLine, tmp_path: Path, key: str) -> None:
    """Two of them are not taken for repeats of each other, whatever else the key is made of."""
    load = write(tmp_path, "monday", top=f"key = {key}", fields=EVENTS.partition("[attributes]")[0])
    (tmp_path / "monday.csv").write_text(
        'device,name,time,box\nd-0,buy,1700000000,"{""id"": ""a"","\nd-1,buy,1700000000,"{""id"": ""b"","\n'
        'd-2,buy,1700000000,"{""id"": ""a""}"\n'
    )
    found = command.summary(*load)
    assert [found[name] for name in ("confirmed", "rejected", "left_out")] == [1, 2, 0]
