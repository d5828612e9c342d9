"""What a job may set: the options of a load, each by the name of its field.

They come from the records that make the command line too, so a new option is a key of a job file by itself.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, cast

from loader.cli.check import CheckRequest
from loader.cli.options import AccessOptions, OutputOptions
from loader.cli.parsing import members
from loader.errors import ConfigError
from loader.load_options import LoadOptions, QueryOptions, TargetOptions
from loader.message import Command, spell_option
from loader.option import FileUse, offered
from loader.option_values import refuse, require_type, take_parsed, take_path
from loader.queries.database import Database
from loader.queries.query import is_file
from loader.settings import Endpoint
from loader.stores.address import Address, hide_secrets, is_address
from loader.tokens import TOKEN_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from loader.load_options import LoadKeywords, TargetKeywords
    from loader.option import Offered, Option

#: The keys of a job that are not options.
OWN = ("kind", "input", "mapping", "after")

# How one command speaks to whoever runs it, and the yes that they give: no matter of a file. Metrics call a
# job by its name.
# A canary is for the user who looks at it: in a file it would end the job as planned, night after night.
_LEFT_OUT = frozenset({"quiet", "log_format", "yes", "job", "canary"})

#: Options of which only one counts: the one that is set nearer to the job takes the place of the other.
EXCLUSIVE = (("token_file", "token_command"), ("rate", "rate_file"))

_VARIABLE = re.compile(r"\$\{(\w*)\}")


class Scope(StrEnum):
    """In which tables a key may stand."""

    ALL = "all jobs together"
    ONE = "one job"
    BOTH = "one job, or all"


@dataclass(frozen=True, slots=True)
class Key:
    """An option of a load, as a key of a job file.

    Attributes:
        offered: the option.
        scope: where it may stand.
    """

    offered: Offered
    scope: Scope

    @property
    def name(self) -> str:
        """Its name."""
        return self.offered.name

    @property
    def option(self) -> Option:
        """What the user reads about it."""
        return self.offered.option

    @property
    def shown(self) -> bool:
        """Whether a message may repeat its value."""
        field = next(each for each in fields(self.offered.record) if each.name == self.name)
        return field.repr and self.name not in {"database", "endpoint"}

    def read(self, value: object, folder: Path) -> object:
        """A value of TOML as the value of the option.

        Args:
            value: what stands in the file.
            folder: the folder of the job file, from which its paths are read.

        Raises:
            ConfigError: it cannot be the value of the option.
        """
        if isinstance(value, str) and (Path in members(self.offered.kind) or names_file(self.name, value)):
            value = locate(value, folder)
        match self.offered.record:
            case record if record is LoadOptions:
                found: object = getattr(LoadOptions.of(cast("LoadKeywords", {self.name: value})), self.name)
            case record if record is TargetOptions:
                found = getattr(TargetOptions.of(cast("TargetKeywords", {self.name: value})), self.name)
            case _:
                found = self._read_plainly(value)
        refuse_unusable(self.name, found)
        return Database.parse(str(found)).under(folder).url if self.name == "database" else found

    def _read_plainly(self, value: object) -> object:
        kinds = [each for each in members(self.offered.kind) if each is not NoneType]
        if Address in kinds and is_address(value):
            return take_parsed(self.name, Address.parse, cast("str", value))
        if Path in kinds:
            return take_path(self.name, cast("str", value))
        if words := self.option.words:
            if value not in words:
                shown = " or ".join(f'"{word}"' for word in words)
                refuse(self.name, f"{{setting}} is {{value!r}}; it must be {shown}.", value)
            return value
        if parse := getattr(kinds[0], "parse", None):
            return take_parsed(self.name, parse, value)
        wanted = {bool: "true or false", int: "a whole number", str: "text"}.get(kinds[0], kinds[0].__name__)
        return require_type(self.name, value, tuple(kinds), wanted)


def names_file(name: str, value: str) -> bool:
    """Whether the value of a key that takes text is the path of a file: a query may be."""
    return name == "query" and is_file(value)


def refuse_unusable(name: str, value: object) -> None:
    """Refuse what no load could work with, although it is of the right type.

    Raises:
        ConfigError: it is an empty text, a wrong URL, or a proxy with a password.
    """
    if isinstance(value, str) and not value.strip():
        refuse(name, "{setting} is empty.")
    if name == "database":
        Database.parse(require_type(name, cast("str", value), (str,), "text"))
    if name == "endpoint":
        Endpoint.parse(require_type(name, cast("str", value), (str,), "text"))
    if getattr(value, "secrets", ()):
        refuse(
            name,
            "{setting} holds a password, and no secret belongs in a job file, because such files are copied "
            "and shared. Set PUSHWOOSH_PROXY instead.",
        )


@cache
def list_keys() -> dict[str, Key]:
    """Every option that a job file may set, by its name."""
    return {each.name: Key(each, find_scope(each)) for each in _list_offered() if each.name not in _LEFT_OUT}


def _list_offered() -> Iterator[Offered]:
    for record in (TargetOptions, QueryOptions, AccessOptions, LoadOptions, OutputOptions):
        yield from offered(record)
    yield from offered(CheckRequest, ("rejects",))


def displace(values: Mapping[str, object], nearer: Collection[str]) -> dict[str, object]:
    """The values without those whose place others take.

    Args:
        values: what is set for all jobs, or in a file.
        nearer: the options that are set nearer to the job, or by hand.
    """
    gone = set(nearer)
    for group in EXCLUSIVE:
        gone |= set(group) if gone & set(group) else set()
    return {name: value for name, value in values.items() if name not in gone}


def find_clash(values: Mapping[str, object]) -> str:
    """What is wrong with options that are right one by one; "" if they go together."""
    own = {each.name: values[each.name] for each in fields(LoadOptions) if each.name in values}
    try:
        LoadOptions(**own)  # type: ignore[arg-type] # each was read for its field
    except ConfigError as error:
        return explain(error)
    return ""


def explain(error: ConfigError) -> str:
    """What is wrong, with settings as the job file has them, and commands as the command line has them."""
    return error.message.spell(
        lambda named: spell_option(named) if isinstance(named, Command) else str(named)
    )


def find_scope(each: Offered) -> Scope:
    """Where an option may stand: the same file cannot be written by several jobs."""
    if each.name == "summary":
        return Scope.ALL
    if each.name in {"query", "database"}:
        return Scope.ONE
    return Scope.ONE if each.option.file in {FileUse.OUTPUT, FileUse.CHECKPOINT} else Scope.BOTH


def locate(text: str, folder: Path) -> str:
    """A path of a job file as one from where the command stands; an address without its secrets.

    Args:
        text: the path or pattern; ``${NAME}`` stands for an environment variable, ``~/`` for the home folder.
        folder: the folder of the job file.

    Raises:
        ConfigError: a variable is not set.
    """
    if text == "-":
        return text
    whole = _VARIABLE.sub(lambda found: read_variable(found[1]), text)
    return hide_secrets(whole) if is_address(whole) else str(folder / Path(whole).expanduser())


def read_variable(name: str) -> str:
    """The value of an environment variable that a path names.

    Raises:
        ConfigError: it is not set, or holds the token.
    """
    if name == TOKEN_VARIABLE:
        raise ConfigError(f"${{{name}}} is the token, and no part of a path.")
    value = os.environ.get(name)
    if not value:
        raise ConfigError(
            f"the environment variable {name or '(without a name)'} is not set. Set it for the command: "
            f"{name or 'NAME'}=... pushwoosh-loader run ..."
        )
    return value
