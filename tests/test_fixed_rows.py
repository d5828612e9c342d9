"""Rows that were fixed by hand go back to their own places, and no others go."""

from __future__ import annotations

import csv
import json
import os
import signal
import sqlite3
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import loader
from loader.fixed_rows import reading
from loader.journal import CheckpointView
from loader.model import Chunk
from loader.sources import FixedRows, FixedTable
from tests import faultserver
from tests.failed_rows import ROWS, Load, Vendor, counts, user_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

CHECKPOINT = "events.csv.events.ckpt"
MARS = [row.replace("America/New_York", "Mars") for row in ROWS]
MIXED = [ROWS[0], MARS[1], ROWS[2], MARS[3], ROWS[4]]


@pytest.fixture
def mixed(command: CommandLine, server: faultserver.FaultServer) -> Load:
    """A load of five events, of which the second and the fourth are rejected by the mapping."""
    load = Load(command, server.url, *MIXED)
    assert counts(load.summary()) == (3, 2, 0, 0)
    return load


def write_fixed(load: Load, name: str = "fixed.csv", was: str = "Mars", now: str = "UTC") -> Path:
    """The rejected rows in a file, with a cell fixed in each."""
    path = load.command.folder / name
    load.run("failures", "--rejected", "-o", name)
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        frame = table.to_pandas(types_mapper=pd.ArrowDtype).replace({"timezone": {was: now}})
        frame.to_parquet(path, index=False)
    else:
        path.write_text(path.read_text().replace(f",{was},", f",{now},").replace(f'"{was}"', f'"{now}"', 2))
    return path


def retry(load: Load, *more: object) -> dict[str, object]:
    """Retry with a file; the account."""
    return load.command.summary("retry", CHECKPOINT, *more)


def refuse(load: Load, name: object, server: faultserver.FaultServer) -> str:
    """A retry that is refused: what it said. Nothing was sent, and the checkpoint is as it was."""
    sent, before = len(server.bodies), load.run("status")
    ran = load.command.run("retry", CHECKPOINT, "--from", name)
    assert (ran.code, len(server.bodies)) == (2, sent)
    assert load.run("status") == before
    assert "Nothing was sent" in ran.err
    return ran.err


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_fixed_rows_complete_the_account(mixed: Load, server: faultserver.FaultServer, form: str) -> None:
    """In every form that `failures` writes, fixed rows are sent as fixed, and the account reaches 100 %."""
    name = f"fixed.{form}"
    path = mixed.command.folder / name
    if form == "jsonl":
        mixed.run("failures", "--rejected", "-o", name)
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        path.write_text("".join(json.dumps(row | {"timezone": "UTC"}) + "\n" for row in rows))
    else:
        write_fixed(mixed, name)
    assert counts(retry(mixed, "--from", name)) == (5, 0, 0, 0)
    assert sorted(user_of(body) for body in server.bodies[3:]) == ["0002", "0004"]
    assert all(b'"timestampUTC":1709164800' in body for body in server.bodies[3:])
    assert "2 rows rejected, fixed by hand and given back, to send again" in mixed.run("status")
    assert counts(mixed.summary()) == (5, 0, 0, 0)
    assert len(server.bodies) == 5


def test_a_csv_that_a_spreadsheet_saved_is_read(mixed: Load) -> None:
    """Semicolons, a byte order mark and quotes of another program change no cell."""
    path = write_fixed(mixed)
    rows = list(csv.reader(path.read_text().splitlines()))
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, delimiter=";", quoting=csv.QUOTE_ALL).writerows(rows)
    assert counts(retry(mixed, "--from", "fixed.csv")) == (5, 0, 0, 0)


