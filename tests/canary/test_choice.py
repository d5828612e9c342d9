"""The choice of a few rows that have all things."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from loader.canary import Thing, ThingKind
from loader.canary.choice import Candidate, choose_rows, rank_things

THINGS = st.sampled_from([Thing(ThingKind.EVENT, f"event {number}") for number in range(12)])
ROWS = st.lists(st.frozensets(THINGS, max_size=5), min_size=1, max_size=40)


def thing(name: str) -> Thing:
    """An event's name."""
    return Thing(ThingKind.EVENT, name)


def candidates(rows: list[frozenset[Thing]]) -> tuple[list[Candidate], Counter[Thing]]:
    """The rows, and how many have each thing."""
    return [Candidate(*each) for each in enumerate(rows)], Counter(each for row in rows for each in row)


@given(ROWS)
def test_every_thing_is_in_a_chosen_row_if_there_are_rows_enough(rows: list[frozenset[Thing]]) -> None:
    """Nothing that the vendor could refuse as such meets it for the first time after the canary."""
    found, counts = candidates(rows)
    chosen = choose_rows(found, counts, range(len(rows)), max(len(counts), 1))
    assert {each for row in chosen for each in rows[row.ordinal]} == set(counts)


@given(ROWS, st.integers(1, 6))
def test_no_more_rows_than_asked_and_each_once(rows: list[frozenset[Thing]], most: int) -> None:
    """The number is kept, and made up if fewer rows would do."""
    found, counts = candidates(rows)
    chosen = [row.ordinal for row in choose_rows(found, counts, range(len(rows)), most)]
    assert len(chosen) == len(set(chosen)) == min(most, len(rows))


@given(ROWS, st.integers(1, 6))
def test_what_a_row_is_said_to_cover_is_in_it_and_in_none_before(
    rows: list[frozenset[Thing]], most: int
) -> None:
    """What is shown of a canary is true."""
    found, counts = candidates(rows)
    before: set[Thing] = set()
    for row in choose_rows(found, counts, range(len(rows)), most):
        assert set(row.covers) == rows[row.ordinal] - before
        before |= rows[row.ordinal]


def test_too_few_rows_take_the_frequent_things() -> None:
    """If not all can be covered, the rarest are left out, although one row would have three of them."""
    common = [thing("a")] * 5 + [thing("b")] * 4
    rare = frozenset({thing("x"), thing("y"), thing("z")})
    found, counts = candidates([*(frozenset({each}) for each in common), rare])
    chosen = choose_rows(found, counts, (), 2)
    assert [row.covers for row in chosen] == [(thing("a"),), (thing("b"),)]
    assert rank_things(counts)[:2] == [thing("a"), thing("b")]


def test_of_the_rows_with_a_thing_the_one_with_most_others_is_taken() -> None:
    """A few rows cover much, so that a small canary is enough."""
    a, b, c = map(thing, "abc")
    found, counts = candidates([frozenset({a}), frozenset({a, b, c}), frozenset({a, b})])
    assert choose_rows(found, counts, (), 1)[0].ordinal == 1
