"""Two multisets of rows: exactly what differs is named."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.verification import comparison, matching
from loader.verification.comparison import compare
from loader.verification.differences import Change, Doubt, Sign
from loader.verification.rows import Fate
from tests.verification.simulated import Landed, build_load, write_form

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.verification.differences import Findings

CONFIRMED, REJECTED, IN_DOUBT, NEVER_SENT, LEFT_OUT, RESENT = Fate


def event(number: int, **more: Any) -> dict[str, Any]:
    """An event that is unlike those of other numbers in all of its keys."""
    return {
        "event": f"event {number}",
        "attributes": {"price": number} | more.pop("attributes", {}),
        "hwid": f"device {number}",
        "userId": f"user {number}",
        "timestampUTC": 1_400_000_000 + number,
    } | more


def run(
    fates: Sequence[Fate], rows: Sequence[dict[str, Any]], landed: Sequence[dict[str, Any] | bytes]
) -> Findings:
    """Compare one load."""
    return compare([build_load(fates, rows)], Landed([(0, row) for row in landed]))


def name(found: Findings) -> list[tuple[str, int | None, int | None]]:
    """The differences: sign, row, and what landed."""
    return [(each.sign.value, each.ordinal, each.number) for each in found.differences()]


@pytest.mark.parametrize(
    ("fate", "times", "expected"),
    [
        (CONFIRMED, 0, "-"),
        (CONFIRMED, 1, ""),
        (CONFIRMED, 2, "2"),
        (CONFIRMED, 4, "222"),
        (RESENT, 0, "-"),
        (RESENT, 1, ""),
        (RESENT, 2, "2"),
        (IN_DOUBT, 0, ""),
        (IN_DOUBT, 1, ""),
        (IN_DOUBT, 2, "2"),
        (REJECTED, 0, ""),
        (REJECTED, 1, "+"),
        (NEVER_SENT, 0, ""),
        (NEVER_SENT, 2, "++"),
        (LEFT_OUT, 0, ""),
        (LEFT_OUT, 1, "+"),
    ],
)
def test_each_fate_says_how_often_a_row_must_be_there(fate: Fate, times: int, expected: str) -> None:
    """Confirmed means once, in doubt at most once, and anything else never."""
    found = run([fate, CONFIRMED], [event(1), event(2)], [event(2), *[event(1)] * times])
    assert "".join(each.sign for each in found.differences()) == expected
    assert found.totals.differences == len(expected)


def test_a_call_that_changes_nothing_may_be_there_again_if_it_was_sent_again() -> None:
    """A registration that was sent twice is not a duplicate; one that was sent once and is there twice is."""
    fates, rows = [RESENT, IN_DOUBT, CONFIRMED], [event(1), event(2), event(3)]
    landed = Landed([(0, event(number)) for number in (1, 1, 2, 2, 2, 3, 3)])
    found = compare([build_load(fates, rows, repeatable=True)], landed)
    assert name(found) == [("2", 2, 6)]
    assert found.totals.repeated == 3


@pytest.mark.parametrize(
    "written",
    [
        b'{"request": {"event":"e","attributes":{"a":15.280,"b":1,"c":9007199254740993},"hwid":"d"}}',
        b'{"request":{"hwid":"d","attributes":{"c":9007199254740993,"b":1.0,"a":15.28},"event":"e"}}',
        b'{"request":{"event":"\\u0065","attributes":{"a":1528e-2,"b":1,"c":9007199254740993.0},"hwid":"d"}}',
    ],
)
def test_values_are_compared_not_their_spelling(written: bytes) -> None:
    """Order of keys, blanks, escapes and the spelling of a number mean nothing."""
    row = {"event": "e", "attributes": {"a": 15.28, "b": 1, "c": 9007199254740993}, "hwid": "d"}
    found = run([CONFIRMED], [row], [written])
    assert name(found) == []
    assert found.totals.same == 1


@pytest.mark.parametrize(
    ("expected", "landed"),
    [
        (9007199254740993, 9007199254740992),
        (1, True),
        (1, "1"),
        (None, "null"),
        ("a", "A"),
        (["a", "b"], ["b", "a"]),
        (0.1, 0.1000000000000001),
        ({"x": 1}, {"x": 2}),
        ("", None),
    ],
)
def test_values_that_differ_are_named_with_their_key(expected: object, landed: object) -> None:
    """Integers are exact, types are told apart, and both values are shown."""
    found = run(
        [CONFIRMED],
        [event(1, attributes={"a": expected})],
        [write_form(event(1, attributes={"a": landed}))],
    )
    (difference,) = found.differences()
    (change,) = difference.changes
    assert change.key == "attributes.a"
    assert json.loads(change.expected or "") == expected
    assert json.loads(change.landed or "") == landed


def test_a_key_that_is_missing_is_not_a_key_with_null() -> None:
    """Both are shown."""
    found = run([CONFIRMED], [event(1, attributes={"a": None})], [event(1)])
    (difference,) = found.differences()
    assert difference.changes == (Change("attributes.a", "null", None),)


@pytest.mark.parametrize("key", ["event", "hwid", "userId", "timestampUTC", "application", "device_type"])
def test_a_row_with_one_key_altered_is_one_difference(key: str) -> None:
    """Whichever key was altered, it is a `*`, and not a `-` and a `+`."""
    rows = [event(number) for number in range(5)]
    landed = [*rows[:2], rows[2] | {key: "altered"}, *rows[3:]]
    found = run([CONFIRMED] * 5, rows, landed)
    assert name(found) == [("*", 2, 2)]
    assert [change.key for each in found.differences() for change in each.changes] == [key]


def test_what_landed_and_is_no_json_is_a_difference() -> None:
    """A store that somebody wrote into may hold anything."""
    found = run([CONFIRMED], [event(1)], [write_form(event(1)), b"\xff{", b"[]", b'{"request":5}'])
    assert Counter(each.sign for each in found.differences()) == {Sign.EXTRA: 3}


def test_of_equal_keys_the_most_similar_rows_are_one() -> None:
    """Two altered rows with the same keys are told by their other values."""
    rows = [event(1, attributes={"a": 1, "b": 1}), event(1, attributes={"a": 2, "b": 2})]
    landed = [event(1, attributes={"a": 2, "b": 3}), event(1, attributes={"a": 1, "b": 4})]
    found = run([CONFIRMED] * 2, rows, landed)
    assert name(found) == [("*", 0, 1), ("*", 1, 0)]


@pytest.mark.parametrize(
    ("confirmed", "doubts", "times", "expected"),
    [
        (0, 1, 0, [Doubt.DROPPED]),
        (0, 1, 1, [Doubt.LANDED]),
        (0, 1, 2, [Doubt.LANDED]),
        (0, 2, 1, [Doubt.LANDED, Doubt.DROPPED]),
        (0, 2, 3, [Doubt.UNCLEAR, Doubt.UNCLEAR]),
        (1, 1, 2, [Doubt.LANDED]),
        (1, 1, 1, [Doubt.DROPPED]),
        (1, 1, 0, [Doubt.UNCLEAR]),
        (1, 1, 3, [Doubt.UNCLEAR]),
        (2, 2, 3, [Doubt.LANDED, Doubt.DROPPED]),
    ],
)
def test_equal_rows_answer_a_doubt_only_if_they_can(
    confirmed: int, doubts: int, times: int, expected: list[Doubt]
) -> None:
    """Found or not found is an answer; too few or too many equal rows leave it open."""
    fates = [CONFIRMED] * confirmed + [IN_DOUBT] * doubts
    found = run(fates, [event(1)] * len(fates), [event(1)] * times)
    assert [found.doubts[0][row] for row in sorted(found.doubts[0])] == expected


def test_a_row_in_doubt_that_was_found_altered_stays_unclear() -> None:
    """It may have landed, and been altered since."""
    found = run([IN_DOUBT], [event(1)], [event(1, attributes={"price": 5})])
    assert found.doubts == [{0: Doubt.UNCLEAR}]
    assert name(found) == [("*", 0, 0)]


def test_loads_of_other_labels_are_not_mixed_up() -> None:
    """The same row of two loads must be there for each of them."""
    loads = [
        build_load([CONFIRMED], [event(1)], number=0, compartment=0),
        build_load([CONFIRMED], [event(1)], number=1, compartment=1),
    ]
    found = compare(loads, Landed([(0, event(1)), (0, event(1))]))
    assert [(each.sign.value, each.load) for each in found.differences()] == [("2", 0), ("-", 1)]


def test_loads_of_one_label_share_what_landed() -> None:
    """The same row of two loads is there twice, once for each."""
    loads = [build_load([CONFIRMED], [event(1)], number=number) for number in range(2)]
    assert name(compare(loads, Landed([(0, event(1)), (0, event(1))]))) == []


def test_a_row_that_an_earlier_mapping_sent_is_the_same() -> None:
    """After a retry with a changed mapping, rows are there as the old one wrote them, or the new one."""
    old = [event(1), event(2), None, event(4)]
    new = [event(number, attributes={"x": 1}) for number in (1, 2, 3, 4)]
    fates = [CONFIRMED, CONFIRMED, CONFIRMED, IN_DOUBT]
    landed = Landed([(0, event(1)), (0, new[1]), (0, new[2]), (0, event(4))])
    found = compare([build_load(fates, old, new)], landed)
    assert name(found) == []
    assert (found.totals.same, found.totals.doubts_found) == (3, 1)


def test_a_row_that_both_mappings_explain_leaves_the_other_to_those_that_need_it() -> None:
    """Which of equal rows was sent by which mapping is chosen so that most rows are found."""
    old = [event(1), event(1)]
    new = [event(2), event(3)]
    found = compare([build_load([CONFIRMED] * 2, old, new)], Landed([(0, event(1)), (0, event(2))]))
    assert name(found) == []


@settings(max_examples=300)
@given(data=st.data())
def test_with_several_mappings_as_few_rows_as_possible_differ(data: st.DataObject) -> None:
    """Any rows that were sent by any of their mappings are all found, whatever else they are equal to."""
    count = data.draw(st.integers(1, 6))
    bodies = st.integers(1, 3)
    old, new = ([data.draw(bodies) for _ in range(count)] for _ in range(2))
    sent = [data.draw(st.sampled_from(pair)) for pair in zip(old, new, strict=True)]
    order = data.draw(st.permutations(sent))
    load = build_load([CONFIRMED] * count, list(map(event, old)), list(map(event, new)))
    found = compare([load], Landed([(0, event(number)) for number in order]))
    assert name(found) == []
    assert found.totals.same == count


def test_rows_beyond_the_memory_are_compared_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer does not depend on how many rows are held in memory."""
    monkeypatch.setattr(matching, "BUFFERED", 7)
    rows = [event(number % 40) for number in range(100)]
    landed = [*rows[:50], *rows[51:], event(500)]
    found = run([CONFIRMED] * 100, rows, landed)
    assert [each.sign.value for each in found.differences()] == ["-", "+"]
    assert found.totals.same == 99


def test_too_many_rows_without_a_counterpart_are_listed_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Then altered rows are not looked for, and the findings say so."""
    monkeypatch.setattr(comparison, "MOST_PAIRED", 2)
    rows = [event(number) for number in range(4)]
    found = run([CONFIRMED] * 4, rows, [row | {"device_type": 1} for row in rows])
    assert not found.is_paired
    assert Counter(each.sign for each in found.differences()) == {Sign.MISSING: 4, Sign.EXTRA: 4}


def test_a_few_altered_rows_are_found_among_many_extra_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only one side has to be small."""
    monkeypatch.setattr(comparison, "MOST_PAIRED", 2)
    rows = [event(number) for number in range(3)]
    extra = [event(number) for number in range(100, 140)]
    found = run([CONFIRMED] * 3, rows, [*extra, rows[0] | {"device_type": 1}, *rows[1:]])
    assert Counter(each.sign for each in found.differences()) == {Sign.DIFFERENT: 1, Sign.EXTRA: 40}
    missing = run([CONFIRMED] * 43, [*rows, *extra], [rows[0] | {"device_type": 1}, *rows[1:]])
    assert Counter(each.sign for each in missing.differences()) == {Sign.DIFFERENT: 1, Sign.MISSING: 40}
