"""`--report-gone`: the keys of the ledger that an input does not have any more, as an operator sees them."""

from __future__ import annotations

import csv
import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from loader.bookkeeping import forget
from loader.gone.listing import list_gone
from loader.ledger import Digests, Ledger
from loader.ledger.kept_ids import BUCKETS, KeptIds
from loader.ledger.sending import Sending
from loader.methods import Kind
from loader.pipeline import prepare
from loader.progress import Silent
from loader.settings import Endpoint, Settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

SANDBOXED = ("--sandbox", "--yes", "--app", "AAAAA-BBBBB")
USERS = '[fields]\nhwid = "device"\nuserId = "user"\ntz_offset = "tz"\n'
TAGS = '[fields]\nhwid = "device"\nuserId = "user"\n[tags]\ncity = "tz"\n'
KINDS = pytest.mark.parametrize(
    ("kind", "fields", "column"), [("users", USERS, "hwid"), ("tags", TAGS, "userId")]
)


def write(
    folder: Path, name: str, *rows: str, kind: str = "users", top: str = "", fields: str = USERS
) -> tuple[str, ...]:
    """A full export and its mapping; the arguments of a load of it that lists what is gone."""
    (folder / f"{name}.csv").write_text("\n".join(["device,user,tz", *rows]) + "\n")
    (folder / "m.toml").write_text(f'kind = "{kind}"\n{top}\n{fields}')
    listing = ("--ledger", "all.ledger", "--report-gone", "gone.csv")
    return (kind, f"{name}.csv", "--mapping", "m.toml", *listing, *SANDBOXED)


def user(number: int, zone: str = "0") -> str:
    """A row."""
    return f"d-{number},u-{number},{zone}"


def read_list(folder: Path, name: str = "gone.csv") -> list[dict[str, str]]:
    """The rows of the list."""
    with (folder / name).open(newline="") as file:
        return list(csv.DictReader(file))


def listed(folder: Path, column: str = "hwid") -> set[str]:
    """One column of the list."""
    return {row[column] for row in read_list(folder)}


def load(command: CommandLine, words: tuple[str, ...], *more: str) -> dict[str, object]:
    """Load; the summary."""
    ran = command.run(*words, *more, "--summary", "account.json")
    assert ran.code in {0, 3}, ran.err
    found: dict[str, object] = json.loads((command.folder / "account.json").read_text())
    return found


@KINDS
def test_what_the_input_no_longer_has_is_listed(
    command: CommandLine, tmp_path: Path, kind: str, fields: str, column: str
) -> None:
    """Each night, by its id, with the load that sent it; the account says how many they are."""
    rows = [user(number) for number in range(400)]
    assert load(command, write(tmp_path, "monday", *rows, kind=kind, fields=fields))["gone"] == 0
    assert read_list(tmp_path) == []
    tuesday = write(tmp_path, "tuesday", *rows[3:], user(1000), kind=kind, fields=fields)
    ran = command.run(*tuesday)
    assert "gone: 3 keys that the ledger knows are not in this input; gone.csv lists them" in ran.out
    assert {name[2:] for name in listed(tmp_path, column)} == {"0", "1", "2"}
    assert {row["_loader_load"] for row in read_list(tmp_path)} == {f"monday.csv.{kind}.sandbox.ckpt"}
    assert load(command, write(tmp_path, "wednesday", *rows[2:], kind=kind, fields=fields))["gone"] == 3
    assert {name[2:] for name in listed(tmp_path, column)} == {"0", "1", "1000"}


@pytest.mark.parametrize(
    ("rows", "top", "words"),
    [
        pytest.param([user(1), user(2, "nowhere")], "", (), id="rejected"),
        pytest.param([user(1), user(2)], '[rows]\nonly = { device = ["d-1"] }', (), id="selected"),
        pytest.param([user(1), user(2), user(2)], "unique = true", (), id="repeats"),
        pytest.param([user(9), user(1), user(2)], "", ("--limit", "1"), id="limited"),
    ],
)
def test_a_row_that_is_not_sent_is_not_gone(
    command: CommandLine, tmp_path: Path, rows: list[str], top: str, words: tuple[str, ...]
) -> None:
    """Whatever becomes of a row, its key is in the input."""
    load(command, write(tmp_path, "monday", user(1), user(2), user(3)))
    load(command, write(tmp_path, "tuesday", *rows, top=top), *words)
    assert listed(tmp_path) == {"d-3"}


def test_users_and_tags_of_one_ledger_are_told_apart(command: CommandLine, tmp_path: Path) -> None:
    """An export of tags has no users: they are not gone by it."""
    load(command, write(tmp_path, "users", user(1), user(2)))
    assert load(command, write(tmp_path, "tags", user(1), kind="tags", fields=TAGS))["gone"] == 0


