"""Cells of JSON text: what is found without parsing a text is what parsing it would give."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.mapping.nested.jsontext import IN_A_LIST, Cells, dig, text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = st.sampled_from(["a", "b", "a.b", "b[0]", "é", 'q"', "\\"]) | st.text(min_size=1, max_size=3)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["\ud800", "\U0001f600", "[", "{", "\0", "\x1f", "\\u00e9", '"'])
)
NESTED = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(NAMES, SCALARS, max_size=4) | st.dictionaries(NAMES, NESTED, max_size=4) | NESTED


@st.composite
def texts(draw: st.DrawFn) -> str:
    """An object as some writer writes it; sometimes with a part that is missing, doubled or strange."""
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t:\r\n ")]))
    text = json.dumps(draw(OBJECTS), ensure_ascii=draw(st.booleans()), separators=separators)
    text = text.encode("utf-8", "replace").decode()
    start, end = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
    damage = draw(st.sampled_from(["none", "none", "cut", "double", "insert"]))
    if damage == "cut":
        return text[:start] + text[end:]
    if damage == "double":
        return text[:end] + draw(st.sampled_from(["", ","])) + text[start:]
    if damage == "insert":
        return (
            text[:start]
            + draw(st.sampled_from(['"', "\\", "\n", "0", "NaN", "{", "}", "\\ud83d", " "]))
            + text[start:]
        )
    return text


def dig_out(cells: Cells, path: str) -> list[str | None]:
    """What each text has at a path, from the whole text parsed."""
    return [text_of(dig(value, path)) for value in cells.values]


@given(
    column=st.lists(st.none() | texts() | st.sampled_from(["", " ", "null", "[]", "{}"]), max_size=8),
    path=NAMES,
)
def test_a_path_leads_where_it_leads_in_the_parsed_text(column: Sequence[str | None], path: str) -> None:
    """However a cell is written, and whatever is wrong with it, both ways give the same text."""
    cells = Cells(pa.array(column, pa.string()))
    found, blocked = cells.texts(path)
    wanted = dig_out(cells, path)
    rows = [None if place is None else wanted[place] for place in cells.indices.to_pylist()]
    assert found.to_pylist() == [None if text is IN_A_LIST else text for text in rows]
    assert (blocked.tolist() if blocked is not None else [False] * len(rows)) == [
        text is IN_A_LIST for text in rows
    ]
    bad = [
        value is None and text.strip() not in {"", "null"}
        for value, text in zip(cells.values, cells._texts.to_pylist(), strict=True)
    ]
    assert cells.wrong.tolist() == [place is not None and bad[place] for place in cells.indices.to_pylist()]


@pytest.mark.parametrize(
    ("text", "path", "found"),
    [
        ('{"a": 12.00}', "a", "12.00"),
        ('{"a": 9007199254740993, "b": 0.1e5}', "b", "0.1e5"),
        ('{"a": "\\u00e9\\n\\"x\\""}', "a", 'é\n"x"'),
        ('{"a": "\\ud83d\\ude00"}', "a", "\U0001f600"),
        ('{"a": "\\ud83d"}', "a", None),
        ('{"a": 1, "a": 2}', "a", None),
        ('{"a": 1, "\\u0061": 2}', "a", None),
        ('{"a.b": 1, "a": {"b": 2}}', "a.b", "1"),
        ('{"a": {"b": 2}}', "a.b", "2"),
        ('{"a": {"b": 2}}', "a", '{"b":2}'),
        ('{"a": "x", "b": null, "c": true}', "b", None),
        ('{"a": "x", "b": null, "c": true}', "c", "true"),
        ('{"a": "[1]"}', "a", "[1]"),
        ("[1]", "a", None),
        ("12", "a", None),
    ],
)
def test_a_member_is_as_it_is_written(text: str, path: str, found: str | None) -> None:
    """Numbers keep their digits, texts what they mean; a text that names a member twice is none."""
    texts = Cells(pa.array([text])).texts(path)[0]
    assert texts.to_pylist() == [found]
