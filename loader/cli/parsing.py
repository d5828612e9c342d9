"""From records of options to the options of click, and from what click has parsed to records.

A command names the record that it takes. `takes` offers the options and arguments of the record, and calls
the command with a record: no command sees a dictionary.
"""

from __future__ import annotations

from dataclasses import field, fields
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar, get_args

import click

from loader.cli.sections import SectionedOption
from loader.errors import ConfigError
from loader.option import FileUse, find_option, nested_record, offered, types_of
from loader.stores.address import Address, hide_secrets, is_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from loader.claims import Claim
    from loader.methods import Method
    from loader.option import Offered, Option

R = TypeVar("R")
T_co = TypeVar("T_co", covariant=True)
Callback = TypeVar("Callback", bound="Callable[..., object]")

Complete: TypeAlias = "Callable[[click.Context, click.Parameter, str], list[str]]"

_ARGUMENT, _USE, _COMPLETE, _OPTIONAL = "argument", "use", "complete", "optional"


def argument(
    metavar: str,
    use: FileUse | None = None,
    complete: Complete | None = None,
    *,
    optional: bool = False,
) -> Any:
    """A field that is an argument of the command, by its type: a path, a word, or several paths.

    Args:
        metavar: what stands for it in help.
        use: what is done with the file that it names; None if it names none.
        complete: lists words for the shell; then it is any number of words, perhaps none, and no paths.
        optional: whether there may be none of several paths; the command says if they are missing.
    """
    return field(metadata={_ARGUMENT: metavar, _USE: use, _COMPLETE: complete, _OPTIONAL: optional})


def takes(
    record: type[R], method: Method | None = None
) -> Callable[[Callable[[R], None]], Callable[..., None]]:
    """Offer the arguments and options of a record, and call the command with such a record.

    This is the only place where what click has parsed becomes typed.

    Args:
        record: what the command takes.
        method: the API method that it calls, if there is but one: an option that it does not need is not
            offered.
    """

    def decorate(command: Callable[[R], None]) -> Callable[..., None]:
        @wraps(command)
        def call(**given: Any) -> None:
            request = read_record(record, given)
            begin_summary(request)
            command(request)

        wanted = (each for each in offered(record) if method is None or each.option.needed(method))
        parameters = [*arguments_of(record), *map(click_option, wanted)]
        for parameter in reversed(parameters):
            call = parameter(call)
        return call

    return decorate


def read_record(record: type[R], given: Mapping[str, Any]) -> R:
    """A record of what click has parsed, by the names of its fields.

    Raises:
        ConfigError: a value is out of bounds.
    """
    hints, values = types_of(record), dict[str, Any]()
    for each in fields(record):  # type: ignore[arg-type] # every record is a dataclass
        inner = nested_record(each.metadata)
        if inner is not None:
            values[each.name] = read_record(inner, given)
        elif each.name in given:
            value = typed(given[each.name], hints[each.name])
            values[each.name] = hide_in_names(value) if find_use(each.metadata) else value
    return record(**values)


def hide_in_names(value: Any) -> Any:
    """Names of files without the secrets of addresses, before anything is done with them."""
    if isinstance(value, tuple):
        return tuple(map(hide_secrets, value))
    return hide_secrets(value) if isinstance(value, str) else value


def begin_summary(request: object) -> None:
    """Refuse what would cost a file; then replace the summary of an earlier job, if one was named.

    Raises:
        ConfigError: an output would take the place of a file that is needed, or cannot be written.
    """
    from loader.cli import summary  # noqa: PLC0415 - bare `--help` needs none of it

    values, mine = dict(list_values(request)), summary.current()
    mine.know(**summary.describe_request(values))
    try:
        refuse_lost_files(request)
    except ConfigError as error:
        if "summary" in error.settings:
            mine.target = None
        raise
    mine.begin(values.get("summary"))


