"""Offsets and zones as columns hold them: read if a zone can be off by them, otherwise only as the mapping says."""

# ruff: noqa: E501 - tables with a case a line

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import cache

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.errors import MappingError
from loader.mapping import parse_mapping, write_mapping
from loader.mapping.zone_faults import zone_fault
from loader.mapping.zone_names import AMBIGUOUS_NAMES, RAILS_NAMES, WINDOWS_NAMES
from loader.mapping.zones import QUARTER, known_zones, parse_zone, shipped
from tests.mapping.samples import mapped, messages, requests, text_frame, typed_frame

USERS = """
kind = "users"
[fields]
hwid = "h"
tz_offset = {{ column = "z"{settings} }}
"""
EVENTS = """
kind = "events"
[fields]
hwid = "h"
event = {{ const = "e" }}
timestamp = {{ column = "t", zone = {{ column = "z"{settings} }} }}
"""


def offsets(cells: pa.Array | list[str], settings: str = "") -> tuple[list[int | None], list[str]]:
    """The offset of each user that was mapped, and the reasons of the others."""
    cells = cells if isinstance(cells, pa.Array) else pa.array(cells, pa.string())
    frame = typed_frame(h=pa.array([f"d{row}" for row in range(len(cells))]), z=cells)
    result = mapped(USERS.format(settings=settings), frame)
    return [one.get("tz_offset") for one in requests(result)], messages(result)


def user_clocks(cells: list[str], settings: str = "") -> tuple[list[int], list[str]]:
    """How far the user's clock is from UTC in each event that was mapped, and the reasons of the others."""
    frame = text_frame(h=["d"] * len(cells), t=["2024-03-04T21:37:41Z"] * len(cells), z=cells)
    result = mapped(EVENTS.format(settings=settings), frame)
    found = [one["timestampCurrent"] - one["timestampUTC"] for one in requests(result)]
    return found, messages(result)


@cache
def offsets_since_1980() -> frozenset[int]:
    """Every offset that any zone of the database has had since 1980, looked at each quarter."""
    weeks = [datetime(1980, 1, 1, tzinfo=UTC) + timedelta(weeks=week) for week in range(47 * 52)]
    return frozenset(
        int(when.astimezone(zone).utcoffset().total_seconds())  # type: ignore[union-attr]  # it has a zone
        for zone in map(shipped, known_zones())
        for when in weeks[::13]
    )


def test_every_offset_of_the_zone_database_is_read_as_seconds() -> None:
    """The rule that refuses other numbers holds for each zone since 1980, so no real offset is refused."""
    assert {offset % QUARTER for offset in offsets_since_1980()} == {0}
    assert all(parse_zone(str(offset)) == offset for offset in offsets_since_1980())


@pytest.mark.parametrize("text", ["-5", "+2", "330", "120", "-480", "5.5", "-2917", "-1200", "900", "-900", "1", "530", "3600.5"])  # fmt: skip
@pytest.mark.parametrize("read", [offsets, user_clocks])
def test_a_number_that_no_zone_is_off_by_is_never_read_as_seconds(read: object, text: str) -> None:
    """Hours and minutes look like this, and so does +0900 as a number: the row is rejected, with `unit` as the way out."""
    found, said = read([text, "3600"])  # type: ignore[operator]  # one of two functions
    assert found == [3600]
    key = "tz_offset" if read is offsets else "zone"
    (reason,) = said
    assert f'"{text}" is not an offset that a time zone has, counted in seconds. ' in reason
    assert f'set unit = "h" of {key} in the mapping' in reason


