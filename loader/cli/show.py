"""The words in which the commands speak."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import sys
import textwrap
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loader.errors import CheckpointError, ConfigError
from loader.model import Decision, Kind, State
from loader.settings import refuse_overwriting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TextIO

    from loader.journal import Checkpoint, Decided
    from loader.model import Result
    from loader.planning import Plan
    from loader.repair import Resolved
    from loader.sandbox import Holdings
    from loader.settings import Settings

STDOUT = Path("-")
MOST_REASONS, LONGEST_REASON = 3, 120

# What stands before the words of a decision: the field's name, or that it is a note.
DECISION = re.compile(r" {2}(?:\w+ +(?=from )|note: )")


def speaker(*, quiet: bool, summary: Path | None) -> Callable[[str], None]:
    """Says a paragraph on standard output, or on standard error where standard output is the summary's."""
    out, columns = speaking(summary), terminal_width(summary=summary)

    def say(text: str) -> None:
        if text and not quiet:
            try:
                click.echo(folded(text, columns) + "\n", file=out)
            except OSError:
                hush(out)

    return say


def speaking(summary: Path | None) -> TextIO:
    """Where a command speaks: standard output, unless that is the summary's."""
    return sys.stderr if summary == STDOUT else sys.stdout


def terminal_width(*, summary: Path | None) -> int | None:
    """Columns of the terminal on which a command speaks; None where it is none."""
    return shutil.get_terminal_size().columns if speaking(summary).isatty() else None


def hush(out: TextIO) -> None:
    """Let the rest of an output go nowhere whose reader has gone (`| head`) or whose disk is full.

    Neither must end a load; and Python would flush what is left at its exit, and exit with 120.
    """
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


def folded(text: str, columns: int | None) -> str:
    """Long lines broken at blanks, and indented further, for a terminal of so many columns; None breaks none.

    Commands and bodies stay whole, to be copied.
    """
    if columns is None:
        return text
    return "\n".join(
        line
        if len(line) <= columns or line.lstrip().startswith(("pushwoosh-loader ", "{", "curl "))
        else fold(line, columns)
        for line in text.splitlines()
    )


