"""`retry`: which rows are sent again. What becomes of them is tested in `tests/test_retries.py`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from loader.cli.retry import choose_phases
from loader.model import Phase

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine


@pytest.mark.parametrize(
    ("only", "phases"),
    [
        ("everything", {Phase.LOCAL, Phase.VENDOR, Phase.OVERTAKEN}),
        ("local", {Phase.LOCAL}),
        ("vendor", {Phase.VENDOR}),
        ("overtaken", {Phase.OVERTAKEN}),
        ("given-back", set()),
    ],
)
def test_only_names_whose_rejections_are_sent_again(only: str, phases: set[Phase]) -> None:
    """Each word of `--only` chooses the rows that it names."""
    assert choose_phases(only) == phases


def test_a_summary_never_takes_the_place_of_the_checkpoint(command: CommandLine, loaded: Path) -> None:
    """`retry --summary` onto the checkpoint is refused, and the account stays readable."""
    checkpoint = loaded.with_name("events.csv.events.sandbox.ckpt")
    ran = command.run("retry", checkpoint, "--summary", checkpoint)
    assert ran.code == 2
    assert "would be overwritten" in ran.err
    assert json.loads(command.run("status", checkpoint, "--summary", "-").out)["rejected"] == 1


@pytest.mark.parametrize("only", ["everything", "local", "vendor", "overtaken", "given-back"])
def test_the_words_of_only_are_taken_as_the_help_shows_them(
    command: CommandLine, loaded: Path, only: str
) -> None:
    """Each word that the help lists can be typed."""
    ran = command.run("retry", f"{loaded.name}.events.sandbox.ckpt", "--only", only, "--yes")
    assert (ran.code, ran.err) == (3, "")
