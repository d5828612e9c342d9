"""The account as text for the user and as one JSON object for a program."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.model import Account, Result
    from loader.text.next_steps import Why

# Reasons that a summary lists, so that it stays small whatever the vendor answers.
MOST_REASONS = 100
OTHER = "other reasons"
OVERTAKEN = "it would undo a later row"


def format_account(account: Account) -> str:
    """The counts, one a line, adding up to the rows read."""
    lines = [
        ("read", account.read, ""),
        ("confirmed", account.confirmed, word_duplicates(account.possible_duplicates)),
        ("rejected", account.rejected, ""),
        ("in doubt", account.in_doubt, ""),
        ("never sent", account.never_sent, ""),
    ]
    if account.in_flight:
        lines.insert(4, ("in flight", account.in_flight, "leased by the running load: on the wire, or next"))
    if account.left_out:
        lines.append(("left out", account.left_out, "no part of the load"))
    width = max(len(f"{count:,}") for _, count, _ in lines)
    return "\n".join(
        f"  {name:<11}{count:>{width},}{'   ' + remark if remark else ''}" for name, count, remark in lines
    )


def name_state(account: Account, *, running: bool) -> str:
    """What a load needs, in a word."""
    if running:
        return "running"
    if account.never_sent:
        return "unfinished"
    return "in doubt" if account.in_doubt else "rejects" if account.rejected else "done"


def word_duplicates(rows: int) -> str:
    """A remark on the rows that may have landed twice, because they were sent again on request."""
    return f"of these {rows:,} were in doubt and sent again: possible duplicates" if rows else ""


def format_pace(account: Account) -> str:
    """How long it took and how fast it was, over all runs."""
    seconds = account.elapsed_seconds
    if not account.attempts or seconds <= 0:
        return ""
    requests = "request" if account.attempts == 1 else "requests"
    pace = account.attempts / seconds
    return f"{account.attempts:,} {requests} in {format_duration(seconds)}, {pace:,.0f} a second"


def format_duration(seconds: float) -> str:
    """A span of time for the user: ``0.4 s``, ``12 s``, ``3 min 20 s``, ``2 h 05 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


@dataclass(frozen=True, slots=True)
class EndError:
    """Why a job did not do what it was to do.

    Attributes:
        code: for programs; a class of errors (`loader.errors`), a `StopCode`, or how the command ended.
        message: for people.
    """

    code: str
    message: str


def build_summary(result: Result, why: Why | None = None) -> dict[str, object]:
    """The object that `--summary` writes; its keys are a contract.

    Args:
        result: how the load ended.
        why: why rows are not confirmed.
    """
    from loader.text.next_steps import Why  # noqa: PLC0415 - a check has no account

    account, why = result.account, why or Why()
    seconds = account.elapsed_seconds
    error = find_error(result)
    return {
        "kind": result.kind.value,
        "read": account.read,
        "confirmed": account.confirmed,
        "rejected": account.rejected,
        "in_doubt": account.in_doubt,
        "never_sent": account.never_sent,
        "left_out": account.left_out,
        "not_requested": result.not_requested,
        "in_flight": account.in_flight,
        "possible_duplicates": account.possible_duplicates,
        "attempts": account.attempts,
        "elapsed_seconds": round(seconds, 3),
        "rows_per_second": round((account.settled - account.left_out) / seconds, 1) if seconds > 0 else 0.0,
        "rejects": list_reasons(why.rejected, why.overtaken),
        "doubts": list_reasons(why.in_doubt),
        "left_out_reasons": list_reasons(account.left_out_by),
        "gone": result.gone and result.gone.keys,
        "checkpoint": result.checkpoint,
        "run": result.run or None,
        "exit_code": result.exit_code,
        "stopped": result.stopped,
        "error": asdict(error) if error else None,
    }


# The keys of an account; null in a summary that has none.
COUNTS = (
    "read", "confirmed", "rejected", "in_doubt", "never_sent", "left_out", "not_requested", "in_flight",
    "possible_duplicates", "attempts", "elapsed_seconds", "rows_per_second", "rejects", "doubts",
    "left_out_reasons", "gone", "run",
    "stopped",
)  # fmt: skip


def find_error(result: Result) -> EndError | None:
    """Why a load did not come to its end; None if it did, or ended as planned."""
    if result.stop is not None and not result.stop.planned:
        return EndError(result.stop.code.value, result.stop.reason)
    if result.interrupted and not result.complete:
        return EndError("interrupted", "Interrupted before the end. The same command again continues.")
    return None


def list_reasons(reasons: Sequence[tuple[str, int]], overtaken: int = 0) -> list[dict[str, object]]:
    """Reasons with their rows, the most frequent first; they add up to all rows of that state."""
    counted = [*reasons, (OVERTAKEN, overtaken)] if overtaken else list(reasons)
    counted.sort(key=lambda each: -each[1])
    shown, rest = counted[:MOST_REASONS], sum(rows for _, rows in counted[MOST_REASONS:])
    if rest:
        shown.append((OTHER, rest))
    return [{"reason": reason, "rows": rows} for reason, rows in shown]
