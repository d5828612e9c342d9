"""Quotes that stand where none should, followed from block to block."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.sources.boundaries import RecordEnds
from loader.sources.quoting import StrayQuotes

TEXTS = (
    b'a,b\n"x","y"\n"1","2"\n',
    b'a,b\nx"y",2\n"z",3\n',
    b'a,b\nab"c","d"e\n"f",4\n',
    b'a,b\n"say ""hi""",2\n"",""\n',
    b'a,b\nab"c,1\n"x"y,2\n',
    b'a,b\n 3" pipe, "x"\n"32" TV",4\n',
)


@pytest.mark.parametrize("text", TEXTS)
def test_marks_do_not_depend_on_where_a_block_ends(text: bytes) -> None:
    """A text is covered alike however it is cut: also right before a quote in the middle of a cell."""
    (whole,) = cover(text)
    cuts = combinations(range(1, len(text)), 2)
    assert {b"".join(cover(text[:one], text[one:two], text[two:])) for one, two in cuts} == {whole}


def cover(*blocks: bytes) -> list[bytes]:
    """The blocks with their marks, from one pass."""
    strays = StrayQuotes(b",", b'"')
    return [strays.cover(block) for block in blocks]


@given(st.lists(st.text('ab",\n\r \ufeff', max_size=9), min_size=1, max_size=6), st.integers(0, 30))
def test_what_is_known_of_quotes_spares_looking_for_them_again(parts: list[str], start: int) -> None:
    """The end of a record is found at the same place as without that knowledge."""
    blocks = [part.encode() for part in parts if part]
    strays, told, alone = StrayQuotes(b",", b'"'), *(RecordEnds(b",", b'"') for _ in "12")
    length = 0
    for block in map(strays.cover, blocks):
        at = max(0, start - length)
        found = alone.find_next(block, at)
        assert told.find_next(block, at, opened=strays.opened) == found
        if found is not None:
            return
        length += len(block)
