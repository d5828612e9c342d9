"""What a check says of a ledger: how many rows it does not know yet, or knows with other content."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class KnownRows:
    """The rows of a check that would be sent, by what the ledger knows of them; it knows all others.

    Attributes:
        ledger: its file.
        loads: how many loads it knows.
        new: rows whose key it does not know.
        changed: rows whose key it knows with another body, or in doubt.
    """

    ledger: str
    loads: int
    new: int = 0
    changed: int = 0

    @property
    def record(self) -> dict[str, object]:
        """For a program."""
        return {"path": self.ledger, "loads": self.loads, "new": self.new, "changed": self.changed}