def test_rows_that_were_deleted_from_the_file_stay_rejected(mixed: Load) -> None:
    """Only the rows of the file go; a row that nobody could fix keeps its reason."""
    path = write_fixed(mixed)
    header, first, *_ = path.read_text().splitlines(keepends=True)
    path.write_text(header + first)
    assert counts(retry(mixed, "--from", "fixed.csv")) == (4, 1, 0, 0)
    left = mixed.run("failures", "--rejected")
    assert ",events.csv,4,local," in left
    assert ",events.csv,2,local," not in left


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("00042", "42"),
        ("00042", "42.0"),
        ("43", "43.0"),
        ("43", "43,0"),
        ("1234567890123456", "1.23457E+15"),
        ("1234567890123456", "1,23457E+15"),
        ("12345678901234567890", "12345678901234500000"),
        ("0012345678901234567890", "12345678901234500000"),
    ],
)
def test_an_id_that_was_read_as_a_number_is_refused(
    command: CommandLine, server: faultserver.FaultServer, before: str, after: str
) -> None:
    """A spreadsheet changed a cell that the user did not look at; with its text again, the row goes."""
    load = Load(command, server.url, ROWS[0], MARS[1].replace("0002", before, 1), MARS[2])
    assert counts(load.summary()) == (1, 2, 0, 0)
    path = write_fixed(load)
    fixed = path.read_text()
    path.write_text(fixed.replace(f"{before},", f'"{after}",', 1))
    said = " ".join(load.run("retry", "--from", "fixed.csv", code=2).split())
    assert f'fixed.csv, row 1, column "user_id": "{after}" was "{before}" before.' in said
    assert len(server.bodies) == 1
    path.write_text(fixed)
    assert counts(retry(load, "--from", "fixed.csv")) == (3, 0, 0, 0)


@pytest.mark.parametrize(
    ("before", "after"), [("42", "00042"), ("00042", "00043"), ("0042", "u-42"), ("42", "")]
)
def test_an_id_that_was_corrected_is_sent(
    command: CommandLine, server: faultserver.FaultServer, before: str, after: str
) -> None:
    """Another id, and zeros that are put back, are what the user meant."""
    load = Load(command, server.url, ROWS[0], MARS[1].replace("0002", before, 1))
    load.summary()
    path = write_fixed(load)
    path.write_text(path.read_text().replace(f"{before},", f"{after},", 1))
    assert counts(retry(load, "--from", "fixed.csv")) == (2, 0, 0, 0)
    assert (f'"userId":"{after}"'.encode() in server.bodies[-1]) is bool(after)


@pytest.mark.parametrize(("now", "refused"), [("2.0", False), ("2", False), ("2E+09", True)])
def test_a_number_may_be_written_otherwise_but_not_rounded(
    command: CommandLine, server: faultserver.FaultServer, tmp_path: Path, now: str, *, refused: bool
) -> None:
    """Of a column that is read as a number, only digits that are gone matter."""
    before = "2012345678" if refused else "2"
    load = Load(command, server.url, *(row.replace("2.00", before) for row in (ROWS[0], MARS[1])))
    mapping = tmp_path / "m.toml"
    command.run("map", "events", "events.csv", "-o", mapping)
    assert "integer" in mapping.read_text() or "float" in mapping.read_text()
    load.summary("--mapping", mapping)
    path = write_fixed(load)
    path.write_text(path.read_text().replace(f",{before},", f",{now},", 1))
    assert command.run("retry", CHECKPOINT, "--from", "fixed.csv").code == (2 if refused else 0)


def test_rows_that_were_cleared_in_a_spreadsheet_are_none(mixed: Load) -> None:
    """It keeps their delimiters at the end of the file."""
    path = write_fixed(mixed)
    with path.open("a") as file:
        file.write("," * path.read_text().splitlines()[0].count(",") + "\n")
    assert counts(retry(mixed, "--from", "fixed.csv")) == (5, 0, 0, 0)


