"""Rates by the time of day."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.errors import ConfigError
from loader.rates import Rate, parse_zone, read_clock, read_rate

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "steps", "shown"),
    [
        ("100", ((0, 100.0),), "100 a second"),
        (" 0.5 ", ((0, 0.5),), "0.5 a second"),
        (
            "08:00 100, 22:00 1000",
            ((480, 100.0), (1320, 1000.0)),
            "100 from 08:00, 1000 from 22:00 a second",
        ),
        ("22:00 1000\n8:00 0\n", ((480, 0.0), (1320, 1000.0)), "0 from 08:00, 1000 from 22:00 a second"),
    ],
)
def test_a_rate_is_a_number_or_a_timetable(
    text: str, steps: tuple[tuple[int, float], ...], shown: str
) -> None:
    """In any order, on one line or several."""
    assert Rate.parse(text).steps == steps
    assert str(Rate.parse(text)) == shown


NO_RATES = ["", "fast", "0", "-1", "1e3", "08:00", "8 100", "1000001", "08:00 nan, 9:00 1", "08:00 0"]


@pytest.mark.parametrize(
    "text",
    [*NO_RATES, "24:00 1, 8:00 2", "08:60 1", "8:00 1, 08:00 2", "08:00 1, 09:00 1000001"],
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    """Also one at which nothing would ever be sent."""
    with pytest.raises(ConfigError):
        Rate.parse(text)


def test_a_rate_of_0_says_where_it_may_stand() -> None:
    """The help offers 0 for a part of the day, so a user tries it alone."""
    with pytest.raises(ConfigError, match=r"^0 would never send anything\. In a timetable"):
        Rate.parse("0")


@given(
    st.integers(0, 24 * 60 - 1), st.dictionaries(st.integers(0, 24 * 60 - 1), st.integers(1, 999), min_size=1)
)
def test_the_last_step_before_a_moment_holds(minute: int, table: dict[int, int]) -> None:
    """And over midnight the last one of the day before."""
    text = ", ".join(f"{start // 60:02}:{start % 60:02} {rate}" for start, rate in table.items())
    before = [start for start in table if start <= minute] or list(table)
    moment = datetime(2024, 1, 1, minute // 60, minute % 60)
    assert Rate.parse(text).at(moment) == table[max(before)]


def test_times_are_of_the_zone_also_when_its_clocks_change() -> None:
    """At 01:30 UTC of the last Sunday in March it is 03:30 in Berlin, an hour later than the day before."""
    berlin = parse_zone("Europe/Berlin")
    rate = Rate.parse("00:00 1, 03:00 2")
    found = [
        rate.at(read_clock(datetime(2024, 3, day, 1, 30, tzinfo=UTC).timestamp(), berlin)) for day in (30, 31)
    ]
    assert found == [1.0, 2.0]


@pytest.mark.parametrize("name", ["Europe/Berlim", "", "../etc/passwd", "Europe", "\0"])
def test_a_zone_that_does_not_exist_is_refused(name: str) -> None:
    """With a sentence."""
    with pytest.raises(ConfigError, match="is not a time zone"):
        parse_zone(name)


def test_a_file_that_is_no_rate_is_refused(tmp_path: Path) -> None:
    """Missing, not text, or of something else."""
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    (tmp_path / "words").write_text("fast")
    for name in ("nowhere", "bytes", "words", "."):
        with pytest.raises(ConfigError):
            read_rate(tmp_path / name)
