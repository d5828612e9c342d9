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
HIVE = "\x01"
_OF_DATABASES = f"\t{HIVE}"
_PROPER = re.compile(r'(?:^|\t)"(?:[^\n]*[^\n"])?"(?:\t|\r?$)', re.MULTILINE)
_NEEDLESS = re.compile(r'"[^"\s,;|\x01]+"')
_PAIR = re.compile(r"\\(.?)", re.DOTALL)
PATH = re.compile(r"(?<![A-Za-z])[A-Za-z]:\\(?!\\)")  # with one backslash: a database would double it
SURE_PAIRS = frozenset("N\\tnr0bfv\n\t")
# A word, or words, as columns are named: without a digit at the beginning, without a sign of a value.
_NAME = re.compile(r"[^\W\d][\w .:/()\[\]#%$-]*")
# Below the names: of psql, and of sqlcmd and SQL*Plus. One column alone has no sign that is sure.
_DRAWN = re.compile(r"-+(?:\+-+)+|-{2,}(?: +-{2,})+ *")
_END_MARK = re.compile(r"^\\\.\r?$", re.MULTILINE)  # what pg_dump writes below the rows
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
    if (escape or _holds_nothing(text, delimiter)) and _has_no_quotes(text, delimiter, escape or BACKSLASH):
        return ""
    if delimiter == HIVE:
        return '"' if is_all_quoted(text, delimiter, '"') else ""
    if delimiter != "\t" or _PROPER.search(text):
        return '"'
    trial = try_form(text, delimiter, '"')
    lines = any("\n" in (cell or "") for row in [trial.first, *trial.rows] for cell in row)
    return '"' if lines and not (trial.faults or trial.swallowed) else ""


def _has_no_quotes(text: str, delimiter: str, escape: str) -> bool:
    """Whether a text with an escape fits without quotes, and with them not, or has some that need none.

    Programs put quotes around all cells of a column, or around those that need them. So quotes around some,
    with nothing between them that needs any, are characters like others.
    """
    bare, quoted = (
        try_form(text, delimiter, quote, escape, find_line_end(text, delimiter, quote, escape))
        for quote in ("", '"')
    )
    if bare.faults > len(_END_MARK.findall(text)) or not bare.cells:
        return False
    if quoted.faults or quoted.swallowed or not quoted.cells:
        return True
    return any(_mixes_quotes([cell for cell in column if cell]) for column in zip(*bare.rows, strict=True))


def _mixes_quotes(cells: Sequence[str]) -> bool:
    needless = [cell for cell in cells if _NEEDLESS.fullmatch(cell)]
    return bool(needless) and any(not cell.startswith('"') for cell in cells)


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
    if not _holds_nothing(text, delimiter) or not _is_sure(text, delimiter):
        return ""
    return "" if delimiter == HIVE and not _holds_only_nothing(text) else BACKSLASH


def _holds_only_nothing(text: str) -> bool:
    r"""Whether each backslash is that of ``\N``: Hive protects others only if its table says so."""
    return set(_PAIR.findall(text)) <= {"N"}


def _holds_nothing(text: str, delimiter: str) -> bool:
    r"""Whether a delimiter of databases' text forms divides a text, and some cell is ``\N``."""
    if delimiter not in _OF_DATABASES or "\\N" not in text:
        return False
    return any(cell == "\\N" for line in split_lines(text) for cell in line.split(delimiter))


def _is_sure(text: str, delimiter: str) -> bool:
    """Whether no backslash stands where databases' text forms have none."""
    return all(pair in SURE_PAIRS | {delimiter} for pair in _PAIR.findall(_END_MARK.sub("", text)))


def find_line_end(text: str, delimiter: str, quote: str, escape: str) -> str:
    """What alone ends a row of a database's text form; "" if any line end does.

    A database protects what ends its rows, and writes any other line end as it is.
    """
    ends = _find_line_ends(text, delimiter, quote, escape)
    if ends == {"\n"}:
        return "lf"
    return "" if len(ends) < 2 else _try_line_ends(text, delimiter, quote, escape)


