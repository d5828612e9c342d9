"""Draw up a plan: the input surveyed, and a mapping bound to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from loader.choices import Order
from loader.errors import MappingError
from loader.file_names import name_file
from loader.mapping import bind
from loader.mapping.lookups import NO_LOOKUPS
from loader.mapping.nested.paths import Columns
from loader.planning.plan import Plan
from loader.profile.suspicions import Suspicions
from loader.progress import ReadingProgress, Silent
from loader.repeats import find_repeats
from loader.row_files import refuse_guarded
from loader.sources import FixedRows, Odometer, open_loaded, open_source, use_fixed

if TYPE_CHECKING:
    from loader.dialect import Dialect
    from loader.journal import CheckpointView
    from loader.mapping import Mapper, Mapping
    from loader.mapping.lookups import LookUps
    from loader.progress import Watch
    from loader.settings import Settings
    from loader.sources import Source
    from loader.sources.records import Onlooker


class FirstPass(Protocol):
    """What a caller does with the rows while the input is surveyed."""

    def survey(self, source: Source, mapper: Mapper, onlooker: Onlooker) -> None:
        """Survey the input once; the onlooker sees it, too."""


def draw_up(
    settings: Settings,
    checkpoint: CheckpointView | None,
    mapping: Mapping | None = None,
    *,
    watch: Watch | None = None,
    whole: bool = False,
    first_pass: FirstPass | None = None,
) -> Plan:
    """Survey the input and bind a mapping to it: the given one, or the file's, or what the names say.

    Args:
        settings: what to load.
        checkpoint: what earlier runs left, if there is one.
        mapping: if no file is given.
        watch: shows how far the reading is.
        whole: the plan is of the whole input as it is now; else what was added since the checkpoint was made
            is not part of it.
        first_pass: surveys the input, and uses its rows on the way.

    Raises:
        SourceError, MappingError: the input or the mapping cannot be used.
    """
    if settings.mapping:
        from loader.mapping import read_mapping  # noqa: PLC0415 - only if there is a file

        mapping = read_mapping(settings.mapping, settings.kind)
    mapping = mapping and mapping.beside(settings.memory.lookups)
    dialect = settings.dialect.over(mapping.source) if mapping else settings.dialect
    known, odometer = checkpoint.identity.files if checkpoint else (), Odometer()
    open_files = open_source if whole else open_loaded
    written = open_files(
        settings.files, dialect=dialect, known=known, table=settings.memory.table, odometer=odometer
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
        if first_pass is not None:
            first_pass.survey(source, mapper, suspicions)
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
    from loader.checkpoint_facts import name_tables  # noqa: PLC0415 - only if the mapping looks something up
    from loader.lookups import open_lookups  # noqa: PLC0415 - as above

    return open_lookups(
        mapping,
        where=str(settings.mapping or "the mapping"),
        known=checkpoint.identity.lookups if checkpoint else (),
        again=f"loader.Checkpoint({str(checkpoint.path)!r}, {name_tables(checkpoint)})" if checkpoint else "",
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
    where = str(settings.mapping or name_file(settings.files[0]))
    # The options win over the mapping file, and what means nothing is part of what rows become.
    if mapping is None:
        from loader.mapping import infer  # noqa: PLC0415 - only if nothing says it

        mapping = infer(settings.kind, source.schema, sample, where=where, source=dialect)
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


def read_beginning(checkpoint: CheckpointView) -> datetime:
    """The start of the first run, which all runs use for values that depend on the moment."""
    from loader.mapping import parse_mapping  # noqa: PLC0415 - only if there is a checkpoint

    mapping = parse_mapping(checkpoint.identity.mapping, str(checkpoint.path))
    first = next(iter(checkpoint.runs), None)  # none yet while the first run is creating its checkpoint
    began = datetime.fromtimestamp(first.started, UTC) if first else datetime.now(UTC)
    return mapping.instant or began
