"""Convert the columns of one mapping field to the keys of the request that it makes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, assert_never
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.mapping import encode, ids, instants, origins
from loader.mapping.cells import exact_wholes, present
from loader.mapping.fields import device_type, new_device_types
from loader.mapping.findings import Fault
from loader.mapping.instants import Window
from loader.mapping.rules import Rule
from loader.mapping.zone_faults import zone_fault
from loader.mapping.zones import offsets, parse_zone
from loader.methods import MappedField

if TYPE_CHECKING:
    from datetime import datetime

    from loader.mapping.encode import Member
    from loader.mapping.findings import Findings
    from loader.mapping.table import Table
    from loader.mapping.zones import Mask
    from loader.methods import ApiField

_FLOAT_ID = Fault(
    "is a floating-point number, which may have lost digits of the id",
    "Export the ids as text or integers.",
)
_NO_DEVICE_TYPE = Fault(
    "is not a device type that the vendor knows", "Add it to values of device_type in the mapping."
)
_NO_INSTANT = Fault(
    "is empty, and the offset of a time zone's name needs an instant",
    'Fill it, or set at = "run" in the mapping.',
)


class FieldValues(NamedTuple):
    """The result of one mapping field.

    Attributes:
        members: key of the request -> the member of the request.
        known: the rows that have a value.
        texts: the values themselves, if the field is an id.
    """

    members: dict[str, Member]
    known: Mask
    texts: pa.Array | None = None


def convert_field(
    name: MappedField, field: ApiField, rule: Rule, table: Table, findings: Findings, now: datetime
) -> FieldValues:
    """Convert the columns of one field.

    Args:
        name: the field.
        field: the first key of the request that it makes.
        rule: where its values come from.
        table: the chunk.
        findings: takes the rows that cannot be converted.
        now: the start of the load.
    """
    match name:
        case MappedField.HWID | MappedField.USER_ID:
            return _convert_ids(field.name, rule, table, findings)
        case MappedField.TIMESTAMP:
            return _convert_times(rule, table, findings, Window.of(rule.clock, now))
        case MappedField.DEVICE_TYPE:
            return _convert_device_types(rule, table, findings)
        case MappedField.TZ_OFFSET:
            return _convert_offsets(rule, table, findings, now)
        case MappedField.EVENT:
            return _convert_text(field, rule, table, findings)
    assert_never(name)


def _convert_text(field: ApiField, rule: Rule, table: Table, findings: Findings) -> FieldValues:
    """Text as it is, up to the length that the vendor takes."""
    texts = origins.texts(rule, table, findings, ids.seen)
    if field.longest is not None:
        fault = Fault(
            f"is longer than the {field.longest} characters that {field.holds} may have",
            "Give it a shorter name with values in the mapping.",
        )
        long = encode.numpy_mask(pc.greater(pc.utf8_length(texts), field.longest))
        findings.add(long, origins.columns_of(rule), texts, fault)
    findings.show(field.name, texts, text=True)
    return FieldValues({field.name: encode.text_member(field.name, texts)}, present(texts), texts)


def _convert_ids(name: str, rule: Rule, table: Table, findings: Findings) -> FieldValues:
    """Ids byte for byte; a floating-point one must be exact, and none may be visibly damaged."""
    for column in origins.columns_of(rule):
        cells = table.column(column, rule.null_values)
        if pa.types.is_floating(cells.type):
            findings.add(present(cells) & ~exact_wholes(cells), [column], table.text(column), _FLOAT_ID)
    texts = origins.texts(rule, table, findings, ids.seen)
    _reject_damaged(texts, rule, findings)
    findings.show(name, texts, text=True)
    return FieldValues({name: encode.text_member(name, texts)}, present(texts), texts)


def _reject_damaged(texts: pa.Array, rule: Rule, findings: Findings) -> None:
    """Reject the rows of ids that visibly are not the ids that they were; a constant is the user's own."""
    if rule.const is not None:
        return
    for fault, places in ids.find_damage(texts):
        rows = np.zeros(len(texts), dtype=np.bool_)
        rows[places] = True
        findings.add(rows, origins.columns_of(rule), texts, fault)


def _convert_times(rule: Rule, table: Table, findings: Findings, window: Window) -> FieldValues:
    """A time in UTC, and as the local wall clock shows it."""
    found = instants.read(rule, table, findings, window)
    findings.clocks = replace(found.clocks, known=found.known)
    times = {"timestampUTC": pa.array(found.utc), "timestampCurrent": pa.array(found.current)}
    for name, seconds in times.items():
        findings.show(name, seconds)
    members = {name: encode.member(name, seconds.cast(pa.string())) for name, seconds in times.items()}
    return FieldValues(members, found.known)


def _convert_device_types(rule: Rule, table: Table, findings: Findings) -> FieldValues:
    texts = origins.texts(rule, table, findings)
    new = {str(number) for number in new_device_types(rule.constants)}
    codes = encode.distinct(texts, lambda text: text if text in new else _device_code(text))
    findings.add(present(texts) & ~present(codes), origins.columns_of(rule), texts, _NO_DEVICE_TYPE)
    findings.show("device_type", codes)
    return FieldValues({"device_type": encode.member("device_type", codes)}, present(codes))


def _device_code(text: str) -> str | None:
    code = device_type(text)
    return None if code is None else str(code)


def _convert_offsets(rule: Rule, table: Table, findings: Findings, now: datetime) -> FieldValues:
    """Offsets from UTC in seconds; the name of a zone becomes its offset at an instant."""
    texts, unit = origins.texts(rule, table, findings, keep_unlisted=True), rule.clock.unit
    at = _read_instants(rule, table, findings, now)
    result = np.zeros(table.rows, dtype=np.int64)
    known = np.zeros(table.rows, dtype=np.bool_)
    encoded = texts.dictionary_encode()
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    for code, text in enumerate(encoded.dictionary.to_pylist()):
        rows, zone = codes == code, parse_zone(text, unit)
        if zone is None:
            findings.add(rows, origins.columns_of(rule), texts, zone_fault(text, "tz_offset", unit))
            continue
        if isinstance(zone, ZoneInfo):
            findings.add(rows & ~at.known, _columns_of_instant(rule), None, _NO_INSTANT)
            rows &= at.known
        result[rows] = offsets(at.utc[rows], zone)
        known |= rows
    written = pa.array(result, mask=~known).cast(pa.string())
    findings.show("tz_offset", written)
    return FieldValues({"tz_offset": encode.member("tz_offset", written)}, known)


def _read_instants(rule: Rule, table: Table, findings: Findings, now: datetime) -> instants.Instants:
    """The instants at which the offsets of zone names are taken."""
    if isinstance(rule.at, Rule):
        return instants.read(rule.at, table, findings, Window.of(rule.at.clock, now))
    utc = np.full(table.rows, instants.moment(rule.at, now), dtype=np.int64)
    return instants.Instants(utc, utc, np.ones(table.rows, dtype=np.bool_))


def _columns_of_instant(rule: Rule) -> tuple[str, ...]:
    return origins.columns_of(rule.at) if isinstance(rule.at, Rule) else ()
