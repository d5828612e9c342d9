"""The main path: prepare, lease, map, deliver, settle, account.

plan = prepare(settings)       everything that can be known, and refused, before the first send
result = load(plan, ...)       the load; the same again resumes
profile = check(plan)          the same way of a row, with nothing behind it
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from loader.delivery import Dispatch, Policy, RequestsTransport
from loader.errors import CheckpointError, ConfigError, SourceError
from loader.journal import Checkpoint, Identity, Journal
from loader.mapping import Mapping, bind, infer
from loader.mapping.fields import APPLICATION_CODE
from loader.model import Kind, Result
from loader.profile import Profile
from loader.settings import OnDoubt
from loader.sources import open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from loader.delivery import Brake
    from loader.mapping import Mapped, Mapper
    from loader.model import Account, Chunk, Request
    from loader.report import Watch
    from loader.settings import Settings
    from loader.sources import Source, Survey

# So many first rows that all fail to map for one reason: the mapping is wrong, not the rows.
CANARY_ROWS = 20


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is known before the first send.

    Attributes:
        earlier: the account that earlier runs left in the checkpoint, or None where there is none yet.
        mended: the mapping of the checkpoint, where a retry goes on with another one; else None.
    """

    settings: Settings
    source: Source
    survey: Survey
    mapper: Mapper
    earlier: Account | None
    mended: str | None = field(default=None, kw_only=True)

    @property
    def rows(self) -> int:
        """Rows to be loaded over all runs: the whole input, or the first `limit` of it."""
        limit = self.settings.limit
        return self.survey.rows if limit is None else min(limit, self.survey.rows)

    @property
    def remaining(self) -> int:
        """Rows still to be loaded."""
        beyond = self.survey.rows - self.rows
        return max(0, self.earlier.never_sent - beyond) if self.earlier else self.rows


def prepare(settings: Settings) -> Plan:
    """Read the whole input once, decide on the mapping, and refuse what cannot go well.

    Raises:
        SourceError, MappingError, ConfigError, CheckpointError: nothing was sent.
    """
    refuse_application(settings.application)
    checkpoint = existing(settings)
    plan = draw_up(settings, checkpoint)
    if checkpoint:
        checkpoint.refuse_other(identity(plan))
    return plan


def draw_up(settings: Settings, checkpoint: Checkpoint | None, mapping: Mapping | None = None) -> Plan:
    """Survey the input and bind a mapping to it: the given one, or the file's, or what the names say.

    Raises:
        SourceError, MappingError: the input or the mapping cannot be used.
    """
    known = checkpoint.identity.files if checkpoint else ()
    source = open_source(settings.files, dialect=settings.dialect, known=known)
    survey = source.survey()
    sample = source.sample()
    where = str(settings.mapping or settings.files[0])
    if settings.mapping:
        mapping = Mapping.read(settings.mapping, settings.kind)
    mapping = mapping or infer(settings.kind, source.schema, sample, where=where)
    now = began(checkpoint) if checkpoint else datetime.now(UTC)
    mapper = bind(mapping, source.schema, sample, application=settings.application, where=where, now=now)
    return Plan(settings, source, survey, mapper, checkpoint.account() if checkpoint else None)


def refuse_application(code: str) -> None:
    """The vendor would refuse every row of a code that cannot be one."""
    if not APPLICATION_CODE.fullmatch(code):
        raise ConfigError(
            f'The application code "{code}" is not of the form XXXXX-XXXXX (five capitals or digits, twice). '
            "Check --app or PUSHWOOSH_APPLICATION."
        )


def existing(settings: Settings) -> Checkpoint | None:
    """What earlier runs left, if they did anything."""
    path = settings.checkpoint
    if path is None or not path.exists():
        return None
    checkpoint = Checkpoint.open(path)
    return None if checkpoint.blank else checkpoint


def began(checkpoint: Checkpoint) -> datetime:
    """The one instant of all runs, for what depends on the moment: that which the first run wrote down."""
    mapping = Mapping.parse(checkpoint.identity.mapping, str(checkpoint.path))
    return mapping.instant or datetime.fromtimestamp(checkpoint.runs[0].started, UTC)


def load(
    plan: Plan, *, brake: Brake, watch: Watch, choose: Callable[[Journal], Iterable[range]] | None = None
) -> Result:
    """Send what was never sent, or those rows of it that are chosen; return the account over all runs.

    A checkpoint that can no longer be written ends the load, as a damaged input does: nothing more is sent,
    and the result says why.

    Raises:
        CheckpointError: the checkpoint cannot be opened, is in use or was made for another load. Then
            nothing was sent.
    """
    settings = plan.settings
    if settings.checkpoint is None:
        raise ConfigError("A load needs a checkpoint file.")
    with (
        Journal.open(settings.checkpoint, identity(plan), window=settings.concurrency) as journal,
        RequestsTransport.to(settings) as transport,
    ):
        wanted = choose(journal) if choose else journal.never_sent(plan.rows)
        policy = policy_of(plan, journal.account())
        dispatch = Dispatch(transport, policy=policy, brake=brake, sending=journal.sending)
        leases = Leases(plan, journal, dispatch, wanted, canary=0 if choose else CANARY_ROWS)
        try:
            with watch.watching(journal.account, dispatch.wire):
                for outcomes in dispatch.deliver(leases.requests()):
                    journal.settle(outcomes)
            journal.release()
        except CheckpointError as error:
            leases.stopped = str(error)
    stopped = leases.stopped or (dispatch.stopped and dispatch.stopped.reason)
    return Result(
        settings.kind,
        account_at_rest(journal, settings.checkpoint),
        str(settings.checkpoint),
        stopped,
        brake.drained,
    )


