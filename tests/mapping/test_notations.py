"""Times as programs write them: read as Python's own `datetime` and `zoneinfo` read them, or refused with the way out."""

# ruff: noqa: E501 - tables with a case a line

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.errors import MappingError
from loader.mapping import timestamps
from loader.mapping.clocks import PLAUSIBLE_COUNT
from loader.mapping.rules import Clock
from tests.mapping.samples import NOW, mapped, messages, requests, text_frame, typed_frame

if TYPE_CHECKING:
    from collections.abc import Callable

ZONES = [
    "America/New_York", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Argentina/Buenos_Aires",
    "Etc/GMT+5", "Etc/UTC", "Africa/Casablanca", "America/Port-au-Prince", "America/St_Johns",
]  # fmt: skip
TOML = """
kind = "events"
[fields]
userId = {{ const = "u" }}
event = {{ const = "e" }}
timestamp = {{ column = "t"{clock} }}
"""
#: Monday, 4 March 2024, 21:37:41 UTC.
MONDAY = 1_709_588_261


def read(texts: list[str], clock: str = "") -> tuple[list[tuple[int, int]], list[str]]:
    """Both times of each row that was mapped, and the reasons of the others."""
    result = mapped(TOML.format(clock=clock), text_frame(t=texts))
    found = [(one["timestampUTC"], one["timestampCurrent"]) for one in requests(result)]
    return found, messages(result)


def _offset(when: datetime, colon: str = ":") -> str:
    text = when.strftime("%z")
    return f"{text[:3]}{colon}{text[3:5]}"


#: What programs write of a time in a zone, given a name of the zone.
WRITERS: dict[str, Callable[[datetime, str], str]] = {
    "Java": lambda when, name: f"{when:%Y-%m-%dT%H:%M:%S}{_offset(when)}[{name}]",
    "Java in UTC": lambda when, name: f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}[{name}]",
    "Java, nanoseconds": lambda when, name: f"{when:%Y-%m-%dT%H:%M:%S}.123456789{_offset(when)}[{name}]",
    "Go": lambda when, _: f"{when:%Y-%m-%d %H:%M:%S}.12 {_offset(when, '')} {when:%Z}",
    "Ruby": lambda when, _: f"{when:%Y-%m-%d %H:%M:%S} {_offset(when, '')}",
    "GMT": lambda when, _: f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} GMT",
    "one digit": lambda when, _: f"{when:%Y-%m-%d} {when.hour}:{when:%M:%S} {_offset(when)}",
    "narrow blank": lambda when, _: f"{when:%Y-%m-%d}\u202f{when:%H:%M:%S}\u00a0{_offset(when)}",
    "mail": lambda when, _: format_datetime(when.replace(microsecond=0)),
    "HTTP": lambda when, _: format_datetime(when.astimezone(UTC), usegmt=True),
}
MOMENTS = st.datetimes(datetime(2001, 1, 2), datetime(2026, 1, 1)).map(
    lambda when: when.replace(microsecond=0)
)


@pytest.mark.parametrize("writer", WRITERS)
@settings(max_examples=20)
@given(MOMENTS, st.sampled_from([name for name in ZONES if "GMT" not in name]))
def test_what_programs_write_is_read_without_a_mapping(writer: str, moment: datetime, name: str) -> None:
    """Offsets, names in brackets and abbreviations behind an offset give the instant that Python gives."""
    when = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(name))
    ((utc, current),), said = read([WRITERS[writer](when, name)])
    assert (utc, said) == (int(when.timestamp()), [])
    own = UTC if "Z[" in WRITERS[writer](when, name) or writer in {"GMT", "HTTP"} else when.tzinfo
    wall = when.astimezone(own).replace(tzinfo=UTC)
    assert current == int(wall.timestamp())


@settings(max_examples=40)
@given(MOMENTS, st.lists(st.sampled_from(ZONES), min_size=2, max_size=4))
def test_a_zone_behind_the_time_gives_its_offset_at_that_time(moment: datetime, names: list[str]) -> None:
    """Presto, Athena and Trino write the zone's name and no offset; each row may name another zone."""
    texts = [f"{moment:%Y-%m-%d %H:%M:%S}.000 {name}" for name in names]
    found, said = read(texts, ', format = "iso", ambiguous = "earlier", nonexistent = "later"')
    expected = [int(moment.replace(tzinfo=ZoneInfo(name)).timestamp()) for name in names]
    assert ([utc for utc, _ in found], said) == (expected, [])


