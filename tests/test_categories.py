"""The categories of events: found in chunks, kept as bytes, laid over each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loader.categories import (
    MOST_MONTHS,
    MOST_NAMES,
    OUTSIDE,
    TIMELESS,
    UNKNOWN,
    Categories,
    Categoriser,
    KeptCategories,
    find_months,
)
from loader.mapping import Clocks, Column
from loader.methods import MAX_EVENT_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loader.journal import PackedCategories

NAMES = st.sampled_from(["buy", "return", "", "été", "e" * MAX_EVENT_LENGTH, None])
# Within the years that Python knows too.
SECONDS = st.integers(-62_000_000_000, 250_000_000_000)
Row = tuple[str | None, int | None]
ROWS = st.lists(st.tuples(NAMES, st.none() | SECONDS | st.sampled_from([0, 1_700_000_000])), max_size=60)


def mapped(rows: Sequence[Row], first: int = 0, kept: Sequence[int] | None = None, count: int = 0) -> Any:
    """What a categoriser looks at of a mapped chunk; a time that is None was not read."""
    times = pa.array([time or 0 for _, time in rows], pa.int64())
    return SimpleNamespace(
        first=first,
        count=count if kept is not None else len(rows),
        kept=None if kept is None else np.array(kept, np.int64),
        columns=[
            Column("event", pa.array([name for name, _ in rows], pa.string()), text=True, member=False),
            Column("timestampUTC", times, text=False, member=False),
            Column("timestampCurrent", times, text=False, member=False),
        ],
        clocks=Clocks(known=np.array([time is not None for _, time in rows], np.bool_)),
    )


def spell(categories: Categories) -> list[object]:
    """For each row its name and month, or why it has none."""
    found: list[object] = []
    for code in categories.codes.tolist():
        if code in (UNKNOWN, OUTSIDE):
            found.append(code)
        else:
            name = categories.names[int(categories.name_of[code - 2])]
            found.append((name, int(categories.month_of[code - 2])))
    return found


def expect(row: Row) -> tuple[str, int]:
    """The category of a row, by Python's own calendar."""
    name, time = row
    if time is None:
        return name or "", TIMELESS
    moment = datetime.fromtimestamp(time, UTC)
    month = 12 * (moment.year - 1970) + moment.month - 1
    return name or "", month if abs(month) < MOST_MONTHS else TIMELESS


@settings(deadline=None)
@given(ROWS, st.integers(0, 1 << 40))
@example([("buy", 0), ("buy", None)], 0)
def test_each_row_has_its_own_name_and_month(rows: list[Row], first: int) -> None:
    """As Python's calendar says it; and the bytes that are kept say the same."""
    categories = Categoriser().categorise(mapped(rows, first))
    assert spell(categories) == list(map(expect, rows))
    again = Categories.unpack(categories.pack())
    assert (again.rows, spell(again)) == (range(first, first + len(rows)), spell(categories))


@pytest.mark.parametrize("names", [1, 300, 2000])
@pytest.mark.parametrize("months", [1, 40, 500])
def test_many_categories_are_told_apart(names: int, months: int) -> None:
    """Whether their codes take one byte or more, and whether those that occur are few of those that could."""
    rows: list[Row] = [(f"e{n % names}", 86_400 * 31 * (n * 7 % months)) for n in range(4000)]
    categories = Categories.unpack(Categoriser().categorise(mapped(rows)).pack())
    assert spell(categories) == list(map(expect, rows))


@settings(deadline=None)
@given(st.sets(st.integers(0, 40)), st.sets(st.integers(0, 40)))
def test_rows_that_are_left_out_or_not_wanted_have_none(selected: set[int], wanted: set[int]) -> None:
    """Codes stay at the places of their rows, whatever rows of the chunk are left out or leased already."""
    kept = sorted(selected)
    rows: list[Row] = [(f"e{place}", 0) for place in kept]
    chunk = mapped(rows, 100, kept, count=41)
    ranges = [range(100 + place, 101 + place) for place in sorted(wanted)]
    found = spell(Categoriser().categorise(chunk, ranges))
    shown = wanted or set(range(41))
    assert found == [
        UNKNOWN if place not in shown else (f"e{place}", 0) if place in selected else OUTSIDE
        for place in range(41)
    ]


