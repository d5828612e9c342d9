r"""What the beginning of a text file shows of how it is written; and what it seems to be, if it is no table.

Only signs that leave one reading decide anything. All others are named, with the setting that decides.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from loader.errors import SourceError
from loader.message import Message, Setting
from loader.sources.advice import advise
from loader.sources.lines import split_lines
from loader.sources.trial import try_form
from loader.text.escape import quote as show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.sources.trial import Trial

BACKSLASH = "\\"
# Delimiters of databases' text forms, which have no quotes: mysql --batch, COPY, Hive.
_OF_DATABASES = "\t\x01"
_PROPER = re.compile(r'(?:^|\t)"(?:[^\n]*[^\n"])?"(?:\t|\r?$)', re.MULTILINE)
_PAIR = re.compile(r"\\(.?)", re.DOTALL)
_SURE_PAIRS = frozenset("N\\tnr0bfv\n\t")
# A word, or words, as columns are named: without a digit at the beginning, without a sign of a value.
_NAME = re.compile(r"[^\W\d][\w .:/()\[\]#%$-]*")
_MOST_ABOVE = 20  # lines of a banner that are looked for
_FEW = 3
VALUE = re.compile(
    r"[+-]?\d+([.,]\d+)*|\d{4}-\d\d-\d\d([T ].*)?|[^@\s]+@[^@\s]+\.\w+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-.*"
)


def decide_quote(text: str, delimiter: str) -> str:
    """The quote of a file for which none is given: none, if it is tab-separated and surely has none.

    Then there are quotes, but on no line one that opens a cell before one that closes a cell; nor are they
    around line ends that fit well.
    """
    if delimiter != "\t" or '"' not in text or _PROPER.search(text):
        return '"'
    trial = try_form(text, delimiter, '"')
    lines = any("\n" in (cell or "") for row in [trial.first, *trial.rows] for cell in row)
    return '"' if lines and not (trial.faults or trial.swallowed) else ""


def is_all_quoted(text: str, delimiter: str, quote: str) -> bool:
    """Whether each cell of the first record has quotes around it, and each below it that is not empty.

    Names in quotes alone say nothing of the rows: many programs quote the header and what is no number.
    """
    if not quote:
        return False
    sign, between = re.escape(quote), re.escape(delimiter)
    cell = f"{sign}(?:[^{sign}]|{sign}{sign})*+{sign}"
    first = rf"[\ufeff\r\n]*+{cell}(?:{between}{cell})*+"
    other = rf"[\r\n]++(?:{cell})?+(?:{between}(?:{cell})?+)*+"
    return re.fullmatch(rf"{first}(?:{other})*+", text) is not None


def decide_escape(text: str, delimiter: str, quote: str) -> str:
    r"""The escape of a file for which none is given: a backslash, if it is surely a database's text form.

    Then a delimiter of these forms divides it, some cell is ``\N``, and no backslash stands where these forms
    have none.
    """
    if delimiter not in _OF_DATABASES or BACKSLASH not in text or (quote and quote in text):
        return ""
    cells = (cell for line in split_lines(text) for cell in line.split(delimiter))
    if not any(cell == "\\N" for cell in cells):
        return ""
    return BACKSLASH if all(pair in _SURE_PAIRS | {delimiter} for pair in _PAIR.findall(text)) else ""


def refuse_escapes(name: str, text: str, delimiter: str, quote: str, cells: int) -> None:
    r"""Refuse a file that does not fit together, and does so if backslashes protect what follows them.

    Args:
        name: of the file.
        text: its beginning.
        delimiter: between cells.
        quote: around cells, or "".
        cells: how many a record has, if that is known from names; or 0.

    Raises:
        SourceError: it is such a file.
    """
    if BACKSLASH not in text or BACKSLASH in (delimiter, quote):
        return
    plain, escaped = (try_form(text, delimiter, quote, escape) for escape in ("", BACKSLASH))
    torn = plain.faults + (cells not in (0, plain.cells))
    if not torn or escaped.faults or cells not in (0, escaped.cells):
        return
    raise SourceError(
        Message(
            "{name}: the file seems to escape with backslashes: without that, rows at its beginning do "
            "not fit "
            "the table, and with it all do. {advice}. If a backslash is a character like others, give "
            '{setting} "".',
            name=name,
            advice=advise("Give", "escape", '"\\\\"', "'\\'"),
            setting=Setting("escape"),
        )
    )


def refuse_lines_above(name: str, text: str, delimiters: str, quote: str, escape: str) -> None:
    """Refuse a file with lines above its header, in which the header is taken for a row.

    Raises:
        SourceError: it is such a file.
    """
    rest, above = text, 0
    while above < _MOST_ABOVE and "\n" in rest:
        rest, above = rest.partition("\n")[2], above + 1
        for delimiter in delimiters:
            trial = try_form(rest, delimiter, quote, escape)
            if trial.divides and not trial.faults and looks_like_header(trial.first, trial.rows):
                raise _above(name, text, above, trial)


def _above(name: str, text: str, above: int, trial: Trial) -> SourceError:
    first = text.partition("\n")[0].strip("\ufeff\r")
    lines = "the first line is" if above == 1 else f"the first {above} lines are"
    return SourceError(
        Message(
            "{name}: {lines} not of the table: line 1 is {first}, and from line {next} on each has "
            "{cells} cells. "
            "{advice}.",
            name=name,
            lines=lines,
            first=show(first),
            next=above + 1,
            cells=trial.cells,
            advice=advise("To skip what stands above the header, give", "skip_rows", str(above)),
        )
    )


def refuse_ends(name: str, trial: Trial) -> None:
    """Refuse a file in which each row ends with a delimiter, and the header does not.

    Raises:
        SourceError: it is such a file.
    """
    rows, names = trial.ragged.total(), [cell or "" for cell in trial.first]
    if trial.other != trial.cells + 1 or trial.ended < rows:
        return
    spare = next(word for word in ("rest", "more", "spare") if word not in names)
    raise SourceError(
        Message(
            "{name}: each row ends with a delimiter, and the header does not: it has {cells} columns, "
            "and the first "
            "{rows:,} rows have {other} cells. Name one column more: {columns} {names} {header} "
            "(columns = [...] "
            "and header = true under [source] in the mapping file).",
            name=name,
            cells=trial.cells,
            rows=rows,
            other=trial.other,
            columns=Setting("columns"),
            names=",".join([*names, spare]),
            header=Setting("header"),
        )
    )


def looks_like_header(first: Sequence[str | None], rows: Sequence[Sequence[str | None]]) -> bool:
    """Whether a record holds names, and the rows below it other things.

    The names are words without a digit at their beginning, each once. Below one of them at least, all cells
    are values, or hold a digit while the name has none.
    """
    names = [(cell or "").strip("\ufeff \t") for cell in first]
    if not names or len(set(names)) < len(names) or not all(map(_NAME.fullmatch, names)):
        return False
    if any(VALUE.fullmatch(name) for name in names):
        return False
    if not rows:
        return True
    return any(_differs(name, column) for name, column in zip(names, zip(*rows, strict=False), strict=False))


def _differs(name: str, column: Sequence[str | None]) -> bool:
    cells = [cell for cell in column if cell]
    if not cells or name in cells or any(sign.isdigit() for sign in name):
        return False
    return all(any(sign.isdigit() for sign in cell) for cell in cells)
