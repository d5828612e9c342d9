"""The command line as Markdown: every command, its options, and the exit codes."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

import click

from docs.tables import code, table
from loader.cli import EPILOG, cli

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_IN_HELP = re.compile(r"\s*\[default: (.+)\]$")
VARIABLE_IN_HELP = re.compile(r"\s*\[env var[^:]*: (\w+)\]$")


def all_commands(group: click.Group = cli, before: str = "") -> Iterator[tuple[str, click.Command]]:
    """The commands, in the order in which help lists them; those of a group follow it."""
    context = click.Context(group)
    for each in group.list_commands(context):
        command, name = group.get_command(context, each), before + each
        if command is not None:
            yield name, command
        if isinstance(command, click.Group):
            yield from all_commands(command, f"{name} ")


def glance() -> str:
    """All commands, a line each."""
    rows = (
        (f"[`{name}`](#{name.replace(' ', '-')})", command.get_short_help_str(limit=200))
        for name, command in all_commands()
    )
    return table(("command", ""), rows)


def commands() -> str:
    """Every command with its arguments and options."""
    written: dict[str, str] = {}
    texts = [command_text(name, command, written) for name, command in all_commands()]
    return "\n\n".join(texts)


def command_text(name: str, command: click.Command, written: dict[str, str]) -> str:
    """One command; `written` knows the tables of options that stand above, and whose they are."""
    context = click.Context(command, info_name=f"pushwoosh-loader {name}")
    usage = f"{context.command_path} {' '.join(command.collect_usage_pieces(context))}"
    options = [option for option in command.params if isinstance(option, click.Option)]
    rows = [option_row(option, context) for option in options]
    parts = [f"## `{name}`", f"```sh\n{usage}\n```", help_text(command.help or "")]
    if rows:
        told = table(("option", "default", "environment", ""), rows)
        first = written.setdefault(told, name)
        parts.append(told if first == name else f"It takes the options of [`{first}`](#{first}).")
    return "\n\n".join(parts)


def option_row(option: click.Option, context: click.Context) -> tuple[str, str, str, str]:
    """An option: how it is written, its default, its variable, its help."""
    value = "" if option.is_flag else f" {option.make_metavar(context)}"
    names = ", ".join(f"`{name}{value}`" for name in [*option.opts, *option.secondary_opts])
    told = option.help or ""
    default, variable = DEFAULT_IN_HELP.search(told), VARIABLE_IN_HELP.search(told)
    return (
        names,
        default[1] if default else shown_default(option, context),
        code(variable[1] if variable else option.envvar) if variable or option.envvar else "",
        VARIABLE_IN_HELP.sub("", DEFAULT_IN_HELP.sub("", told)),
    )


def shown_default(option: click.Option, context: click.Context) -> str:
    """The default that the help shows, if it shows one."""
    value = option.get_default(context) if option.show_default else None
    return "" if value is None else f"`{value}`"


def help_text(text: str) -> str:
    """A command's help: paragraphs, and its examples as a block."""
    return "\n\n".join(paragraph(part) for part in re.split(r"\n\n", inspect.cleandoc(text)))


def paragraph(part: str) -> str:
    """One paragraph of help; one that click must not rewrap is a list of commands below its title."""
    if not part.startswith("\b\n"):
        return part
    title, *lines = part.removeprefix("\b\n").splitlines()
    return f"{title}\n\n```sh\n" + "\n".join(line.strip() for line in lines) + "\n```"


def exit_codes() -> str:
    """The exit codes as `--help` lists them."""
    rows = re.findall(r"^  (\d+)\s+(.+)$", EPILOG, re.MULTILINE)
    return table(("code", "meaning"), rows)
