"""The keys of a mapping file that say which rows are part of a load."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from loader.errors import MappingError
from loader.mapping import build_mapping, parse_mapping, write_mapping
from loader.mapping.rules import RowRules, Unique
from tests.mapping.samples import EVENTS, mapper_of, text_frame

FRAME = text_frame(hwid=["d1"], time=["1700000000"], event_name=["purchase"])
USERS = 'kind = "users"\n[fields]\nhwid = "hwid"\n'


def parse(rows: str = "", top: str = "", text: str = EVENTS) -> list[str]:
    """What is wrong with a mapping with this table `[rows]`, and these lines at its top."""
    try:
        mapping = parse_mapping(f"{top}\n{text}\n[rows]\n{rows}", "x.toml")
        mapper_of(write_mapping(mapping), FRAME)
    except MappingError as error:
        return list(error.problems)
    return []


def test_lists_hold_texts_and_numbers_are_compared_as_texts() -> None:
    """A typed column is compared by the text of its cells, so 3, true and "3" can be written as they are."""
    mapping = parse_mapping(
        f'{EVENTS}[rows]\nonly = {{ a = ["x", ""], b = 3, c = [true, 1.5] }}\nexcept = {{ d = "web" }}', "x"
    )
    assert mapping.rows == RowRules({"a": ("x", ""), "b": ("3",), "c": ("true", "1.5")}, {"d": ("web",)})


@pytest.mark.parametrize(
    "rows",
    [
        'only = { event_name = ["purchase", "sign\\"up"], "odd name" = ["3"] }',
        'except = { event_name = ["", "b"] }\nfrom = 2024-01-31\nzone = "Europe/Berlin"',
        "from = 2024-01-31T12:00:00+02:00\nuntil = 2024-02-01T00:00:00Z",
        'from = "2024-01-31"\nuntil = "2024-01-31T12:00:00Z"\nzone = 3600',
    ],
)
@pytest.mark.parametrize("top", ["", 'unique = ["a", "b"]', 'unique = true\nunique_keep = "last"'])
def test_the_canonical_text_has_the_selection_in_it(rows: str, top: str) -> None:
    """It is part of the identity of a load, and reads back as an equal mapping."""
    mapping = parse_mapping(f"{top}\n{EVENTS}\n[rows]\n{rows}", "x.toml")
    text = write_mapping(mapping)
    assert parse_mapping(text, "again") == mapping
    assert text != write_mapping(parse_mapping(EVENTS, "x.toml"))


@pytest.mark.parametrize(
    ("given", "unique"),
    [
        ({"unique": ["id"]}, Unique(("id",))),
        ({"unique": "id"}, Unique(("id",))),
        ({"unique": True}, Unique()),
        ({"unique": ["a", "b"], "unique_keep": "last"}, Unique(("a", "b"), "last")),
        ({"unique": False}, None),
        ({}, None),
    ],
)
def test_unique_names_the_key(given: dict[str, object], unique: Unique | None) -> None:
    """Columns, or all that is sent of a row."""
    fields = {"hwid": "hwid", "event": {"const": "x"}, "timestamp": "time"}
    assert build_mapping({"kind": "events", "fields": fields, **given}).unique == unique


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ("onyl = { a = [] }", '[rows] does not take "onyl". Did you mean "only"?'),
        ('only = ["a"]', "[rows] only must be a table of columns with lists of texts, such as "),
        ("only = {}", "[rows] only must be a table of columns"),
        ("except = { event_name = [] }", '[rows] except "event_name" is an empty list. Name the texts'),
        ("only = { event_name = [[1]] }", "must be a list of texts, numbers, true or false."),
        ('only = { evnt_name = ["x"] }', 'the input has no column "evnt_name". Did you mean "event_name"?'),
        ('except = { nothing = ["x"] }', '[rows] except: the input has no column "nothing". The columns are'),
        (
            'only = { event_name = ["a", "b"] }\nexcept = { event_name = ["b"] }',
            '"b" of the column "event_name" under only and under except',
        ),
        ('from = "yesterday"', '[rows] from = "yesterday" must be a day such as 2024-01-31, or an instant'),
        ("until = 3", "[rows] until must be a day such as 2024-01-31, or an instant"),
        ("from = 2024-02-01\nuntil = 2024-01-31\nzone = 0", "from = 2024-02-01 is after until = 2024-01-31"),
        ("from = 2024-02-01T00:00:00Z\nuntil = 2024-02-01T00:00:00Z", "is after until"),
        ("from = 2024-02-05\nuntil = 2024-02-01T00:00:00Z\nzone = 0", "is after until"),
        ('from = 2024-02-01\nzone = "Europe/Berln"', '[rows] zone = "Europe/Berln" is not a time zone.'),
        ("zone = 0", "[rows]: zone does nothing without from or until."),
        ("from = 2024-02-01", "Set zone in [rows], for example"),
        (
            'unique = ["a"]',
            '[rows] does not take "unique". It belongs at the top of the file, above [fields].',
        ),
    ],
)
def test_mistakes_are_named(rows: str, problem: str) -> None:
    """As all mistakes in a mapping: what is wrong, and what to write."""
    assert any(problem in found for found in parse(rows)), parse(rows)


@pytest.mark.parametrize(
    ("top", "problem"),
    [
        ("unique = []", "unique is an empty list. Name the columns, or write true"),
        ("unique = 3", 'unique must be a list of columns, such as ["insert_id"], or true'),
        ('unique = ["evnt_name"]', 'unique: the input has no column "evnt_name". Did you mean "event_name"?'),
        ('unique = true\nunique_keep = "newest"', 'unique_keep must be "first" or "last".'),
        ('unique_keep = "last"', "unique_keep does nothing without unique."),
    ],
)
def test_mistakes_in_unique_are_named(top: str, problem: str) -> None:
    """Each with what to write."""
    assert any(problem in found for found in parse(top=top)), parse(top=top)


@pytest.mark.parametrize("kind", ["users", "tags"])
def test_the_key_of_rows_of_which_the_last_counts_cannot_be_chosen(kind: str) -> None:
    """A row is unchanged only against what was sent last for its device, whatever else it has."""
    text = USERS.replace("users", kind) + '[tags]\na = "event_name"\n' * (kind == "tags")
    (problem,) = parse(top='key = ["time"]', text=text)
    assert problem == (
        f"key is for events. A ledger always knows {kind} by their device, or else their user. Remove it."
    )


def test_rows_without_a_time_have_no_period() -> None:
    """Users and tags are not selected by their time."""
    (problem,) = parse("from = 2024-01-01T00:00:00Z", text=USERS)
    assert problem == "[rows]: from and until select by the time of an event, and users have none."


def test_one_day_is_a_period() -> None:
    """From and until may be the same day, because the last day belongs to the period."""
    assert parse("from = 2024-02-01\nuntil = 2024-02-01\nzone = 0") == []


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (
            'event = { column = "event_name", unlisted = "leave out" }',
            "unlisted is for cells that are not in",
        ),
        ('event = { column = "event_name", values = { a = "b" }, unlisted = "skip" }', 'Use "reject" or'),
        ('tz_offset = { column = "x", values = { a = "b" }, unlisted = "leave out" }', "does not take"),
    ],
)
def test_unlisted_stands_beside_values(rule: str, problem: str) -> None:
    """Alone it would say nothing; zones and offsets are read as they are if they are not listed."""
    kind = "users" if rule.startswith("tz") else "events"
    with pytest.raises(MappingError) as error:
        parse_mapping(f'kind = "{kind}"\n[fields]\nhwid = "h"\n{rule}', "x.toml")
    assert any(problem in each for each in error.value.problems)


def test_days_take_the_zone_of_the_timestamp() -> None:
    """A mapping that says in which zone its times are has said it for its days too; it is written out."""
    text = """
    kind = "events"
    [fields]
    hwid = "hwid"
    event = { const = "purchase" }
    timestamp = { column = "time", format = "%Y-%m-%d", zone = "Asia/Tokyo" }
    [rows]
    from = 2024-01-31
    """
    frame = text_frame(hwid=["d1"], time=["2024-01-31"])
    assert mapper_of(text, frame).mapping.rows == RowRules(start=date(2024, 1, 31), zone="Asia/Tokyo")


def test_an_instant_needs_no_zone() -> None:
    """It carries its own offset."""
    mapper = mapper_of(f"{EVENTS}\n[rows]\nfrom = 2024-01-31T00:00:00Z", FRAME)
    assert mapper.mapping.rows == RowRules(start=datetime(2024, 1, 31, tzinfo=UTC))
