"""Which rows of the input the rows of a file are: by the columns that `failures` wrote."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from loader.errors import SourceError
from loader.mapping.cells import as_text
from loader.message import Command, Message, Quote
from loader.own_columns import FILE, LOAD, ROW
from loader.text.escape import quote
from loader.text.nouns import count_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from loader.journal import CheckpointView
    from loader.model import FileRecord
    from loader.sources import Source
    from loader.sources.fixed import Ordinals

SHOWN = 5  # at most this many further rows or files are named in an error


def locate(name: str, table: pa.Table, ledger: CheckpointView, files: Sequence[FileRecord]) -> Ordinals:
    """The ordinals of the rows of the file.

    Raises:
        SourceError: a row is of another load, or of none.
    """
    refuse_other_load(name, table, ledger)
    starts = [0, *accumulate(file.rows for file in files)]
    numbers = {file.name: at for each in (ledger.identity.files, files) for at, file in enumerate(each)}
    places = np.empty(len(table), np.int64)
    texts = zip(read_texts(table, FILE), read_texts(table, ROW), strict=True)
    for at, (file, cell) in enumerate(texts):
        if (number := numbers.get(file or "")) is None:
            refuse_cell(
                name,
                at,
                FILE,
                file,
                f"is not a file of this load ({list_names(files)}). Write it as {{rejected}} did, or remove "
                "this row: load rows that you add as a file of their own",
            )
        row = (cell or "").removesuffix(".0")  # as pandas writes numbers of a column with an empty cell
        if not (row.isascii() and row.isdigit()):
            refuse_cell(name, at, ROW, row, "is not the number of a row. Write it as {rejected} did")
        if not 1 <= int(row) <= files[number].rows:
            refuse_cell(
                name, at, ROW, row, f"is not a row of {file}, which has {count_rows(files[number].rows)}"
            )
        places[at] = starts[number] + int(row) - 1
    return places


def list_names(files: Sequence[FileRecord]) -> str:
    """The first names of some files."""
    names = [file.name for file in files[:SHOWN]]
    return ", ".join(names) + (", …" if len(files) > SHOWN else "")


def refuse_other_load(name: str, table: pa.Table, ledger: CheckpointView) -> None:
    """Refuse rows that say that they are of another load. A file of a check or of 0.1.0 does not say it.

    Raises:
        SourceError: there is one.
    """
    if LOAD not in table.column_names:
        return
    for at, load in enumerate(read_texts(table, LOAD)):
        if load and load != ledger.id:
            raise SourceError(
                Message(
                    "{name}, row {row}: is a row of another load than {path}. Nothing was sent. Give the "
                    "file that {rejected} writes for this checkpoint, or the checkpoint of that file.",
                    name=name,
                    row=at + 1,
                    path=ledger.path,
                    rejected=Command.REJECTED,
                )
            )


def refuse_cell(name: str, at: int, column: str, value: str | None, why: str) -> NoReturn:
    """Refuse a cell that does not lead to a row of the input.

    Raises:
        SourceError: always.
    """
    raise SourceError(
        Message(
            "{name}, row {row}, column {column}: {value} " + why + ". Nothing was sent.",
            name=name,
            row=at + 1,
            column=quote(column),
            value=Quote(quote(value or "")),
            rejected=Command.REJECTED,
        )
    )


def read_texts(table: pa.Table, name: str) -> Iterator[str | None]:
    """The cells of a column as texts: 17.0 of a column of floats is 17."""
    for cells in table[name].chunks:
        yield from as_text(cells).to_pylist()


def refuse_twice(name: str, places: Ordinals, whole: Source) -> None:
    """Refuse a row of the input that is in the file twice.

    Raises:
        SourceError: one is.
    """
    if len(np.unique(places)) == len(places):
        return
    twice, _ = Counter(places.tolist()).most_common(1)[0]
    rows = [str(at + 1) for at in np.flatnonzero(places == twice).tolist()]
    raise SourceError(
        f"{name}, rows {', '.join(rows[:-1])} and {rows[-1]}: all are {whole.survey().place(twice)}. Nothing "
        "was sent. Keep one of them."
    )
