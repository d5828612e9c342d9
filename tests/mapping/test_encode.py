"""JSON by columns."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given
from hypothesis import strategies as st

from loader.mapping import encode

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.lists(st.none() | TEXT, min_size=1), TEXT)
def test_any_text_parses_back(texts: list[str | None], name: str) -> None:
    """Quotes, backslashes, control characters and every other character arrive as they are."""
    member = encode.text_member(name, pa.array(texts, pa.string()))
    written = encode.write(member.pieces, len(texts)).to_pylist()
    assert [None if one is None else json.loads("{" + one + "}") for one in written] == [
        None if text is None else {name: text} for text in texts
    ]


@given(st.lists(st.tuples(st.none() | TEXT, st.none() | TEXT, st.none() | TEXT), min_size=1))
def test_a_row_stays_in_its_place_whatever_is_empty(rows: list[tuple[str | None, ...]]) -> None:
    """A row without any member is an empty object; it never moves the rows behind it."""
    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    members = [encode.text_member(name, column) for name, column in zip("abc", columns, strict=True)]
    inner = encode.write(encode.join_members(members, len(rows)), len(rows)).to_pylist()
    objects = [json.loads("{" + each + "}") for each in inner]
    assert objects == [
        {name: text for name, text in zip("abc", row, strict=True) if text is not None} for row in rows
    ]


@given(st.lists(st.none() | TEXT, min_size=1), st.data())
def test_a_slice_of_texts_is_emptied_in_its_own_place(texts: list[str | None], data: st.DataObject) -> None:
    """A chunk that begins inside a larger one keeps its texts (pyarrow before 24 mixed them up elsewhere)."""
    first = data.draw(st.integers(0, len(texts) - 1))
    piece = pa.array(texts, pa.string()).slice(first)
    emptied = encode.nulled(pc.equal(piece, ""), piece)
    emptied.validate(full=True)
    assert emptied.to_pylist() == [text or None for text in texts[first:]]
