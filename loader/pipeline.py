"""The main path: prepare, lease, map, deliver, settle, account.

plan = prepare(settings)       everything that can be known, and refused, before the first send
result = load(plan, ...)       the load; the same again resumes
profile = check(plan)          the same way of a row, with nothing behind it
"""

from __future__ import annotations

from collections import deque
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from loader.conditions import BEGAN, ENDED, Conditions, Ending
from loader.delivery import Dispatch, Policy, concurrency_over, open_transport
from loader.doubts import find_overtaken
from loader.errors import CheckpointError, ConfigError, SourceError
from loader.failures import would_be_rejects
from loader.journal import Checkpoint, Journal, runs
from loader.leases import Leases, select_chunks, stop_for
from loader.model import Chunk, Decision, Reject, Result, State
from loader.planning import Plan, identity, prepare, resends
from loader.profile import Profile
from loader.progress import Reading, Silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    import pandas as pd

    from loader.delivery import Brake, Session
    from loader.model import Account, Stop
    from loader.progress import Watch

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
    plan = within_session(plan, session)
    settings = plan.settings
    if settings.checkpoint is None:
        raise ConfigError("A load needs a checkpoint file.")
    problems: list[Stop] = []
    journal = Journal.open(settings.checkpoint, identity(plan), window=settings.options.concurrency.highest)
    with closed(journal, problems), closing(open_transport(settings, session)) as transport:
        wanted = choose(journal) if choose else unsent(plan, journal)
        policy = policy_of(plan, journal.account(), chosen=choose is not None)
        dispatch = Dispatch(transport, policy=policy, brake=brake, sending=journal.sending)
        leases = Leases(plan, journal, dispatch, wanted, canary=policy.canary)
        journal.note(BEGAN, Conditions.of(settings).to_text())
        journal.observe(dispatch.traffic)
        try:
            goal = journal.account().settled + leases.rows
            with watch.watching(journal.account, dispatch.wire, goal=goal, run=journal.run):
                for outcomes in dispatch.deliver(leases.requests()):
                    journal.settle(outcomes)
            ended = Ending.of(leases.stopped or dispatch.stopped, interrupted=brake.drained)
            journal.note(ENDED, ended.to_text())
            journal.release()
        except CheckpointError as error:
            problems.append(stop_for(error))
    problems += filter(None, [leases.stopped, dispatch.stopped])
    return Result(
        settings.kind,
        account_at_rest(journal, settings.checkpoint),
        str(settings.checkpoint),
        problems[0] if problems else None,
        brake.drained,
        journal.run,
    )


def within_session(plan: Plan, session: Session | None) -> Plan:
    """The plan, with no more requests on the wire than the session takes at a time."""
    if session is None:
        return plan
    options = plan.settings.options
    options = replace(options, concurrency=concurrency_over(session, options.concurrency))
    return replace(plan, settings=replace(plan.settings, options=options))


@contextmanager
def closed(journal: Journal, problems: list[Stop]) -> Iterator[None]:
    """Close the journal at the end; if that fails, there is an account all the same."""
    try:
        yield
    finally:
        try:
            journal.close()
        except CheckpointError as error:
            problems.append(stop_for(error))


def unsent(plan: Plan, journal: Journal) -> Iterator[range]:
    """The rows that were never sent, and where doubts are sent again, those that earlier runs left in doubt.

    If the last call wins, no row is sent over a later row of its device: then a doubt stays a doubt, and a
    row that was never sent is rejected.
    """
    doubts = {row.ordinal: row for row in Checkpoint.open(journal.path).exceptions(State.IN_DOUBT)}
    again = {ordinal for ordinal in doubts if ordinal < plan.rows} if resends(plan.settings) else set()
    if plan.settings.kind.method.last_wins:
        free = set(chain.from_iterable(journal.never_sent(journal.mark)))
        later = find_overtaken(plan.source, plan.mapper, journal, free | again, doubts)
        refuse_overtaken(plan, journal, {row: later[row] for row in later if row in free})
        again -= later.keys()
    journal.decide(Decision.RESEND, [doubts[ordinal] for ordinal in sorted(again)])
    return journal.never_sent(plan.rows)


def refuse_overtaken(plan: Plan, journal: Journal, later: Mapping[int, int]) -> None:
    """Reject rows that were never sent and must not be, each because of a later row of its device."""
    reason = (
        "not sent, because the vendor has, or may have, a later row of the same device, "
        "which this row would undo"
    )
    rejects = [
        Reject(row, "", "", reason, f"{plan.survey.place(row)}: {reason} ({plan.survey.place(later[row])}).")
        for row in sorted(later)
    ]
    journal.lease(*runs(later), rejects=rejects)


def account_at_rest(journal: Journal, path: Path) -> Account:
    """The account of a load that has ended: what was on the wire when the journal failed is in doubt."""
    account = journal.account()
    if not account.in_flight:
        return account
    try:
        return Checkpoint.open(path).account()
    except CheckpointError:
        return replace(account, in_doubt=account.in_doubt + account.in_flight, in_flight=0)


def policy_of(plan: Plan, account: Account, *, chosen: bool) -> Policy:
    """The dispatcher's numbers; percentages are of the whole input.

    Rejections of the first rows do not stop a load if a row was confirmed before, or if the rows were
    chosen, perhaps because they had been rejected.
    """
    settings, options, total = plan.settings, plan.settings.options, plan.survey.rows
    policy = Policy(
        concurrency=options.concurrency.highest,
        least_concurrency=options.concurrency.lowest,
        rate=options.rate,
        resend_ambiguous=resends(settings),
        last_wins=settings.kind.method.last_wins,
        max_rejected=options.max_rejected.of(total) if options.max_rejected else None,
        max_in_doubt=options.max_in_doubt.of(total) if options.max_in_doubt else None,
        rejected_before=account.rejected,
        in_doubt_before=account.in_doubt,
        secret=settings.token.reveal() if settings.token else "",
    )
    return replace(policy, canary=0) if chosen or account.confirmed else policy


def check(
    plan: Plan,
    rejects: Callable[[Iterator[pd.DataFrame]], object] | None = None,
    watch: Watch | None = None,
) -> Profile:
    """Map every row and send nothing. A damaged input ends it, and the profile says so.

    Args:
        plan: what to map.
        rejects: takes the frames of rows that would be rejected, the first of them without a row, to its end.
        watch: shows how far it is.

    Raises:
        ConfigError: the folder for temporary files is full, or what `rejects` raises.
    """
    profile = Profile(plan.mapper, plan.survey)
    frames = checked(plan, profile, wanted=rejects is not None)
    with (watch or Silent()).reading(lambda: Reading(profile.rows, plan.rows, "rows", "Checking")):
        if rejects is not None:
            rejects(frames)
        deque(frames, maxlen=0)
        profile.finish()
    return profile


def checked(plan: Plan, profile: Profile, *, wanted: bool) -> Iterator[pd.DataFrame]:
    """Add every row to the profile; yield those that would be rejected, if they are wanted."""
    if wanted:
        yield would_be_rejects(Chunk(0, plan.source.sample(0), "", 1, {}), [])
    try:
        for chunk, _ in select_chunks(plan.source.chunks(), [range(plan.rows)]):
            mapped = plan.mapper.map(chunk)
            profile.add(mapped)
            if wanted and mapped.rejects:
                yield would_be_rejects(chunk, mapped.rejects)
    except SourceError as error:
        profile.stopped = str(error)
