"""What a checkpoint expects in each hour, by event: only counts, so memory does not grow with the rows."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow.compute as pc

from loader.errors import ConfigError
from loader.model import State
from loader.states import ORDER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loader.journal import CheckpointView
    from loader.mapping import Mapped
    from loader.states import Numbers

HOUR = 3600
#: Each name costs two calls or more. More names than this are not event names but a column of something else.
MOST_NAMES = 1000
#: Seconds that two clocks may differ by, and that a request may still be on its way after a run has ended.
SLACK = 300

_CONFIRMED, _IN_DOUBT = ORDER.index(State.CONFIRMED), ORDER.index(State.IN_DOUBT)


class Expected(NamedTuple):
    """Rows that must be there, and rows that may be there."""

    confirmed: int = 0
    in_doubt: int = 0

    def plus(self, other: Expected) -> Expected:
        """Both together."""
        return Expected(self.confirmed + other.confirmed, self.in_doubt + other.in_doubt)

    def miss(self, counted: int) -> int:
        """How many more were counted than can be (above 0), or fewer than must be (below 0)."""
        return max(counted - self.confirmed - self.in_doubt, 0) + min(counted - self.confirmed, 0)


@dataclass(slots=True)
class Hours:
    """What is expected, by event and hour of `timestampUTC`; an hour is its number since 1970.

    Attributes:
        by_event: event -> hour -> rows.
    """

    by_event: dict[str, dict[int, Expected]] = field(default_factory=dict)

    def add(self, mapped: Mapped, states: Numbers) -> None:
        """Count one mapped chunk of events.

        Args:
            mapped: the chunk.
            states: the number of each row's state, see `loader.states.ORDER`.

        Raises:
            ConfigError: there are too many names.
        """
        states = states[mapped.selected - mapped.first]
        columns = {column.name: column.values for column in mapped.columns if not column.member}
        names = pc.fill_null(columns["event"], "").dictionary_encode()
        codes, hours = names.indices.to_numpy(), columns["timestampUTC"].to_numpy() // HOUR
        texts = names.dictionary.to_pylist()
        for state in (_CONFIRMED, _IN_DOUBT):
            among = states == state
            pairs, counts = np.unique(np.stack([codes[among], hours[among]]), axis=1, return_counts=True)
            for code, hour, count in zip(*pairs.tolist(), counts.tolist(), strict=True):
                self._count(texts[code], hour, state, count)

    def _count(self, event: str, hour: int, state: int, count: int) -> None:
        hours = self.by_event.setdefault(event, {})
        if len(self.by_event) > MOST_NAMES:
            raise ConfigError(
                f"The load has more than {MOST_NAMES:,} names of events, and each would need calls of its "
                "own. Compare it with an export instead."
            )
        more = Expected(count, 0) if state == _CONFIRMED else Expected(0, count)
        hours[hour] = hours.get(hour, Expected()).plus(more)

    def total(self, event: str) -> Expected:
        """All hours of an event together."""
        total = Expected()
        for each in self.by_event.get(event, {}).values():
            total = total.plus(each)
        return total


def find_sending_hours(ledger: CheckpointView) -> frozenset[int]:
    """The hours in which a checkpoint's runs could send: which rows were sent when, it does not know."""
    hours: set[int] = set()
    for run in ledger.runs:
        # A run that died has no end; its counters are those of its last commit.
        ended = run.ended if run.ended is not None else run.started + run.elapsed
        hours.update(range(int(run.started - SLACK) // HOUR, int(ended + SLACK) // HOUR + 1))
    return frozenset(hours)


def find_spans(hours: Iterable[int], *, apart: int, longest: int) -> list[range]:
    """The fewest ranges that cover the hours, cut at gaps of more than `apart` hours, and into pieces."""
    spans: list[range] = []
    for hour in sorted(hours):
        last = spans[-1] if spans else None
        if last is None or hour - last.stop > apart or hour - last.start >= longest:
            spans.append(range(hour, hour + 1))
        else:
            spans[-1] = range(last.start, hour + 1)
    return spans


def format_hour(hour: int) -> str:
    """An hour as the vendor writes it: ``2024-09-12 00:00``, in UTC."""
    return f"{datetime.fromtimestamp(hour * HOUR, UTC):%Y-%m-%d %H:%M}"


def sum_by_event(hours: dict[str, dict[int, int]]) -> dict[str, int]:
    """The total of each event."""
    totals: defaultdict[str, int] = defaultdict(int)
    for event, counts in hours.items():
        totals[event] += sum(counts.values())
    return dict(totals)
