"""An Excel workbook (.xlsx): the cells of its one sheet, as text, as they are shown.

calamine reads the cells. It knows dates from numbers by the format of the cell, never by a guess. What it
does not tell is looked up in the sheet itself (`worksheet`): the digits of a long number, zeros that a format
puts in front, errors, and formulas without a result.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import TYPE_CHECKING

import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook

from loader.errors import SourceError
from loader.message import Message, Quote
from loader.model import FileRecord, Unreadable
from loader.sources.records import NOBODY, Slab, check_names, recognise_file
from loader.sources.worksheet import Mark, Marks, read_marks
from loader.text.escape import join_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeAlias

    from python_calamine import CalamineSheet

    from loader.dialect import Dialect
    from loader.sources.content import SourceFile
    from loader.sources.records import Onlooker

    Value: TypeAlias = "str | float | bool | date | time | datetime | timedelta"

SLAB_ROWS = 8192
# Excel keeps 15 digits of a number; the others are zeros that nobody wrote.
_MOST = 1e15


@dataclass(frozen=True, slots=True)
class _Row:
    """A row with something in it: its cells, None for an empty one, or why they cannot be read."""

    cells: list[str | None]
    fault: Unreadable | None = None


class ExcelRecords:
    """The only sheet of a workbook with something in it; every cell is text.

    Args:
        file: the file.
        dialect: `header` and `columns`, as for a text file.

    Raises:
        SourceError: at once if it is no workbook, has several sheets, or the header cannot be used.
    """

    def __init__(self, file: SourceFile, dialect: Dialect) -> None:
        self._file = file
        self._dialect = dialect
        self._sheet, marks = self._open()
        rows = _read_rows(self._sheet, marks)
        header: list[str | None] = []
        if dialect.header is not False:
            header = _drop_empty_end(next((row.cells for row in rows), []))
        names = dialect.columns or [name or "" for name in header]
        if header and len(names) != len(header):
            raise SourceError(
                f"{file.name}: the header has {len(header)} columns, and {len(names)} names are given for "
                "them. Give a name for each."
            )
        check_names(names, file.name)
        self.schema = pa.schema([(name, pa.string()) for name in names])
        self._slabs = list(self._make_slabs(rows))

    def __reduce__(self) -> tuple[type[ExcelRecords], tuple[SourceFile, Dialect]]:
        """How it travels: it is opened again, because the whole sheet is in memory."""
        return ExcelRecords, (self._file, self._dialect)

    @property
    def name(self) -> str:
        """The path as the user gave it."""
        return self._file.name

    @property
    def form(self) -> str:
        """How it is read."""
        return f'Excel, sheet "{self._sheet.name}"'

    def survey(self, known: Sequence[FileRecord] = (), onlooker: Onlooker = NOBODY) -> FileRecord:
        """Hash; the sheet was read when it was opened."""
        if record := recognise_file(self._file, self.form, known):
            return record
        for slab in self._slabs:
            onlooker.see(slab)
        rows = self._slabs[-1].end if self._slabs else 0
        return FileRecord(self.name, self._file.size, self._file.sha256(), rows, form=self.form)

    def slabs(self, first: int) -> Iterator[Slab]:
        """The records from number `first` on."""
        for slab in self._slabs:
            if slab.end > first:
                yield slab.between(max(first, slab.first), slab.end)

    def _open(self) -> tuple[CalamineSheet, Marks]:
        """The sheet, and what stands in it beside the values."""
        try:
            with self._file.open() as raw:
                book = CalamineWorkbook.from_filelike(raw)  # type: ignore[arg-type]  # its read and seek are enough
                found = [
                    sheet
                    for name in book.sheet_names
                    if (sheet := book.get_sheet_by_name(name)).start is not None
                ]
                if len(found) != 1:
                    raise SourceError(_describe_sheets(self.name, [sheet.name for sheet in found]))
                return found[0], read_marks(raw, found[0].name)  # type: ignore[arg-type]  # as above
        except (CalamineError, OSError, ValueError, KeyError) as failure:
            raise SourceError(
                f"{self.name}: its beginning or end cannot be read as an Excel workbook "
                f"({join_lines(str(failure))}). Was the copy cut off, or is there a password? Copy it or "
                "export it again."
            ) from failure

    def _make_slabs(self, rows: Iterator[_Row]) -> Iterator[Slab]:
        first, width = 0, len(self.schema)
        while batch := list(islice(rows, SLAB_ROWS)):
            unreadable: dict[int, str] = {
                at: fault for at, row in enumerate(batch) if (fault := row.fault or _find_excess(row, width))
            }
            cells = [
                [None] * width if at in unreadable else (row.cells + [None] * width)[:width]
                for at, row in enumerate(batch)
            ]
            arrays = [pa.array(column, pa.string()) for column in zip(*cells, strict=True)]
            yield Slab(first, pa.Table.from_arrays(arrays, schema=self.schema), unreadable)
            first += len(batch)


def _describe_sheets(name: str, sheets: list[str]) -> str:
    if not sheets:
        return f"{name}: is empty, no sheet has a cell with something in it. Was the export cut off?"
    shown = ", ".join(f'"{sheet}"' for sheet in sheets)
    return (
        f"{name}: has {len(sheets)} sheets with something in them: {shown}. Save the one to load in a "
        'workbook of its own, or as "CSV UTF-8".'
    )


def _read_rows(sheet: CalamineSheet, marks: Marks) -> Iterator[_Row]:
    """The rows with something in them; calamine leaves out the empty columns before the first used one."""
    _, left = sheet.start or (0, 0)
    for line, values in enumerate(sheet.iter_rows()):
        row = _read_row(values, [marks.get((line, left + at)) for at in range(len(values))])
        if row.fault or any(row.cells):
            yield row


def _read_row(values: Sequence[Value], marks: Sequence[Mark | None]) -> _Row:
    cells: list[str | None] = []
    fault: Unreadable | None = None
    for value, mark in zip(values, marks, strict=True):
        if mark is not None:
            fault = fault or mark.fault
            cells.append(f"{value} 00:00:00" if mark.at_midnight else mark.text or None)
        elif isinstance(value, float) and abs(value) >= _MOST:
            fault = fault or _refuse_number(value)
        else:
            cells.append(show_value(value))
    return _Row(cells, fault)


def _refuse_number(value: float) -> Unreadable:
    has = "the row has the number {number}, of which a spreadsheet keeps only the first 15 digits"
    shown = Quote(f"{value:.15g}")
    return Unreadable.of(Message(has, number=shown), ". Format such cells as text before they are filled.")


def _drop_empty_end(cells: list[str | None]) -> list[str | None]:
    while cells and cells[-1] is None:
        cells = cells[:-1]
    return cells


def _find_excess(row: _Row, width: int) -> Unreadable | None:
    if not any(row.cells[width:]):
        return None
    cells = len(_drop_empty_end(row.cells))
    return Unreadable.of(f"the row has {cells} cells, the header has {width}", ".")


def show_value(value: Value) -> str | None:
    """A value as its cell shows it in the usual format of its type; None for an empty cell."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float | int):
        return f"{value:.15g}" if value != int(value) else str(int(value))
    if isinstance(value, timedelta):
        seconds = round(value.total_seconds())
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return value or None
