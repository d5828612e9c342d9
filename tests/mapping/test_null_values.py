"""`null_values`: texts that mean nothing, in all columns or in one."""

from __future__ import annotations

import pyarrow as pa
import pytest

from loader.errors import MappingError
from loader.mapping import parse_mapping
from tests.mapping.samples import mapped, requests, text_frame, typed_frame

EVENTS = """
kind = "events"
[fields]
hwid = "hwid"
userId = {user}
event = {{ const = "buy" }}
timestamp = {{ column = "time", unit = "s" }}
[attributes]
others = true
"""
WORDS = [r"\N", "NULL", "(null)", "-", "n/a", "None", "\u2205", " ", '"', "\x00"]


def events(user: str = '"user"', source: str = "") -> str:
    """A mapping of events with these keys."""
    return EVENTS.format(user=user) + source


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("place", ["source", "field"])
def test_a_cell_that_is_exactly_the_word_is_empty_and_all_others_stay(word: str, place: str) -> None:
    """Real ids that hold the word, or differ from it by case or blanks, are never touched."""
    written = word.replace("\\", "\\\\").replace('"', '\\"').replace("\x00", "\\u0000")
    toml = (
        events(source=f'[source]\nnull_values = ["{written}"]')
        if place == "source"
        else events(f'{{ column = "user", null_values = ["{written}"] }}')
    )
    kept = [f"x{word}", f"{word}x", f"{word}x{word}", f"x{word}x"]
    cells = [word, "u1", *kept]
    frame = text_frame(hwid=["d"] * 6, user=cells, time=["1700000000"] * 6)
    sent = [request.get("userId") for request in requests(mapped(toml, frame))]
    assert sent == [None, "u1", *kept]


def test_the_word_of_one_field_stays_a_value_in_every_other_column() -> None:
    """`NA` may be nothing in the user's id and Namibia in the country."""
    frame = text_frame(hwid=["d"], user=["NA"], time=["1700000000"], country=["NA"])
    (request,) = requests(mapped(events('{ column = "user", null_values = ["NA"] }'), frame))
    assert "userId" not in request
    assert request["attributes"] == {"country": "NA"}


@pytest.mark.parametrize(
    ("cells", "word"),
    [
        (pa.array([-1, 5]), "-1"),
        (pa.array([-1.0, 5.0]), "-1"),
        (pa.array([False, True]), "false"),
        (pa.array(["NA", "x"]).dictionary_encode(), "NA"),
        (pa.array([b"NA", b"x"]), "NA"),
        (pa.array([0, 10**9], pa.timestamp("s", "UTC")), "1970-01-01 00:00:00Z"),
    ],
    ids=lambda value: str(getattr(value, "type", value)),
)
@pytest.mark.parametrize("place", ["source", "attribute"])
def test_columns_of_any_type_are_compared_as_text_and_keep_their_type(
    cells: pa.Array, word: str, place: str
) -> None:
    """A column of numbers that has -1 for nothing still sends numbers."""
    one = "" if place == "source" else f', null_values = ["{word}"]'
    toml = events().replace("others = true", f'a = {{ column = "a"{one} }}')
    toml += f'[source]\nnull_values = ["{word}"]' if place == "source" else ""
    frame = typed_frame(
        hwid=pa.array(["d", "d"]), user=pa.array(["u", "u"]), time=pa.array([1_700_000_000] * 2), a=cells
    )
    plain = requests(mapped(events().replace("others = true", 'a = "a"'), frame))
    empty, full = requests(mapped(toml, frame))
    assert "a" not in empty["attributes"]
    assert full == plain[1]


def test_numbers_among_which_a_word_stands_are_numbers() -> None:
    """NULL in a column of amounts costs no row, and the amounts keep their type."""
    frame = text_frame(hwid=["d", "d"], user=["u", "u"], time=["1700000000"] * 2, amount=["12.5", "NULL"])
    rule = 'amount = { column = "amount", type = "float", null_values = ["NULL"] }'
    first, second = requests(mapped(events().replace("others = true", rule), frame))
    assert first["attributes"] == {"amount": 12.5}
    assert second["attributes"] == {}


