"""What a load makes of the vendor's answers, by the real command and a server that fails on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import SAMPLES, CommandLine
from tests.faultserver import FaultServer, answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS = 60
APPLICATION_NOT_FOUND = b'{"status_code": 210, "status_message": "Application not found"}'


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """The first events of the sample."""
    path = tmp_path / "events.csv"
    lines = (SAMPLES / "events.csv").read_text().splitlines(keepends=True)
    path.write_text("".join(lines[: ROWS + 1]))
    return path


@pytest.fixture
def load(command: CommandLine, events: Path) -> Callable[..., dict[str, Any]]:
    """Loads the events into a server; gives the summary, whose counts add up."""

    def run(server: FaultServer, *options: object) -> dict[str, Any]:
        summary = command.summary(
            "events", events, "--app", "AAAAA-AAAAA", "--endpoint", server.url, "--concurrency", 1, *options
        )
        states = ("confirmed", "rejected", "in_doubt", "never_sent")
        assert sum(summary[state] for state in states) == summary["read"] == ROWS
        return summary

    return run


def test_events_in_doubt_are_held(load: Callable[..., dict[str, Any]]) -> None:
    """An event whose answer proves nothing ends in doubt, exit 4; the same command does not send it again."""
    with FaultServer([answer(500), answer()]) as server:
        first = load(server)
        again = load(server)
    assert (first["in_doubt"], first["confirmed"], first["exit_code"]) == (1, ROWS - 1, 4)
    assert again["attempts"] == first["attempts"] == ROWS == len(server.accepted)


def test_doubts_are_sent_again_on_request(load: Callable[..., dict[str, Any]]) -> None:
    """With `--on-doubt resend` the event is sent again and stays marked as a possible duplicate."""
    with FaultServer([answer(500), answer()]) as server:
        summary = load(server, "--on-doubt", "resend")
    assert (summary["confirmed"], summary["possible_duplicates"], summary["exit_code"]) == (ROWS, 1, 0)
    assert len(server.accepted) == summary["attempts"] == ROWS + 1


def test_first_rows_all_refused_alike_stop_the_load(load: Callable[..., dict[str, Any]]) -> None:
    """When the first 20 rows are refused alike, the load stops and says the vendor's words."""
    with FaultServer([answer(200, APPLICATION_NOT_FOUND)]) as server:
        summary = load(server)
    assert (summary["rejected"], summary["exit_code"]) == (20, 5)
    assert "Application not found" in summary["stopped"]


def test_a_block_of_refused_rows_does_not_stop_a_load_that_went_well_before(
    load: Callable[..., dict[str, Any]],
) -> None:
    """Where an earlier run confirmed rows, the settings are right, and refusals are the rows' fault."""
    with FaultServer([answer()] * 10 + [answer(200, APPLICATION_NOT_FOUND)]) as server:
        load(server, "--limit", 10)
        summary = load(server)
    assert (summary["confirmed"], summary["rejected"], summary["exit_code"]) == (10, ROWS - 10, 3)


def test_rejected_rows_that_are_sent_again_are_no_first_rows(
    load: Callable[..., dict[str, Any]], command: CommandLine
) -> None:
    """`retry` sends what was refused before, so a refusal of all of it says nothing about the settings."""
    with FaultServer([answer(200, APPLICATION_NOT_FOUND)]) as server:
        load(server, "--limit", 19)
        load(server)
        refused = len(server.accepted)
        again = command.summary("retry", "events.csv.events.ckpt", "--concurrency", 1)
        assert len(server.accepted) == 2 * refused
    assert again["rejected"] == refused > 20


def test_a_refused_token_stops_the_load_and_costs_no_row(load: Callable[..., dict[str, Any]]) -> None:
    """HTTP 401 stops the load; its rows stay never sent, and go out once the token is fixed."""
    with FaultServer([answer(), answer(401), answer()]) as server:
        stopped = load(server)
        fixed = load(server)
    assert (stopped["confirmed"], stopped["never_sent"], stopped["exit_code"]) == (1, ROWS - 1, 5)
    assert "API token" in stopped["stopped"]
    assert (fixed["confirmed"], fixed["exit_code"]) == (ROWS, 0)


def test_too_many_requests_loses_no_row(load: Callable[..., dict[str, Any]]) -> None:
    """429 with Retry-After makes the sender wait; every row is confirmed once."""
    with FaultServer([answer(429, b"", "Retry-After: 1"), answer()]) as server:
        summary = load(server)
    assert (summary["confirmed"], summary["exit_code"]) == (ROWS, 0)
    assert len(server.accepted) == ROWS + 1


def test_more_rejects_than_allowed_stop_the_load(load: Callable[..., dict[str, Any]]) -> None:
    """`--max-rejected` takes a share of the input, and more than that stops the load."""
    with FaultServer([answer(), answer(400)]) as server:
        summary = load(server, "--max-rejected", "5%")
    assert (summary["confirmed"], summary["rejected"], summary["exit_code"]) == (1, 4, 5)
    assert "rejected" in summary["stopped"]
