"""Columns that hold several attributes: JSON text, maps, lists of keys and values. Each row names its own.

Structs are not here: their members are known beforehand, so `binding` makes a rule of each.
"""

from __future__ import annotations

import json
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.mapping import encode, jsontext, keyed
from loader.mapping.cells import as_text, is_text
from loader.mapping.findings import Fault, shown
from loader.mapping.jsontext import Number, Unsound
from loader.mapping.names import columns_used, name_problems

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from loader.mapping.findings import Findings
    from loader.mapping.rules import Expand, Mapping
    from loader.mapping.table import Table
    from loader.mapping.zones import Mask

_TWICE = Fault("gives one attribute twice", "Mend the cell where it was exported, or use except.")
_text = json.JSONEncoder(ensure_ascii=False).encode


class Expansion(NamedTuple):
    """What one column gives.

    Attributes:
        fragments: the members of each row as JSON, without braces; null where there are none.
        names: makes the names of each row's attributes; only two columns could clash, so it is seldom called.
    """

    fragments: pa.Array
    names: Callable[[], pa.Array]


class Named(NamedTuple):
    """What becomes of a member by its name: left out (no key), refused, or sent under a key.

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
        expand: the column.
    """

    def __init__(self, mapping: Mapping, expand: Expand) -> None:
        super().__init__()
        inside = f"{expand.column}."
        rules = [*mapping.fields.values(), *mapping.attributes.values()]
        elsewhere = {column for rule in rules for column in columns_used(rule)} | set(mapping.excluded)
        self._left_out = {name.removeprefix(inside) for name in elsewhere if name.startswith(inside)}
        self._taken = frozenset(mapping.attributes)
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
                f"has a member {shown(path)}, and another column is sent as this attribute already",
                "Set prefix in expand, or name the member under except.",
            )
        problems = name_problems(name)
        if not problems:
            return None
        reason = problems[0].partition(". ")[0].rstrip(".")
        return Fault(
            f"has a member {shown(path)} that cannot be an attribute: {reason}",
            "Name it under except, or map it under another name.",
        )


def fragments(mapping: Mapping, table: Table, findings: Findings) -> list[pa.Array]:
    """The members of `attributes` that the expanded columns give, an array a column."""
    found = [_expanded(expand, Naming(mapping, expand), table, findings) for expand in mapping.expand]
    if len(found) > 1:
        _refuse_clashes(mapping.expand, found, findings)
    return [one.fragments for one in found]


def _expanded(expand: Expand, naming: Naming, table: Table, findings: Findings) -> Expansion:
    if is_text(table.column(expand.column).type):
        return _of_json(expand, naming, table, findings)
    return _of_pairs(expand, naming, table, findings)


def _refuse_clashes(expands: Collection[Expand], found: list[Expansion], findings: Findings) -> None:
    """Two members of one row under one name: neither is dropped in silence."""
    for (left, ours), (right, theirs) in combinations(zip(expands, found, strict=True), 2):
        both = [
            next(iter(set(mine or ()) & set(other or ())), None)
            for mine, other in zip(ours.names().to_pylist(), theirs.names().to_pylist(), strict=True)
        ]
        for name in {name for name in both if name is not None}:
            rows = np.array([one == name for one in both], dtype=np.bool_)
            fault = Fault(f"both give an attribute {shown(name)}", "Set prefix in expand for one of them.")
            findings.add(rows, [left.column, right.column], None, fault)


class _Made(NamedTuple):
    fragment: str | None = None
    names: tuple[str, ...] = ()
    fault: Fault | None = None


def _of_json(expand: Expand, naming: Naming, table: Table, findings: Findings) -> Expansion:
    cells = table.cells(expand.column)
    for broken in table.broken(expand.column):
        findings.add(broken.rows, [broken.column], broken.texts, broken.fault)
    made = [_cell(value, expand, naming) for value in cells.values]
    for fault in {one.fault for one in made if one.fault}:
        faulty = pa.array([one.fault == fault for one in made], pa.bool_())
        findings.add(encode.numpy_mask(faulty.take(cells.indices)), [expand.column], None, fault)
    return Expansion(
        pa.array([one.fragment for one in made], pa.string()).take(cells.indices),
        lambda: pa.array([one.names for one in made], pa.list_(pa.string())).take(cells.indices),
    )


def _cell(value: object, expand: Expand, naming: Naming) -> _Made:
    """The members of one parsed cell."""
    if value and jsontext.keyed(value) is None:
        return _Made(fault=Fault("is a JSON list, not an object", "Take expand away from this column."))
    return _members(value, expand, naming) if value else _Made()