def test_a_key_in_doubt_is_listed_as_such(command: CommandLine, tmp_path: Path) -> None:
    """It may be at the vendor, and whoever deletes there wants to know."""
    load(command, write(tmp_path, "monday", user(1), user(2), user(3)))
    with Ledger.read(tmp_path / "all.ledger") as found:
        bound = found.header.bound
    with Ledger.open(tmp_path / "all.ledger", bound) as ledger:
        high, low = ledger.digester("users").digest_keys(pa.array([b"d-1"]))
        Sending(ledger, 1, last_wins=True).mark(Digests(high, low, low), np.array([0]))
    load(command, write(tmp_path, "tuesday", user(3)))
    states = {row["hwid"]: row["_loader_state"] for row in read_list(tmp_path)}
    assert states == {"d-1": "in doubt", "d-2": "sent"}


def test_ids_are_kept_only_if_a_list_is_asked_for(command: CommandLine, tmp_path: Path) -> None:
    """Without it the ledger has no personal data; later lists say how many ids nobody kept."""
    monday = write(tmp_path, "monday", user(1), user(2), user(3))
    command.run(*[word for word in monday if word not in {"--report-gone", "gone.csv"}])
    assert not list(tmp_path.glob("all.ledger-ids*"))
    ran = command.run(*write(tmp_path, "tuesday", user(1), user(2)))
    assert "gone: 1 key that the ledger knows is not in this input; gone.csv lists it" in ran.out
    assert "1 of them without an id: no load with --report-gone has seen it" in ran.out
    assert "note: the ids of these users are kept in" in ran.out
    assert listed(tmp_path) == {""}
    (kept,) = tmp_path.glob("all.ledger-ids-users")
    for file in (kept, tmp_path / "gone.csv"):
        assert file.stat().st_mode & 0o077 == 0, file
    ran = command.run(*write(tmp_path, "wednesday", user(1)))
    assert "note: the ids" not in ran.out
    assert listed(tmp_path) == {"", "d-2"}
    assert f"keeps ids, which are personal data, in {kept}" in command.run("ledger", "show", "all.ledger").out


def test_the_day_since_which_a_key_is_gone_stays(command: CommandLine, tmp_path: Path) -> None:
    """So what is new tonight can be told from what was listed before; who comes back is gone from anew."""

    def list_again(name: str, today: int) -> dict[str, str]:
        settings = Settings(
            kind=Kind.USERS,
            files=(str(tmp_path / f"{name}.csv"),),
            application="AAAAA-BBBBB",
            endpoint=Endpoint.parse("http://127.0.0.1:9/"),
            mapping=tmp_path / "m.toml",
        )
        ledger, target = tmp_path / "all.ledger", tmp_path / "gone.csv"
        list_gone(prepare(settings), ledger, target, Silent(), today)
        return {row["hwid"]: row["_loader_gone_since"] for row in read_list(tmp_path)}

    load(command, write(tmp_path, "all", user(1), user(2), user(3)))
    write(tmp_path, "few", user(1))
    write(tmp_path, "most", user(1), user(2))
    assert list_again("most", 365) == {"d-3": "1971-01-01"}
    assert list_again("few", 366) == {"d-2": "1971-01-02", "d-3": "1971-01-01"}
    assert list_again("all", 367) == {}
    assert list_again("few", 368) == {"d-2": "1971-01-04", "d-3": "1971-01-04"}


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_the_ending_says_what_is_written(command: CommandLine, tmp_path: Path, ending: str) -> None:
    """As for all files of rows."""
    load(command, write(tmp_path, "monday", user(1), user(2)))
    words = write(tmp_path, "tuesday", user(1))
    load(command, tuple(f"gone.{ending}" if word == "gone.csv" else word for word in words))
    read = pd.read_parquet if ending == "parquet" else lambda path: pd.read_json(path, lines=True)
    assert read(tmp_path / f"gone.{ending}")["hwid"].tolist() == ["d-2"]


def test_without_a_ledger_the_list_is_refused(command: CommandLine, tmp_path: Path) -> None:
    """Before anything is sent; the advice works as it is written."""
    words = write(tmp_path, "monday", user(1))
    alone = [word for word in words if word not in {"--ledger", "all.ledger"}]
    ran = command.run(*alone)
    assert ran.code == 2
    assert "--report-gone needs a ledger" in ran.err
    assert "Name one with --ledger; it is created if there is none." in ran.err
    assert command.run(*words).code == 0
    assert command.run(*alone).code == 0  # the load keeps its ledger


