"""The mapping file."""

# ruff: noqa: E501 - tables with whole sentences, a case a line

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.errors import MappingError
from loader.mapping import Mapping, build_mapping, parse_mapping, read_mapping, write_mapping
from loader.mapping.keys import EXPAND_KEYS, MEMBER_KEYS
from loader.methods import Kind

ROOT = Path(__file__).parents[2]
CONTRACT = """
kind = "events"                                   # or "users"

[fields]
hwid        = "device_id"                         # short for { column = "device_id" }
userId      = { column = "customer", default = "" }
event       = { column = "action", values = { "Buy" = "purchase" } }
timestamp   = { column = "day", format = "%Y%m%d", zone = "America/New_York" }
device_type = { column = "platform", values = { iphone = "ios", droid = 3 } }

[attributes]
cds     = { column = "cds", type = "integer" }
dollars = { column = "amount", type = "float" }
others = true
"""
MISTAKES = """
kind = "events"
[fields]
hwidd = "a"
event = { const = "x", column = "y" }
timestamp = { column = "t", format = "%H:%M", unit = "sec", zone = "Europe/Berln" }
[attributes]
msgHash = "a"
x = { column = "a", typ = "float" }
y = 3
z = { column = "a", decimal = "," }
w = { column = "a", type = "price" }
[extras]
"""
PROBLEMS = [
    'The file does not take "extras". It takes kind, version, unique, unique_keep, key, fields, rows, lookups, load, attributes, source.',
    '[fields] does not take "hwidd". Did you mean "hwid"?',
    "[fields] event: give exactly one of column, const and template.",
    '[fields] timestamp: format = "%H:%M" does not read a whole date: it needs a year, a month and a day.',
    '[fields] timestamp: unit = "sec" is not known. Use "s", "ms", "us" or "ns".',
    '[fields] timestamp: zone = "Europe/Berln" is not a time zone. Did you mean "Europe/Berlin"? Use an IANA name such '
    'as "Europe/Berlin", an offset such as "+05:45", or seconds.',
    "[fields] has neither hwid nor userId: an event belongs to a device, a user, or both. Name at least one column.",
    "[attributes] msgHash: this name is reserved by the vendor. Choose another.",
    '[attributes] x does not take "typ". Did you mean "type"?',
    '[attributes] y must be a column\'s name in quotes, or a table such as { column = "name" }; for a constant write '
    "{ const = 3 }.",
    '[attributes] z: decimal needs type = "integer", "float" or "price".',
    '[attributes] w: type = "price" and currency go together: currency = "USD" or { column = "currency" }.',
]


def test_every_mistake_is_reported_at_once() -> None:
    """A person mends the file once, not once for each mistake."""
    with pytest.raises(MappingError) as caught:
        parse_mapping(MISTAKES, "m.toml")
    assert caught.value.problems == PROBLEMS
    assert str(caught.value) == "\n  ".join(["m.toml:", *PROBLEMS])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("kind = 'user'", 'kind must be "users", "events" or "tags".'),
        ("kind = ", "it is not valid TOML: Invalid value (at end of document)."),
        ('kind = "users"\n[fields]\nuserId = "u"', "[fields] has no hwid: a user is registered on a device. Name the column of device ids."),
        ('kind = "users"\nversion = 2\n[fields]\nhwid = "u"', "version = 2 is not known; this loader reads version 1."),
        ('kind = "users"\n[fields]\nhwid = "u"\n[attributes]\na = "b"', "[attributes] is for events; registerUser takes none. Remove it."),
        ('kind = "events"\n[fields]\nhwid = "u"\nevent = "e"', "[fields] has no timestamp: without it the vendor would stamp each event with the moment it arrives. Name the column of times."),
    ],
)  # fmt: skip
def test_what_is_missing_is_said(text: str, problem: str) -> None:
    """The sentence says what to write."""
    with pytest.raises(MappingError) as caught:
        parse_mapping(text, "m.toml")
    assert caught.value.problems == [problem]