def _members(value: object, expand: Expand, naming: Naming) -> _Made:
    parts, names = [], []
    for path, member in jsontext.members(value):
        name, key, fault = naming[path]
        if not key:
            continue
        written = _json(member)
        if fault or not written or type(member) is Unsound:
            if fault := fault or _member_fault(path, member, expand):
                return _Made(fault=fault)
            written = "null" if expand.empty == "null" else ""
        if written:
            parts.append(key + written)
            names.append(name)
    if len(set(names)) < len(names):
        return _Made(fault=_TWICE)
    return _Made(",".join(parts) or None, tuple(names))


def _member_fault(path: str, member: object, expand: Expand) -> Fault | None:
    if isinstance(member, Unsound):
        return Fault(
            f"has a member {shown(path)} that is no finite number of at most 64 bits",
            f'Name it in the mapping with type = "string": {{ column = "{expand.column}.{path}" }}.',
        )
    return _empty(path) if expand.empty == "reject" else None


def _empty(path: str) -> Fault:
    return Fault(
        f"has a member {shown(path)} that is empty, and the mapping rejects that",
        'Fill it, or set empty = "omit" in expand.',
    )


def _json(member: object) -> str:
    """A member as an attribute, "" for nothing; a list of scalars is a list, any other its JSON text."""
    if isinstance(member, Number):
        return member
    if isinstance(member, str):
        return _text(member) if member else ""
    if isinstance(member, list) and any(isinstance(one, (list, dict)) for one in member):
        return _text(jsontext.raw(member))
    return "" if member is None else jsontext.raw(member)


def _of_pairs(expand: Expand, naming: Naming, table: Table, findings: Findings) -> Expansion:
    found = keyed.pairs(table.column(expand.column))
    names = {path: naming[path] for path in pc.unique(found.keys).to_pylist()}
    left_out = pa.array([path for path, named in names.items() if not named.key], pa.string())
    wanted = pc.invert(pc.is_in(found.keys, value_set=left_out))
    found = keyed.Keyed(
        found.parents[encode.numpy_mask(wanted)], found.keys.filter(wanted), found.values.filter(wanted)
    )

    def reject(pairs: Mask, fault: Fault) -> None:
        rows = np.zeros(table.rows, dtype=np.bool_)
        rows[found.parents[pairs]] = True
        findings.add(rows, [expand.column], None, fault)

    for path, named in names.items():
        if named.fault:
            reject(encode.numpy_mask(pc.equal(found.keys, path)), named.fault)
    reject(keyed.twice(found), _TWICE)
    values, infinite = _pair_values(found.values)
    reject(
        infinite,
        Fault("has a member that is not finite, and JSON has no such number", "Name it under except."),
    )
    empty = encode.numpy_mask(pc.is_null(values))
    if expand.empty == "reject" and empty.any():
        reject(empty, _empty(found.keys[int(np.flatnonzero(empty)[0])].as_py()))
    if expand.empty == "null":
        values = pc.fill_null(values, "null")
    sent = values.is_valid()
    attributes = pc.binary_join_element_wise(expand.prefix, found.keys, "")
    written = pc.binary_join_element_wise('"', encode.escaped(attributes), '":', values, "")
    joined = keyed.joined_by_row(written, found.parents, table.rows)
    return Expansion(
        encode.where(encode.numpy_mask(pc.not_equal(joined, "")), joined),
        lambda: keyed.grouped(attributes.filter(sent), found.parents[encode.numpy_mask(sent)], table.rows),
    )


def _pair_values(values: pa.Array) -> tuple[pa.Array, Mask]:
    """Each value as JSON, null where it is empty; and those that JSON has no number for."""
    written, infinite = [], np.zeros(len(values), dtype=np.bool_)
    for part in keyed.alternatives(values):
        if pa.types.is_floating(part.type):
            infinite |= encode.numpy_mask(pc.is_inf(part))
        written.append(_scalars(part))
    return pc.coalesce(*written), infinite


def _scalars(values: pa.Array) -> pa.Array:
    kind = values.type
    if is_text(kind):
        texts = values.cast(pa.string())
        return encode.text_json(encode.where(encode.numpy_mask(pc.not_equal(texts, "")), texts))
    if pa.types.is_floating(kind):
        finite = pc.if_else(pc.is_finite(values), values, pa.scalar(None, kind))
        return as_text(finite)
    if pa.types.is_timestamp(kind):
        # As `fields.DATE_FORMAT`: minutes, in UTC.
        return encode.text_json(pc.utf8_slice_codeunits(as_text(values), 0, len("2024-01-31 10:20")))
    return as_text(values)


def can_be_value(kind: pa.DataType) -> bool:
    """Whether values of a map or key list are sent without a word in the mapping on what they mean."""
    if pa.types.is_struct(kind):
        return all(can_be_value(field.type) and not pa.types.is_struct(field.type) for field in kind)
    return bool(
        is_text(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or (pa.types.is_timestamp(kind) and kind.tz is not None)
    )
