"""What a format is: the one table of names, endings, first bytes and readers; all others ask it.

A new format is a new `Reader` and a new line of `FORMATS`. `tests/sources/test_formats.py` then holds it to
what each reader must promise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING

from loader.errors import SourceError
from loader.sources.arrow import ArrowRecords
from loader.sources.content import Packed, unpack_file
from loader.sources.delimited import DelimitedFile
from loader.sources.jsonlines import JsonLinesFile
from loader.sources.parquet import ParquetRecords

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from loader.dialect import Dialect
    from loader.sources.inputfile import InputFile
    from loader.sources.records import Reader

_HEAD = 8  # bytes that the longest of the signs below needs
_EXCEL = b"\xd0\xcf\x11\xe0"
_ARROW_FILE, _ARROW_STREAM = b"ARROW1", b"\xff\xff\xff\xff"  # streams before 0.15 begin otherwise


@dataclass(frozen=True, slots=True)
class Opening:
    """A file that is about to be read.

    Attributes:
        file: the file.
        content: what is in it: the file itself, or what unpacking it gives.
        head: the first bytes of the content.
        dialect: what is known of how it is written.
    """

    file: InputFile
    content: InputFile | Packed
    head: bytes
    dialect: Dialect


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file that can be loaded.

    Attributes:
        name: for messages.
        endings: of file names, in lower case; the first one is the usual one.
        open: makes the reader.
        magics: first bytes that prove the format whatever the name says, with the ending that fits each.
        hint: first bytes that suggest it if there is no name.
        packable: whether it is read from front to back, so that it can be unpacked on the way.
    """

    name: str
    endings: tuple[str, ...]
    open: Callable[[Opening], Reader]
    magics: Mapping[bytes, str] = field(default_factory=dict)
    hint: bytes = b""
    packable: bool = True

    def fits(self, suffix: str, head: bytes) -> bool:
        """Whether a file with this ending or these first bytes is of this format."""
        return suffix in self.endings or head.startswith(tuple(self.magics))


@dataclass(frozen=True, slots=True)
class Packing:
    """A way to compress a file.

    Attributes:
        name: as pyarrow spells it, or zip.
        ending: added to the name of what is packed.
        magic: the first bytes.
    """

    name: str
    ending: str
    magic: bytes


def _open_delimited(opening: Opening, delimiter: str) -> Reader:
    return DelimitedFile(opening.file, opening.content, opening.dialect, delimiter)


def _open_json_lines(opening: Opening) -> Reader:
    return JsonLinesFile(opening.file, opening.content, opening.dialect)


def _open_parquet(opening: Opening) -> Reader:
    return ParquetRecords(opening.file)


def _open_arrow(opening: Opening) -> Reader:
    return ArrowRecords(opening.file, stream=not opening.head.startswith(_ARROW_FILE))


FORMATS = (
    Format("CSV", (".csv", ".txt"), partial(_open_delimited, delimiter=",")),
    Format("TSV", (".tsv", ".tab"), partial(_open_delimited, delimiter="\t")),
    Format("JSON Lines", (".jsonl", ".json", ".ndjson"), _open_json_lines, hint=b"{"),
    Format("Parquet", (".parquet", ".pq"), _open_parquet, {b"PAR1": ".parquet"}, packable=False),
    Format(
        "Arrow",
        (".arrow", ".arrows", ".feather", ".ipc"),
        _open_arrow,
        {_ARROW_FILE: ".arrow", _ARROW_STREAM: ".arrows"},
        packable=False,
    ),
)
PACKINGS = (
    Packing("bz2", ".bz2", b"BZh"),
    Packing("gzip", ".gz", b"\x1f\x8b"),
    Packing("zip", ".zip", b"PK\x03\x04"),
    Packing("zstd", ".zst", b"\x28\xb5\x2f\xfd"),
)
ENDINGS = frozenset(
    [ending for each in FORMATS for ending in each.endings] + [packing.ending for packing in PACKINGS]
)


def list_endings() -> str:
    """A sentence that lists what can be loaded."""
    known = ", ".join(ending for each in FORMATS for ending in each.endings)
    packed = ", ".join(packing.ending for packing in PACKINGS)
    return f"Known endings: {known}. Compressed text files have one of these after that: {packed}."


def open_reader(file: InputFile, dialect: Dialect) -> Reader:
    """Open a file with the reader of its format.

    Raises:
        SourceError: the format is unknown or not read, or its reader refuses the file.
    """
    content = _unpack(file)
    opening = Opening(file, content, content.head(_HEAD), dialect)
    if opening.head.startswith(_EXCEL):
        raise SourceError(f'{file.name}: is an old Excel workbook. Save it as "CSV UTF-8".')
    inside = content.inside if isinstance(content, Packed) else file.name
    found = _recognise(PurePath(inside).suffix.lower(), opening.head)
    if found is not None:
        _refuse_packed(found, opening)
        return found.open(opening)
    if dialect.delimiter is not None:
        return _open_delimited(opening, dialect.delimiter)
    raise SourceError(f"{file.name}: its name does not say what kind of file it is. {list_endings()}")


def guess_ending(head: bytes) -> str:
    """The ending that suits an input without a name, by its first bytes."""
    for each in FORMATS:
        for magic, ending in each.magics.items():
            if head.startswith(magic):
                return ending
        if each.hint and head.startswith(each.hint):
            return each.endings[0]
    packing = _find_packing(head)
    if packing is None:
        return FORMATS[0].endings[0]
    # A ZIP archive holds the name of what is in it.
    return packing.ending if packing.name == "zip" else FORMATS[0].endings[0] + packing.ending


def _unpack(file: InputFile) -> InputFile | Packed:
    packing = _find_packing(file.head(_HEAD))
    if packing is None:
        return file
    path = PurePath(file.name)
    packed = path.suffix.lower() in [each.ending for each in PACKINGS]
    return unpack_file(file, packing.name, path.stem if packed else path.name)


def _find_packing(head: bytes) -> Packing | None:
    return next((packing for packing in PACKINGS if head.startswith(packing.magic)), None)


def _recognise(suffix: str, head: bytes) -> Format | None:
    """The format; first bytes that prove one go before the name."""
    provable = [each for each in FORMATS if each.magics]
    named = [each for each in FORMATS if not each.magics]
    return next((each for each in provable + named if each.fits(suffix, head)), None)


def _refuse_packed(found: Format, opening: Opening) -> None:
    if opening.content is not opening.file and not found.packable:
        raise SourceError(
            f"{opening.file.name}: is a compressed {found.name} file, which cannot be read from front to "
            f"back. Unpack it first. ({found.name} files can be compressed within.)"
        )
