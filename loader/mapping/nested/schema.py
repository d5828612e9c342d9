"""Decide before the first row which columns a mapping names, opens, and takes as others."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

import pyarrow as pa

from loader.column_types import find_refusal
from loader.errors import ProblemCode
from loader.mapping.cells import is_nested, is_text
from loader.mapping.fields import plain
from loader.mapping.names import NameProblem, columns_used, name_problems
from loader.mapping.nested import keyed, paths, rows_of_pairs
from loader.mapping.rules import Expand, Rule
from loader.mapping.values import holds_lists
from loader.model import OWN_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loader.mapping.nested.paths import Columns
    from loader.mapping.rules import Mapping
    from loader.mapping.table import Table


class Schema:
    """Which attributes or tags a mapping gives for the columns of one input; collects what does not fit.

    Attributes:
        members: first members with their own rule, then the other columns, then the members of structs.
        expand: the columns whose rows name their own members.
        excluded: the members that the opened columns leave out.
    """

    def __init__(self, mapping: Mapping, columns: Columns, table: Table) -> None:
        self.problems: list[str] = []
        self.codes: set[ProblemCode] = set()
        self.notices: list[str] = []
        self._mapping = mapping
        self._container = mapping.method.container
        self._columns = columns
        self._table = table
        self._used = {
            column
            for rule in [*mapping.fields.values(), *mapping.members.values()]
            for column in columns_used(rule)
        }
        self.members = dict(mapping.members)
        self._check_excluded()
        self._add_others()
        self.expand = tuple(self._expanded())
        self.excluded = tuple(
            name
            for name in mapping.excluded
            if any(name.startswith(f"{expand.column}.") for expand in self.expand)
        )
        for name, rule in mapping.fields.items():
            self._check_columns(name, rule, listed=None)
        for name, rule in self.members.items():
            self._check_columns(name, rule, listed=rule.direct)
        for name, column in _list_selecting(mapping):
            self._check_columns(name, Rule(column=(column,)), listed=None)

    def _entry(self, key: str) -> str:
        """A key of the container's table, as messages name it."""
        return f"[{self._container.name if self._container else ''}] {key}"

    @property
    def _one(self) -> str:
        return self._container.one if self._container else ""

    def _name_problems(self, name: str) -> list[NameProblem]:
        return name_problems(self._container, name) if self._container else []

    def _check_excluded(self) -> None:
        self.problems += [
            self._unknown_column(self._entry("except"), name)
            for name in self._mapping.excluded
            if name not in self._columns
        ]

    def _add_others(self) -> None:
        """Every column that nothing else takes, under its own name."""
        if not self._mapping.others:
            return
        opened = {self._columns.top(expand.column) for expand in self._mapping.expand}
        taken = self._used | opened | set(self._mapping.excluded)
        for name in self._columns:
            if name not in taken and not name.startswith(OWN_COLUMNS):
                self._add(name, name, self._mapping.others)

    def _add(self, name: str, column: str, empty: str) -> None:
        """A member without a rule of its own."""
        self.problems += [f'{self._one} "{name}": {problem}' for problem in self._name_problems(name)]
        if name in self._mapping.members:
            self.notices.append(
                f'column "{column}" is not sent: the mapping has a rule for the {self._one} "{name}".'
            )
        elif name in self.members:
            first = self.members[name].column[0]
            self.problems.append(
                f'{self._one} "{name}" would come from both "{first}" and "{column}". Name one of them under '
                "except, or set prefix in expand."
            )
        else:
            self.members[name] = Rule(column=(column,), empty=empty)

    def _expanded(self) -> Iterator[Expand]:
        """The opened columns that are not structs; members of structs become rules."""
        for expand in self._mapping.expand:
            kind = self._columns.type_of(expand.column)
            if kind is None:
                self.problems.append(self._unknown_column(self._entry("expand"), expand.column))
            elif pa.types.is_struct(kind) and find_refusal(kind) is None:
                yield from self._struct(expand, kind)
            elif self._can_be_opened(expand.column, kind):
                yield expand

    def _struct(self, expand: Expand, kind: pa.DataType) -> Iterator[Expand]:
        for path, member in paths.leaves(kind):
            column, name = f"{expand.column}.{path}", expand.prefix + path
            if column in self._used or self._left_out(column):
                continue
            if keyed.value_type(member) is not None:
                if self._can_be_opened(column, member):
                    yield Expand(column, f"{name}.", expand.empty)
            elif sendable(member):
                self._add(name, column, expand.empty)
            else:
                self.notices.append(f'column "{column}" is not sent: it holds {member}.')

    def _left_out(self, column: str) -> bool:
        return any(column == name or column.startswith(f"{name}.") for name in self._mapping.excluded)

    def _can_be_opened(self, column: str, kind: pa.DataType) -> bool:
        values = keyed.value_type(kind)
        if values is not None and rows_of_pairs.can_be_value(values):
            return True
        if values is None and is_text(kind):
            return self._check_json(column, self._entry("expand"))
        if find_refusal(kind) is not None:
            self.problems.append(
                f'{self._entry("expand")}: column "{column}" holds {_describe_refused(kind)}'
            )
            return False
        what = f"{kind}" if values is None else f"values of the type {values}"
        self.problems.append(
            f'{self._entry("expand")}: column "{column}" holds {what}. JSON text, structs, maps and lists of '
            "keys and values can be opened if their values are text, numbers, true or false."
        )
        return False

    def _check_json(self, column: str, where: str) -> bool:
        """Refuse a column to open if no sampled cell is JSON: the name is probably wrong."""
        cells = self._table.cells(column)
        if not cells.wrong.any() or any(value is not None for value in cells.values):
            return True
        self.problems.append(f'{where}: column "{column}" holds no JSON objects. Check the name.')
        return False

    def _check_columns(self, name: str, rule: Rule, *, listed: str | None) -> None:
        """Refuse columns of several values; only `listed`, an attribute's own column, may hold lists."""
        for column in columns_used(rule):
            kind = self._columns.type_of(column)
            holder = self._columns.json_holder(column)
            if kind is None:
                self.problems.append(self._in_a_list(name, column) or self._unknown_column(name, column))
            elif (is_nested(kind) and column != listed) or not _mappable(kind, rule):
                self.codes.add(ProblemCode.TYPE)
                self.problems.append(f'{name}: column "{column}" holds {_describe_refused(kind)}')
            elif problem := self._in_a_list(name, column):
                self.problems.append(problem)
            elif holder and self._check_json(holder[0], name) and self._nowhere(column):
                self.notices.append(
                    f'no sampled row has "{column}". Check the name. If it is right, such rows are rare.'
                )

    def _in_a_list(self, name: str, column: str) -> str | None:
        """What is wrong with a path into a list that does not say which element is meant."""
        found = self._columns.list_on_the_way(column)
        if holder := self._columns.json_holder(column):
            path = self._table.cells(holder[0]).list_on_the_way(holder[1])
            found = None if path is None else f"{holder[0]}.{path}".rstrip(".")
        if found is None:
            return None
        member = column.removeprefix(f"{found}.")
        return (
            f'{name}: "{found}" is a list, and "{column}" does not say which of its elements is meant. '
            f'Write "{found}.0.{member}" for the first one, or "{found}[NAME=TEXT].{member}" for the first '
            "one with this text in one of its members."
        )

    def _nowhere(self, column: str) -> bool:
        return self._table.rows > 0 and self._table.text(column).null_count == self._table.rows

    def _unknown_column(self, name: str, column: str) -> str:
        by_name = {plain(known): known for known in [*self._columns.names(), *self._columns]}
        near = get_close_matches(plain(column), by_name, n=1, cutoff=0.6)
        listed = ", ".join(f'"{known}"' for known in list(self._columns)[:20])
        meant = f'Did you mean "{by_name[near[0]]}"?' if near else f"The columns are {listed}."
        return f'{name}: the input has no column "{column}". {meant}'


