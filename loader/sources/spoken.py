"""How a text file is written: what is given, the rest found from its beginning; or the file is refused."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from loader.dialect import Dialect
from loader.encoding import count_bytes
from loader.errors import SourceEmpty, SourceError
from loader.message import Message, Quote, Setting, SourceKey
from loader.sources.advice import advise
from loader.sources.cover import Cover
from loader.sources.signs import (
    VALUE,
    decide_quote,
    is_all_quoted,
    looks_like_header,
    refuse_drawn,
    refuse_ends,
    refuse_lines_above,
)
from loader.sources.textforms import (
    HIVE,
    decide_escape,
    find_line_end,
    find_torn_delimiter,
    may_escape,
    refuse_escapes,
    refuse_line_ends,
    refuse_pairs,
)
from loader.sources.trial import HEAD, try_form
from loader.text.escape import quote

if TYPE_CHECKING:
    from loader.sources.content import Content
    from loader.sources.trial import Trial

_SHOWN = {"\t": "tab", " ": "space", ",": "comma", ";": "semicolon", "|": "pipe"}
_DELIMITERS = ",;\t|" + HIVE
# What switches to another set of characters, by ECMA-35 and RFC 1468, 1554 and 1557. No other text has it.
_SHIFTS = re.compile(rb"\x1b(\$[@AB]|\$\([CDOPQ]|\([JI]|\$\)C)")
_LATER = {b"$(O", b"$(P", b"$(Q", b"(I"}
_MARKS = {  # the longer ones first: a UTF-32 mark begins with a UTF-16 mark
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
# Other than for Python's splitlines(), a form feed or U+2028 within a banner ends no line.
_LINE = re.compile(r"[^\r\n]*+(?:\r\n|\r|\n)|[^\r\n]+")
_SEPARATOR_LINE = re.compile(r'\ufeff?"?sep=(.)"?\r?\n', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Spoken:
    """How a text file is read, with nothing left open.

    Attributes:
        delimiter, quote, encoding, header: as in `Dialect`.
        columns: names in place of the header's, or ().
        start: bytes before the header or the first record (of a line ``sep=;``, and of lines that are
        skipped). escape: the character that protects the next one, or "".
        skip_rows, short_rows, line_end: as in `Dialect`.
        quote_given: whether the user said what the quote is.
        escape_open: whether a backslash that comes later may be an escape after all.
        all_quoted: whether each cell at the beginning has quotes, so that surely all have.
        replaced: whether a header before `start` was skipped, since more columns are named than it has.
    """

    delimiter: str
    quote: str
    encoding: str
    header: bool
    columns: tuple[str, ...] = ()
    start: int = 0
    escape: str = ""
    skip_rows: int | None = None
    short_rows: str | None = None
    line_end: str = ""
    quote_given: bool = False
    escape_open: bool = False
    all_quoted: bool = False
    replaced: bool = False

    @property
    def written(self) -> str:
        """For the user and for the checkpoint, as a mapping file would write it."""
        return Dialect(
            self.delimiter,
            self.quote,
            self.encoding,
            self.header or self.replaced,
            self.columns,
            escape=self.escape or None,
            skip_rows=self.skip_rows,
            short_rows=self.short_rows,
            line_end=self.line_end or None,
        ).written

    def make_cover(self, *, marks: bool = True) -> Cover:
        """What covers the text of one pass, from a place on at which a record begins; see `Cover`."""
        return Cover(self.delimiter, self.quote, self.escape, self.line_end, marks=marks)


def settle_form(content: Content, dialect: Dialect, usual: str) -> Spoken:
    """Settle how a file is read; `usual` is the delimiter that its name promises.

    Raises:
        SourceError: it is empty, or what was not given is not clear.
    """
    head = content.head(HEAD)
    encoding = _find_encoding(content.name, head, dialect.encoding)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    if not text.strip("\ufeff\r\n\t "):
        raise SourceEmpty(f"{content.name}: is empty, it has not even a header. Was the export cut off?")
    beginning = _Beginning(text, 0, replace(dialect, encoding=encoding), head)
    beginning = _skip_lines(content.name, beginning)
    if len(head) == HEAD:
        beginning = beginning.drop_last_line()
    if not beginning.settled:
        refuse_drawn(content.name, beginning.text)
    found = _settle_signs(content.name, beginning, usual)
    return _decide_header(content.name, found, beginning)


@dataclass(frozen=True, slots=True)
class _Beginning:
    """The beginning of a file, from the header or the first record on.

    Attributes:
        text: what stands there.
        start: bytes before it.
        given: what is known of how it is written.
        head: the first bytes of the file.
    """

    text: str
    start: int
    given: Dialect
    head: bytes

    @property
    def settled(self) -> bool:
        """Whether nothing is left to find out, as of a file that was read before."""
        given = self.given
        return None not in (given.delimiter, given.quote, given.encoding, given.header)

    def drop_last_line(self) -> _Beginning:
        """The same without a line that may be cut off, and without one in which a quote may be left open."""
        text = self.text[: self.text.rfind("\n") + 1] or self.text
        sign = self.given.quote if self.given.quote is not None else '"'
        if sign and text.count(sign) % 2:
            text = text[: text.rfind("\n", 0, text.rfind(sign)) + 1] or text
        return replace(self, text=text)

    def after(self, text: str) -> _Beginning:
        """What follows the text that this begins with."""
        start = self.start + count_bytes(text, str(self.given.encoding), self.head[self.start :])
        return replace(self, text=self.text[len(text) :], start=start)


def _skip_lines(name: str, beginning: _Beginning) -> _Beginning:
    """Skip a line that says the delimiter, and lines that the user says are not rows."""
    given = beginning.given
    if line := _SEPARATOR_LINE.match(beginning.text):
        delimiter = given.delimiter or line[1]
        beginning = replace(beginning, given=replace(given, delimiter=delimiter)).after(line[0])
    above = "".join(_LINE.findall(beginning.text)[: given.skip_rows or 0])
    beginning = beginning.after(above)
    if above and not beginning.text.strip():
        raise SourceError(
            f"{name}: nothing that can be a header is left after the {given.skip_rows} lines that are "
            f"skipped "
            f"(within the first {HEAD >> 10} KB)."
        )
    return beginning


def _settle_signs(name: str, beginning: _Beginning, usual: str) -> Spoken:
    """Settle delimiter, quote and escape."""
    given, text = beginning.given, beginning.text
    quote = given.quote if given.quote is not None else '"'
    delimiter = given.delimiter or _find_delimiter(name, text, quote, given.escape or "", usual)
    if given.quote is None:
        quote = decide_quote(text, delimiter, given.escape or "")
    escape = given.escape
    if escape is None:
        escape = "" if beginning.settled else decide_escape(text, delimiter, quote)
        # These text forms have no quotes.
        quote = "" if escape and given.quote is None else quote
    if given.escape is None and not escape and not beginning.settled:
        cells = len(given.columns) if given.header is False else 0
        refuse_escapes(name, text, delimiter, quote, cells)
        refuse_pairs(name, text, delimiter, quote)
        if given.line_end is None:
            refuse_line_ends(name, text, delimiter, quote)
    line_end = given.line_end or ""
    if escape and not line_end and not beginning.settled:
        line_end = find_line_end(text, delimiter, quote, escape)
    return Spoken(
        delimiter,
        quote,
        str(given.encoding),
        header=True,
        columns=given.columns,
        start=beginning.start,
        escape=escape,
        skip_rows=given.skip_rows,
        short_rows=given.short_rows,
        line_end=line_end,
        quote_given=given.quote is not None,
        escape_open=given.escape is None and not beginning.settled and _may_escape(text, delimiter, escape),
        all_quoted=is_all_quoted(text, delimiter, quote),
    )


def _may_escape(text: str, delimiter: str, escape: str) -> bool:
    """Whether a backslash that comes later leaves open what it means, though the beginning does not."""
    if escape:
        return delimiter == HIVE
    return "\\" not in text and may_escape(delimiter)


def _find_encoding(name: str, head: bytes, given: str | None) -> str:
    """The encoding that was given, or that of the byte order mark, or UTF-8, which every byte must prove."""
    marked = next((encoding for mark, encoding in _MARKS.items() if head.startswith(mark)), None)
    if given == "utf-16":
        if marked is None:
            raise SourceError(
                f"{name}: has no byte order mark, so the encoding must say which UTF-16 it is: "
                "utf-16-le (from Windows, mostly) or utf-16-be."
            )
        return marked
    if given is not None:
        return given
    if marked is None:
        _refuse_shifts(name, head)
    if marked == "utf-32" or head[:4].count(0) == 3:
        raise SourceError(
            f"{name}: the file is UTF-32 (it begins with the bytes {head[:4].hex(' ')}). "
            "Convert it: iconv -f UTF-32 -t UTF-8."
        )
    if marked is None and head.count(0) * 3 >= len(head) > 0:
        guess = "utf-16-le" if head[1:2] == b"\0" else "utf-16-be"
        raise SourceError(
            Message(
                "{name}: the file is UTF-16 without a byte order mark, or not text at all (it begins with "
                "the bytes {begin}). If it is text, {advice}.",
                name=name,
                begin=Quote(head[:8].hex(" ")),
                advice=advise("give the encoding:", "encoding", f'"{guess}"', guess),
            )
        )
    return marked or "utf-8"


def _refuse_shifts(name: str, head: bytes) -> None:
    """Refuse text that would pass as UTF-8, since it has no byte beyond ASCII, and means something else."""
    found = set(_SHIFTS.findall(head))
    if not found:
        return
    known = "ISO-2022-KR" if b"$)C" in found else "ISO-2022-JP-3" if found & _LATER else "ISO-2022-JP-2"
    raise SourceError(
        Message(
            "{name}: the file is ISO-2022 (it has escape sequences that switch between sets of characters), "
            "which cannot be read from a place within it. "
            "Convert it: iconv -f {known} -t UTF-8 FILE > NEW_FILE. If the cells are meant to hold such "
            "sequences, {advice}.",
            name=name,
            known=known,
            advice=advise("give", "encoding", '"utf-8"', "utf-8"),
        )
    )


def _find_delimiter(name: str, text: str, quote: str, escape: str, usual: str) -> str:
    """The one delimiter that makes a table of the beginning; the usual one, if none divides anything."""
    trials = {sign: try_form(text, sign, quote, escape) for sign in _DELIMITERS if sign in text}
    dividing = {sign: trial for sign, trial in trials.items() if trial.cells > 1}
    if len(dividing) > 1:
        dividing = {sign: trial for sign, trial in dividing.items() if trial.divides}
    if HIVE in dividing:  # no cell holds it
        return HIVE
    if not dividing and (torn := find_torn_delimiter(text, _DELIMITERS, quote)):
        return torn
    if not dividing:
        refuse_lines_above(name, text, _DELIMITERS, quote, escape)
        return usual
    if len(dividing) == 1:
        return next(iter(dividing))
    ways = " or ".join(f"{_SHOWN[sign]} ({trial.cells} columns)" for sign, trial in dividing.items())
    first = next(iter(dividing))
    raise SourceError(
        Message(
            "{name}: the delimiter can be {ways}. {advice}.",
            name=name,
            ways=ways,
            advice=advise("Give the right one:", "delimiter", f'"{_SHOWN[first]}"', _SHOWN[first]),
        )
    )


def _decide_header(name: str, found: Spoken, beginning: _Beginning) -> Spoken:
    """Whether the first record is a header: as given; without names, if it cannot be data."""
    given = beginning.given.header
    trial = try_form(beginning.text, found.delimiter, found.quote, found.escape, found.line_end)
    if given is False:
        return replace(found, header=False)
    if found.columns and given is None:
        return _decide_named(name, found, trial)
    if found.columns and len(found.columns) == trial.other != trial.cells:
        return _replace_header(found, beginning, trial)
    if given is None:
        _refuse_value(name, trial)
    if not beginning.settled and not found.short_rows:
        _refuse_no_table(name, found, beginning, trial)
    return found


def _decide_named(name: str, found: Spoken, trial: Trial) -> Spoken:
    """Whether there is a header, if the columns are named and nothing is said of a header."""
    first = [(cell or "").strip("\ufeff") for cell in trial.first]
    if list(found.columns) == first:
        return found
    if looks_like_header(first, trial.rows):
        raise SourceError(
            Message(
                "{name}: the first row ({first}) looks like a header, but names are given for the "
                "columns. If it "
                "is one, give {header}; if it is a row like the others, give {no_header} (header = true or "
                "header = false under [source] in the mapping file).",
                name=name,
                first=quote(found.delimiter.join(first)),
                header=Setting("header"),
                no_header=Setting("no_header"),
            )
        )
    return replace(found, header=False)


def _refuse_value(name: str, trial: Trial) -> None:
    """Refuse a file whose first record holds what cannot be the name of a column."""
    values = [cell for cell in trial.first if cell and VALUE.fullmatch(cell)]
    if values:
        raise SourceError(
            Message(
                "{name}: the first row holds {value}, which looks like a value and not like the name of a "
                "column. If the file has no header, give the names, for example {columns}. If that is a "
                "name, give {header} (or header = true under [source] in the mapping file).",
                name=name,
                value=Quote(quote(values[0])),
                columns=SourceKey("columns", '["user_id", "device_id"]', "user_id,device_id", brief=True),
                header=Setting("header"),
            )
        )


def _refuse_no_table(name: str, found: Spoken, beginning: _Beginning, trial: Trial) -> None:
    """Refuse a file in which no row fits the header, if there are signs of what it is."""
    if trial.other:
        refuse_lines_above(name, beginning.text, found.delimiter, found.quote, found.escape)
        refuse_ends(name, trial)


def _replace_header(found: Spoken, beginning: _Beginning, trial: Trial) -> Spoken:
    """Skip a header that has not as many names as the rows have cells, since all are given."""
    line = beginning.text[: beginning.text.find("\n") + 1]
    if try_form(line, found.delimiter, found.quote, found.escape, found.line_end).first != trial.first:
        return found  # a header of several lines; the number of names is refused later
    return replace(found, start=beginning.after(line).start, header=False, replaced=True)
