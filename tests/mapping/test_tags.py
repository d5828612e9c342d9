"""Tags: `setTags` by the mapping, from the rules to the bodies."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from loader.errors import MappingError
from loader.mapping import build_mapping, infer, parse_mapping, write_mapping
from loader.mapping.proposing.proposal_text import proposal_text
from loader.mapping.proposing.propose import propose
from loader.methods import Kind
from tests.mapping.samples import mapped, messages, requests, schema_of, text_frame, typed_frame

HEAD = 'kind = "tags"\n[fields]\nuserId = "user"\n[tags]\n'


@pytest.mark.parametrize(
    ("rule", "cell", "value"),
    [
        ('"a"', "gold", "gold"),
        ('{ column = "a", type = "integer" }', "42", 42),
        ('{ column = "a", type = "decimal" }', "12.50", 12.5),
        ('{ column = "a", type = "boolean" }', "yes", True),
        ('{ column = "a", type = "version" }', "10.0.1", "10.0.1"),
        ('{ column = "a", type = "date", zone = "+02:00" }', "2024-02-29 01:30:00", "2024-02-28 23:30"),
        ('{ column = "a", type = "list" }', '["x", 7, 1.50]', ["x", "7", "1.50"]),
        ('{ column = "a", type = "list", separator = "|" }', "x|y", ["x", "y"]),
    ],
)
def test_a_cell_becomes_the_value_of_its_type(rule: str, cell: str, value: object) -> None:
    """Dates are text in UTC, lists hold texts as they are written, versions stay text."""
    result = mapped(f"{HEAD}t = {rule}", text_frame(user=["u"], a=[cell]))
    assert messages(result) == []
    assert requests(result) == [{"application": "AAAAA-BBBBB", "userId": "u", "tags": {"t": value}}]


@pytest.mark.parametrize("cell", ["[true]", "[null]", "[[1]]", "{}", "x"])
def test_a_list_of_something_else_rejects_its_row(cell: str) -> None:
    """The vendor's lists hold texts; nothing else is made into one."""
    result = mapped(f'{HEAD}t = {{ column = "a", type = "list" }}', text_frame(user=["u"], a=[cell]))
    assert messages(result) == [
        f'x.csv, row 1, column "a": "{cell}" is not a list of texts. '
        "Write it as a JSON list, or set separator in the mapping."
    ]


def test_null_is_sent_only_where_the_mapping_asks() -> None:
    """An empty cell leaves the tag as it is, unless the mapping wants it removed."""
    frame = text_frame(user=["u", "v"], a=[None, "x"], b=[None, "y"])
    kept = mapped(f'{HEAD}a = "a"\nb = {{ column = "b", empty = "null" }}', frame)
    assert [request["tags"] for request in requests(kept)] == [{"b": None}, {"a": "x", "b": "y"}]


def test_a_row_without_a_tag_has_nothing_to_set() -> None:
    """It is rejected, not sent as an empty object."""
    result = mapped(f'{HEAD}a = "a"', text_frame(user=["u", "v"], a=[None, "x"]))
    assert messages(result) == [
        "x.csv, row 1, the mapping gives this row no tag. It sets nothing, so it can stay rejected. To "
        'remove what is empty in it at the vendor, set empty = "null" in the mapping.'
    ]
    assert len(requests(result)) == 1


@pytest.mark.parametrize("named", [True, False])
def test_at_most_fifty_tags_a_row(named: bool) -> None:
    """The documentation advises it: one more rejects the row, wherever its tags come from."""
    names = [f"t{number}" for number in range(51)]
    texts = ['{"t1": 1}', "{" + ", ".join(f'"{name}": 1' for name in names) + "}"]
    frame = text_frame(
        user=["u", "v"],
        **({name: ["1" if name != "t50" else None, "1"] for name in names} if named else {"all": texts}),
    )
    result = mapped(HEAD + ("others = true" if named else 'expand = ["all"]'), frame)
    assert messages(result) == [
        "x.csv, row 2, the mapping gives this row more than the 50 tags that one call may set. "
        "Write two mappings with a part of the tags each, and load the file with both: each load needs a "
        "checkpoint of its own."
    ]


def test_lists_inside_json_hold_texts_too() -> None:
    """An opened column writes lists as the vendor takes them."""
    frame = text_frame(user=["u"], all=['{"list": ["a", 1, 2.50], "n": 3, "in": {"b": true}}'])
    (request,) = requests(mapped(f'{HEAD}expand = ["all"]', frame))
    assert request["tags"] == {"list": ["a", "1", "2.50"], "n": 3, "in.b": True}


def test_typed_columns_keep_their_types() -> None:
    """A Parquet file's decimals, lists and days become what the control panel calls them."""
    frame = typed_frame(
        user=pa.array(["u"]), n=pa.array([7]), x=pa.array([1.5]), many=pa.array([[1, 2]]), ok=pa.array([True])
    )
    (request,) = requests(mapped(f"{HEAD}others = true", frame))
    assert request["tags"] == {"n": 7, "x": 1.5, "many": ["1", "2"], "ok": True}


