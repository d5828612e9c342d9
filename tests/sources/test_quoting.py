"""Quotes that stand where none should, followed from block to block."""

from __future__ import annotations

from itertools import combinations

import pytest

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