def list_values(request: object) -> Iterator[tuple[str, Any]]:
    """Each option and argument of a request, inner records included, with its value."""
    for each in fields(request):  # type: ignore[arg-type] # every request is a dataclass
        value = getattr(request, each.name)
        if nested_record(each.metadata) is not None:
            yield from list_values(value)
        else:
            yield each.name, value


def refuse_lost_files(request: object) -> None:
    """Refuse a command whose output would take the place of a file that is needed.

    Raises:
        ConfigError: one would.
    """
    from loader.claims import refuse_conflicts  # noqa: PLC0415 - bare `--help` needs no SQL

    refuse_conflicts(list_claims(request))


def list_claims(request: object) -> Iterator[Claim]:
    """The files that a command was given, and those that a checkpoint among them was made from."""
    from loader.claims import Claim, recall_environment, recall_inputs, recall_lookups  # noqa: PLC0415 - bare `--help` needs no SQL

    # Without a rehearsal a store is only kept from others.
    store = FileUse.STORE if getattr(request, "sandbox", True) else FileUse.READ
    named = getattr(request, "list_job_claims", tuple)  # what a file names that the command reads
    claims = [*named()]
    claims += [
        Claim(store if use is FileUse.STORE else use, str(path), name)
        for name, use, value in list_files(request)
        for path in (value if isinstance(value, tuple) else (value,))
        if path is not None
    ]
    yield from claims
    yield from list_asked(request)
    yield from recall_environment()
    if any(claim.use is FileUse.OUTPUT for claim in claims):
        for claim in claims:
            if claim.use is FileUse.CHECKPOINT and claim.path.is_file():
                yield from recall_inputs(claim.path)
            if claim.setting == "mapping":
                yield from recall_lookups(claim.path)


def list_asked(request: object) -> Iterator[Claim]:
    """The files that a query reads: its own, and those that it calls by a name."""
    values = dict(list_values(request))
    text, files = values.get("query"), values.get("files")
    if not isinstance(text, str):
        return
    from loader.claims import Claim  # noqa: PLC0415 - only if there is a query
    from loader.queries.query import is_file  # noqa: PLC0415 - as above
    from loader.queries.tables import split_name  # noqa: PLC0415 - as above

    if is_file(text):
        yield Claim(FileUse.READ, text, "query")
    for file in files if isinstance(files, tuple) else ():
        name, path = split_name(file)
        if name:
            yield Claim(FileUse.INPUT, path)


def list_files(request: object) -> Iterator[tuple[str, FileUse, object]]:
    """Each field that names files, inner records included: its name, what is done with it, and its value."""
    for each in fields(request):  # type: ignore[arg-type] # every request is a dataclass
        value = getattr(request, each.name)
        if nested_record(each.metadata) is not None:
            yield from list_files(value)
        elif use := find_use(each.metadata):
            yield each.name, use, value


def find_use(metadata: Mapping[str, Any]) -> FileUse | None:
    """What is done with the file that a field names, by the field's metadata; None if it names none."""
    described = find_option(metadata)
    use: FileUse | None = described.file if described else metadata.get(_USE)
    return use


def typed(value: Any, kind: Any) -> Any:
    """A value of click as the type of its field: click knows words, the record knows enumerations."""
    words = enumeration(kind)
    return value if words is None or value is None else words(value)


def arguments_of(record: type) -> Iterator[Callable[[Callback], Callback]]:
    """The arguments, inner records first to last."""
    hints = types_of(record)
    for each in fields(record):
        inner = nested_record(each.metadata)
        if inner is not None:
            yield from arguments_of(inner)
        elif _ARGUMENT in each.metadata:
            yield click_argument(each.name, hints[each.name], each.metadata)


