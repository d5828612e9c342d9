"""All that a view reads: the store, and what is counted and marked of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from loader.sandbox.page.marks import EQUALS, MOVES, OWNERS, Marks
from loader.sandbox.page.reading import Reader
from loader.sandbox.page.tallies import (
    GROUP_EVENTS,
    GROUP_REGISTRATIONS,
    GROUP_TAG_CALLS,
    GROUP_VIOLATIONS,
    Key,
    Misfit,
    Tally,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loader.sandbox.page.following import Follower
    from loader.sandbox.page.marks import Plan

BUDGET_SECONDS = 0.2
"""How long a request waits for counts to be brought up to date; what is left is counted afterwards."""


class StoreState:
    """A store as its page sees it.

    Args:
        path: of the store.
        now: the clock, in Unix seconds: "the last minute" ends here.
    """

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self.reader = Reader(path)
        self.now = now
        self.events = Tally(self.reader, "events", GROUP_EVENTS, Key)
        self.registrations = Tally(self.reader, "registrations", GROUP_REGISTRATIONS, Key)
        self.tag_calls = Tally(self.reader, "tag_calls", GROUP_TAG_CALLS, Key)
        self.misfits = Tally(self.reader, "events", GROUP_VIOLATIONS, Misfit)
        self._marks: dict[str, Marks] = {}

    @property
    def equals(self) -> Marks:
        """Which events are equal; made from the first use on, as the two below."""
        return self._make_marks("equals", EQUALS)

    @property
    def owners(self) -> Marks:
        """Whose the events are."""
        return self._make_marks("owners", OWNERS)

    @property
    def moves(self) -> Marks:
        """Which devices changed their user."""
        return self._make_marks("moves", MOVES)

    def catch_up(self, *counted: Follower) -> int:
        """Bring counts up to date for a while; returns how many rows are left out still."""
        until = self.reader.clock() + BUDGET_SECONDS
        for each in counted:
            while each.advance() and self.reader.clock() < until:
                pass
        return max(each.behind for each in counted)

    def advance(self) -> bool:
        """A slice of whatever is behind; false if nothing is. For the time between two requests."""
        counted: tuple[Follower, ...] = (
            self.events,
            self.registrations,
            self.tag_calls,
            self.misfits,
            *self._marks.values(),
        )
        return any(each.advance() for each in counted)

    def close(self) -> None:
        """Close the store."""
        self.reader.close()

    def _make_marks(self, name: str, plan: Plan) -> Marks:
        if name not in self._marks:
            self._marks[name] = Marks(self.reader, plan)
        return self._marks[name]
