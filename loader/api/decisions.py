"""`resolve` and `retry`: what the user decides about rows in doubt, and rejected rows sent again."""

from __future__ import annotations

import os
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

import pandas as pd

from loader import resolution, retries
from loader.api.calls import hint_at_frames, word_stop
from loader.api.given import Given
from loader.api.options import Options, RetryKeywords, catch_interrupts
from loader.api.results import LoadResult
from loader.api.signatures import with_keywords
from loader.api.spelling import spell_in_python
from loader.chosen_rows import Choice
from loader.errors import ConfigError
from loader.fixed_rows import FixedInput
from loader.journal import CheckpointView as Ledger
from loader.model import OWN_COLUMNS, Decision, Phase
from loader.option_values import take_word
from loader.sources.frames.tables import is_table
from loader.stores import hide_secrets

if TYPE_CHECKING:
    from typing import Unpack

    from loader.api.given import LookUps, Path, Source
    from loader.resolution import Resolved

# What `resolve` does before a decision, if a part of the checkpoint is lost.
RECOVER = "recover"
_FILE, _ROW = f"{OWN_COLUMNS}file", f"{OWN_COLUMNS}row"


def resolve(
    checkpoint: Path,
    decision: str,
    rows: pd.DataFrame | pd.Series | Path | None = None,
    *,
    source: Source | None = None,
    lookups: LookUps | None = None,
) -> Resolved:
    """Settle rows in doubt, by what you found out or decided. Nothing is sent.

    Args:
        checkpoint: the checkpoint, such as `LoadResult.checkpoint`; no load may be running with it.
        decision: "landed": they are at the vendor, count them as confirmed. "dropped": they are not, the
            next load sends them. "resend": nobody knows, the next load sends them anyway, and they stay
            marked as possible duplicates. "recover": a part of the checkpoint is lost, and it is refused for
            that: what is known is kept, and every row that may have been sent since is in doubt.
        rows: `LoadResult.in_doubt` or a part of it; or a Series of ids that were looked up, named like the
            column of the input that holds them; or the path of a file as `resolve --from` takes it; None
            for all rows in doubt.
        source: the input, if it is a table in memory or has moved: needed for ids, and for users to be
            sent again.
        lookups: the tables in memory in which the mapping looks up cells, ``{"devices": frame}``: needed for
            users and tags to be sent again.

    Returns:
        A record: `rows` that were moved; `overtaken`, rows that stay as they are, each with a later row that
        it would undo (counted from 0); `account`, the counts afterwards; `partly`, those of the overtaken
        rows that also set tags that no later row sets.

    Raises:
        ConfigError: the decision is not one of these, or rows are named that are not in doubt.
        CheckpointError, SourceError: nothing was changed.
    """
    with spell_in_python():
        if decision == RECOVER:
            return recover(FilePath(checkpoint), rows)
        what = take_word(Decision, "decision", decision)
        if what is Decision.RETRY:
            raise ConfigError('decision is "retry"; for rejected rows call loader.retry.')
        given = Given.again(source, lookups)
        return resolution.resolve(
            FilePath(checkpoint), what, looked_up=name_rows(rows), files=given.files, memory=given.memory
        )


def recover(checkpoint: FilePath, rows: object) -> Resolved:
    """Recover a checkpoint that has lost a part.

    Raises:
        ConfigError: rows are named.
        CheckpointError: it cannot be recovered, or no part is lost.
    """
    if rows is not None:
        raise ConfigError('decision is "recover", which is about the whole checkpoint: leave out rows.')
    return resolution.recover(checkpoint)


def name_rows(rows: object) -> Choice | FilePath | None:
    """The rows that the user named. Bare numbers are refused: of a frame they could be labels or rows.

    Raises:
        ConfigError: it names none, or not clearly.
    """
    if rows is None:
        return None
    if isinstance(rows, (str, os.PathLike)):
        return FilePath(rows)
    if isinstance(rows, pd.DataFrame) and {_FILE, _ROW} <= set(rows.columns):
        pairs = frozenset((str(file), int(row)) for file, row in zip(rows[_FILE], rows[_ROW], strict=True))
        return Choice("rows", "", refuse_empty(pairs))
    if isinstance(rows, pd.DataFrame) and len(rows.columns) == 1:
        rows = rows.iloc[:, 0]
    if isinstance(rows, pd.Series) and isinstance(rows.name, str):
        return Choice("rows", rows.name, refuse_empty(frozenset(str(cell) for cell in rows)))
    raise ConfigError(
        "rows does not say which rows are meant. Give the in_doubt of the result or a part of it, or a "
        "Series of ids that is named like their column in the input, or the path of a file."
    )


