"""What must be stored in the end, of a method whose last call wins: what the last row of each owner says.

The log of calls says what arrived; this says what is left of it. The owner is a device; for tags, a user or
device together with the name of a tag. Of each owner, the last confirmed row of a load counts, or a row in
doubt after it. What another load of the store changed later is that load's, and is not compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from xxhash import xxh3_64_intdigest

from loader.sandbox.store.bodies import TABLES, list_excused, read_standing
from loader.spill import Spill
from loader.verification import matching
from loader.verification.differences import Difference, Scope, Sign
from loader.verification.matching import digest_forms
from loader.verification.rows import Fate
from loader.verification.values import list_changes, read_form

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from loader.methods import Method
    from loader.sandbox.store.bodies import Standing as Stored
    from loader.spill import Records
    from loader.verification.rows import ExpectedRows, LoadSide

# A tag: what it is (2 bits), the load or the compartment (10), the ordinal or the number (48).
_LANDED, _SURE, _DOUBTFUL = range(3)
_PLACE, _LOAD = np.uint64(62), np.uint64(48)
_ORDINAL_MASK, _LOAD_MASK = np.uint64((1 << 48) - 1), np.uint64((1 << 10) - 1)
# Compartments of devices that another load registered, or that no registration of the log explains.
_OTHER, _UNKNOWN = 1023, 1022
_SURE_FATES = frozenset({Fate.CONFIRMED.value, Fate.RESENT.value})
_KNOWN_FATES = _SURE_FATES | {Fate.IN_DOUBT.value}
_REMOVED = digest_forms([b""], 0)
_WHAT = "A verification stores about 50 bytes for each row"


@dataclass(slots=True)
class Stands:
    """What differs, as (load, ordinal, hash of the owner), (load, ordinal, place) or (compartment, place).

    A place is the place of what is stored in the order of `read_standing`.

    Attributes:
        missing: what is not there, by the rows that say that it must be.
        different: last rows, each with what is stored.
        extra: what no row explains.
    """

    missing: list[tuple[int, int, int]] = field(default_factory=list)
    different: list[tuple[int, int, int]] = field(default_factory=list)
    extra: list[tuple[int, int]] = field(default_factory=list)


class Standing:
    """Takes the rows of loads as they pass by, and what is stored, and compares them owner by owner.

    Args:
        method: the API method of the loads.
    """

    def __init__(self, method: Method) -> None:
        self._method = method
        self.merges = method.merges
        self._spill = Spill(4, buffered=matching.BUFFERED, what=_WHAT)

    def expect(self, rows: ExpectedRows) -> None:
        """Rows of a load under one mapping; those that must not be there do not count."""
        kept = [
            (_SURE if fate in _SURE_FATES else _DOUBTFUL, ordinal, form)
            for fate, ordinal, form in zip(
                rows.fates.tolist(), rows.ordinals.tolist(), rows.forms, strict=True
            )
            if fate in _KNOWN_FATES
        ]
        entries = [
            (place << 62 | rows.load << 48 | ordinal, owner, value)
            for place, ordinal, form in kept
            for owner, value in self.split(form)
        ]
        if entries:
            tags, owners, values = zip(*entries, strict=True)
            self._add(owners, values, np.array(tags, np.uint64))

    def split(self, form: bytes) -> Iterator[tuple[str, bytes]]:
        """Whose value a call sets, and to what; b"" if it removes the value."""
        request = msgspec.json.decode(form)["request"]
        application, user, device = (request.get(key, "") for key in ("application", "userId", "hwid"))
        if not self.merges:
            yield f"{application}\0{device}", drop_own_user(form)
            return
        for name, value in request["tags"].items():
            owner = f"{application}\0{user}\0{'' if user else device}\0{name}"
            yield owner, b"" if value is None else msgspec.json.encode(value)

    def take(self, path: Path, labels: Sequence[frozenset[str]]) -> None:
        """What the store at `path` holds in the end; `labels` are those of each compartment."""
        places = {label: at for at, names in enumerate(labels) for label in names}
        for first, rows in self.read(path):
            theirs = [_UNKNOWN if row.label is None else places.get(row.label, _OTHER) for row in rows]
            tags = np.array(theirs, np.uint64) << _LOAD
            tags |= np.arange(first, first + len(rows), dtype=np.uint64)
            self._add([row.owner for row in rows], [self.normalise(row.value) for row in rows], tags)

    def read(self, path: Path) -> Iterator[tuple[int, list[Stored]]]:
        """What is stored, by batches, each with the place of its first."""
        first = 0
        for rows in read_standing(path, TABLES[self._method.name]):
            yield first, rows
            first += len(rows)

    def normalise(self, value: bytes) -> bytes:
        """A stored value as `split` gives it."""
        if not self.merges:
            return value
        try:
            return msgspec.json.encode(msgspec.json.decode(value))
        except msgspec.MsgspecError:
            return value

    def _add(self, owners: Sequence[str], values: Sequence[bytes], tags: Any) -> None:
        digests = digest_forms(values, 0)
        keys = np.fromiter(map(hash_owner, owners), np.uint64, len(owners))
        self._spill.add(keys, digests[:, 0], digests[:, 1], tags)

    def compare(self, compartments: Sequence[int]) -> Stands:
        """Compare; `compartments` are those of the loads. Nothing can be added afterwards."""
        stands = Stands()
        places = np.array(compartments, np.int64)
        for records in self._spill.buckets():
            _compare_owners(records, places, stands)
        self._spill.close()
        return stands

    def read_owned(self, owner: str, value: bytes) -> dict[str, Any]:
        """A value as keys and values, with whose it is."""
        if not self.merges:
            return read_form(value)
        _, user, device, _ = owner.split("\0", 3)
        named = {"hwid": device, "userId": user}
        return {key: name for key, name in named.items() if name} | self.read_value(owner, value)

    def read_value(self, owner: str, value: bytes) -> dict[str, Any]:
        """A value as keys and values."""
        if not self.merges:
            return read_form(value)
        name = owner.rpartition("\0")[2]
        return {f"tags.{name}": member for member in read_form(value or b"{}").values()} if value else {}


def hash_owner(owner: str) -> int:
    """What the records of an owner have in common."""
    return xxh3_64_intdigest(owner.encode())


def drop_own_user(form: bytes) -> bytes:
    """The body without a ``userId`` that is the device itself: without one, the vendor takes that."""
    at = form.find(b',"userId":')
    if at < 0:
        return form
    begin = form.find(b'"hwid":') + 7
    user = b',"userId":' + form[begin:at]
    end = at + len(user)
    return form[:at] + form[end:] if form[at:end] == user and form[end : end + 1] in b",}" else form


def _compare_owners(records: Records, compartments: Any, stands: Stands) -> None:
    """Compare some owners, all records of each."""
    place = records[:, 3] >> _PLACE
    expected = _pick_last(records.compress(place != _LANDED, axis=0))
    landed = records.compress(place == _LANDED, axis=0)
    landed = landed.take(np.argsort(landed[:, 0]), axis=0)
    loads = ((expected[:, 3] >> _LOAD) & _LOAD_MASK).astype(np.int64)
    at = np.searchsorted(landed[:, 0], expected[:, 0])
    there = at < len(landed)
    there[there] = landed[at[there], 0] == expected[there, 0]
    _note_missing(expected[~there], stands)
    expected, at, loads = expected[there], at[there], loads[there]
    theirs = ((landed[:, 3] >> _LOAD) & _LOAD_MASK).astype(np.int64)
    comparable = (theirs[at] == compartments[loads]) | (theirs[at] == _UNKNOWN)
    expected, at = expected[comparable], at[comparable]
    same = (expected[:, 1:3] == landed[at, 1:3]).all(axis=1)
    explained, matched = np.zeros(len(landed), np.bool_), np.zeros(len(landed), np.bool_)
    explained[at], matched[at[same]] = True, True
    _note_different(expected, landed, at[~matched[at]], ~matched[at], stands)
    extra = landed[~explained & (theirs < _UNKNOWN), 3]
    stands.extra += zip(
        ((extra >> _LOAD) & _LOAD_MASK).tolist(), (extra & _ORDINAL_MASK).tolist(), strict=True
    )


def _pick_last(records: Records) -> Records:
    """Of each owner and load the last row that is confirmed, and rows in doubt after it."""
    ordinals = records[:, 3] & _ORDINAL_MASK
    loads = (records[:, 3] >> _LOAD) & _LOAD_MASK
    order = np.lexsort((ordinals, loads, records[:, 0]))
    records, ordinals, loads = records.take(order, axis=0), ordinals[order], loads[order]
    if not len(records):
        return records
    begins = np.flatnonzero(np.append(True, (records[1:, 0] != records[:-1, 0]) | (loads[1:] != loads[:-1])))
    is_sure = records[:, 3] >> _PLACE == _SURE
    last = np.maximum.reduceat(np.where(is_sure, ordinals + np.uint64(1), np.uint64(0)), begins)
    sizes = np.diff(np.append(begins, len(records)))
    return records[ordinals + np.uint64(1) >= np.repeat(last, sizes)]


def _note_missing(expected: Records, stands: Stands) -> None:
    """Owners with a confirmed row of whom nothing is there, each once; unless a row removes it."""
    removed = (expected[:, 1:3] == _REMOVED).all(axis=1)
    left = ~np.isin(expected[:, 0], expected[removed, 0])
    sure = expected[left & (expected[:, 3] >> _PLACE == _SURE)]
    _, first = np.unique(sure[:, 0], return_index=True)
    owners = sure[first, 0].tolist()
    stands.missing += [(*row, owner) for row, owner in zip(_read(sure[first, 3]), owners, strict=True)]


def _note_different(expected: Records, landed: Records, at: Any, chosen: Any, stands: Stands) -> None:
    """What is stored and no row says, each once: by its confirmed row if there is one."""
    rows, numbers = expected[chosen, 3], landed[at, 3] & _ORDINAL_MASK
    order = np.lexsort((rows, at))  # confirmed rows before rows in doubt
    _, first = np.unique(at[order], return_index=True)
    for (load, ordinal), number in zip(
        _read(rows[order][first]), numbers[order][first].tolist(), strict=True
    ):
        stands.different.append((load, ordinal, number))


def _read(tags: Any) -> list[tuple[int, int]]:
    """The loads and ordinals of some tags."""
    loads = (tags >> _LOAD) & _LOAD_MASK
    return list(zip(loads.tolist(), (tags & _ORDINAL_MASK).tolist(), strict=True))


class Listing:
    """The differences in what is stored, with both values.

    Args:
        standing: what was compared.
        loads: the loads.
        path: the store.
        labels: the labels of each compartment.
    """

    def __init__(
        self, standing: Standing, loads: Sequence[LoadSide], path: Path, labels: Sequence[frozenset[str]]
    ) -> None:
        self._standing = standing
        self._loads = loads
        self._path = path
        self._labels = labels

    def list_differences(self, stands: Stands) -> list[Difference]:
        """Those that are the same by value are left out."""
        places = {place for *_, place in stands.different} | {place for _, place in stands.extra}
        stored = dict(self._fetch(places)) if places else {}
        found = [*self._list_missing(stands.missing)]
        for load, side in enumerate(self._loads):
            rows = sorted((ordinal, place) for at, ordinal, place in stands.different if at == load)
            forms = dict(side.fetch(sorted({ordinal for ordinal, _ in rows})))
            for ordinal, place in rows:
                found += self._compare(load, ordinal, forms[ordinal], stored[place])
        for compartment, place in stands.extra:
            load = next(at for at, side in enumerate(self._loads) if side.compartment == compartment)
            row = stored[place]
            landed = self._standing.read_owned(row.owner, row.value)
            found.append(Difference(Sign.EXTRA, Scope.STORED, load, number=row.number, landed=landed))
        return found

    def _list_missing(self, missing: Sequence[tuple[int, int, int]]) -> Iterator[Difference]:
        """What is missing, unless something else in the store explains that."""
        excused = set[str]()
        if missing and self._standing.merges:
            excused = list_excused(self._path, frozenset[str]().union(*self._labels))
        for load, side in enumerate(self._loads):
            rows = sorted((ordinal, owner) for at, ordinal, owner in missing if at == load)
            forms = dict(side.fetch(sorted({ordinal for ordinal, _ in rows})))
            for ordinal, key in rows:
                wanted = [pair for form in forms.get(ordinal, ()) for pair in self._standing.split(form)]
                mine = [(owner, value) for owner, value in wanted if hash_owner(owner) == key]
                if not any(owner.rpartition("\0")[0] in excused for owner, _ in mine):
                    yield self._build_missing(load, ordinal, mine)

    def _build_missing(self, load: int, ordinal: int, mine: list[tuple[str, bytes]]) -> Difference:
        """A row of which nothing is left; of tags, the one that is not there."""
        values = self._standing.read_value(*mine[-1]) if mine and self._standing.merges else {}
        changes = list_changes(values, {})
        return Difference(Sign.MISSING, Scope.STORED, load, ordinal, Fate.CONFIRMED, changes=changes)

    def _compare(self, load: int, ordinal: int, forms: Sequence[bytes], row: Stored) -> Iterator[Difference]:
        landed = self._standing.read_value(row.owner, row.value)
        wanted = [
            value for form in forms for owner, value in self._standing.split(form) if owner == row.owner
        ]
        expected = [self._standing.read_value(row.owner, value) for value in wanted] or [{}]
        changes = min((list_changes(values, landed) for values in expected), key=len)
        if changes:
            yield Difference(Sign.DIFFERENT, Scope.STORED, load, ordinal, Fate.CONFIRMED, row.number, changes)

    def _fetch(self, places: set[int]) -> Iterator[tuple[int, Stored]]:
        for first, rows in self._standing.read(self._path):
            for place in places.intersection(range(first, first + len(rows))):
                yield place, rows[place - first]
