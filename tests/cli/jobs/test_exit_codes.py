"""One exit code for several jobs."""

from __future__ import annotations

import re
from itertools import permutations
from pathlib import Path

import pytest

from loader.cli import EPILOG
from loader.cli.jobs.exit_codes import MEANINGS, find_worst


def test_every_exit_code_has_its_place() -> None:
    """A new exit code of a load has a place in the order; what `verify` alone ends with has none."""
    codes = re.findall(r"^  (\d+) +(?!verify:)\S", EPILOG, re.MULTILINE)
    assert sorted(MEANINGS) == sorted(map(int, codes))


@pytest.mark.parametrize(
    ("worse", "better"),
    [(1, 2), (2, 8), (8, 130), (130, 5), (5, 6), (6, 7), (7, 4), (4, 3), (3, 0)],
)
def test_the_worst_code_counts(worse: int, better: int) -> None:
    """What needs someone comes before what the same command cures, and that before single rows."""
    assert {find_worst(codes) for codes in permutations([worse, better, 0])} == {worse}


def test_no_job_is_no_failure() -> None:
    """Without a code there is nothing that failed."""
    assert find_worst([]) == 0


def test_the_order_is_on_the_page() -> None:
    """A script is written against the reference."""
    page = (Path(__file__).parents[3] / "docs" / "reference" / "jobs.md").read_text("utf-8")
    assert ", ".join(map(str, MEANINGS)) in page
