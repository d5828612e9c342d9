"""Outputs in the pages are written by a program, and what a page leaves out stays left out."""

from __future__ import annotations

import pytest

from tests.docs.session import alike
from tests.docs.update import shortened

BEFORE = ["...", "  read       3", "  confirmed  3", "...", "Done."]
NOW = ["3,000 events", "  read       3,000", "  rejected       1", "  confirmed  2,999", "", "more", "Done."]


def test_a_shortened_output_stays_short() -> None:
    """New numbers and new lines in the shown parts come in, the rest stays out."""
    assert shortened(BEFORE, NOW) == ["...", *NOW[1:4], "...", "Done."]


def test_what_cannot_be_found_again_is_shown_in_full() -> None:
    """A person then shortens it again, and nothing is left out unseen."""
    assert shortened(["...", "  in doubt   0", "..."], NOW) == NOW


@pytest.mark.parametrize(
    ("shown", "actual", "same"),
    [
        (["a"], ["a"], True),
        (["a"], ["a", "b"], False),
        (["..."], ["a", "b"], True),
        (["a", "..."], ["a", "b", "c"], True),
        (["a", "...", "c"], ["a", "c"], True),
        (["a", "...", "c"], ["a", "b", "d"], False),
        (["3 requests in 0.1 s, 30 a second"], ["3 requests in 2 min 10 s, 1,000 a second"], True),
        (["3 requests in 0.1 s, 30 a second"], ["4 requests in 0.1 s, 30 a second"], False),
        (["a.c"], ["abc"], False),
        ([], ["a"], False),
    ],
)
def test_only_what_varies_may_differ(shown: list[str], actual: list[str], *, same: bool) -> None:
    """Seconds and rates are passed over, rows and words are not; three dots stand for any lines."""
    assert alike(shown, actual) is same
