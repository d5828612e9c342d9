"""Zones: names, offsets, local time to UTC and back."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.mapping.zones import Seconds, locate, offsets, parse_zone, shipped

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
        ("Europe/Berlin", shipped("Europe/Berlin")),
        ("+05:45", 20_700),
        ("-03:30", -12_600),
        ("+0545", 20_700),
        ("-08", -28_800),
        ("+5:30", 19_800),
        ("-2917", None),
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


def test_a_skipped_time_can_be_shifted_to_the_end_of_the_gap() -> None:
    """02:30 in the hour that was skipped becomes 03:00, the first time after it."""
    located = locate(
        wall_of(datetime(2024, 3, 10, 2, 30)),
        ZoneInfo("America/New_York"),
        ambiguous="reject",
        nonexistent="shift",
    )
    assert datetime.fromtimestamp(int(located.utc[0]), UTC) == datetime(2024, 3, 10, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize("name", ["America/New_York", "Australia/Sydney", "Pacific/Kiritimati"])
@pytest.mark.parametrize("instant", [-(2**35), -(2**28), 0, *(number << 28 for number in range(3, 9)), 2**37])
def test_a_lone_instant_where_one_table_of_offsets_ends_is_found_in_the_next(name: str, instant: int) -> None:
    """Tables are made only for the years that a column has; a column of one row needs its neighbours too."""
    zone = shipped(name)
    for shift in (-86_400, -1, 0, 1, 86_400):
        utc = np.array([instant + shift], dtype=np.int64)
        known = datetime.fromtimestamp(instant + shift, zone).utcoffset()
        assert known is not None
        assert offsets(utc, zone).tolist() == [int(known.total_seconds())]
        wall = utc + offsets(utc, zone)
        located = locate(wall, zone, ambiguous="reject", nonexistent="reject")
        assert located.utc.tolist() == utc.tolist()


@given(st.lists(st.integers(-(2**35), 2**38), min_size=1), st.sampled_from(ZONES))
def test_an_offset_does_not_depend_on_the_other_times_of_the_column(utc: list[int], name: str) -> None:
    """Times that are near, or thousands of years away, change nothing for a time."""
    zone = parse_zone(name)
    assert zone is not None
    together = offsets(np.array(utc, np.int64), zone)
    alone = [int(offsets(np.array([one], np.int64), zone)[0]) for one in utc]
    assert together.tolist() == alone