def refuse_empty(
    names: frozenset[str | tuple[str, int]] | frozenset[str] | frozenset[tuple[str, int]],
) -> frozenset[str | tuple[str, int]]:
    """The names, which must not be empty.

    Raises:
        ConfigError: they are.
    """
    if not names:
        raise ConfigError("rows is empty, so it names no row. Nothing was changed.")
    return frozenset(names)


@with_keywords(RetryKeywords)
def retry(
    source: Source | None,
    checkpoint: Path,
    *,
    only: str = "everything",
    rows: pd.DataFrame | Path | None = None,
    lookups: LookUps | None = None,
    **keywords: Unpack[RetryKeywords],
) -> LoadResult:
    """Send rejected rows again, and rows that `resolve` gave back; only those.

    The rows are read and mapped again. A corrected mapping given with `mapping` is used for them, and the
    load keeps it from then on. They are sent to the endpoint in the checkpoint. To send fixed cells, fix them
    in `LoadResult.rejected` and give that frame as `rows`.

    Args:
        source: the input, the same as in the load; None for its files, if they are still where they were.
        checkpoint: the checkpoint, such as `LoadResult.checkpoint`.
        only: "everything"; "local": rows that the mapping rejected; "vendor": rows that the vendor rejected;
            "overtaken": rows that would have undone a later row; "given-back": only rows that `resolve` gave
            back, which are sent in any case.
        rows: `LoadResult.rejected`, or a part of it, with cells that you fixed; or the path of a file that
            `failures` wrote. These rows are sent with these cells, which the checkpoint keeps, and no other
            rejected rows. The columns ``_loader_file`` and ``_loader_row`` say which rows they are.
        lookups: the tables in memory in which the mapping of the checkpoint looks up cells:
            ``{"devices": frame}``. A corrected mapping brings its own.
        mapping: a corrected `Mapping` or the path of a mapping file; without one, the checkpoint's mapping.

    Returns:
        The result, over all runs of the checkpoint.

    Raises:
        ConfigError, MappingError, SourceError, CheckpointError: nothing was sent.
    """
    with spell_in_python():
        options = Options.of(**keywords)
        ledger = Ledger.open(FilePath(checkpoint))
        files = tuple(file.name for file in ledger.identity.files)
        given = Given.again(source, lookups, files)
        chosen_phases = choose_phases(only)
        fixed = name_fixed(rows, only)
        settings = options.retrying(ledger, given)
        with hint_at_frames(given):
            plan = retries.prepare_retry(settings, mapping=options.rules(ledger.identity.kind), fixed=fixed)
        with catch_interrupts() as brake:
            result = retries.retry(
                plan, chosen_phases, brake=brake, watch=options.watch(), session=options.session
            )
    return LoadResult(word_stop(result), plan, given, keep=options.sandbox)


def name_fixed(rows: object, only: str) -> FixedInput | None:
    """The rows with fixed cells.

    Raises:
        ConfigError: they are neither a table nor a path, or other rows are meant too.
    """
    if rows is None:
        return None
    if only != "everything":
        raise ConfigError("rows says which rows are sent: leave out only.")
    if isinstance(rows, (str, os.PathLike)):
        return FixedInput(hide_secrets(os.fspath(rows)))
    if not is_table(rows):
        raise ConfigError(
            "rows is neither a table nor the path of a file. Give LoadResult.rejected with fixed cells."
        )
    return FixedInput("rows", rows)


def choose_phases(only: str) -> frozenset[Phase]:
    """Whose rejections are sent again.

    Raises:
        ConfigError: it is not one of its words.
    """
    known = {"everything": frozenset(Phase), "given-back": frozenset[Phase]()}
    known |= {phase.value: frozenset({phase}) for phase in Phase}
    if only not in known:
        raise ConfigError(f"only is {only!r}; it must be one of {', '.join(map(repr, known))}.")
    return known[only]
