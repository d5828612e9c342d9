"""No option of any command can write over a file that is needed: tried with each one, on real files."""

from __future__ import annotations

import os
import shutil
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import certifi
import pytest
from click import Context, Group

from loader.cli import COMMANDS, cli
from loader.cli.parsing import find_use, members
from loader.option import FileUse, nested_record, offered
from tests.cli.conftest import GOOD, NAMELESS, SANDBOXED, events_csv

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import CommandLine

CHECKPOINT = "events.csv.events.sandbox.ckpt"
MAPPING = """kind = "events"
[fields]
userId = "user_id"
hwid = "device_id"
event = "event"
timestamp = { column = "timestamp", format = "%Y%m%d", zone = { column = "timezone" } }
"""

JOBS = '[jobs.events]\nkind = "events"\ninput = "events.csv"\nmapping = "map.toml"\n'

#: A line for each command that would succeed, with each of its files.
LINES: dict[str, tuple[str, ...]] = {
    kind: (
        kind, "events.csv", *SANDBOXED, "--mapping", "map.toml", "--token-file", "token",
        "--ca-bundle", "ca.pem",
        "--sandbox-store", "store.db", "--checkpoint", "mine",
    )
    for kind in ("users", "events", "tags")
} | {
    "run": (
        "run", "jobs.toml", "--sandbox", "--yes", "--app", "AAAAA-BBBBB", "--token-file", "token",
        "--ca-bundle", "ca.pem", "--sandbox-store", "store.db",
    ),
    "check": ("check", "events", "events.csv", "--mapping", "map.toml", "--format", "csv"),
    "map": ("map", "events", "events.csv"),
    "status": ("status", CHECKPOINT),
    "report": ("report", CHECKPOINT),
    "failures": ("failures", CHECKPOINT),
    "resolve": ("resolve", CHECKPOINT, "--landed", "--from", "token", "--yes"),
    "retry": ("retry", CHECKPOINT, "--mapping", "map.toml", "--token-file", "token", "--yes"),
    "sandbox": ("sandbox",),
    "doctor": (
        "doctor", "--sandbox", "--checkpoint", CHECKPOINT, "--token-file", "token", "--ca-bundle", "ca.pem",
    ),
    "prune": ("prune", CHECKPOINT, "--yes"),
    "verify": ("verify", CHECKPOINT, "--landed", "landed.csv", "--landed-mapping", "map.toml"),
}  # fmt: skip

#: What no output may replace: what the lines name, a checkpoint that they do not name, and what will be one.
VICTIMS = ("events.csv", CHECKPOINT, f"{CHECKPOINT}-wire", "other", "other-wire", "new.ckpt-wal")


def list_commands() -> list[str]:
    """Every command as it is typed: of a group each of its own."""
    groups = {name: cli.get_command(Context(cli), name) for name in COMMANDS}
    return [
        typed
        for name, command in groups.items()
        for typed in (
            [f"{name} {each}" for each in command.commands] if isinstance(command, Group) else [name]
        )
    ]


def command_of(typed: str) -> Any:
    """The command as click knows it."""
    command: Any = cli
    for name in typed.split():
        command = command.get_command(Context(command), name)
    return command


def record_of(typed: str) -> Any:
    """The record that a command takes."""
    command = command_of(typed)
    return get_type_hints(command.callback.__wrapped__)["request"]  # `takes` wraps it


def list_files(record: Any) -> Iterator[tuple[str, FileUse | None]]:
    """Each field that holds paths, by its type: its name, and what it says is done with them."""
    hints = get_type_hints(record)
    for each in fields(record):
        inner = nested_record(each.metadata)
        if inner is not None:
            yield from list_files(inner)
        elif Path in members(hints[each.name]):
            yield each.name, find_use(each.metadata)


@pytest.mark.parametrize("command", list_commands())
def test_every_option_that_holds_a_path_says_what_is_done_with_it(command: str) -> None:
    """A new option that names a file is under the rule, because nobody can forget to say so."""
    assert [name for name, use in list_files(record_of(command)) if use is None] == []


@pytest.mark.parametrize("command", list_commands())
def test_every_option_whose_help_speaks_of_a_file_says_what_is_done_with_it(command: str) -> None:
    """The same for options that take paths as text, by what stands for their value in help."""
    found = [
        each.name
        for each in offered(record_of(command))
        if "FILE" in (each.option.metavar or "") and each.option.file is None
    ]
    assert found == []


