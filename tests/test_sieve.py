"""A sieve finds what its expressions find, and no text less."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.sieve import Pattern, Places, Sieve

DIGITS = frozenset(b"0123456789")
BEYOND = frozenset(range(0x80, 0x100))
NUMBER = Pattern("number", r"^\d+$", (Places(first=DIGITS, last=DIGITS),), DIGITS)
ACCENT = Pattern("accent", r"^\p{Latin}*é\p{Latin}*$", (Places(),), BEYOND)
LONG = Pattern("long", r"^x[a-z]{39,}$", (Places(first=b"x", lengths=(40,)),), frozenset(b"x"))
PAIR = Pattern(
    "pair",
    r"^ab.?cd$",
    (Places(b"a", b"d", b"b", b"c", lengths=(4, 5)),),
    frozenset(b"c"),
)
WORD = Pattern(
    "word", "", (Places(first=b"nN", last=b"lL", lengths=(3, 4)),), words=pa.array(["nil", "null"])
)
PATTERNS = (NUMBER, PAIR, WORD, LONG, ACCENT)
TEXTS = st.text("0aABbcdnNlLxé \0", max_size=6) | st.sampled_from(
    ["null", "NIL", "abcd", "ab0cd", "x" * 40, "x" * 41, "x" * 90, "007", "caffé", "\N{SNOWMAN}"]
)


@given(st.lists(st.none() | TEXTS, max_size=40), st.integers(0, 5))
def test_each_text_is_found_at_the_first_of_its_patterns(texts: list[str | None], offset: int) -> None:
    """As the expressions alone would find it, in whatever part of a longer column."""
    column = pa.array(texts, pa.string()).slice(offset)
    expected: dict[str, list[int]] = {}
    for place, text in enumerate(column.to_pylist()):
        has = (pattern for pattern in PATTERNS if text and pattern.match(pa.array([text]))[0].as_py())
        if pattern := next(has, None):
            expected.setdefault(pattern.name, []).append(place)
    assert {pattern.name: places.tolist() for pattern, places in Sieve(PATTERNS).find(column)} == expected


@pytest.mark.parametrize(
    "column", [pa.array([], pa.string()), pa.array([None, None], pa.string()), pa.array([""])]
)
def test_a_column_without_a_character_has_none(column: pa.Array) -> None:
    """Whatever Arrow keeps behind it: no buffer, an empty one, or texts that are not part of it."""
    assert list(Sieve(PATTERNS).find(column)) == []
    assert list(Sieve(PATTERNS).find(pa.array(["7"]).slice(1))) == []
