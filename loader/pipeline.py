"""The main path: prepare, lease, map, deliver, settle, account.

plan = prepare(settings)       everything that can be known, and refused, before the first send
result = load(plan, ...)       the load; the same again resumes
profile = check(plan)          the same way of a row, with nothing behind it (checking.py)
"""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from loader.checking import check
from loader.conditions import BEGAN, ENDED, WORKER, Conditions, Ending, share_out
from loader.crew import await_workers, open_crew
from loader.delivery import Dispatch, limit_concurrency
from loader.doubts import explain_overtaking, find_overtaken
from loader.errors import CheckpointError, ConfigError
from loader.journal import CheckpointView, Journal, collect_ranges
from loader.journal.ranges import Ranges
from loader.known_keys import open_known_keys
from loader.leases import Leases, stop_for
from loader.model import Decision, Phase, Reject, Result, State
from loader.planning import Plan, build_identity, is_resent, prepare
from loader.policies import build_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from loader.crew import Crew
    from loader.delivery import Brake, Session
    from loader.doubts import Overtaken
    from loader.model import Account, Stop
    from loader.progress import Watch
    from loader.settings import Settings

__all__ = ["Plan", "check", "load", "prepare"]


def load(
    plan: Plan,
    *,
    brake: Brake,
    watch: Watch,
    choose: Callable[[Journal], Iterable[range]] | None = None,
    session: Session | None = None,
) -> Result:
    """Send what was never sent, or those rows of it that are chosen; return the account over all runs.

    A checkpoint that can no longer be written ends the load, as a damaged input does: nothing more is sent,
    and the result says why. With a session the requests go over that, and it stays open.

    Raises:
        ConfigError: the session could break a promise. Nothing was sent.
        CheckpointError: the checkpoint cannot be opened, is in use or was made for another load. Then
            nothing was sent.
    """
    plan = fit_session(plan, session)
    settings = plan.settings
    problems: list[Stop] = []
    journal = open_journal(plan)
    with close_at_end(journal, problems), ExitStack() as opened:
        if not await_workers(journal, brake, watch):
            account = journal.account()
            return Result(settings.kind, account, str(settings.checkpoint), interrupted=True, run=journal.run)
        keys = opened.enter_context(closing(open_known_keys(plan, journal)))
        crew = opened.enter_context(closing(open_crew(plan, keys, watch, session)))
        if choose is None:
            forget_earlier(settings, journal)
        wanted = choose(journal) if choose else list_unsent(plan, journal)
        policy = build_policy(plan, journal.account(), chosen=choose is not None)
        dispatch = Dispatch(crew.line, policy=policy, brake=brake, sending=journal.sending)
        keys.begin()
        hear = watch.hear_rejects
        leases = Leases(plan, crew, journal, dispatch, wanted, canary=policy.canary, hear=hear, keys=keys)
        # A retry does not end the load: its code still says that the load itself is not at its end.
        not_requested = 0 if choose else journal.account().never_sent - leases.rows
        journal.note(BEGAN, Conditions.of(settings).to_text())
        journal.observe(dispatch.traffic)
        try:
            goal = journal.account().settled + leases.rows
            with watch.watching(
                journal.account,
                lambda: dispatch.wire()._replace(workers=crew.list_workers()),
                goal=goal,
                run=journal.run,
                place=plan.survey.place,
            ):
                for outcomes in dispatch.deliver(leases.requests()):
                    journal.settle(outcomes)
                    keys.settle(outcomes)
                    crew.settle(outcomes)
                    watch.hear_outcomes(outcomes)
            note_end(journal, crew, leases.stopped or dispatch.stopped, interrupted=brake.drained)
            journal.release()
            keys.finish()
        except CheckpointError as error:
            problems.append(stop_for(error))
    problems += filter(None, [leases.stopped, dispatch.stopped])
    return Result(
        settings.kind,
        read_account(journal),
        str(settings.checkpoint),
        problems[0] if problems else None,
        brake.drained,
        journal.run,
        not_requested,
    )


