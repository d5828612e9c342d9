"""The commands: help, exit codes, what is said, what is refused."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.conftest import SAMPLES, CommandLine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEADER = "user_id,device_id,event,timestamp,timezone,amount\n"


def events_csv(folder: Path, *rows: str) -> Path:
    """An event file with these rows."""
    path = folder / "events.csv"
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return path


GOOD = "0042,DEV-1,purchase,20240229,America/New_York,12.00"
NAMELESS = ",,purchase,20240229,America/New_York,12.00"


def test_help_imports_nothing_heavy() -> None:
    """`--help` answers without loading pandas, pyarrow, requests or rich."""
    code = (
        "import sys, click.testing, loader.cli\n"
        "ran = click.testing.CliRunner().invoke(loader.cli.cli, ['events', '--help'])\n"
        "assert ran.exit_code == 0, ran\n"
        "heavy = {'jinja2', 'pandas', 'pyarrow', 'pygal', 'requests', 'rich', 'sqlite3', 'uvicorn'}\n"
        "heavy &= set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_check_sends_nothing_and_shows_bodies(command: CommandLine, tmp_path: Path) -> None:
    """`check` shows the exact bodies and the decisions, makes no checkpoint, and exits 0."""
    source = events_csv(tmp_path, GOOD)
    ran = command.run("check", "events", source)
    assert ran.code == 0, ran.err
    assert '"userId":"0042"' in ran.out
    assert '"timestampUTC":1709182800,"timestampCurrent":1709164800' in ran.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.csv"]


def test_check_names_each_reject(command: CommandLine, tmp_path: Path) -> None:
    """A row that cannot be mapped is named with file, row, reason and remedy; `check` exits 3."""
    source = events_csv(tmp_path, GOOD, NAMELESS, GOOD)
    ran = command.run("check", "events", source, "--summary", "-")
    found = json.loads(ran.out)
    assert ran.code == 3
    assert (found["read"], found["would_send"], found["would_reject"]) == (3, 2, 1)
    assert f"{source}, row 2" in found["rejects"][0]["examples"][0]


def test_dry_run_is_check(command: CommandLine, tmp_path: Path) -> None:
    """`--dry-run` goes the way of `check`: no application is needed and nothing is written."""
    source = events_csv(tmp_path, GOOD)
    assert command.run("events", source, "--dry-run").out == command.run("check", "events", source).out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.csv"]


def test_rejected_rows_are_found_again(command: CommandLine, tmp_path: Path) -> None:
    """A load with a bad row sends the others, exits 3, and `failures` gives the row with all its columns."""
    source = events_csv(tmp_path, GOOD, NAMELESS, GOOD.replace("0042", "0043"))
    summary = command.summary("events", source, "--sandbox")
    assert (summary["confirmed"], summary["rejected"], summary["exit_code"]) == (2, 1, 3)
    ran = command.run("failures", summary["checkpoint"], "--rejected", "--format", "jsonl")
    (row,) = map(json.loads, ran.out.splitlines())
    assert (row["event"], row["amount"], row["_loader_state"], row["_loader_row"]) == (
        "purchase",
        "12.00",
        "rejected",
        2,
    )
    assert "hwid" in row["_loader_reason"]


def test_failures_load_again_as_they_are(command: CommandLine, tmp_path: Path) -> None:
    """The written file loads as it is once it is mended: the loader's own columns are not sent."""
    source = events_csv(tmp_path, GOOD, NAMELESS)
    checkpoint = command.summary("events", source, "--sandbox")["checkpoint"]
    mended = tmp_path / "mended.csv"
    assert command.run("failures", checkpoint, "-o", mended).code == 0
    mended.write_text(mended.read_text().replace(NAMELESS, GOOD))
    assert command.summary("events", mended, "--sandbox")["confirmed"] == 1
    assert {attributes for (attributes,) in command.held("SELECT attributes FROM events")} == {
        '{"amount":"12.00"}'
    }


