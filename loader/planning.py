"""What is known before the first send: the input, its mapping, and what earlier runs left."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from loader.choices import OnDoubt, Order
from loader.errors import CheckpointDiffers, ConfigError, MappingError, SourceEmpty, TooFewRows
from loader.growth import Growth, find_growth
from loader.journal import CheckpointView, GrownFrom, Identity, list_changes
from loader.lookups import open_lookups
from loader.mapping import bind, infer, parse_mapping, read_mapping, write_mapping
from loader.mapping.fields import refuse_application
from loader.mapping.known_keys import find_known_key
from loader.mapping.lookups import NO_LOOKUPS
from loader.mapping.nested.paths import Columns
from loader.message import Message, Setting
from loader.model import State
from loader.profile.suspicions import Suspicions
from loader.progress import ReadingProgress, Silent
from loader.repeats import find_repeats, list_replaced
from loader.row_files import refuse_guarded
from loader.sources import FixedRows, Odometer, open_loaded, open_source, use_fixed
from loader.states import ORDER, States
from loader.text.nouns import count_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.dialect import Dialect
    from loader.fixed_rows import Fixed
    from loader.mapping import Mapper, Mapping
    from loader.mapping.lookups import LookUps
    from loader.model import LookUpRecord
    from loader.profile.suspicion import Suspicion
    from loader.progress import Watch
    from loader.settings import Settings
    from loader.sources import Source, Survey

SHOWN = 3  # at most this many added rows are named in an error
_SENT = {ORDER.index(State.CONFIRMED), ORDER.index(State.IN_DOUBT)}


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is known before the first send.

    Attributes:
        earlier: what earlier runs left in the checkpoint, or None if there is none yet.
        suspicions: what looks wrong about ids, in the order of the fields; nothing of files that an earlier
            run has read.
        chosen: the rows that are loaded, if they are not simply the first; else None.
        changed_mapping: the mapping of the checkpoint, if a retry continues with another one; else None.
        begins_again: why a rehearsal takes the place of the one that the checkpoint is of; else None.
        grown_from: what the checkpoint was made for, if the load continues with rows that were added to that
            input since; else None.
        fixed: rows that a retry sends with cells that the user fixed; they are in `source` too. None if all
            cells are those of the checkpoint and the input.
    """

    settings: Settings
    source: Source
    survey: Survey
    mapper: Mapper
    earlier: CheckpointView | None
    suspicions: tuple[Suspicion, ...] = ()
    chosen: frozenset[int] | None = None
    changed_mapping: str | None = field(default=None, kw_only=True)
    begins_again: Message | None = field(default=None, kw_only=True)
    grown_from: GrownFrom | None = field(default=None, kw_only=True)
    fixed: Fixed | None = field(default=None, kw_only=True)

    @property
    def rows(self) -> int:
        """Rows to be loaded over all runs: the whole input, or the first `limit` of it."""
        limit = self.settings.options.limit
        return self.survey.rows if limit is None else min(limit, self.survey.rows)

    def includes(self, ordinal: int) -> bool:
        """Whether a row is to be loaded."""
        return ordinal < self.rows if self.chosen is None else ordinal in self.chosen

    @property
    def remaining(self) -> int:
        """Rows still to be loaded."""
        if self.chosen is not None:
            return len(self.earlier.list_unsent(self.chosen) if self.earlier else self.chosen)
        return self.earlier.never_sent(self.rows) if self.earlier else self.rows

    @property
    def doubtful(self) -> int:
        """Rows that earlier runs left in doubt and that this one sends again."""
        if self.earlier is None or not is_resent(self.settings):
            return 0
        return sum(self.includes(row.ordinal) for row in self.earlier.exceptions(State.IN_DOUBT))


