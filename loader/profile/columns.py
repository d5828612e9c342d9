"""One key of the bodies: how many values, how many distinct ones, the shortest and the longest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from loader.profile.sketch import Distinct, hash_values

if TYPE_CHECKING:
    from loader.profile.sketch import Hashes

EXAMPLES = 3
#: At most this many distinct values are kept, because for few values `unique` is cheaper than hashing each.
_FEW = 256
_SHORT = 1000


class ColumnProfile:
    """The values of one key, over the rows that would be sent.

    Attributes:
        name: the key.
        kind: the type of its values after the conversion.
        member: whether it is a member of the container, for example of `attributes`.
        values: rows that have one.
        shortest, longest: characters; None if there is no value, and for times.
        examples: the first few distinct values, as in the bodies.
    """

    def __init__(self, name: str, kind: str, *, text: bool, member: bool) -> None:
        self.name = name
        self.kind = kind
        self.member = member
        self.values = 0
        self.shortest: int | None = None
        self.longest: int | None = None
        self.examples: list[str] = []
        self._text = text
        self._few: set[str] | None = set()
        self._distinct = Distinct()
        self._known: int | None = None
        self._repetitive = True

    @property
    def distinct(self) -> int:
        """The number of distinct values; an estimate if `exact` is False."""
        if self._known is not None:
            return self._known
        return len(self._few) if self._few is not None else self._distinct.count

    @property
    def exact(self) -> bool:
        """Whether `distinct` is exact."""
        return self._known is not None or self._few is not None or self._distinct.exact

    def settle(self, distinct: int) -> None:
        """Take over a count that is known exactly."""
        self._known = distinct

    def add(self, values: pa.Array, hashes: Hashes | None = None) -> None:
        """Count values that are not null; `hashes` are the hashes of the values, if already known."""
        if not len(values):
            return
        self.values += len(values)
        if not pa.types.is_string(values.type):
            self._add_numbers(values)
        elif self._few is not None and hashes is None:
            self._add_few(pc.unique(values))
        else:
            self._add_many(values, hashes)

    def _add_few(self, unique: pa.Array) -> None:
        """Add values of which there are few: only new values cost time."""
        known = self._few
        new = [value for value in unique.to_pylist() if known is not None and value not in known]
        if not new:
            return
        fresh = pa.array(new, pa.string())
        self._measure(fresh)
        self._distinct.add(hash_values(fresh))
        if known is not None:
            known.update(new)
            if len(known) > _FEW or (self.longest or 0) > _SHORT:
                self._few = None

    def _add_many(self, values: pa.Array, hashes: Hashes | None) -> None:
        self._few = None
        if hashes is None:
            values = self._deduplicated(values)
        self._measure(values)
        self._distinct.add(hash_values(values) if hashes is None else hashes)

    def _deduplicated(self, values: pa.Array) -> pa.Array:
        """The distinct values of a chunk, as long as this halves the values to be hashed."""
        if not self._repetitive:
            return values
        unique = pc.unique(values)
        self._repetitive = 2 * len(unique) < len(values)
        return unique

    def _add_numbers(self, values: pa.Array) -> None:
        self._few = None
        self._distinct.add(hash_values(values))
        self._exemplify(values)

    def _measure(self, values: pa.Array) -> None:
        found = pc.min_max(pc.utf8_length(values)).as_py()
        quotes = 0 if self._text or not values[0].as_py().startswith('"') else 2
        shortest, longest = found["min"] - quotes, found["max"] - quotes
        self.shortest = shortest if self.shortest is None else min(self.shortest, shortest)
        self.longest = longest if self.longest is None else max(self.longest, longest)
        self._exemplify(values)

    def _exemplify(self, values: pa.Array) -> None:
        if len(self.examples) == EXAMPLES:
            return
        for value in pc.unique(values.slice(0, 64)).to_pylist():
            shown = str(value) if self._text or not isinstance(value, str) else _plain(value)
            if shown not in self.examples and len(self.examples) < EXAMPLES:
                self.examples.append(shown)


def _plain(value: str) -> str:
    """A JSON value as a user reads it: text without its quotes."""
    parsed = json.loads(value) if value.startswith('"') else value
    return str(parsed)