def click_argument(name: str, kind: Any, metadata: Mapping[str, Any]) -> Callable[[Callback], Callback]:
    """An argument of click; a tuple takes at least one path, or words."""
    metavar = metadata[_ARGUMENT]
    if complete := metadata[_COMPLETE]:
        return click.argument(name, nargs=-1, required=False, metavar=metavar, shell_complete=complete)
    if is_tuple(kind):
        # As text, because a pattern or - is one too; the type has the shell complete names of files.
        path = click.Path(allow_dash=True)
        required = not metadata[_OPTIONAL]
        return click.argument(name, nargs=-1, required=required, type=path, metavar=metavar)
    return click.argument(name, type=click.Path() if kind is str else click_type(kind), metavar=metavar)


def click_option(each: Offered) -> Callable[[Callback], Callback]:
    """An option of click."""
    described, flag = each.option, bool in members(each.kind)
    default = each.written
    words = described.description + (f"  [default: {described.without}]" if described.without else "")
    value: dict[str, Any] = {"is_flag": True} if flag else {"type": click_type(each.kind, described)}
    return click.option(
        *(described.flags or (f"--{each.name.replace('_', '-')}",)),
        each.name,
        cls=SectionedOption,
        section=described.section,
        default=default,
        show_default=not flag and not described.without and default is not None,
        metavar=described.metavar,
        multiple=is_tuple(each.kind),
        envvar=described.variable,
        show_envvar=described.variable is not None,
        help=words,
        **({} if "/" in "".join(described.flags) else value),
    )


def click_type(kind: Any, described: Option | None = None) -> Any:
    """The type of click for the type of a field."""
    if described is not None and described.words:
        return click.Choice(list(map(str, described.words)))  # of a member, click takes the name
    if described is not None and described.bounds is not None:
        return click.IntRange(*described.bounds)
    words = enumeration(kind)
    if words is not None:
        return click.Choice([word.value for word in words])
    known = next(member for member in members(kind) if member is not type(None))
    if issubclass(known, Path):
        dashed = described is not None and "-" in (described.metavar or "").split("|")
        return PlaceType(allow_dash=dashed, elsewhere=Address in members(kind))
    return ParsedType(known) if hasattr(known, "parse") else click.Path() if is_tuple(kind) else known


def members(kind: Any) -> tuple[Any, ...]:
    """The types that a value of a field may have."""
    return (str,) if is_tuple(kind) else get_args(kind) or (kind,)


def is_tuple(kind: Any) -> bool:
    """Whether a field holds several texts."""
    return getattr(kind, "__origin__", None) is tuple


def enumeration(kind: Any) -> type[StrEnum] | None:
    """The enumeration whose words a field takes, or None."""
    return next(
        (each for each in members(kind) if isinstance(each, type) and issubclass(each, StrEnum)), None
    )


class PlaceType(click.Path):
    """The path of a file, or its address if the option takes one.

    Args:
        allow_dash: whether `-` stands for a standard stream.
        elsewhere: whether the file may lie elsewhere than on this machine.
    """

    def __init__(self, *, allow_dash: bool, elsewhere: bool) -> None:
        super().__init__(path_type=Path, allow_dash=allow_dash)
        self._elsewhere = elsewhere

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the text; what was read before stays."""
        if not isinstance(value, str) or not is_address(value):
            return value if isinstance(value, Address) else super().convert(value, param, ctx)
        if not self._elsewhere:
            self.fail(
                f"{hide_secrets(value)} is an address, and this file must be on this machine.", param, ctx
            )
        try:
            return Address.parse(value)
        except ConfigError as error:
            self.fail(str(error), param, ctx)


class Parsable(Protocol[T_co]):
    """A type whose values can be read from text."""

    def parse(self, text: str) -> T_co:
        """Read a value."""


class ParsedType(click.ParamType[Any]):
    """A value that its own type reads; what is wrong with it names the option."""

    def __init__(self, kind: Parsable[object]) -> None:
        self.name = getattr(kind, "__name__", "value").lower()
        self._kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the text; what was read before stays."""
        if not isinstance(value, str):
            return value
        try:
            return self._kind.parse(value)
        except ConfigError as error:
            self.fail(str(error), param, ctx)