def prepare(settings: Settings, *, mapping: Mapping | None = None, watch: Watch | None = None) -> Plan:
    """Read the whole input once, decide on the mapping, and refuse what cannot go well.

    Args:
        settings: what to load, how and where to.
        mapping: in place of a mapping file.
        watch: shows how far the reading is.

    Raises:
        SourceError, MappingError, ConfigError, CheckpointError: nothing was sent.
    """
    refuse_application(settings.application, "Check {application} or PUSHWOOSH_APPLICATION.")
    checkpoint = find_existing(settings)
    if checkpoint:
        checkpoint.refuse_other_kind(settings.kind)
        if checkpoint.may_go_elsewhere(settings.application, settings.endpoint.name):
            checkpoint = None
    try:
        known = mapping or recall_mapping(settings, checkpoint)
        plan = draw_up(settings, checkpoint, known, watch=watch, whole=True)
    except SourceEmpty:
        refuse_few_rows(settings, 0)
        raise
    refuse_few_rows(settings, plan.survey.rows)
    refuse_ledger(plan, checkpoint)
    if checkpoint is None:
        return plan
    wanted = build_identity(plan)
    if settings.options.grown and prove_growth(plan, checkpoint):
        later_goes = refuse_later_repeats(plan, checkpoint)
        checkpoint.refuse_other(wanted, grown=True)
        grown_from = GrownFrom(checkpoint.identity, checkpoint.commits if later_goes else None)
        return replace(plan, earlier=checkpoint.grow(wanted), grown_from=grown_from)
    if replaces(settings, checkpoint, wanted):
        checkpoint.refuse_unusable()
        # Without the checkpoint: what it knows of the input and of its beginning is of the earlier rehearsal.
        again = draw_up(settings, None, mapping, watch=watch)
        return replace(again, begins_again=explain_beginning(checkpoint.identity, wanted))
    refuse_growth(plan, checkpoint)
    checkpoint.refuse_other(wanted)
    return plan


def recall_mapping(settings: Settings, checkpoint: CheckpointView | None) -> Mapping | None:
    """The mapping of the checkpoint, if the load continues with more rows and no other one is given."""
    if checkpoint is None or not settings.options.grown or settings.mapping:
        return None
    return parse_mapping(checkpoint.identity.mapping, str(checkpoint.path))


def prove_growth(plan: Plan, checkpoint: CheckpointView) -> Growth | None:
    """What was added to the input since; None if it is the same, or another one.

    Raises:
        CheckpointDiffers: nobody can know.
    """
    found = find_growth(plan.source, checkpoint.identity.files)
    if isinstance(found, Message):
        raise CheckpointDiffers(
            Message(
                "The input of {path} has changed, and it cannot be continued with what may have been added: "
                "{why} Nothing was sent. Restore the input as it was, and load the added rows as a file of "
                "their own.",
                path=checkpoint.path,
                why=found,
            )
        )
    return found


def refuse_later_repeats(plan: Plan, checkpoint: CheckpointView) -> bool:
    """Refuse added rows that would go in place of one that was sent: of rows with one key the last goes.

    Returns:
        Whether added rows may go in place of earlier ones that were not sent.

    Raises:
        CheckpointDiffers: there is such a row. Its key would go twice.
    """
    unique, repeats = plan.mapper.mapping.unique, plan.mapper.repeats
    if unique is None or unique.keep != "last" or repeats is None:
        return False
    states, loaded = States(checkpoint), checkpoint.identity.rows
    replaced = [
        (row, other)
        for rows, others in list_replaced(repeats, loaded)
        for row, other in zip(rows.tolist(), others.tolist(), strict=True)
        if states.of(range(row, row + 1))[0] in _SENT
    ]
    if replaced:
        raise explain_later_repeats(plan, checkpoint, replaced)
    return True


def explain_later_repeats(
    plan: Plan, checkpoint: CheckpointView, replaced: Sequence[tuple[int, int]]
) -> CheckpointDiffers:
    """Say which added rows have the keys of rows that were sent."""
    place = plan.survey.place
    shown = [f"{place(other)} has the key of {place(row)}" for row, other in replaced[:SHOWN]]
    return CheckpointDiffers(
        Message(
            "The input of {path} has grown, and of rows with one key its mapping sends the last "
            '(unique_keep = "last"). {count} of the added rows would go in place of rows that were sent '
            "before: {shown}{more}. Nothing was sent. Load the added rows as a file of their own. To leave "
            "out those whose key was sent, take this load over into a ledger first (ledger import), and give "
            "that with {ledger}.",
            path=checkpoint.path,
            count=f"{len(replaced):,}",
            shown="; ".join(shown),
            more="; …" if len(replaced) > SHOWN else "",
            ledger=Setting("ledger"),
        )
    )


