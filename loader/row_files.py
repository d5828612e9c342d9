"""Files of rows: CSV, JSON Lines, Parquet, and CSV that is safe to open in a spreadsheet."""

from __future__ import annotations

import codecs
import io
import json
import re
import sys
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from loader.errors import ConfigError, SourceError
from loader.mapping.cells import as_text, from_series
from loader.message import Command, Message, Setting
from loader.model import OWN_COLUMNS
from loader.output_files import open_target
from loader.text.escape import escape, join_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from _typeshed import ReadableBuffer

    from loader.sources import Source
    from loader.stores.address import Address

# Only a file for spreadsheets has this column.
GUARDED = f"{OWN_COLUMNS}guarded"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?")


def write_rows(frames: Iterator[pd.DataFrame], form: str, target: Path | Address) -> int:
    """Write the frames as ``csv``, ``jsonl``, ``parquet`` or ``spreadsheet``; return the number of rows.

    Text cells are written byte for byte, except in a file for spreadsheets (see `guard_cells`), and on a
    terminal, where what does not print is spelled out.

    Raises:
        ConfigError: the target cannot be written.
    """
    rows = 0

    def count(frame: pd.DataFrame) -> pd.DataFrame:
        nonlocal rows
        rows += len(frame)
        return frame

    with open_target(target) as out:
        shown = form != "parquet" and str(target) == "-" and sys.stdout.isatty()
        WRITERS[form](map(count, frames), _Shown(out) if shown else out)
    return rows


class _Shown(io.BytesIO):
    """Takes what is written for a program, and shows it on a terminal."""

    def __init__(self, out: IO[bytes]) -> None:
        super().__init__()
        self._out = out

    def write(self, written: ReadableBuffer) -> int:
        text = bytes(written).decode().replace("\r\n", "\n")  # a return alone would go back in its line
        return self._out.write(escape(text, keep="\n\t").encode())


def _write_csv(frames: Iterator[pd.DataFrame], out: IO[bytes]) -> None:
    # RFC 4180: with "\n" alone between the records, a lone CR in a cell would be written without quotes.
    for number, frame in enumerate(map(write_as_read, frames)):
        out.write(frame.to_csv(index=False, header=number == 0, lineterminator="\r\n").encode())


def write_as_read(frame: pd.DataFrame) -> pd.DataFrame:
    """The same rows, with numbers and bytes as the text that a load of the input reads in them.

    Otherwise the id 42, of a column with decimals or floats, would be loaded again as 42.000 or 42.0.
    """
    texts = {
        str(name): _write_texts(cells)
        for name, cells in frame.items()
        if isinstance(cells.dtype, pd.ArrowDtype) and _is_rewritten(cells.dtype.pyarrow_dtype)
    }
    return frame.assign(**texts) if texts else frame


def _is_rewritten(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_binary(kind))


def _write_texts(cells: pd.Series[Any]) -> pd.Series[Any]:
    array, unreadable = from_series(cells)
    texts = as_text(array)
    if unreadable is not None and unreadable.any():  # shown, though not as what they are
        escaped = [None if cell is None else cell.decode(errors="backslashreplace") for cell in cells]
        texts = pa.array(escaped, pa.string())
    return pd.Series(texts, dtype=pd.ArrowDtype(pa.string()), index=cells.index)


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


def refuse_guarded(source: Source, name: str) -> None:
    """Cells that were changed for a spreadsheet are not the cells of the input."""
    if GUARDED in source.schema.names:
        raise SourceError(
            Message(
                "{name} was written for a spreadsheet, with apostrophes before some cells. Load a file that "
                "{rejected} wrote in any other format, or the input itself.",
                name=name,
                rejected=Command.REJECTED,
            )
        )


def _write_jsonl(frames: Iterator[pd.DataFrame], out: IO[bytes]) -> None:
    # Not DataFrame.to_json: it rounds floats to 15 digits.
    for frame in frames:
        floats = [str(name) for name, cells in frame.items() if pd.api.types.is_float_dtype(cells.dtype)]
        for record in pa.Table.from_pandas(write_as_read(frame), preserve_index=False).to_pylist():
            record |= {name: _read_number(record[name]) for name in floats}
            out.write(json.dumps(record, ensure_ascii=False, default=str).encode() + b"\n")


def _read_number(text: str | None) -> int | float | None:
    """A number that was written as text; whole if it is."""
    if text is None:
        return None
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _write_parquet(frames: Iterator[pd.DataFrame], out: IO[bytes]) -> None:
    with ExitStack() as opened:
        import pyarrow.parquet as pq  # noqa: PLC0415 - few rows go to Parquet

        writer: pq.ParquetWriter | None = None
        for frame in frames:
            table = _as_table(frame, writer.schema if writer else None)
            writer = writer or opened.enter_context(pq.ParquetWriter(out, table.schema))
            writer.write_table(table)


def _as_table(frame: pd.DataFrame, schema: pa.Schema | None) -> pa.Table:
    """The rows with the types of those before them; the files of one input may differ in these."""
    try:
        return pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
    except pa.ArrowInvalid as failure:
        raise ConfigError(
            Message(
                "The files of the input have different types in one column, and Parquet has no type for all "
                "of its cells ({why}). Write the rows with {form} csv or jsonl.",
                why=join_lines(". ".join(map(str, failure.args))),
                form=Setting("format"),
            )
        ) from None


WRITERS: dict[str, Callable[[Iterator[pd.DataFrame], IO[bytes]], None]] = {
    "csv": _write_csv,
    "jsonl": _write_jsonl,
    "parquet": _write_parquet,
    "spreadsheet": _write_spreadsheet,
}
