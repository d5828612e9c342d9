"""The four calls: two loads, two checks."""

from __future__ import annotations

import warnings
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from loader import pipeline
from loader.api.asking import place_for_load, place_for_look
from loader.api.fates import add_columns, label_rows, take_rows
from loader.api.options import (
    AllKeywords,
    EventLoadKeywords,
    Options,
    UserKeywords,
    catch_interrupts,
    say,
)
from loader.api.results import CheckResult, LoadResult
from loader.api.signatures import with_keywords
from loader.api.spelling import spell_in_python
from loader.canary import choose_canary
from loader.checking import FirstPass
from loader.errors import LoaderError, MappingError, ProblemCode
from loader.gone import report_gone
from loader.message import spell_keyword
from loader.methods import Kind
from loader.model import OWN_COLUMNS
from loader.text.escape import escape

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from typing import Unpack

    from loader.api.given import Given, Path, Source, Tables
    from loader.api.mapping import Mapping
    from loader.model import Result
    from loader.planning import Plan
    from loader.progress import Watch


@with_keywords(UserKeywords)
def load_users(source: Source | Tables | None = None, **keywords: Unpack[UserKeywords]) -> LoadResult:
    """Load users: tie user ids to devices with registerUser.

    Rows of one device keep their order, and a row in doubt is sent again, because the call is repeatable. The
    same call again resumes, as described at `load_events`.

    Args:
        source: a row for each device: path, list of paths, pandas.DataFrame, polars.DataFrame, pyarrow.Table,
            or as described at `load_events`.

    Returns:
        How it ended, also after an interrupt.

    Raises:
        ConfigError, MappingError, SourceError, CheckpointError: nothing was sent.
    """
    return _load(Kind.USERS, source, **keywords)


@with_keywords(EventLoadKeywords)
def load_events(source: Source | Tables | None = None, **keywords: Unpack[EventLoadKeywords]) -> LoadResult:
    """Load historical events with postEvent, each with the time at which it happened.

    The same call again resumes: it sends only what was never sent, even after a crash or in a new kernel that
    has made the same frame again. It refuses, before anything is sent, if the input, the mapping, the
    application or the endpoint has changed. Of a DataFrame the content counts: names, types and values of
    the columns. The index is kept for the result and never sent. With pandas 3 or newer, what is written into
    the frame while it is loaded does not reach the load; with an older pandas the load stops there.

    Without `checkpoint`, the progress of a table is saved as ``frame.events.ckpt`` (or ``frame.users.ckpt``)
    in the working directory: name a checkpoint for each table that you load. In a sandbox, each table has
    its own checkpoint, named by its content. If something has changed there, the load begins again, and the
    sandbox forgets what it holds of the earlier one; with `keep` it refuses.

    Works in a notebook, in a running event loop and in any thread. After the first interrupt the load waits
    for answers to what is on the wire, and returns a true account. After the second it leaves what is on the
    wire in doubt.

    Args:
        source: a row for each event: the path of a file, a list of paths, a pandas.DataFrame, a
            polars.DataFrame, a pyarrow.Table. Have `read_csv` read ids as text (dtype=str): as numbers they
            have lost their leading zeros. A pyarrow.RecordBatchReader, a polars.LazyFrame, a relation of
            DuckDB and an ADBC cursor are read once, a part at a time, into a file beside the checkpoint. With
            `query`, the tables that it names: paths, or ``{"name": path or table}``; none with `database`.

    Returns:
        How it ended, even if it was interrupted or stopped before its end.

    Raises:
        ConfigError: a keyword is missing or wrong.
        MappingError: the mapping is wrong, or does not fit the columns: every mistake is listed.
        SourceError: the input cannot be read, or a column cannot be sent.
        CheckpointError: the checkpoint cannot be used; `CheckpointLocked`: a load is running with it;
            `CheckpointDiffers`: it is of another load. In all these cases nothing was sent.
    """
    return _load(Kind.EVENTS, source, **keywords)