def refuse_growth(plan: Plan, checkpoint: CheckpointView) -> None:
    """Refuse an input that has grown, if nobody said that this is meant.

    Raises:
        CheckpointDiffers: it has grown.
    """
    found = find_growth(plan.source, checkpoint.identity.files)
    if isinstance(found, Growth):
        raise CheckpointDiffers(
            Message(
                "The input of {path} has grown since: it has {words}. All that was loaded before is "
                "unchanged. Nothing was sent. To continue with the added rows, give {grown}.",
                path=checkpoint.path,
                words=found.words,
                grown=Setting("grown"),
            )
        )


def refuse_ledger(plan: Plan, checkpoint: CheckpointView | None) -> None:
    """Refuse what needs a ledger without one, and a ledger of events without a key.

    Raises:
        ConfigError: it is so.
    """
    options = plan.settings.options
    if options.ledger is not None:
        refuse_keyless(plan.mapper.mapping, plan.source.schema.names)
    elif options.report_gone is not None and checkpoint is None:  # an earlier run may have chosen a ledger
        raise ConfigError(say_no_ledger())


def say_no_ledger() -> Message:
    """Say that without a ledger nobody knows which keys are gone."""
    return Message(
        "{gone} needs a ledger: without one nobody knows which keys were sent before. Nothing was sent. Name "
        "one with {ledger}; it is created if there is none. What is in the input of its first load can be "
        "listed as gone from the second one on.",
        gone=Setting("report_gone"),
        ledger=Setting("ledger"),
    )


def refuse_keyless(mapping: Mapping, columns: Sequence[str]) -> None:
    """Refuse a mapping of events that names no key: a ledger would have nothing to know them by.

    Raises:
        ConfigError: it names none.
    """
    if mapping.key or mapping.method.last_wins:
        return
    known = find_known_key(list(columns).__contains__)
    which = f'The column "{known}" is known to hold one' if known else "Choose the columns that hold one"
    line = f'key = ["{known or "insert_id"}"]'
    raise ConfigError(
        Message(
            "{ledger} needs a key by which an event is known again. {which}: write {line} at the top of the "
            "mapping, before the first table. Nothing was sent.",
            ledger=Setting("ledger"),
            which=which,
            line=line,
        )
    )


def replaces(settings: Settings, checkpoint: CheckpointView, wanted: Identity) -> bool:
    """Whether a rehearsal takes the place of another one: the user has changed what is rehearsed."""
    rehearsal = settings.rehearsal
    return rehearsal is not None and not rehearsal.keep and checkpoint.is_replaceable(wanted)


def explain_beginning(stored: Identity, wanted: Identity) -> Message:
    """Say that a rehearsal begins again, and why."""
    return Message(
        "This rehearsal begins again, and the sandbox forgets what it holds of the one before. {changes} "
        "To have this refused, give {keep}.",
        keep=Setting("keep"),
        changes=" ".join(list_changes(stored, wanted)),
    )


def refuse_few_rows(settings: Settings, rows: int) -> None:
    """Refuse an input that has fewer rows than the user expects: an export that failed looks like that.

    Args:
        settings: what the user expects.
        rows: rows of the input.

    Raises:
        TooFewRows: it has.
    """
    options = settings.options
    name = "min_rows" if options.min_rows else "fail_if_empty"
    if rows >= max(options.min_rows or 0, int(options.fail_if_empty)):
        return
    raise TooFewRows(
        Message(
            "{files}: the input has {found}, and {setting} refuses {what}. Nothing was sent. "
            "Check the export. If this input is right, leave {setting} out.",
            files=", ".join(settings.files),
            found=count_rows(rows) if rows else "no rows",
            setting=Setting(name),
            what=f"fewer than {count_rows(options.min_rows)}" if options.min_rows else "that",
        )
    )


