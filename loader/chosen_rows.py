"""Rows that a user chose: by ids that were looked up, by their numbers, or by a file of failed rows."""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from loader.errors import ConfigError
from loader.message import Command, Message
from loader.model import OWN_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from loader.journal import ExceptionRow
    from loader.model import Chunk, FileRecord

SHOWN = 10  # at most this many unknown rows or ids are named in an error


@dataclass(frozen=True, slots=True)
class Choice:
    """Rows that a user named.

    Attributes:
        where: the file, or what else names them.
        column: the column of the input that holds `names`; "" if they are files and rows.
        names: the values, or (file, row) pairs; a file "" means the only one.
    """

    where: str
    column: str
    names: frozenset[str | tuple[str, int]]

    @classmethod
    def read(cls, path: Path) -> Choice:
        """Read a CSV file with a header, or JSON Lines or Parquet with named columns.

        It has one column of the input with the ids that were looked up, or a column "row" with numbers as
        `failures` shows them; or `failures` wrote it.

        Raises:
            ConfigError: it cannot be read, or does not name rows.
        """
        try:
            table = read_table(path)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise ConfigError(f"{path} cannot be read: {error}.") from None
        if table.empty:
            raise ConfigError(f"{path} names no row: it has only a header.")
        own_row, own_file = f"{OWN_COLUMNS}row", f"{OWN_COLUMNS}file"
        if own_row in table and own_file in table:
            pairs = zip(table[own_file], table[own_row], strict=True)
            return cls(str(path), "", frozenset((file, parse_row_number(path, row)) for file, row in pairs))
        if list(table) == ["row"]:
            return cls(str(path), "", frozenset(("", parse_row_number(path, row)) for row in table["row"]))
        if len(table.columns) == 1:
            return cls(str(path), str(table.columns[0]), frozenset(table.iloc[:, 0]))
        raise ConfigError(
            Message(
                '{path} does not name rows. It needs a column "row", or one column of the input with ids, '
                "or the columns of the rows that {in_doubt} gives.",
                path=path,
                in_doubt=Command.IN_DOUBT,
            )
        )

    def pick(
        self, chunks: Iterable[tuple[Chunk, list[ExceptionRow]]], known: Sequence[FileRecord] = ()
    ) -> dict[int, ExceptionRow]:
        """Pick the rows that are named; `known` are the files by the names they had in the load.

        Raises:
            ConfigError: some names fit none of the rows.
        """
        ends = list(accumulate(file.rows for file in known))
        chosen: dict[int, ExceptionRow] = {}
        met: set[str | tuple[str, int]] = set()
        for chunk, rows in chunks:
            for row in rows:
                file = known[bisect_right(ends, row.ordinal)].name if known else chunk.file
                for name in self.list_names(chunk, row.ordinal, file):
                    if name in self.names:
                        met.add(name)
                        chosen[row.ordinal] = row
        if unknown := sorted(map(describe_name, self.names - met)):
            named = ", ".join(unknown[:SHOWN]) + (", …" if len(unknown) > SHOWN else "")
            noun, verb = ("row", "is") if len(unknown) == 1 else ("rows", "are")
            raise ConfigError(
                Message(
                    "{where} names {number:,} {noun} that {verb} not in doubt: {named}. "
                    "Nothing was changed. {in_doubt} lists the rows in doubt.",
                    where=self.where,
                    number=len(unknown),
                    noun=noun,
                    verb=verb,
                    named=named,
                    in_doubt=Command.IN_DOUBT,
                )
            )
        return chosen

    def list_names(self, chunk: Chunk, ordinal: int, file: str) -> Iterator[str | tuple[str, int]]:
        """List the names that a row may have; its file was once called `file`."""
        offset = ordinal - chunk.first
        if not self.column:
            number = chunk.first_row + offset
            yield from ((chunk.file, number), (file, number), ("", number))
        elif self.column not in chunk.frame:
            raise ConfigError(
                f'{self.where} has the column "{self.column}", which the input does not have. '
                f"The input has: {', '.join(map(str, chunk.frame))}."
            )
        else:
            yield str(chunk.frame[self.column].iloc[offset])


def describe_name(name: str | tuple[str, int]) -> str:
    """Describe the name of a row in an error."""
    if isinstance(name, str):
        return name
    file, row = name
    return f"{file}, row {row}" if file else f"row {row}"


def read_table(path: Path) -> pd.DataFrame:
    """Read a small table as text. Its first bytes tell whether it is Parquet, JSON Lines or CSV."""
    with path.open("rb") as file:
        head = file.read(64).lstrip()
    if head.startswith(b"PAR1"):
        records = pq.read_table(path).to_pylist()
    elif head.startswith(b"{"):
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
        if not all(isinstance(record, dict) for record in records):
            raise ValueError("one of its lines is not a JSON object")
    else:
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    return pd.DataFrame([{name: str(cell) for name, cell in record.items()} for record in records]).fillna("")


def parse_row_number(path: Path, text: str) -> int:
    """Parse the number of a row.

    Raises:
        ConfigError: it is not a number.
    """
    if not (text.isascii() and text.isdigit()):
        raise ConfigError(f'{path}: "{text}" is not the number of a row.')
    return int(text)
