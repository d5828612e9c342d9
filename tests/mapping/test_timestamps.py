"""Times: read as declared, decided only where one reading is possible, never made up."""

# ruff: noqa: E501 - tables with whole sentences, a case a line

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.errors import MappingError
from loader.mapping import timestamps, write_mapping
from loader.methods import Kind
from tests.mapping.samples import (
    attribute,
    chunk_of,
    inferred,
    mapped,
    messages,
    requests,
    text_frame,
    typed_frame,
)

TOML = """
kind = "events"
[fields]
userId = {{ const = "u" }}
event = {{ const = "e" }}
timestamp = {{ column = "t", {clock} }}
"""
UTC_10 = int(datetime(2024, 1, 31, 10, 20, 30, tzinfo=UTC).timestamp())


def times(clock: str, cells: Any) -> list[tuple[int, int]]:
    """Both timestamps of each row that was mapped."""
    frame = typed_frame(t=cells if isinstance(cells, pa.Array) else pa.array(cells, pa.string()))
    found = requests(mapped(TOML.format(clock=clock), frame))
    return [(request["timestampUTC"], request["timestampCurrent"]) for request in found]


@pytest.mark.parametrize(
    ("clock", "text", "offset"),
    [
        ('format = "iso"', "2024-01-31T10:20:30Z", 0),
        ('format = "iso"', "2024-01-31 10:20:30 UTC", 0),
        ('format = "iso"', "2024-01-31T10:20:30.999999+00:00", 0),
        ('format = "iso"', "2024-01-31T16:05:30+05:45", 20_700),
        ('format = "iso"', "2024-01-31T06:50:30,5-0330", -12_600),
        ('format = "iso", zone = "Asia/Kathmandu"', "2024-01-31T10:20:30Z", 20_700),
        ('format = "iso", zone = "America/New_York"', "2024-01-31 05:20:30", -18_000),
        ('format = "iso", zone = "UTC"', "20240131T102030", 0),
        ('format = "%d.%m.%Y %H:%M:%S", zone = "+01:00"', "31.1.2024 11:20:30", 3600),
        ('format = "%b %d %Y %I:%M:%S %p", zone = 0', "Jan 31 2024 10:20:30 AM", 0),
        ('format = "%d/%m/%Y %H:%M:%S %z"', "31/01/2024 16:05:30 +0545", 20_700),
        ('format = "%Y%m%d%H%M%S", zone = "UTC"', "20240131102030", 0),
        ('unit = "s"', "1706696430", 0),
        ('unit = "s"', "1706696430.75", 0),
        ('unit = "ms", zone = "America/New_York"', "1706696430123", -18_000),
        ('unit = "us"', "1706696430123456", 0),
        ('unit = "ns"', "1706696430123456789", 0),
        ('unit = "s", local = true, zone = "-05:00"', "1706678430", -18_000),
        ('format = "excel", zone = "UTC"', "45322.43090277778", 0),
        ('format = "excel1904", zone = "UTC"', "43860.43090277778", 0),
    ],
)
def test_one_instant_in_every_notation(clock: str, text: str, offset: int) -> None:
    """Each notation gives the same instant, and the local clock of the offset in force at it."""
    assert times(clock, [text]) == [(UTC_10, UTC_10 + offset)]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_arrow_timestamps_of_every_unit(unit: str) -> None:
    """With a zone they are instants, shown in that zone; without one they are local to the declared zone."""
    naive = pa.array([datetime(2024, 1, 31, 5, 20, 30)]).cast(pa.timestamp(unit))
    assert times('zone = "America/New_York"', naive) == [(UTC_10, UTC_10 - 18_000)]
    zoned = (
        pa.array([UTC_10])
        .cast(pa.timestamp("s", "America/New_York"))
        .cast(pa.timestamp(unit, "America/New_York"))
    )
    frame = typed_frame(t=zoned)
    no_clock = TOML.format(clock="").replace(",  }", " }")
    (request,) = requests(mapped(no_clock, frame))
    assert (request["timestampUTC"], request["timestampCurrent"]) == (UTC_10, UTC_10 - 18_000)


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64()])
def test_arrow_dates_are_local_midnight(kind: pa.DataType) -> None:
    """A day begins where the user is, not in Greenwich."""
    midnight = int(datetime(2024, 7, 4, tzinfo=ZoneInfo("America/New_York")).timestamp())
    cells = pa.array([date(2024, 7, 4)]).cast(kind)
    assert times('zone = "America/New_York"', cells) == [(midnight, midnight - 14_400)]


