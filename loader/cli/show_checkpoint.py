"""The words for a checkpoint, for what the user decided about its rows, and for the result."""

from __future__ import annotations

from datetime import UTC, datetime
from difflib import unified_diff
from typing import TYPE_CHECKING

from loader.cli.options import DEFAULT_STORE
from loader.cli.show import describe_decisions, describe_next_steps, format_moment
from loader.defaults import RESULT_ENDING
from loader.model import Decision
from loader.text.decisions import describe_decision
from loader.text.escape import quote_for_shell
from loader.text.nouns import count_rows, is_or_are, it_or_them, it_or_they, was_or_were

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from loader.housekeeping import Standing
    from loader.journal import CheckpointView, Decided
    from loader.model import Result
    from loader.planning import Plan
    from loader.resolution import Resolved
    from loader.text.next_steps import Why

QUESTIONS = {
    Decision.LANDED: "Confirm {rows} in doubt as landed?",
    Decision.DROPPED: "Give back {rows} in doubt as dropped? The next load then sends {them}.",
    Decision.RESEND: "Give back {rows} in doubt? The next load then sends {them}, perhaps twice.",
}
RECOVER_QUESTION = (
    "Put in doubt every row that may have been sent? If you still have the lost files, put them back instead."
)
DONE = {
    Decision.LANDED: "{rows} in doubt {are} now confirmed",
    Decision.DROPPED: "{rows} will be sent by the next load",
    Decision.RESEND: "{rows} will be sent by the next load, as possible duplicates",
}


def word_question(rows: int, decision: Decision) -> str:
    """The question before all rows in doubt are settled."""
    return QUESTIONS[decision].format(rows=count_rows(rows), them=it_or_them(rows))


def describe_history(ledger: CheckpointView) -> list[str]:
    """What users decided, oldest first; for a changed mapping, the lines that differ."""
    lines: list[str] = []
    now = ledger.identity.mapping
    for decided in reversed(ledger.decisions):
        if decided.what == "mapping":
            before, now, after = decided.detail, decided.detail, now
            changes = unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
            lines[:0] = [f"    {line}" for line in changes if not line.startswith(("---", "+++", "@@"))]
        lines.insert(0, f"  {describe_decided(decided)}")
    return lines


def describe_decided(decided: Decided) -> str:
    """One decision of the past, in a line."""
    words = describe_decision(decided.what, decided.rows)
    return f"{format_moment(int(decided.at))} UTC: {words}"


def describe_resolved(resolved: Resolved, decision: Decision, checkpoint: Path) -> str:
    """What a decision did, the account, and what to do next."""
    from loader.text.account import format_account  # noqa: PLC0415 - `--help` must start without it

    name = quote_for_shell(str(checkpoint))
    words = DONE[decision].format(rows=count_rows(resolved.rows), are=is_or_are(resolved.rows))
    lines = [f"{words}." if resolved.rows else "No row was in doubt." if not resolved.overtaken else ""]
    lines.append(describe_overtaken(resolved))
    lines.append(format_account(resolved.account))
    if resolved.rows and decision is not Decision.LANDED:
        lines.append(
            f"To send {it_or_them(resolved.rows)} now, without the other rows that were never sent:\n"
            f"  pushwoosh-loader retry {name} --only given-back"
        )
    return "\n".join(line for line in lines if line)


def describe_recovered(resolved: Resolved, checkpoint: Path) -> str:
    """What became of a checkpoint that had lost a part, and how to settle its doubts."""
    from loader.text.account import format_account  # noqa: PLC0415 - `--help` must start without it

    lines = [
        f"The checkpoint can be used again. {count_rows(resolved.rows)} may have been sent and "
        f"{is_or_are(resolved.rows)} now in doubt.",
        format_account(resolved.account),
    ]
    if resolved.rows:
        lines.append(
            f"To list {it_or_them(resolved.rows)}, and then to settle {it_or_them(resolved.rows)}:\n"
            f"  pushwoosh-loader failures {quote_for_shell(str(checkpoint))} --in-doubt\n"
            f"  pushwoosh-loader resolve --help"
        )
    return "\n".join(lines)


def describe_overtaken(resolved: Resolved) -> str:
    """Which rows are not sent again, why not, and what to do about them."""
    if not resolved.overtaken:
        return ""
    row, newer = next(iter(resolved.overtaken.items()))
    number, partly = len(resolved.overtaken), len(resolved.partly)
    left = (
        f"{count_rows(number)} {was_or_were(number)} left in doubt. Sending {it_or_them(number)} now would "
        f"undo a later row that the vendor has, or may have (for example, row {row + 1:,} would undo "
        f"row {newer + 1:,} of the input).\n"
        f"Settle {it_or_them(number)} with --landed or --dropped, as you found out."
    )
    if partly:
        return (
            f"{left} {count_rows(partly)} also set{'s' if partly == 1 else ''} tags that no later row sets. "
            f"If {it_or_they(partly)} did not land, load those tags as a separate file."
        )
    return f"{left} What became of {it_or_them(number)} no longer changes what is stored."


