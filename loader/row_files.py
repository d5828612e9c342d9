"""Files of rows: CSV, JSON Lines, Parquet, and CSV that is safe to open in a spreadsheet."""

from __future__ import annotations

import codecs
import json
import re
from typing import IO, TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from loader.model import OWN_COLUMNS
from loader.output_files import open_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pandas as pd

# Only a file for spreadsheets has this column.
GUARDED = f"{OWN_COLUMNS}guarded"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?")


def write_rows(frames: Iterator[pd.DataFrame], form: str, target: Path) -> int:
    """Write the frames as ``csv``, ``jsonl``, ``parquet`` or ``spreadsheet``; return the number of rows.

    Text cells are written byte for byte, except in a file for spreadsheets (see `guard_cells`).

    Raises:
        ConfigError: the target cannot be written.
    """
    rows = 0

    def count(frame: pd.DataFrame) -> pd.DataFrame:
        nonlocal rows
        rows += len(frame)
        return frame

    with open_target(target) as out:
        WRITERS[form](map(count, frames), out)
    return rows


def _write_csv(frames: Iterator[pd.DataFrame], out: IO[bytes]) -> None:
    # RFC 4180: with "\n" alone between the records, a lone CR in a cell would be written without quotes.
    for number, frame in enumerate(frames):
        out.write(frame.to_csv(index=False, header=number == 0, lineterminator="\r\n").encode())


def _write_spreadsheet(frames: Iterator[pd.DataFrame], out: IO[bytes]) -> None:
    out.write(codecs.BOM_UTF8)  # without it Excel assumes the machine's old encoding
    _write_csv(map(guard_cells, frames), out)


def guard_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """The same rows, with an apostrophe before each cell that a spreadsheet would run as a formula.

    Such a cell begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return (OWASP, *CSV Injection*);
    a plain number does not run. A column says that cells were guarded. A load refuses such a file, because
    its cells differ from the input.
    """
    guarded = frame.rename(columns=lambda name: _guard(str(name))).map(
        lambda cell: _guard(cell) if isinstance(cell, str) else cell
    )
    return guarded.assign(**{GUARDED: "apostrophes before = + - @"})


def _guard(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell) else cell


def _write_jsonl(frames: Iterator[pd.DataFrame], out: IO[bytes]) -> None:
    # Not DataFrame.to_json: it rounds floats to 15 digits.
    for frame in frames:
        for record in pa.Table.from_pandas(frame, preserve_index=False).to_pylist():
            out.write(json.dumps(record, ensure_ascii=False, default=str).encode() + b"\n")


def _write_parquet(frames: Iterator[pd.DataFrame], out: IO[bytes]) -> None:
    writer: pq.ParquetWriter | None = None
    for frame in frames:
        schema = writer.schema if writer else None
        table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
        writer = writer or pq.ParquetWriter(out, table.schema)
        writer.write_table(table)
    if writer:
        writer.close()


WRITERS: dict[str, Callable[[Iterator[pd.DataFrame], IO[bytes]], None]] = {
    "csv": _write_csv,
    "jsonl": _write_jsonl,
    "parquet": _write_parquet,
    "spreadsheet": _write_spreadsheet,
}
