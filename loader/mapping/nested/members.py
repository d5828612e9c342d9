"""Decide by its name what becomes of a member of an opened column; shared by all ways of opening."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from loader.mapping.findings import Column, Fault
from loader.mapping.names import columns_used, name_problems
from loader.message import Message, Quote
from loader.text.escape import quote as shown

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from loader.mapping.rules import Expand, Mapping
    from loader.methods import Container

#: The type of a JSON value by its first character; all others begin a number.
_KINDS = {'"': "string", "t": "boolean", "f": "boolean", "[": "list"}
_text = json.JSONEncoder(ensure_ascii=False).encode


class Expansion(NamedTuple):
    """What one column gives.

    Attributes:
        fragments: the members of each row as JSON, without braces; null if there are none.
        names: makes the names of each row's attributes; only two columns could clash, so it is seldom called.
    """

    fragments: pa.Array
    names: Callable[[], pa.Array]


class Named(NamedTuple):
    """The decision on a member by its name: left out (no key), refused, or sent under a key.

    Attributes:
        name: the attribute's name.
        key: the same as JSON with a colon; "" if the member is left out.
        fault: why it is refused.
    """

    name: str = ""
    key: str = ""
    fault: Fault | None = None


class Naming(dict[str, Named]):
    """Members of one expanded column by their dotted names, each decided once.

    Args:
        mapping: its rules have a place for some members, and take some names.
        container: where the members go.
        expand: the column.

    Attributes:
        texts_only: whether the members of a list must be texts.
        nothing: members that are exactly one of these texts mean nothing.
    """

    def __init__(self, mapping: Mapping, container: Container, expand: Expand) -> None:
        super().__init__()
        self._container = container
        self.texts_only = container.texts_only
        self.nothing = frozenset(mapping.source.null_values)
        inside = f"{expand.column}."
        rules = [*mapping.fields.values(), *mapping.members.values()]
        elsewhere = {column for rule in rules for column in columns_used(rule)} | set(mapping.excluded)
        self._left_out = {name.removeprefix(inside) for name in elsewhere if name.startswith(inside)}
        self._taken = frozenset(mapping.members)
        self._prefix = expand.prefix

    def __missing__(self, path: str) -> Named:
        named = self[path] = self._decided(path)
        return named

    def _decided(self, path: str) -> Named:
        if path in self._left_out or any(path.startswith(f"{name}.") for name in self._left_out):
            return Named()
        name = self._prefix + path
        return Named(name, f"{_text(name)}:", self._fault(path, name))

    def _fault(self, path: str, name: str) -> Fault | None:
        if name in self._taken:
            return Fault(
                member_reason(
                    "has a member {member}, but another column gives that {one} already",
                    path,
                    one=self._container.one,
                ),
                "Set prefix in expand, or name the member under except.",
            )
        problems = name_problems(self._container, name)
        if not problems:
            return None
        return Fault(
            member_reason(
                "has a member {member} that cannot be {a}: {why}",
                path,
                a=self._container.a,
                why=problems[0].reason,
            ),
            "Name it under except, or map it under another name.",
        )


def member_reason(template: str, path: str, **facts: str) -> Message:
    """A reason that names a member: its name stands in the cell, so a text for everybody leaves it out."""
    return Message(template, member=Quote(shown(path)), **facts)


LACKING = Fault(
    "holds a list with an empty member, and JSON's null has no meaning in a list",
    "Remove the empty member where the list was exported.",
)


def lacking_fault(path: str) -> Fault:
    """Why a row is rejected if a member is a list with nothing in the place of one of its own members."""
    return Fault(
        member_reason(
            "has a member {member}, a list with an empty member, and JSON's null has no meaning in a list",
            path,
        ),
        "Remove the empty member where the list was exported, or name the list under except.",
    )


def empty_fault(path: str) -> Fault:
    """Why a row is rejected if a member has no value and the mapping rejects such rows."""
    return Fault(
        member_reason("has a member {member} that is empty, and the mapping rejects that", path),
        'Fill it, or set empty = "omit" in expand.',
    )


def twice_fault(path: str, column: str) -> Fault:
    """A cell that gives one name twice."""
    return Fault(
        member_reason("gives {member} twice", path),
        f'To take the first one, name it in the mapping ({{ column = "{column}.{path}" }}). To send neither, '
        "name it under except.",
    )


def member_column(name: str, values: pa.Array) -> Column:
    """The JSON values of one member in each row, for a check."""
    kinds = {
        _KINDS.get(value[0], "number") for value in values.drop_null().unique().to_pylist() if value != "null"
    }
    return Column(name, values, text=False, member=True, kind=kinds.pop() if len(kinds) == 1 else "mixed")
