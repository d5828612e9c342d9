"""Options that say how text files are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from loader.dialect import dialect_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from loader.dialect import Dialect

Command = TypeVar("Command", bound="Callable[..., Any]")


def together(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several decorators as one, in the order in which help shows them."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


TEXT_OPTIONS = together(
    click.option(
        "--delimiter",
        metavar="CHARACTER",
        help="What stands between the cells of a text file: a character, or tab, comma, semicolon, pipe or "
        "space.  [default: told from the beginning of the file]",
    ),
    click.option(
        "--quote", metavar="CHARACTER", help='What stands around cells; "" for nothing.  [default: "]'
    ),
    click.option(
        "--encoding",
        metavar="NAME",
        help="What text files are written in.  [default: UTF-8, or UTF-16 with a byte order mark]",
    ),
    click.option(
        "--header/--no-header",
        default=None,
        help="Whether the first row of a text file holds the names of the columns; if not, give --columns.  "
        "[default: --header]",
    ),
    click.option(
        "--columns",
        metavar="NAME,NAME,...",
        help="Names of the columns of a text file without a header, or in place of the header's.  "
        "[default: those of the header]",
    ),
)


def said_of_text(options: dict[str, Any]) -> Dialect:
    """What the options say of how text files are written.

    Raises:
        ConfigError: one of them is wrong.
    """
    said = {name: options[name] for name in ("delimiter", "quote", "encoding", "header")}
    said["columns"] = options["columns"] and options["columns"].split(",")
    return dialect_of({name: value for name, value in said.items() if value is not None}, "The options")