def fold(line: str, columns: int) -> str:
    """One line, broken; what follows stands under the words of the first part, not under its name."""
    named = DECISION.match(line)
    blanks = len(line) - len(line.lstrip())
    indent = named.end() if named else blanks and blanks + 2
    return textwrap.fill(
        line,
        width=columns,
        subsequent_indent=" " * min(indent, columns // 2),
        break_long_words=False,
        break_on_hyphens=False,
    )


def decisions_text(plan: Plan) -> str:
    """What was decided about the columns."""
    lines = [f"{plan.survey.rows:,} {plan.settings.kind} in {', '.join(plan.settings.files)}"]
    forms = {file.form for file in plan.survey.files}
    lines += [f"  read as {form}" for form in sorted(forms)]
    if plan.survey.rows:
        lines += [f"  {decision}" for decision in plan.mapper.decisions]
        lines += [f"  note: {notice}" for notice in plan.mapper.notices]
    return "\n".join(lines)


def plan_text(plan: Plan, *, sandboxed: bool) -> str:
    """What is about to happen."""
    settings = plan.settings
    where = "a sandbox on this machine" if sandboxed else settings.endpoint.host
    lines = [decisions_text(plan), f"  sent to {where}, application {settings.application}"]
    if settings.token is None and not sandboxed:
        lines.append(
            "  note: no API token is given. If the application needs one, set PUSHWOOSH_API_TOKEN or "
            "--token-file."
        )
    if plan.earlier is not None:
        lines.append(
            f"  resuming {settings.checkpoint}: {plan.earlier.settled:,} rows are settled, "
            f"{f'{plan.remaining:,} are' if plan.remaining else 'nothing is left'} to be sent"
        )
        if plan.doubtful:
            lines.append(f"  {doubtful_text(plan)}")
    return "\n".join(lines)


def doubtful_text(plan: Plan) -> str:
    """What happens to the rows that earlier runs left in doubt."""
    rows = f"{plan.doubtful:,} rows in doubt are sent again"
    if plan.settings.kind is Kind.USERS:
        return f"{rows}, but none over a confirmed later row of its device"
    return f"{rows}, as --on-doubt resend asks: some may be recorded twice"


def result_text(result: Result, settings: Settings) -> str:
    """How the load ended, and the account."""
    from loader.report import account_text, pace_text  # noqa: PLC0415 - rich is slow to import

    lines = [account_text(result.account)]
    if pace := pace_text(result.account):
        lines.append(f"  {pace}, over all runs")
    lines.append(f"  checkpoint {result.checkpoint}")
    if result.stopped:
        lines.append(f"\nStopped: {result.stopped}")
    elif result.interrupted and result.account.never_sent:
        lines.append("\nInterrupted.")
    elif result.account.never_sent and settings.limit:
        lines.append(f"\nEnded after the first {settings.limit:,} rows, as --limit asked.")
    return "\n".join(lines)


def what_next(result: Result, *, sandboxed: bool, limited: bool = False) -> str:
    """The commands that lead on from here."""
    account, checkpoint = result.account, shlex.quote(result.checkpoint)
    steps = []
    if account.never_sent:
        again = "The same command again sends them."
        if result.stopped:
            again = "When what stopped the load is mended, the same command again sends them."
        elif limited and not result.interrupted:
            again = "The same command without --limit sends them."
        steps.append(f"{counted(account.never_sent)} never sent. {again}")
    if account.rejected:
        steps.append(
            f"{counted(account.rejected)} rejected{because(result, State.REJECTED)}\n"
            "To see them with their reasons, and to send them again when what was wrong is mended:\n"
            f"  pushwoosh-loader failures {checkpoint} --rejected\n"
            f"  pushwoosh-loader retry {checkpoint} --mapping MENDED.toml"
        )
    if account.in_doubt:
        again = "The same command again sends them, but none over a confirmed later row of its device."
        held = "They may or may not have landed, and are not sent again unless you say so."
        steps.append(
            f"{counted(account.in_doubt)} in doubt{because(result, State.IN_DOUBT)}\n"
            f"{again if result.kind is Kind.USERS else held}\n"
            "To see them, and to decide when some were looked up at the vendor:\n"
            f"  pushwoosh-loader failures {checkpoint} --in-doubt\n"
            f"  pushwoosh-loader resolve {checkpoint} --landed | --dropped | --resend"
        )
    if not steps:
        steps.append("Every row is confirmed." if account.read else "The input holds no rows.")
        if sandboxed and account.read:
            steps.append(
                "Next: set PUSHWOOSH_API_TOKEN and run the same command with --app XXXXX-XXXXX in place of "
                "--sandbox.\nTo see what is sent, put `check` before it and leave --sandbox and --yes out: "
                f"pushwoosh-loader check {result.kind} ..."
            )
    return "\n".join(steps)


def because(result: Result, state: State) -> str:
    """The most frequent reasons of the rows in a state, each on a line of its own."""
    from loader.failures import reasons  # noqa: PLC0415 - `--help` must start without pandas

    try:
        found = reasons(Path(result.checkpoint), state)
    except CheckpointError:
        return "."  # why it cannot be read has been said
    shown = [f"\n  {rows:,} × {shortened(reason)}" for reason, rows in found[:MOST_REASONS]]
    if len(found) > MOST_REASONS:
        shown.append(f"\n  and {len(found) - MOST_REASONS:,} other reasons")
    return ":" + "".join(shown)


def counted(rows: int) -> str:
    """A number of rows."""
    return f"{rows:,} row" if rows == 1 else f"{rows:,} rows"


def shortened(text: str) -> str:
    """A text of a line, for a list."""
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"


def holdings_text(holdings: Holdings, store: Path) -> str:
    """What the sandbox holds now."""
    lines = [f"The sandbox ({store}) now holds"]
    if holdings.devices:
        lines.append(f"  {holdings.devices:,} devices of {holdings.users:,} users")
    lines += [
        f"  {event.count:,} × {event.event}, from {moment(event.first_utc)} to {moment(event.last_utc)} UTC"
        for event in holdings.events
    ]
    return "\n".join(lines)


def moment(seconds: int) -> str:
    """Unix seconds as a date and a time of day in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def refuse_summary(target: Path | None, precious: Iterable[str | Path | None]) -> None:
    """Find out before the load whether its summary can be written.

    Raises:
        ConfigError: it cannot, or it would take the place of a file that is needed.
    """
    if target is None or target == STDOUT:
        return
    refuse_overwriting(target, precious)
    folder = target.parent
    if (
        target.is_dir()
        or not folder.is_dir()
        or not os.access(target if target.exists() else folder, os.W_OK)
    ):
        raise ConfigError(
            f"--summary {target} cannot be written. Name a file in a folder that can be written to."
        )


def write_summary(result: Result, target: Path | None) -> None:
    """Write the account for a program, where it was asked for."""
    from loader.report import summary_record  # noqa: PLC0415 - rich is slow to import

    write_json(summary_record(result), target)


def write_json(record: dict[str, object], target: Path | None) -> None:
    """Write one JSON object to a file or to standard output."""
    if target is None:
        return
    text = json.dumps(record, ensure_ascii=False, indent=2) + "\n"
    try:
        if target == STDOUT:
            click.echo(text, nl=False)
        else:
            target.write_text(text, encoding="utf-8")
    except OSError as error:
        # Too late to refuse anything: the exit code goes on to speak of the rows.
        if target == STDOUT:
            hush(sys.stdout)
        click.echo(f"The summary cannot be written to {target}: {error.strerror}.\n{text}", err=True)


DECISIONS = {
    "landed": "{rows:,} rows in doubt confirmed: looked up, they had landed",
    "dropped": "{rows:,} rows in doubt given back: looked up, they had not landed",
    "resend": "{rows:,} rows in doubt given back, to be sent again as possible duplicates",
    "retry": "{rows:,} rejected rows given back, to be sent again",
    "mapping": "another mapping",
}


def decided_text(decided: Decided) -> str:
    """One decision of the past, in a line."""
    words = DECISIONS[decided.what].format(rows=decided.rows)
    return f"{moment(int(decided.at))} UTC: {words}"


def resolved_text(resolved: Resolved, decision: Decision, checkpoint: Path) -> str:
    """What a decision did, the account, and how to go on."""
    from loader.report import account_text  # noqa: PLC0415 - rich is slow to import

    name = shlex.quote(str(checkpoint))
    words = DECISIONS[decision].format(rows=resolved.rows)
    lines = [f"{words}." if resolved.rows else "No row was in doubt." if not resolved.overtaken else ""]
    lines.append(overtaken_text(resolved.overtaken, State.IN_DOUBT))
    lines.append(account_text(resolved.account))
    if resolved.rows and decision is not Decision.LANDED:
        lines.append(
            f"The same load again sends them with all that was never sent. To send only them:\n"
            f"  pushwoosh-loader retry {name} --only given-back"
        )
    return "\n".join(line for line in lines if line)


def overtaken_text(later: Mapping[int, int], state: State) -> str:
    """Which rows are not sent again, and why not."""
    if not later:
        return ""
    row, newer = next(iter(later.items()))
    remain = "in doubt" if state is State.IN_DOUBT else "rejected"
    advice = "settle them with --landed" if state is State.IN_DOUBT else "leave them"
    return (
        f"{counted(len(later))} left {remain}: a later row of the same device is at the vendor, or may be, "
        f"and sent now they would undo it (record {row + 1:,} of the input and record {newer + 1:,}, say). "
        f"Their fate no longer matters to what is stored: {advice}."
    )


def retry_text(plan: Plan, rows: int) -> str:
    """What is about to be sent again."""
    lines = [decisions_text(plan)] if plan.mended else []
    lines.append(f"{rows:,} {plan.settings.kind} of {plan.settings.checkpoint} to be sent again")
    if plan.mended:
        lines.append("  with another mapping than before; from now on the load goes on with it")
    return "\n".join(lines)


def checkpoint_text(ledger: Checkpoint, result: Result) -> str:
    """What a checkpoint is of, and its account."""
    from loader.report import account_text  # noqa: PLC0415 - rich is slow to import

    identity = ledger.identity
    lines = [
        f"{identity.kind} from {', '.join(file.name for file in identity.files)}",
        f"  sent to {identity.endpoint}, application {identity.application}",
        account_text(result.account),
    ]
    lines += [f"  {decided_text(decided)}" for decided in ledger.decisions]
    if given_back := len(ledger.given_back):
        lines.append(f"  {given_back:,} of the rows never sent were given back, to be sent again")
    lines.append("A load is running." if ledger.running else what_next(result, sandboxed=False))
    return "\n".join(lines)
