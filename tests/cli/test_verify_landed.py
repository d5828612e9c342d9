"""`verify --landed`: a load against an export of what landed, as a user types it."""

from __future__ import annotations

import csv
import json
import shlex
from typing import TYPE_CHECKING

import pytest

from tests.failed_rows import counts

if TYPE_CHECKING:
    from pathlib import Path

    from tests.failed_rows import Load, Vendor

CHECKPOINT = "events.csv.events.ckpt"
MAPPING = """
kind = "events"
[fields]
userId = "User ID"
event = "Event"
timestamp = { column = "When", format = "iso" }
[attributes]
amount = "Amount"
"""
HEADER = "Event,User ID,When,Amount"


def line(number: int, **changes: str) -> str:
    """An event of the load, in an export."""
    cells = {
        "event": "purchase",
        "user": f"{number:04}",
        "when": "2024-02-29T05:00:00Z",
        "amount": f"{number}.00",
    }
    return ",".join((cells | changes).values())


def write_export(folder: Path, *lines: str, name: str = "landed.csv") -> None:
    """An export, and its mapping."""
    (folder / name).write_text("\n".join([HEADER, *lines]) + "\n")
    (folder / "landed.toml").write_text(MAPPING)


def read_status(load: Load) -> dict[str, int]:
    """The account of the load as it is now."""
    account: dict[str, int] = json.loads(load.command.run("status", CHECKPOINT, "--summary", "-").out)
    return account


LANDED = ("--landed", "landed.csv", "--landed-mapping", "landed.toml")


def in_doubt(load: Load, vendor: Vendor, *users: str) -> None:
    """Load thirty events, of which those of these users get no answer."""
    vendor.cut = set(users)
    assert counts(load.summary())[2] == len(users)


def test_a_load_that_landed_is_proved(load: Load) -> None:
    """The exit code is 0, and it is said what was compared."""
    load.summary()
    write_export(load.command.folder, *map(line, range(1, 31)))
    said = load.run("verify", *LANDED, "--complete")
    assert 'Compared by event, user, time and "amount". The export has no device id.' in said
    assert "= same      30" in said


def test_each_difference_is_shown_with_its_place_on_both_sides(load: Load) -> None:
    """The user finds the row in the input, and what landed in the export."""
    load.summary()
    lines = [line(number) for number in range(1, 31)]
    lines[4] = line(5, user="5")
    lines[6] = line(7, amount="7.50")
    write_export(load.command.folder, *lines[:9], *lines[10:], lines[20])
    said = load.run("verify", *LANDED, "--complete", "--diff", "diff.csv", code=9)
    assert '* events.csv, row 5: userId is "5", expected "0005"' in said
    assert '* events.csv, row 7: attributes.amount is "7.50", expected "7.00"' in said
    assert "- events.csv, row 10" in said
    assert "2 events.csv, row 21: landed.csv, row 30 is the same once more" in said
    rows = list(csv.DictReader((load.command.folder / "diff.csv").read_text().splitlines()))
    assert [(row["_loader_sign"], row["user_id"], row["_loader_number"]) for row in rows] == [
        ("*", "0005", "landed.csv, row 5"),
        ("*", "0007", "landed.csv, row 7"),
        ("-", "0010", ""),
        ("2", "0021", "landed.csv, row 30"),
    ]


def test_the_next_step_names_the_same_export(load: Load) -> None:
    """The command that is shown works when it is copied."""
    load.summary()
    write_export(load.command.folder, *map(line, range(1, 30)))
    said = load.run("verify", *LANDED, "--complete", code=9)
    ((_, *words),) = [
        shlex.split(each) for each in said.splitlines() if each.strip().startswith("pushwoosh-loader verify")
    ]
    ran = load.command.run(*words)
    assert ran.code == 9, ran.err
    assert (load.command.folder / "differences.csv").read_text().count("\n") == 2


def test_a_complete_export_settles_every_doubt(load: Load, vendor: Vendor) -> None:
    """Found is landed, not found is dropped, and the history says so."""
    in_doubt(load, vendor, "0003", "0008")
    write_export(load.command.folder, *(line(number) for number in range(1, 31) if number != 8))
    load.run("verify", *LANDED, "--complete", "--settle")
    status = read_status(load)
    assert (status["in_doubt"], status["never_sent"], status["confirmed"]) == (0, 1, 29)
    said = load.run("status")
    assert "1 row in doubt confirmed, because the vendor has it" in said
    assert "1 row in doubt given back, because the vendor does not have it" in said