@pytest.mark.parametrize(
    ("clock", "text"),
    [
        ('format = "%d-%b-%y %I.%M.%S.%f %p %z"', "04-MAR-24 09.37.41.000000000 PM +00:00"),
        ('format = "%d-%b-%y %I.%M.%S.%f %p %z"', "04-MAR-24 09.37.41.123456 PM +00:00"),
        ('format = "%d-%b-%y %I.%M.%S.%f %p %z"', "04-MAR-24 11.37.41.123456789 PM +02:00"),
        ('format = "%d-%b-%y %I.%M.%S.%f %p %Z"', "04-MAR-24 04.37.41.000000000 PM America/New_York"),
        ('format = "%z %H:%M:%S %Y-%m-%d"', "+0100 22:37:41 2024-03-04"),
        ('format = "%Y%z%m%d%H%M%S"', "2024+00000304213741"),
        ('format = "%a %b %d %H:%M:%S %Z %Y"', "Mon Mar 04 21:37:41 UTC 2024"),
        ('format = "%a %b %d %Y %H:%M:%S GMT%z (CET)"', "Mon Mar 04 2024 22:37:41 GMT+0100 (CET)"),
        ('format = "%a %b %d %H:%M:%S %Y", zone = "UTC"', "Mon Mar  4 21:37:41 2024"),
        ('format = "%m/%d/%Y, %I:%M:%S %p", zone = "UTC"', "3/4/2024, 9:37:41\u202fPM"),
        ('format = "%m/%d/%Y, %I:%M:%S\u202f%p", zone = "UTC"', "3/4/2024, 9:37:41 pm"),
        ('format = "%m/%d/%Y %H:%M:%S", zone = "UTC"', "\u200e3/\u200e4/\u200e2024 21:37:41"),
        ('format = "%d.%m.%Y %H:%M:%S %z"', "4.3.2024 9:37:41 -12"),
        ('format = "%a, %d %b %Y %H:%M:%S %z"', "Mon, 04 Mar 2024 21:37:41 GMT"),
        ('format = "%a, %d %b %Y %H:%M:%S %z"', "Mon, 04 Mar 2024 21:37:41 +0000 (UTC)"),
        (
            'format = "%a %b %d %Y %H:%M:%S GMT%z"',
            "Mon Mar 04 2024 22:37:41 GMT+0100 (Central European Standard Time)",
        ),
        ('format = "iso", zone = "UTC"', "2024-03-04  21:37:41"),
        ('format = "dotnet", zone = "UTC"', "638451850610000000"),
        ('format = "filetime"', "133540618610000000"),
        ('format = "webkit"', "13354061861000000"),
        ('format = "apple"', "731281061"),
        ('format = "apple"', "731281061.25"),
        ('unit = "s"', "1.709588261E9"),
        ('unit = "s"', "1.709588261123e+09"),
        ('unit = "ms"', "1.709588261E12"),
    ],
)  # fmt: skip
def test_one_instant_in_the_notations_of_other_systems(clock: str, text: str) -> None:
    """The format that a user would write down for it reads it, to the last digit."""
    ((utc, _),), said = read([text], f", {clock}")
    assert (utc, said) == (MONDAY, [])


@given(
    st.datetimes(datetime(1995, 1, 1), datetime(2026, 1, 1)),
    st.integers(-14 * 60, 14 * 60),
    st.sampled_from(["%d/%m/%Y %H:%M:%S.%f %z", "%z|%Y%m%d|%I.%M.%S.%f %p", "%b %d %Y %z %H:%M:%S.%f"]),
)
def test_offsets_in_a_format_are_those_of_strptime(moment: datetime, minutes: int, form: str) -> None:
    """Wherever the offset stands, the instant is the one of Python's own `strptime`."""
    when = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    text = when.strftime(form)
    ((utc, current),), said = read([text], f', format = "{form}"')
    assert (utc, said) == (int(datetime.strptime(text, form).timestamp() // 1), [])
    assert current - utc == minutes * 60


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-04T21:37:41+01:00[America/New_York]",
        "2024-03-04T21:37:41+01:00[Europe/Atlantis]",
        "2024-03-04 21:37:41 Europe/Atlantis",
        "2024-03-04 24:37:41 Europe/Berlin",
        "2024-02-30 21:37:41 GMT",
        "2024-03-04 21:37:41 UTC+03",
        "2024-03-04 21:37:41 +25:00",
        "2024-03-04 9:5:06",
    ],
)
def test_what_contradicts_itself_is_no_time(text: str) -> None:
    """An offset that its zone does not have, a zone that does not exist, a day that never was: the row is rejected."""
    found, said = read(["2024-03-04T21:37:41Z", text], ', format = "iso", zone = "UTC"')
    assert found == [(MONDAY, MONDAY)]
    assert said == [
        f'x.csv, row 2, column "t": "{text}" is not a real ISO date or time. Fix it, or set format in the mapping.'
    ]


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/New_York"])
def test_a_time_that_came_twice_in_the_zone_that_it_names_is_the_users_decision(name: str) -> None:
    """A name in the text is no offset: at the end of summer the hour is rejected, or read as the mapping says."""
    day = {"Europe/Berlin": "2024-10-27 02:30:00", "America/New_York": "2024-11-03 01:30:00"}[name]
    naive = datetime.fromisoformat(day)
    assert "came twice in its time zone" in read([f"{day} {name}"], ', format = "iso"')[1][0]
    for fold, choice in enumerate(["earlier", "later"]):
        ((utc, _),), _ = read([f"{day} {name}"], f', format = "iso", ambiguous = "{choice}"')
        assert utc == int(naive.replace(tzinfo=ZoneInfo(name), fold=fold).timestamp())


