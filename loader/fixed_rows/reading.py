"""Read a file of fixed rows: its columns, its cells, and which rows of the input they are of."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.errors import SourceError
from loader.fixed_rows.conversion import convert
from loader.fixed_rows.fixed import Fixed, FixedInput, drop_empty, is_filled
from loader.fixed_rows.lost_digits import refuse_lost_digits
from loader.fixed_rows.places import locate, refuse_twice
from loader.fixed_rows.standing import choose_waiting
from loader.mapping import parse_mapping
from loader.message import Command, Message
from loader.model import OWN_COLUMNS
from loader.own_columns import FILE, ROW
from loader.row_files import refuse_guarded
from loader.sources import FixedRows, open_source
from loader.text.escape import quote
from loader.text.nouns import count_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.journal import CheckpointView
    from loader.sources import Source

# Bytes of fixed cells that a checkpoint keeps, unpacked: about a million rows of 250 bytes.
MOST_BYTES = 1 << 28


def read_fixed_rows(given: FixedInput, whole: Source, ledger: CheckpointView, stored: FixedRows) -> Fixed:
    """Read rows that `failures` wrote and the user fixed.

    Args:
        given: the file.
        whole: the input.
        ledger: the checkpoint.
        stored: what was fixed before.

    Raises:
        SourceError: a row is not one that the load rejected, or is there twice; or a column or a cell does
            not fit the input. Nothing was sent.
    """
    source = open_source((given.name,), table=given.table)
    refuse_guarded(source, given.name)
    extra = match_columns(given.name, source, whole.schema.names)
    table = read_cells(given.name, source)
    places = locate(given.name, table, ledger, whole.survey().files)
    refuse_twice(given.name, places, whole)
    rows = FixedRows(convert(given.name, table, places, whole))
    refuse_size(given.name, rows.size + stored.size)
    filled = drop_empty(rows)
    waiting = choose_waiting(given.name, rows, places, ledger, stored, whole)
    waiting &= set(filled.ordinals.tolist())
    new = find_new(rows, waiting, stored)
    mapping = parse_mapping(ledger.identity.mapping, str(ledger.path))
    refuse_lost_digits(given.name, rows.select(new), places, whole, mapping)
    notices = list_notices(given.name, extra, len(rows) - len(filled))
    return Fixed(given.name, rows.select(waiting), new, len(filled) - len(waiting), notices)


def find_new(rows: FixedRows, waiting: set[int], stored: FixedRows) -> frozenset[int]:
    """Those of the waiting rows whose cells the checkpoint does not have yet."""
    known, now = stored.write_cells(waiting), rows.write_cells(stored.ordinals.tolist())
    return frozenset(ordinal for ordinal in waiting if known.get(ordinal) != now.get(ordinal, ""))


def list_notices(name: str, extra: Sequence[str], unfilled: int) -> tuple[str, ...]:
    """What the user should know: columns that are ignored, and rows without a cell."""
    notices = [f"{name}: the column {quote(each)} is not in the input, and is ignored." for each in extra]
    if unfilled:
        notices.append(f"{name}: {count_rows(unfilled)} without any cell {stay_or_stays(unfilled)} rejected.")
    return tuple(notices)


def stay_or_stays(count: int) -> str:
    """The verb for a number of rows."""
    return "stays" if count == 1 else "stay"


def match_columns(name: str, source: Source, wanted: Sequence[str]) -> list[str]:
    """The columns of the file that are neither the input's nor the loader's.

    Raises:
        SourceError: a column of the input is missing, or those that say which row is which.
    """
    found = source.schema.names
    if lacking := [column for column in (FILE, ROW) if column not in found]:
        raise SourceError(
            Message(
                "{name} does not say which rows of the input its rows are: it has no column {lacking}. "
                "Nothing was sent. {rejected} writes a file with these columns; leave them as they are.",
                name=name,
                lacking=" or ".join(map(quote, lacking)),
                rejected=Command.REJECTED,
            )
        )
    extra = [column for column in found if column not in wanted and not column.startswith(OWN_COLUMNS)]
    missing = [column for column in wanted if column not in found and not column.startswith(OWN_COLUMNS)]
    if missing:
        also = f", and it has {', '.join(map(quote, extra))}, which the input does not have" if extra else ""
        raise SourceError(
            Message(
                "{name} has no column {missing}, which the input has{also}. Nothing was sent. Give each "
                "column the name that {rejected} wrote, and change only cells.",
                name=name,
                missing=", ".join(map(quote, missing)),
                also=also,
                rejected=Command.REJECTED,
            )
        )
    return extra


def read_cells(name: str, source: Source) -> pa.Table:
    """All rows of the file.

    Raises:
        SourceError: one of them cannot be read, or there is none.
    """
    tables: list[pa.Table] = []
    for chunk in source.chunks():
        for offset, why in sorted({**chunk.unreadable, **chunk.no_data}.items()):
            raise SourceError(f"{name}, row {chunk.first_row + offset}, {why} Nothing was sent.")
        tables.append(pa.Table.from_pandas(chunk.frame, preserve_index=False))
        refuse_size(name, sum(table.nbytes for table in tables))
    rows = drop_blank_end(pa.concat_tables(tables, promote_options="permissive")) if tables else ()
    if not rows:
        raise SourceError(f"{name} has no row, so there is nothing to send.")
    return rows


def drop_blank_end(table: pa.Table) -> pa.Table:
    """The rows up to the last one with a cell: a spreadsheet keeps rows whose cells were cleared."""
    filled = reduce(pc.or_, (pc.fill_null(is_filled(column), fill_value=False) for column in table.columns))
    rows = np.flatnonzero(filled)
    return table.slice(0, int(rows[-1]) + 1 if len(rows) else 0)


def refuse_size(name: str, size: int) -> None:
    """Refuse more cells than a checkpoint keeps.

    Raises:
        SourceError: there are more.
    """
    if size > MOST_BYTES:
        raise SourceError(
            f"{name}: the checkpoint keeps the cells that you fixed, at most {MOST_BYTES >> 20} MB of them, "
            "and with these rows they are more. Nothing was sent. If all cells are wrong in one way, fix the "
            "mapping instead. Otherwise load the file as one of its own; in this load its rows stay rejected."
        )