@pytest.mark.parametrize(
    ("clock", "text", "reason"),
    [
        ('format = "%Y%m%d", zone = 0', "19970230", "is not a real time written as YYYYMMDD. Fix it, or set format in the mapping."),
        ('format = "%Y%m%d", zone = 0', "1997 101", "is not a real time written as YYYYMMDD. Fix it, or set format in the mapping."),
        ('format = "%Y%m%d", zone = 0', "2024031", "is not a real time written as YYYYMMDD. Fix it, or set format in the mapping."),
        ('format = "%Y%m%d", zone = 0', "now", "is not a real time written as YYYYMMDD. Fix it, or set format in the mapping."),
        ('format = "%d.%m.%Y", zone = 0', "today", 'is not a real time in the format "%d.%m.%Y". Fix it, or set format in the mapping.'),
        ('format = "iso", zone = 0', "now", "is not a real ISO date or time. Fix it, or set format in the mapping."),
        ('format = "iso", zone = 0', "2023-02-29", "is not a real ISO date or time. Fix it, or set format in the mapping."),
        ('format = "iso"', "2024-01-31 10:20:30", "carries no time zone. Set zone in the mapping to a name, an offset or a column; it is never guessed."),
        ('unit = "s"', "yesterday", "is not a number of seconds since 1970. Fix it, or set unit in the mapping."),
        ('unit = "s"', "1706696430123", "lies outside the plausible range from 1990-01-01 to 2026-06-02. Fix it, or set earliest and latest in the mapping."),
        ('format = "iso"', "9999-12-31T00:00:00Z", "lies outside the plausible range from 1990-01-01 to 2026-06-02. Fix it, or set earliest and latest in the mapping."),
        ('format = "iso"', "1601-01-01T00:00:00Z", "lies outside the plausible range from 1990-01-01 to 2026-06-02. Fix it, or set earliest and latest in the mapping."),
    ],
)  # fmt: skip
def test_what_is_no_time_is_rejected_and_never_becomes_now(clock: str, text: str, reason: str) -> None:
    """The row is rejected with the value and the remedy, and the row beside it is mapped."""
    good = {"unit": "1706696430", '"iso': "2024-01-31T10:20:30Z", '"%Y%': "20240131", '"%d.': "31.01.2024"}
    beside = next(value for key, value in good.items() if key in clock)
    result = mapped(TOML.format(clock=clock), text_frame(t=[beside, text]), sampled=1)
    assert len(requests(result)) == 1
    assert messages(result) == [f'x.csv, row 2, column "t": "{text}" {reason}']


@pytest.mark.parametrize(
    ("form", "serial", "day"),
    [
        ("excel", "1", "1900-01-01 00:00"),
        ("excel", "59.75", "1900-02-28 18:00"),
        ("excel", "60", None),
        ("excel", "60.5", None),
        ("excel", "61", "1900-03-01 00:00"),
        ("excel", "45322.5", "2024-01-31 12:00"),
        ("excel1904", "0", "1904-01-01 00:00"),
        ("excel1904", "43860", "2024-01-31 00:00"),
        ("excel", "-1", None),
        ("excel", "1e3", None),
    ],
)
def test_spreadsheet_days_are_those_that_the_spreadsheet_shows(
    form: str, serial: str, day: str | None
) -> None:
    """The first calendar counts a 29 February 1900; it never was, so it is no day, and the others are right."""
    values, said = attribute(f'{{ column = "a", format = "{form}", zone = "UTC" }}', pa.array([serial]))
    assert values == ([day] if day else [])
    assert said == ([] if day else [
        f'x.csv, row 1, column "a": "{serial}" is not a real time in the format "excel". Fix it, or set format in the mapping.'
    ])  # fmt: skip