@pytest.mark.parametrize("word", ["CST", "EST", "IST", "BST", "CET"])
def test_an_abbreviation_behind_a_time_is_refused_and_the_remedy_works(word: str) -> None:
    """CST is in America and in China, and in July CET is no time in Berlin; the mapping says which is meant."""
    text = f"2024-03-04 21:37:41 {word}"
    with pytest.raises(MappingError, match=f"{word} can mean several time zones") as caught:
        read([text])
    form, zone = re.findall(r'(format = "%[^"]*"|zone = "[^"]*")', caught.value.problems[0])[-2:]
    when = datetime(2024, 3, 4, 21, 37, 41, tzinfo=ZoneInfo("America/Chicago"))
    ((utc, _),), _ = read([text], f", {form}, {zone}")
    assert utc == int(when.timestamp())
    assert (
        "names its time zone by an abbreviation"
        in read(["2024-03-04 21:37:41Z", text], ', format = "iso"')[1][0]
    )


@pytest.mark.parametrize("text", ["1.70959E+12", "1.71E+12", "1.7e9", "1.70959e+09", "2E9"])
def test_a_number_that_has_lost_digits_is_never_a_time(text: str) -> None:
    """A spreadsheet shows six digits, so the time is wrong by minutes or years: the row says so."""
    for unit in ("s", "ms"):
        found, said = read([text], f', unit = "{unit}"')
        assert found == []
        assert (
            "has lost digits, because it was written with an exponent and few digits. Export the times"
            in said[0]
        )
    with pytest.raises(MappingError, match=f'"{re.escape(text)}" has lost digits') as refused:
        read([text])
    assert "format =" not in str(refused.value), "no format reads it"


@given(st.integers(PLAUSIBLE_COUNT, int(NOW.timestamp())), st.sampled_from(["E", "e+", "e"]))
def test_an_exact_number_with_an_exponent_is_its_integer(seconds: int, sign: str) -> None:
    """The shortest exact form, as Java writes it, drops only zeros; with seven digits or more it is exact."""
    digits = str(seconds).rstrip("0")
    text = f"{digits[0]}.{digits[1:] or '0'}{sign}{len(str(seconds)) - 1}"
    found, _ = read([text], ', unit = "s"')
    assert found == ([(seconds, seconds)] if len(digits) > 6 else [])


#: A foreign count of Monday, the unit that is merely the only one left for it (if there is one), and its format.
FOREIGN = [
    ("638451850610000000", "nanoseconds", "dotnet"),
    ("731281061", "seconds", "apple"),
    ("133540618610000000", "", "filetime"),
    ("13354061861000000", "", "webkit"),
    ("45355.9011689815", "", "excel"),
]


@pytest.mark.parametrize(("text", "unit", "form"), FOREIGN)
def test_a_count_from_another_year_is_refused_and_the_remedy_works(text: str, unit: str, form: str) -> None:
    """Nothing is read in 1990 because no other unit is left; the message names the count that fits."""
    with pytest.raises(MappingError) as caught:
        read([text, text])
    (problem,) = caught.value.problems
    assert (f"in {unit} since 1970, and only the lack of another unit says so" in problem) == bool(unit)
    assert f'With format = "{form}" it would be 2024-03-04 21:37:41.' in problem
    found, said = read([text], f', format = "{form}", zone = "UTC"')
    assert (found, said) == ([(MONDAY, MONDAY)], [])


@pytest.mark.parametrize(("unit", "factor"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
def test_a_unit_is_decided_only_for_the_times_of_apps(unit: str, factor: int) -> None:
    """From 2000 on; before, the mapping says the unit, or an earliest day, and single rows still reach back to 1990."""
    recent, old, older = (str(seconds * factor) for seconds in (MONDAY, 700_000_000, 699_999_999))
    assert read([recent, old])[0][1][0] == 700_000_000
    with pytest.raises(MappingError, match=f'If that is right, write unit = "{unit}"'):
        read([old, older, recent])
    assert len(read([old, older, recent], f', unit = "{unit}"')[0]) == 3
    assert len(read([old, older, recent], ", earliest = 1990-01-01")[0]) == 3


@pytest.mark.parametrize("blank", ["\u00a0", "\u2007", "\u2009", "\u202f", "\u3000"])
def test_every_unicode_blank_is_a_blank(blank: str) -> None:
    """Which blank stands before PM depends on the browser and the language."""
    cells = pa.array([f"3/4/2024{blank}9:37:41{blank}PM", "3/4/2024 9:37:41 PM"])
    times = timestamps.read(cells, cells, Clock(format="%m/%d/%Y %I:%M:%S %p"))
    assert times.wall.tolist() == [MONDAY, MONDAY]
    assert times.good.all()


def test_floats_and_integers_of_a_foreign_count_are_refused_too() -> None:
    """Ticks in an integer column are no nanoseconds either."""
    frame = typed_frame(t=pa.array([638_451_850_610_000_000]))
    with pytest.raises(MappingError, match='format = "dotnet"'):
        mapped(TOML.format(clock=""), frame)
    (one,) = requests(mapped(TOML.format(clock=', format = "dotnet", zone = "UTC"'), frame))
    assert one["timestampUTC"] == MONDAY