def test_status_shows_the_account(command: CommandLine, tmp_path: Path) -> None:
    """`status` gives the same account as the load, for people and as JSON."""
    source = events_csv(tmp_path, GOOD, NAMELESS)
    load = command.summary("events", source, "--sandbox")
    again = json.loads(command.run("status", load["checkpoint"], "--summary", "-").out)
    counts = ("read", "confirmed", "rejected", "in_doubt", "never_sent")
    assert [again[name] for name in counts] == [load[name] for name in counts]
    assert "rejected" in command.run("status", load["checkpoint"]).out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "No application code: give --app XXXXX-XXXXX or set PUSHWOOSH_APPLICATION."),
        (["--app", "nonsense"], "XXXXX-XXXXX"),
        (["--app", "AAAAA-AAAAA", "--endpoint", "http://example.com/"], "is not encrypted"),
        (["--app", "AAAAA-AAAAA", "--token-file", "nowhere"], "nowhere cannot be read"),
        (["--sandbox", "--concurrency", "0"], "--concurrency"),
        (
            ["--sandbox", "--max-rejected", "some"],
            '"some" is neither a number of rows (100) nor a percentage',
        ),
        (["--sandbox", "--mapping", "nowhere.toml"], "nowhere.toml"),
        (["--sandbox", "--transport", "carrier-pigeon"], "'carrier-pigeon' is not one of"),
        (["--sandbox", "--concurrency", "auto:9-3"], "--concurrency is auto:9-3"),
        (["--sandbox", "--concurrency", "many"], '"many" is neither auto, nor bounds'),
        (["--sandbox", "--ca-bundle", "nowhere.pem"], "nowhere.pem is not a file"),
        (["--app", "AAAAA-AAAAA", "--proxy", "somewhere"], "--proxy is not a URL"),
        (["--sandbox", "--carrier", "pigeon"], "No such option"),
    ],
)
def test_wrong_settings_are_refused(
    command: CommandLine, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    """A wrong setting is exit code 2 and one sentence, without a traceback, before anything is sent."""
    ran = command.run("events", events_csv(tmp_path, GOOD), *arguments)
    assert ran.code == 2
    assert sentence in " ".join(ran.err.split())
    assert "Traceback" not in ran.err


def test_the_token_is_shown_nowhere(command: CommandLine, tmp_path: Path) -> None:
    """Neither output nor any file that a load leaves behind holds the token, also when it fails."""
    source = events_csv(tmp_path, GOOD)
    token = "FAKE-TOKEN-0123456789"
    ran = command.run(
        "events", source, "--app", "AAAAA-AAAAA", "--endpoint", "http://127.0.0.1:1/", "--max-rejected", "0",
        "--limit", "1", "--summary", "-", PUSHWOOSH_API_TOKEN=token + "\n",
    )  # fmt: skip
    assert ran.code == 2
    assert token not in ran.out + ran.err
    assert not [
        path for path in tmp_path.rglob("*") if path.is_file() and token.encode() in path.read_bytes()
    ]


def broken_samples() -> Iterator[tuple[str, ...]]:
    """The rows of the table in the README of the sample data: file, how to load it, what the loader does."""
    for line in (SAMPLES / "README.md").read_text().splitlines():
        if match := re.fullmatch(
            r"\| `(.+?)` \| (users|events)(.*?) \| .+ \| (no error|refuses|rejects|loads).* \|", line
        ):
            yield match.groups()


def test_every_broken_sample_is_in_the_readme() -> None:
    """The README of the sample data speaks of each broken file."""
    inputs = {path.name for path in (SAMPLES / "broken").iterdir() if path.suffix != ".toml"}
    assert {name for name, *_ in broken_samples()} == inputs


@pytest.mark.parametrize(("name", "kind", "options", "verdict"), list(broken_samples()))
def test_broken_samples_get_what_the_readme_says(
    command: CommandLine, name: str, kind: str, options: str, verdict: str
) -> None:
    """A broken sample is refused or has rows rejected, as its README says, named and without traceback."""
    mapping = ["--mapping", SAMPLES / "broken" / "not_a_number.toml"] if options else []
    ran = command.run("check", kind, SAMPLES / "broken" / name, *mapping)
    assert ran.code == {"no error": 0, "refuses": 2, "rejects": 3, "loads": 5}[verdict], ran.out + ran.err
    assert name in ran.err + ran.out
    assert "Traceback" not in ran.err
