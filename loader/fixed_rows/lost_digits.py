"""Ids that a spreadsheet or pandas has read as numbers: 00042 is 42 now, 43 is 43.0, a long one is 1.23E+15.

The user fixed another cell, and would send a row of another user without a word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.errors import SourceError
from loader.message import Command, Message, Quote
from loader.text.escape import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loader.mapping import Mapping
    from loader.model import Chunk
    from loader.sources import FixedRows, Source
    from loader.sources.fixed import Ordinals

_NUMBERS = {"integer", "float", "price"}
_EXACT_DIGITS = 15  # a spreadsheet writes zeros for the digits after these
_ROUNDED = 1e-2  # it shows a long number with at least three digits: 1.71E+09

# An ordinal, the column, and the cell before and after.
Changed = tuple[int, str, str, str]


def refuse_lost_digits(name: str, rows: FixedRows, places: Ordinals, whole: Source, mapping: Mapping) -> None:
    """Refuse rows in which the digits of a text were read as a number, and written otherwise.

    Args:
        name: of the file.
        rows: the rows that are to be sent, with their cells.
        places: the ordinal of each row of the file.
        whole: the input.
        mapping: of the load; a column that it reads as a number may hold another form of the same one.

    Raises:
        SourceError: there is one. Nothing was sent.
    """
    numbers = list_number_columns(mapping)
    found = [
        changed
        for changed in list_changed_texts(rows, whole)
        if is_rounded(*changed[2:]) or (changed[1] not in numbers and is_rewritten(*changed[2:]))
    ]
    if not found:
        return
    ordinal, column, before, after = found[0]
    raise SourceError(
        Message(
            "{name}, row {row}, column {column}: {after} was {before} before. A spreadsheet or pandas has "
            "read it as a number{others}. Nothing was sent. Give the cell its text again. To keep all cells, "
            "edit what {rejected} writes as text: in a spreadsheet, import each column as text; in pandas, "
            "read it with dtype=str. If the change is meant, load the row as a file of its own.",
            name=name,
            row=int(np.flatnonzero(places == ordinal)[0]) + 1,
            column=quote(column),
            after=Quote(quote(after)),
            before=Quote(quote(before)),
            others=f", and {len(found) - 1:,} more" if len(found) > 1 else "",
            rejected=Command.REJECTED,
        )
    )


def list_number_columns(mapping: Mapping) -> set[str]:
    """The columns that become numbers or times, and nothing else."""
    fields = mapping.fields.items()
    timed = {column for name, rule in fields if name in ("timestamp", "tz_offset") for column in rule.column}
    texts = {column for name, rule in fields if name in ("hwid", "userId") for column in rule.column}
    for rule in mapping.members.values():
        (timed if rule.type in _NUMBERS else texts).update(rule.column)
    keys = {*mapping.key, *(mapping.unique.columns if mapping.unique else ())}
    return timed - texts - keys


def list_changed_texts(rows: FixedRows, whole: Source) -> Iterator[Changed]:
    """The texts that differ between the rows and the input."""
    if not len(rows):
        return
    for chunk in whole.chunks(int(rows.ordinals[0])):
        low, high = np.searchsorted(rows.ordinals, (chunk.rows.start, chunk.rows.stop)).tolist()
        if low < high:
            yield from compare_texts(chunk, rows.put_into(chunk), rows.ordinals[low:high].tolist())
        if high == len(rows):
            return


def compare_texts(chunk: Chunk, now: Chunk, ordinals: Sequence[int]) -> Iterator[Changed]:
    """The texts of some rows of a chunk that differ."""
    at = [ordinal - chunk.first for ordinal in ordinals]
    before, after = (pa.Table.from_pandas(each.frame.iloc[at], preserve_index=False) for each in (chunk, now))
    for column in before.schema:
        if pa.types.is_string(column.type):
            old, new = before[column.name], after[column.name]
            for place in np.flatnonzero(pc.fill_null(pc.not_equal(old, new), fill_value=False)).tolist():
                yield ordinals[place], column.name, old[place].as_py(), new[place].as_py()


def is_rewritten(before: str, after: str) -> bool:
    """Whether digits are the same number now in another form. Zeros in front of it are a correction."""
    if not is_digits(before) or (is_digits(after) and len(after) > len(before)):
        return False
    return read_number(after) == float(before)


def is_rounded(before: str, after: str) -> bool:
    """Whether digits are about the same number now: a spreadsheet has rounded it."""
    number = read_number(after)
    if not is_digits(before) or number is None or number == float(before) == 0:
        return False
    if "e" in after.lower() and len(before.lstrip("0")) > 3:
        return abs(number - float(before)) <= _ROUNDED * float(before)
    cut = before[: len(before) - len(before.lstrip("0")) + _EXACT_DIGITS]
    return len(before) > len(cut) and is_digits(after) and int(after) == int(cut.ljust(len(before), "0"))


def is_digits(text: str) -> bool:
    """Whether a text is digits alone."""
    return text.isascii() and text.isdigit()


def read_number(text: str) -> float | None:
    """The number that a text is, also with a decimal comma; None if it is none."""
    if not text[:1].isdigit():
        return None
    try:
        return float(text.replace(",", ".").replace("_", "?"))
    except ValueError:
        return None