def account_at_rest(journal: Journal, path: Path) -> Account:
    """The account of a load that has ended: what was on the wire when the journal failed is in doubt."""
    account = journal.account()
    if not account.in_flight:
        return account
    try:
        return Checkpoint.open(path).account()
    except CheckpointError:
        return replace(account, in_doubt=account.in_doubt + account.in_flight, in_flight=0)


def check(plan: Plan) -> Profile:
    """Map every row and send nothing."""
    profile = Profile()
    for chunk in within(plan.source.chunks(), [range(plan.rows)]):
        profile.add(plan.mapper.map(chunk))
    return profile


class Leases:
    """Takes rows from the source, maps them, and leases them in the journal before it hands them out.

    Args:
        plan: source and mapper.
        journal: where rows are leased.
        dispatch: asked whether the load has stopped.
        wanted: rows that may be leased, ascending.
        canary: so many first rows, all rejected for one reason, end it before anything is sent; 0 for never.

    Attributes:
        stopped: why the input ended before its end, or None.
    """

    def __init__(
        self, plan: Plan, journal: Journal, dispatch: Dispatch, wanted: Iterable[range], *, canary: int
    ) -> None:
        self.stopped: str | None = None
        self._wanted = list(wanted)
        self._canary = canary
        self._plan = plan
        self._journal = journal
        self._dispatch = dispatch

    def requests(self) -> Iterator[Request]:
        """Every row that was never sent, in order. Rows before a damaged place are handed out."""
        try:
            for mapped in self._mapped():
                for part in mapped.parts(self._journal.lease_rows):
                    self._journal.lease(part.rows, part.rejects)
                    self._dispatch.count_rejected(len(part.rejects))
                    if self._dispatch.stopped:
                        return
                    yield from part.requests()
        except (SourceError, CheckpointError) as error:
            # What is on the wire is still answered and settled.
            self.stopped = str(error)

    def _mapped(self) -> Iterator[Mapped]:
        if not self._wanted:
            return
        canary = self._canary
        for chunk in within(self._plan.source.chunks(self._wanted[0].start), self._wanted):
            mapped = self._plan.mapper.map(chunk)
            if canary and (reason := all_alike(mapped, canary)):
                self.stopped = reason
                return
            canary = 0
            yield mapped


def within(chunks: Iterable[Chunk], wanted: Iterable[range]) -> Iterator[Chunk]:
    """The parts of the chunks that are in the wanted ranges; both ascend."""
    ranges = deque(wanted)
    for chunk in chunks:
        while ranges and ranges[0].start < chunk.rows.stop:
            part = chunk.part(ranges[0])
            if len(part.rows):
                yield part
            if ranges[0].stop > chunk.rows.stop:
                break
            ranges.popleft()
        if not ranges:
            return


def all_alike(mapped: Mapped, rows: int) -> str | None:
    """A sentence, if the first rows are all rejected for one reason: then nothing is sent at all."""
    first = mapped.rejects[:rows]
    if len(first) < rows or first[-1].ordinal != mapped.first + rows - 1:
        return None
    if len({reject.reason for reject in first}) > 1:
        return None
    return (
        f"The first {rows} rows cannot be mapped, all for one reason: {first[0].message} "
        "Mend the mapping; nothing was sent."
    )


def identity(plan: Plan) -> Identity:
    """What the checkpoint is of: it is refused for anything else."""
    return Identity(
        kind=plan.settings.kind,
        application=plan.settings.application,
        endpoint=plan.settings.endpoint.name,
        mapping=plan.mended or plan.mapper.mapping.to_toml(),
        files=plan.survey.files,
    )


def policy_of(plan: Plan, account: Account) -> Policy:
    """The dispatcher's numbers; percentages are of the whole input."""
    settings, total = plan.settings, plan.survey.rows
    return Policy(
        concurrency=settings.concurrency,
        rate=settings.rate,
        resend_ambiguous=settings.kind is Kind.USERS or settings.on_doubt is OnDoubt.RESEND,
        max_rejected=settings.max_rejected.of(total) if settings.max_rejected else None,
        max_in_doubt=settings.max_in_doubt.of(total) if settings.max_in_doubt else None,
        rejected_before=account.rejected,
        in_doubt_before=account.in_doubt,
    )
