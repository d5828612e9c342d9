"""The state of every row of a load, and the failed rows beside their source columns, as frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from loader.checkpoint_facts import count_reasons, is_of_table
from loader.failures import (
    add_source,
    open_input,
    read_failed_rows,
    refuse_other_input,
)
from loader.journal.bitmap import CHUNK
from loader.left_out_rows import find_left_out, read_left_out_rows
from loader.message import spell_keyword
from loader.model import OWN_COLUMNS, Chunk, State
from loader.own_columns import OfLoad, describe_left_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.api.given import Given
    from loader.journal import CheckpointView, ExceptionRow

IN_FLIGHT = "in_flight"
STATES = [state.value for state in State]
_CODES = {state: code for code, state in enumerate(State)}
_DUPLICATE = "was in doubt and sent again: possible duplicate"


def build_states(ledger: CheckpointView, given: Given) -> pd.DataFrame:
    """One row for each of the input, by its label; a million take about a second.

    Columns: ``state`` (categorical), ``code`` and ``message`` (of the vendor, or why the row was not sent),
    ``attempts`` and ``http_status``. Of a plainly confirmed row only the state was kept; the rest is missing.
    """
    exceptions = [row for state in _EXCEPTIONAL for row in ledger.exceptions(state)]
    codes = _number_states(ledger, exceptions)
    at = np.fromiter((row.ordinal for row in exceptions), np.int64, len(exceptions))
    attempts = _scatter([row.attempts for row in exceptions], at, len(codes))
    attempts[(codes == _CODES[State.NEVER_SENT]) | (codes == _CODES[State.LEFT_OUT])] = 0
    categories = STATES if not ledger.running else [*STATES, IN_FLIGHT]
    return pd.DataFrame(
        {
            "state": pd.Categorical.from_codes(codes, categories=pd.Index(categories)),
            "code": _scatter([row.code for row in exceptions], at, len(codes)),
            "message": _scatter_messages(exceptions, at, len(codes)),
            "attempts": attempts,
            "http_status": _scatter([row.http_status for row in exceptions], at, len(codes)),
        },
        index=given.index(ledger.identity.files),
    )


_EXCEPTIONAL = (State.REJECTED, State.IN_DOUBT, State.CONFIRMED)


def _number_states(
    ledger: CheckpointView, exceptions: Sequence[ExceptionRow]
) -> np.ndarray[Any, np.dtype[np.int8]]:
    codes = np.full(ledger.identity.rows, _CODES[State.NEVER_SENT], dtype=np.int8)
    codes[list(ledger.in_flight)] = len(STATES)  # unless they are settled by now
    for chunk in ledger.confirmed():
        piece = codes[chunk.number * CHUNK : (chunk.number + 1) * CHUNK]
        if chunk.bits is None:
            piece[:] = _CODES[State.CONFIRMED]
        else:
            bits = np.unpackbits(np.frombuffer(chunk.bits, np.uint8), bitorder="little", count=len(piece))
            piece[bits.astype(np.bool_)] = _CODES[State.CONFIRMED]
    for rows, mask in ledger.left_out():
        here = np.unpackbits(np.frombuffer(mask, np.uint8), bitorder="little", count=len(rows))
        codes[rows.start : rows.stop][here == 1] = _CODES[State.LEFT_OUT]
    codes[[row.ordinal for row in exceptions]] = [_CODES[row.state] for row in exceptions]
    return codes


def _scatter(
    values: Sequence[int | None], at: np.ndarray[Any, np.dtype[np.int64]], rows: int
) -> pd.arrays.IntegerArray:
    """A column of whole numbers that is missing everywhere else."""
    column, nothing = np.zeros(rows, dtype=np.int64), np.ones(rows, dtype=np.bool_)
    column[at] = [value or 0 for value in values]
    nothing[at] = [value is None for value in values]
    return pd.arrays.IntegerArray(column, nothing)


def _scatter_messages(
    exceptions: Sequence[ExceptionRow], at: np.ndarray[Any, np.dtype[np.int64]], rows: int
) -> Any:
    place, nothing = np.zeros(rows, dtype=np.int64), np.ones(rows, dtype=np.bool_)
    place[at], nothing[at] = np.arange(len(at)), False
    texts = pa.array([row.message or _choose_message(row) for row in exceptions], pa.string())
    column = texts.take(pa.array(place, mask=nothing))
    return pd.array(column, dtype="string[pyarrow]")


def _choose_message(row: ExceptionRow) -> str | None:
    return _DUPLICATE if row.state is State.CONFIRMED else None


def build_reasons(ledger: CheckpointView) -> pd.DataFrame:
    """How many rows are rejected, in doubt or left out for each reason; the most frequent first."""
    found = [
        (state.value, number, reason)
        for state in (State.REJECTED, State.IN_DOUBT)
        for reason, number in count_reasons(ledger.exceptions(state))
    ]
    found += [(State.LEFT_OUT.value, number, reason) for reason, number in ledger.account().left_out_by]
    return pd.DataFrame(found, columns=["state", "rows", "reason"])


def build_failed(ledger: CheckpointView, given: Given, state: State) -> pd.DataFrame:
    """The rows in a state: the source columns with their own types, then why, in columns ``_loader_...``.

    The label of each row is the caller's. Without the table that a checkpoint is of, only the latter columns.

    Raises:
        SourceError: the input is not, or no longer, what was loaded.
    """
    if given.table is None and not is_of_table(ledger):
        return _of_files(ledger, given, state)
    rows = list(ledger.exceptions(state))
    file = ledger.identity.files[0]
    of = OfLoad.of(ledger, spell_keyword)
    fate = add_source(Chunk(0, pd.DataFrame(index=range(file.rows)), file.name, 1, {}), rows, of)
    places = [row.ordinal for row in rows]
    if given.table is None:
        return fate.set_axis(pd.Index([place + 1 for place in places], name="row", dtype="int64"))
    if rows:
        source = open_input(ledger, given.files, given.memory)
        refuse_other_input(source.survey(), [file.sha256], ledger.path)
    return add_columns(take_rows(given.table, places), fate)


def build_left_out(ledger: CheckpointView, given: Given) -> pd.DataFrame:
    """The rows that are left out, as `build_failed` gives the rows in a state.

    Raises:
        SourceError: the input is not, or no longer, what was loaded.
    """
    if given.table is None:
        frame = pd.concat(list(read_left_out_rows(ledger.path, given.files, given.memory)), ignore_index=True)
        return frame.set_axis(label_rows(frame, single=len(ledger.identity.files) == 1))
    rows = [row for _, here in find_left_out(ledger, given.files, given.memory) for row in here]
    file = ledger.identity.files[0]
    places = [row.ordinal for row in rows]
    fate = describe_left_out(Chunk(0, pd.DataFrame(), file.name, 1, {}), rows, ledger.id)
    return add_columns(take_rows(given.table, places), fate)


def _of_files(ledger: CheckpointView, given: Given, state: State) -> pd.DataFrame:
    found = read_failed_rows(ledger.path, {state}, given.files, spelling=spell_keyword)
    frame = pd.concat(list(found), ignore_index=True)
    return frame.set_axis(label_rows(frame, single=len(ledger.identity.files) == 1))


def label_rows(frame: pd.DataFrame, *, single: bool) -> pd.Index:
    """The labels of rows of files: row, or file and row."""
    rows = frame[f"{OWN_COLUMNS}row"].astype("int64")
    if single:
        return pd.Index(rows, name="row")
    return pd.MultiIndex.from_arrays(
        [frame[f"{OWN_COLUMNS}file"].astype(object), rows], names=["file", "row"]
    )


def take_rows(table: Any, places: Sequence[int]) -> pd.DataFrame:
    """Some rows of a table, by their positions, without what an earlier load added to them."""
    if isinstance(table, pd.DataFrame):
        rows = table.iloc[list(places)]
    else:
        taken = pa.table({name: take_cells(table[name], places) for name in table.column_names})
        rows = taken.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True).set_axis(
            pd.Index(np.asarray(places, dtype=np.int64))
        )
    return rows.loc[:, [not str(name).startswith(OWN_COLUMNS) for name in rows.columns]]


def take_cells(column: pa.ChunkedArray, places: Sequence[int]) -> pa.Array | pa.ChunkedArray:
    """Some cells of a column; Arrow cannot take from views and from what holds them."""
    try:
        return column.take(pa.array(places, pa.int64()))
    except pa.ArrowNotImplementedError:
        return pa.array([column[place].as_py() for place in places])


def add_columns(rows: pd.DataFrame, added: pd.DataFrame) -> pd.DataFrame:
    """The rows with further columns, by position: the labels may repeat."""
    return rows.assign(**{str(name): added[name].array for name in added})