def draw_up(
    settings: Settings,
    checkpoint: CheckpointView | None,
    mapping: Mapping | None = None,
    *,
    watch: Watch | None = None,
    whole: bool = False,
) -> Plan:
    """Survey the input and bind a mapping to it: the given one, or the file's, or what the names say.

    Args:
        settings: what to load.
        checkpoint: what earlier runs left, if there is one.
        mapping: if no file is given.
        watch: shows how far the reading is.
        whole: the plan is of the whole input as it is now; else what was added since the checkpoint was made
            is not part of it.

    Raises:
        SourceError, MappingError: the input or the mapping cannot be used.
    """
    if settings.mapping:
        mapping = read_mapping(settings.mapping, settings.kind)
    dialect = settings.dialect.over(mapping.source) if mapping else settings.dialect
    known, odometer = checkpoint.identity.files if checkpoint else (), Odometer()
    open_files = open_source if whole else open_loaded
    written = open_files(
        settings.files, dialect=dialect, known=known, table=settings.table, odometer=odometer
    )
    refuse_guarded(written, settings.files[0])
    source = use_fixed(written, checkpoint.fixed) if checkpoint else written
    now = read_beginning(checkpoint) if checkpoint else datetime.now(UTC)
    lookups = open_given_lookups(settings, mapping, checkpoint, dialect, watch)
    with (watch or Silent()).reading(lambda: ReadingProgress(odometer.done, odometer.total)):
        try:
            mapper = make_mapper(settings, source, mapping, dialect, now, lookups)
        except MappingError:
            source.survey()  # A damaged file explains more than what its first rows seem to lack.
            raise
        suspicions = Suspicions(mapper.mapping, Columns(source.schema), lookups)
        survey = source.survey(suspicions)
    # A cell that was fixed since does not bring back the repeats of what stood there before.
    fixed = FixedRows.unpack(checkpoint.fixed) if checkpoint else FixedRows()
    if repeats := find_repeats(written, mapper, survey.rows, watch, fixed=fixed):
        mapper = replace(mapper, repeats=repeats)
    return Plan(settings, source, survey, mapper, checkpoint, suspicions.found())


def open_given_lookups(
    settings: Settings,
    mapping: Mapping | None,
    checkpoint: CheckpointView | None,
    dialect: Dialect,
    watch: Watch | None,
) -> LookUps:
    """Open the tables in which the mapping looks up cells; with a checkpoint, those that it was made with.

    Raises:
        MappingError: with everything that is wrong with them.
    """
    if mapping is None or not mapping.joining:
        return NO_LOOKUPS
    return open_lookups(
        mapping,
        where=str(settings.mapping or "the mapping"),
        known=checkpoint.identity.lookups if checkpoint else (),
        nothing=dialect.null_values,
        watch=watch,
    )


def make_mapper(
    settings: Settings,
    source: Source,
    mapping: Mapping | None,
    dialect: Dialect,
    now: datetime,
    lookups: LookUps,
) -> Mapper:
    """The mapping, or what the names of the columns say, bound to the input.

    Raises:
        MappingError: it does not fit the input.
    """
    sample = source.sample()
    where = str(settings.mapping or settings.files[0])
    # The options win over the mapping file, and what means nothing is part of what rows become.
    mapping = mapping or infer(settings.kind, source.schema, sample, where=where, source=dialect)
    mapping = replace(mapping, source=dialect)
    mapper = bind(
        mapping,
        source.schema,
        sample,
        application=settings.application,
        where=where,
        now=now,
        lookups=lookups,
    )
    return replace(mapper, ordered=settings.options.order is Order.DEVICE)


def find_existing(settings: Settings) -> CheckpointView | None:
    """What earlier runs left, if they did anything."""
    checkpoint = CheckpointView.find(settings.checkpoint) if settings.checkpoint else None
    return None if checkpoint is None or checkpoint.blank else checkpoint


def read_beginning(checkpoint: CheckpointView) -> datetime:
    """The start of the first run, which all runs use for values that depend on the moment."""
    mapping = parse_mapping(checkpoint.identity.mapping, str(checkpoint.path))
    return mapping.instant or datetime.fromtimestamp(checkpoint.runs[0].started, UTC)


def build_identity(plan: Plan) -> Identity:
    """What the checkpoint is of: it is refused for anything else."""
    return Identity(
        kind=plan.settings.kind,
        application=plan.settings.application,
        endpoint=plan.settings.endpoint.name,
        mapping=plan.changed_mapping or write_mapping(plan.mapper.mapping),
        files=plan.survey.files,
        lookups=list_lookups(plan),
    )


def list_lookups(plan: Plan) -> tuple[LookUpRecord, ...]:
    """The look-ups of the load: those of its mapping now, and of the mappings that it had before a retry."""
    earlier = plan.earlier.identity.lookups if plan.earlier else ()
    found = {record.name: record for record in (*earlier, *plan.mapper.lookups.records)}
    return tuple(found.values())


def is_resent(settings: Settings) -> bool:
    """Whether a row in doubt is sent again: always if the method is repeatable, else on request."""
    return settings.kind.method.repeatable or settings.options.on_doubt is OnDoubt.RESEND
