"""`map`: a mapping file to begin with."""

# ruff: noqa: E501 - whole sentences

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import SAMPLES, CommandLine

if TYPE_CHECKING:
    from pathlib import Path

LOCAL = "user_id,event,timestamp\n0042,buy,2024-02-29 10:00\n"


@pytest.mark.parametrize(
    ("kind", "name", "zone"),
    [
        ("users", "pushwoosh_users.csv", []),
        ("events", "braze_events.csv", []),
        ("events", "segment_events.csv", []),
        ("events", "ga4_events.parquet", []),
        ("events", "amplitude_events.jsonl", []),
        ("events", "mixpanel_events.jsonl", []),
        # Only the account knows the zone of these times.
        ("events", "clevertap_events.jsonl", ["--zone", "Asia/Kolkata"]),
    ],
)
def test_the_proposal_of_an_export_is_loaded_as_it_is(
    command: CommandLine, kind: str, name: str, zone: list[str]
) -> None:
    """Two commands lead from another vendor's export to bodies, without an editor between them."""
    export = SAMPLES / "presets" / name
    ran = command.run("map", kind, export, "-o", "mapping.toml", *zone)
    assert ran.code == 0, ran.err
    assert ran.err.endswith("he proposed mapping can be used as is.\n")
    assert (command.folder / "mapping.toml").read_bytes() == export.with_suffix(".toml").read_bytes()
    checked = command.run("check", kind, export, "--mapping", "mapping.toml")
    rejected = "rejected:" in export.with_suffix(".bodies.txt").read_text("utf-8")
    assert checked.code == (3 if rejected else 0), checked.err


def test_rows_that_an_export_cannot_give_are_named(command: CommandLine) -> None:
    """An e-mail address among the devices is rejected by the proposal, so it is not said to be usable as is."""
    ran = command.run("map", "users", SAMPLES / "presets" / "onesignal_users.csv", "-o", "mapping.toml")
    assert "With the proposed mapping some rows of the sample would be rejected:" in ran.err
    assert 'row 4, column "device_type": "11" is not listed in values.' in ran.err
    expected = (SAMPLES / "presets" / "onesignal_users.toml").read_bytes()
    assert (command.folder / "mapping.toml").read_bytes() == expected


def test_a_zone_that_nobody_told_is_left_open_and_named(command: CommandLine, tmp_path: Path) -> None:
    """The proposal is refused by a load until a person has set the zone; `--zone` sets it at once."""
    source = tmp_path / "events.csv"
    source.write_text(LOCAL)
    ran = command.run("map", "events", "events.csv")
    assert ran.code == 0
    assert 'timestamp = { column = "timestamp", format = "iso" }\n' in ran.out
    assert "# UNSURE: the values carry no time zone, and the loader does not guess one." in ran.out
    assert ran.err == (
        "No known export format was recognised. Check the line marked UNSURE. Before the mapping can be used:\n"
        '  timestamp from "timestamp": "2024-02-29 10:00" carries no time zone, and the loader never guesses one. Set zone in '
        'the mapping, for example zone = "America/New_York", zone = "+05:45" or zone = { column = "timezone" }.\n'
    )  # fmt: skip
    ran = command.run("map", "events", "events.csv", "--zone", "Asia/Kathmandu")
    assert 'timestamp = { column = "timestamp", format = "iso", zone = "Asia/Kathmandu" }\n' in ran.out
    assert ran.err == "No known export format was recognised. The proposed mapping can be used as is.\n"
    assert "UNSURE" not in ran.out


def test_a_mapping_that_exists_is_left_alone(command: CommandLine, tmp_path: Path) -> None:
    """A file that a person may have worked on is not written over; a wrong zone is refused."""
    (tmp_path / "events.csv").write_text(LOCAL)
    (tmp_path / "mapping.toml").write_text("mine")
    ran = command.run("map", "events", "events.csv", "-o", "mapping.toml")
    assert (ran.code, ran.err) == (
        2, "Error: mapping.toml exists already. Name another file, or remove it first.\n"
    )  # fmt: skip
    assert (tmp_path / "mapping.toml").read_text() == "mine"
    ran = command.run("map", "events", "events.csv", "--zone", "Europe/Berln")
    assert (ran.code, ran.err) == (
        2, 'Error: --zone "Europe/Berln" is not a time zone. Did you mean "Europe/Berlin"? Use an IANA name such as '
        '"Europe/Berlin", an offset such as "+05:45", or seconds.\n',
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('hwid, user_id\nd1, "u,1"\nd2, "u2"\n', "A blank stands before the quote"),
        ("hwid,user_id\nd1,u1\nd2\n", "1 of the first 2 rows: users.csv, row 2, the row has 1 cell"),
        (
            "hwid,user_id\nd1,u1\nhwid,user_id\nd2,u2\n",
            "1 of the first 3 rows: users.csv, row 2, the row is the header",
        ),
        (
            "hwid,user_id\nd1,u1\n----,----\nd2,u2\n",
            "1 of the first 3 rows: users.csv, row 2, the row is made of",
        ),
    ],
)
def test_rows_of_the_sample_that_cannot_be_read_are_named(
    command: CommandLine, tmp_path: Path, text: str, reason: str
) -> None:
    """A proposal under which rows of the sample are rejected is not said to be usable, whatever the cause is."""
    (tmp_path / "users.csv").write_text(text)
    ran = command.run("map", "users", "users.csv")
    assert reason in ran.err
    assert "can be used as is" not in ran.err
