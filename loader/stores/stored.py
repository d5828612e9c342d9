"""One object, as its store tells of it, and the seam between readers and stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Seen:
    """What tells that an object is not the one it was.

    Attributes:
        size: bytes.
        version: its version, generation, ETag or time, as the store has it; "" if the store has none.
    """

    size: int
    version: str = ""


class Stored(Protocol):
    """An object that can be read by ranges, or at least from its beginning on."""

    @property
    def name(self) -> str:
        """Its address, without secrets."""

    @property
    def identity(self) -> str:
        """What two spellings of its address have in common."""

    @property
    def seen(self) -> Seen:
        """What it was when it was found."""

    @property
    def ranged(self) -> bool:
        """Whether any part of it can be read without what stands before."""

    def read_range(self, start: int, end: int) -> bytes:
        """The bytes of a range; any thread may ask.

        Raises:
            Replaced: it is not the object that it was.
            StoreAway: the store does not answer.
            SourceError: it may not be read.
        """

    def rest(self) -> None:
        """Let go of connections: it is not read for a while, perhaps never again."""

    def look_again(self) -> Seen:
        """What it is now.

        Raises:
            SourceError: as above, or it is gone.
        """


class Replaced(Exception):
    """An object that is not the one it was.

    Args:
        difference: what was found.
    """

    def __init__(self, difference: str) -> None:
        super().__init__(difference)
        self.difference = difference


def name_difference(before: Seen, now: Seen) -> str:
    """What has changed between two looks at an object; "" if nothing has."""
    if before.size != now.size:
        return f"it had {before.size:,} bytes and now has {now.size:,}"
    return "it was replaced by another version" if before.version != now.version else ""
