"""Rows that are no part of a load, beside their source columns, each with its own reason.

A checkpoint keeps which rows they are, and how many for which reason. The reason of one row is found again
from the input and the mapping, on which alone it depends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from loader.claims import Claim, list_reads, refuse_conflicts
from loader.failures import (
    build_own_columns,
    open_input,
    read_source_records,
    recall_settings,
    refuse_missing_table,
    refuse_other_input,
    suggest_moved,
)
from loader.journal import CheckpointView
from loader.mapping import parse_mapping
from loader.model import State
from loader.option import FileUse
from loader.planning import draw_up
from loader.states import ORDER, States

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from loader.mapping import Mapper
    from loader.model import Chunk
    from loader.planning import Plan

_LEFT_OUT = ORDER.index(State.LEFT_OUT)
_UNKNOWN = "left out"


def read_left_out_rows(
    checkpoint: Path, files: Sequence[str] = (), *, target: Path | None = None
) -> Iterator[pd.DataFrame]:
    """Frames of the rows that are left out, with the columns that rows have that failed.

    The first has no row: it is the header if none is left out.

    Args:
        checkpoint: the checkpoint file; a load into it may be running.
        files: where the input is now, if it has moved.
        target: where the frames will be written; refused if it is needed for something else.

    Raises:
        ConfigError: the target is the checkpoint or the input.
        CheckpointError, SourceError: the checkpoint cannot be read, or the input is not the loaded one.
    """
    ledger = CheckpointView.open(checkpoint)
    names = [str(name) for name in files] or [file.name for file in ledger.identity.files]
    if target is not None:
        refuse_conflicts([Claim(FileUse.OUTPUT, str(target)), *list_reads(checkpoint, names)])
    if not ledger.account().left_out:
        columns = open_input(ledger, names).sample(0)
        yield pd.concat([columns, build_fates("", [], [])], axis="columns")
        return
    for chunk, places, reasons in find_left_out(ledger, names):
        rows = [chunk.first_row + place for place in places]
        records = read_source_records(chunk, places)
        yield pd.concat([records, build_fates(chunk.file, rows, reasons)], axis="columns")


def build_fates(file: str, rows: Sequence[int], reasons: Sequence[str]) -> pd.DataFrame:
    """The columns that say what became of rows of a file, as they are for rows that failed."""
    nothing = [None] * len(rows)
    return build_own_columns(
        {
            "state": [State.LEFT_OUT.value] * len(rows),
            "file": [file] * len(rows),
            "row": list(rows),
            "reason": list(reasons),
            **dict.fromkeys(("phase", "http_status", "code"), nothing),
            "attempts": [0] * len(rows),
            "at": nothing,
        }
    )


def find_left_out(
    ledger: CheckpointView, files: Sequence[str], table: object = None
) -> Iterator[tuple[Chunk, list[int], list[str]]]:
    """Find the rows that are left out: a chunk, their places in it, and the reason of each.

    Raises:
        SourceError: the input cannot be read, or is not the input of the checkpoint.
    """
    mapping = parse_mapping(ledger.identity.mapping, str(ledger.path))
    refuse_missing_table(ledger, files, table)
    with suggest_moved(files):
        plan = draw_up(recall_settings(ledger, files, table), ledger, mapping)
    refuse_other_input(plan.survey, [file.sha256 for file in ledger.identity.files], ledger.path)
    states = States(ledger)
    for chunk in plan.source.chunks():
        places = np.flatnonzero(states.of(chunk.rows) == _LEFT_OUT).tolist()
        if places:
            found = explain_rows(plan, plan.mapper, chunk)
            yield chunk, places, [found.get(place, _UNKNOWN) for place in places]


def explain_rows(plan: Plan, mapper: Mapper, chunk: Chunk) -> dict[int, str]:
    """Why rows of a chunk are left out, by their places in it."""

    def place(ordinal: int) -> str:
        return plan.survey.place(ordinal) if len(plan.survey.files) > 1 else f"row {ordinal + 1:,}"

    return {
        offset: outside.explain(offset, place)
        for outside in mapper.find_outside(mapper.read(chunk), chunk)
        for offset in np.flatnonzero(outside.rows).tolist()
    }