def test_a_row_that_was_added_is_refused_with_the_way_out(mixed: Load) -> None:
    """It is not a row of the load; as a file of its own it is a load."""
    path = write_fixed(mixed)
    header, *_ = path.read_text().splitlines()
    added = f"{ROWS[9]}{',' * (header.count(',') - ROWS[9].count(','))}\n"
    with path.open("a") as file:
        file.write(added)
    said = " ".join(mixed.run("retry", "--from", "fixed.csv", code=2).split())
    assert "or remove this row: load rows that you add as a file of their own. Nothing was sent." in said
    (mixed.command.folder / "added.csv").write_text(f"{header}\n{added}")
    own = mixed.command.summary(*("added.csv" if word == "events.csv" else word for word in mixed.arguments))
    assert counts(own) == (1, 0, 0, 0)


def test_numbers_of_rows_that_pandas_wrote_are_understood(mixed: Load) -> None:
    """A column of numbers with an empty cell is written with decimals."""
    path = write_fixed(mixed)
    path.write_text(path.read_text().replace(",events.csv,2,", ",events.csv,2.0,"))
    assert counts(retry(mixed, "--from", "fixed.csv")) == (5, 0, 0, 0)


def test_a_row_that_is_rejected_again_is_listed_as_it_was_fixed(mixed: Load) -> None:
    """What is wrong now is what the user wrote: it can be fixed once more, and then goes."""
    write_fixed(mixed, now="Venus")
    assert counts(retry(mixed, "--from", "fixed.csv")) == (3, 2, 0, 0)
    assert mixed.run("failures", "--rejected").count(",Venus,2.00,") == 1
    write_fixed(mixed, "again.csv", was="Venus")
    assert counts(retry(mixed, "--from", "again.csv")) == (5, 0, 0, 0)


def test_a_fixed_row_is_retried_as_fixed_by_any_later_command(mixed: Load, tmp_path: Path) -> None:
    """`retry --mapping` maps the fixed cells, not those of the input."""
    write_fixed(mixed, now="HQ")
    assert counts(retry(mixed, "--from", "fixed.csv")) == (3, 2, 0, 0)
    (tmp_path / "fixed.toml").write_text(
        'kind = "events"\n[fields]\nuserId = "user_id"\nhwid = "device_id"\nevent = "event"\n'
        'timestamp = { column = "timestamp", format = "%Y%m%d", '
        'zone = { column = "timezone", values = { HQ = "UTC" } } }\n[attributes]\namount = "amount"\n'
    )
    assert counts(retry(mixed, "--mapping", "fixed.toml")) == (5, 0, 0, 0)


def test_a_fixed_mapping_and_fixed_cells_go_together(
    mixed: Load, server: faultserver.FaultServer, tmp_path: Path
) -> None:
    """`--from` with `--mapping` maps the fixed cells with the fixed mapping, which the load keeps."""
    write_fixed(mixed, now="HQ")
    (tmp_path / "fixed.toml").write_text(
        'kind = "events"\n[fields]\nuserId = "user_id"\nhwid = "device_id"\nevent = "event"\n'
        'timestamp = { column = "timestamp", format = "%Y%m%d", '
        'zone = { column = "timezone", values = { HQ = "Asia/Tokyo" } } }\n[attributes]\namount = "amount"\n'
    )
    assert counts(retry(mixed, "--from", "fixed.csv", "--mapping", "fixed.toml")) == (5, 0, 0, 0)
    assert all(b'"timestampUTC":1709132400' in body for body in server.bodies[3:])


def test_a_record_that_cannot_be_read_can_be_written_by_hand(
    command: CommandLine, server: faultserver.FaultServer
) -> None:
    """A row of too many cells is filled in by hand and goes; one that is left empty keeps its reason."""
    load = Load(command, server.url, ROWS[0], f"{ROWS[1]},x", f"{ROWS[2]},y")
    load.summary()
    load.run("failures", "--rejected", "-o", "fixed.csv")
    path = command.folder / "fixed.csv"
    path.write_text(path.read_text().replace(",,,,,,", f"{ROWS[1]},", 1))
    ran = command.run("retry", CHECKPOINT, "--from", "fixed.csv", "--yes")
    assert "note: fixed.csv: 1 row without any cell stays rejected." in ran.out
    assert user_of(server.bodies[-1]) == "0002"
    assert "the row has 7 cells, the header has 6" in load.run("failures", "--rejected")