ODD = [
    "2024-01-31T10:20:30", "2024-02-29 23:59:59", "2023-02-29T00:00:00", "2024-01-31T24:00:00",
    "2016-12-31T23:59:60", "0000-01-01T00:00:00", "0001-01-01T00:00:00", "9999-12-31T23:59:59",
]  # fmt: skip


@given(st.sampled_from(ODD), st.integers(0, 18), st.sampled_from("09TtZ:+-. ,x²"), st.sampled_from(["", "Z"]))
def test_the_short_way_for_iso_times_reads_what_the_long_way_reads(
    text: str, place: int, sign: str, zone: str
) -> None:
    """A column of even texts is read faster, and no differently."""
    cells = pa.array([text[:place] + sign + text[place + 1 :] + zone])
    short, long = timestamps._even_iso(cells), timestamps._any_iso(cells)
    if short is not None and short.good[0]:
        assert (short.wall[0], short.zoned[0], True) == (long.wall[0], long.zoned[0], long.good[0])


def test_an_empty_time_is_rejected() -> None:
    """Without a time the vendor would stamp the event with the moment it arrives."""
    result = mapped(TOML.format(clock='unit = "s"'), text_frame(t=["1706696430", "", None]))
    assert messages(result) == [
        f'x.csv, row {row}, column "t" is empty, and an event without a time would be stamped with the moment it '
        "arrives. Fill it; the loader never makes up a time."
        for row in (2, 3)
    ]


@pytest.mark.parametrize("choice", ["earlier", "later"])
def test_each_use_of_a_daylight_saving_rule_is_counted(choice: str) -> None:
    """A time that came twice is read as declared, and the number of such rows is told."""
    clock = f'format = "iso", zone = "America/New_York", ambiguous = "{choice}"'
    result = mapped(TOML.format(clock=clock), text_frame(t=["2024-11-03 01:30:00"] * 3 + ["2024-11-04"]))
    assert {request["timestampUTC"] for request in requests(result)[:3]} == {
        1730611800 if choice == "earlier" else 1730615400
    }
    assert list(result.uses.values()) == [3]


def test_zones_of_a_column_apply_row_by_row() -> None:
    """Names and offsets may be mixed; an unknown one and a missing one reject their rows alone."""
    frame = text_frame(
        t=["2024-07-01 12:00"] * 5, z=["America/New_York", "+05:45", "3600", "Europe/Berln", ""]
    )
    result = mapped(TOML.format(clock='format = "iso", zone = { column = "z" }'), frame)
    found = requests(result)
    assert [one["timestampCurrent"] - one["timestampUTC"] for one in found] == [-14_400, 20_700, 3600]
    assert {one["timestampCurrent"] for one in found} == {1719835200}
    assert messages(result) == [
        'x.csv, row 4, column "z": "Europe/Berln" is not a time zone. Did you mean "Europe/Berlin"? Use an IANA name '
        'such as "Europe/Berlin", an offset such as "+05:45", or seconds. To translate a word, set values of zone in '
        'the mapping, such as { "HQ" = "Europe/Berlin" }.',
        'x.csv, row 5, column "t": "2024-07-01 12:00" has no time zone: column "z" is empty. Fill it; a zone is '
        "never guessed.",
    ]


