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
from loader.message import Message, Setting
from loader.sources import recognition
from loader.sources.archive import EMPTY_SIGN, SIGN, Archive, Member, read_archive
from loader.sources.content import Packed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from loader.dialect import Dialect
    from loader.sources.content import SourceFile
    from loader.sources.records import Reader

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

    file: SourceFile
    content: SourceFile | Packed
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
        part: of a format that is a ZIP archive itself, the file in it that proves it.
    """

    name: str
    endings: tuple[str, ...]
    open: Callable[[Opening], Reader]
    magics: Mapping[bytes, str] = field(default_factory=dict)
    hint: bytes = b""
    packable: bool = True
    part: str = ""

    @property
    def key(self) -> str:
        """What the user calls it in a setting."""
        return self.endings[0][1:]

    def is_proven(self, head: bytes) -> bool:
        """Whether a file with these first bytes is surely of this format."""
        return head.startswith(tuple(self.magics))


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
    from loader.sources.delimited import DelimitedFile  # noqa: PLC0415 - only what is read

    return DelimitedFile(opening.file, opening.content, opening.dialect, delimiter)


def _open_json_lines(opening: Opening) -> Reader:
    from loader.sources.jsonlines import JsonLinesFile  # noqa: PLC0415 - only such a file needs msgspec

    return JsonLinesFile(opening.file, opening.content, opening.dialect)


def _open_avro(opening: Opening) -> Reader:
    from loader.sources.avro import AvroRecords  # noqa: PLC0415 - few files need fastavro

    return AvroRecords(opening.file, opening.content)


def _open_excel(opening: Opening) -> Reader:
    from loader.sources.excel import ExcelRecords  # noqa: PLC0415 - few files need calamine

    return ExcelRecords(opening.file, opening.dialect)


def _open_parquet(opening: Opening) -> Reader:
    from loader.sources.parquet import ParquetRecords  # noqa: PLC0415 - as above

    return ParquetRecords(opening.file)


def _open_arrow(opening: Opening) -> Reader:
    from loader.sources.arrow import ArrowRecords  # noqa: PLC0415 - as above

    return ArrowRecords(opening.file, stream=not opening.head.startswith(_ARROW_FILE))


CSV = Format("CSV", (".csv", ".txt"), partial(_open_delimited, delimiter=","))
EXCEL = Format("Excel", (".xlsx", ".xlsm"), _open_excel, packable=False, part="xl/workbook.xml")
JSON_LINES = Format("JSON Lines", (".jsonl", ".json", ".ndjson"), _open_json_lines, hint=b"{")
FORMATS = (
    CSV,
    Format("TSV", (".tsv", ".tab"), partial(_open_delimited, delimiter="\t")),
    JSON_LINES,
    Format("Parquet", (".parquet", ".pq"), _open_parquet, {b"PAR1": ".parquet"}, packable=False),
    Format(
        "Arrow",
        (".arrow", ".arrows", ".feather", ".ipc"),
        _open_arrow,
        {_ARROW_FILE: ".arrow", _ARROW_STREAM: ".arrows"},
        packable=False,
    ),
    Format("Avro", (".avro",), _open_avro, {b"Obj\x01": ".avro"}),
    EXCEL,
)
PACKINGS = (
    Packing("bz2", ".bz2", b"BZh"),
    Packing("gzip", ".gz", b"\x1f\x8b"),
    Packing("zip", ".zip", SIGN),
    Packing("zstd", ".zst", b"\x28\xb5\x2f\xfd"),
)
_UNPACKED = frozenset(packing.ending for packing in PACKINGS)
_LONGEST_SIGN = max(len(packing.magic) for packing in PACKINGS)


def list_endings() -> str:
    """A sentence that lists what can be loaded."""
    known = ", ".join(ending for each in FORMATS for ending in each.endings)
    packed = ", ".join(packing.ending for packing in PACKINGS)
    return f"Known endings: {known}. Compressed text files have one of these after that: {packed}."


class UnknownFormat(SourceError):
    """A file of which neither its name nor its content says what it is."""

    def __init__(self, name: str) -> None:
        super().__init__(
            Message(
                "{name}: neither its name nor its content says what kind of file it is. If you know, give "
                "{input_format}, for example csv. {endings}",
                name=name,
                input_format=Setting("input_format"),
                endings=list_endings(),
            )
        )


def open_reader(file: SourceFile, dialect: Dialect) -> Reader:
    """Open a file with the reader of its format.

    Raises:
        SourceError: the format is unknown or not read, or its reader refuses the file.
    """
    content = _unpack(file, file.name)
    opening = Opening(file, content, content.head(recognition.HEAD), dialect)
    found = _recognise(opening)
    if found is None:
        raise UnknownFormat(file.name)
    _refuse_packed(found, opening)
    return found.open(opening)


def open_archive(file: SourceFile) -> Archive | None:
    """What is in a ZIP archive; None if the file is something else.

    Raises:
        SourceError: the archive is damaged, has a password, or holds nothing or files of several kinds.
    """
    if not file.head(len(SIGN)).startswith((SIGN, EMPTY_SIGN)):
        return None
    if not file.ranged:
        raise _describe_stream(file.name, "ZIP archive")
    found = read_archive(file)
    names = [member.inside for member in found.members]
    if EXCEL.part in names:
        return None
    if "[Content_Types].xml" in names or "mimetype" in names:
        raise SourceError(
            f'{file.name}: is an Office document that is not read. Save its table as .xlsx or as "CSV UTF-8".'
        )
    if not names:
        raise SourceError(f"{file.name}: is a ZIP archive without a file to load.")
    _refuse_mixture(file.name, names)
    return found


def _refuse_mixture(archive: str, names: list[str]) -> None:
    """Refuse an archive whose files are of several kinds, by their endings; content tells the others."""
    kinds: dict[str, str] = {}
    for name in names:
        suffix = _strip_packings(PurePath(name)).suffix.lower()
        for each in FORMATS:
            if suffix in each.endings:
                kinds.setdefault(each.name, name)
    if len(kinds) > 1:
        shown = ", ".join(f"{kind} ({name})" for kind, name in kinds.items())
        raise SourceError(
            f"{archive}: is a ZIP archive of {len(names)} files of several kinds: {shown}. Name those that "
            f"belong together, for example {archive}/{names[0]}, or unpack it."
        )


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


def _unpack(content: SourceFile | Packed, name: str) -> SourceFile | Packed:
    """What is in a file, however often it was packed; `name` is what the content is called."""
    packing = _find_packing(content.head(_LONGEST_SIGN))
    if packing is None or (packing.name == "zip" and _is_workbook(content, name)):
        return content
    if packing.name == "zip":
        inside = _name_only_member(content)
    else:
        path = PurePath(name)
        inside = path.stem if path.suffix.lower() in _UNPACKED else path.name
    return _unpack(Packed(content, packing.name, inside), inside)


def _is_workbook(content: SourceFile | Packed, name: str) -> bool:
    """Whether a ZIP archive is a workbook; of one that lies in another archive only the name tells."""
    if isinstance(content, Packed | Member):
        return PurePath(name).suffix.lower() in EXCEL.endings
    return EXCEL.part in [member.inside for member in read_archive(content).members]


def _name_only_member(content: SourceFile | Packed) -> str:
    """The name of what is in a ZIP archive of one file."""
    if isinstance(content, Packed | Member):
        raise SourceError(
            f"{content.name}: is a ZIP archive within another packed file, which cannot be read from front "
            "to back. Unpack the outer one first."
        )
    return read_archive(content).members[0].inside


def _find_packing(head: bytes) -> Packing | None:
    return next((packing for packing in PACKINGS if head.startswith(packing.magic)), None)


def _recognise(opening: Opening) -> Format | None:
    """The format: as it is said, or as the first bytes prove it, or by the name, or what the text looks like.

    Raises:
        SourceError: it is a kind of file that is not read.
    """
    said, head = opening.dialect.input_format, opening.head
    if said is not None:
        return next(each for each in FORMATS if each.key == said)
    if proven := next((each for each in FORMATS if each.is_proven(head)), None):
        return proven
    if head.startswith(SIGN):
        return EXCEL
    recognition.refuse_foreign(opening.file.name, head)
    if recognition.looks_like_json(head):
        return JSON_LINES
    inside = opening.content.inside if isinstance(opening.content, Packed) else opening.file.name
    return _recognise_text(_strip_packings(PurePath(inside)), opening)


def _recognise_text(path: PurePath, opening: Opening) -> Format | None:
    """The format by the name; without a name that says it, CSV if it is text or has a delimiter."""
    if named := next((each for each in FORMATS if path.suffix.lower() in each.endings), None):
        return named
    if opening.dialect.delimiter is not None:
        return CSV
    is_text = not recognition.names_a_kind(path.name) and recognition.looks_like_text(opening.head)
    return CSV if is_text else None


def _strip_packings(path: PurePath) -> PurePath:
    """The name without the endings of packed files, which the content may not have kept to."""
    while path.suffix.lower() in _UNPACKED:
        path = path.with_suffix("")
    return path


def _refuse_packed(found: Format, opening: Opening) -> None:
    if found.packable:
        return
    if isinstance(opening.content, Packed | Member):
        raise SourceError(
            f"{opening.file.name}: is a compressed {found.name} file, which cannot be read from front to "
            f"back. Unpack it first. ({found.name} files can be compressed within.)"
        )
    if not opening.file.ranged:
        raise _describe_stream(opening.file.name, f"{found.name} file")


def _describe_stream(name: str, kind: str) -> SourceError:
    return SourceError(
        f"{name}: is a {kind}, whose end must be read first, and the server gives files only as a whole (it "
        "answers no Range request). Download it and load the file, or convert it to CSV."
    )