STATES = {
    "confirmed": "events.csv, row 1 is not rejected, but confirmed: the vendor has it.",
    "in doubt": "events.csv, row 5 is not rejected, but in doubt: the vendor may have it. To settle it, use "
    "`resolve`.",
    "never sent": "events.csv, row 8 is not rejected, but was never sent: the load itself sends it.",
    "given back": "events.csv, row 5 is not rejected, but given back, to be sent as it is in the input: "
    "`retry` sends it so.",
}


@pytest.mark.parametrize(("state", "row"), list(zip(STATES, (1, 5, 8, 5), strict=True)))
def test_a_row_that_is_not_rejected_is_refused(
    load: Load, vendor: Vendor, server: faultserver.FaultServer, state: str, row: int
) -> None:
    """A confirmed, doubtful, unsent row is never sent with other cells: it is named, with what to do."""
    vendor.cut, vendor.refuse = {"0005"}, {"0002"}
    load.summary("--limit", 6)
    if state == "given back":
        load.run("resolve", "--dropped")
    load.run("failures", "--rejected", "-o", "fixed.csv")
    path = load.command.folder / "fixed.csv"
    header, line = path.read_text().splitlines(keepends=True)
    path.write_text(header + line + line.replace("events.csv,2,", f"events.csv,{row},"))
    said = refuse(load, "fixed.csv", server)
    assert said.startswith(f"Error: fixed.csv, row 2: {STATES[state]} Nothing was sent. Only rejected rows")
    assert said.strip().endswith(
        "remove this row from fixed.csv. `failures --rejected` lists the rejected rows."
    )
    path.write_text(header + line)
    vendor.refuse = vendor.cut = set()
    assert retry(load, "--from", "fixed.csv")["rejected"] == 0


