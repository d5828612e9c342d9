"""Rows that are no part of a load, beside their source columns, each with its own reason.

A checkpoint keeps which rows they are, and how many for which reason. The reason of one row is found again
from the input and the mapping; of a row whose key was known, from the ledger, if it is still in its place.
"""

from __future__ import annotations

from contextlib import closing, nullcontext
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from loader.claims import Claim, list_reads, refuse_conflicts
from loader.failures import (
    open_input,
    read_source_records,
    recall_settings,
    refuse_missing_table,
    refuse_other_input,
    refuse_other_lookups,
    suggest_moved,
)
from loader.journal import CheckpointView
from loader.known_keys import KeyReasons, LedgerNote, with_key
from loader.mapping import parse_mapping
from loader.model import Chunk, State
from loader.option import FileUse
from loader.own_columns import LeftOutRow, describe_left_out
from loader.planning import draw_up
from loader.settings import NOTHING_IN_MEMORY, InMemory
from loader.states import ORDER, States

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from loader.planning import Plan
    from loader.stores.address import Address

_LEFT_OUT = ORDER.index(State.LEFT_OUT)
_UNKNOWN = "left out"


def read_left_out_rows(
    checkpoint: Path,
    files: Sequence[str] = (),
    memory: InMemory = NOTHING_IN_MEMORY,
    *,
    target: Path | Address | None = None,
) -> Iterator[pd.DataFrame]:
    """Frames of the rows that are left out, with the columns that rows have that failed.

    The first has no row: it is the header if none is left out.

    Args:
        checkpoint: the checkpoint file; a load into it may be running.
        files: where the input is now, if it has moved.
        memory: the tables of the load that are in memory.
        target: where the frames will be written; refused if it is needed for something else.

    Raises:
        ConfigError: the target is the checkpoint or the input.
        CheckpointError, SourceError: the checkpoint cannot be read, or the input is not the loaded one.
    """
    ledger = CheckpointView.open(checkpoint)
    names = [str(name) for name in files] or [file.name for file in ledger.identity.files]
    if target is not None:
        refuse_conflicts([Claim(FileUse.OUTPUT, str(target)), *list_reads(checkpoint, names)])
    yield add_source(Chunk(0, open_input(ledger, names, memory).sample(0), "", 1, {}), [], ledger)
    for chunk, rows in find_left_out(ledger, names, memory):
        yield add_source(chunk, rows, ledger)


def add_source(chunk: Chunk, rows: Sequence[LeftOutRow], ledger: CheckpointView) -> pd.DataFrame:
    """The source records of rows that are left out, with the reason of each."""
    records = read_source_records(chunk, [row.ordinal - chunk.first for row in rows])
    return pd.concat([records, describe_left_out(chunk, rows, ledger.id)], axis="columns")


def find_left_out(
    ledger: CheckpointView, files: Sequence[str], memory: InMemory
) -> Iterator[tuple[Chunk, list[LeftOutRow]]]:
    """Find the chunks with rows that are left out, each with those rows.

    Raises:
        SourceError: the input cannot be read, or is not the input of the checkpoint.
    """
    if not ledger.account().left_out:
        return
    mapping = with_key(parse_mapping(ledger.identity.mapping, str(ledger.path)), LedgerNote.find(ledger))
    refuse_missing_table(ledger, files, memory)
    with suggest_moved(files):
        plan = draw_up(recall_settings(ledger, files, memory), ledger, mapping)
    refuse_other_input(plan.survey, [file.sha256 for file in ledger.identity.files], ledger.path)
    refuse_other_lookups(plan.mapper.lookups.records, ledger)
    states, sent = States(ledger), KeyReasons.find(ledger)
    with closing(sent) if sent else nullcontext():
        for chunk in plan.source.chunks():
            places = np.flatnonzero(states.of(chunk.rows) == _LEFT_OUT).tolist()
            if not places:
                continue
            found = explain_rows(plan, chunk)
            if sent is not None:
                found |= explain_known(plan, chunk, [at for at in places if at not in found], sent)
            yield chunk, [found.get(at) or LeftOutRow(chunk.first + at, _UNKNOWN, _UNKNOWN) for at in places]


def explain_known(plan: Plan, chunk: Chunk, places: list[int], sent: KeyReasons) -> dict[int, LeftOutRow]:
    """Which load has sent the keys of rows of a chunk, by their places in it."""
    key = ", ".join(plan.mapper.mapping.key)
    found = sent.explain(plan.mapper, chunk, places)
    return {at: LeftOutRow(chunk.first + at, reason, reason, key) for at, reason in found.items()}


def explain_rows(plan: Plan, chunk: Chunk) -> dict[int, LeftOutRow]:
    """Why rows of a chunk are left out, by their places in it."""

    def place(ordinal: int) -> str:
        return plan.survey.place(ordinal) if len(plan.survey.files) > 1 else f"row {ordinal + 1:,}"

    return {
        at: LeftOutRow(
            chunk.first + at,
            outside.reason,
            outside.explain(at, place),
            outside.column,
            outside.read_value(at),
        )
        for outside in plan.mapper.find_outside(plan.mapper.read(chunk), chunk)
        for at in np.flatnonzero(outside.rows).tolist()
    }
