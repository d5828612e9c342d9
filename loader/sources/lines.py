"""Whether the lines of a record look like rows of the table themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from loader.sources.quoting import AFTER_QUOTE

if TYPE_CHECKING:
    from collections.abc import Sequence

_LINE_END = re.compile(r"\r\n|\r|\n")
# Of the lines in a long record this many in a hundred may be ragged, or hold delimiters within quotes.
_OTHERS = 10


def count_lines(text: str, delimiter: str, width: int, *, exact: bool) -> int:
    """How many rows of the table a record seems to be, or 0 if it is one.

    Args:
        text: the record, without quotes around cells if it is exact.
        delimiter: between cells.
        width: cells of a row.
        exact: whether a line with more delimiters is none of the table.
    """
    lines = split_lines(text)
    if len(lines) < 2 or (exact and _is_prose(_split_quoted(text), delimiter)):
        return 0
    counts = [line.count(delimiter) for line in lines]
    fitting = sum(count == width - 1 or (not exact and count >= width) for count in counts)
    return len(lines) if (len(lines) - fitting) * 100 <= len(lines) * _OTHERS else 0


def split_lines(text: str) -> list[str]:
    """The lines of a record, whatever ends them."""
    return _LINE_END.split(text)


def _split_quoted(text: str) -> list[str]:
    """The lines up to the text behind a closing quote: from there on a quote is a character like others."""
    return split_lines(text.partition(AFTER_QUOTE)[0])


def _is_prose(lines: Sequence[str], delimiter: str) -> bool:
    """Whether lines within quotes are surely not rows.

    A quote within one of their cells had to be written twice, which nobody does in a row without quotes. And
    in a sentence a blank follows each comma, which in the table itself is not so.
    """
    cells = [cell for line in lines[1:] for cell in line.split(delimiter)]
    if any('"' in cell and cell != '"' for cell in cells):
        return True
    after = [rest for line in lines[1:] for rest in line.split(delimiter)[1:]]
    within = lines[0].split(delimiter)[1:]
    return bool(after) and all(map(_begins_blank, after)) and not all(map(_begins_blank, within))


def _begins_blank(text: str) -> bool:
    return text.startswith(" ")
