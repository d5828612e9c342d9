"""The words for a load: what is about to happen, how it ended, and what leads on from there."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from loader.cli.speech import events, write_json
from loader.errors import CheckpointError
from loader.model import State

if TYPE_CHECKING:
    from loader.methods import Kind
    from loader.model import Result
    from loader.planning import Plan
    from loader.sandbox import Holdings
    from loader.settings import Settings

MOST_REASONS, LONGEST_REASON = 3, 120


def decisions_text(plan: Plan) -> str:
    """What was decided about the columns."""
    lines = [f"{things(plan.survey.rows, plan.settings.kind)} in {', '.join(plan.settings.files)}"]
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
        settled = plan.earlier.account().settled
        left = f"{plan.remaining:,} {are(plan.remaining)}" if plan.remaining else "nothing is left"
        lines.append(
            f"  resuming {settings.checkpoint}: {counted(settled)} {are(settled)} settled, {left} to be sent"
        )
        if plan.doubtful:
            lines.append(f"  {doubtful_text(plan)}")
    return "\n".join(lines)


def doubtful_text(plan: Plan) -> str:
    """What happens to the rows that earlier runs left in doubt."""
    rows = f"{counted(plan.doubtful)} in doubt {are(plan.doubtful)} sent again"
    if plan.settings.kind.method.repeatable:
        return f"{rows}, but none over a confirmed later row of its device"
    return f"{rows}, as --on-doubt resend asks: some may be recorded twice"


def result_text(result: Result, settings: Settings) -> str:
    """How the load ended, and the account."""
    from loader.text.account import account_text, pace_text  # noqa: PLC0415 - `--help` must start without it

    lines = [account_text(result.account)]
    if pace := pace_text(result.account):
        lines.append(f"  {pace}, over all runs")
    lines.append(f"  checkpoint {result.checkpoint}")
    if result.stopped:
        lines.append(f"\nStopped: {result.stopped}")
    elif result.interrupted and result.account.never_sent:
        lines.append("\nInterrupted.")
    elif result.account.never_sent and settings.options.limit:
        lines.append(f"\nEnded after the first {settings.options.limit:,} rows, as --limit asked.")
    return "\n".join(lines)


def what_next(result: Result, *, sandboxed: bool, limited: bool = False, loading: bool = True) -> str:
    """The commands that lead on from here; `loading` where a load says so, not a look or a retry."""
    account, checkpoint = result.account, shlex.quote(result.checkpoint)
    steps = []
    if account.never_sent:
        command = "the same command again" if loading else f"the load command itself (`{result.kind}`)"
        again = f"{command[0].upper()}{command[1:]} sends {them(account.never_sent)}."
        if result.stopped:
            again = f"When what stopped the load is mended, {command} sends {them(account.never_sent)}."
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
            f"{again if result.kind.method.repeatable else held}\n"
            "To see them, and to settle all, or with --from FILE those that you looked up at the vendor:\n"
            f"  pushwoosh-loader failures {checkpoint} --in-doubt\n"
            "They are there, count them as confirmed:\n"
            f"  pushwoosh-loader resolve {checkpoint} --landed\n"
            "They are not there, let the next load send them:\n"
            f"  pushwoosh-loader resolve {checkpoint} --dropped\n"
            "Nobody knows, let the next load send them as possible duplicates:\n"
            f"  pushwoosh-loader resolve {checkpoint} --resend"
        )
    if not steps:
        steps.append("Every row is confirmed." if account.read else "The input holds no rows.")
        if sandboxed and loading and account.read:
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
    if (others := len(found) - MOST_REASONS) > 0:
        shown.append(f"\n  and {others:,} other reason{'s' if others > 1 else ''}")
    return ":" + "".join(shown)


def counted(rows: int) -> str:
    """A number of rows."""
    return f"{rows:,} row" if rows == 1 else f"{rows:,} rows"


def things(number: int, kind: Kind) -> str:
    """A number of users or events."""
    return f"{number:,} {kind.removesuffix('s') if number == 1 else kind}"


def are(number: int) -> str:
    """The verb for so many."""
    return "is" if number == 1 else "are"


def them(number: int) -> str:
    """The word for so many rows."""
    return "it" if number == 1 else "them"


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


def announce(plan: Plan, *, quiet: bool) -> None:
    """Say what is about to happen to programs that read along."""
    settings, log = plan.settings, events()
    if log is not None and not quiet:
        log.write(
            "plan",
            kind=settings.kind.value,
            files=[file.name for file in plan.survey.files],
            read=plan.survey.rows,
            to_send=plan.remaining + plan.doubtful,
            endpoint=settings.endpoint.name,
            application=settings.application,
            checkpoint=str(settings.checkpoint),
        )


def summary(result: Result) -> dict[str, object]:
    """The account for a program."""
    from loader.text.account import summary_record  # noqa: PLC0415 - `--help` must start without it

    return summary_record(result)


def write_summary(result: Result, target: Path | None) -> None:
    """Write the account for a program, where it was asked for."""
    write_json(summary(result), target)