def _find_line_ends(text: str, delimiter: str, quote: str, escape: str) -> set[str]:
    """The line ends that are neither protected nor within quotes."""
    sign = f"{re.escape(escape)}." if escape else "(?!)"
    start, other = re.escape(delimiter), re.escape(quote + escape)
    cell = f"(?:(?<=[{start}\\r\\n])|\\A){quote}(?:{sign}|[^{other}])*+{quote}" if quote else "(?!)"
    found = re.finditer(f"{sign}|{cell}|(\r?\n|\r)", text, re.DOTALL)
    return {end[1] for end in found if end[1]}


def _try_line_ends(text: str, delimiter: str, quote: str, escape: str) -> str:
    """The line end with which a text fits that has several; "" if it fits with none."""
    for line_end in ("lf", "crlf"):
        trial = try_form(text, delimiter, quote, escape, line_end)
        if trial.rows and not trial.faults and not trial.swallowed:
            return line_end
    return ""


def find_torn_delimiter(text: str, delimiters: str, quote: str) -> str:
    """The delimiter by which a text with torn rows divides if an escape or a line end is given; or ""."""
    lf = "lf" if BACKSLASH in text else ""
    for escape, line_end in ((BACKSLASH, lf), ("", "crlf"), ("", "lf")):
        if line_end and (escape or {"\r", "\n"} <= set(text)):
            trials = {
                sign: try_form(text, sign, quote, escape, line_end) for sign in delimiters if sign in text
            }
            dividing = [sign for sign, trial in trials.items() if trial.divides and not trial.faults]
            if len(dividing) == 1:
                return dividing[0]
    return ""


def refuse_line_ends(name: str, text: str, delimiter: str, quote: str) -> None:
    """Refuse a file that does not fit together, and does so if only one kind of line end ends a row.

    Raises:
        SourceError: it is such a file.
    """
    if len(_find_line_ends(text, delimiter, quote, "")) < 2 or not try_form(text, delimiter, quote).faults:
        return
    line_end = _try_line_ends(text, delimiter, quote, "")
    if not line_end:
        return
    raise SourceError(
        Message(
            "{name}: the file has several kinds of line ends. Rows at its beginning fit the table only if "
            "{kind} alone ends a row, and others belong to cells. {advice}.",
            name=name,
            kind="a line feed" if line_end == "lf" else "a carriage return with a line feed",
            advice=advise("Give", "line_end", f'"{line_end}"', line_end),
        )
    )


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


def refuse_pairs(name: str, text: str, delimiter: str, quote: str) -> None:
    """Refuse a file that may be a database's text form, but has no sign that only this form has.

    Raises:
        SourceError: it is such a file.
    """
    if not may_escape(delimiter) or BACKSLASH not in text or not _is_sure(text, delimiter):
        return
    if PATH.search(text):
        return
    if quote and quote in text and not _has_no_quotes(text, delimiter, BACKSLASH):
        return
    raise explain_pairs(name)


def may_escape(delimiter: str) -> bool:
    """Whether databases write text with backslashes and this delimiter."""
    return delimiter in f"{_OF_DATABASES}|"


def explain_pairs(place: str) -> SourceError:
    """Why a file whose backslashes can mean two things is refused; `place` begins with its name."""
    return SourceError(
        Message(
            "{place}: what follows each backslash in it may be what databases write for a line end, a tab or "
            'a backslash. {advice}. If a backslash is a character like others, give {setting} "".',
            place=place,
            advice=advise("If mysql --batch, COPY or Hive wrote it, give", "escape", '"\\\\"', "'\\'"),
            setting=Setting("escape"),
        )
    )


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
    plain = try_form(text, delimiter, quote)
    line_end = find_line_end(text, delimiter, quote, BACKSLASH)
    escaped = try_form(text, delimiter, quote, BACKSLASH, line_end)
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
