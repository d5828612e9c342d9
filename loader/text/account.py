"""The account as text for the user and as one JSON object for a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loader.model import Account, Result


def format_account(account: Account) -> str:
    """The four counts, one a line, adding up to the rows read."""
    lines = [
        ("read", account.read, ""),
        ("confirmed", account.confirmed, word_duplicates(account.possible_duplicates)),
        ("rejected", account.rejected, ""),
        ("in doubt", account.in_doubt, ""),
        ("never sent", account.never_sent, ""),
    ]
    if account.in_flight:
        lines.insert(4, ("in flight", account.in_flight, "leased by the running load: on the wire, or next"))
    width = max(len(f"{count:,}") for _, count, _ in lines)
    return "\n".join(
        f"  {name:<11}{count:>{width},}{'   ' + remark if remark else ''}" for name, count, remark in lines
    )


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


def build_summary(result: Result) -> dict[str, object]:
    """The object that `--summary` writes; its keys are a contract."""
    account = result.account
    seconds = account.elapsed_seconds
    return {
        "kind": result.kind.value,
        "read": account.read,
        "confirmed": account.confirmed,
        "rejected": account.rejected,
        "in_doubt": account.in_doubt,
        "never_sent": account.never_sent,
        "not_requested": result.not_requested,
        "in_flight": account.in_flight,
        "possible_duplicates": account.possible_duplicates,
        "attempts": account.attempts,
        "elapsed_seconds": round(seconds, 3),
        "rows_per_second": round(account.settled / seconds, 1) if seconds > 0 else 0.0,
        "checkpoint": result.checkpoint,
        "run": result.run or None,
        "exit_code": result.exit_code,
        "stopped": result.stopped,
    }
