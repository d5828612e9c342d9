"""What loads share: what is refused before it could do harm, and what is shown at an odd place."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from tests import faultserver
from tests.cli.conftest import GOOD, NAMELESS, SANDBOXED, events_csv

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine


def test_a_summary_never_takes_the_place_of_the_input(command: CommandLine, tmp_path: Path) -> None:
    """`--summary` onto the input is refused before anything is sent."""
    source = events_csv(tmp_path, GOOD)
    before = source.read_bytes()
    ran = command.run("events", source, *SANDBOXED, "--summary", source)
    assert ran.code == 2
    assert "would be overwritten" in ran.err
    assert source.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.csv"]


def test_a_summary_that_cannot_be_written_is_refused_before_the_load(
    command: CommandLine, tmp_path: Path
) -> None:
    """A night's load is not begun when its summary has nowhere to go."""
    source = events_csv(tmp_path, GOOD)
    ran = command.run("events", source, *SANDBOXED, "--summary", "nowhere/account.json")
    assert ran.code == 2
    assert "--summary nowhere/account.json cannot be written." in ran.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.csv"]


def test_a_reader_that_goes_away_does_not_end_the_load(command: CommandLine, tmp_path: Path) -> None:
    """`... | head -1` loads every row all the same, and the exit code speaks of the rows."""
    source = events_csv(tmp_path, GOOD, GOOD, GOOD)
    with command.start("events", source, *SANDBOXED) as load:
        assert load.stdout is not None
        load.stdout.close()
        load.stdout = None
        _, err = load.communicate(timeout=120)
    assert load.returncode == 0, err
    assert command.held("select count(*) from events") == [(3,)]


def test_what_is_said_of_a_stop_and_the_account_agree(command: CommandLine, tmp_path: Path) -> None:
    """Rows whose rejection stops the load are counted as rejected in its account."""
    source = events_csv(tmp_path, *[GOOD, NAMELESS] * 15)
    record = command.summary("events", source, *SANDBOXED, "--max-rejected", 10)
    assert (record["rejected"], record["confirmed"], record["never_sent"]) == (15, 0, 15)
    assert record["stopped"] == "More than 10 rows are rejected, and --max-rejected allows no more."
    assert record["exit_code"] == 5


def test_a_mapping_can_be_mended_where_it_fits_no_row(command: CommandLine, tmp_path: Path) -> None:
    """After the first rows were all rejected alike nothing is bound: the fixed mapping continues."""
    source = events_csv(tmp_path, *[GOOD.replace("20240229", "2024-02-30")] * 30)
    mapping = tmp_path / "events.toml"
    text = """
kind = "events"
[fields]
userId = "user_id"
event = "event"
timestamp = { %s, zone = "UTC" }
"""
    mapping.write_text(text % 'column = "timestamp", format = "%Y-%m-%d"')
    first = command.summary("events", source, *SANDBOXED, "--mapping", mapping)
    assert (first["exit_code"], first["never_sent"], first["attempts"]) == (5, 30, 0)
    mapping.write_text(text % 'const = "2024-02-29"')
    second = command.run("events", source, *SANDBOXED, "--mapping", mapping, "--summary", "-")
    assert second.code == 0, second.err
    assert json.loads(second.out)["confirmed"] == 30


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_folder_where_no_file_can_be_made_is_not_called_in_use(
    command: CommandLine, tmp_path: Path
) -> None:
    """A checkpoint in a folder that takes no files is refused for that, not as another load's."""
    source = events_csv(tmp_path, GOOD)
    ran = command.run("events", source, *SANDBOXED, "--checkpoint", "/proc/events.ckpt")
    assert ran.code == 2
    assert ran.err.strip() == (
        "Error: /proc/events.ckpt cannot be used: no file can be made in its folder. "
        "Name a checkpoint in another folder with --checkpoint."
    )


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
        (
            ["--sandbox", "--concurrency", "auto:9-3"],
            '"auto:9-3" is not 1 to 1,024 requests, lower bound first',
        ),
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
    assert all(ran.err.count(option) <= 1 for option in arguments if option.startswith("--c"))


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


def test_a_smaller_limit_than_before_sends_nothing_and_says_so(command: CommandLine, tmp_path: Path) -> None:
    """Ten rows were sent; of the first five nothing is left, and the load does not seem to have sent five."""
    source = events_csv(tmp_path, *([GOOD] * 12))
    assert command.run("events", source, "--sandbox", "--limit", 10).code == 0
    ran = command.run("events", source, "--sandbox", "--limit", 5)
    assert ran.code == 0
    assert "10 rows are settled, none of the first 5 rows is left to be sent" in ran.out
    assert "Only the first 5 rows were to be sent (--limit)." in ran.out
    assert "2 rows never sent. The same command without --limit sends them." in ran.out


def test_a_checkpoint_of_another_kind_is_refused_before_the_input_is_read(
    command: CommandLine, tmp_path: Path
) -> None:
    """The mistake is the checkpoint, whatever else does not fit: a column for users, say."""
    source = events_csv(tmp_path, GOOD)
    assert command.run("events", source, "--sandbox", "--checkpoint", "c.ckpt", "--yes").code == 0
    (tmp_path / "users.csv").write_text("name\nx\n")
    ran = command.run("users", "users.csv", "--sandbox", "--checkpoint", "c.ckpt", "--yes")
    assert ran.code == 2
    assert "c.ckpt is a checkpoint of events, and this load is of users. Nothing was sent." in ran.err


@pytest.mark.parametrize("token", ["t", "code", "200", "null", "0", '"', "status_code"])
def test_a_token_that_occurs_in_every_answer_changes_no_fate(
    command: CommandLine, tmp_path: Path, token: str
) -> None:
    """Rows are judged by what the vendor wrote; the token is hidden only in what is kept of it."""
    refusal = b'{"status_code":210,"status_message":"not today","response":null}'
    answers = [faultserver.answer(), faultserver.answer(200, refusal), faultserver.answer()]
    source = events_csv(tmp_path, GOOD, GOOD, GOOD)
    with faultserver.FaultServer(answers) as server:
        record = command.summary(
            "events", source, "--app", "AAAAA-BBBBB", "--endpoint", server.url, "--concurrency", 1,
            PUSHWOOSH_API_TOKEN=token,
        )  # fmt: skip
    assert (record["confirmed"], record["rejected"], record["in_doubt"]) == (2, 1, 0)


def test_the_reason_of_a_gateway_is_listed(command: CommandLine, tmp_path: Path) -> None:
    """A user reads why the gateway refused a row, in its own words and made safe."""
    refusal = '{"code":3,"message":"hwid \u202eis too long\\u001b[2J"}'.encode()
    with faultserver.FaultServer([faultserver.answer(400, refusal)]) as server:
        arguments = ("--app", "AAAAA-BBBBB", "--endpoint", server.url)
        ran = command.run("events", events_csv(tmp_path, GOOD), *arguments)
    assert "1 \u00d7 hwid \ufffdis too long\ufffd[2J" in ran.out
    listed = command.run("failures", "events.csv.events.ckpt", "--rejected")
    assert "hwid \ufffdis too long\ufffd[2J" in listed.out