def test_order_is_kept_by_user_and_without_one_by_device() -> None:
    """Rows of one user keep their order whatever device they name; the others that of their device."""
    frame = text_frame(hwid=["d", None, "d"], user=["u", "u", None], a=["1", "2", "3"])
    result = mapped('kind = "tags"\n[fields]\nhwid = "hwid"\nuserId = "user"\n[tags]\na = "a"', frame)
    assert [request.device for request in result.requests()] == ["user u", "user u", "d"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f'{HEAD}a = {{ column = "a", type = "price", currency = "EUR" }}', "is not a type of tags"),
        (
            f'{HEAD}a = "a"\n[attributes]\nb = "b"',
            "[attributes] is for events; setTags takes none. Write [tags].",
        ),
        ('kind = "tags"\n[fields]\nuserId = "u"', "[tags] names no tag, so nothing would be sent."),
        ('kind = "tags"\n[tags]\na = "a"', "[fields] has neither hwid nor userId: tags belong to a device"),
        ('kind = "users"\n[fields]\nhwid = "h"\n[tags]\na = "a"', "[tags] is for rows of tags; registerUser"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused(text: str, problem: str) -> None:
    """Types, tables and ids of another method are named."""
    with pytest.raises(MappingError) as refused:
        parse_mapping(text, "x.toml")
    assert any(problem in one for one in refused.value.problems), refused.value.problems


def test_a_mapping_is_written_whole() -> None:
    """The checkpoint keeps the tags too, so that a changed mapping is refused."""
    text = f'{HEAD}a = {{ column = "a", type = "decimal" }}\nothers = true'
    mapping = parse_mapping(text, "x.toml")
    assert parse_mapping(write_mapping(mapping), "again") == mapping
    assert mapping != parse_mapping(text.replace("decimal", "integer"), "x.toml")
    assert build_mapping({"kind": "tags", "fields": {"hwid": "h"}, "tags": {"a": "a"}}).members.keys() == {
        "a"
    }


def test_columns_become_tags_under_their_own_names() -> None:
    """Without a mapping file each column that is no id is a tag."""
    frame = text_frame(user_id=["u"], plan=["gold"])
    mapping = infer(Kind.TAGS, schema_of(frame), frame)
    assert (list(mapping.fields), list(mapping.members)) == (["userId"], ["plan"])


def test_map_proposes_what_the_load_of_users_left_out() -> None:
    """An export whose users are loaded brings their attributes as tags, without the columns of devices."""
    columns = {
        "id": "d1", "identifier": "t", "external_user_id": "7", "timezone": "0", "device_type": "1",
        "tags": '{"plan": "gold", "visits": 3}', "language": "en",
    }  # fmt: skip
    frame = text_frame(**{name: [cell] for name, cell in columns.items()})
    now = datetime(2026, 1, 1, tzinfo=UTC)
    text = proposal_text(propose(Kind.TAGS, schema_of(frame), frame, now=now), "x.csv")
    (request,) = requests(mapped(text, frame))
    assert request == {
        "application": "AAAAA-BBBBB", "hwid": "d1", "userId": "7", "tags": {"plan": "gold", "visits": 3}
    }  # fmt: skip
    assert '"language"' in text.partition("Not sent")[2]


def test_a_proposal_names_the_types_that_tags_have() -> None:
    """What `map` proposes for prices in text can be loaded: a tag with a fraction is a decimal."""
    frame = text_frame(userId=["u", "v"], price=["1.5", "2.25"])
    now = datetime(2026, 1, 1, tzinfo=UTC)
    text = proposal_text(propose(Kind.TAGS, schema_of(frame), frame, now=now), "x.csv")
    assert [request["tags"] for request in requests(mapped(text, frame))] == [{"price": 1.5}, {"price": 2.25}]


LISTS = {
    "typed": (pa.array([["a"], [], None]), "l"),
    "text": (pa.array(['["a"]', "[]", None]), "l"),
    "opened text": (pa.array(['{"l": ["a"]}', '{"l": []}', "{}"]), None),
    "opened struct": (pa.array([{"l": ["a"]}, {"l": []}, {"l": None}]), None),
}


@pytest.mark.parametrize(
    ("empty", "rest"),
    [("omit", [{}, {}]), ("null", [{"l": None}, {"l": None}])],
)
@pytest.mark.parametrize(("cells", "named"), LISTS.values(), ids=LISTS)
def test_an_empty_list_is_no_value(
    cells: pa.Array, named: str | None, empty: str, rest: list[dict[str, object]]
) -> None:
    """It is left out, or null if the mapping wants that, as an empty cell is, however the list is given."""
    rule = (
        f'l = {{ column = "c", type = "list", empty = "{empty}" }}'
        if named
        else f'expand = [{{ column = "c", empty = "{empty}" }}]'
    )
    ones = pa.array(["1", "1", "1"])
    frame = typed_frame(user=pa.array(["u", "v", "w"]), one=ones, c=cells)
    result = mapped(f'{HEAD}one = "one"\n{rule}', frame)
    assert messages(result) == []
    sent = [request["tags"] for request in requests(result)]
    assert all(tags.pop("one") for tags in sent)
    if named is None and empty == "null" and pa.types.is_string(cells.type):
        rest = [{"l": None}, {}]  # the last object has no such member
    assert sent == [{"l": ["a"]}, *rest]


@pytest.mark.parametrize("cell", ["[true]", "[null]", '["a", false]', "[null, 1]"])
def test_a_list_of_something_else_is_no_list_of_texts_when_it_is_opened_either(cell: str) -> None:
    """One rule holds for a column and for a member of an opened one; its advice can be followed."""
    frame = text_frame(user=["u"], c=[f'{{"l": {cell}}}'])
    result = mapped(f'{HEAD}expand = ["c"]', frame)
    assert messages(result) == [
        'x.csv, row 1, column "c" has a member "l" that is not a list of texts. Name it in the mapping with '
        'type = "string": { column = "c.l" }.'
    ]
    followed = mapped(f'{HEAD}expand = ["c"]\nl = {{ column = "c.l", type = "string" }}', frame)
    assert messages(followed) == []
