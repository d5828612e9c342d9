"""Events by name: the list that must exist in the control panel."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from loader.methods import MAX_EVENT_LENGTH

if TYPE_CHECKING:
    import pyarrow as pa

#: A column with more names than this holds something other than event names; memory must not grow with it.
MOST_NAMES = 10_000


@dataclass(slots=True)
class EventNames:
    """Rows by the name of the event.

    Attributes:
        sent: names in rows that would be sent.
        too_long: names in rows that are rejected because the name is too long.
        beyond: rows whose name is not counted, because there are too many names.
    """

    sent: Counter[str] = field(default_factory=Counter)
    too_long: Counter[str] = field(default_factory=Counter)
    beyond: int = 0

    def add(self, names: pa.Array) -> None:
        """Count names of rows that would be sent."""
        self._add(self.sent, names)

    def add_rejected(self, names: pa.Array) -> None:
        """Count the names that are too long, of rows that would be rejected."""
        self._add(self.too_long, names.filter(pc.greater(pc.utf8_length(names), MAX_EVENT_LENGTH)))

    def alike(self) -> list[list[str]]:
        """Names that differ only by case: to the vendor they are different events."""
        folded: dict[str, list[str]] = defaultdict(list)
        for name in sorted({*self.sent, *self.too_long}):
            folded[name.casefold()].append(name)
        return [names for names in folded.values() if len(names) > 1]

    def _add(self, counter: Counter[str], names: pa.Array) -> None:
        for entry in pc.value_counts(names).to_pylist():
            name, rows = entry["values"], entry["counts"]
            if name in counter or len(counter) < MOST_NAMES:
                counter[name] += rows
            else:
                self.beyond += rows
