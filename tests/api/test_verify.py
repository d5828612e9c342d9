"""`verify` from Python: of a result, of a checkpoint, of several."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import loader

if TYPE_CHECKING:
    from collections.abc import Iterator

FRAME = pd.DataFrame(
    {"hwid": ["a", "b", "c"], "event": "buy", "timestamp": 1_400_000_000, "price": [1.5, 2.5, 3.5]},
    index=["x", "y", "z"],
)
MAPPING = loader.Mapping(
    "events",
    fields={
        "hwid": "hwid",
        "event": "event",
        "timestamp": {"column": "timestamp", "unit": "s", "zone": "UTC"},
    },
    attributes={"price": {"column": "price", "type": "float"}},
)


@pytest.fixture
def sandbox() -> Iterator[loader.Sandbox]:
    """A sandbox."""
    with loader.Sandbox() as running:
        yield running


@pytest.fixture
def result(sandbox: loader.Sandbox) -> loader.LoadResult:
    """A load of a frame."""
    return loader.load_events(FRAME, mapping=MAPPING, sandbox=sandbox)


def execute(sandbox: loader.Sandbox, statement: str) -> None:
    """Change what the sandbox holds, by hand."""
    with closing(sqlite3.connect(sandbox.store)) as connection:
        connection.execute(statement)
        connection.commit()


def test_a_result_is_verified_against_its_sandbox(result: loader.LoadResult, sandbox: loader.Sandbox) -> None:
    """The frame is at hand, so nothing but the sandbox is needed; the differences stand beside their rows."""
    assert result.verify(sandbox).ok
    assert loader.Checkpoint(result.checkpoint, source=FRAME).verify(sandbox).ok
    execute(sandbox, "UPDATE events SET attributes = '{\"price\":9}' WHERE hwid = 'b'")
    execute(sandbox, "DELETE FROM events WHERE hwid = 'c'")
    verification = loader.verify(result.checkpoint, sandbox.store, source=FRAME)
    assert not verification.ok
    assert verification.totals["differences"] == 2
    found = verification.differences.set_index("hwid")
    assert found["_loader_sign"].to_dict() == {"b": "*", "c": "-"}
    assert found["_loader_landed"]["b"] == '{"attributes.price": 9}'
    assert found["price"].to_list() == [2.5, 3.5]


def test_a_verification_shows_itself(result: loader.LoadResult, sandbox: loader.Sandbox) -> None:
    """In a console and in a notebook it says what is what."""
    verification = result.verify(sandbox)
    shown, page = repr(verification), verification._repr_html_()
    for name in ("= same", "- missing", "+ extra", "* different", "2 doubled"):
        assert name in shown
        assert name in page
    assert shown.startswith("<Verification: 3 rows confirmed, ")


def test_the_report_shows_the_last_verification(result: loader.LoadResult, sandbox: loader.Sandbox) -> None:
    """Whoever reads the report sees that the load was verified, and what was found."""
    assert "Verification" not in result.report().read_text()
    verification = result.verify(sandbox)
    text = result.report().read_text()
    number = verification.totals["differences"]
    assert (f"{number} rows differ" if number else "No row differs") in text


def test_what_is_no_store_is_refused(result: loader.LoadResult) -> None:
    """The error speaks of what Python calls it."""
    with pytest.raises(loader.ConfigError, match=r"nothing\.sqlite3"):
        result.verify("nothing.sqlite3")


def test_the_advice_for_doubts_of_a_frame_settles_them() -> None:
    """What the result shows is a call that runs: afterwards no row is in doubt."""
    with loader.Sandbox(faults="lost-answer=100%") as sandbox:
        result = loader.load_events(FRAME, mapping=MAPPING, sandbox=sandbox)
        assert result.account.in_doubt == len(FRAME)
        assert "result.verify(settle=True)" in repr(result)
        verification = result.verify(settle=True)
        (settled,) = verification.settled.values()
        assert sum(settled.values()) == len(FRAME)
        assert settled["unclear"] == 0
        assert loader.Checkpoint(result.checkpoint).account.in_doubt == 0


def test_no_checkpoint_is_refused() -> None:
    """A list that a program built may be empty."""
    with pytest.raises(loader.ConfigError, match="no checkpoint to verify"):
        loader.verify([])
