"""Help: each option says what it does, what it is by default, and where else it comes from."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest

from loader.cli import COMMANDS, cli

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import CommandLine


def commands() -> Iterator[tuple[str, click.Command]]:
    """All commands with their names."""
    context = click.Context(cli, info_name="pushwoosh-loader")
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        yield name, command


def options() -> Iterator[tuple[str, click.Option, str]]:
    """All options: of which command, the option, and what help shows of it."""
    for name, command in commands():
        context = click.Context(command, info_name=name)
        for param in command.params:
            if isinstance(param, click.Option):
                record = param.get_help_record(context)
                assert record is not None, (name, param.name)
                yield name, param, record[1]


@pytest.mark.parametrize(
    ("command", "option", "shown"),
    [pytest.param(*each, id=f"{each[0]} {each[1].opts[0]}") for each in options()],
)
def test_every_option_has_help_with_its_default_and_variable(
    command: str, option: click.Option, shown: str
) -> None:
    """A person never has to try what happens without an option, or where its value came from."""
    assert option.help
    assert option.help.rstrip().endswith((".", ".)", "]")), "a sentence"
    if option.envvar:
        assert f"env var: {option.envvar}" in shown
    if not option.is_flag or option.secondary_opts:
        assert "default: " in shown or "env var" in shown or "Without one" in shown


@pytest.mark.parametrize(("name", "command"), list(commands()), ids=COMMANDS)
def test_every_command_has_examples_that_are_commands(name: str, command: click.Command) -> None:
    """Each help ends with a line to copy, and each such line is understood: command and options exist."""
    assert command.help is not None
    examples = command.help.partition("Examples:\n")[2].strip().splitlines()
    assert examples
    for line in examples:
        program, used, *words = line.split()
        assert program == "pushwoosh-loader"
        target = cli.get_command(click.Context(cli), used)
        assert target is not None
        known = {opt for param in target.params for opt in (*param.opts, *param.secondary_opts)}
        assert {word for word in words if word.startswith("-") and word != "-"} <= known
    assert any(line.split()[1] == name for line in examples)


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_the_terminal(command: CommandLine, name: str, width: int) -> None:
    """No line of help is longer than the terminal, but for examples, which are there to be copied whole."""
    ran = command.run(name, "--help", COLUMNS=str(width))
    assert ran.code == 0
    too_long = [line for line in ran.out.splitlines() if len(line) > width]
    assert not [line for line in too_long if not line.startswith("    pushwoosh-loader ")]


def test_long_help_has_every_option_once() -> None:
    """Sections lose no option and show none twice."""
    for name, command in commands():
        text = command.get_help(click.Context(command, info_name=name))
        for param in command.params:
            if isinstance(param, click.Option):
                shown = [line.split()[0].rstrip(",") for line in text.splitlines() if line.startswith("  -")]
                assert shown.count(param.opts[0]) == 1, (name, param.opts)


def test_the_list_of_commands_says_what_their_help_says() -> None:
    """The list is made without importing the commands; its sentences are theirs."""
    for name, command in commands():
        assert command.help is not None
        assert command.help.splitlines()[0] == COMMANDS[name]


@pytest.mark.parametrize(
    ("word", "advice"),
    [("event", "Did you mean 'events'?"), ("load", "The commands are users, events, tags,")],
)
def test_a_command_that_is_none_gets_the_nearest_or_all(command: CommandLine, word: str, advice: str) -> None:
    """A typo is answered with the command that was meant, another word with those that there are."""
    ran = command.run(word)
    assert ran.code == 2
    assert f"No such command '{word}'. {advice}" in ran.err


def test_bare_help_imports_no_command() -> None:
    """`--help` starts as fast as click: nothing of the loader is imported but the list of commands."""
    code = (
        "import sys, loader.cli\n"
        "assert loader.cli.cli.main(['--help'], standalone_mode=False) == 0\n"
        "own = {name for name in sys.modules if name.startswith('loader')}\n"
        "assert own == {'loader', 'loader._version', 'loader.cli', 'loader.errors', 'loader.message', "
        "'loader.printable'}, own\n"
        "assert 'dataclasses' not in sys.modules and 'json' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


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
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
