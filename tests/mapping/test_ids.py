"""What nobody meant in an id: found by its kind, wherever it stands, and never in an honest id."""

# ruff: noqa: E501 - tables, a kind a line

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.mapping import ids
from loader.sieve import Sieve
from tests.mapping.samples import mapped, requests, text_frame

if TYPE_CHECKING:
    from loader.mapping.ids import Sign

SIGNED: dict[str, list[str]] = {
    "nothing_visible": [" ", "          ", "\N{NO-BREAK SPACE}", "\N{ZERO WIDTH SPACE}", "\ufeff", "\0\0", "\t",
                        "\N{IDEOGRAPHIC SPACE}", "\N{HANGUL FILLER}", "\N{SOFT HYPHEN}", " \0\N{WORD JOINER}"],
    "scientific": ["1.23457E+12", "1.23457e+12", "1E+15", "1,23457E+12", "1.23457E12", "-1.5E+3", "9E+5", "1.0e9", "12.3E+10", "123.457E+009", "-12E+10"],
    "hashes": ["###", "########"],
    "spreadsheet_mark": ["'00042", "'42", '="00042"', '=""', "'+49151", "'=1+1", "'@x", "'-5", "'12'"],
    "word_for_nothing": [r"\N", "NULL", "null", "Null", "None", "NaN", "nan", "NA", "N/A", "n/a", "undefined",
                         "(null)", "<NA>", "-", "--", "\N{EM DASH}", "?", "#N/A", "#REF!", "nil", '"N', "''",
                         "(not set)", "[object Object]", "00000000-0000-0000-0000-000000000000"],
    "fraction_of_nothing": ["123.0", "42.000000000", "-7.0", "0.0", "123,0", "123,00", "1234567890123.0"],
    "grouped": ["1,234", "1,234,567", "12 345", "1'234'567", "1\N{NO-BREAK SPACE}234", "1\N{NARROW NO-BREAK SPACE}234"],
    "quotes_around": ['"u2"', "'abc'", '"00042"'],
    "invisible_around": [" u2", "u2 ", "\ufeffu2", "u2\N{NO-BREAK SPACE}", "u2\0", "\tu2", "u2\N{ZERO WIDTH SPACE}"],
}  # fmt: skip
HONEST = ["", "u1", "0", "7", "00042", "-1", "12e5", "1e5", "1234e12", "0x1F", "a", "n", "user-null", "nullable",
          "NAN1", "1.2.3", "10.0.0.1", "123.45", "1.5", "1,2345", "1234,567", "12345,678", "'t Hooft", "O'Neil",
          "'tis", "=", "==", "=a", "#1", "##", "a@b.example", "+49151", "1_000", "é", "Ünal", "user 42", "42 a",
          "b4618383c0c47c25", "9e12f4a1b2c3d4e5", "123456789e123456", "550e8400-e29b-41d4-a716-446655440000",
          "100", "12.30", "1.0.0", "v1.0", "E+1", "1.E+5", "1E+", "١٢٣", "user\N{ZERO WIDTH JOINER}x"]  # fmt: skip
NAMES = {sign.name: sign for sign in ids.ID_SIGNS}


def found_in(texts: list[str | None], offset: int = 0) -> dict[str, list[int]]:
    """The positions of each sign."""
    column = pa.array([None] * offset + texts, pa.string()).slice(offset)
    sieve = Sieve(ids.ID_SIGNS)
    return {sign.name: places.tolist() for sign, places in sieve.find(column)}


@pytest.mark.parametrize("name", SIGNED)
@pytest.mark.parametrize("offset", [0, 3])
def test_each_member_of_a_kind_is_found_where_it_stands(name: str, offset: int) -> None:
    """Beside empty cells, honest ids and a part of a longer column."""
    texts: list[str | None] = [None, "", "u1"]
    for text in SIGNED[name]:
        texts += [text, "honest-id", None]
    assert found_in(texts, offset) == {name: [3 + 3 * at for at in range(len(SIGNED[name]))]}


@pytest.mark.parametrize("text", HONEST)
def test_an_honest_id_has_no_sign(text: str) -> None:
    """Hexadecimal ids with an e, versions, names with an apostrophe and phone numbers are left alone."""
    assert found_in([text, text]) == {}


TEXTS = st.text(
    "0123456789'\"=#.,Ee+- \\NnulaA/()\0\u200b\ufeff\u00a0\u202f\u00e9", max_size=8
) | st.sampled_from([text for texts in SIGNED.values() for text in texts])