@with_keywords(UserKeywords)
def load_tags(source: Source | Tables | None = None, **keywords: Unpack[UserKeywords]) -> LoadResult:
    """Load tags: set values on users and devices with setTags.

    Tags that a row does not name stay as they are. Rows of one device or user keep their order, and a row in
    doubt is sent again, because the call is repeatable. The same call again resumes, as described at
    `load_events`.

    Args:
        source: a row for each user or device: path, list of paths, pandas.DataFrame, polars.DataFrame,
            pyarrow.Table, or as described at `load_events`.

    Returns:
        How it ended, also after an interrupt.

    Raises:
        ConfigError, MappingError, SourceError, CheckpointError: nothing was sent.
    """
    return _load(Kind.TAGS, source, **keywords)


def check_users(  # noqa: PLR0913 - all but the first are keywords
    source: Source | Tables | None = None,
    *,
    mapping: Mapping | Path | None = None,
    query: str | None = None,
    database: str | None = None,
    application: str | None = None,
    limit: int | None = None,
    rate: float | str | None = None,
    ledger: Path | None = None,
) -> CheckResult:
    """Map every user and send nothing: no socket is opened, unless the input lies elsewhere.

    Args:
        source: as for `load_users`.
        mapping: as for `load_users`.
        query: load the result of this query, as for `load_users`. What it gives goes with the check.
        database: the URL of a database, in which the query runs.
        application: application code, for the bodies that are shown.
        limit: check only the first N rows.
        rate: requests a second for which the estimate says the time, beside the usual ones.
        ledger: a ledger whose known keys are left out, as a load with it would do. Nothing is written to it.

    Returns:
        What would be sent, and what would be rejected and why.

    Raises:
        ConfigError, MappingError, SourceError: the input cannot be mapped at all.
    """
    return _check(
        Kind.USERS,
        source,
        mapping=mapping,
        query=query,
        database=database,
        application=application,
        limit=limit,
        rate=rate,
        ledger=ledger,
    )


def check_events(  # noqa: PLR0913 - all but the first are keywords
    source: Source | Tables | None = None,
    *,
    mapping: Mapping | Path | None = None,
    query: str | None = None,
    database: str | None = None,
    application: str | None = None,
    limit: int | None = None,
    rate: float | str | None = None,
    ledger: Path | None = None,
) -> CheckResult:
    """Map every event and send nothing: no socket is opened, unless the input lies elsewhere.

    Args:
        source: as for `load_events`.
        mapping: as for `load_events`.
        query: load the result of this query, as for `load_events`. What it gives goes with the check.
        database: the URL of a database, in which the query runs.
        application: application code, for the bodies that are shown.
        limit: check only the first N rows.
        rate: requests a second for which the estimate says the time, beside the usual ones.
        ledger: a ledger whose known keys are left out, as a load with it would do. Nothing is written to it.

    Returns:
        What would be sent, and what would be rejected and why.

    Raises:
        ConfigError, MappingError, SourceError: the input cannot be mapped at all.
    """
    return _check(
        Kind.EVENTS,
        source,
        mapping=mapping,
        query=query,
        database=database,
        application=application,
        limit=limit,
        rate=rate,
        ledger=ledger,
    )


def check_tags(  # noqa: PLR0913 - all but the first are keywords
    source: Source | Tables | None = None,
    *,
    mapping: Mapping | Path | None = None,
    query: str | None = None,
    database: str | None = None,
    application: str | None = None,
    limit: int | None = None,
    rate: float | str | None = None,
    ledger: Path | None = None,
) -> CheckResult:
    """Map every row of tags and send nothing: no socket is opened, unless the input lies elsewhere.

    Args:
        source: as for `load_tags`.
        mapping: as for `load_tags`.
        query: load the result of this query, as for `load_tags`. What it gives goes with the check.
        database: the URL of a database, in which the query runs.
        application: application code, for the bodies that are shown.
        limit: check only the first N rows.
        rate: requests a second for which the estimate says the time, beside the usual ones.
        ledger: a ledger whose known keys are left out, as a load with it would do. Nothing is written to it.

    Returns:
        What would be sent, and what would be rejected and why.

    Raises:
        ConfigError, MappingError, SourceError: the input cannot be mapped at all.
    """
    return _check(
        Kind.TAGS,
        source,
        mapping=mapping,
        query=query,
        database=database,
        application=application,
        limit=limit,
        rate=rate,
        ledger=ledger,
    )


