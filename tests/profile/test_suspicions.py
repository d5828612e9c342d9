"""Ids that look wrong: counted over all rows before the first send, each with its rows and what to do."""

# ruff: noqa: E501 - whole sentences, a case a line

from __future__ import annotations

import gzip
import json
import re
import shlex
import tomllib
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

import loader
from loader.cli.check import check_command
from loader.defaults import NO_APPLICATION
from loader.load_options import DEFAULT_ENDPOINT, LoadOptions
from loader.mapping import parse_mapping
from loader.mapping.ids import WORDS
from loader.methods import Kind
from loader.planning import prepare
from loader.settings import Endpoint, Settings
from tests.mapping.test_ids import SIGNED

if TYPE_CHECKING:
    from pathlib import Path

    from loader.planning import Plan
    from loader.profile.suspicion import Suspicion
    from tests.conftest import CommandLine

EVENTS = """
kind = "events"
[fields]
hwid = "hwid"
userId = "user_id"
event = "event"
timestamp = { const = "2024-03-04T21:37:41Z" }
"""
Rows = list[dict[str, str | None]]


def planned(*paths: Path, toml: str = EVENTS) -> Plan:
    """What is known before the first send."""
    return prepare(
        Settings(
            kind=Kind.EVENTS,
            files=tuple(map(str, paths)),
            application=NO_APPLICATION,
            endpoint=Endpoint.parse(DEFAULT_ENDPOINT),
            options=LoadOptions(),
        ),
        mapping=parse_mapping(toml, "m.toml"),
    )


def rows_of(texts: list[str], column: str) -> Rows:
    """A row for each text in the column; in the others stand honest values."""
    honest = {"hwid": "d{0}", "user_id": "u{0}", "event": "buy"}
    return [
        {name: text if name == column else form.format(number) for name, form in honest.items()}
        for number, text in enumerate(texts)
    ]


def written(path: Path, rows: Rows) -> Path:
    """The rows in a file of the form that its name says."""
    match path.suffixes[0]:
        case ".parquet":
            parquet.write_table(pa.Table.from_pylist(rows), path, row_group_size=7)
        case ".arrow":
            table = pa.Table.from_pylist(rows)
            with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
                writer.write_table(table, max_chunksize=7)
        case ".jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        case _:
            lines = [",".join(rows[0])]
            lines += [
                ",".join('"' + (cell or "").replace('"', '""') + '"' for cell in row.values()) for row in rows
            ]
            text = ("\n".join(lines) + "\n").encode()
            path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.jsonl", "t.parquet", "t.arrow"])
@pytest.mark.parametrize("column", ["hwid", "user_id"])
def test_every_kind_is_counted_over_all_rows_of_files_of_any_form(
    tmp_path: Path, name: str, column: str
) -> None:
    """Not only those of the sample, each with its rows and the place of the first."""
    field = {"hwid": "hwid", "user_id": "userId"}[column]
    texts = [f"honest{number}" for number in range(1500)]
    expected = {}
    for kind, signed in SIGNED.items():
        expected[kind] = (len(signed), f"row {len(texts) + 1:,}")
        texts += [*signed, "honest"]
    found = planned(written(tmp_path / name, rows_of(texts, column))).suspicions
    assert {one.field for one in found} == {field}
    assert total(found) == {kind: rows for kind, (rows, _) in expected.items()}
    for kind, (_, first) in expected.items():
        if kind != "word_for_nothing":
            (one,) = [one for one in found if one.kind == kind]
            assert one.tally.first == f"{tmp_path / name}, {first}"


def total(found: tuple[Suspicion, ...]) -> dict[str, int]:
    """Rows by kind."""
    kinds = dict.fromkeys(one.kind for one in found)
    return {kind: sum(one.tally.rows for one in found if one.kind == kind) for kind in kinds}


def test_names_of_events_are_looked_at_too(tmp_path: Path) -> None:
    """A name with a blank behind it is another event to the vendor; a number as a name is nothing odd."""
    found = planned(
        written(tmp_path / "t.csv", rows_of(["buy ", "NULL", " ", "1.0", "buy"], "event"))
    ).suspicions
    assert [(one.field, one.kind, one.tally.rows) for one in found] == [
        ("event", "word_for_nothing", 1),
        ("event", "nothing_visible", 1),
        ("event", "invisible_around", 1),
    ]
    assert str(found[2].message).endswith(
        'names that have blanks or other invisible characters around them ("buy "); the first is '
        f"{tmp_path / 't.csv'}, row 1. They are sent as they are. To remove them, write "
        'event = { column = "event", trim = true } in a mapping file.'
    )