def list_outputs() -> list[tuple[str, str]]:
    """Each option of each command that writes a file, as the user types it; some are for some kinds alone."""
    return [
        (command, (each.option.flags or (f"--{each.name.replace('_', '-')}",))[-1])
        for command in list_commands()
        for each in offered(record_of(command))
        if each.option.file in {FileUse.OUTPUT, FileUse.STORE}
        and each.name in {param.name for param in command_of(command).params}
    ]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every file that the lines name."""
    from tests.conftest import CommandLine  # noqa: PLC0415 - a fixture of one test cannot be shared

    folder = tmp_path_factory.mktemp("prepared")
    source = events_csv(folder, GOOD, NAMELESS)
    (folder / "map.toml").write_text(MAPPING)
    shutil.copy(source, folder / "landed.csv")
    (folder / "jobs.toml").write_text(JOBS)
    (folder / "token").write_text("user_id\n0042\n")
    shutil.copy(certifi.where(), folder / "ca.pem")
    assert CommandLine(folder).run("events", source.name, *SANDBOXED).code == 3
    assert CommandLine(folder).run("events", source.name, *SANDBOXED, "--checkpoint", "other").code == 3
    return folder


@pytest.mark.parametrize("linked", [False, True], ids=["named", "linked"])
@pytest.mark.parametrize(("command_name", "option"), list_outputs())
def test_no_output_of_any_command_replaces_what_is_needed(
    command: CommandLine, prepared: Path, command_name: str, option: str, *, linked: bool
) -> None:
    """Each file stays as it was, byte for byte, and the refusal names the option to change.

    The first file is tried with the real command; the others in this process, which saves its start.
    """
    shutil.copytree(prepared, command.folder, dirs_exist_ok=True)
    named = [word for word in LINES[command_name] if (command.folder / word).is_file()]
    before = {path.name: path.read_bytes() for path in command.folder.iterdir() if path.is_file()}
    for victim in dict.fromkeys([*VICTIMS, *named]):
        target = victim
        if linked and (command.folder / victim).exists():
            target = "link"
            (command.folder / target).unlink(missing_ok=True)
            os.link(command.folder / victim, command.folder / target)
        # A sandbox that is not refused would serve for ever.
        run = command.run if victim == VICTIMS[0] or "store" in option else command.run_here
        ran = run(*LINES[command_name], option, target)
        after = {name: (command.folder / name).read_bytes() for name in before}
        assert (victim, ran.code, after) == (victim, 2, before), ran.err
        # A store that is not one is refused by the store itself, if nobody refuses it before.
        assert "would be overwritten, and it is needed" in ran.err or "store" in option, (victim, ran.err)


@pytest.mark.parametrize("option", ["--summary", "--metrics", "--report"])
def test_a_file_that_an_output_surely_did_not_write_is_kept(
    command: CommandLine, prepared: Path, option: str
) -> None:
    """A mistyped name costs nobody a file of another program; what the option wrote itself is replaced."""
    shutil.copytree(prepared, command.folder, dirs_exist_ok=True)
    (target := command.folder / "notes.prom").write_text("user_id,plan\n1,gold\n")
    ran = command.run(*LINES["events"], option, target.name)
    assert ran.code == 2
    assert "holds something else than what " + option in ran.err
    assert target.read_text() == "user_id,plan\n1,gold\n"
    target.unlink()
    load = ("events", "events.csv", *SANDBOXED, option, target.name)
    codes = [command.run(*load, "--checkpoint", name).code for name in ("one.ckpt", "two.ckpt")]
    assert codes == [3, 3]


@pytest.mark.parametrize("command_name", ["events", "retry"])
def test_two_outputs_are_two_files(command: CommandLine, prepared: Path, command_name: str) -> None:
    """The report does not replace the summary of the same run."""
    shutil.copytree(prepared, command.folder, dirs_exist_ok=True)
    ran = command.run(*LINES[command_name], "--summary", "out", "--report", "./out")
    assert (ran.code, "two outputs of this command cannot share a file" in ran.err) == (2, True), ran.err
    assert not (command.folder / "out").exists()


@pytest.mark.parametrize("option", ["--summary", "--report", "--metrics"])
def test_a_token_file_that_the_environment_names_is_needed_too(
    command: CommandLine, prepared: Path, option: str
) -> None:
    """The next night still finds its token."""
    shutil.copytree(prepared, command.folder, dirs_exist_ok=True)
    ran = command.run("events", "events.csv", *SANDBOXED, option, "./ca.pem", PUSHWOOSH_TOKEN_FILE="ca.pem")
    assert (ran.code, "would be overwritten" in ran.err) == (2, True), ran.err
    assert (command.folder / "ca.pem").read_bytes() == Path(certifi.where()).read_bytes()
