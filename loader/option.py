"""How a field of a record is offered to the user as an option: its help, its place, its spelling.

A record of options is a frozen dataclass. `option` makes a field of it an option, `nested` takes all or some
options of another record in. `offered` lists what a front end has to offer, and needs no list of names.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from loader.methods import Method

T = TypeVar("T")

_OPTION, _NESTED = "option", "nested"


class Section(StrEnum):
    """The sections of a long help, in their order."""

    OTHER = "Options"
    PLACE = "Where to"
    CONTENT = "What is loaded"
    SPEED = "How fast, and in which order"
    FAILURE = "When rows fail"
    TEXT = "How text files are written"
    OUTPUT = "What is shown"


class FileUse(StrEnum):
    """What a command does with a file that an option or an argument names; see `loader.claims`."""

    READ = "read"
    INPUT = "input"
    CHECKPOINT = "checkpoint"
    STORE = "store"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class Option:
    """What the user reads about an option, beside its name, type and default.

    Attributes:
        description: what it does, in sentences that are true on the command line and in Python.
        section: the part of a long help that shows it.
        flags: its spelling on the command line, if that is not ``--`` and the field's name.
        metavar: what stands for its value in help.
        without: what happens without it, if the default value itself does not say so.
        written: the default as the user would write it, if that is not its text.
        variable: the environment variable that it is otherwise taken from.
        words: the words that it takes, if the field's type does not list them.
        bounds: the lowest and the highest number that it takes; None for no bound.
        note: the text that a checkpoint notes of a value that is not None; None to note nothing.
        needed: whether the option means anything for an API method; if not, it is neither offered nor taken.
        needless: what happens to the rows of all other methods, as the end of a sentence.
        file: what is done with the file that it names; None if it names none.
    """

    description: str
    section: Section = Section.OTHER
    flags: tuple[str, ...] = ()
    metavar: str | None = None
    without: str = ""
    written: str = ""
    variable: str | None = None
    words: tuple[str, ...] = ()
    bounds: tuple[int | None, int | None] | None = None
    note: Callable[[Any], str | None] = str
    needed: Callable[[Method], bool] = lambda _: True
    needless: str = ""
    file: FileUse | None = None


@dataclass(frozen=True, slots=True)
class Offered:
    """An option of a record, for a front end.

    Attributes:
        record: the record that has it.
        name: the name of its field.
        default: the value of its field without it.
        option: the rest.
    """

    record: type
    name: str
    default: object
    option: Option

    @property
    def kind(self) -> Any:
        """The type of its field."""
        return types_of(self.record)[self.name]

    @property
    def written(self) -> object:
        """The default as the user would write it."""
        usual = self.default.value if isinstance(self.default, StrEnum) else self.default
        return self.option.written or usual


@dataclass(frozen=True, slots=True)
class _Nested:
    record: type
    only: tuple[str, ...]


def types_of(record: type) -> dict[str, Any]:
    """The types of a record's fields, which must all be imported where it is defined."""
    return _read_types(record)


@cache  # each option asks for them, and help must be there at once
def _read_types(record: type) -> dict[str, Any]:
    return get_type_hints(record)


def option(default: T, described: Option, *, secret: bool = False) -> T:
    """A field that is an option.

    Args:
        default: its value without it.
        described: what the user reads about it.
        secret: whether its value is kept out of what the record shows of itself.
    """
    return field(default=default, repr=not secret, metadata={_OPTION: described})


def nested(record: type[T], *only: str) -> T:
    """A field that takes the options of another record in: all of them, or only those that are named."""
    if unknown := set(only) - {each.name for each in fields(record)}:  # type: ignore[arg-type] # a dataclass
        raise TypeError(f"{record.__name__} has no option {', '.join(sorted(unknown))}")
    # The code that makes the record makes the inner one too: it has no default.
    taken_in: T = field(metadata={_NESTED: _Nested(record, only)})
    return taken_in


def nested_record(metadata: Mapping[str, Any]) -> type | None:
    """The record whose options a field takes in, or None, by the field's metadata."""
    found: _Nested | None = metadata.get(_NESTED)
    return found.record if found else None


def find_option(metadata: Mapping[str, Any]) -> Option | None:
    """The option that a field is, or None, by the field's metadata."""
    found: Option | None = metadata.get(_OPTION)
    return found


def offered(record: type, only: tuple[str, ...] = ()) -> Iterator[Offered]:
    """The options of a record, those of nested records in their places.

    Args:
        record: a dataclass.
        only: the names of the fields that count; all of them if there are none.
    """
    for each in fields(record):
        if only and each.name not in only:
            continue
        if (inner := each.metadata.get(_NESTED)) is not None:
            yield from offered(inner.record, inner.only)
        elif (described := each.metadata.get(_OPTION)) is not None:
            yield Offered(record, each.name, each.default, described)