def note_end(journal: Journal, crew: Crew, stop: Stop | None, *, interrupted: bool) -> None:
    """Note what each worker did, and how the run ended."""
    for share in share_out(crew.list_workers()):
        journal.note(WORKER, share.to_text())
    journal.note(ENDED, Ending.of(stop, interrupted=interrupted, sending=crew.sending).to_text())


def forget_earlier(settings: Settings, journal: Journal) -> None:
    """Have the sandbox forget what it holds of a rehearsal that begins with its first row.

    After the checkpoint was emptied or deleted, and before the first lease: a kill between the two leaves a
    checkpoint without rows, for which the same command does both again, whatever its input is by then. The
    other way round, a checkpoint would claim rows that the store has forgotten.
    """
    if settings.rehearsal is not None and journal.blank:
        settings.rehearsal.forget(settings.rehearsal.label)


def open_journal(plan: Plan) -> Journal:
    """Open the checkpoint of a load.

    Raises:
        ConfigError: it has none.
        CheckpointError: it cannot be used.
    """
    settings = plan.settings
    if settings.checkpoint is None:
        raise ConfigError("A load needs a checkpoint file.")
    return Journal.open(
        settings.checkpoint,
        build_identity(plan),
        window=settings.options.concurrency.highest,
        replacing=plan.begins_again is not None,
        grown_from=plan.grown_from,
    )


def fit_session(plan: Plan, session: Session | None) -> Plan:
    """The plan, with no more requests on the wire than the session takes at a time."""
    if session is None:
        return plan
    options = plan.settings.options
    options = replace(options, concurrency=limit_concurrency(session, options.concurrency))
    return replace(plan, settings=replace(plan.settings, options=options))


@contextmanager
def close_at_end(journal: Journal, problems: list[Stop]) -> Iterator[None]:
    """Close the journal at the end; if that fails, there is an account all the same."""
    try:
        yield
    finally:
        try:
            journal.close()
        except CheckpointError as error:
            problems.append(stop_for(error))


def list_unsent(plan: Plan, journal: Journal) -> Iterator[range]:
    """The rows that were never sent, and if doubts are sent again, those that earlier runs left in doubt.

    No row is sent that would undo a later one: then a doubt stays a doubt, and a row that was never sent is
    rejected.
    """
    doubts = {row.ordinal: row for row in CheckpointView.open(journal.path).exceptions(State.IN_DOUBT)}
    again = {ordinal for ordinal in doubts if plan.includes(ordinal)} if is_resent(plan.settings) else set()
    if plan.settings.kind.method.last_wins:
        free = set(chain.from_iterable(journal.never_sent(journal.mark)))
        overtaken = find_overtaken(plan.source, plan.mapper, journal, free | again, doubts)
        refuse_overtaken(plan, journal, overtaken.only(free))
        again -= overtaken.later.keys()
    journal.decide(Decision.RESEND, [doubts[ordinal] for ordinal in sorted(again)])
    unsent = journal.never_sent(plan.rows)
    return unsent if plan.chosen is None else pick_rows(unsent, plan.chosen)


def pick_rows(ranges: Iterable[range], chosen: Iterable[int]) -> Iterator[range]:
    """Pick the chosen rows out of some ranges."""
    free = Ranges(ranges)
    return collect_ranges(row for row in chosen if row in free)


def refuse_overtaken(plan: Plan, journal: Journal, overtaken: Overtaken) -> None:
    """Reject rows that were never sent and must not be, each because of a later row."""
    method = plan.settings.kind.method

    def reject(row: int) -> Reject:
        reason = explain_overtaking(method, partly=row in overtaken.partly)
        later = plan.survey.place(overtaken.later[row])
        message = f"{plan.survey.place(row)}: {reason} ({later})."
        return Reject(row, "", "", reason, message, phase=Phase.OVERTAKEN)

    journal.lease(*collect_ranges(overtaken.later), rejects=[reject(row) for row in sorted(overtaken.later)])


def read_account(journal: Journal) -> Account:
    """The account of a load that has ended: what was on the wire when the journal failed is in doubt."""
    account = journal.account()
    if not account.in_flight:
        return account
    try:
        return CheckpointView.open(journal.path).account()
    except CheckpointError:
        return replace(account, in_doubt=account.in_doubt + account.in_flight, in_flight=0)