def describe_retry(plan: Plan, rows: int) -> str:
    """What is about to be sent again."""
    lines = [describe_decisions(plan)] if plan.changed_mapping else []
    lines.append(f"{plan.settings.kind.method.count(rows)} of {plan.settings.checkpoint} will be sent again")
    if plan.changed_mapping:
        lines.append("  with a changed mapping, which the load keeps from now on")
    if plan.fixed is not None:
        lines.append(f"  with the cells of {plan.fixed.name}, which the checkpoint keeps")
        if plan.fixed.done:
            lines.append(
                f"  {count_rows(plan.fixed.done)} of the file {was_or_were(plan.fixed.done)} sent before"
            )
        lines += [f"  note: {notice}" for notice in plan.fixed.notices]
    return "\n".join(lines)


def describe_checkpoint(ledger: CheckpointView, result: Result, why: Why) -> str:
    """Which load a checkpoint belongs to, and its account."""
    from loader.checkpoint_facts import is_of_table, name_tables  # noqa: PLC0415 - `--help` needs no SQL
    from loader.text.account import format_account  # noqa: PLC0415 - `--help` must start without it

    identity = ledger.identity
    lines = [
        f"{identity.kind} from {', '.join(file.name for file in identity.files)}",
        *(f"  {origin}" for file in identity.files if (origin := find_origin(file.name))),
        *(f"  looked up in {record.name}" for record in identity.lookups),
        f"  sent to {identity.endpoint}, application {identity.application}",
        format_account(result.account),
    ]
    if tables := name_tables(ledger):
        what = "The input" if is_of_table(ledger) else "A look-up"
        lines.append(
            f"  {what} is a table in Python's memory. See, retry and load the rows there, with "
            f"loader.Checkpoint(path, {tables}), loader.retry and the same call again."
        )
    lines += describe_history(ledger)
    if given_back := len(ledger.given_back):
        lines.append(
            f"  {given_back:,} of the rows never sent {was_or_were(given_back)} given back, to send again"
        )
    lines.append(
        "A load is running."
        if ledger.running
        else describe_next_steps(
            result,
            why,
            sandboxed=False,
            store=DEFAULT_STORE if identity.rehearsed else None,
            loading=False,
        )
    )
    return "\n".join(lines)


def find_origin(file: str) -> str:
    """Of which query a file is the kept result, and when that ran; "" if it is another file, or gone."""
    if not file.endswith(RESULT_ENDING):
        return ""
    from loader.queries.keeping import describe_origin  # noqa: PLC0415 - most inputs are of no query

    return describe_origin(file)


COLUMNS = (
    "checkpoint",
    "kind",
    "state",
    "read",
    "confirmed",
    "rejected",
    "in doubt",
    "never sent",
    "left out",
    "last run",
)
_COUNTS = COLUMNS[3:-1]
# Shown only if there is such a row.
_LEFT_OUT = COLUMNS.index("left out")


def lay_out_standings(standings: Sequence[Standing]) -> list[str]:
    """A table of checkpoints, a line each; below it what is wrong with those that cannot be read."""
    rows = [COLUMNS, *(list_cells(standing) for standing in standings if standing.account)]
    if not any(standing.account.left_out for standing in standings if standing.account):
        rows = [(*row[:_LEFT_OUT], *row[_LEFT_OUT + 1 :]) for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(map(align_cell, rows[0], row, widths)).rstrip() for row in rows]
    return lines + [f"{each.path}: {each.problem}" for each in standings if not each.account]


def list_cells(standing: Standing) -> tuple[str, ...]:
    """The cells of one checkpoint."""
    account = standing.account
    if account is None:
        return ()
    counts = [account.read, account.confirmed, account.rejected, account.in_doubt]
    counts += [account.never_sent, account.left_out]
    last = f"{datetime.fromtimestamp(standing.last, UTC):%Y-%m-%d %H:%M}"
    return (standing.path.name, standing.kind, find_state(standing), *(f"{n:,}" for n in counts), last)


def align_cell(name: str, cell: str, width: int) -> str:
    """Counts stand right, words left."""
    return f"{cell:>{width}}" if name in _COUNTS else f"{cell:<{width}}"


def find_state(standing: Standing) -> str:
    """What a load needs, in a word."""
    from loader.text.account import name_state  # noqa: PLC0415 - `--help` must start without it

    return name_state(standing.account, running=standing.running) if standing.account else "unreadable"


def record_standing(standing: Standing) -> dict[str, object]:
    """One checkpoint for a program."""
    account = standing.account
    names = ("read", "confirmed", "rejected", "in_doubt", "never_sent", "left_out", "in_flight")
    return {
        "checkpoint": str(standing.path),
        "kind": standing.kind or None,
        "running": standing.running,
        **{name: None if account is None else getattr(account, name) for name in names},
        "problem": standing.problem or None,
    }
