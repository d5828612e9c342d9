"""The way of a chunk: columns to JSON fragments, fragments to bodies, what cannot be mapped to rejects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, assert_never
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.mapping import attributes, encode, instants, origins
from loader.mapping.cells import exact_wholes, present
from loader.mapping.fields import MAX_EVENT_LENGTH, device_type
from loader.mapping.findings import Clocks, Fault, Findings
from loader.mapping.instants import Window
from loader.mapping.nested import expansion
from loader.mapping.rules import Mapping, Rule
from loader.mapping.table import Table
from loader.mapping.zones import offsets, parse_zone, zone_advice
from loader.model import Kind, Reject, Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Mapping as ReadOnlyDict
    from datetime import datetime

    from loader.mapping.findings import Column
    from loader.model import Chunk

_NO_DEVICE = Fault(
    "is empty, and a user needs a device id (hwid)", "Fill it; users without a device cannot be stored."
)
_NO_ID = Fault("is empty, and an event needs a device id (hwid) or a user id (userId)", "Fill it.")
_NO_IDS = Fault(
    "are empty, and an event needs a device id (hwid), a user id (userId), or both", "Fill at least one."
)
_NO_EVENT = Fault("is empty, and an event needs a name", "Fill it, or set default in the mapping.")
_LONG_EVENT = Fault(
    f"is longer than the {MAX_EVENT_LENGTH} characters that an event name may have",
    "Name the event anew with values in the mapping.",
)
_NO_TIME = Fault(
    "is empty, and an event without a time would be stamped with the moment it arrives",
    "Fill it; the loader never makes up a time.",
)
_FLOAT_ID = Fault(
    "is a floating-point number, which may have lost digits of the id",
    "Export the ids as text or integers.",
)
_NO_DEVICE_TYPE = Fault(
    "is no device type that the vendor knows", "Add it to values of device_type in the mapping."
)
_NO_OFFSET = Fault("is neither an offset nor a time zone", "")


@dataclass(frozen=True, slots=True)
class Mapped:
    """One mapped chunk, by columns: every row is either a body or a reject.

    Attributes:
        first: ordinal of the chunk's first row.
        count: rows of the chunk.
        ordinals: int64 array of the rows that became a body, ascending.
        bodies: Arrow binary array, the body of each.
        devices: Arrow string array: what must keep its order, "" where order does not matter.
        rejects: the other rows, ascending.
        uses: corrections that the mapping allows, and how often each was made.
        columns: the converted values of all rows, for a check; no part of the way of a row.
        clocks: how the time of the events was read, for a check.
    """

    first: int
    count: int
    ordinals: np.ndarray[Any, np.dtype[np.int64]]
    bodies: pa.Array
    devices: pa.Array
    rejects: list[Reject]
    uses: ReadOnlyDict[str, int] = field(default_factory=dict)
    columns: Iterable[Column] = ()
    clocks: Clocks = field(default_factory=Clocks)

    @property
    def rows(self) -> range:
        """Ordinals of all rows, those rejected included."""
        return range(self.first, self.first + self.count)

    def requests(self, *among: range) -> Iterator[Request]:
        """The rows that became a body, in order: all of them, or those among some ascending ranges."""
        for rows in among or (self.rows,):
            low, high = np.searchsorted(self.ordinals, (rows.start, rows.stop)).tolist()
            ordinals, count = self.ordinals[low:high], high - low
            devices, bodies = self.devices.slice(low, count), self.bodies.slice(low, count)
            yield from map(Request, ordinals.tolist(), devices.to_pylist(), bodies.to_pylist())


@dataclass(frozen=True, slots=True)
class Mapper:
    """A mapping, bound to the columns of one input.

    Attributes:
        mapping: the effective mapping, with every format, zone and type written out.
        decisions: one line for each field and attribute, for a person to read before the first send.
        notices: what is worth a warning.
        application: application code.
        now: the start of the load: limits plausible times, and is the instant `at = "run"`.
        ordered: events of one device, or of one user where no device is known, keep their order; users always
            do.
    """

    mapping: Mapping
    decisions: tuple[str, ...]
    notices: tuple[str, ...]
    application: str
    now: datetime
    ordered: bool = False

    def map(self, chunk: Chunk) -> Mapped:
        """Map every row of a chunk."""
        table, findings = Table(chunk.frame), Findings(chunk)
        hwids, user_ids = self._id("hwid", table, findings), self._id("userId", table, findings)
        members = self._members(table, findings, hwids, user_ids)
        inner = encode.joined(members, table.rows)
        application = encode.scalar_json(self.application)
        bodies = encode.enclosed('{"request":{"application":' + application + ",", inner, "}}")
        good = ~findings.bad
        keep = pa.array(good)
        return Mapped(
            first=chunk.first,
            count=table.rows,
            ordinals=np.flatnonzero(good).astype(np.int64) + chunk.first,
            bodies=bodies.filter(keep).cast(pa.binary()),
            devices=self._order_keys(hwids, user_ids, table.rows).filter(keep),
            rejects=findings.rejects,
            uses=findings.uses,
            columns=findings.columns,
            clocks=findings.clocks,
        )

    def _members(
        self, table: Table, findings: Findings, hwids: pa.Array | None, user_ids: pa.Array | None
    ) -> list[pa.Array]:
        """The members of `request` behind the application, in the order of the vendor's documentation."""
        ids = []
        for name, texts in (("hwid", hwids), ("userId", user_ids)):
            if texts is not None:
                findings.show(name, texts, text=True)
                ids.append(encode.text_member(name, texts))
        device_types = self._device_type(table, findings)
        match self.mapping.kind:
            case Kind.USERS:
                hwid = self.mapping.fields["hwid"]
                findings.add(~present(hwids), origins.columns_of(hwid), None, _NO_DEVICE)
                return [*ids, *self._tz_offset(table, findings), *device_types]
            case Kind.EVENTS:
                self._need_an_id(hwids, user_ids, findings)
                event = self._event(table, findings)
                times = self._timestamps(table, findings)
                return [event, self._attributes(table, findings), *ids, *times, *device_types]
        assert_never(self.mapping.kind)

    def _id(self, name: str, table: Table, findings: Findings) -> pa.Array | None:
        """Ids byte for byte; a floating-point one must be exact."""
        rule = self.mapping.fields.get(name)
        if rule is None:
            return None
        for column in origins.columns_of(rule):
            if pa.types.is_floating(table.column(column).type):
                inexact = present(table.column(column)) & ~exact_wholes(table.column(column))
                findings.add(inexact, [column], table.text(column), _FLOAT_ID)
        return origins.texts(rule, table, findings)

    def _order_keys(self, hwids: pa.Array | None, user_ids: pa.Array | None, rows: int) -> pa.Array:
        """What keeps the order of rows."""
        if self.mapping.kind is Kind.USERS and hwids is not None:
            return hwids
        keys = [] if hwids is None else [hwids]
        if user_ids is not None:
            keys.append(encode.enclosed("user ", user_ids, ""))
        return pc.coalesce(*keys, "") if self.ordered else encode.repeated("", rows)

    def _need_an_id(self, hwids: pa.Array | None, user_ids: pa.Array | None, findings: Findings) -> None:
        rules = [self.mapping.fields[name] for name in ("hwid", "userId") if name in self.mapping.fields]
        columns = [column for rule in rules for column in origins.columns_of(rule)]
        given = [present(texts) for texts in (hwids, user_ids) if texts is not None]
        findings.add(~np.logical_or.reduce(given), columns, None, _NO_IDS if len(columns) > 1 else _NO_ID)

    def _event(self, table: Table, findings: Findings) -> pa.Array:
        rule = self.mapping.fields["event"]
        names = origins.texts(rule, table, findings)
        columns = origins.columns_of(rule)
        findings.add(~present(names), columns, None, _NO_EVENT)
        long = encode.numpy_mask(pc.greater(pc.utf8_length(names), MAX_EVENT_LENGTH))
        findings.add(long, columns, names, _LONG_EVENT)
        findings.show("event", names, text=True)
        return encode.text_member("event", names)

    def _attributes(self, table: Table, findings: Findings) -> pa.Array:
        members = [
            member
            for name, rule in self.mapping.attributes.items()
            for member in attributes.members(name, rule, table, findings, Window.wide(rule.clock))
        ]
        members += expansion.fragments(self.mapping, table, findings)
        return encode.enclosed('"attributes":{', encode.joined(members, table.rows), "}")

    def _timestamps(self, table: Table, findings: Findings) -> list[pa.Array]:
        rule = self.mapping.fields["timestamp"]
        found = instants.read(rule, table, findings, Window.of(rule.clock, self.now))
        findings.add(~found.known, origins.columns_of(rule), None, _NO_TIME)
        findings.clocks = found.clocks
        findings.show("timestampUTC", pa.array(found.utc))
        findings.show("timestampCurrent", pa.array(found.current))
        return [
            encode.member("timestampUTC", pa.array(found.utc).cast(pa.string())),
            encode.member("timestampCurrent", pa.array(found.current).cast(pa.string())),
        ]

    def _device_type(self, table: Table, findings: Findings) -> list[pa.Array]:
        rule = self.mapping.fields.get("device_type")
        if rule is None:
            return []
        texts = origins.texts(rule, table, findings)
        codes = encode.distinct(texts, _device_code)
        findings.add(present(texts) & ~present(codes), origins.columns_of(rule), texts, _NO_DEVICE_TYPE)
        findings.show("device_type", codes)
        return [encode.member("device_type", codes)]

    def _tz_offset(self, table: Table, findings: Findings) -> list[pa.Array]:
        rule = self.mapping.fields.get("tz_offset")
        if rule is None:
            return []
        texts = origins.texts(rule, table, findings)
        at = self._at(rule, table, findings, wanted=texts)
        result = np.zeros(table.rows, dtype=np.int64)
        known = np.zeros(table.rows, dtype=np.bool_)
        encoded = texts.dictionary_encode()
        codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
        for code, text in enumerate(encoded.dictionary.to_pylist()):
            rows, zone = codes == code, parse_zone(text)
            if zone is None:
                fault = _NO_OFFSET._replace(remedy=zone_advice(text))
                findings.add(rows, origins.columns_of(rule), texts, fault)
                continue
            if isinstance(zone, ZoneInfo):
                missing = rows & ~at.known
                findings.add(missing, _at_columns(rule), None, _NO_INSTANT)
                rows &= at.known
            result[rows] = offsets(at.utc[rows], zone)
            known |= rows
        texts = pa.array(result, mask=~known).cast(pa.string())
        findings.show("tz_offset", texts)
        return [encode.member("tz_offset", texts)]

    def _at(self, rule: Rule, table: Table, findings: Findings, wanted: pa.Array) -> instants.Instants:
        """The instants at which the offsets of zone names are taken."""
        if isinstance(rule.at, Rule):
            clock = rule.at.clock
            return instants.read(rule.at, table, findings, Window.of(clock, self.now))
        moment = instants.moment(rule.at, self.now)
        utc = np.full(len(wanted), moment, dtype=np.int64)
        return instants.Instants(utc, utc, np.ones(len(wanted), dtype=np.bool_))


_NO_INSTANT = Fault(
    "is empty, and the offset of a time zone's name needs an instant",
    'Fill it, or set at = "run" in the mapping.',
)


def _at_columns(rule: Rule) -> tuple[str, ...]:
    return origins.columns_of(rule.at) if isinstance(rule.at, Rule) else ()


def _device_code(text: str) -> str | None:
    code = device_type(text)
    return None if code is None else str(code)