def test_a_load_that_was_begun_without_a_ledger_is_refused_too(command: CommandLine, tmp_path: Path) -> None:
    """Its checkpoint names none, and nothing more is sent."""
    words = write(tmp_path, "monday", user(1), user(2))
    alone = [word for word in words if word not in {"--ledger", "all.ledger"}]
    plain = [word for word in alone if word not in {"--report-gone", "gone.csv"}]
    command.run(*plain, "--limit", "1")
    ran = command.run(*alone)
    assert ran.code == 2
    assert "--report-gone needs a ledger" in ran.err
    assert command.held("SELECT hwid FROM devices") == [("d-1",)]


def test_events_are_never_gone(command: CommandLine) -> None:
    """A file of events never has the earlier ones, so the option is refused and not ignored."""
    ran = command.run("events", "x.csv", "--report-gone", "gone.csv", *SANDBOXED)
    assert ran.code == 2
    assert "--report-gone" in ran.err


def test_what_is_forgotten_by_a_list_is_sent_when_it_comes_back(command: CommandLine, tmp_path: Path) -> None:
    """A user who was deleted at the vendor and returns unchanged would be left out otherwise."""
    load(command, write(tmp_path, "monday", user(1), user(2), user(3)))
    load(command, write(tmp_path, "tuesday", user(3)))
    kept = [line for line in (tmp_path / "gone.csv").read_text().splitlines() if "d-2" not in line]
    (tmp_path / "some.csv").write_text("\n".join(kept) + "\n")
    assert command.run("ledger", "forget", "all.ledger", "--keys", "some.csv").out == "1 key forgotten.\n"
    assert command.run("ledger", "forget", "all.ledger", "--keys", "some.csv").out == "0 keys forgotten.\n"
    assert load(command, write(tmp_path, "wednesday", user(1), user(2), user(3)))["confirmed"] == 1
    assert load(command, write(tmp_path, "thursday", user(9)))["gone"] == 3


@pytest.mark.parametrize("content", ["device\nd-1\n", "_loader_key_digest\nnothing\n", "", "PAR1"])
def test_a_list_without_keys_is_refused(command: CommandLine, tmp_path: Path, content: str) -> None:
    """Nothing is forgotten by mistake."""
    load(command, write(tmp_path, "monday", user(1)))
    (tmp_path / "list.csv").write_text(content)
    ran = command.run("ledger", "forget", "all.ledger", "--keys", "list.csv")
    assert ran.code == 2
    assert "list.csv" in ran.err
    assert "all.ledger is whole: 1 key." in command.run("ledger", "verify", "all.ledger").out


def test_ids_of_forgotten_loads_are_forgotten(command: CommandLine, tmp_path: Path) -> None:
    """What the ledger does not know any more is not kept as personal data either."""
    load(command, write(tmp_path, "monday", "secret-device,u,0"))
    with Ledger.read(tmp_path / "all.ledger") as ledger:
        assert kept_ids(ledger) == {b"secret-device"}
    forget(tmp_path / "all.ledger", before=2e9 * 2)
    with Ledger.read(tmp_path / "all.ledger") as ledger:
        assert kept_ids(ledger) == set()


def kept_ids(ledger: Ledger) -> set[bytes]:
    """All ids of users that are kept beside a ledger."""
    with KeptIds(ledger.path, "users") as kept:
        digester = ledger.digester("users")
        return {key for bucket in range(BUCKETS) for key in kept.read(bucket, digester).keys.to_pylist()}


def test_damaged_ids_never_give_a_wrong_name(command: CommandLine, tmp_path: Path) -> None:
    """The load stands, its exit code is about the rows, and the advice of the warning works."""
    load(command, write(tmp_path, "monday", user(1), user(2)))
    ids = tmp_path / "all.ledger-ids-users"
    whole = ids.read_bytes()
    ids.write_bytes(whole[: len(whole) // 2])
    words = write(tmp_path, "tuesday", user(1))
    ran = command.run(*words, "--summary", "account.json")
    assert ran.code == 0
    assert "No list of gone keys was written" in ran.err
    assert "is damaged" in ran.err
    assert json.loads((tmp_path / "account.json").read_text())["gone"] is None
    assert command.run("ledger", "verify", "all.ledger").code == 2
    ids.unlink()
    assert load(command, words)["gone"] == 1
    assert listed(tmp_path) == {""}


def test_ids_of_another_ledger_never_give_a_name(command: CommandLine, tmp_path: Path) -> None:
    """Each id is compared with its digest, and another ledger has other digests."""
    load(command, write(tmp_path, "monday", user(1), user(2)))
    words = write(tmp_path, "monday", user(1), user(2))
    other = tuple({"all.ledger": "other.ledger", "monday.csv": "copy.csv"}.get(word, word) for word in words)
    shutil.copy(tmp_path / "monday.csv", tmp_path / "copy.csv")
    load(command, other)
    shutil.copy(tmp_path / "other.ledger-ids-users", tmp_path / "all.ledger-ids-users")
    ran = command.run(*write(tmp_path, "tuesday", user(1)))
    assert "is damaged" in ran.err
