"""What a file is by its first bytes: JSON, a text of another kind, or something that is not read."""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass
from pathlib import PurePath

from loader.errors import SourceError

HEAD = 1 << 12  # bytes that are looked at

_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be", codecs.BOM_UTF8: "utf-8"}
# The beginning of an object, or of a list of objects; of Python's notation too, which is no JSON, but no CSV.
_JSON = re.compile(r"""\x1e?\s*\[?\s*\{\s*("(?:[^"\\]|\\.)*"\s*:|'(?:[^'\\]|\\.)*'\s*:|\}|$)""")
_AFTER_OBJECT = re.compile(r"[\s,\]]*(\{|$)")
# Control characters that stand in no text: all but tab, line ends, ^A to ^C (Hive's delimiters) and ^Z, ^^.
_NO_TEXT = re.compile(r"[\x00\x04-\x08\x0e-\x19\x1b\x1d\x7f]")
_NAMES_A_KIND = re.compile(r"\.(?!c\d+$).*[A-Za-z]")  # Spark writes part-00000-….c000


@dataclass(frozen=True, slots=True)
class Foreign:
    """A kind of file that is not read.

    Attributes:
        name: for messages.
        sign: its first bytes, or those at `at`.
        way_on: what to do.
        at: where they stand.
    """

    name: str
    sign: bytes
    way_on: str
    at: int = 0

    def fits(self, head: bytes) -> bool:
        """Whether a file that begins so is of this kind."""
        return head.startswith(self.sign, self.at)


_UNPACK = "Unpack it first."
_FROM_POSTGRES = (
    "Export the table: psql -c \"\\copy (SELECT * FROM NAME) TO 'export.csv' WITH (FORMAT csv, HEADER)\"."
)
_FROM_MYSQL = 'Export the table: mysql --batch -e "SELECT * FROM NAME" DATABASE > export.tsv.'
_AS_CSV = "Export the table with mysql --batch, psql --csv or beeline --outputformat=csv2."
FOREIGN = (
    Foreign("a PostgreSQL dump", b"PGDMP", _FROM_POSTGRES),
    Foreign("a PostgreSQL dump of SQL statements", b"--\n-- PostgreSQL database dump", _FROM_POSTGRES),
    Foreign("binary output of COPY", b"PGCOPY\n\xff", _FROM_POSTGRES),
    Foreign("a MySQL dump of SQL statements", b"-- MySQL dump", _FROM_MYSQL),
    Foreign("a MariaDB dump of SQL statements", b"-- MariaDB dump", _FROM_MYSQL),
    # MariaDB's tools begin with a comment that its client alone understands.
    Foreign("a MariaDB dump of SQL statements", b"/*M!999999\\-", _FROM_MYSQL),
    Foreign("a table drawn with lines", b"+--", _AS_CSV),
    Foreign("an old Excel workbook", b"\xd0\xcf\x11\xe0", 'Save it as "CSV UTF-8" or as .xlsx.'),
    Foreign("a tar archive", b"ustar", "Unpack it first (tar xf) and name the folder.", 257),
    Foreign("an xz file", b"\xfd7zXZ\x00", _UNPACK),
    Foreign("an lz4 file", b"\x04\x22\x4d\x18", _UNPACK),
    Foreign("a snappy file", b"\xff\x06\x00\x00sNaPpY", _UNPACK),
    Foreign("a 7z archive", b"7z\xbc\xaf\x27\x1c", _UNPACK),
    Foreign("a RAR archive", b"Rar!\x1a\x07", _UNPACK),
    Foreign("an ORC file", b"ORC", "Read it with pyarrow.orc.read_table() and load the table from Python."),
    Foreign(
        "an SQLite database",
        b"SQLite format 3\x00",
        'Export the table: sqlite3 -header -csv FILE "SELECT * FROM NAME" > export.csv.',
    ),
    Foreign("a Hadoop sequence file", b"SEQ\x06", "Export the table as text or Parquet."),
    Foreign("a PDF", b"%PDF-", "Export the table it was made from."),
    Foreign("an XML file", b"<?xml", "Export the table as CSV."),
    Foreign("a web page", b"<!doctype html", "Was the download an error page? Download the file again."),
    Foreign("a web page", b"<html", "Was the download an error page? Download the file again."),
)


def refuse_foreign(name: str, head: bytes) -> None:
    """Refuse a file of a kind that is known and not read.

    Raises:
        SourceError: with the kind, and what to do.
    """
    beginning = head.removeprefix(codecs.BOM_UTF8).lstrip()
    for kind in FOREIGN:
        if kind.fits(head) or (kind.sign.startswith(b"<") and kind.fits(beginning[:32].lower())):
            raise SourceError(f"{name}: is {kind.name}. {kind.way_on}")


def find_encoding(head: bytes) -> str:
    """UTF-16 by its byte order mark, or by the zero byte beside the first sign of JSON; else UTF-8."""
    marked = next((encoding for mark, encoding in _MARKS.items() if head.startswith(mark)), None)
    if marked is None and head[:2] in {b"{\0", b"[\0"}:
        return "utf-16-le"
    return marked or ("utf-16-be" if head[:2] in {b"\0{", b"\0["} else "utf-8")


def looks_like_json(head: bytes) -> bool:
    """Whether a text begins with JSON: with an object, or with a list of objects.

    A line that begins with an object and continues otherwise is a row with JSON in its first cell.
    """
    text = codecs.getincrementaldecoder(find_encoding(head))("replace").decode(head).removeprefix("\ufeff")
    if not _JSON.match(text):
        return False
    line = text.lstrip("\x1e \t\r\n[").partition("\n")[0]
    try:
        end = json.JSONDecoder().raw_decode(line)[1]
    except (ValueError, RecursionError):
        return True  # it is longer than what was read, or not quite JSON: its reader says in what
    return _AFTER_OBJECT.match(line, end) is not None


def looks_like_text(head: bytes) -> bool:
    """Whether a file begins with text in UTF-8, or in UTF-16 with a byte order mark."""
    try:
        text = codecs.getincrementaldecoder(find_encoding(head))().decode(head)
    except UnicodeDecodeError:
        return False
    return bool(text) and _NO_TEXT.search(text) is None


def names_a_kind(name: str) -> bool:
    """Whether a name has an ending with letters; `part-00000` and `000000_0` have none, nor has `a.1`."""
    return _NAMES_A_KIND.fullmatch(PurePath(name).suffix) is not None
