"""Zones: names, offsets, local time to UTC and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.mapping.zones import Seconds, locate, offsets, parse_zone

ZONES = [
    "America/New_York", "Europe/Berlin", "Europe/Dublin", "Asia/Kathmandu", "Australia/Lord_Howe",
    "Pacific/Apia", "America/Sao_Paulo", "Africa/Casablanca", "America/St_Johns", "Pacific/Chatham", "UTC",
]  # fmt: skip
EPOCH = datetime(1970, 1, 1)


def wall_of(when: datetime) -> Seconds:
    """One wall clock time."""
    return np.array([int((when - EPOCH).total_seconds())], dtype=np.int64)


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("Europe/Berlin", ZoneInfo("Europe/Berlin")),
        ("+05:45", 20_700),
        ("-03:30", -12_600),
        ("+0545", 20_700),
        ("-08", -28_800),
        ("+5:30", 19_800),
        ("-2917", -2917),
        ("3600", 3600),
        ("-28800", -28_800),
        ("0", 0),
        ("Z", 0),
        ("-1200", None),
        ("europe/berlin", None),
        ("localtime", None),
        ("Europe/Atlantis", None),
        ("+05:75", None),
        ("+99:00", None),
        ("99999", None),
        ("3600.5", None),
        ("../etc/passwd", None),
        ("", None),
    ],
)
def test_zones_as_people_write_them(text: str, zone: ZoneInfo | int | None) -> None:
    """Names, clock offsets and seconds are read; what could be two things, or nothing, is neither."""
    assert parse_zone(text) == zone


@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1)).map(lambda when: when.replace(microsecond=0)),
)
def test_a_local_time_round_trips_through_the_zone(name: str, when: datetime) -> None:
    """A wall clock time that exists once becomes the instant that shows this time on a clock there."""
    zone = ZoneInfo(name)
    located = locate(wall_of(when), zone, ambiguous="reject", nonexistent="reject")
    if located.ambiguous[0] or located.nonexistent[0]:
        return
    assert datetime.fromtimestamp(int(located.utc[0]), zone).replace(tzinfo=None) == when
    assert int(offsets(located.utc, zone)[0]) == (when - EPOCH).total_seconds() - located.utc[0]


@pytest.mark.parametrize("name", ZONES)
def test_around_every_transition_the_answer_is_the_one_of_zoneinfo(name: str) -> None:
    """Gap and fold are told apart, and each choice is the instant that PEP 495 names."""
    zone = ZoneInfo(name)
    for utc in transitions(zone, 2005, 2026):
        for shift in (-5400, -1800, -1, 0, 1, 1800, 5400):
            when = datetime.fromtimestamp(utc + shift, UTC).astimezone(zone).replace(tzinfo=None)
            for naive in (when, when + timedelta(minutes=45), when - timedelta(minutes=45)):
                check_against_zoneinfo(naive, zone)


def check_against_zoneinfo(naive: datetime, zone: ZoneInfo) -> None:
    """Compare all choices for one wall clock time with what zoneinfo says of both folds."""
    first, second = (int(naive.replace(tzinfo=zone, fold=fold).timestamp()) for fold in (0, 1))
    wall = wall_of(naive)
    earlier = locate(wall, zone, ambiguous="earlier", nonexistent="earlier")
    later = locate(wall, zone, ambiguous="later", nonexistent="later")
    assert (earlier.utc[0], later.utc[0]) == (min(first, second), max(first, second))
    assert bool(earlier.ambiguous[0]) == (first < second)
    assert bool(earlier.nonexistent[0]) == (first > second)


def transitions(zone: ZoneInfo, first: int, last: int) -> list[int]:
    """Instants at which the offset changes, found by bisection between days."""
    found = []
    days = range(
        int(datetime(first, 1, 1, tzinfo=UTC).timestamp()),
        int(datetime(last, 1, 1, tzinfo=UTC).timestamp()),
        86_400,
    )
    for day in days:
        low, high = day, day + 86_400
        if offset(low, zone) == offset(high, zone):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle, zone) == offset(low, zone) else (low, middle)
        found.append(high)
    return found


def offset(utc: int, zone: ZoneInfo) -> timedelta | None:
    """The offset by zoneinfo."""
    return datetime.fromtimestamp(utc, UTC).astimezone(zone).utcoffset()


def test_a_skipped_time_can_be_shifted_to_the_end_of_the_gap() -> None:
    """02:30 in the hour that was skipped becomes 03:00, the first time after it."""
    located = locate(
        wall_of(datetime(2024, 3, 10, 2, 30)),
        ZoneInfo("America/New_York"),
        ambiguous="reject",
        nonexistent="shift",
    )
    assert datetime.fromtimestamp(int(located.utc[0]), UTC) == datetime(2024, 3, 10, 7, 0, tzinfo=UTC)
