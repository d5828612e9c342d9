"""`--help` helps: each option is told, and each example can be typed."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import click
import pytest

from loader.cli import cli

if TYPE_CHECKING:
    from collections.abc import Iterator


def options() -> Iterator[tuple[str, click.Option]]:
    """Every option of every command."""
    for name, command in cli.commands.items():
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                yield name, parameter


@pytest.mark.parametrize(
    ("command", "option"), list(options()), ids=lambda given: getattr(given, "name", given)
)
def test_every_option_is_told_with_its_default_and_variable(command: str, option: click.Option) -> None:
    """A person need not read the code to know what is done where nothing is said."""
    told = option.help or ""
    assert told.endswith((".", ".)", "]")), told
    assert option.show_envvar or not option.envvar
    has_default = option.to_info_dict()["default"] is not None and not option.is_flag
    assert option.show_default or "[default:" in told or not has_default


def examples() -> Iterator[str]:
    """The commands in the help of all commands."""
    for command in (cli, *cli.commands.values()):
        yield from re.findall(r"^ +(pushwoosh-loader .*)$", command.help or "", re.MULTILINE)


@pytest.mark.parametrize("name", cli.commands)
def test_every_command_has_an_example(name: str) -> None:
    """What a person copies and changes."""
    assert any(shlex.split(line)[1] == name for line in examples())


@pytest.mark.parametrize("line", list(examples()))
def test_examples_in_the_help_can_be_typed(line: str) -> None:
    """No example has an option or an argument that the command does not take."""
    _, name, *arguments = shlex.split(line.removesuffix("&"))
    cli.commands[name].make_context(name, arguments)