def _list_selecting(mapping: Mapping) -> Iterator[tuple[str, str]]:
    """The columns by which rows are selected, each with the key that names it."""
    for name, columns in (
        ("[rows] only", mapping.rows.only),
        ("[rows] except", mapping.rows.excluded),
        ("unique", mapping.unique.columns if mapping.unique else ()),
        ("key", mapping.key),
    ):
        for column in columns:
            yield name, column


def sendable(kind: pa.DataType) -> bool:
    """Whether cells of a type become one value each: a scalar, or a list of scalars."""
    if find_refusal(kind) is not None:
        return False
    if holds_lists(kind):
        return not is_nested(paths.bare(kind.value_type))
    return not is_nested(kind)


def _mappable(kind: pa.DataType, rule: Rule) -> bool:
    if is_nested(kind):
        return sendable(kind) and rule.direct is not None and rule.type in {None, "list"}
    return sendable(kind)


def _describe_refused(kind: pa.DataType) -> str:
    """What a column holds that cannot be one value, and what to do."""
    refusal = find_refusal(kind)
    if refusal is not None:
        return f"{refusal.holds}. {refusal.remedy}"
    return f"{kind}, which cannot be sent as one value. {_advice(kind)}"


def _advice(kind: pa.DataType) -> str:
    if pa.types.is_struct(kind) or keyed.value_type(kind) is not None:
        return 'Name a member of it ("column.member"), open it with expand, or leave it out with except.'
    return "Leave it out, or export it as text."