def test_a_frame_is_looked_at_too() -> None:
    """With the sentence in the words of Python."""
    frame = pa.table({"hwid": ["d1", "d2"], "user_id": ["u1", "NULL"]}).to_pandas()
    checked = loader.check_users(frame)
    assert checked.decisions[-1] == (
        'note: userId, 1 row: "NULL" on 1 device; the first is DataFrame, row 2. Many programs write this for nothing. '
        'It is sent as it is. If it means nothing, set null_values NULL, or write null_values = ["NULL"] in a mapping '
        "file, under [source] or for userId alone."
    )
    assert checked.profile["suspicions"] == [
        {
            "field": "userId",
            "kind": "word_for_nothing",
            "rows": 1,
            "first": "DataFrame, row 2",
            "examples": ["NULL"],
            "devices": 1,
        }
    ]


def test_blocks_of_a_frame_that_differ_in_type_are_looked_at_one_by_one() -> None:
    """Half a character makes bytes of one block; the words before and behind it are counted."""
    users = ["NULL", *("u",) * 9000, "\ud800", "NULL", *("u",) * 9000, "NULL"]
    frame = pd.DataFrame(
        {"hwid": [f"d{number}" for number in range(len(users))], "user_id": users}, dtype=object
    )
    (found,) = loader.check_users(frame).profile["suspicions"][:1]
    assert (found["kind"], found["rows"]) == ("word_for_nothing", 3)


def test_dictionaries_that_differ_from_batch_to_batch_are_looked_at(tmp_path: Path) -> None:
    """As a stream of Arrow may have them; each user is met by its own dictionary."""
    kind = pa.schema(
        [("hwid", pa.string()), ("user_id", pa.dictionary(pa.int8(), pa.string())), ("event", pa.string())]
    )
    path = tmp_path / "t.arrows"
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, kind) as writer:
        for users in (["u1", "NULL"], ["NULL", "u2"]):
            columns = [
                pa.array(["d1", "d2"]),
                pa.array(users).dictionary_encode().cast(kind.field(1).type),
                pa.array(["e", "e"]),
            ]
            writer.write_batch(pa.record_batch(columns, schema=kind))
    (found,) = planned(path).suspicions
    assert (found.value, found.tally.rows, found.tally.first) == ("NULL", 2, f"{path}, row 2")


@pytest.mark.parametrize("word", [*WORDS, "guest"])
def test_the_remedy_for_a_word_works_when_it_is_followed_to_the_letter(tmp_path: Path, word: str) -> None:
    """On the command line and in a mapping file."""
    path = written(tmp_path / "t.csv", rows_of([word] * 60, "user_id"))
    (found,) = planned(path).suspicions
    advice = re.search(
        r"set (--null-values .+), or write (null_values = .+) in a mapping file", str(found.message)
    )
    assert advice is not None
    arguments = ["events", str(path), *shlex.split(advice[1])]
    assert check_command.make_context("check", arguments).params["null_values"] == (word,)
    assert tomllib.loads(advice[2]) == {"null_values": [word]}
    assert planned(path, toml=f"{EVENTS}[source]\n{advice[2]}\n").suspicions == ()
    one = f'{{ column = "user_id", {advice[2]} }}'
    assert planned(path, toml=EVENTS.replace('"user_id"', one)).suspicions == ()


@pytest.mark.parametrize("text", SIGNED["invisible_around"])
def test_the_remedy_for_blanks_works_when_it_is_followed_to_the_letter(tmp_path: Path, text: str) -> None:
    """The rule that is shown takes the place of the one that there is."""
    path = written(tmp_path / "t.csv", rows_of([text], "user_id"))
    (found,) = planned(path).suspicions
    advice = re.search(r"write (userId = .+) in a mapping file", str(found.message))
    assert advice is not None
    assert planned(path, toml=EVENTS.replace('userId = "user_id"', advice[1])).suspicions == ()


