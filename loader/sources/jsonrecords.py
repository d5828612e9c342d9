"""Lines of JSON -> tables: many lines at once (`jsonblocks`), and those that need it one by one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from loader.errors import SourceError
from loader.message import Message, Quote
from loader.model import Unreadable
from loader.sources.jsonblocks import BlockReader
from loader.sources.jsoncauses import advise_one_a_line, find_cause, holds_several_records, show_line
from loader.sources.jsonvalues import find_half_character, make_decoder, write_cell
from loader.text.escape import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from loader.sources.jsonblocks import Block

# This many lines in a row that are not objects are another format, not damaged records.
MAX_RUN = 10_000
# After this many records most files have shown all of their keys.
FIRST = 100

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_BLANK = b" \t\r"
_Cells = tuple[str | None, ...]


class RecordReader:
    """Reads the lines of one file.

    Args:
        name: the file, for messages.
        nothing: the numbers that JSON does not have and that mean nothing here.
        packed: whether the file must be unpacked before anything else can be done with it.

    Attributes:
        unknown: the keys that are not columns, and in which row each was met first.
    """

    def __init__(self, name: str, nothing: Sequence[str], *, packed: bool) -> None:
        self.unknown: dict[str, int] = {}
        self.decoder = make_decoder(nothing)
        self._name = name
        self._packed = packed
        self._run = 0
        self.use_columns(())

    def use_columns(self, columns: Sequence[str]) -> None:
        """From here on the cells of a record are those under these keys; no others are known."""
        self._columns = tuple(columns)
        self._known = frozenset(columns)
        self._schema = pa.schema([(name, pa.string()) for name in columns])
        self._blocks = BlockReader(self._columns)

    @property
    def schema(self) -> pa.Schema:
        """The columns, all of them text."""
        return self._schema

    def find_keys(self, lines: Sequence[bytes]) -> tuple[str, ...]:
        """The keys of the first records of the file, in the order in which they are met.

        Args:
            lines: in UTF-8, none of them blank.

        Raises:
            SourceError: a line is several records.
        """
        self._note_keys(lines[:FIRST], 0)
        rest = lines[FIRST:]
        if rest and BlockReader(tuple(self.unknown)).read(b"\n".join(rest)) is None:
            self._note_keys(rest, FIRST)
        return tuple(self.unknown)

    def _note_keys(self, lines: Sequence[bytes], row: int) -> None:
        for number, line in enumerate(lines, start=row + 1):
            self.read_cells(line, number)

    def read(self, block: bytes, row: int) -> tuple[pa.Table, dict[int, str]]:
        """The records, and why some of the lines are none, by their offsets.

        Args:
            block: whole lines in UTF-8; blank ones are no records.
            row: how many records there are before it.

        Raises:
            SourceError: it is not JSON Lines.
        """
        found = self._blocks.read(block) if block else None
        if found is not None and not len(found.doubtful):
            self._run = 0
            return pa.Table.from_arrays(found.columns, schema=self._schema), {}
        lines = [line for line in block.split(b"\n") if line.strip()]
        if found is not None:
            return self._read_rest(lines, found, np.arange(len(lines)), row)
        stripped = [line.strip(_BLANK) for line in lines]
        accepted = [number for number, line in enumerate(stripped) if self._blocks.accepts(line)]
        found = self._blocks.read(b"\n".join([stripped[number] for number in accepted])) if accepted else None
        return self._read_rest(lines, found, np.array(accepted, np.int64), row)

    def _read_rest(
        self, lines: list[bytes], found: Block | None, numbers: NDArray[np.int64], row: int
    ) -> tuple[pa.Table, dict[int, str]]:
        """Read those of the lines one by one that were not read at once.

        Args:
            lines: all lines.
            found: what was read at once.
            numbers: which of the lines these are.
            row: how many records there are before the lines.
        """
        if found is None:
            return self._read_lines(lines, range(len(lines)), row)
        certain = np.delete(np.arange(len(numbers)), found.doubtful)
        rest = np.delete(np.arange(len(lines)), numbers[certain])
        one_by_one, unreadable = self._read_lines(lines, rest.tolist(), row)
        at_once = pa.Table.from_arrays(found.columns, schema=self._schema).take(pa.array(certain))
        order = np.argsort(np.concatenate([numbers[certain], rest]))
        return pa.concat_tables([at_once, one_by_one]).take(pa.array(order)), unreadable

    def _read_lines(
        self, lines: list[bytes], numbers: Sequence[int], row: int
    ) -> tuple[pa.Table, dict[int, str]]:
        """Read some of the lines, one by one; the others are records."""
        rows: list[_Cells] = []
        unreadable: dict[int, str] = {}
        nothing = (None,) * len(self._columns)
        for number, before in zip(numbers, [-1, *numbers], strict=False):
            if before < number - 1:
                self._run = 0
            cells = self.read_cells(lines[number], row + number + 1)
            if isinstance(cells, str):
                unreadable[number] = cells
                self._count_run()
            else:
                self._run = 0
            rows.append(nothing if isinstance(cells, str) else cells)
        if numbers and numbers[-1] < len(lines) - 1:
            self._run = 0
        columns = zip(*rows, strict=True) if rows else [()] * len(self._columns)
        arrays = [pa.array(column, pa.string()) for column in columns]
        return pa.Table.from_arrays(arrays, schema=self._schema), unreadable

    def _count_run(self) -> None:
        self._run += 1
        if self._run > MAX_RUN:
            raise SourceError(
                f"{self._name}: {MAX_RUN:,} consecutive lines are not JSON objects. Is the file JSON Lines?"
            )

    def read_cells(self, line: bytes, row: int) -> _Cells | Unreadable:
        """The cells of a record, or why it is not one.

        Args:
            line: in UTF-8.
            row: its number in the file, from 1.

        Raises:
            SourceError: it is several records.
        """
        try:
            record = self.decoder.decode(line.decode())
            if not isinstance(record, dict):
                return _refuse_line("the row is not a JSON object with keys but a value", line)
            return self._list_cells(record, line, row)
        except (ValueError, RecursionError) as failure:
            if holds_several_records(failure, line):
                raise SourceError(self._describe_several(row)) from None
            return find_cause(failure, line).reason

    def _list_cells(self, record: dict[str, Any], line: bytes, row: int) -> _Cells | Unreadable:
        if _SURROGATE.search(line) and (key := find_half_character(record)) is not None:
            half = "the row has half a character (a lone surrogate) in {key}"
            return _refuse_line(Message(half, key=Quote(quote(key))), line)
        if not record.keys() <= self._known:
            met = {*self._known, *self.unknown}
            self.unknown.update((key, row) for key in record if key not in met)
        values = map(record.get, self._columns)
        return tuple([value if type(value) is str else write_cell(value) for value in values])

    def _describe_several(self, row: int) -> str:
        advice = advise_one_a_line(self._name, packed=self._packed)
        return f"{self._name}, row {row:,}: the line holds several records, one behind the other. {advice}"


def _refuse_line(reason: str | Message, line: bytes) -> Unreadable:
    return Unreadable.of(reason, f": {show_line(line)}.")
