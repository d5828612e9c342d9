"""The columns that the loader adds to rows that failed: the same from `failures`, `check` and Python.

Their names and meanings are a contract (`docs/reference/failed-rows.md`): programs group by them, and a file
that has them tells `retry` to which row of the input each of its rows belongs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd
import pyarrow as pa

from loader.conditions import REMEDIES, Remedies
from loader.journal import is_misdirected
from loader.message import spell_option
from loader.model import OWN_COLUMNS, Phase, State
from loader.report.remedies import UNKNOWN_APPLICATION, advise_on_code

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loader.journal import CheckpointView, ExceptionRow
    from loader.message import Spelling
    from loader.model import Chunk, Reject


class LeftOutRow(NamedTuple):
    """A row that is no part of a load.

    Attributes:
        ordinal: its ordinal.
        reason: why, in the words that all rows with this reason share.
        message: why, with what is in this row.
        column, value: the cell that decided it; "" and None if no one cell did.
    """

    ordinal: int
    reason: str
    message: str
    column: str = ""
    value: str | None = None


class OwnColumn(NamedTuple):
    """A column that the loader adds.

    Attributes:
        meaning: for the reference.
        kind: its type, which does not depend on the cells, as Parquet needs.
    """

    meaning: str
    kind: pa.DataType = pa.string()


FILE, ROW, LOAD = (f"{OWN_COLUMNS}{name}" for name in ("file", "row", "load"))

# By their names without the prefix, in their order.
COLUMNS = {
    "state": OwnColumn("`rejected`, `in_doubt` or `left_out`"),
    "file": OwnColumn("the file of the input that has the row, as the input was named"),
    "row": OwnColumn("the number of the row in that file, from 1, the first after the header", pa.int64()),
    "phase": OwnColumn(
        "who rejected it: `local` (the mapping, on this machine), `vendor`, or `overtaken` (a later row of "
        "the same device or user is at the vendor); empty for a row in doubt"
    ),
    "reason": OwnColumn(
        "why, in the words that all rows with this reason share: the terminal and the summary count by them"
    ),
    "column": OwnColumn("the column of the input that is wrong, or several with commas; empty if none is"),
    "value": OwnColumn("what stands in it, as the loader read it; a long text is cut"),
    "remedy": OwnColumn("what to do, the same for all rows with this reason; empty if nothing is known"),
    "message": OwnColumn(
        "the whole sentence: file, row, column, value, reason and remedy; or the vendor's words"
    ),
    "http_status": OwnColumn("of the vendor's answer", pa.int64()),
    "code": OwnColumn("the status code in the body of the vendor's answer", pa.int64()),
    "attempts": OwnColumn("requests sent for the row", pa.int64()),
    "at": OwnColumn("when it came to this state, in UTC; empty in a check"),
    "load": OwnColumn(
        "an id of the checkpoint: fixed rows go back only into their own load; empty in a check"
    ),
}

KINDS = {name: column.kind for name, column in COLUMNS.items()} | {"number": pa.int64()}


@dataclass(frozen=True, slots=True)
class OfLoad:
    """What a checkpoint says of all its failed rows.

    Attributes:
        load: its id.
        remedies: of what the mapping rejected, by reason.
        spelling: how a setting is written.
    """

    load: str = ""
    remedies: Mapping[str, str] = field(default_factory=dict)
    spelling: Spelling = spell_option

    @classmethod
    def of(cls, ledger: CheckpointView, spelling: Spelling = spell_option) -> OfLoad:
        """What a checkpoint says."""
        return cls(ledger.id, read_notes_by_reason(ledger, REMEDIES), spelling)

    def find_remedy(self, row: ExceptionRow) -> str:
        """What to do about a row; "" if nothing is known."""
        if row.state is not State.REJECTED or row.phase is Phase.OVERTAKEN:
            return ""
        if row.phase is Phase.LOCAL:
            return self.remedies.get(row.reason, "")
        known = UNKNOWN_APPLICATION if is_misdirected(row) else advise_on_code(row.http_status, row.code)
        return known.spell(self.spelling) if known else ""


NO_LOAD = OfLoad()


def read_notes_by_reason(ledger: CheckpointView, what: str) -> dict[str, str]:
    """What runs noted of the rejects of the mapping, by reason; version 0.1.0 noted nothing."""
    found: dict[str, str] = {}
    for note in ledger.notes:
        if note.what == what:
            found |= Remedies.from_text(note.detail)
    return found


def describe_failures(chunk: Chunk, rows: Sequence[ExceptionRow], of: OfLoad) -> pd.DataFrame:
    """The columns of rows of a chunk that failed in a load."""
    cells: dict[str, Sequence[object]] = {
        "state": [row.state.value for row in rows],
        "row": [chunk.first_row + row.ordinal - chunk.first for row in rows],
        "phase": [row.phase.value if row.state is State.REJECTED else None for row in rows],
        "reason": [row.reason or row.message for row in rows],
        "column": [row.column or None for row in rows],
        "value": [row.value or None for row in rows],
        "remedy": [of.find_remedy(row) or None for row in rows],
        "message": [row.message for row in rows],
        "http_status": [row.http_status for row in rows],
        "code": [row.code for row in rows],
        "attempts": [row.attempts for row in rows],
        "at": [datetime.fromtimestamp(row.at, UTC).isoformat(timespec="seconds") for row in rows],
        "load": [of.load or None] * len(rows),
    }
    return build_columns(chunk, cells, len(rows))


def describe_rejects(chunk: Chunk, rejects: Sequence[Reject]) -> pd.DataFrame:
    """The columns of rows of a chunk that a load would reject."""
    cells: dict[str, Sequence[object]] = {
        "state": [State.REJECTED.value] * len(rejects),
        "row": [chunk.first_row + reject.ordinal - chunk.first for reject in rejects],
        "phase": [reject.phase.value for reject in rejects],
        "reason": [reject.reason for reject in rejects],
        "column": [reject.column or None for reject in rejects],
        "value": [reject.value or None for reject in rejects],
        "remedy": [reject.shared_remedy or None for reject in rejects],
        "message": [reject.message for reject in rejects],
        "attempts": [0] * len(rejects),
    }
    return build_columns(chunk, cells, len(rejects))


def describe_left_out(chunk: Chunk, rows: Sequence[LeftOutRow], load: str) -> pd.DataFrame:
    """The columns of rows of a chunk that are no part of a load, whose id is `load`."""
    cells: dict[str, Sequence[object]] = {
        "state": [State.LEFT_OUT.value] * len(rows),
        "row": [chunk.first_row + row.ordinal - chunk.first for row in rows],
        "reason": [row.reason for row in rows],
        "column": [row.column or None for row in rows],
        "value": [row.value for row in rows],
        "message": [row.message for row in rows],
        "attempts": [0] * len(rows),
        "load": [load] * len(rows),
    }
    return build_columns(chunk, cells, len(rows))


def build_columns(chunk: Chunk, cells: Mapping[str, Sequence[object]], rows: int) -> pd.DataFrame:
    """All columns, in their order; those without cells are empty."""
    filled: dict[str, Sequence[object]] = dict.fromkeys(COLUMNS, [None] * rows)
    filled |= {"file": [chunk.file] * rows, **cells}
    return build_own_columns(filled)


def build_own_columns(cells: Mapping[str, Sequence[object]]) -> pd.DataFrame:
    """Columns that the loader adds, with types that do not depend on the cells, as Parquet needs."""
    schema = pa.schema((name, KINDS.get(name, pa.string())) for name in cells)
    frame: pd.DataFrame = pa.table(dict(cells), schema).to_pandas(types_mapper=pd.ArrowDtype)
    return frame.add_prefix(OWN_COLUMNS)