@pytest.mark.parametrize(
    ("cells", "decided"),
    [
        (["20240131", "19970101"], 'format = "%Y%m%d"'),
        (["20240131", "20230229"], 'format = "%Y%m%d"'),
        (["20240131102030"], 'format = "%Y%m%d%H%M%S"'),
        (["2024-01-31", "2024-01-31T10:20:30Z"], 'format = "iso"'),
        (["Wed, 31 Jan 2024 10:20:30 +0000 (UTC)"], 'format = "%a, %d %b %Y %H:%M:%S %z"'),
        (["1706696430", "631152000"], 'unit = "s"'),
        (["1706696430123"], 'unit = "ms"'),
        (["1706696430123456"], 'unit = "us"'),
        (["1706696430123456789"], 'unit = "ns"'),
    ],
)
def test_an_unmistakable_notation_is_decided_once_and_written_out(cells: list[str], decided: str) -> None:
    """The effective mapping names the format, so that a resumed load reads the same."""
    frame = text_frame(
        user_id=["u"] * len(cells), event=["e"] * len(cells), timestamp=list(cells), tz=["UTC"] * len(cells)
    )
    assert decided in write_mapping(inferred(Kind.EVENTS, frame).mapping)


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        (
            ["31/01/2024"],
            '"31/01/2024" is not a recognised time. Write format = "%d/%m/%Y" in the mapping, which fits the sample.',
        ),
        (
            ["01/02/2024"],
            '"01/02/2024" is not a recognised time. Several formats fit the sample. Write the right one in the mapping: '
            'format = "%d/%m/%Y" or format = "%m/%d/%Y".',
        ),
        (
            ["31/01/2024", "soon"],
            '"31/01/2024" is not a recognised time. Say in the mapping how it is written: format = "iso", '
            'strptime codes such as format = "%d.%m.%Y %H:%M", or unit = "s", "ms", "us" or "ns".',
        ),
        (
            ["1706696430", "1706696430123"],
            'the times do not all have one form: "1706696430123" differs from "1706696430". If unit = "s" is right, '
            "write it in the mapping; rows that differ are then rejected. Otherwise convert the times to one form.",
        ),
        (
            ["45322"],
            '"45322" is not a recognised time. Say in the mapping how it is written: format = "iso", '
            'strptime codes such as format = "%d.%m.%Y %H:%M", or unit = "s", "ms", "us" or "ns".',
        ),
        (
            ["2024-01-31 10:00"],
            '"2024-01-31 10:00" carries no time zone, and the loader never guesses one. Set zone in the mapping, for example '
            'zone = "America/New_York", zone = "+05:45" or zone = { column = "timezone" }.',
        ),
    ],
)
def test_an_unclear_unit_or_zone_is_an_error_before_the_first_row(cells: list[str], problem: str) -> None:
    """Nothing about a time is guessed."""
    frame = text_frame(user_id=["u"] * len(cells), event=["e"] * len(cells), timestamp=list(cells))
    with pytest.raises(MappingError, match=re.escape(f'x.csv: timestamp from "timestamp": {problem}')):
        inferred(Kind.EVENTS, frame)


def test_days_that_could_be_seconds_are_an_error() -> None:
    """With a window that begins in 1970, 19970101 could be the 231st day of that year as well."""
    toml = TOML.format(clock="zone = 0, earliest = 1970-01-01")
    with pytest.raises(MappingError, match='times such as "19970101" can be read in several ways'):
        mapped(toml, text_frame(t=["19970101"]))


def test_the_zone_of_an_arrow_column_must_be_known() -> None:
    """A zone that only the writing system knew is an error, not UTC."""
    cells = pa.array([UTC_10], pa.timestamp("s", "Etc/Foo"))
    with pytest.raises(MappingError, match='timestamp: the column is in "Etc/Foo"'):
        mapped(TOML.format(clock="").replace(",  }", " }"), typed_frame(t=cells))


def test_times_in_utc_without_a_zone_of_the_user_are_loaded_with_a_word_on_it() -> None:
    """The local clock then follows UTC, and the person is told so."""
    frame = text_frame(user_id=["u"], event=["e"], ts=["1706696430"])
    mapper = inferred(Kind.EVENTS, frame)
    assert mapper.notices == (
        "timestampCurrent, the time on the user's own clock, follows the offset that each time carries (a count "
        "since 1970 is UTC), because no column or constant names the users' zone.",
    )
    (request,) = requests(mapper.map(chunk_of(frame)))
    assert request["timestampCurrent"] == request["timestampUTC"] == UTC_10


@given(
    st.sampled_from(["America/New_York", "Europe/Dublin", "Asia/Kathmandu", "Australia/Lord_Howe"]),
    st.lists(st.integers(631_152_000, 1_780_000_000), min_size=1, max_size=20),
)
def test_a_mapped_time_round_trips_through_the_zone_database(zone: str, instants: list[int]) -> None:
    """TimestampCurrent is what a clock in that zone showed at timestampUTC."""
    found = times(f'unit = "s", zone = "{zone}"', [str(utc) for utc in instants])
    wall = [datetime.fromtimestamp(utc, ZoneInfo(zone)).replace(tzinfo=UTC).timestamp() for utc in instants]
    assert found == list(zip(instants, map(int, wall), strict=True))
