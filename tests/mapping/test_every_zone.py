"""Every zone of the database, around every transition from 1990 to 2030, against the standard library."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
import pytest

from loader.mapping.zones import known_zones, locate, offsets, shipped

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from loader.mapping.zones import Seconds

EPOCH = datetime(1970, 1, 1)
FIRST, LAST = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (1990, 2030))
AROUND = (-86_400, -7200, -3600, -1800, -901, -1, 0, 1, 899, 1800, 3600, 7200, 86_400)
STEP = 3 * 86_400


def distinct_zones() -> dict[bytes, str]:
    """One name for each zone; the others are links to it."""
    files = resources.files("tzdata").joinpath("zoneinfo")
    return {files.joinpath(*name.split("/")).read_bytes(): name for name in sorted(known_zones())}


ZONES = distinct_zones()


def offset(utc: int, zone: ZoneInfo) -> int:
    """Seconds east of UTC by the standard library."""
    found = datetime.fromtimestamp(utc, zone).utcoffset()
    assert found is not None
    return int(found.total_seconds())


def written(raw: bytes) -> list[int]:
    """The transitions that the file lists (RFC 9636, section 3), of its 64-bit half."""
    counts = struct.unpack(">6l", raw[20:44])
    utc, std, leap, times, types, letters = counts
    start = 44 + times * 5 + types * 6 + letters + leap * 8 + std + utc
    times = struct.unpack(">6l", raw[start + 20 : start + 44])[3]
    return list(struct.unpack(f">{times}q", raw[start + 44 : start + 44 + 8 * times]))


def ruled(raw: bytes) -> bool:
    """Whether the file ends with a rule that changes the offset for ever; else its last offset stays."""
    return b"," in raw.rstrip(b"\n").rpartition(b"\n")[2]


def transitions(raw: bytes, zone: ZoneInfo) -> list[int]:
    """Those of the file, and those that its last rule makes later, found between steps of three days."""
    listed = written(raw)
    found = {instant for instant in listed if FIRST <= instant < LAST}
    steps = range(max([FIRST, *listed]), LAST + STEP, STEP) if ruled(raw) else range(0)
    seen = [offset(instant, zone) for instant in steps]
    for low, before, after in zip(steps, seen, seen[1:], strict=False):
        if before == after:
            continue
        earlier, later = low, low + STEP
        while later - earlier > 1:
            middle = (earlier + later) // 2
            earlier, later = (middle, later) if offset(middle, zone) == before else (earlier, middle)
        found.add(later)
    return sorted(found)


def gaps(around: list[int], zone: ZoneInfo) -> list[int]:
    """Wall clock seconds that the transitions skip: the first, the middle one and the last of each."""
    walls = []
    for instant in around:
        start, end = instant + offset(instant - 1, zone), instant + offset(instant, zone)
        walls += [start, (start + end) // 2, end - 1] if end > start else []
    return walls


def by_standard_library(walls: Seconds, zone: ZoneInfo) -> tuple[Seconds, Seconds]:
    """Both readings of wall clock times by PEP 495, or twice the one that leads back to the wall clock time.

    Where a file's list ends and its last rule begins, zoneinfo makes up a fold in America/Nuuk: no clock was
    set back at the end of October 2023, and only one of the two readings shows that time on a clock there.
    """
    naive = [EPOCH + timedelta(seconds=wall) for wall in walls.tolist()]
    first, second = (
        np.array([int(when.replace(tzinfo=zone, fold=fold).timestamp()) for when in naive], dtype=np.int64)
        for fold in (0, 1)
    )
    for place in np.flatnonzero(first != second).tolist():
        both = [int(reading[place]) for reading in (first, second)]
        real = [utc for utc in both if utc + offset(utc, zone) == walls[place]]
        if len(real) == 1:
            first[place] = second[place] = real[0]
    return first, second


@pytest.mark.parametrize("part", range(8))
def test_a_mapped_time_round_trips_in_every_zone_around_every_transition(part: int) -> None:
    """An instant has the offset that was in force at it, and its wall clock time leads back to it."""
    for raw, name in list(ZONES.items())[part::8]:
        zone = shipped(name)
        around = transitions(raw, zone)
        utc = np.array([instant + shift for instant in [FIRST, *around] for shift in AROUND], dtype=np.int64)
        expected = np.array([offset(instant, zone) for instant in utc.tolist()], dtype=np.int64)
        np.testing.assert_array_equal(offsets(utc, zone), expected, name)
        skipped = np.array(gaps(around, zone), dtype=np.int64)
        walls = np.concatenate([utc + expected, skipped])
        first, second = by_standard_library(walls, zone)
        for choice, chosen in (("earlier", np.minimum), ("later", np.maximum)):
            located = locate(walls, zone, ambiguous=choice, nonexistent=choice)
            np.testing.assert_array_equal(located.utc, chosen(first, second), name)
        strict = locate(walls, zone, ambiguous="reject", nonexistent="reject")
        np.testing.assert_array_equal(strict.ambiguous, first < second, name)
        np.testing.assert_array_equal(strict.nonexistent, first > second, name)
        plain = ~strict.ambiguous[: len(utc)]
        np.testing.assert_array_equal(strict.utc[: len(utc)][plain], utc[plain], name)
        shifted = locate(skipped, zone, ambiguous="reject", nonexistent="shift").utc
        assert set(shifted.tolist()) <= set(around), name


def test_the_zones_are_those_of_the_database_that_ships() -> None:
    """Not one is missing, and there is enough to test."""
    assert len(known_zones()) > 590
    assert len(ZONES) > 300
    assert sum(len(transitions(raw, shipped(name))) for raw, name in list(ZONES.items())[::16]) > 400
