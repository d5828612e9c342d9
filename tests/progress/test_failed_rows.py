"""The first rows that fail, as a log has them: few, whatever happens."""

from __future__ import annotations

import io
import json
from typing import Any

from loader.model import Outcome, Reject, State
from loader.progress.events import EventLog, JsonLines
from loader.progress.failed_rows import FIRST_ROWS, MOST_REASONS


def hear(outcomes: list[Outcome], rejects: list[Reject] | None = None) -> list[dict[str, Any]]:
    """The events of a log that hears of these rows."""
    out = io.StringIO()
    watch = JsonLines(EventLog(out))
    watch.hear_rejects(rejects or [])
    watch.hear_outcomes(outcomes)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_the_first_rows_of_each_reason_are_events() -> None:
    """A log names the first rows that are rejected or in doubt for each reason, with the vendor's codes."""
    refused = [Outcome(n, State.REJECTED, 1, 400, 210, "no such event") for n in range(100)]
    doubts = [Outcome(n, State.IN_DOUBT, 1, 504, None, "HTTP 504") for n in range(100, 200)]
    fine = [Outcome(n, State.CONFIRMED) for n in range(200, 300)]
    given_back = [Outcome(300, State.NEVER_SENT)]
    unmapped = [Reject(n, "day", "secret@example.com", "column is empty", "row: secret") for n in range(9)]
    told = hear([*fine, *refused, *doubts, *given_back], unmapped)
    assert [event["event"] for event in told] == ["rejected"] * 2 * FIRST_ROWS + ["in_doubt"] * FIRST_ROWS
    assert [told[FIRST_ROWS][name] for name in ("reason", "http_status", "code")] == [
        "no such event",
        400,
        210,
    ]
    assert (told[-1]["reason"], told[-1]["code"]) == ("HTTP 504", None)
    assert "secret" not in json.dumps(told)


def test_a_vendor_that_words_each_answer_anew_does_not_fill_the_log() -> None:
    """Of a million reasons a bounded number is told, and each of these as always."""
    told = hear([Outcome(n, State.REJECTED, message=f"no {n}") for n in range(10 * MOST_REASONS)])
    assert len(told) == MOST_REASONS
    again = hear([Outcome(n, State.REJECTED, message=f"no {n % 60}") for n in range(6000)])
    assert len(again) == MOST_REASONS * FIRST_ROWS
