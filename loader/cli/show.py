"""The words for a load: what is about to happen, how it ended, and what to do next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from loader.cli import summary
from loader.cli.options import DEFAULT_STORE
from loader.cli.speech import HANG, find_event_log
from loader.file_names import name_files
from loader.rates import read_rate
from loader.text.escape import quote_for_shell
from loader.text.nouns import count_rows, is_or_are, was_or_were

if TYPE_CHECKING:
    from pathlib import Path

    from loader.model import Result
    from loader.planning import Plan
    from loader.sandbox import Holdings
    from loader.settings import Settings
    from loader.text.next_steps import Why


def describe_decisions(plan: Plan) -> str:
    """What was decided about the columns."""
    from loader.mapping.describe import WIDTH  # noqa: PLC0415 - `--help` must start without pyarrow

    lines = [
        f"{plan.settings.kind.method.count(plan.survey.rows)} in {', '.join(name_files(plan.settings.files))}"
    ]
    forms = {file.form for file in plan.survey.files}
    lines += [f"  read as {form}" for form in sorted(forms)]
    lines += [f"  note: {notice}" for notice in plan.source.notices]
    if plan.survey.rows:
        lines += [f"  {line[:WIDTH]}{HANG}{line[WIDTH:]}" for line in plan.mapper.decisions]
        lines += [f"  note: {HANG}{notice}" for notice in plan.mapper.notices]
        lines += [f"  note: {HANG}{found.message}" for found in plan.suspicions]
    return "\n".join(lines)


def describe_plan(plan: Plan, *, sandboxed: bool, first: str = "") -> str:
    """What is about to happen; `first` says which rows are sent alone."""
    from loader.monitoring import find_missing_extra  # noqa: PLC0415 - `--help` must start without it

    settings = plan.settings
    where = "a sandbox on this machine" if sandboxed else settings.endpoint.host
    lines = [describe_decisions(plan), f"  sent to {where}, application {settings.application}"]
    lines += describe_rate(settings)
    lines += note_new_ledger(plan)
    lines += [f"  note: {HANG}{plan.begins_again}"] if plan.begins_again else []
    if plan.grown_from is not None:
        added = count_rows(plan.survey.rows - plan.grown_from.identity.rows)
        lines.append(f"  note: {HANG}the input has grown by {added} since")
    if settings.token is None and not sandboxed:
        lines.append(
            "  note: no API token is given. If the application needs one, set PUSHWOOSH_API_TOKEN or "
            "--token-file."
        )
    lines += [f"  note: {note}"] if (note := find_missing_extra()) else []
    if plan.earlier is not None:
        settled = plan.earlier.account().settled
        done = f"{count_rows(settled)} {is_or_are(settled)}"
        left = f"{plan.remaining:,} {is_or_are(plan.remaining)}" if plan.remaining else nothing_left(plan)
        lines.append(f"  resuming {settings.checkpoint}: {done} settled, {left} to be sent")
        if plan.doubtful:
            lines.append(f"  {describe_doubtful(plan)}")
    lines += [first] if first else []
    return "\n".join(lines)


def note_new_ledger(plan: Plan) -> list[str]:
    """That a ledger knows nothing yet: perhaps its name is mistyped."""
    ledger = plan.settings.options.ledger
    if ledger is None or ledger.exists() or plan.earlier is not None:
        return []
    return [f"  note: {ledger} does not exist yet, so no row is known as sent"]


def describe_rate(settings: Settings) -> list[str]:
    """The rate, if it changes while the load runs, and in which zone its times are."""
    options = settings.options
    rate = read_rate(options.rate_file) if options.rate_file else options.rate
    if rate is None or not (rate.changes or options.rate_file):
        return []
    zone = options.rate_zone or f"the zone of this machine, {datetime.now().astimezone():%Z}"
    within = f", in {zone}" if rate.changes else ""
    source = f"; read again when {options.rate_file} changes" if options.rate_file else ""
    return [f"  at most {rate}{within}{source}"]


def nothing_left(plan: Plan) -> str:
    """Of what nothing is left: with a limit the input may have more."""
    limit = plan.settings.options.limit
    if plan.chosen is not None:
        return "none of the canary is left"
    return "nothing is left" if limit is None else f"none of the first {count_rows(limit)} is left"


def describe_doubtful(plan: Plan) -> str:
    """What happens to the rows that earlier runs left in doubt."""
    rows = f"{count_rows(plan.doubtful)} in doubt {is_or_are(plan.doubtful)} sent again"
    if plan.settings.kind.method.repeatable:
        return f"{rows}, unless one would undo a later row of its {plan.settings.kind.method.owner}"
    return f"{rows}, as --on-doubt resend asks: some may be recorded twice"


def describe_result(result: Result, settings: Settings) -> str:
    """How the load ended, and the account."""
    from loader.text.account import format_account, format_pace  # noqa: PLC0415 - `--help` must start without it

    lines = [format_account(result.account)]
    if pace := format_pace(result.account):
        lines.append(f"  {pace}, over all runs")
    if result.gone:
        from loader.gone.words import describe_gone  # noqa: PLC0415 - only if it was requested

        lines += describe_gone(result.gone, result.kind.method.many)
    lines.append(f"  checkpoint {result.checkpoint}")
    if result.stopped:
        lines.append(f"\nStopped: {result.stopped}")
    elif result.interrupted and result.account.never_sent:
        lines.append("\nInterrupted.")
    elif result.account.never_sent and settings.options.canary:
        lines.append("\nOnly the canary was to be sent (--canary).")
    elif result.account.never_sent and settings.options.limit:
        limit = settings.options.limit
        lines.append(f"\nOnly the first {count_rows(limit)} {was_or_were(limit)} to be sent (--limit).")
    return "\n".join(lines)


def describe_next_steps(
    result: Result,
    why: Why,
    *,
    sandboxed: bool,
    store: Path | None = None,
    cut: str = "",
    loading: bool = True,
) -> str:
    """The next commands.

    Args:
        result: how the load ended.
        why: why rows are not confirmed.
        sandboxed: the rows went to a sandbox, and no other load is meant to follow.
        store: the store of the sandbox that they went to, if they went to one.
        cut: the option that left rows for later; "" if none did.
        loading: whether a load shows them, not `status` or a retry.
    """
    from loader.text import next_steps as steps  # noqa: PLC0415 - a check has none

    left = steps.Left.of(result, why, limited=bool(cut))
    again = "the same command again" if loading else f"the load command itself (`{result.kind}`)"
    spelling = steps.spell_shell(
        result.kind,
        result.checkpoint,
        again=again,
        rehearsed=sandboxed and loading,
        cut=cut or "--limit",
    )
    if store is not None:
        named = "" if store == DEFAULT_STORE else str(store)
        spelling = replace(spelling, settle=steps.spell_settling(result.checkpoint, named))
    return "\n".join(steps.lay_out(step) for step in steps.list_steps(left, spelling))


def find_cut(settings: Settings) -> str:
    """The option that left rows for later, as it is given; "" if none did."""
    options = settings.options
    return "--canary" if options.canary else "--limit" if options.limit else ""


def describe_holdings(holdings: Holdings, store: Path) -> str:
    """What the sandbox holds now."""
    lines = [f"The sandbox ({store}) now holds"]
    lines += [f"  {line}" for line in holdings.lines()]
    lines += [
        f"  {event.count:,} × {event.event}, from {format_moment(event.first_utc)} "
        f"to {format_moment(event.last_utc)} UTC"
        for event in holdings.events
    ]
    lines += [
        "To look at it in a browser:",
        f"  pushwoosh-loader sandbox --store {quote_for_shell(str(store))}",
    ]
    return "\n".join(lines)


def format_moment(seconds: int) -> str:
    """Unix seconds as a date and a time of day in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def announce(plan: Plan, *, quiet: bool) -> None:
    """Tell programs that read along what is about to happen."""
    settings, log = plan.settings, find_event_log()
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
            begins_again=plan.begins_again is not None,
        )


def write_summary(result: Result, why: Why, state: str = summary.ENDED) -> None:
    """Write the account for a program, if it was requested."""
    from loader.text.account import build_summary  # noqa: PLC0415 - `--help` must start without it

    summary.current().finish(build_summary(result, why) | {"state": state})
