r"""The text forms of databases: which file is one, what ends its rows, and which signs it protects.

They are what COPY, ``mysql --batch``, INTO OUTFILE, UNLOAD and Hive write (`escapes` reads them). As in
`signs`, only what leaves one reading decides anything; all else is named, with the setting that decides.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from loader.errors import SourceError
from loader.message import Message, Setting
from loader.sources.advice import advise
from loader.sources.lines import split_lines
from loader.sources.trial import try_form

if TYPE_CHECKING:
    from collections.abc import Sequence

BACKSLASH = "\\"
# Delimiters of databases' text forms, which have no quotes: mysql --batch, COPY, Hive.
HIVE = "\x01"
_OF_DATABASES = f"\t{HIVE}"
_NEEDLESS = re.compile(r'"[^"\s,;|\x01]+"')
_PAIR = re.compile(r"\\(.?)", re.DOTALL)
PATH = re.compile(r"(?<![A-Za-z])[A-Za-z]:\\(?!\\)")  # with one backslash: a database would double it
SURE_PAIRS = frozenset("N\\tnr0bfv\n\t")
_END_MARK = re.compile(r"^\\\.\r?$", re.MULTILINE)  # what pg_dump writes below the rows


def has_no_quotes(text: str, delimiter: str, escape: str) -> bool:
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


def decide_escape(text: str, delimiter: str, quote: str) -> str:
    r"""The escape of a file for which none is given: a backslash, if it is surely a database's text form.

    Then a delimiter of these forms divides it, some cell is ``\N``, and no backslash stands where these forms
    have none.
    """
    if delimiter not in _OF_DATABASES or BACKSLASH not in text or (quote and quote in text):
        return ""
    if not holds_nothing(text, delimiter) or not _is_sure(text, delimiter):
        return ""
    return "" if delimiter == HIVE and not _holds_only_nothing(text) else BACKSLASH


def _holds_only_nothing(text: str) -> bool:
    r"""Whether each backslash is that of ``\N``: Hive protects others only if its table says so."""
    return set(_PAIR.findall(text)) <= {"N"}


def holds_nothing(text: str, delimiter: str) -> bool:
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


def refuse_pairs(name: str, text: str, delimiter: str, quote: str) -> None:
    """Refuse a file that may be a database's text form, but has no sign that only this form has.

    Raises:
        SourceError: it is such a file.
    """
    if not may_escape(delimiter) or BACKSLASH not in text or not _is_sure(text, delimiter):
        return
    if PATH.search(text):
        return
    if quote and quote in text and not has_no_quotes(text, delimiter, BACKSLASH):
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
