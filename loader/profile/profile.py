"""Adds up mapped chunks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.mapping.fields import PRICE_AMOUNT, PRICE_CURRENCY
from loader.mapping.lookups import Matched, list_looked_up
from loader.profile.columns import ColumnProfile
from loader.profile.estimate import Estimate
from loader.profile.names import EventNames
from loader.profile.people import NOBODY, Bodies, Changes, Found, People, Repeated
from loader.profile.sketch import hash_bytes, hash_or
from loader.profile.times import EventTimes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loader.mapping import Column, Mapped, Mapper, Mapping
    from loader.mapping.lookups import LookedUp
    from loader.mapping.rules import Join
    from loader.profile.known import KnownRows
    from loader.profile.sketch import Hashes
    from loader.sources import Survey

EXAMPLES = 3
_IDS = ("hwid", "userId")
_TIMES = ("timestampUTC", "timestampCurrent")

Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(slots=True)
class RejectedFor:
    """Rows that would be rejected for one reason, with the messages of the first few."""

    rows: int = 0
    examples: list[str] = field(default_factory=list)


class Profile:
    """The counts so far; memory does not grow with the input.

    Args:
        mapper: bound to the input.
        survey: gives the file and row of an ordinal; None as long as it is not known.

    Attributes:
        survey: as given, or set later.
        rows: records read.
        rejects: by reason, in the order of first appearance.
        bodies: the first few request bodies, exactly as they would be sent.
        body_bytes: bytes of all bodies together.
        length_digits: digits of all their lengths, as the heads of the requests hold them.
        largest_body, largest_at: bytes of the largest body, and its ordinal.
        uses: how often each allowed correction was made (for example of a skipped clock time).
        columns: by name and whether it is a member of the container, in the order of the bodies.
        times: if the rows have a time, else None.
        names: of events, if the rows have a time, else None.
        people: devices and users, known at the end.
        rows_without_device: rows with a user but no device.
        repeated: the same body twice, known at the end.
        left_out: why rows are no part of the load, by the reason.
        key: a column that is known to hold an id of each row, if the mapping does not say so; else "".
        same_key: rows that repeat the id of an earlier row, known at the end.
        unmatched: a sentence about each value of `[rows]` that no cell has, known at the end.
        known: what a ledger does not know yet; None if the check has none.
        estimate: what the load would take, known at the end.
        looked_up: how keys were found in look-ups, known at the end.
        stopped: why the input stopped before its end, or None.
    """

    def __init__(self, mapper: Mapper, survey: Survey | None = None) -> None:
        self.survey = survey
        self.kind = mapper.mapping.kind
        self.method = method = mapper.mapping.method
        self.rows = 0
        self.rejects: dict[str, RejectedFor] = {}
        self.left_out: dict[str, RejectedFor] = {}
        self.key = ""
        self.same_key = 0
        self.bodies: list[bytes] = []
        self.body_bytes = 0
        self.length_digits = 0
        self.largest_body = 0
        self.largest_at = 0
        self.uses: Counter[str] = Counter()
        self.columns: dict[tuple[str, bool], ColumnProfile] = {}
        self.times = EventTimes(int(mapper.now.timestamp())) if method.timed else None
        self.names = EventNames() if method.timed else None
        self.people = Found()
        self.rows_without_device = 0
        self.repeated = Repeated()
        self.unmatched: list[str] = []
        self.known: KnownRows | None = None
        self.estimate = Estimate()
        self.looked_up: list[LookedUp] = []
        self._matched: dict[Join, Matched] = {}
        self._mapper = mapper
        self.stopped: str | None = None
        self._types = list_types(mapper.mapping)
        self._ties = People(last_wins=method.ties_users)
        self._hashes = Bodies()

    @property
    def files(self) -> list[str]:
        """Names of the input files."""
        return [file.name for file in self.survey.files] if self.survey else []

    @property
    def rejected(self) -> int:
        """Rows that would be rejected."""
        return sum(group.rows for group in self.rejects.values())

    @property
    def outside(self) -> int:
        """Rows that would be left out."""
        return sum(group.rows for group in self.left_out.values())

    @property
    def sent(self) -> int:
        """Rows that would be sent."""
        return self.rows - self.rejected - self.outside

    @property
    def exit_code(self) -> int:
        """0: all rows of the load would be sent; 3: some would be rejected; 5: the input stops early."""
        if self.stopped:
            return 5
        return 3 if self.rejected else 0

    def place(self, ordinal: int) -> str:
        """Where a record is, as a user reads it: ``orders.csv, row 1042``."""
        if self.survey is None:
            raise LookupError("the input is not surveyed yet")
        return self.survey.place(ordinal)

    def add(self, mapped: Mapped) -> None:
        """Count one mapped chunk.

        Raises:
            ConfigError: the folder for temporary files is full.
        """
        self.rows += mapped.count
        self.uses.update(mapped.uses)
        for join, match in mapped.matches.items():
            self._matched[join] = self._matched.get(join, Matched()).add(Matched.of(match))
        self._add_rejects(mapped)
        self._add_left_out(mapped)
        self._add_bodies(mapped)
        good = None
        if mapped.rejects:
            good = mapped.good
        self._add_columns(mapped, good)
        if self.times is not None:
            self.times.add_clocks(mapped.clocks)

    def finish(self) -> None:
        """Count what needs all rows at once; nothing can be added afterwards."""
        self.looked_up = list_looked_up(self._mapper.mapping, self._mapper.lookups, self._matched)
        self.people = self._ties.found()
        self.repeated = self._hashes.repeated()
        hwid, user = (self.columns.get((name, False)) for name in _IDS)
        if hwid is not None:
            hwid.settle(self.people.devices)
        if user is not None:
            user.settle(self.people.users - self.people.users_without_device * self.method.ties_users)

    def changes(self) -> Iterator[Changes]:
        """The changes of users that are counted, a bounded number at a time."""
        return self._ties.changes()

    def close(self) -> None:
        """Give back what the counting took; changes can no longer be listed."""
        self._ties.close()
        self._hashes.close()

    def _add_rejects(self, mapped: Mapped) -> None:
        for reject in mapped.rejects:
            group = self.rejects.setdefault(reject.reason, RejectedFor())
            group.rows += 1
            if len(group.examples) < EXAMPLES:
                group.examples.append(reject.message)

    def _add_left_out(self, mapped: Mapped) -> None:
        for outside in mapped.outside:
            group = self.left_out.setdefault(outside.reason, RejectedFor())
            group.rows += int(outside.rows.sum())
            for offset in np.flatnonzero(outside.rows)[: EXAMPLES - len(group.examples)].tolist():
                reason = outside.explain(offset, self.place)
                group.examples.append(f"{self.place(mapped.first + offset)}, {reason}")

    def _add_bodies(self, mapped: Mapped) -> None:
        bodies = mapped.bodies
        if not len(bodies):
            return
        if len(self.bodies) < EXAMPLES:
            self.bodies += bodies.slice(0, EXAMPLES - len(self.bodies)).to_pylist()
        lengths = pc.binary_length(bodies)
        self.body_bytes += pc.sum(lengths).as_py()
        self.length_digits += count_digits(lengths.to_numpy(zero_copy_only=False))
        largest = pc.max(lengths).as_py()
        if largest > self.largest_body:
            self.largest_body = largest
            self.largest_at = int(mapped.ordinals[pc.index(lengths, largest).as_py()])
        self._hashes.add(hash_bytes(bodies), mapped.ordinals)

    def _add_columns(self, mapped: Mapped, good: Mask | None) -> None:
        keep = None if good is None else pa.array(good)
        columns = {(column.name, column.member): column for column in mapped.columns}
        ids = {name: column.values for name in _IDS if (column := columns.get((name, False)))}
        hashes = self._add_ids(mapped, ids, good)
        for key, column in columns.items():
            values = column.values if keep is None else column.values.filter(keep)
            known = hashes.get(column.name) if not column.member else None
            self._profile(key, column).add(values.drop_null() if values.null_count else values, known)
            if key == ("event", False) and self.names is not None:
                self.names.add(values)
                if keep is not None:
                    self.names.add_rejected(column.values.filter(pc.invert(keep)))
        if self.times is not None:
            utc, current = (columns[name, False].values.to_numpy() for name in _TIMES)
            self.times.add(*((utc, current) if good is None else (utc[good], current[good])))

    def _add_ids(self, mapped: Mapped, ids: dict[str, pa.Array], good: Mask | None) -> dict[str, Hashes]:
        """Tie devices to users, and return the hashes of the ids of rows that would be sent."""
        selected = mapped.selected
        nobody = np.zeros(len(selected), np.uint64)
        devices, users = (hash_or(ids[name], NOBODY) if name in ids else nobody for name in _IDS)
        if good is None and devices.all() and users.all():
            self._ties.tie(devices, users, mapped.ordinals)
            return {"hwid": devices, "userId": users}
        sent = np.ones(len(selected), np.bool_) if good is None else good
        hashes = {"hwid": devices[sent & (devices != NOBODY)], "userId": users[sent & (users != NOBODY)]}
        loose = (devices == NOBODY) & (users != NOBODY)
        if not self.method.ties_users:
            loose &= sent
            self.rows_without_device += int(loose.sum())
        self._ties.without_device(users[loose])
        own = (users == NOBODY) & self.method.ties_users
        tied = sent & (devices != NOBODY)
        users = np.where(own, devices, users)
        self._ties.tie(devices[tied], users[tied], selected[tied], own[tied])
        return hashes

    def _profile(self, key: tuple[str, bool], column: Column) -> ColumnProfile:
        if key not in self.columns:
            kind = column.kind or self._types.get(key, "string")
            self.columns[key] = ColumnProfile(column.name, kind, text=column.text, member=column.member)
        return self.columns[key]


def count_digits(numbers: np.ndarray[Any, np.dtype[np.int32]]) -> int:
    """The digits of all numbers together; each is at least 1 and below a billion."""
    return sum(int(np.count_nonzero(numbers >= 10**power)) for power in range(len(str(numbers.max()))))


def list_types(mapping: Mapping) -> dict[tuple[str, bool], str]:
    """The type of each key after the conversion, by name and whether it is a member of the container."""
    found = {(known.name, False): known.json_type for known in mapping.method.fields}
    for name, rule in mapping.members.items():
        if rule.type == "price":
            found |= {(PRICE_AMOUNT, True): "float", (PRICE_CURRENCY, True): "string"}
        else:
            found[name, True] = rule.type or "string"
    return found