def test_what_is_no_name_is_not_kept() -> None:
    """A value that is longer than any name, and names beyond all measure, are counted without the text."""
    long = "S" * (MAX_EVENT_LENGTH + 1)
    categoriser = Categoriser()
    assert spell(categoriser.categorise(mapped([("buy", 0), (long, 0)]))) == [("buy", 0), (None, 0)]
    many: list[Row] = [(f"e{n}", 0) for n in range(MOST_NAMES + 5)]
    found = categoriser.categorise(mapped(many))
    assert spell(found)[-6:] == [(None, 0)] * 6
    assert spell(categoriser.categorise(mapped([("late", 0), ("buy", 0), ("e7", 0)]))) == [
        (None, 0),
        ("buy", 0),
        ("e7", 0),
    ]


@pytest.mark.parametrize("spread", [1, 100_000])
def test_months_are_those_of_the_calendar(spread: int) -> None:
    """Also of times that lie so far apart that each is converted for itself."""
    seconds = np.arange(-3000, 3000) * 86_400 * spread // 50
    known = np.ones(len(seconds), np.bool_)
    found = find_months(seconds, known)
    wanted = seconds.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
    inside = np.abs(wanted) < MOST_MONTHS
    assert (found[inside] == wanted[inside]).all()
    assert (found[~inside] == TIMELESS).all()


@dataclass
class Kept:
    """A checkpoint that has categories."""

    records: list[tuple[int, PackedCategories]] = field(default_factory=list)

    def add(self, number: int, rows: Sequence[Row], first: int, wanted: Sequence[range] = ()) -> None:
        """As a lease with a commit of that number adds them."""
        self.records.append((number, Categoriser().categorise(mapped(rows, first), wanted).pack()))

    def categories(self) -> Iterator[tuple[int, PackedCategories]]:
        """As the checkpoint lists them."""
        return iter(sorted(self.records, key=lambda each: (each[1].first, each[0])))


LEASES = st.lists(st.tuples(st.integers(0, 90), st.integers(1, 40), st.sets(st.integers(0, 39))), max_size=9)


@settings(deadline=None)
@given(LEASES, st.integers(1, 50))
def test_the_last_lease_of_a_row_decides(leases: list[tuple[int, int, set[int]]], step: int) -> None:
    """However chunks were cut and leased again, and in whatever steps they are read."""
    kept: Any = Kept()
    wanted: dict[int, str] = {}
    for number, (first, length, places) in enumerate(leases):
        name = f"lease {number}"
        rows = [first + place for place in sorted(places) if place < length] or list(
            range(first, first + length)
        )
        kept.add(number, [(name, 0)] * length, first, [range(row, row + 1) for row in rows])
        wanted |= dict.fromkeys(rows, name)
    reader = KeptCategories(kept)
    found: dict[int, str] = {}
    lacking: set[int] = set()
    for first in range(0, 140, step):
        parts, unknown = reader.of(range(first, first + step))
        lacking |= {first + place for place in np.flatnonzero(unknown).tolist()}
        for part in parts:
            for row, said in zip(part.rows, spell(part), strict=True):
                if isinstance(said, tuple):
                    assert row not in found
                    found[row] = said[0]
    assert found == wanted
    assert lacking >= set(range(140)) - wanted.keys()
    assert not lacking & wanted.keys()


def test_a_row_that_is_left_out_needs_no_other_look() -> None:
    """The mapping said so already, so the input is not read for it; a later lease may say otherwise."""
    kept: Any = Kept()
    chunk = mapped([("buy", 0), ("buy", 0)], 10, [0, 3], count=5)
    kept.records.append((1, Categoriser().categorise(chunk).pack()))
    kept.add(2, [("sell", 0)], 12)
    parts, unknown = KeptCategories(kept).of(range(8, 17))
    assert np.flatnonzero(unknown).tolist() == [0, 1, 7, 8]
    found = [pair for part in parts for pair in zip(part.rows, spell(part), strict=True)]
    named = {row: said for row, said in found if isinstance(said, tuple)}
    assert (named[10], named[12], named[13]) == (("buy", 0), ("sell", 0), ("buy", 0))
