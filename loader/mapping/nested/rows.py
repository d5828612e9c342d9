"""Columns that hold several attributes: JSON text, maps, lists of keys and values. Each row names its own.

Structs are not here: their members are known beforehand, so `schema` makes a rule of each.
"""

from __future__ import annotations

import json
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from loader.mapping import encode
from loader.mapping.cells import is_text
from loader.mapping.findings import Fault
from loader.mapping.nested import jsontext, rows_of_pairs
from loader.mapping.nested.jsontext import Number, Unsound
from loader.mapping.nested.members import (
    Expansion,
    Named,
    Naming,
    empty_fault,
    lacking_fault,
    member_column,
    member_reason,
    twice_fault,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from loader.mapping.findings import Column, Findings
    from loader.mapping.rules import Expand, Mapping
    from loader.mapping.table import Table
    from loader.methods import Container

_text = json.JSONEncoder(ensure_ascii=False).encode


def convert_expanded(
    mapping: Mapping, container: Container, table: Table, findings: Findings
) -> list[Expansion]:
    """The members of the container that each expanded column gives."""
    found = [
        _convert_column(expand, Naming(mapping, container, expand), table, findings)
        for expand in mapping.expand
    ]
    if len(found) > 1:
        _refuse_clashes(mapping.expand, found, container, findings)
    return found


def _convert_column(expand: Expand, naming: Naming, table: Table, findings: Findings) -> Expansion:
    if is_text(table.column(expand.column).type):
        return _convert_json(expand, naming, table, findings)
    return rows_of_pairs.convert_pairs(expand, naming, table, findings)


def _refuse_clashes(
    expands: Collection[Expand], found: list[Expansion], container: Container, findings: Findings
) -> None:
    """Reject a row that has two members under one name, because neither may be dropped silently."""
    for (left, ours), (right, theirs) in combinations(zip(expands, found, strict=True), 2):
        both = [
            next(iter(set(mine or ()) & set(other or ())), None)
            for mine, other in zip(ours.names().to_pylist(), theirs.names().to_pylist(), strict=True)
        ]
        for name in {name for name in both if name is not None}:
            rows = np.array([one == name for one in both], dtype=np.bool_)
            fault = Fault(
                member_reason("both give {a} {member}", name, a=container.a),
                "Set prefix in expand for one of them.",
            )
            findings.add(rows, [left.column, right.column], None, fault)


class _Made(NamedTuple):
    fragment: str | None = None
    names: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    fault: Fault | None = None


def _convert_json(expand: Expand, naming: Naming, table: Table, findings: Findings) -> Expansion:
    cells = table.cells(expand.column)
    for broken in table.broken(expand.column):
        findings.add(broken.rows, [broken.column], broken.texts, broken.fault)
    made = [_convert_cell(value, expand, naming) for value in cells.values]
    for fault in {one.fault for one in made if one.fault}:
        faulty = pa.array([one.fault == fault for one in made], pa.bool_())
        findings.add(encode.numpy_mask(faulty.take(cells.indices)), [expand.column], None, fault)
    findings.columns.add_later(lambda: _shown_cells(made, cells.indices))
    return Expansion(
        pa.array([one.fragment for one in made], pa.string()).take(cells.indices),
        lambda: pa.array([one.names for one in made], pa.list_(pa.string())).take(cells.indices),
    )


def _convert_cell(value: object, expand: Expand, naming: Naming) -> _Made:
    """The members of one parsed cell."""
    if value and jsontext.keyed(value) is None:
        pairs = jsontext.read_pairs(value)
        if pairs is None:
            return _Made(fault=Fault("is a JSON list, not an object", "Remove this column from expand."))
        sent = [(path, member) for path, member in pairs if naming[path] != Named()]
        if (path := _find_repeated([path for path, _ in sent])) is not None:
            return _Made(fault=twice_fault(path, expand.column))
        value = dict(sent)
    return _convert_members(value, expand, naming) if value else _Made()


def _find_repeated(names: Sequence[str]) -> str | None:
    """The first name that stands there twice."""
    return next((name for at, name in enumerate(names) if name in names[:at]), None)


def _convert_members(value: object, expand: Expand, naming: Naming) -> _Made:
    parts, names, values = [], [], []
    for path, member in jsontext.members(value):
        name, key, fault = naming[path]
        if not key:
            continue
        written = _write_member(member, naming)
        if fault or not written or type(member) is Unsound:
            if fault := fault or _member_fault(path, member, expand, naming):
                return _Made(fault=fault)
            written = "null" if expand.empty == "null" else ""
        if written:
            parts.append(key + written)
            names.append(name)
            values.append(written)
    if len(set(names)) < len(names):
        path = str(_find_repeated(names)).removeprefix(expand.prefix)
        return _Made(fault=twice_fault(path, expand.column))
    return _Made(",".join(parts) or None, tuple(names), tuple(values))


def _shown_cells(made: list[_Made], indices: pa.Array) -> Iterator[Column]:
    """The members of JSON text, a column each."""
    columns: dict[str, list[str | None]] = {}
    for place, one in enumerate(made):
        for name, value in zip(one.names, one.values, strict=True):
            columns.setdefault(name, [None] * len(made))[place] = value
    for name, values in columns.items():
        yield member_column(name, pa.array(values, pa.string()).take(indices))


def _member_fault(path: str, member: object, expand: Expand, naming: Naming) -> Fault | None:
    as_text = f'Name it in the mapping with type = "string": {{ column = "{expand.column}.{path}" }}.'
    if isinstance(member, Unsound):
        return Fault(
            member_reason("has a member {member} that is not a finite number of at most 64 bits", path),
            "",
            as_text,
        )
    if naming.texts_only and isinstance(member, list) and not all(map(encode.can_be_text, member)):
        return Fault(member_reason("has a member {member} that is not a list of texts", path), "", as_text)
    if _lacks_member(member):
        return lacking_fault(path)
    return empty_fault(path) if expand.empty == "reject" else None


def _lacks_member(member: object) -> bool:
    """Whether this is a list of values with nothing in the place of one."""
    return (
        isinstance(member, list)
        and None in member
        and not any(isinstance(one, (list, dict)) for one in member)
    )


def _write_member(member: object, naming: Naming) -> str:
    """A member as JSON, "" for nothing; a list of scalars is a list, any other its JSON text.

    An empty list is nothing. With `texts_only` the members of a list become texts, as they are written, and a
    list of something else gives nothing either: `_member_fault` says why.
    """
    if isinstance(member, str):  # a number is a text too
        if not member or member in naming.nothing:
            return ""
        return member if isinstance(member, Number) else _text(member)
    if isinstance(member, list):
        return _write_list(member, texts_only=naming.texts_only)
    return "" if member is None else jsontext.raw(member)


def _write_list(members: list[object], *, texts_only: bool) -> str:
    if not members:
        return ""
    if any(isinstance(one, (list, dict)) for one in members):
        return _text(jsontext.raw(members))
    if None in members:
        return ""
    if texts_only:
        return "[" + ",".join(map(_text, members)) + "]" if all(map(encode.can_be_text, members)) else ""
    return jsontext.raw(members)
