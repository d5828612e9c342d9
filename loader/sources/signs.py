r"""What the beginning of a text file shows of how it is written; and what it seems to be, if it is no table.

Only signs that leave one reading decide anything. All others are named, with the setting that decides.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from loader.errors import SourceError
from loader.message import Message, Setting
from loader.sources.advice import advise
from loader.sources.textforms import BACKSLASH, HIVE, has_no_quotes, holds_nothing
from loader.sources.trial import try_form
from loader.text.escape import quote as show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.sources.trial import Trial

_PROPER = re.compile(r'(?:^|\t)"(?:[^\n]*[^\n"])?"(?:\t|\r?$)', re.MULTILINE)
# A word, or words, as columns are named: without a digit at the beginning, without a sign of a value.
_NAME = re.compile(r"[^\W\d][\w .:/()\[\]#%$-]*")
# Below the names: of psql, and of sqlcmd and SQL*Plus. One column alone has no sign that is sure.
_DRAWN = re.compile(r"-+(?:\+-+)+|-{2,}(?: +-{2,})+ *")
_MOST_ABOVE = 20  # lines of a banner that are looked for
_FEW = 3
VALUE = re.compile(
    r"[+-]?\d+([.,]\d+)*|\d{4}-\d\d-\d\d([T ].*)?|[^@\s]+@[^@\s]+\.\w+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-.*"
)


def decide_quote(text: str, delimiter: str, escape: str = "") -> str:
    """The quote of a file for which none is given: none, if it surely has none.

    With an escape, or in a database's text form, there are none if the text fits only without. Hive, whose
    delimiter stands in no cell, has none, or some other program put them around all cells. In other
    tab-separated files there are quotes, but on no line one that opens a cell before one that closes a cell;
    nor are they around line ends that fit well.
    """
    if '"' not in text:
        return '"'
    if (escape or holds_nothing(text, delimiter)) and has_no_quotes(text, delimiter, escape or BACKSLASH):
        return ""
    if delimiter == HIVE:
        return '"' if is_all_quoted(text, delimiter, '"') else ""
    if delimiter != "\t" or _PROPER.search(text):
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


def refuse_drawn(name: str, text: str) -> None:
    """Refuse a table that psql or sqlcmd drew for people: cells are padded, and line ends in them are lost.

    Raises:
        SourceError: it is such a table.
    """
    header, _, rest = text.partition("\n")
    rule = rest.partition("\n")[0].rstrip("\r")
    if not _DRAWN.fullmatch(rule):
        return
    columns = [len(part) for part in re.split("[+ ]", rule)]
    if "+" in rule and [len(part) for part in header.rstrip("\r").split("|")][:-1] != columns[:-1]:
        return
    raise SourceError(
        f"{name}: is a table that was drawn for people: a line is drawn below the names, and cells are "
        "padded with blanks. Export it with psql --csv in place of psql, or with bcp in place of sqlcmd."
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
