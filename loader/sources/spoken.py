"""How a text file is written: what is given, the rest found from its beginning; or the file is refused."""

from __future__ import annotations

import codecs
import io
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import csv

from loader.dialect import Dialect
from loader.errors import SourceError
from loader.sources.csvreader import Batches
from loader.sources.textfile import TextFile
from loader.text.escape import quote

if TYPE_CHECKING:
    from typing import Literal

    from loader.sources.content import Content

HEAD = 1 << 16
_SHOWN = {"\t": "tab", " ": "space", ",": "comma", ";": "semicolon", "|": "pipe"}
_DELIMITERS = ",;\t|"
_MARKS = {  # the longer ones first: a UTF-32 mark begins with a UTF-16 mark
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_SEPARATOR_LINE = re.compile(r'\ufeff?"?sep=(.)"?\r?\n', re.IGNORECASE)
_VALUE = re.compile(
    r"[+-]?\d+([.,]\d+)*|\d{4}-\d\d-\d\d([T ].*)?|[^@\s]+@[^@\s]+\.\w+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-.*"
)
# A delimiter with more ragged records in a hundred than this is not the file's.
_RAGGED = 10


@dataclass(frozen=True, slots=True)
class Spoken:
    """How a text file is read, with nothing left open.

    Attributes:
        delimiter, quote, encoding, header: as in `Dialect`.
        columns: names in place of the header's, or ().
        start: bytes before the header or the first record (of a line ``sep=;``).
    """

    delimiter: str
    quote: str
    encoding: str
    header: bool
    columns: tuple[str, ...] = ()
    start: int = 0

    @property
    def written(self) -> str:
        """For the user and for the checkpoint, as a mapping file would write it."""
        return Dialect(self.delimiter, self.quote, self.encoding, self.header, self.columns).written


def settle_form(content: Content, dialect: Dialect, usual: str) -> Spoken:
    """Settle how a file is read; `usual` is the delimiter that its name promises.

    Raises:
        SourceError: it is empty, or what was not given is not clear.
    """
    head = content.head(HEAD)
    encoding = _find_encoding(content.name, head, dialect.encoding)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    if not text.strip("\ufeff\r\n\t "):
        raise SourceError(f"{content.name}: is empty, it has not even a header. Was the export cut off?")
    given = replace(dialect, encoding=encoding)
    start = 0
    if line := _SEPARATOR_LINE.match(text):
        given = replace(given, delimiter=dialect.delimiter or line[1])
        start, text = len(line[0].encode(encoding)), text[line.end() :]
    if len(head) == HEAD:
        text = text[: text.rfind("\n") + 1] or text
    quote = given.quote if given.quote is not None else '"'
    delimiter = given.delimiter or _find_delimiter(content.name, text, quote, usual)
    found = Spoken(delimiter, quote, encoding, header=True, columns=given.columns, start=start)
    return _decide_header(content.name, found, given.header, _read_first_record(text, found))


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
    if marked == "utf-32" or head[:4].count(0) == 3:
        raise SourceError(
            f"{name}: the file is UTF-32 (it begins with the bytes {head[:4].hex(' ')}). "
            "Convert it: iconv -f UTF-32 -t UTF-8."
        )
    if marked is None and head.count(0) * 3 >= len(head) > 0:
        guess = "utf-16-le" if head[1:2] == b"\0" else "utf-16-be"
        raise SourceError(
            f"{name}: the file is UTF-16 without a byte order mark, or not text at all (it begins with the "
            f"bytes {head[:8].hex(' ')}). If it is text, give the encoding: --encoding {guess}, "
            f'or encoding = "{guess}" under [source] in the mapping file.'
        )
    return marked or "utf-8"


@dataclass(slots=True)
class _Trial:
    """What a delimiter makes of the beginning of a file: cells of the first record, records, ragged ones."""

    cells: int = 0
    records: int = 0
    ragged: int = 0

    def __call__(self, _row: csv.InvalidRow) -> Literal["skip"]:
        self.ragged += 1
        return "skip"


def _try_delimiter(text: str, delimiter: str, quote: str) -> _Trial:
    trial = _Trial()
    try:
        table = csv.read_csv(
            _copy_for_arrow(text.encode()),
            read_options=csv.ReadOptions(
                use_threads=False, block_size=HEAD * 4, autogenerate_column_names=True
            ),
            parse_options=csv.ParseOptions(
                delimiter=delimiter,
                quote_char=quote or False,
                newlines_in_values=bool(quote),
                invalid_row_handler=trial,
            ),
            convert_options=csv.ConvertOptions(check_utf8=False),
        )
    except pa.ArrowInvalid:
        return trial
    trial.cells, trial.records = table.num_columns, table.num_rows
    return trial


def _copy_for_arrow(text: bytes) -> pa.Buffer:
    """A copy that Arrow's threads can drop without Python, even while the interpreter ends."""
    memory = pa.BufferOutputStream()
    memory.write(text)
    return memory.getvalue()


def _find_delimiter(name: str, text: str, quote: str, usual: str) -> str:
    """The one delimiter that makes a table of the beginning; the usual one, if none divides anything."""
    trials = {sign: _try_delimiter(text, sign, quote) for sign in _DELIMITERS}
    dividing = {sign: trial for sign, trial in trials.items() if trial.cells > 1}
    if len(dividing) > 1:
        dividing = {
            sign: trial for sign, trial in dividing.items() if trial.ragged * 100 <= trial.records * _RAGGED
        }
    if not dividing:
        return usual
    if len(dividing) == 1:
        return next(iter(dividing))
    ways = " or ".join(f"{_SHOWN[sign]} ({trial.cells} columns)" for sign, trial in dividing.items())
    first = next(iter(dividing))
    raise SourceError(
        f"{name}: the delimiter can be {ways}. Give the right one: --delimiter {_SHOWN[first]}, "
        f'or delimiter = "{_SHOWN[first]}" under [source] in the mapping file.'
    )


def _read_first_record(text: str, found: Spoken) -> list[str]:
    """The cells of the first record, as far as it stands in the beginning of the file."""
    beginning = TextFile(io.BytesIO(text.encode()))
    try:
        with Batches(beginning, found, HEAD * 4, _Trial()) as batches:
            return list(batches.names)
    except pa.ArrowInvalid:
        return []


def _decide_header(name: str, found: Spoken, given: bool | None, first: list[str]) -> Spoken:  # noqa: FBT001
    """Whether the first record is a header: as given; without names, if it cannot be data."""
    if given is not None:
        return replace(found, header=given)
    if found.columns:
        return replace(found, header=list(found.columns) == first)
    values = [cell for cell in first if _VALUE.fullmatch(cell)]
    if values:
        raise SourceError(
            f"{name}: the first row holds {quote(values[0])}, which looks like a value and not like the name "
            "of a column. If the file has no header, give the names: --columns user_id,device_id,... If that "
            "is a name, give --header (or header = true under [source] in the mapping file)."
        )
    return found