@given(st.lists(st.none() | TEXTS, max_size=30), st.integers(0, 5))
def test_the_few_bytes_that_are_looked_at_first_never_clear_an_id_that_has_a_sign(
    texts: list[str | None], offset: int
) -> None:
    """The sieve finds exactly what the expressions find over every id, each text at its first sign."""
    column = pa.array(texts, pa.string()).slice(offset)
    expected: dict[str, list[int]] = {}
    for place, text in enumerate(column.to_pylist()):
        sign = next((sign for sign in ids.ID_SIGNS if text and _matches(sign, text)), None)
        if sign is not None:
            expected.setdefault(sign.name, []).append(place)
    assert {sign.name: places.tolist() for sign, places in Sieve(ids.ID_SIGNS).find(column)} == expected


def _matches(sign: Sign, text: str) -> bool:
    return bool(sign.match(pa.array([text]))[0].as_py())


TOML = """
kind = "events"
[fields]
hwid = "hwid"
userId = {user}
event = {event}
timestamp = {{ const = "2024-03-04T21:37:41Z" }}
"""


def events(user: str = '"user"', event: str = '{ const = "buy" }') -> str:
    """A mapping with these rules."""
    return TOML.format(user=user, event=event)


@pytest.mark.parametrize("text", SIGNED["nothing_visible"])
def test_an_id_in_which_nothing_can_be_seen_is_empty(text: str) -> None:
    """No body has such an id; a row that has no other is rejected, and defaults and next columns stand in."""
    frame = text_frame(hwid=["d", text], user=[text, text], other=["o", ""])
    result = mapped(events(), frame)
    assert ["userId" in request for request in requests(result)] == [False]
    assert 'columns "hwid", "user" are empty' in result.rejects[0].message
    assert requests(mapped(events('{ column = "user", default = "x" }'), frame))[0]["userId"] == "x"
    assert requests(mapped(events('{ column = ["user", "other"] }'), frame))[0]["userId"] == "o"
    required = mapped(events('{ column = "user", required = true }'), frame)
    assert "is empty, and the mapping requires it" in required.rejects[0].message


@pytest.mark.parametrize("text", SIGNED["nothing_visible"])
def test_a_name_of_an_event_in_which_nothing_can_be_seen_is_empty(text: str) -> None:
    """What holds for ids holds for the names of events."""
    result = mapped(events(event='"name"'), text_frame(hwid=["d"], user=["u"], name=[text]))
    assert 'column "name" is empty' in result.rejects[0].message


@pytest.mark.parametrize("text", SIGNED["invisible_around"])
def test_trim_removes_what_the_eye_cannot_see_around_a_cell(text: str) -> None:
    """The remedy for such ids works for every member of the kind."""
    frame = text_frame(hwid=["d"], user=[text])
    assert requests(mapped(events(), frame))[0]["userId"] == text
    assert requests(mapped(events('{ column = "user", trim = true }'), frame))[0]["userId"] == "u2"


DAMAGED = [(sign.name, text) for sign in ids.DAMAGE for text in SIGNED[sign.name]]


@pytest.mark.parametrize(("name", "text"), DAMAGED)
@pytest.mark.parametrize("field", ["hwid", "user"])
def test_an_id_that_visibly_is_not_what_it_was_rejects_its_row_alone(
    name: str, text: str, field: str
) -> None:
    """It is never sent as if it were right, and the rows around it do not depend on it."""
    column = ["a", text, "c"]
    frame = text_frame(**{"hwid": ["d1", "d2", "d3"], "user": ["u1", "u2", "u3"], field: column})
    result = mapped(events(), frame)
    assert len(requests(result)) == 2
    (reject,) = result.rejects
    sign = NAMES[name]
    assert sign.fault is not None
    assert reject.ordinal == 1
    assert reject.message.startswith(f'x.csv, row 2, column "{field}": ')
    assert str(sign.fault.reason) in reject.message


@pytest.mark.parametrize(("name", "text"), DAMAGED)
def test_a_damaged_id_that_the_mapping_translates_is_sent(name: str, text: str) -> None:
    """The remedy of the message works: `values` says which id was meant."""
    written = text.replace("\\", "\\\\").replace('"', '\\"')
    frame = text_frame(hwid=["d"], user=[text])
    rule = f'{{ column = "user", values = {{ "{written}" = "u1" }} }}'
    assert requests(mapped(events(rule), frame))[0]["userId"] == "u1"


@pytest.mark.parametrize(
    "name", sorted(set(NAMES) - {sign.name for sign in ids.DAMAGE} - {"nothing_visible"})
)
def test_an_id_that_may_be_meant_is_sent_as_it_stands(name: str) -> None:
    """It is pointed out, and not changed unasked."""
    texts = SIGNED[name]
    frame = text_frame(hwid=["d"] * len(texts), user=texts)
    assert [request["userId"] for request in requests(mapped(events(), frame))] == texts


def test_words_in_the_table_are_distinct_and_in_lower_case() -> None:
    """A word in another case would never be met."""
    assert len(set(ids.WORDS)) == len(ids.WORDS)
    assert not [word for word in ids.WORDS if word != word.lower() or re.search(r"\s{2}", word)]