FAULTS = {
    "another file": (
        "events.csv,2,",
        "other.csv,2,",
        'fixed.csv, row 1, column "_loader_file": "other.csv" is not a file of this load (events.csv).',
    ),
    "no number": (
        "events.csv,2,",
        "events.csv,two,",
        'fixed.csv, row 1, column "_loader_row": "two" is not the number of a row.',
    ),
    "beyond the input": (
        "events.csv,2,",
        "events.csv,99,",
        'fixed.csv, row 1, column "_loader_row": "99" is not a row of events.csv, which has 5 rows.',
    ),
    "zero": (
        "events.csv,2,",
        "events.csv,0,",
        'fixed.csv, row 1, column "_loader_row": "0" is not a row of events.csv',
    ),
    "twice": (
        "events.csv,4,",
        "events.csv,2,",
        "fixed.csv, rows 1 and 2: all are events.csv, row 2. Nothing was sent. Keep one of them.",
    ),
    "a renamed column": (
        "timezone,amount,_loader",
        "zone,amount,_loader",
        'fixed.csv has no column "timezone", which the input has, and it has "zone", which the input',
    ),
    "no row numbers": (
        "_loader_row",
        "number",
        'fixed.csv does not say which rows of the input its rows are: it has no column "_loader_row".',
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_does_not_lead_to_the_rows_is_refused(
    mixed: Load, server: faultserver.FaultServer, fault: str
) -> None:
    """Each way in which the loader's columns can be wrong is named, with the file, the row and the value."""
    path = write_fixed(mixed)
    was, now, says = FAULTS[fault]
    text = path.read_text()
    assert was in text
    path.write_text(text.replace(was, now, 1))
    assert says in refuse(mixed, "fixed.csv", server)


def test_the_rows_of_another_load_are_refused(
    mixed: Load, command: CommandLine, server: faultserver.FaultServer
) -> None:
    """A file of the same names and numbers, but of another checkpoint, is not taken for this load's."""
    write_fixed(mixed)
    command.run(*mixed.arguments, "--checkpoint", "other.ckpt", "--yes")
    server.accepted.clear()
    ran = command.run("retry", "other.ckpt", "--from", "fixed.csv")
    assert (ran.code, server.bodies) == (2, [])
    assert ran.err.startswith("Error: fixed.csv, row 1: is a row of another load than ")
    ran = command.run("retry", CHECKPOINT, "--from", "fixed.csv", "--yes")
    assert ran.code == 0


def test_a_file_for_spreadsheets_is_refused(mixed: Load, server: faultserver.FaultServer) -> None:
    """Apostrophes in its cells are not the user's."""
    mixed.run("failures", "--rejected", "-o", "sheet.csv", "--format", "spreadsheet")
    ran = mixed.command.run("retry", CHECKPOINT, "--from", "sheet.csv")
    assert (ran.code, len(server.bodies)) == (2, 3)
    assert "sheet.csv was written for a spreadsheet" in ran.err


def test_columns_of_the_user_are_ignored_with_a_word(mixed: Load) -> None:
    """A note beside the rows does no harm, is not sent, and the command says so."""
    path = write_fixed(mixed)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([f"{lines[0]},note", *(f"{line},see ticket" for line in lines[1:])]) + "\n")
    ran = mixed.command.run("retry", CHECKPOINT, "--from", "fixed.csv", "--yes")
    assert ran.code == 0
    assert 'note: fixed.csv: the column "note" is not in the input, and is ignored.' in ran.out


def test_a_file_of_a_check_and_one_without_the_other_columns_are_taken(mixed: Load) -> None:
    """`check --rejects` names rows in the same way; of the loader's columns only file and row are needed."""
    command = mixed.command
    command.run("check", "events", "events.csv", "--rejects", "fixed.csv")
    frame = pd.read_csv(command.folder / "fixed.csv", dtype=str, keep_default_na=False)
    kept = {"_loader_file", "_loader_row"}
    ours = [name for name in frame.columns if str(name).startswith("_loader_") and name not in kept]
    frame.drop(columns=ours).replace("Mars", "UTC").to_csv(command.folder / "fixed.csv", index=False)
    assert counts(retry(mixed, "--from", "fixed.csv")) == (5, 0, 0, 0)


def test_only_and_from_do_not_go_together(mixed: Load) -> None:
    """Two options that say which rows are meant are refused."""
    write_fixed(mixed)
    ran = mixed.command.run("retry", CHECKPOINT, "--from", "fixed.csv", "--only", "local")
    assert (ran.code, "Leave out --only." in ran.err) == (2, True)


def test_more_cells_than_a_checkpoint_keeps_are_refused(
    mixed: Load, server: faultserver.FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint does not become a second copy of the input."""
    write_fixed(mixed)
    monkeypatch.setattr(reading, "MOST_BYTES", 100)
    monkeypatch.chdir(mixed.command.folder)
    with pytest.raises(loader.SourceError, match="the checkpoint keeps the cells that you fixed, at most"):
        loader.retry(None, CHECKPOINT, rows="fixed.csv", progress=False)
    assert len(server.bodies) == 3


def test_the_same_command_again_continues(
    mixed: Load, vendor: Vendor, server: faultserver.FaultServer
) -> None:
    """Rows that it has sent are not refused as confirmed, and not sent twice; other cells in them are."""
    write_fixed(mixed)
    vendor.refuse = {"0004"}
    assert counts(retry(mixed, "--from", "fixed.csv")) == (4, 1, 0, 0)
    vendor.refuse = set()
    ran = mixed.command.run("retry", CHECKPOINT, "--from", "fixed.csv", "--yes")
    assert ran.code == 0
    assert "1 row of the file was sent before" in ran.out
    assert sorted(user_of(body) for body in server.bodies[3:]) == ["0002", "0004", "0004"]
    assert len(CheckpointView.open(mixed.command.folder / CHECKPOINT).fixed) == 1
    path = mixed.command.folder / "fixed.csv"
    path.write_text(path.read_text().replace(",2.00,", ",20.00,"))
    assert "events.csv, row 2 is not rejected, but confirmed" in refuse(mixed, "fixed.csv", server)


def hang(visit: faultserver.Visit) -> None:
    """Take the request, and never answer."""
    visit.take()
    visit.await_hang_up()


@pytest.mark.skipif(os.name != "posix", reason="needs signals of POSIX")
def test_a_killed_retry_continues_with_the_fixed_cells(command: CommandLine) -> None:
    """After a kill in the middle, the same command sends the rest as fixed, and once; one is in doubt."""
    stuck = {"0005"}

    def behave(body: bytes) -> faultserver.Behaviour:
        return hang if user_of(body) in stuck else faultserver.answer()

    with faultserver.FaultServer(behave) as server:
        load = Load(command, server.url, *MARS[:10], ROWS[10])
        assert counts(load.summary()) == (1, 10, 0, 0)
        write_fixed(load)
        again = ("retry", CHECKPOINT, "--from", "fixed.csv", "--yes", "--concurrency", "1")
        with command.start(*again) as process:
            server.await_accepted(6, 60)
            os.kill(process.pid, signal.SIGKILL)
            process.communicate(timeout=60)
        stuck.clear()
        account = command.summary(*again)
        assert (account["confirmed"] + account["in_doubt"], account["rejected"]) == (11, 0)
        assert sorted(map(user_of, server.bodies)) == [f"{n:04}" for n in range(1, 12)]
        assert all(b'"timestampUTC":1709164800' in body for body in server.bodies[1:])
        doubts = load.run("failures", "--in-doubt")
        assert f"{MARS[4].replace('Mars', 'UTC')},in_doubt,events.csv,5," in doubts
        load.run("resolve", "--landed")
        assert command.run(*again).code == 0


def test_a_row_with_another_device_keeps_the_order_of_that_device(
    command: CommandLine, server: faultserver.FaultServer, tmp_path: Path
) -> None:
    """A user's row whose id is fixed to a device that has a later row stays rejected: it would undo that."""
    (tmp_path / "users.csv").write_text(
        "user_id,device_id,device_type\nold,DEV-1,toaster\nnew,DEV-2,ios\nx,D3,toaster\n"
    )
    load = ("users", "users.csv", "--app", "AAAAA-BBBBB", "--endpoint", server.url)
    assert command.summary(*load)["rejected"] == 2
    command.run("failures", "users.csv.users.ckpt", "-o", "fixed.csv")
    path = tmp_path / "fixed.csv"
    path.write_text(
        path.read_text().replace("old,DEV-1,toaster", "old,DEV-2,ios").replace("x,D3,toaster", "x,D3,ios")
    )
    account = command.summary("retry", "users.csv.users.ckpt", "--from", "fixed.csv")
    assert counts(account) == (2, 1, 0, 0)
    assert [b"D3" in body for body in server.bodies] == [False, True]
    assert (
        "a later row of the same device is at the vendor"
        in command.run("failures", "users.csv.users.ckpt").out
    )


TYPES: dict[str, tuple[pa.DataType, list[object]]] = {
    "integers": (pa.int64(), [1, 2, 3]),
    "floats": (pa.float64(), [0.5, 2.0, None]),
    "decimals": (pa.decimal128(10, 2), [1, None, 3]),
    "booleans": (pa.bool_(), [True, False, None]),
    "times": (pa.timestamp("us", "UTC"), [0, 1, None]),
    "days": (pa.date32(), [0, 1, None]),
    "clocks": (pa.time64("us"), [0, 1_000_001, None]),
    "texts": (pa.string(), ["007", "", None]),
    "lists": (pa.list_(pa.int64()), [[1], [], None]),
    "records": (pa.struct([("a", pa.int64())]), [{"a": 1}, None, {"a": 3}]),
}


# CSV does not keep nested cells: see the test below.
KEPT = [
    (name, form)
    for name in TYPES
    for form in ("csv", "jsonl", "parquet")
    if form != "csv" or name not in {"lists", "records"}
]


@pytest.mark.parametrize(("name", "form"), KEPT)
def test_typed_cells_that_nobody_touched_are_sent_as_they_were(
    command: CommandLine, server: faultserver.FaultServer, tmp_path: Path, name: str, form: str
) -> None:
    """A row that was fixed in one cell differs from the input in no other, whatever types and form."""
    kind, cells = TYPES[name]
    table = pa.table(
        {
            "user_id": ["a", "b", "c"],
            "event": ["e"] * 3,
            "timestamp": ["2024-01-01T00:00:00Z"] * 3,
            "device_type": ["toaster"] * 3,
            "x": pa.array(cells, kind),
        }
    )
    pq.write_table(table, tmp_path / "wrong.parquet")
    right = table.set_column(3, "device_type", pa.array(["ios"] * 3))
    pq.write_table(right, tmp_path / "right.parquet")
    load = ("--app", "AAAAA-BBBBB", "--endpoint", server.url, "--yes")
    assert command.run("events", "right.parquet", *load).code == 0, name
    expected = sorted(server.bodies)
    server.accepted.clear()
    assert command.run("events", "wrong.parquet", *load).code == 3
    assert server.bodies == []
    fixed = tmp_path / f"fixed.{form}"
    command.run("failures", "wrong.parquet.events.ckpt", "-o", fixed)
    if form == "parquet":
        rows = pq.read_table(fixed)
        at = rows.column_names.index("device_type")
        pq.write_table(rows.set_column(at, "device_type", pa.array(["ios"] * 3)), fixed)
    else:
        fixed.write_text(fixed.read_text().replace("toaster", "ios"))
    ran = command.run("retry", "wrong.parquet.events.ckpt", "--from", fixed, "--yes")
    assert ran.code == 0, ran.err
    assert sorted(server.bodies) == expected


@pytest.mark.parametrize("name", ["lists", "records"])
def test_nested_cells_in_a_csv_are_refused_with_the_way_out(
    command: CommandLine, server: faultserver.FaultServer, tmp_path: Path, name: str
) -> None:
    """A list that a CSV file shows is not taken for the list: the message names a form that keeps it."""
    kind, cells = TYPES[name]
    table = pa.table(
        {
            "user_id": ["a"],
            "event": ["e"],
            "timestamp": ["2024-01-01T00:00:00Z"],
            "device_type": ["toaster"],
            "x": pa.array(cells[:1], kind),
        }
    )
    pq.write_table(table, tmp_path / "wrong.parquet")
    command.run("events", "wrong.parquet", "--app", "AAAAA-BBBBB", "--endpoint", server.url, "--yes")
    command.run("failures", "wrong.parquet.events.ckpt", "-o", "fixed.csv")
    text = (tmp_path / "fixed.csv").read_text().replace("[1]", "[1 2]")
    (tmp_path / "fixed.csv").write_text(text)
    ran = command.run("retry", "wrong.parquet.events.ckpt", "--from", "fixed.csv", "--yes")
    assert (ran.code, server.bodies) == (2, [])
    assert 'fixed.csv, row 1, column "x": ' in ran.err
    assert "CSV does not keep such cells. Write the rows to a Parquet file, and fix them there." in ran.err


@pytest.mark.parametrize(
    ("kind", "cell"), [(pa.int64(), "1.5"), (pa.bool_(), "maybe"), (pa.date32(), "soon")]
)
def test_a_cell_that_does_not_fit_its_column_is_named(
    command: CommandLine, server: faultserver.FaultServer, tmp_path: Path, kind: pa.DataType, cell: str
) -> None:
    """What a typed column cannot hold is refused before anything is sent, with the row and the value."""
    table = pa.table(
        {
            "user_id": ["a", None],
            "event": ["e"] * 2,
            "timestamp": ["2024-01-01T00:00:00Z"] * 2,
            "x": pa.array([None, None], kind),
        }
    )
    pq.write_table(table, tmp_path / "e.parquet")
    command.run("events", "e.parquet", "--app", "AAAAA-BBBBB", "--endpoint", server.url, "--yes")
    command.run("failures", "e.parquet.events.ckpt", "-o", "fixed.csv")
    text = (tmp_path / "fixed.csv").read_text()
    (tmp_path / "fixed.csv").write_text(text.replace("00Z,,rejected", f"00Z,{cell},rejected"))
    ran = command.run("retry", "e.parquet.events.ckpt", "--from", "fixed.csv", "--yes")
    assert (ran.code, len(server.bodies)) == (2, 1)
    assert f'fixed.csv, row 1, column "x": "{cell}" does not fit this column of the input' in ran.err


def test_python_takes_a_fixed_frame(tmp_path: Path) -> None:
    """`loader.retry(..., rows=result.rejected)` completes the account of a frame, by its own labels."""
    frame = pd.DataFrame(
        {
            "user_id": ["a", None, "c"],
            "event": ["e"] * 3,
            "timestamp": ["2024-01-01T00:00:00Z"] * 3,
            "n": [1, 2, 3],
        },
        index=["x", "y", "z"],
    )
    with loader.Sandbox() as sandbox:
        retry_frame = partial(loader.retry, frame, tmp_path / "f.ckpt", sandbox=sandbox, progress=False)
        result = loader.load_events(frame, checkpoint=tmp_path / "f.ckpt", sandbox=sandbox, progress=False)
        fixed = result.rejected
        fixed.loc["y", "user_id"] = "b"
        again = retry_frame(rows=fixed)
        assert (again.account.confirmed, again.account.rejected) == (3, 0)
        with pytest.raises(loader.ConfigError, match="leave out only"):
            retry_frame(rows=fixed, only="local")
        with pytest.raises(loader.ConfigError, match="neither a table nor the path"):
            retry_frame(rows=[1])  # type: ignore[arg-type] # numbers could be labels or rows
        fixed.loc["y", "user_id"] = "d"
        with pytest.raises(
            loader.SourceError, match="rows, row 1: DataFrame, row 2 is not rejected, but con"
        ):
            retry_frame(rows=fixed)


def test_a_checkpoint_whose_fixed_cells_were_changed_is_damaged(mixed: Load) -> None:
    """Cells that nobody fixed are never sent."""
    write_fixed(mixed, now="Venus")
    retry(mixed, "--from", "fixed.csv")
    path = mixed.command.folder / CHECKPOINT
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE fixed_cells SET cells = zeroblob(100)")
    ran = mixed.command.run("retry", CHECKPOINT, "--yes")
    assert ran.code == 2
    assert "is damaged: cells that were fixed do not fit their checksum" in ran.err


def test_the_latest_of_several_fixes_counts() -> None:
    """Of rows that were fixed twice, the later cells stand in the chunk, and both are in their places."""
    tables = [
        FixedTable(np.array([1, 3]), pa.table({"a": ["b1", "d1"]})),
        FixedTable(np.array([0, 1]), pa.table({"a": ["a2", "b2"]})),
    ]
    fixed = FixedRows(FixedTable.unpack(table.pack()) for table in tables)
    frame = pd.DataFrame({"a": pd.Series(list("wxyz"), dtype=pd.ArrowDtype(pa.string()))})
    chunk = fixed.put_into(Chunk(0, frame, "f", 1, {1: "ragged", 2: "too"}))
    assert chunk.frame["a"].tolist() == ["a2", "b2", "y", "d1"]
    assert chunk.unreadable == {2: "too"}
    later = fixed.put_into(Chunk(3, frame.iloc[:1], "f", 4, {}))
    assert later.frame["a"].tolist() == ["d1"]
