"""Rows that are no part of a load, as a user meets them: account, lists, exit code, retries, limits."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loader.errors import CheckpointDiffers
from loader.journal import CheckpointView, GrownFrom, Journal
from tests.checker import Ledger

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

SANDBOXED = ("--sandbox", "--yes", "--app", "AAAAA-BBBBB")
FIELDS = """
[fields]
hwid = "device"
event = "name"
timestamp = { column = "time", unit = "s" }
[attributes]
id = "id"
"""
ONLY = '[rows]\nonly = { name = ["buy"] }\n'
HEADER = "device,name,time,id"
ROWS = ["d0,buy,1700000000,a", "d1,view,1700000000,b", "d2,buy,1700000000,a", "d3,buy,1700000000,c"]
CHECKPOINT = "events.csv.events.sandbox.ckpt"


def write(folder: Path, *rows: str, top: str = "", rules: str = "", fields: str = FIELDS) -> tuple[str, ...]:
    """An input and its mapping; the arguments of a load of them."""
    (folder / "events.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    (folder / "m.toml").write_text(f'kind = "events"\n{top}\n{fields}{rules}')
    return ("events", "events.csv", "--mapping", "m.toml")


def counts(summary: dict[str, object]) -> tuple[object, ...]:
    """Confirmed, rejected, in doubt, never sent, left out."""
    return tuple(summary[name] for name in ("confirmed", "rejected", "in_doubt", "never_sent", "left_out"))


def test_a_load_whose_other_rows_are_confirmed_is_done(command: CommandLine, tmp_path: Path) -> None:
    """Exit code 0: what is left out was never meant. The account closes, with the reasons."""
    load = write(tmp_path, *ROWS, top='unique = ["id"]', rules=ONLY)
    ran = command.run(*load, *SANDBOXED)
    assert ran.code == 0
    for line in ("  left out   2   no part of the load", "Every other row is confirmed.", "2 rows left out:"):
        assert line in ran.out
    assert "  1 × repeat of another row\n  1 × selection: name is not listed in only\n" in ran.out
    assert "  pushwoosh-loader failures events.csv.events.sandbox.ckpt --left-out" in ran.out
    summary = command.summary("status", CHECKPOINT)
    assert counts(summary) == (2, 0, 0, 0, 2)
    assert summary["left_out_reasons"] == [
        {"reason": "repeat of another row", "rows": 1},
        {"reason": "selection: name is not listed in only", "rows": 1},
    ]
    assert [device for (device,) in command.held("SELECT hwid FROM events")] == ["d0", "d3"]


def test_status_and_report_say_what_is_left_out(command: CommandLine, tmp_path: Path) -> None:
    """Of one checkpoint, of a folder, for a program, and on the page."""
    command.run(*write(tmp_path, *ROWS, rules=ONLY), *SANDBOXED)
    assert "  left out   1   no part of the load" in command.run("status", CHECKPOINT).out
    listed = command.run("status", ".").out.splitlines()
    assert listed[0].split()[-4:] == ["left", "out", "last", "run"]
    assert command.summary("status", CHECKPOINT)["left_out"] == 1
    assert command.run("report", CHECKPOINT, "-o", "r.html").code == 0
    page = (tmp_path / "r.html").read_text()
    assert "1 of 4 rows are left out, and the vendor confirmed the other 3" in page
    assert "selection: name is not listed in only" in page


def test_rows_that_are_left_out_are_listed_with_their_own_reasons(
    command: CommandLine, tmp_path: Path
) -> None:
    """Beside their source columns: the cell that is not selected, or the row that goes instead."""
    command.run(*write(tmp_path, *ROWS, top='unique = ["id"]', rules=ONLY), *SANDBOXED)
    ran = command.run("failures", CHECKPOINT, "--left-out", "--format", "jsonl")
    rows = [json.loads(line) for line in ran.out.splitlines()]
    assert [(row["device"], row["_loader_row"], row["_loader_message"]) for row in rows] == [
        ("d1", 2, 'selection: name is "view"'),
        ("d2", 3, "repeat of row 1"),
    ]
    assert {row["_loader_state"] for row in rows} == {"left_out"}
    assert (rows[0]["_loader_column"], rows[0]["_loader_value"]) == ("name", "view")
    assert [row["_loader_reason"] for row in rows] == [
        "selection: name is not listed in only",
        "repeat of another row",
    ]
    assert command.run("failures", CHECKPOINT).out.splitlines()[1:] == []
    command.run("failures", CHECKPOINT, "--left-out", "-o", "left.parquet", "--format", "parquet")
    assert (tmp_path / "left.parquet").read_bytes()[:4] == b"PAR1"


def test_of_several_files_the_repeated_row_is_named_with_its_file(
    command: CommandLine, tmp_path: Path
) -> None:
    """Overlapping files are where repeats come from."""
    load = write(tmp_path, *ROWS[2:], top='unique = ["id"]')
    (tmp_path / "before.csv").write_text("\n".join([HEADER, *ROWS[:2]]) + "\n")
    assert command.run("events", "before.csv", *load[1:], *SANDBOXED, "--checkpoint", "c").code == 0
    (row,) = command.run("failures", "c", "--left-out", "--format", "jsonl").out.splitlines()
    assert json.loads(row)["_loader_message"] == "repeat of before.csv, row 1"


def test_nothing_to_list_is_a_header(command: CommandLine, tmp_path: Path) -> None:
    """A program that reads the list finds its columns."""
    command.run(*write(tmp_path, *ROWS), *SANDBOXED)
    ran = command.run("failures", CHECKPOINT, "--left-out")
    assert ran.out.startswith(f"{HEADER},_loader_state,")
    assert len(ran.out.splitlines()) == 1


def test_the_same_rows_are_left_out_when_a_load_continues(command: CommandLine, tmp_path: Path) -> None:
    """The first of a key may lie in an earlier run; a limit changes nothing about it."""
    load = write(tmp_path, *ROWS, top='unique = ["id"]\nunique_keep = "last"', rules=ONLY)
    assert counts(command.summary(*load, "--sandbox", "--limit", 2)) == (0, 0, 0, 2, 2)
    assert counts(command.summary(*load, "--sandbox")) == (2, 0, 0, 0, 2)
    assert Ledger.of(CheckpointView.open(tmp_path / CHECKPOINT)).left_out == {0, 1}


def test_a_row_that_was_rejected_goes_alone_when_it_is_retried(command: CommandLine, tmp_path: Path) -> None:
    """Its repeats stay left out, so its key never goes twice."""
    rows = ["d0,a name of more than thirty-two characters,1,a", "d1,buy,1700000000,a"]
    load = write(tmp_path, *(row.replace(",1,", ",1700000000,") for row in rows), top='unique = ["id"]')
    assert counts(command.summary(*load, "--sandbox")) == (0, 1, 0, 0, 1)
    (tmp_path / "fixed.toml").write_text(
        (tmp_path / "m.toml").read_text().replace('event = "name"', 'event = { const = "buy" }')
    )
    retried = command.summary("retry", CHECKPOINT, "--mapping", "fixed.toml")
    assert counts(retried) == (1, 0, 0, 0, 1)
    assert [device for (device,) in command.held("SELECT hwid FROM events")] == ["d0"]


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        (ONLY, ONLY.replace('"buy"', '"buy", "view"'), "[rows]"),
        ('unique = ["id"]', 'unique = ["device"]', "unique"),
        ('values = { buy = "b" }, unlisted = "leave out"', 'values = { buy = "b", view = "v" }', "event"),
        ("unique = true", "unique = true", "what is sent of a row, by which it is unique,"),
    ],
)
def test_a_retry_cannot_select_other_rows(
    command: CommandLine, tmp_path: Path, before: str, after: str, named: str
) -> None:
    """What was sent and what was left out would no longer fit the mapping; nothing is sent."""
    top, rules = (before, "") if before.startswith("unique") else ("", "" if "values" in before else before)
    fields = (
        FIELDS if "values" not in before else FIELDS.replace('"name"', f'{{ column = "name", {before} }}')
    )
    load = write(tmp_path, *ROWS, ",buy,1700000000,x", top=top, rules=rules, fields=fields)
    assert command.run(*load, *SANDBOXED).code == 3
    text = (tmp_path / "m.toml").read_text().replace(before, after)
    (tmp_path / "fixed.toml").write_text(
        text.replace('hwid = "device"', 'hwid = { column = "device", default = "d9" }')
    )
    ran = command.run("retry", CHECKPOINT, "--mapping", "fixed.toml", "--yes")
    assert ran.code == 2
    assert f"fixed.toml differs in {named} from the mapping with which" in ran.err
    assert "Nothing was sent." in ran.err


def test_a_retry_may_leave_out_what_was_rejected(command: CommandLine, tmp_path: Path) -> None:
    """Rows that were rejected because values lack them: the account is closed with unlisted."""
    values = '{ column = "name", values = { buy = "b" } }'
    load = write(tmp_path, *ROWS, fields=FIELDS.replace('"name"', values))
    assert counts(command.summary(*load, "--sandbox")) == (3, 1, 0, 0, 0)
    text = (tmp_path / "m.toml").read_text().replace(" } }", ' }, unlisted = "leave out" }', 1)
    (tmp_path / "fixed.toml").write_text(text)
    retried = command.summary("retry", CHECKPOINT, "--mapping", "fixed.toml")
    assert (counts(retried), retried["exit_code"]) == ((3, 0, 0, 0, 1), 0)


def test_a_typo_that_leaves_everything_out_is_said_and_can_be_corrected(
    command: CommandLine, tmp_path: Path
) -> None:
    """Nothing was promised yet, so the same checkpoint takes the corrected mapping."""
    load = write(tmp_path, *ROWS, rules=ONLY.replace("buy", "by"))
    ran = command.run(*load, *SANDBOXED)
    assert "No row is part of the load: all are left out." in ran.out
    write(tmp_path, *ROWS, rules=ONLY)
    assert counts(command.summary(*load, "--sandbox")) == (3, 0, 0, 0, 1)


@pytest.mark.parametrize(("limit", "code"), [("20%", 5), ("25%", 3)])
def test_limits_in_percent_are_of_the_rows_that_are_not_left_out(
    command: CommandLine, tmp_path: Path, limit: str, code: int
) -> None:
    """One of four rows of the load is rejected: that is 25 %, though the input has twenty."""
    rows = [f"d{row},view,1700000000,{row}" for row in range(16)]
    load = write(tmp_path, *rows, *ROWS[2:], ",buy,1700000000,x", "d9,buy,1700000000,y", rules=ONLY)
    assert command.run(*load, *SANDBOXED, "--max-rejected", limit).code == code


def test_min_rows_counts_the_rows_of_the_input(command: CommandLine, tmp_path: Path) -> None:
    """It asks whether the export is whole, which has nothing to do with what is wanted of it."""
    load = write(tmp_path, *ROWS, rules=ONLY)
    assert command.run(*load, *SANDBOXED, "--min-rows", "4").code == 0


def test_a_check_counts_what_would_be_left_out(command: CommandLine, tmp_path: Path) -> None:
    """With the first rows of each reason, and the exit code of the load."""
    _, *load = write(tmp_path, *ROWS, top='unique = ["id"]', rules=ONLY)
    ran = command.run("check", "events", *load)
    assert ran.code == 0
    assert "2 of 4 events would be sent, 2 would be left out." in ran.out
    assert "  1 × repeat of another row\n      events.csv, row 3, repeat of events.csv, row 1\n" in ran.out
    found = command.summary("check", "events", *load)
    assert [found[name] for name in ("read", "would_send", "would_reject", "would_leave_out")] == [4, 2, 0, 2]


@pytest.mark.parametrize(
    ("column", "found"), [("insert_id", 1), ("uuid", 1), ("$insert_id", 1), ("event_id", 1), ("label", None)]
)
def test_a_check_counts_rows_that_share_a_known_id(
    command: CommandLine, tmp_path: Path, column: str, found: int | None
) -> None:
    """Exports that deliver at least once hold the same event twice, with one id; the way out works."""
    _, *load = write(tmp_path, *ROWS)
    path = tmp_path / "events.csv"
    path.write_text(path.read_text().replace("time,id", f"time,{column}"))
    mapping = tmp_path / "m.toml"
    mapping.write_text(mapping.read_text().replace('id = "id"', f'id = "{column}"'))
    ran, record = command.run("check", "events", *load), command.summary("check", "events", *load)
    if found is None:
        assert record["same_key"] is None
        return
    assert record["same_key"] == {"column": column, "rows": found}
    advice = f'unique = ["{column}"]'
    assert f'1 row repeats the "{column}" of an earlier row: {advice} at the top of the mapping' in ran.out
    mapping.write_text(f"{advice}\n{mapping.read_text()}")
    assert command.summary("check", "events", *load)["would_leave_out"] == found


def test_what_was_left_out_is_not_missing(command: CommandLine, tmp_path: Path) -> None:
    """A verification expects each key once, and no row that the mapping does not select."""
    assert command.run(*write(tmp_path, *ROWS, top='unique = ["id"]', rules=ONLY), *SANDBOXED).code == 0
    ran = command.run("verify", CHECKPOINT)
    assert (ran.code, "  = same      2\n" in ran.out) == (0, True)


def test_rows_that_were_left_out_do_not_go_back_into_their_load(command: CommandLine, tmp_path: Path) -> None:
    """Only rejected rows can be sent with other cells; the message says what became of the others."""
    command.run(*write(tmp_path, *ROWS, rules=ONLY), *SANDBOXED)
    command.run("failures", CHECKPOINT, "--left-out", "-o", "left.csv")
    path = tmp_path / "left.csv"
    path.write_text(path.read_text().replace(",view,", ",buy,"))
    ran = command.run("retry", CHECKPOINT, "--from", "left.csv", "--yes")
    assert ran.code == 2
    assert "but left out: the mapping says that it is no part of the load" in ran.err


def test_a_fixed_row_can_turn_out_to_be_no_part_of_the_load(command: CommandLine, tmp_path: Path) -> None:
    """Its new cells are selected like any others, and the account closes."""
    fields = FIELDS.replace('unit = "s"', 'format = "%Y-%m-%d", zone = "UTC"')
    load = write(tmp_path, "d0,buy,2024-01-01,a", "d1,buy,never,b", fields=fields, rules=ONLY)
    assert counts(command.summary(*load, "--sandbox")) == (1, 1, 0, 0, 0)
    command.run("failures", CHECKPOINT, "-o", "fixed.csv")
    path = tmp_path / "fixed.csv"
    path.write_text(path.read_text().replace("d1,buy,never", "d1,view,2024-01-02"))
    retried = command.summary("retry", CHECKPOINT, "--from", "fixed.csv")
    assert (counts(retried), retried["exit_code"]) == ((1, 0, 0, 0, 1), 0)


def grow(folder: Path, *rows: str) -> None:
    """Add rows to the input."""
    path = folder / "events.csv"
    path.write_text(path.read_text() + "".join(f"{row}\n" for row in rows))


def test_added_rows_repeat_those_before_them(command: CommandLine, tmp_path: Path) -> None:
    """A load that continues with a grown input leaves out what it has sent already, and keeps its account."""
    load = write(tmp_path, *ROWS, top='unique = ["id"]', rules=ONLY)
    assert counts(command.summary(*load, "--sandbox")) == (2, 0, 0, 0, 2)
    grow(tmp_path, "d5,buy,1700000000,c", "d6,buy,1700000000,e", "d7,view,1700000000,f")
    assert counts(command.summary(*load, "--sandbox", "--grown")) == (3, 0, 0, 0, 4)
    assert Ledger.of(CheckpointView.open(tmp_path / CHECKPOINT)).left_out == {1, 2, 4, 6}
    assert [device for (device,) in command.held("SELECT hwid FROM events")] == ["d0", "d3", "d6"]


@pytest.mark.parametrize(
    ("top", "rules"),
    [
        ('unique = ["box.id"]', ""),
        ('unique = ["time", "box.id"]', ""),
        ("", '[rows]\nonly = { "box.id" = ["a"] }'),
        ("", '[rows]\nexcept = { "box.id" = ["b"] }'),
    ],
)
def test_a_row_whose_cell_cannot_be_compared_is_rejected(
    command: CommandLine, tmp_path: Path, top: str, rules: str
) -> None:
    """Also if nothing else of the column is used: nobody knows whether the row belongs to the load."""
    (tmp_path / "events.csv").write_text(
        'device,name,time,box\nd0,buy,1700000000,"{""id"": ""a"","\nd1,buy,1700000000,"{""id"": ""a""}"\n'
        + "d2,buy,1700000000,\n" * (top != "")
    )
    fields = FIELDS.replace('[attributes]\nid = "id"\n', "")
    (tmp_path / "m.toml").write_text(f'kind = "events"\n{top}\n{fields}{rules}')
    found = command.summary("events", "events.csv", "--mapping", "m.toml", "--sandbox")
    assert counts(found) == (2 if top else 1, 1, 0, 0, 0)


def test_a_row_cannot_be_fixed_to_the_key_of_another(command: CommandLine, tmp_path: Path) -> None:
    """Its key would go twice. A damaged row has no key until it is fixed; its own key may stay."""
    rows = ["d0,buy,1700000000", "d1,buy,1700000000,a", "d2,buy,1700000000,b", "d3,buy,never,c"]
    load = write(tmp_path, *rows, top='unique = ["id"]')
    assert counts(command.summary(*load, "--sandbox")) == (2, 2, 0, 0, 0)
    command.run("failures", CHECKPOINT, "-o", "failed.csv")
    failed = (tmp_path / "failed.csv").read_text().replace("d3,buy,never", "d3,buy,1700000001")
    (tmp_path / "bad.csv").write_text(failed.replace("\n,,,,", "\nd0,buy,1700000000,b,"))
    ran = command.run("retry", CHECKPOINT, "--from", "bad.csv", "--yes")
    assert ran.code == 2
    assert "bad.csv: events.csv, row 1 repeats events.csv, row 3 with its new cells" in ran.err
    (tmp_path / "good.csv").write_text(failed.replace("\n,,,,", "\nd0,buy,1700000000,e,"))
    for _ in range(2):
        assert counts(command.summary("retry", CHECKPOINT, "--from", "good.csv")) == (4, 0, 0, 0, 0)


def test_two_rows_cannot_be_fixed_to_one_key(command: CommandLine, tmp_path: Path) -> None:
    """Not in one file, not by one file after the other, and not if all that is sent is the key."""
    load = write(tmp_path, "d,buy,x,a", "d,buy,y,a", "d,buy,1700000000,b", top="unique = true")
    assert counts(command.summary(*load, "--sandbox")) == (1, 2, 0, 0, 0)
    command.run("failures", CHECKPOINT, "-o", "both.csv")
    header, *lines = (tmp_path / "both.csv").read_text().splitlines()
    lines = [line.replace(f",{cell},a,", ",1700000000,a,") for line, cell in zip(lines, "xy", strict=True)]
    for name, given in (("both.csv", lines), ("one.csv", lines[:1]), ("other.csv", lines[1:])):
        (tmp_path / name).write_text("\n".join([header, *given]) + "\n")
    assert command.run("retry", CHECKPOINT, "--from", "both.csv", "--yes").code == 2
    assert counts(command.summary("retry", CHECKPOINT, "--from", "one.csv")) == (2, 1, 0, 0, 0)
    ran = command.run("retry", CHECKPOINT, "--from", "other.csv", "--yes")
    assert (ran.code, "row 2 repeats events.csv, row 1 with its new cells" in ran.err) == (2, True)


def test_added_rows_repeat_a_row_that_was_fixed(command: CommandLine, tmp_path: Path) -> None:
    """The export of the next night has the row that was damaged: it went already, with fixed cells."""
    load = write(tmp_path, "d0,buy,1700000000", "d1,buy,1700000000,b", top='unique = ["id"]')
    assert counts(command.summary(*load, "--sandbox")) == (1, 1, 0, 0, 0)
    command.run("failures", CHECKPOINT, "-o", "fixed.csv")
    path = tmp_path / "fixed.csv"
    path.write_text(path.read_text().replace("\n,,,,", "\nd0,buy,1700000000,a,"))
    assert counts(command.summary("retry", CHECKPOINT, "--from", "fixed.csv")) == (2, 0, 0, 0, 0)
    grow(tmp_path, "d0,buy,1700000000,a", "d3,buy,1700000000,e")
    assert counts(command.summary(*load, "--sandbox", "--grown")) == (3, 0, 0, 0, 1)
    assert "repeat of row 1" in command.run("failures", CHECKPOINT, "--left-out").out


LAST = 'unique = ["id"]\nunique_keep = "last"'


def test_an_added_row_cannot_take_the_place_of_one_that_was_sent(
    command: CommandLine, tmp_path: Path
) -> None:
    """If the last of a key goes, a key would go twice: the rows are named, and the advice works."""
    load = write(tmp_path, *ROWS, top=LAST)
    assert counts(command.summary(*load, "--sandbox")) == (3, 0, 0, 0, 1)
    grow(tmp_path, "d5,buy,1700000000,c", "d6,buy,1700000000,e")
    ran = command.run(*load, "--sandbox", "--yes", "--grown")
    assert ran.code == 2
    assert (
        "1 of the added rows would go in place of rows that were sent before: "
        "events.csv, row 5 has the key of events.csv, row 4. Nothing was sent."
    ) in " ".join(ran.err.split())
    assert command.run("ledger", "import", "all.ledger", CHECKPOINT, "--key", "id").code == 0
    lines = (tmp_path / "events.csv").read_text().splitlines(keepends=True)
    (tmp_path / "added.csv").write_text("".join([HEADER + "\n", *lines[5:]]))
    (tmp_path / "m.toml").write_text('kind = "events"\nkey = ["id"]\n' + FIELDS)
    own = ("events", "added.csv", "--mapping", "m.toml", "--ledger", "all.ledger", "--sandbox")
    assert counts(command.summary(*own)) == (1, 0, 0, 0, 1)
    assert sorted(command.held("SELECT hwid FROM events")) == [("d1",), ("d2",), ("d3",), ("d6",)]


def test_added_rows_go_if_no_row_with_their_key_was_sent(command: CommandLine, tmp_path: Path) -> None:
    """New keys go, and of a key that waits, was refused or is left out already, the last row goes."""
    rows = ["d0,buy,1700000000,a", "d1,buy,never,b", "d2,buy,1700000000,a", "d3,buy,1700000000,c"]
    load = write(tmp_path, *rows, top=LAST)
    assert counts(command.summary(*load, "--sandbox", "--limit", "3")) == (1, 1, 0, 1, 1)
    grow(tmp_path, "d4,buy,1700000000,b", "d5,buy,1700000000,c", "d6,buy,1700000000,e")
    assert counts(command.summary(*load, "--sandbox", "--grown")) == (4, 1, 0, 0, 2)
    assert sorted(command.held("SELECT hwid FROM events")) == [("d2",), ("d4",), ("d5",), ("d6",)]
    assert counts(command.summary(*load, "--sandbox", "--grown")) == (4, 1, 0, 0, 2)


def test_a_row_in_doubt_counts_as_sent(command: CommandLine, tmp_path: Path) -> None:
    """The vendor may have it: an added row with its key would perhaps be the second."""
    load = write(tmp_path, *ROWS, top=LAST)
    faults = ("--sandbox", "--faults", "lost-answer=100%", "--limit", "4", "--concurrency", "1")
    assert counts(command.summary(*load, *faults))[2]
    grow(tmp_path, "d5,buy,1700000000,c", "d6,buy,1700000000,b")
    ran = command.run(*load, "--sandbox", "--yes", "--grown")
    assert (ran.code, "would go in place of rows that were sent before" in ran.err) == (2, True)


def test_another_run_between_the_look_at_the_rows_and_the_load_refuses_them(
    command: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that waited may have been sent meanwhile; the next try finds that out."""
    monkeypatch.chdir(tmp_path)
    load = write(tmp_path, *ROWS, top=LAST)
    command.summary(*load, "--sandbox", "--limit", "1")
    view = CheckpointView.open(tmp_path / CHECKPOINT)
    grown_from = GrownFrom(view.identity, view.commits)
    with Journal.open(tmp_path / CHECKPOINT, view.identity) as journal:
        journal.lease(range(3, 4))
    files = (replace(view.identity.files[0], sha256="0" * 64, rows=9), *view.identity.files[1:])
    grown = replace(view.identity, files=files)
    with pytest.raises(CheckpointDiffers, match="another run has continued this load"):
        Journal.open(tmp_path / CHECKPOINT, grown, grown_from=grown_from)
    assert CheckpointView.open(tmp_path / CHECKPOINT).identity.rows == len(ROWS)
    Journal.open(tmp_path / CHECKPOINT, grown, grown_from=GrownFrom(view.identity)).close()
