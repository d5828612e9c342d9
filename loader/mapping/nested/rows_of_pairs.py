"""Opened maps and lists of keys and values: whole columns at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.mapping import encode
from loader.mapping.cells import as_text, is_text, without
from loader.mapping.findings import Fault
from loader.mapping.nested import keyed
from loader.mapping.nested.members import Expansion, Naming, empty_fault, member_column, twice_fault

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from loader.mapping.findings import Column, Findings
    from loader.mapping.rules import Expand
    from loader.mapping.table import Table
    from loader.mapping.zones import Mask


def convert_pairs(expand: Expand, naming: Naming, table: Table, findings: Findings) -> Expansion:
    """The members that one column gives."""
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
    twice = keyed.twice(found)
    for path in pc.unique(found.keys.filter(pa.array(twice))).to_pylist():
        reject(twice & encode.numpy_mask(pc.equal(found.keys, path)), twice_fault(path, expand.column))
    values, infinite = _pair_values(found.values, naming.nothing)
    reject(
        infinite,
        Fault("has a member that is not finite, and JSON has no such number", "Name it under except."),
    )
    empty = encode.numpy_mask(pc.is_null(values))
    if expand.empty == "reject" and empty.any():
        reject(empty, empty_fault(found.keys[int(np.flatnonzero(empty)[0])].as_py()))
    if expand.empty == "null":
        values = pc.fill_null(values, "null")
    sent = values.is_valid()
    attributes = pc.binary_join_element_wise(expand.prefix, found.keys, "")
    written = pc.binary_join_element_wise('"', encode.escaped(attributes), '":', values, "")
    findings.columns.add_later(lambda: _shown_pairs(expand.prefix, found, values, table.rows))
    joined = keyed.joined_by_row(written, found.parents, table.rows)
    return Expansion(
        encode.where(encode.numpy_mask(pc.not_equal(joined, "")), joined),
        lambda: keyed.grouped(attributes.filter(sent), found.parents[encode.numpy_mask(sent)], table.rows),
    )


def _shown_pairs(prefix: str, found: keyed.Keyed, values: pa.Array, rows: int) -> Iterator[Column]:
    """The members of maps and lists of keys, a column each."""
    for key in pc.unique(found.keys.filter(values.is_valid())).to_pylist():
        chosen = pc.equal(found.keys, key)
        column = keyed.spread(values.filter(chosen), found.parents[encode.numpy_mask(chosen)], rows)
        yield member_column(prefix + key, column)


def _pair_values(values: pa.Array, nothing: Collection[str]) -> tuple[pa.Array, Mask]:
    """Each value as JSON, null if it means nothing; and the values that JSON cannot write as a number."""
    written, infinite = [], np.zeros(len(values), dtype=np.bool_)
    for part in (without(each, tuple(nothing)) for each in keyed.alternatives(values)):
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
    """Whether values of a map or key list are sent although the mapping does not say what they mean."""
    if pa.types.is_struct(kind):
        return all(can_be_value(field.type) and not pa.types.is_struct(field.type) for field in kind)
    return bool(
        (is_text(kind) and not pa.types.is_binary(kind))
        or pa.types.is_boolean(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or (pa.types.is_timestamp(kind) and kind.tz is not None)
    )