@pytest.mark.parametrize(
    ("unit", "cells", "seconds"),
    [
        ("h", ["-5", "+2", "5.5", "-07", "5.75", "0", "+05:30"], [-18_000, 7200, 19_800, -25_200, 20_700, 0, 19_800]),
        ("min", ["330", "120", "-480", "0", "+05:30"], [19_800, 7200, -28_800, 0, 19_800]),
        ("s", ["-2917", "1", "19800", "-28800", "-07"], [-2917, 1, 19_800, -28_800, -25_200]),
        ("ms", ["-18000000", "19800000", "0"], [-18_000, 19_800, 0]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("read", [offsets, user_clocks])
def test_a_unit_says_what_numbers_count(
    read: object, unit: str, cells: list[str], seconds: list[int]
) -> None:
    """In `tz_offset` and `zone` alike; offsets with a colon or a leading zero say it themselves."""
    assert read(cells, f', unit = "{unit}"') == (seconds, [])  # type: ignore[operator]  # as above


@pytest.mark.parametrize(
    ("unit", "text"), [("h", "330"), ("h", "5.3"), ("min", "-5"), ("min", "-28800"), ("ms", "3600"), ("s", "3600.5")]
)  # fmt: skip
def test_a_number_in_another_unit_than_said_is_rejected(unit: str, text: str) -> None:
    """Hours among minutes are no offset of any zone either, so a mixed column cannot pass in silence."""
    found, said = offsets([text], f', unit = "{unit}"')
    assert found == []
    assert "is not an offset that a time zone has, counted in" in said[0]


@pytest.mark.parametrize(
    "cells", [pa.array([-5.0, 5.5]), pa.array([-5, 2], pa.int8()), pa.array(["-5", "5.5"]).dictionary_encode()]
)  # fmt: skip
def test_typed_numbers_of_hours_are_no_seconds_either(cells: pa.Array) -> None:
    """Whatever type the column has, nothing is sent before the unit is said."""
    assert offsets(cells)[0] == []
    assert offsets(cells, ', unit = "h"')[0][0] == -18_000


@given(st.integers(-14 * 4, 14 * 4), st.sampled_from(["s", "min", "h"]))
def test_an_offset_is_the_same_in_every_unit(quarters: int, unit: str) -> None:
    """A number of quarters of an hour, written in a unit, gives its seconds."""
    seconds = quarters * QUARTER
    written = {"s": f"{seconds}", "min": f"{seconds // 60}", "h": f"{seconds / 3600:g}"}[unit]
    assert parse_zone(written, unit) == seconds


@pytest.mark.parametrize("read", [offsets, user_clocks])
def test_words_are_translated_and_others_are_read_as_they_are(read: object) -> None:
    """A column with some names of another system needs only these in `values`."""
    found, said = read(
        ["HQ", "Asia/Kathmandu", "+01:00", "field", "shop"],
        ', values = { "HQ" = "+03:00", "field" = -4 }, unit = "h"',
    )  # type: ignore[operator]  # one of two functions
    assert found == [10_800, 20_700, 3600, -14_400]
    (reason,) = said
    assert '"shop"' in reason
    assert "set values of" in reason


def test_a_translation_to_no_zone_is_refused_before_the_first_row() -> None:
    """A mistake in the table of values is the mapping's, and not each row's."""
    for toml in (USERS, EVENTS):
        with pytest.raises(MappingError, match=re.escape("'Berlin/Europe' is not a time zone")):
            mapped(toml.format(settings=', values = { "HQ" = "Berlin/Europe" }'), text_frame(h=["d"], t=["2024-03-04T21:37:41Z"], z=["HQ"]))  # fmt: skip


@pytest.mark.parametrize("constant", ["-2917", "-5", '"330"'])
def test_a_constant_zone_that_no_zone_is_off_by_is_refused(constant: str) -> None:
    """The mapping's own constant is not guessed at either."""
    toml = f'kind = "events"\n[fields]\nhwid = "h"\nevent = "e"\ntimestamp = {{ column = "t", zone = {constant} }}'
    with pytest.raises(MappingError, match="No zone is off UTC by this many seconds"):
        parse_mapping(toml, "x.toml")


def test_a_mapping_with_units_and_words_is_written_as_it_was_read() -> None:
    """The checkpoint keeps the text of the mapping, and a resumed load reads it back."""
    for toml in (USERS, EVENTS):
        mapping = parse_mapping(toml.format(settings=', unit = "min", values = { "HQ" = 60 }'), "x")
        assert parse_mapping(write_mapping(mapping), "y") == mapping


@pytest.mark.parametrize("name", [*WINDOWS_NAMES, *RAILS_NAMES])
def test_names_of_windows_and_rails_are_zones(name: str) -> None:
    """Each is one zone of the database that is installed with the loader."""
    assert parse_zone(name) == shipped({**RAILS_NAMES, **WINDOWS_NAMES}[name])


def test_no_name_of_windows_or_rails_hides_another_zone() -> None:
    """IANA's names come first, and the two tables never say different zones of one name."""
    assert not known_zones() & {*WINDOWS_NAMES, *RAILS_NAMES}
    assert not WINDOWS_NAMES.keys() & RAILS_NAMES.keys()


@pytest.mark.parametrize("word", ["CST", "IST", "BST", "PDT", "AEST", *sorted(AMBIGUOUS_NAMES)])
@pytest.mark.parametrize("read", [offsets, user_clocks])
def test_words_that_mean_several_zones_are_rejected(read: object, word: str) -> None:
    """CST is in America, in Cuba and in China; the row says that, and `values` decides."""
    found, said = read([word])  # type: ignore[operator]  # one of two functions
    assert found == []
    assert f'"{word}" can mean several time zones. ' in said[0]
    assert read([word], f', values = {{ "{word}" = "-06:00" }}') == ([-21_600], [])  # type: ignore[operator]


@pytest.mark.parametrize(("text", "seconds"), [("GMT+03:00", 10_800), ("UTC-05:00", -18_000), ("GMT+0530", 19_800)])  # fmt: skip
def test_offsets_from_gmt_are_read_with_their_minutes(text: str, seconds: int) -> None:
    """Java and JavaScript write them; GMT+3 stays refused, because POSIX means the other direction."""
    assert parse_zone(text) == seconds
    assert parse_zone("GMT+3") is None
    assert parse_zone("UTC+3") is None


@pytest.mark.parametrize("word", ["HQ", "USA", "EMEA"])
def test_a_short_word_that_is_no_abbreviation_of_a_zone_is_not_said_to_be_ambiguous(word: str) -> None:
    """A reason is about the value that is wrong; the way out is the same."""
    fault = zone_fault(word, "zone", None)
    assert fault.reason == "is not a time zone"
    assert "set values of zone" in fault.remedy
