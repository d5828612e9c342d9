"""`resolve`: one decision, given clearly. What it does to rows is tested in `tests/test_resolution.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine


@pytest.mark.parametrize("decisions", [(), ("--landed", "--resend")])
def test_exactly_one_decision_is_taken(
    command: CommandLine, loaded: Path, decisions: tuple[str, ...]
) -> None:
    """Without a decision, or with two that contradict each other, nothing is changed."""
    checkpoint = loaded.with_name("events.csv.events.sandbox.ckpt")
    before = checkpoint.read_bytes()
    ran = command.run("resolve", checkpoint, *decisions)
    assert ran.code == 2
    assert "Say what became of the rows: give --landed, --dropped or --resend." in ran.err
    assert checkpoint.read_bytes() == before
