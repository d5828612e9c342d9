"""The limits of a load as the sender takes them: numbers of rows and seconds, no percentages and no words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from loader.delivery import Policy, Timetable
from loader.planning import is_resent
from loader.rates import parse_zone, read_rate

if TYPE_CHECKING:
    from loader.load_options import LoadOptions
    from loader.model import Account
    from loader.planning import Plan


def build_policy(plan: Plan, account: Account, *, chosen: bool) -> Policy:
    """The dispatcher's numbers.

    Rejections of the first rows do not stop a load if a row was confirmed before, or if the rows were
    chosen, perhaps because they had been rejected.
    """
    settings, options = plan.settings, plan.settings.options
    max_rejected, max_in_doubt = find_limits(plan, account)
    policy = Policy(
        concurrency=options.concurrency.highest,
        least_concurrency=options.concurrency.lowest,
        rate=options.rate.steps[0][1] if options.rate else None,
        timetable=build_timetable(options),
        resend_ambiguous=is_resent(settings),
        last_wins=settings.kind.method.last_wins,
        max_rejected=max_rejected,
        max_in_doubt=max_in_doubt,
        rejected_before=account.rejected,
        in_doubt_before=account.in_doubt,
        longest_seconds=options.max_duration.seconds if options.max_duration else None,
        proxied=options.proxy is not None,
        secrets=settings.secrets,
    )
    if options.give_up_after:
        limit = options.give_up_after.seconds
        policy = replace(policy, outage_seconds=limit, standstill_seconds=limit)
    return replace(policy, canary=0) if chosen or account.confirmed else policy


def find_limits(plan: Plan, account: Account) -> tuple[int | None, int | None]:
    """How many rows may be rejected, and in doubt; None for no limit.

    Percentages are of the input without the rows that are left out, as far as these are known: while a load
    finds more of them, the limits fall.
    """
    options, total = plan.settings.options, plan.survey.rows - account.left_out
    limits = (options.max_rejected, options.max_in_doubt)
    max_rejected, max_in_doubt = (limit.of(total) if limit else None for limit in limits)
    return max_rejected, max_in_doubt


def build_timetable(options: LoadOptions) -> Timetable | None:
    """The rate of each moment; None if it never changes."""
    first = read_rate(options.rate_file) if options.rate_file else options.rate
    zone = parse_zone(options.rate_zone) if options.rate_zone else None
    changing = first is not None and (first.changes or options.rate_file is not None)
    return Timetable(first, options.rate_file, zone) if first is not None and changing else None