@pytest.mark.parametrize("place", ["source", "field"])
def test_with_trim_a_word_with_blanks_around_it_is_nothing_too(place: str) -> None:
    """A column of fixed width writes its NULL with blanks behind it."""
    rule = '{ column = "user", trim = true }'
    toml = (
        events(rule, '[source]\nnull_values = ["NULL"]')
        if place == "source"
        else events(rule.replace("true", 'true, null_values = ["NULL"]'))
    )
    frame = text_frame(hwid=["d", "d"], user=["NULL   ", "u1  "], time=["1700000000"] * 2)
    assert [request.get("userId") for request in requests(mapped(toml, frame))] == [None, "u1"]


@pytest.mark.parametrize(
    ("user", "sent"),
    [
        ('{ column = ["user", "guest"], null_values = ["NA"] }', ["g1", "u2"]),
        ('{ template = "{user}-{guest}", null_values = ["NA"] }', [None, "u2-g2"]),
        ('{ column = "user", null_values = ["NA"], default = "nobody" }', ["nobody", "u2"]),
        ('{ column = "user", null_values = ["NA"], values = { u2 = "U2" } }', [None, "U2"]),
    ],
)
def test_nothing_is_an_empty_cell_to_every_other_key(user: str, sent: list[str | None]) -> None:
    """The next column counts, the template is empty, the default stands in, and `values` need not list it."""
    frame = text_frame(hwid=["d", "d"], user=["NA", "u2"], guest=["g1", "g2"], time=["1700000000"] * 2)
    assert [request.get("userId") for request in requests(mapped(events(user), frame))] == sent


def test_a_time_that_means_nothing_rejects_its_row_as_empty() -> None:
    """An event without a time is not sent, and the reason does not say that the word is a wrong time."""
    toml = events().replace('unit = "s"', 'unit = "s", null_values = ["NULL"]')
    frame = text_frame(hwid=["d", "d"], user=["u", "u"], time=["1700000000", "NULL"])
    (reject,) = mapped(toml, frame).rejects
    assert reject.message.startswith('x.csv, row 2, column "time" is empty')


@pytest.mark.parametrize(
    "props",
    [
        pa.array(['{"a": "NA", "b": {"c": "NA", "d": "x"}, "e": ["NA"]}']),
        pa.array([{"a": "NA", "b": {"c": "NA", "d": "x"}, "e": ["NA"]}]),
        pa.array([[("a", "NA"), ("b.c", "NA"), ("b.d", "x"), ("e", "y")]], pa.map_(pa.string(), pa.string())),
    ],
    ids=["text", "struct", "map"],
)
def test_members_of_opened_columns_are_compared_too(props: pa.Array) -> None:
    """What means nothing in a column means nothing inside one; lists stay as they are."""
    toml = events(source='[source]\nnull_values = ["NA"]')
    toml = toml.replace("others = true", 'expand = ["props"]')
    frame = typed_frame(
        hwid=pa.array(["d"]), user=pa.array(["u"]), time=pa.array([1_700_000_000]), props=props
    )
    (request,) = requests(mapped(toml, frame))
    attributes = request["attributes"]
    assert attributes.pop("e") in (["NA"], "y")
    assert attributes == {"b.d": "x"}


@pytest.mark.parametrize("written", ['"NA"', "[]", "[1]", "true"])
def test_what_is_not_a_list_of_texts_is_refused(written: str) -> None:
    """The message shows how it is written."""
    with pytest.raises(MappingError) as refusal:
        parse_mapping(events(f'{{ column = "user", null_values = {written} }}'), "m.toml")
    assert 'must be a list of texts, such as ["NULL", "NA"].' in str(refusal.value)
