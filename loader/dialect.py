"""How a text file is written, as the user says it: in a mapping file, or in the options of a command."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import TYPE_CHECKING

from loader.encoding import explain_refusal, find_codec
from loader.errors import MappingError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SPELLED = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
#: What a file can be said to be; `loader.sources.formats` has a reader for each.
INPUT_FORMATS = ("csv", "tsv", "jsonl", "parquet", "arrow", "avro", "xlsx")
_CODED = re.compile(r"\\x([0-9a-fA-F]{2})|\\([0-7]{3})")
#: What alone can be said to end a row.
LINE_ENDS = ("lf", "crlf")
MOST_SKIPPED = 1000


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a text file is written. None: recognised from its beginning and shown, or refused if unclear.

    Attributes:
        delimiter: the character between cells.
        quote: the character around cells; "" for none.
        encoding: as Python calls it; utf-16 is one of two by its byte order mark.
        header: whether the first record holds the names of the columns.
        columns: their names, in place of a header or of its names.
        input_format: what kind of file it is, by one of `INPUT_FORMATS`, whatever its name and content say.
        null_values: cells that are exactly one of these texts mean nothing, in every column.
        escape: the character that protects the next one; "" for none.
        skip_rows: lines above the header, or above the first record, that are not rows.
        short_rows: "fill" if cells that are missing at the end of a row are empty.
        line_end: "lf" or "crlf" if only these end a row, and others are characters of cells.
    """

    delimiter: str | None = None
    quote: str | None = None
    encoding: str | None = None
    header: bool | None = None
    columns: tuple[str, ...] = ()
    input_format: str | None = None
    null_values: tuple[str, ...] = ()
    escape: str | None = None
    skip_rows: int | None = None
    short_rows: str | None = None
    line_end: str | None = None

    @property
    def table(self) -> dict[str, object]:
        """What is set, as `dialect_of` reads it."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            # Of a tuple a mapping file would write the one text, not a list of it.
            name: list(value) if isinstance(value, tuple) else value
            for name, value in said.items()
            if value not in (None, ())
        }

    @property
    def written(self) -> str:
        """What is set, as written in a mapping file between ``source = {`` and ``}``."""
        # The strings of JSON are strings of TOML too, except for one character.
        said = (f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in self.table.items())
        return ", ".join(said).replace("\x7f", "\\u007f")

    @classmethod
    def read(cls, written: str) -> Dialect:
        """What `written` gave."""
        return dialect_of(tomllib.loads(f"source = {{{written}}}")["source"])

    def over(self, other: Dialect) -> Dialect:
        """What is set here, and otherwise what is set there."""
        return dialect_of(other.table | self.table)


def dialect_of(table: Mapping[str, object], where: str = "[source]") -> Dialect:
    """Read the dialect from a table of a mapping file, or from the options of a command.

    Args:
        table: the attributes of `Dialect` by their names, each of them or none.
        where: what the table is called, for messages.

    Raises:
        MappingError: with every mistake in it.
    """
    if mistakes := mistakes_of(table):
        raise MappingError(mistakes, where)
    columns = table.get("columns", ())
    encoding = table.get("encoding")
    return Dialect(
        delimiter=_read_character(table.get("delimiter")),
        quote=_read_character(table.get("quote")),
        encoding=None if encoding is None else find_codec(str(encoding)),
        header=table.get("header"),  # type: ignore[arg-type]  # its type was checked
        columns=tuple(columns),  # type: ignore[arg-type]  # its type was checked
        input_format=table.get("input_format"),  # type: ignore[arg-type]  # its type was checked
        null_values=tuple(table.get("null_values", ())),  # type: ignore[arg-type]  # as above
        escape=_read_character(table.get("escape")),
        skip_rows=table.get("skip_rows"),  # type: ignore[arg-type]  # its type was checked
        short_rows=table.get("short_rows"),  # type: ignore[arg-type]  # its type was checked
        line_end=table.get("line_end"),  # type: ignore[arg-type]  # its type was checked
    )


def mistakes_of(table: Mapping[str, object]) -> list[str]:
    """What is wrong with the table, a sentence each; nothing if it is right."""
    return [*_find_unknown(table), *_find_wrong_types(table)] or _find_wrong_values(table)


def _find_unknown(table: Mapping[str, object]) -> list[str]:
    known = [field.name for field in fields(Dialect)]
    mistakes = []
    for name in table:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f'Did you mean "{near[0]}"?' if near else f"Known are {', '.join(known)}."
            mistakes.append(f'"{name}" is not known here. {hint}')
    return mistakes


def _find_wrong_types(table: Mapping[str, object]) -> list[str]:
    mistakes = [
        f"{name} is {table[name]!r}; it must be text."
        for name in ("delimiter", "quote", "encoding", "input_format", "escape", "short_rows", "line_end")
        if not isinstance(table.get(name), str | None)
    ]
    if not isinstance(table.get("header"), bool | None):
        mistakes.append(f"header is {table['header']!r}; it must be true or false.")
    skipped = table.get("skip_rows")
    if not isinstance(skipped, int | None) or isinstance(skipped, bool):
        mistakes.append(f"skip_rows is {skipped!r}; it must be a whole number of lines.")
    mistakes += [
        f"{name} is {table[name]!r}; it must be a list of {holds}."
        for name, holds in (("columns", "names"), ("null_values", "texts"))
        if not _is_list_of_texts(table.get(name, ()))
    ]
    return mistakes


def _is_list_of_texts(given: object) -> bool:
    return isinstance(given, list | tuple) and all(isinstance(text, str) for text in given)


def _find_wrong_values(table: Mapping[str, object]) -> list[str]:
    mistakes = []
    delimiter, quote = _read_character(table.get("delimiter")), _read_character(table.get("quote"))
    if delimiter is not None and not _is_usable(delimiter):
        mistakes.append(
            f"delimiter is {delimiter!r}; it must be one ASCII character, or "
            '"tab", "comma", "semicolon", "pipe" or "space".'
        )
    if quote and not _is_usable(quote):
        mistakes.append(f'quote is {quote!r}; it must be one ASCII character, or "" for none.')
    if quote and quote == delimiter:
        mistakes.append(f"delimiter and quote are both {quote!r}; they must differ.")
    mistakes += _wrong_escape(_read_character(table.get("escape")), delimiter, quote)
    skipped = table.get("skip_rows") or 0
    if not 0 <= skipped <= MOST_SKIPPED:  # type: ignore[operator]  # its type was checked
        mistakes.append(f"skip_rows is {skipped}; it must be 0 to {MOST_SKIPPED} lines.")
    mistakes += _wrong_rows(table)
    encoding = table.get("encoding")
    if encoding is not None and find_codec(str(encoding)) is None:
        mistakes.append(explain_refusal(str(encoding)))
    named = table.get("input_format")
    if named is not None and named not in INPUT_FORMATS:
        mistakes.append(f'input_format is "{named}"; it must be one of {", ".join(INPUT_FORMATS)}.')
    return mistakes + _find_wrong_names(table)


def _wrong_rows(table: Mapping[str, object]) -> list[str]:
    mistakes = []
    if table.get("short_rows", "fill") != "fill":
        mistakes.append(f'short_rows is {table["short_rows"]!r}; it must be "fill".')
    if table.get("line_end", "lf") not in LINE_ENDS:
        mistakes.append(f'line_end is {table["line_end"]!r}; it must be "lf" or "crlf".')
    return mistakes


def _wrong_escape(escape: str | None, delimiter: str | None, quote: str | None) -> list[str]:
    if not escape:
        return []
    if not _is_usable(escape) or escape.isalnum():
        return [
            f"escape is {escape!r}; it must be one ASCII character that is not a letter or "
            'digit, or "" for none.'
        ]
    if escape == (quote or '"') and quote != "":
        return [
            f"escape and quote are both {escape!r}. A quote that is written twice within quotes is read "
            f"as one "
            "without a setting; leave escape out."
        ]
    return [f"delimiter and escape are both {escape!r}; they must differ."] if escape == delimiter else []


def _find_wrong_names(table: Mapping[str, object]) -> list[str]:
    columns = tuple(table.get("columns", ()))  # type: ignore[arg-type, var-annotated]  # its type was checked
    if table.get("header") is False and not columns:
        return ['without a header the names must be given: columns = ["user_id", ...].']
    twice = {name for name in columns if columns.count(name) > 1}
    mistakes = [f'columns names "{name}" twice.' for name in columns if name in twice]
    if any(not name.strip() for name in columns):
        mistakes.append("columns holds an empty name.")
    return list(dict.fromkeys(mistakes))


def _read_character(given: object) -> str | None:
    r"""The character that is meant by a word such as tab, or by its code as in ``\x01`` and ``\001``."""
    if given is None:
        return None
    if coded := _CODED.fullmatch(str(given)):
        return chr(int(coded[1], 16) if coded[1] else int(coded[2], 8))
    return _SPELLED.get(str(given).lower(), str(given))


def _is_usable(sign: str) -> bool:
    return len(sign) == 1 and sign.isascii() and sign not in "\r\n\0"
