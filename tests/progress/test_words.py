"""The words of a running load."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loader.model import OUTAGE, RATE_LIMIT, Account, Wire
from loader.progress import words
from loader.progress.moment import ReadingProgress
from loader.progress.notebook import format_load, render_load
from loader.progress.pace import Speed
from loader.progress.terminal import build_columns
from tests.progress.moments import moment

if TYPE_CHECKING:
    from loader.progress.moment import Moment


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "–"),
        (0.3, "about 1 s"),
        (3, "about 5 s"),
        (42, "about 40 s"),
        (59.9, "about 60 s"),
        (62, "about 1 min"),
        (204, "about 3 min 20 s"),
        (599, "about 10 min"),
        (2_010, "about 34 min"),
        (3_599, "about 60 min"),
        (7_540, "about 2 h 05 min"),
        (172_700, "about 48 h 00 min"),
        (200_000, "about 2 days 8 h"),
    ],
)
def test_a_time_left_is_no_finer_than_it_is_known(seconds: float | None, shown: str) -> None:
    """Time left is rounded, so that it neither jitters nor pretends."""
    assert words.format_time_left(seconds) == shown


@pytest.mark.parametrize(
    ("rate", "shown"), [(None, "–"), (0, "0 rows/s"), (0.25, "0.2 rows/s"), (12_345.6, "12,346 rows/s")]
)
def test_slow_rates_keep_a_digit(rate: float | None, shown: str) -> None:
    """A load of one row in four seconds does not read as standing still."""
    assert words.format_rate(rate) == shown


def test_a_hundred_percent_means_all() -> None:
    """Of two million rows with one missing it says 99 %."""
    assert words.format_share(1_999_999 / 2_000_000) == "99 %"
    assert words.format_share(1.0) == "100 %"


def test_counts_add_up_at_every_moment() -> None:
    """The five counts make the rows read, also while a row in doubt is sent again."""
    for flying in (0, 3, 12, 500):
        now = moment(Account(100, 80, 5, 10, 5), Wire(flying, 99, 512))
        account = now.account
        parts = (account.confirmed, account.rejected, account.in_doubt, now.in_flight, now.never_sent)
        assert sum(parts) == account.read
        assert min(parts) >= 0


def test_a_wait_says_for_what_and_how_long() -> None:
    """Whoever looks at a load that stands still is told why; a wait within a second is none."""
    assert (
        words.format_wait(moment(wire=Wire(0, 9, 16, "Retry-After", 65.0)))
        == "1 min 05 s (the vendor asked to wait)"
    )
    assert words.format_wait(moment(wire=Wire(0, 9, 16, RATE_LIMIT, 0.01))) == ""


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (
            "Failed to connect to 127.0.0.1:9 after 0 ms: Could not connect to server: Connection refused",
            "Connection refused",
        ),
        ("<urllib3.connection> [Errno 113] No route to host')", "No route to host"),
        ("Could not resolve host: api.pushwoosh.com", "Could not resolve host: api.pushwoosh.com"),
        ("Connection timed out after 10001 milliseconds.", "Connection timed out"),
        ("x" * 70, "x" * 59 + "…"),
    ],
)
def test_a_wait_for_the_network_names_the_last_failure(failure: str, told: str) -> None:
    """A load at a port that nobody listens at says so, in the system's own word if there is one."""
    now = moment(wire=Wire(0, 9, 16, OUTAGE, 65.0, failure=failure))
    assert words.format_wait(now) == f"1 min 05 s (the vendor gives no usable answer: {told})"
    assert words.format_pause(now) == f"The vendor gives no usable answer: {told}. Next try in 1 min 05 s."


def test_the_senders_own_rate_limit_is_no_pause() -> None:
    """A load at one row in two seconds waits all the time, and that is its speed."""
    now = moment(wire=Wire(0, 9, 16, RATE_LIMIT, 1.9))
    assert (now.wait, now.pause) == (RATE_LIMIT, "")


def test_what_a_load_leaves_in_a_notebook_has_no_times() -> None:
    """The words at the end are the same whenever the cell is run with the same outcome."""
    ended = Account(6_937, 6_900, 30, 0, attempts=6_901, elapsed_seconds=5.1)
    assert words.format_settled(moment(ended)) == "6,937 rows: 6,900 confirmed, 30 rejected, 7 never sent"
    again = moment(Account(6_937, 6_900, 30, 0, attempts=6_999, elapsed_seconds=9.9), speed=Speed())
    assert words.format_settled(again) == words.format_settled(moment(ended))
    assert words.format_settled(moment(Account(0))) == "The input holds no rows"


def test_a_pass_over_the_input_never_exceeds_it() -> None:
    """A file that is read twice does not show more than all of it."""
    over = ReadingProgress(1_300_000_000, 1_204_000_000)
    assert (over.share, words.format_extent(over)) == (1.0, "1,204 of 1,204 MB")
    assert words.format_extent(ReadingProgress(1200, 3000, "rows")) == "1,200 of 3,000 rows"


def test_a_frame_in_memory_has_no_bytes_to_count() -> None:
    """What is no file is said to be read, without numbers that mean nothing."""
    assert words.format_reading(ReadingProgress(0, 0)) == "Reading the input …"
    asked = ReadingProgress(1_234_567, 0, "rows", "Running the query")
    assert words.format_reading(asked) == "Running the query: 1,234,567 rows"


@pytest.mark.parametrize(
    ("flying", "window", "shown"),
    [(12, 16, "12 of 16"), (16, 16, "16 of 16"), (19, 16, "19, down to 16"), (19, 0, "19")],
)
def test_more_requests_than_allowed_are_explained(flying: int, window: int, shown: str) -> None:
    """When the window shrinks while requests are out, nobody reads of 19 of 16."""
    assert words.format_in_flight(moment(wire=Wire(flying, 99, window))) == shown


def test_a_silent_vendor_is_named_everywhere_but_not_at_once() -> None:
    """After some seconds without an answer each view says for how long there was none."""
    silent, quick = (replace(moment(), silent=seconds) for seconds in (12.0, 4.0))
    shorter, longer = (words.format_silence(replace(moment(), silent=seconds)) for seconds in (9.04, 130.0))
    assert (shorter, longer) == ("no answer for 9 s", "no answer for 2 min 10 s")
    for view in (words.format_counts, render_load, format_load, describe_live):
        assert "no answer for 12 s" in view(silent)
        assert "no answer" not in view(quick)


def describe_live(now: Moment) -> str:
    """What the live view says in its cells."""
    return "; ".join(value for column in build_columns(now) for _, value, _ in column)