def test_rows_that_are_rejected_anyway_and_constants_are_not_suspicious(tmp_path: Path) -> None:
    """A word that `values` does not list rejects its row; a constant is the user's own."""
    path = written(tmp_path / "t.csv", rows_of(["NULL", "u1"], "user_id"))
    toml = EVENTS.replace('"user_id"', '{ column = "user_id", values = { u1 = "U1" } }')
    assert planned(path, toml=toml).suspicions == ()
    assert planned(path, toml=EVENTS.replace('"user_id"', '{ const = "NULL" }')).suspicions == ()


@pytest.mark.parametrize(("devices", "named"), [(49, False), (50, True), (20_000, True)])
def test_one_user_with_very_many_devices_is_named(tmp_path: Path, devices: int, named: bool) -> None:
    """Whatever it is called, and spread over the whole file; a user with many events on one device is not."""
    rows: Rows = []
    for number in range(devices):
        rows.append({"hwid": f"d{number}", "user_id": "anybody", "event": "buy"})
        rows.append({"hwid": f"e{number}", "user_id": f"u{number}", "event": "buy"})
        rows.append({"hwid": "one", "user_id": "buyer", "event": "buy"})
    found = planned(written(tmp_path / "t.csv", rows)).suspicions
    assert [(one.kind, one.value) for one in found] == ([("many_devices", "anybody")] if named else [])
    if named:
        said = re.search(r'"anybody" has at least ([\d,]+) devices', str(found[0].message))
        assert said is not None
        assert 0.9 * devices <= int(said[1].replace(",", "")) <= devices


def test_a_user_of_many_devices_is_found_behind_users_of_many_events(tmp_path: Path) -> None:
    """A file ordered by user has another user who fills each part of it."""
    rows: Rows = [
        {"hwid": f"d{user}", "user_id": f"user{user}", "event": "buy"}
        for user in range(40)
        for _ in range(3000)
    ]
    rows += [{"hwid": f"x{number}", "user_id": "guest", "event": "buy"} for number in range(60_000)]
    found = planned(written(tmp_path / "t.csv", rows)).suspicions
    assert [(one.kind, one.value) for one in found] == [("many_devices", "guest")]


def test_a_record_that_makes_the_reader_begin_again_counts_no_row_twice(tmp_path: Path) -> None:
    """A record of more than a megabyte is met after rows that were looked at already."""
    rows = rows_of(["NULL"] * 120_000, "user_id")
    rows.append({"hwid": "d", "user_id": "u", "event": "x" * (3 << 20)})
    rows += rows_of(["NULL"], "user_id")
    (found,) = planned(written(tmp_path / "t.csv", rows)).suspicions
    assert found.tally.rows == 120_001


def test_files_are_counted_together_and_the_first_place_names_its_file(tmp_path: Path) -> None:
    """Also where folders add a column."""
    (tmp_path / "day=1").mkdir()
    first = written(tmp_path / "day=1" / "a.csv", rows_of(["u1", "u2"], "user_id"))
    (tmp_path / "day=2").mkdir()
    second = written(tmp_path / "day=2" / "b.csv", rows_of(["u3", "NA", "NA"], "user_id"))
    (found,) = planned(first, second).suspicions
    assert (found.tally.rows, found.tally.first) == (2, f"{second}, row 2")


def test_what_is_suspicious_is_said_before_the_question_and_once(
    command: CommandLine, tmp_path: Path
) -> None:
    """At the start of the load; a load that is resumed has nothing to look at."""
    path = written(tmp_path / "users.csv", rows_of(["u1", r"\N", r"\N"], "user_id"))
    arguments = ("events", path, "--sandbox", "--yes")
    mapping = tmp_path / "m.toml"
    mapping.write_text(EVENTS)
    ran = command.run(*arguments, "--mapping", mapping, "--limit", "1")
    assert ran.out.index(r'note: userId, 2 rows: "\N" on 2 devices') < ran.out.index("sent to a sandbox")
    again = command.run(*arguments, "--mapping", mapping)
    assert "resuming" in again.out
    assert "note: userId" not in again.out


def test_a_damaged_file_is_told_before_what_its_first_rows_lack(command: CommandLine, tmp_path: Path) -> None:
    """The mapping is bound before the whole input is read, and its first rows may be all that can be read."""
    path = tmp_path / "events.csv"
    path.write_bytes(b"hwid,event,timestamp\nd,\xff,never\n")
    ran = command.run("check", "events", path)
    assert ran.code == 2
    assert 'row 1, column "event"' in ran.err
