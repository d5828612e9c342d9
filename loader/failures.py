"""Rejected and in-doubt rows with their source columns, to be found, explained and sent again."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from loader.checkpoint_facts import is_of_table, name_tables
from loader.claims import Claim, list_reads, refuse_conflicts
from loader.errors import SourceError
from loader.journal import CheckpointView, find_other_lookups
from loader.message import Message, Setting, spell_option
from loader.model import OWN_COLUMNS, Chunk, State
from loader.option import FileUse
from loader.own_columns import NO_LOAD, OfLoad, describe_failures, describe_rejects
from loader.settings import NOTHING_IN_MEMORY, Endpoint, InMemory, Settings
from loader.sources import open_loaded, use_fixed
from loader.stores import is_address

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from loader.journal import ExceptionRow
    from loader.message import Spelling
    from loader.model import LookUpRecord, Reject
    from loader.sources import Source, Survey
    from loader.stores.address import Address


def read_failed_rows(
    checkpoint: Path,
    states: Collection[State],
    files: Sequence[str] = (),
    *,
    target: Path | Address | None = None,
    spelling: Spelling = spell_option,
) -> Iterator[pd.DataFrame]:
    """Frames of the rows in `states`: the source columns, then the columns that say what became of the row.

    The first has no row: it is the header if no row failed.

    Args:
        checkpoint: the checkpoint file; a load into it may be running.
        states: rejected, in doubt or both.
        files: where the input is now, if it has moved.
        target: where the frames will be written; refused if it is needed for something else.
        spelling: how a setting is written in what to do about a row.

    Raises:
        ConfigError: the target is the checkpoint or the input.
        CheckpointError, SourceError: the checkpoint cannot be read, or the input is not the loaded one.
    """
    ledger = CheckpointView.open(checkpoint)
    found = {row.ordinal: row for state in states for row in ledger.exceptions(state)}
    names = [str(name) for name in files] or [file.name for file in ledger.identity.files]
    if target is not None:
        refuse_conflicts([Claim(FileUse.OUTPUT, str(target)), *list_reads(checkpoint, names)])
    try:
        source = open_input(ledger, names)
        columns = source.sample(0)
    except SourceError:
        if found:
            raise
        columns = pd.DataFrame()  # no row failed, so a missing input does not matter
    yield add_source(Chunk(0, columns, "", 1, {}), [])
    if not found:
        return
    of = OfLoad.of(ledger, spelling)
    for chunk, here in find_chunks(source, ledger, found):
        yield add_source(chunk, here, of)


def locate_rows(
    ledger: CheckpointView, found: Mapping[int, ExceptionRow], files: Sequence[str], memory: InMemory
) -> Iterator[tuple[Chunk, list[ExceptionRow]]]:
    """Find the chunks of the input that hold any of the rows, each with those rows.

    Raises:
        SourceError: the input cannot be read, or is not the input of the checkpoint.
    """
    if found:
        yield from find_chunks(open_input(ledger, files, memory), ledger, found)


def open_input(ledger: CheckpointView, files: Sequence[str], memory: InMemory = NOTHING_IN_MEMORY) -> Source:
    """Open the input of a checkpoint where it is now, or the table in memory that it was, with fixed cells.

    What was added to it since is not part of it.

    Raises:
        SourceError: it cannot be read.
    """
    refuse_missing_table(ledger, files, memory)
    with suggest_moved(files):
        source = open_loaded(files, known=ledger.identity.files, table=memory.table)
    return use_fixed(source, ledger.fixed)


def refuse_missing_table(ledger: CheckpointView, files: Sequence[str], memory: InMemory) -> None:
    """Refuse to continue without a table that was in Python's memory, because it cannot be read again.

    Raises:
        SourceError: it is needed, and neither it nor a file in its place is given.
    """
    missing = memory.table is None and is_of_table(ledger)
    if missing and list(files) == [file.name for file in ledger.identity.files]:
        raise SourceError(
            Message(
                "{path} belongs to a {table} in Python's memory, which cannot be read from here. Create it "
                "again in Python, and pass it there: loader.Checkpoint(path, {tables}) shows the rows, "
                "loader.retry and loader.resolve settle them.",
                path=ledger.path,
                table=files[0],
                tables=name_tables(ledger),
            )
        )


def recall_settings(ledger: CheckpointView, files: Sequence[str], memory: InMemory) -> Settings:
    """Recall the settings of the load that made a checkpoint: only those that say what its rows are."""
    made_for = ledger.identity
    return Settings(
        made_for.kind,
        tuple(files),
        made_for.application,
        Endpoint("", made_for.endpoint),
        checkpoint=ledger.path,
        memory=memory,
    )


@contextmanager
def suggest_moved(files: Sequence[str]) -> Iterator[None]:
    """If a file is not where the load found it, say how to give its new place."""
    try:
        yield
    except SourceError as error:
        if all(is_address(file) or Path(file).exists() for file in files) and error.code != "input_missing":
            raise
        raise SourceError(
            Message(
                "{error} If the input has moved, or you are in another folder, name the input with {files}.",
                error=error.message,
                files=Setting("files"),
            )
        ) from None


def find_chunks(
    source: Source, ledger: CheckpointView, found: Mapping[int, ExceptionRow]
) -> Iterator[tuple[Chunk, list[ExceptionRow]]]:
    """Find the chunks of a source that hold any of the rows, each with those rows.

    Raises:
        SourceError: it cannot be read, or is not the input of the checkpoint.
    """
    if not found:
        return
    refuse_other_input(source.survey(), [file.sha256 for file in ledger.identity.files], ledger.path)
    wanted = sorted(found)
    for chunk in source.chunks(wanted[0]):
        here = [found[ordinal] for ordinal in chunk.rows if ordinal in found]
        if here:
            yield chunk, here
        if wanted[-1] < chunk.rows.stop:
            return


def refuse_other_input(survey: Survey, digests: list[str], checkpoint: Path) -> None:
    """Refuse an input other than the one that was loaded, because rows are found by their number."""
    for file, digest in zip(survey.files, digests, strict=False):
        if file.sha256 != digest:
            changed = "{name} is not the input of {path}: its content has changed."
            raise SourceError(Message(changed, name=file.name, path=checkpoint))
    then, now = len(digests), len(survey.files)
    if then != now:
        number = "{path} was made from {then} files, but {now} were given."
        raise SourceError(Message(number, path=checkpoint, then=then, now=now))


def refuse_other_lookups(now: Sequence[LookUpRecord], ledger: CheckpointView) -> None:
    """Refuse look-ups other than those that the load was made with: they would give other rows.

    Raises:
        SourceError: one has changed.
    """
    for name, changes in find_other_lookups(ledger.identity.lookups, now):
        raise SourceError(
            Message(
                "The look-up {name} is not the one that {path} was made with. {changes} Restore it as it "
                "was.",
                name=name,
                path=ledger.path,
                changes=changes,
            )
        )


def add_source(chunk: Chunk, rows: Sequence[ExceptionRow], of: OfLoad = NO_LOAD) -> pd.DataFrame:
    """The source records of `rows`, with what became of them."""
    records = read_source_records(chunk, [row.ordinal - chunk.first for row in rows])
    return pd.concat([records, describe_failures(chunk, rows, of)], axis="columns")


def read_source_records(chunk: Chunk, places: Sequence[int]) -> pd.DataFrame:
    """Some records of a chunk, without the columns that an earlier file of failed rows added."""
    theirs = [not str(name).startswith(OWN_COLUMNS) for name in chunk.frame.columns]
    return chunk.frame.loc[:, theirs].iloc[list(places)].reset_index(drop=True)


def collect_rejects(chunk: Chunk, rejects: Sequence[Reject]) -> pd.DataFrame:
    """The source records that cannot be mapped, with the reasons; only the columns if there is no row."""
    records = read_source_records(chunk, [reject.ordinal - chunk.first for reject in rejects])
    return pd.concat([records, describe_rejects(chunk, rejects)], axis="columns")
