"""What a check gathers: rows, would-be rejects by reason, bodies as they would be sent."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow.compute as pc

if TYPE_CHECKING:
    from loader.mapping import Mapped

EXAMPLES = 3


@dataclass(slots=True)
class RejectedFor:
    """Rows that would be rejected for one reason, with the messages of the first few."""

    rows: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Profile:
    """The counts so far; memory does not grow with the input.

    Attributes:
        rows: records read.
        rejects: by reason, in the order of first appearance.
        bodies: the first few request bodies, exactly as they would be sent.
        largest_body: bytes of the largest body.
        uses: how often each correction was made that the mapping allows (a clock time that was skipped, say).
    """

    rows: int = 0
    rejects: dict[str, RejectedFor] = field(default_factory=dict)
    bodies: list[bytes] = field(default_factory=list)
    largest_body: int = 0
    uses: Counter[str] = field(default_factory=Counter)

    @property
    def rejected(self) -> int:
        """Rows that would be rejected."""
        return sum(group.rows for group in self.rejects.values())

    def add(self, mapped: Mapped) -> None:
        """Count one mapped chunk."""
        self.rows += mapped.count
        self.uses.update(mapped.uses)
        for reject in mapped.rejects:
            group = self.rejects.setdefault(reject.reason, RejectedFor())
            group.rows += 1
            if len(group.examples) < EXAMPLES:
                group.examples.append(reject.message)
        if len(mapped.bodies):
            wanted = max(0, EXAMPLES - len(self.bodies))
            self.bodies += mapped.bodies.slice(0, wanted).to_pylist()
            self.largest_body = max(self.largest_body, pc.max(pc.binary_length(mapped.bodies)).as_py())