@pytest.mark.parametrize(
    "text",
    [
        CONTRACT,
        'kind = "users"\n[fields]\nhwid = "d"\ntz_offset = { column = "z", at = { column = "c", unit = "ms" } }',
        'kind = "users"\n[fields]\nhwid = { column = ["a", "b"] }\ntz_offset = { column = "z", at = 2024-07-01T00:00:00Z }',
        CONTRACT.replace("others = true", 'others = true\nexcept = ["x y"]\n"ä.b" = { template = "{a}-{b}", empty = "null" }'),
        CONTRACT.replace("others = true", 'others = { empty = "null" }\nexpand = ["p", { column = "q", prefix = "q.", empty = "reject" }]\nexcept = ["p.x"]'),
        CONTRACT.replace("others = true", 'others = true\na = { column = "b", null_values = ["", "\\\\N"] }\n[source]\nnull_values = ["NA"]\nquote = ""'),
        CONTRACT.replace('"America/New_York"', "20700, earliest = 1999-01-01, latest = 2001-02-03T04:05:06Z"),
        CONTRACT.replace('"America/New_York"', '{ column = "tz" }, ambiguous = "earlier", nonexistent = "shift"'),
    ],
)  # fmt: skip
def test_the_canonical_text_reads_back_equal(text: str) -> None:
    """The text in the checkpoint stands for the mapping, and writing it again changes nothing."""
    mapping = parse_mapping(text, "m.toml")
    written = write_mapping(mapping)
    assert parse_mapping(written, "checkpoint") == mapping
    assert write_mapping(parse_mapping(written, "checkpoint")) == written


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    st.text(st.characters(exclude_categories=["Cs"])),
)
def test_names_and_constants_of_any_text_survive_the_canonical_text(column: str, constant: str) -> None:
    """Quotes, line ends and control characters in a column's name or a constant are written so that they read back."""
    mapping = parse_mapping(CONTRACT, "m.toml")
    rule = mapping.fields["hwid"]
    changed = Mapping(
        Kind.EVENTS,
        dict(mapping.fields)
        | {"hwid": type(rule)(column=(column,), default=constant, values={column: constant})},
    )
    assert parse_mapping(write_mapping(changed), "checkpoint") == changed


def test_the_reference_speaks_of_every_key_and_its_example_is_one() -> None:
    """What the reference shows can be copied, and nothing that a mapping takes is left unsaid."""
    page = (ROOT / "docs" / "reference" / "mapping.md").read_text("utf-8")
    example = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert example is not None
    assert parse_mapping(example[1], "mapping.md").kind is Kind.EVENTS
    by_hand = re.sub(r"<!-- made: .*?<!-- end -->", "", page.replace(example[0], ""), flags=re.DOTALL)
    keys = {*MEMBER_KEYS, *EXPAND_KEYS, "at", "required", "others", "except", "expand"}
    assert {key for key in keys if not re.search(rf"\b{key}\b", by_hand)} == set()


def test_a_mapping_can_be_built_in_python() -> None:
    """From a dictionary of the file's shape, with the same checks."""
    document = tomllib.loads(CONTRACT)
    assert build_mapping(document) == parse_mapping(CONTRACT, "m.toml")
    assert tomllib.loads(CONTRACT) == document
    with pytest.raises(MappingError) as caught:
        build_mapping({"kind": "users", "fields": {"hwids": "a"}})
    assert str(caught.value) == (
        'the mapping:\n  [fields] does not take "hwids". Did you mean "hwid"?\n'
        "  [fields] has no hwid: a user is registered on a device. Name the column of device ids."
    )


def test_a_mapping_for_the_other_kind_is_refused(tmp_path: Path) -> None:
    """Events are never loaded by a mapping for users."""
    path = tmp_path / "m.toml"
    path.write_bytes(b"\xef\xbb\xbf" + CONTRACT.encode())
    assert read_mapping(path, Kind.EVENTS) == parse_mapping(CONTRACT, "m")
    with pytest.raises(
        MappingError, match=re.escape('it is for events (kind = "events"), but this load is for users.')
    ):
        read_mapping(path, Kind.USERS)
    with pytest.raises(MappingError, match="the mapping file cannot be read: No such file or directory"):
        read_mapping(tmp_path / "none.toml")
