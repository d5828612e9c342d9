"""What looks wrong about ids and names of events: counted over all rows in the first pass.

Nothing is changed or refused here; rows that are rejected for it are rejected when they are mapped.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.mapping import ids, origins
from loader.mapping.findings import Findings
from loader.mapping.lookups import NO_LOOKUPS
from loader.mapping.names import columns_used
from loader.mapping.table import Table
from loader.profile.sketch import hash_values
from loader.profile.suspicion import Suspicion, Tally
from loader.sieve import Sieve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loader.mapping import Mapping
    from loader.mapping.ids import Sign
    from loader.mapping.lookups import LookUps
    from loader.mapping.nested.paths import Columns
    from loader.mapping.rules import Rule
    from loader.sieve import Positions
    from loader.sources.records import Slab

#: A user with at least this number of devices is not a user, but a word for nobody.
MANY_DEVICES: Final = 50
#: Rows of a block that are looked at to find users who fill much of it, and how often one must stand there.
_SAMPLED, _OFTEN = 512, 8
#: Rows that are looked at together: each step costs time of its own.
_BLOCK = 1 << 15
#: Users whose devices are counted at a time.
_MOST_HOLDERS = 8
_SIGNS: Final = {"hwid": ids.ID_SIGNS, "userId": ids.ID_SIGNS, "event": ids.NAME_SIGNS}


@cache
def _make_sieve(signs: tuple[Sign, ...]) -> Sieve[Sign]:
    return Sieve((*signs, ids.WITHIN))


class Suspicions:
    """An onlooker of the first pass; its memory does not grow with the input.

    Ids inside JSON text are not looked at, because parsing that would double the time of the pass.

    Args:
        mapping: the effective one.
        columns: of the input.
        lookups: the tables in which ids are looked up.
    """

    def __init__(self, mapping: Mapping, columns: Columns, lookups: LookUps = NO_LOOKUPS) -> None:
        self._lookups = lookups
        self._nothing = mapping.source.null_values
        self._rules = {
            name: rule
            for name, rule in mapping.fields.items()
            if name in _SIGNS and rule.const is None and not _is_in_json(rule, columns)
        }
        self.columns = {columns.top(one) for rule in self._rules.values() for one in columns_used(rule)}
        self._signs: dict[tuple[str, Sign], Tally] = {}
        self._words: dict[tuple[str, str], Tally] = {}
        self._holders: dict[str, Tally] = {}
        self._file = ""
        self._seen = 0
        self._waiting: list[pa.Table] = []

    def begin(self, file: str) -> None:
        """The next slabs are of this file."""
        self._look()
        self._file, self._seen = file, 0

    def see(self, slab: Slab) -> None:
        """Take rows that were not seen before, and look at many at a time."""
        if slab.end <= self._seen or not self.columns <= set(slab.table.column_names):
            return
        slab = slab.between(max(slab.first, self._seen), slab.end)
        rows = slab.table.select(sorted(self.columns))
        # Blocks of a frame can differ in type, and dictionaries from slab to slab.
        if self._waiting and self._waiting[-1].schema != rows.schema:
            self._look()
        self._seen = slab.end
        self._waiting.append(rows)
        texts = all(kind == pa.string() for kind in rows.schema.types)
        if not texts or sum(table.num_rows for table in self._waiting) >= _BLOCK:
            self._look()

    def _look(self) -> None:
        """Count what is suspicious in the rows that wait."""
        if not self._waiting:
            return
        table = pa.concat_tables(self._waiting)
        self._waiting.clear()
        texts, first = self._texts(table), self._seen - table.num_rows
        for name, column in texts.items():
            self._add_signs(name, column, texts, first)
        if "hwid" in texts and "userId" in texts:
            self._add_holders(texts, first)

    def _texts(self, rows: pa.Table) -> dict[str, pa.Array]:
        """The ids and names as they would be sent; null in rows that are rejected anyway."""
        table = Table(rows, self._nothing, lookups=self._lookups)
        unheeded = _Unheeded(rows.num_rows)
        texts = {name: origins.texts(rule, table, unheeded) for name, rule in self._rules.items()}
        if not unheeded.bad.any():
            return texts
        bad = pa.array(unheeded.bad)
        return {
            name: pc.if_else(bad, pa.nulls(len(found), found.type), found) for name, found in texts.items()
        }

    def _add_signs(self, name: str, column: pa.Array, texts: dict[str, pa.Array], first: int) -> None:
        for sign, places in _make_sieve(_SIGNS[name]).find(column):
            if sign is ids.WORD:
                self._add_words(name, places, texts, first)
            else:
                self._signs.setdefault((name, sign), Tally()).add(column, places, self._file, first)

    def _add_words(self, name: str, places: Positions, texts: dict[str, pa.Array], first: int) -> None:
        met = texts[name].take(pa.array(places))
        for word in met.unique().to_pylist():
            here = places[pc.equal(met, word).to_numpy(zero_copy_only=False)]
            tally = self._words.setdefault((name, word), Tally())
            tally.add(texts[name], here, self._file, first)
            if name == "userId" and "hwid" in texts:
                tally.devices.add(hash_values(texts["hwid"].take(pa.array(here)).drop_null()))

    def _add_holders(self, texts: dict[str, pa.Array], first: int) -> None:
        """Count the devices of users who fill much of a block: only such users can have very many."""
        users = texts["userId"]
        step = max(len(users) // _SAMPLED, 1)
        sampled = users.take(pa.array(np.arange(0, len(users), step)))
        often = [
            each["values"]
            for each in pc.value_counts(sampled.drop_null()).to_pylist()
            if each["counts"] >= _OFTEN and ("userId", each["values"]) not in self._words
        ]
        for user in sorted(often, key=lambda one: one not in self._holders)[:_MOST_HOLDERS]:
            self._make_room(user)
            self._holders.setdefault(user, Tally())
        for user, tally in self._holders.items():
            places = np.flatnonzero(pc.fill_null(pc.equal(users, user), fill_value=False))
            if len(places):
                tally.add(users, places, self._file, first)
                tally.devices.add(hash_values(texts["hwid"].take(pa.array(places)).drop_null()))

    def _make_room(self, user: str) -> None:
        if user not in self._holders and len(self._holders) == _MOST_HOLDERS:
            del self._holders[min(self._holders, key=lambda one: self._holders[one].devices.count)]

    def found(self) -> tuple[Suspicion, ...]:
        """What was found, in the order of the fields."""
        self._look()
        return tuple(sorted(self._found(), key=lambda one: list(_SIGNS).index(one.field)))

    def _found(self) -> Iterator[Suspicion]:
        for (name, word), tally in self._words.items():
            yield Suspicion(name, ids.WORD.name, self._rules[name], tally, value=word)
        for (name, sign), tally in self._signs.items():
            yield Suspicion(name, sign.name, self._rules[name], tally, sign=sign)
        for user, tally in self._holders.items():
            if tally.devices.count >= MANY_DEVICES:
                yield Suspicion("userId", "many_devices", self._rules["userId"], tally, value=user)


def _is_in_json(rule: Rule, columns: Columns) -> bool:
    return any(columns.json_holder(column) is not None for column in columns_used(rule))


class _Unheeded(Findings):
    """Rows that are rejected, without the reasons: these are told when the rows are mapped."""

    def __init__(self, rows: int) -> None:
        # Without a chunk, because no reason is made.
        self.matches = {}
        self.bad = np.zeros(rows, dtype=np.bool_)

    def add(self, rows: object, *_: object) -> None:
        """Note the rows."""
        self.bad |= np.asarray(rows, dtype=np.bool_)
