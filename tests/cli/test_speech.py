"""The words of the commands on terminals of any width."""

from __future__ import annotations

import pytest

from loader.cli.speech import HANG, fold_lines

NAME, WORDS = (
    "  timestamp   ",
    'from "timestamp": days as YYYYMMDD, local midnight in the zone of column "timezone"',
)
DECISION = f"{NAME}{HANG}{WORDS}"


def test_a_long_decision_goes_on_under_its_own_words() -> None:
    """On a narrow terminal the names of the fields stay a column of their own."""
    assert fold_lines(DECISION, 60).splitlines() == [
        '  timestamp   from "timestamp": days as YYYYMMDD, local',
        '              midnight in the zone of column "timezone"',
    ]


@pytest.mark.parametrize("words", ['is "purchase" in every row', 'from the template "{a}-{b}"', "none of it"])
def test_a_decision_hangs_whatever_it_says(words: str) -> None:
    """Constants and templates are broken under their own words too."""
    lines = fold_lines(
        f"  event       {HANG}{words}, and more of the same to the end of the line", 40
    ).splitlines()
    assert len(lines) > 1
    assert {line[:14] for line in lines[1:]} == {" " * 14}


@pytest.mark.parametrize("line", ["  pushwoosh-loader failures " + "a" * 90, '  {"request": ' + "1 " * 60])
def test_what_is_meant_to_be_copied_stays_in_one_piece(line: str) -> None:
    """A command or a body is never broken, whatever the width."""
    assert fold_lines(line, 60) == line


def test_a_file_or_a_pipe_gets_whole_lines() -> None:
    """Where no terminal is, every line stays as it is, for grep."""
    assert fold_lines(DECISION, None) == NAME + WORDS


def test_a_long_path_is_not_torn() -> None:
    """A word longer than the line stays whole: a torn path cannot be copied."""
    path = "/exports/" + "x" * 80
    assert path in fold_lines(f"  checkpoint {path}", 40)
