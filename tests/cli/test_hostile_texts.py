"""Marks of direction, controls and hidden characters of an input reach no terminal as they are."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tomllib
from typing import TYPE_CHECKING

import pytest

import loader
from tests import faultserver

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine, Ran

HOSTILE = {
    "right to left override": "\u202e",
    "isolate": "\u2066",
    "escape": "\x1b[2J",
    "bell": "\x07",
    "C1 control": "\x9b2J",
    "zero width": "\u200b",
    "byte order mark": "\ufeff",
    "tag": "\U000e0041",
    "line separator": "\u2028",
}
ALL = "".join(HOSTILE.values())
COLUMNS = ["user_id", "device_id", "event", "timestamp", "amount"]
GOOD = ["u", "d", "e", "2024-01-01T00:00:00Z", "1"]
BAD = ["", "", "e", "2024-01-01T00:00:00Z", "1"]


def assert_harmless(ran: Ran) -> None:
    """Everything that was said prints."""
    for text in (ran.out, ran.err):
        lines = [ascii(line) for line in text.split("\n") if not line.isprintable()]
        assert not lines


def write(folder: Path, *rows: list[str], name: str = "in.csv") -> str:
    """A file of events."""
    (folder / name).write_text("".join(",".join(row) + "\n" for row in rows), encoding="utf-8")
    return name


def run_all(command: CommandLine, source: str, *options: str) -> None:
    """Every command that shows something of an input."""
    checkpoint = f"{source}.events.sandbox.ckpt"
    for arguments in (
        ("check", "events", source, *options),
        ("map", "events", source),
        ("events", source, "--sandbox", "--yes", "--report", "report.html", "--summary", "-", *options),
        ("status", checkpoint),
        ("report", checkpoint, "-o", "report.html"),
        ("retry", checkpoint, "--yes", "--log-format", "json"),
        ("resolve", checkpoint, "--landed"),
    ):
        assert_harmless(command.run(*arguments))
    page = (command.folder / "report.html").read_text() if (command.folder / "report.html").exists() else ""
    assert not set(page) & (set(ALL) - set("[2J"))


@pytest.mark.parametrize("name", HOSTILE)
def test_cells_are_shown_spelled_out(command: CommandLine, tmp_path: Path, name: str) -> None:
    """Cells that are sent, and cells that reject their row."""
    mark = HOSTILE[name]
    sent = [f"u{mark}", f"d{mark}", f"e{mark}", GOOD[3], f"v{mark}"]
    run_all(command, write(tmp_path, COLUMNS, sent, [*GOOD[:3], f"20{mark}24", f"v{mark}"], BAD))


def test_names_of_columns_are_shown_spelled_out(command: CommandLine, tmp_path: Path) -> None:
    """Columns that are recognised, and others."""
    run_all(command, write(tmp_path, [*COLUMNS[:4], f"x{ALL}"], GOOD, BAD))
    run_all(command, write(tmp_path, [f"{each}{ALL}" for each in COLUMNS], GOOD, name="other.csv"))


def test_names_of_files_are_shown_spelled_out(command: CommandLine, tmp_path: Path) -> None:
    """In accounts, in reasons, and in what to do next."""
    run_all(command, write(tmp_path, COLUMNS, GOOD, BAD, name=f"in{ALL}.csv"))
    for arguments in (
        ("check", "events", f"no{ALL}.csv"),
        ("status", f"no{ALL}.ckpt"),
        ("events", f"in{ALL}.csv", "--sandbox", "--mapping", f"no{ALL}.toml"),
        ("events", f"in{ALL}.csv", "--app", ALL),
        ("events", f"in{ALL}.csv", "--app", "AAAAA-BBBBB", "--token-file", ALL),
        ("events", f"in{ALL}.csv", "--app", "AAAAA-BBBBB", "--summary", f"no{ALL}/x"),
        ("events", f"in{ALL}.csv", "--app", "AAAAA-BBBBB", "--ca-bundle", ALL),
        ("events", f"in{ALL}.csv", "--sandbox", "--max-rejected", ALL),
        ("events", f"in{ALL}.csv", f"--no{ALL}"),
        (f"no{ALL}",),
    ):
        ran = command.run(*arguments)
        assert ran.code == (6 if arguments[0] == "check" else 2)
        assert_harmless(ran)


def test_what_a_mapping_says_is_shown_spelled_out(command: CommandLine, tmp_path: Path) -> None:
    """Constants, names of attributes, and mistakes."""
    fields = 'kind = "events"\n[fields]\nhwid = "device_id"\ntimestamp = "timestamp"\n'
    fields += 'event = { const = "e\\u202e" }\n'
    source = write(tmp_path, COLUMNS, GOOD)
    (tmp_path / "m.toml").write_text(f'{fields}[attributes]\n"a\\u202e" = "amount"\n')
    run_all(command, source, "--mapping", "m.toml")
    (tmp_path / "bad.toml").write_text(f'{fields}"a\\u202e" = "amount"\n')
    ran = command.run("check", "events", source, "--mapping", "bad.toml")
    assert ran.code == 2
    assert_harmless(ran)


def test_what_a_server_says_is_shown_spelled_out(command: CommandLine, tmp_path: Path) -> None:
    """Reasons of rejects, of stops and of doubts."""
    source = write(tmp_path, COLUMNS, *[GOOD] * 3)
    said = json.dumps({"message": f"no {ALL}"}).encode()
    for status in (400, 401, 500):
        with faultserver.FaultServer([faultserver.answer(status, said)]) as server:
            checkpoint = f"{status}.ckpt"
            ran = command.run(
                "events", source, "--app", "AAAAA-BBBBB", "--endpoint", server.url, "--checkpoint", checkpoint
            )
            assert_harmless(ran)
            assert_harmless(command.run("status", checkpoint))


def test_failed_rows_are_exact_for_a_program_and_harmless_on_a_terminal(
    command: CommandLine, tmp_path: Path
) -> None:
    """A pipe gets the cells byte for byte; a terminal gets them spelled out."""
    bad = ["", "", f"e{ALL}\rx", GOOD[3], "1"]
    source = write(tmp_path, COLUMNS, GOOD, [*bad[:2], f'"{bad[2]}"', *bad[3:]])
    assert command.run("events", source, "--sandbox", "--yes").code == 3
    exact = command.run("failures", f"{source}.events.sandbox.ckpt").out
    assert f"e{ALL}" in exact
    ours, theirs = os.openpty()
    with command.start("failures", f"{source}.events.sandbox.ckpt", terminal=theirs) as listing:
        assert listing.wait(60) == 0
    shown = os.read(ours, 65_536).decode()
    os.close(ours)
    os.close(theirs)
    assert shown.replace("\r\n", "\n").replace("\n", "").isprintable()
    assert "\\u202e" in shown


def test_a_proposal_means_the_same_with_its_characters_spelled_out(
    command: CommandLine, tmp_path: Path
) -> None:
    """The mapping that `map` writes names the columns that the file has, and can be loaded."""
    source = write(tmp_path, [*COLUMNS[:4], f"x{ALL}"], GOOD)
    text = command.run("map", "events", source).out
    assert tomllib.loads(text)["attributes"][f"x{ALL}"]["column"] == f"x{ALL}"
    (tmp_path / "m.toml").write_text(text)
    assert command.run("check", "events", source, "--mapping", "m.toml").code == 0
    again = loader.Mapping.read(tmp_path / "m.toml").to_toml()
    assert again.replace("\n", "").isprintable()
    assert tomllib.loads(again)["attributes"] == tomllib.loads(text)["attributes"]


def test_a_command_that_is_shown_can_be_copied(command: CommandLine, tmp_path: Path) -> None:
    """The way to go on names the checkpoint so that a shell finds it."""
    source = write(tmp_path, COLUMNS, GOOD, BAD, name=f"it's {ALL}\\.csv")
    ran = command.run("events", source, "--sandbox", "--yes")
    line = next(line for line in ran.out.split("\n") if "failures" in line)
    word = line.strip().removeprefix("pushwoosh-loader failures ").removesuffix(" --rejected")
    assert word.isprintable()
    found = subprocess.run(
        ["bash", "-c", f"cat {word} | wc -c"], cwd=tmp_path, capture_output=True, check=True
    )
    assert int(found.stdout) == (tmp_path / f"{source}.events.sandbox.ckpt").stat().st_size


def test_a_body_that_is_shown_means_what_is_sent(command: CommandLine, tmp_path: Path) -> None:
    """What does not print is spelled as JSON does, so that the command by hand sends the same."""
    source = write(tmp_path, COLUMNS, ["u", "d", f"e{ALL}", GOOD[3], "1"])
    out = command.run("check", "events", source).out
    body = next(line.strip() for line in out.split("\n") if line.startswith('  {"request"'))
    assert json.loads(body)["request"]["event"] == f"e{ALL}"
    curl = next(line for line in out.split("\n") if line.startswith("  curl"))
    assert json.loads(shlex.split(curl)[-1])["request"]["event"] == f"e{ALL}"


def test_python_shows_the_same_spelled_out(tmp_path: Path) -> None:
    """What a notebook or a console shows of results and errors."""
    write(tmp_path, [*COLUMNS[:4], f"x{ALL}"], [*GOOD[:2], f"e{ALL}", GOOD[3], ALL], BAD, name=f"in{ALL}.csv")
    checked = loader.check_events(tmp_path / f"in{ALL}.csv")
    with pytest.raises(loader.LoaderError) as refused:
        loader.check_events(tmp_path / f"no{ALL}.csv")
    for shown in (repr(checked), checked._repr_html_(), repr(checked.mapping), str(refused.value)):
        assert not [line for line in shown.split("\n") if not line.isprintable()]
