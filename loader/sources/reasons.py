"""Why a record of a text file is not read, in sentences that several readers say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from loader.errors import SourceError
from loader.message import Message, Setting
from loader.model import Unreadable
from loader.sources.quoting import AFTER_BLANK, AFTER_QUOTE
from loader.text.escape import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

ESCAPED = (
    'The file seems to escape with backslashes: set escape = "\\\\" under [source] in the mapping file '
    "(--escape '\\')."
)
DELIMITER_IN_CELL = "Put cells that contain the delimiter into quotes."
SINGLE_QUOTES = (
    "The cells seem to have ' around them: set quote = \"'\" under [source] in the mapping file "
    '(--quote "\'").'
)
NAME_ALL = (
    "Name all columns that the rows have, as in columns = [...] and header = true under [source] in the "
    "mapping "
    "file (--columns NAME,NAME,... --header)."
)
_DOUBLE = (
    'Write a quote within quotes twice (""), or if quotes have no meaning in this file, set quote = "" under '
    '[source] in the mapping file (--quote "").'
)
_BLANK = (
    "A blank stands before the quote, so it does not open the cell. "
    "Remove the blanks between delimiters and quotes."
)


def explain_stray(text: str) -> str:
    """What to do about a quote that stands where none should.

    Args:
        text: what holds a mark of such a quote (`loader.sources.quoting`).
    """
    before, mark, _ = text.partition(AFTER_QUOTE)
    if not mark:
        return _BLANK if AFTER_BLANK in text else _DOUBLE
    return ESCAPED if before.endswith(("\\", '\\"')) else f"Text stands behind a closing quote. {_DOUBLE}"


def find_strays(table: pa.Table) -> dict[int, str]:
    """The rows with a quote that stands where none should, with the reason."""
    found: dict[int, str] = {}
    for name, column in zip(table.schema.names, table.columns, strict=True):
        for mark in (AFTER_QUOTE, AFTER_BLANK):
            mask = pc.match_substring(column, mark).fill_null(fill_value=False)
            rows = np.flatnonzero(mask.to_numpy()).tolist()
            for row, cell in zip(rows, column.filter(mask).to_pylist(), strict=True):
                shown = cell.replace(AFTER_QUOTE, '"').replace(AFTER_BLANK, "")
                rest = f': column "{name}": {quote(shown)}. {explain_stray(cell)}'
                found.setdefault(row, Unreadable.of("a quote stands where none should", rest))
    return found


def refuse_stray(names: Sequence[str], where: str) -> None:
    """Refuse a header with a quote that stands where none should.

    Raises:
        SourceError: it is such a header.
    """
    for name in names:
        if AFTER_QUOTE in name or AFTER_BLANK in name:
            shown = name.replace(AFTER_QUOTE, '"').replace(AFTER_BLANK, "")
            raise SourceError(
                Message(
                    "{where}: in the header a quote stands where none should: {shown}. Is the delimiter "
                    "wrong? "
                    "Then give {delimiter}, for example {delimiter} space. {advice}",
                    where=where,
                    shown=quote(shown),
                    delimiter=Setting("delimiter"),
                    advice=explain_stray(name),
                )
            )