def _load(kind: Kind, source: Source | Tables | None, **keywords: Unpack[AllKeywords]) -> LoadResult:
    with spell_in_python():
        read, options = place_for_load(kind, source, Options.of(**keywords))
        given = read.given
        settings = options.loading(kind, given)
        if (done := read.keep(settings, options.watch(), again=options.requery)) and options.progress:
            say(escape(done))
        with hint_at_frames(given):
            plan = pipeline.prepare(settings, mapping=options.rules(kind), watch=(watch := options.watch()))
            canary = choose_canary(plan, rows, watch) if (rows := settings.options.canary) else None
        if canary is not None:
            plan = replace(plan, chosen=frozenset(canary.ordinals))
        if plan.begins_again is not None and options.progress:
            say(escape(plan.begins_again.spell(spell_keyword)))
        with catch_interrupts() as brake:
            result = pipeline.load(plan, brake=brake, watch=watch, session=options.session)
        result = list_gone(plan, result, watch)
    return LoadResult(word_stop(result), plan, given, keep=options.sandbox, canary=canary)


def _check(kind: Kind, source: Source | Tables | None, **keywords: Unpack[AllKeywords]) -> CheckResult:
    with spell_in_python():
        options = Options.of(**keywords)
        given = place_for_look(source, options.asked, options.find_dialect(kind))
        frames: list[pd.DataFrame] = []
        changes: list[pd.DataFrame] = []
        take_changes = changes.extend if kind.method.ties_users else None
        settings = options.checking(kind, given)
        with closing(FirstPass(settings, rejects=True)) as first_pass:
            with hint_at_frames(given):
                plan = pipeline.prepare(settings, mapping=options.rules(kind), first_pass=first_pass)
            profile = pipeline.check(plan, frames.extend, changes=take_changes, first_pass=first_pass)
    vanishing = pd.concat(changes, ignore_index=True) if changes else None
    return CheckResult(profile, plan, given, build_rejected(frames, plan, given), vanishing)


def list_gone(plan: Plan, result: Result, watch: Watch) -> Result:
    """The result, with how many keys are gone if the list was asked for and could be written; else a warning.

    The load has ended, and its account must not be lost with the list.
    """
    try:
        found = report_gone(plan, result, watch)
    except LoaderError as error:
        warnings.warn(f"No list of gone keys was written: {error}", stacklevel=4)
        return result
    return result if found is None else replace(result, gone=found)


def word_stop(result: Result) -> Result:
    """The result, with keywords of Python in the reason for which it stopped."""
    return replace(result, stop=result.stop and result.stop.spell(spell_keyword))


@contextmanager
def hint_at_frames(given: Given) -> Iterator[None]:
    """If a frame does not fit, say what can be done about that in pandas."""
    try:
        yield
    except MappingError as error:
        if not isinstance(given.table, pd.DataFrame):
            raise
        hints = list(_list_hints(given.table, error.codes))
        raise MappingError([*error.mistakes, *hints], error.where, error.codes) from None


def _list_hints(frame: pd.DataFrame, codes: Collection[ProblemCode]) -> Iterator[str]:
    names = ", ".join(f'"{name}"' for name in frame.index.names if name is not None)
    if names and ProblemCode.NO_COLUMN in codes:
        yield f"The index {names} is not read; frame.reset_index() makes it a column."
    if ProblemCode.TYPE in codes and any(dtype.kind == "m" for dtype in frame.dtypes):
        yield 'A span of time becomes a number of seconds: frame["its name"].dt.total_seconds().'
    if ProblemCode.NO_ZONE in codes:
        yield 'Or give a column its zone in pandas: frame["its name"].dt.tz_localize("Europe/Berlin").'


def build_rejected(frames: list[pd.DataFrame], plan: Plan, given: Given) -> pd.DataFrame:
    """The rows that would be rejected, under the caller's labels, of a table with its own types."""
    found = pd.concat(frames, ignore_index=True)
    if given.table is None:
        return found.set_axis(label_rows(found, single=len(plan.survey.files) == 1))
    places = (found[f"{OWN_COLUMNS}row"].astype("int64") - 1).tolist()
    return add_columns(take_rows(given.table, places), found.filter(regex=f"^{OWN_COLUMNS}"))
