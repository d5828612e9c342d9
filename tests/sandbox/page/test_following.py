"""Counts that are brought up to date, against counts of the whole log."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loader.sandbox.calls import Registration
from loader.sandbox.page import following
from loader.sandbox.page.asked import Asked
from loader.sandbox.page.marks import EQUALS, MOVES, Marks
from loader.sandbox.page.oddities import gather_duplicates
from loader.sandbox.page.people import gather_changes, gather_user
from loader.sandbox.page.state import StoreState
from loader.sandbox.page.timeline import gather_timeline
from loader.sandbox.store import SandboxStore
from tests.sandbox.page.conftest import APP, event, fill

if TYPE_CHECKING:
    from pathlib import Path

ASKED = Asked("/", "127.0.0.1")
USER = Asked("/user", "127.0.0.1", {"application": APP, "id": "U1", "limit": "1000"})

# What happens to a store between two looks: some events of a load, or a load is forgotten.
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("send"), st.sampled_from("ab"), st.lists(st.integers(0, 3), min_size=1, max_size=6)
        ),
        st.tuples(st.just("forget"), st.sampled_from("ab"), st.just([])),
    ),
    max_size=8,
)


class Look(NamedTuple):
    """What the page says of events, users and devices."""

    total: int
    months: dict[str, dict[str, int]]
    groups: int
    surplus: int
    doubled: list[list[int]]
    history: list[int]
    moved: int


def look(state: StoreState) -> Look:
    """All counts, and the ids that stand for them."""
    state.reader.clock = lambda: 0.0  # nothing is remembered, and no budget is used up
    timeline = gather_timeline(state, ASKED)
    duplicates = gather_duplicates(state, ASKED)
    return Look(
        timeline.total,
        {month.month: month.counts for month in timeline.months},
        duplicates.groups,
        duplicates.surplus,
        sorted(each.ids for each in duplicates.duplicates),
        sorted(row.id for row in gather_user(state, USER).events),
        gather_changes(state, ASKED).total,
    )


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices of three ids, so that small logs have several."""
    monkeypatch.setattr(following, "SLICE", 3)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_a_look_after_each_step_sees_what_a_first_look_would(
    tmp_path_factory: pytest.TempPathFactory, small_slices: None, steps: list[tuple[str, str, list[int]]]
) -> None:
    """Whatever was sent and forgotten in between, the counts are those of the whole store."""
    store = tmp_path_factory.mktemp("store") / "s"
    fill(store, [])
    with closing(StoreState(store)) as watching:
        for what, load, numbers in steps:
            if what == "send":
                fill(store, [event(number % 2, event=f"e{number}") for number in numbers], load)
                fill(store, [Registration(APP, "D1", f"U{number}", None, None) for number in numbers], load)
            else:
                with SandboxStore(store) as opened:
                    opened.forget(load)
            with closing(StoreState(store)) as fresh:
                assert look(watching) == look(fresh)


def test_what_a_look_says_is_true(tmp_path: Path, small_slices: None) -> None:
    """Duplicates, months and moves are those that SQL finds in the whole log."""
    store = tmp_path / "s"
    numbers = [n * n % 11 for n in range(60)]
    fill(store, [event(number * 86_400 * 9) for number in numbers])
    fill(
        store,
        [Registration(APP, f"D{n % 7}", f"U{place % 3}", None, None) for place, n in enumerate(numbers)],
    )
    with closing(StoreState(store)) as state:
        found = look(state)
    assert found.total == sum(sum(counts.values()) for counts in found.months.values()) == 60
    repeated = {number: count for number, count in Counter(numbers).items() if count > 1}
    assert (found.groups, found.surplus) == (len(repeated), sum(repeated.values()) - len(repeated))
    assert sum(len(each) for each in found.doubled) == sum(repeated.values())
    with closing(sqlite3.connect(store)) as connection:
        changed = connection.execute(
            "SELECT count(*) FROM (SELECT count(DISTINCT user_id) AS users FROM registrations GROUP BY hwid) "
            "WHERE users > 1"
        ).fetchone()[0]
    assert found.moved == changed > 0


def test_nothing_is_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second look reads only what came since the first."""
    store = tmp_path / "s"
    fill(store, [event(number) for number in range(10)])
    read: list[tuple[int, int]] = []
    original = Marks.read_slice

    def note(marks: Marks, low: int, high: int) -> None:
        read.append((low, high))
        original(marks, low, high)

    monkeypatch.setattr(Marks, "read_slice", note)
    with closing(StoreState(store)) as state:
        state.catch_up(state.equals)
        fill(store, [event(99)])
        state.catch_up(state.equals)
    assert read == [(0, 10), (10, 11)]


def test_a_long_log_is_counted_bit_by_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look does not wait until all is counted: it says how much is left, and the next one has more."""
    monkeypatch.setattr(following, "SLICE", 10)
    store = tmp_path / "s"
    fill(store, [event(number) for number in range(35)])
    with closing(StoreState(store)) as state:
        ticks = iter(range(10_000))
        state.reader.clock = lambda: float(next(ticks))  # every budget is used up at once
        seen = [(found.total, found.behind) for found in (gather_timeline(state, ASKED) for _ in range(4))]
    assert seen == [(10, 25), (20, 15), (30, 5), (35, 0)]


@pytest.mark.parametrize("plan", [EQUALS, MOVES])
def test_marks_are_no_part_of_the_store(tmp_path: Path, plan: object) -> None:
    """What the page notes for itself is in no table of the store, which it cannot write to."""
    store = tmp_path / "s"
    fill(store, [event(), event(), Registration(APP, "D1", "U1", None, None)])
    before = store.read_bytes()
    with closing(StoreState(store)) as state:
        state.catch_up(state.equals, state.moves, state.owners)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            state.reader.write_own("DELETE FROM events")
    assert store.read_bytes() == before
