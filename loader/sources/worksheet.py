"""What stands in the XML of a sheet beside its values, by ECMA-376 part 1, sections 18.3 and 18.8."""

from __future__ import annotations

import posixpath
import re
import zipfile
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, TypeAlias
from xml.etree import ElementTree

from loader.message import Message
from loader.model import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_PADDED = re.compile(r"0{2,}")
_WHOLE = re.compile(r"\d+(\.0*)?")
_UNSHOWN = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.')  # texts, colours and single signs in a format
_DAY_AND_TIME = "22"  # the only built-in format of both
_LONG = re.compile(r"-?\d{16,}")


@dataclass(frozen=True, slots=True)
class Mark:
    """What a cell shows although its value says otherwise, or why it shows nothing.

    Attributes:
        text: what it shows.
        fault: why it cannot be read, or None.
        at_midnight: a day that is shown with its time of day, which is 0:00.
    """

    text: str = ""
    fault: Unreadable | None = None
    at_midnight: bool = False


@dataclass(frozen=True, slots=True)
class Styles:
    """How cells are shown, by the number of their style.

    Attributes:
        padded: the digits of numbers that have zeros put in front.
        timed: those that show a day and a time.
    """

    padded: Mapping[str, int] = field(default_factory=dict)
    timed: frozenset[str] = frozenset()


Marks: TypeAlias = "dict[tuple[int, int], Mark]"  # by line and column, from 0


def read_marks(raw: IO[bytes], sheet: str) -> Marks:
    """The cells of a sheet that must not be read as their value, and those without one.

    Raises:
        KeyError, ValueError, OSError: it is not a whole workbook.
    """
    with zipfile.ZipFile(raw) as book:
        styles = _read_styles(book)
        with book.open(_find_part(book, sheet)) as part:
            return dict(_list_marks(part, styles))


def _find_part(book: zipfile.ZipFile, sheet: str) -> str:
    """Where the sheet lies in the archive."""
    workbook = _parse(book.read("xl/workbook.xml"))
    named = {each.get("name"): each.get(_RELATION) for each in workbook.iter(f"{_MAIN}sheet")}
    relations = _parse(book.read("xl/_rels/workbook.xml.rels"))
    target = {each.get("Id"): str(each.get("Target")) for each in relations}[named[sheet]]
    return target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")


def _read_styles(book: zipfile.ZipFile) -> Styles:
    """The styles whose cells show more than their value."""
    if "xl/styles.xml" not in book.namelist():
        return Styles()
    styles = _parse(book.read("xl/styles.xml"))
    codes = {str(each.get("numFmtId")): str(each.get("formatCode")) for each in styles.iter(f"{_MAIN}numFmt")}
    used = styles.find(f"{_MAIN}cellXfs")
    formats = [str(each.get("numFmtId")) for each in used] if used is not None else []
    return Styles(
        {
            str(at): len(codes[each])
            for at, each in enumerate(formats)
            if _PADDED.fullmatch(codes.get(each, ""))
        },
        frozenset(str(at) for at, each in enumerate(formats) if _shows_day_and_time(each, codes)),
    )


def _shows_day_and_time(number: str, codes: Mapping[str, str]) -> bool:
    code = _UNSHOWN.sub("", codes.get(number, "")).lower()
    return number == _DAY_AND_TIME or ("h" in code and bool({"d", "y"} & set(code)))


def _parse(content: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(content)  # noqa: S314 - expat bounds what entities expand to


def _list_marks(part: IO[bytes], styles: Styles) -> Iterator[tuple[tuple[int, int], Mark]]:
    line = column = -1
    rows: ElementTree.Element | None = None
    for event, element in ElementTree.iterparse(part, ("start", "end")):  # noqa: S314 - as `_parse`
        if event == "start" and element.tag == f"{_MAIN}sheetData":
            rows = element
        elif event == "start" and element.tag == f"{_MAIN}row":
            line, column = int(element.get("r") or line + 2) - 1, -1
        elif event == "end" and element.tag == f"{_MAIN}c":
            column = _read_column(element.get("r")) if element.get("r") else column + 1
            mark = _mark_cell(element, styles)
            if mark is not None:
                yield (line, column), mark
        elif event == "end" and element.tag == f"{_MAIN}row" and rows is not None:
            rows.clear()  # a sheet has up to a million of them


def _mark_cell(cell: ElementTree.Element, styles: Styles) -> Mark | None:
    kind, value = cell.get("t", "n"), cell.findtext(f"{_MAIN}v") or ""
    if kind == "e":
        where = f" in cell {cell.get('r')}. Fix the formula there."
        return Mark(fault=Unreadable.of(Message("the row has the error {error}", error=value), where))
    if not value and cell.find(f"{_MAIN}f") is not None:
        where = f" in cell {cell.get('r')}. Open the workbook in a spreadsheet program and save it there."
        return Mark(fault=Unreadable.of("the row has a formula without a result", where))
    if kind != "n" or not value:
        return None
    if (width := styles.padded.get(cell.get("s", ""))) and value.isascii() and value.isdigit():
        return Mark(value.zfill(width))
    if cell.get("s", "") in styles.timed and _WHOLE.fullmatch(value):
        return Mark(at_midnight=True)
    return Mark(value) if _LONG.fullmatch(value) else None


def _read_column(reference: str | None) -> int:
    """The column of a cell reference such as ``AB12``, from 0."""
    number = 0
    for letter in (reference or "").rstrip("0123456789"):
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1