def test_an_export_that_may_lack_rows_settles_only_what_it_has(load: Load, vendor: Vendor) -> None:
    """Nothing is given back to be sent on a guess."""
    in_doubt(load, vendor, "0003", "0008")
    write_export(load.command.folder, *(line(number) for number in range(1, 31) if number != 8))
    said = load.run("verify", *LANDED, "--settle")
    assert "give --complete" in said
    status = read_status(load)
    assert (status["in_doubt"], status["never_sent"], status["confirmed"]) == (1, 0, 29)


def test_an_export_without_a_confirmed_row_is_not_complete(load: Load, vendor: Vendor) -> None:
    """It lacks rows that certainly landed, so that a row in doubt is not there says nothing."""
    in_doubt(load, vendor, "0003", "0008")
    write_export(load.command.folder, *(line(number) for number in range(1, 31) if number not in (8, 12)))
    said = load.command.run("verify", CHECKPOINT, *LANDED, "--complete", "--settle")
    assert "1 row of the load is confirmed and missing, so the export does not hold everything" in said.out
    status = read_status(load)
    assert (status["in_doubt"], status["never_sent"], status["confirmed"]) == (1, 0, 29)


def test_a_row_that_cannot_be_mapped_keeps_doubts_open(load: Load, vendor: Vendor) -> None:
    """It may be the row in question, whatever the user says of the export."""
    in_doubt(load, vendor, "0008")
    rows = [line(number) for number in range(1, 31) if number != 8]
    write_export(load.command.folder, *rows, line(8, when="yesterday"))
    said = load.run("verify", *LANDED, "--complete", "--settle")
    assert "landed.csv, row 30" in said
    assert read_status(load)["in_doubt"] == 1


def test_several_files_are_one_export(load: Load) -> None:
    """An export that comes by the day is read as one."""
    load.summary()
    folder = load.command.folder
    write_export(folder, *map(line, range(1, 16)))
    write_export(folder, *map(line, range(16, 31)), name="landed-2.csv")
    load.run("verify", *LANDED, "--landed", "landed-2.csv", "--complete")
    load.run("verify", "--landed", "landed*.csv", "--landed-mapping", "landed.toml", "--complete")


def test_a_program_reads_the_same(load: Load) -> None:
    """The record holds the notes, the totals and the place of what landed."""
    load.summary()
    write_export(load.command.folder, *map(line, range(1, 31)), line(5))
    record = json.loads(load.run("verify", *LANDED, "--json", code=9))
    assert record["notes"][0].startswith("Compared by event")
    assert record["totals"]["doubled"] == 1
    assert record["first_differences"][0]["landed_place"] == "landed.csv, row 31"
    assert record["exit_code"] == 9


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--landed", "landed.csv", "--counts"), "--landed and --counts are two sources"),
        (("--landed", "landed.csv", "--sandbox-store", "s"), "--sandbox-store and --landed are two sources"),
        (("--complete",), "--complete goes with --landed"),
        (("--landed-mapping", "landed.toml"), "--landed-mapping goes with --landed"),
        (("--server-token-file", "f"), "--server-token-file goes with --counts"),
        (("--landed", "landed.csv", "--diff", "landed.csv"), "landed.csv"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    load: Load, options: tuple[str, ...], said: str
) -> None:
    """Nothing is compared with something else than the user thinks, and no export is overwritten."""
    load.summary()
    write_export(load.command.folder, line(1))
    before = (load.command.folder / "landed.csv").read_text()
    assert said in load.run("verify", *options, code=2)
    assert (load.command.folder / "landed.csv").read_text() == before


def test_the_mapping_that_is_proposed_for_an_export_can_be_used(load: Load) -> None:
    """The advice of the refusal, followed to the letter."""
    load.summary()
    folder = load.command.folder
    (folder / "landed.csv").write_text(
        "\n".join(
            [
                "event_name,uid,hwid,when",
                *(f"purchase,{n:04},DEV-{n},2024-02-29T05:00:00Z" for n in range(1, 31)),
            ]
        )
    )
    said = load.run("verify", "--landed", "landed.csv", code=2)
    (advice,) = [
        each.strip() for each in said.splitlines() if each.strip().startswith("pushwoosh-loader map")
    ]
    proposed = load.command.run(*shlex.split(advice)[1:])
    assert proposed.code == 0, proposed.err
    load.run("verify", "--landed", "landed.csv", "--landed-mapping", "landed.toml", "--complete")
