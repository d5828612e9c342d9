"""Which files a command uses, and the one rule for them: what is written takes the place of nothing needed.

    refuse_conflicts([Claim(FileUse.OUTPUT, "account.json", "summary"), Claim(FileUse.INPUT, "events.csv")])

A file is told by its inode, so links and other spellings do not hide it. If neither of two files exists yet,
their places are compared, without regard to case: on some file systems case makes no difference.
"""

from __future__ import annotations

import glob
import os
import re
import struct
import subprocess
import sys
import unicodedata
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from loader.defaults import ENDING
from loader.errors import CheckpointError, ConfigError, MappingError, SourceError
from loader.journal.checkpoint_files import Files, read_inode
from loader.message import Message, Quote, Setting
from loader.option import FileUse
from loader.stores.address import Address, is_address
from loader.tokens import find_token_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

STANDARD = "-"
#: What names a file in which a mapping looks up cells.
LOOKUP = "lookup"

_SQLITE, _SLOTS = b"SQLite format 3\0", b"pwwire"
_LOGS = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")  # of SQLite, see sqlite.org/fileformat2.html#walformat
_APPLICATION = slice(68, 72)
_HEAD_BYTES = 100
_LEDGER_PART = re.compile(
    r"(.+)-(?:wal|shm|journal|lock|keys-\d+(?:-new)?|ids-[a-z]+(?:-new|-lock)?)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A file that a command names.

    Attributes:
        use: what the command does with it.
        text: the path as the user gave it; of an input also a folder, a pattern or a file in an archive.
        setting: the option that names it; "" if none does.
    """

    use: FileUse
    text: str
    setting: str = ""

    @property
    def path(self) -> Path:
        """The path."""
        return Path(self.text)

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is an address, and not a file on this machine."""
        return is_address(self.text)

    @property
    def places(self) -> tuple[Path, ...]:
        """Every file on this machine that it stands for, whether it exists or not."""
        if self.is_elsewhere:
            return ()
        match self.use:
            case FileUse.CHECKPOINT:
                return Files(self.path).parts
            case FileUse.STORE:
                return tuple(Path(f"{self.text}{suffix}") for suffix in ("", "-wal", "-shm", "-journal"))
            case FileUse.INPUT:
                return (find_outermost(self.path),)
            case _:
                return (self.path,)

    @property
    def is_written(self) -> bool:
        """Whether the command writes it."""
        return self.use in {FileUse.OUTPUT, FileUse.STORE, FileUse.CHECKPOINT}

    @property
    def counts(self) -> bool:
        """Whether it is a place at all: a device, a pipe and standard output have no content to lose."""
        if self.is_elsewhere:
            return True
        path = self.path
        special = self.use is not FileUse.INPUT and path.exists() and not path.is_file()
        return bool(self.text) and self.text != STANDARD and not special


def refuse_conflicts(claims: Iterable[Claim]) -> None:
    """Refuse a command that would write over a file which it or a later command needs.

    Args:
        claims: every file that the command names.

    Raises:
        ConfigError: two claims do not go together, or an output is a part of some checkpoint.
    """
    found = [claim for claim in claims if claim.counts]
    for one, other in combinations(found, 2):
        if one.is_written and (one.use is FileUse.OUTPUT or not other.is_written):
            refuse_pair(one, other)
        elif other.is_written:
            refuse_pair(other, one)
    for claim in found:
        if claim.use in {FileUse.OUTPUT, FileUse.STORE} and not claim.is_elsewhere:
            refuse_database(claim)
            refuse_part_of_ledger(claim, [each.path for each in found if each.setting == "ledger"])
            refuse_foreign(claim)


def refuse_pair(written: Claim, other: Claim) -> None:
    """Refuse a file that is written if it would take the place of the other one."""
    if written.is_elsewhere or other.is_elsewhere:
        if written.is_elsewhere and other.is_elsewhere and (why := find_at_address(written.text, other)):
            refuse(written, written.text, why)
        return
    if written.use is other.use is FileUse.CHECKPOINT and written.setting == other.setting:
        return  # a list that names one checkpoint twice: each command takes it once
    for place in written.places:
        if any(is_same(place, needed) for needed in other.places):
            refuse(written, place, describe(other))
        if other.use is FileUse.INPUT and (why := find_in_input(place, other.text)):
            refuse(written, place, why)
    # Not for the parts of a checkpoint: to walk through a large folder for each of them takes long.
    is_listed = other.use is FileUse.INPUT and is_walked(other.text)
    if is_listed and written.use is FileUse.OUTPUT and (name := find_among(written.path, other.text)):
        refuse(written, written.path, f"it is the input {name}")


def find_at_address(written: str, other: Claim) -> str:
    """Why an object is, or would be, one that another claim stands for; "" if it is none."""
    try:
        ours, theirs = Address.parse(written).identity, Address.parse(other.text).identity.rstrip("/")
    except ConfigError:  # the command itself says so
        return ""
    if ours == theirs:
        return describe(other)
    if other.use is FileUse.INPUT and (ours.startswith(f"{theirs}/") or fnmatch(ours, theirs)):
        return f"all objects like {other.text} are the input, and the next load would read this one too"
    return ""


def refuse(written: Claim, place: Path | str, why: str) -> NoReturn:
    """Say what would be lost, and which option to change.

    Raises:
        ConfigError: always.
    """
    setting = Setting(written.setting) if written.setting else None
    advice = " with {setting}" if setting else " to write to"
    raise ConfigError(
        Message(
            "{place} would be overwritten, and it is needed: {why}. Name another file" + advice + ".",
            place=place,
            why=Quote(why),
            setting=setting,
        )
    )


def describe(other: Claim) -> str:
    """What the other file is."""
    match other.use:
        case FileUse.CHECKPOINT:
            return f"it is a part of the checkpoint {other.text}"
        case FileUse.INPUT:
            return f"it is the input {other.text}"
        case FileUse.OUTPUT | FileUse.STORE:
            return "two outputs of this command cannot share a file"
        case _:
            return f"this command reads {other.text}"


def find_outermost(path: Path) -> Path:
    """The file itself, or the archive that holds it (``export.zip/events.csv``)."""
    return next((each for each in (path, *path.parents) if each.is_file()), path)


def is_same(one: Path, other: Path) -> bool:
    """Whether two paths are one file, now or as soon as it is written."""
    inode, there = read_inode(one), read_inode(other)
    if inode or there:
        return inode == there
    return normalise(one) == normalise(other)


def normalise(path: Path) -> str:
    """A path without links, case and the ways to write an accent."""
    return unicodedata.normalize("NFC", os.path.realpath(path)).casefold()


def is_walked(given: str) -> bool:
    """Whether an input is a folder or a pattern, which stands for files that are not named."""
    folder = Path(given)
    return folder.is_dir() or (glob.has_magic(given) and not folder.exists())


def find_in_input(place: Path, given: str) -> str:
    """Why a file is, or would be, part of a folder or pattern that is loaded; "" if it is none."""
    from loader.sources.archive import is_set_aside  # noqa: PLC0415 - bare `--help` needs no pyarrow

    if not is_walked(given):
        return ""
    if Path(given).is_dir():
        inside, root = Path(os.path.realpath(place)), Path(os.path.realpath(given))
        if inside.is_relative_to(root) and not is_set_aside(inside.relative_to(root)):
            return f"all files in {given} are the input, and the next load would read this one too"
    elif fnmatch(os.path.realpath(place), os.path.join(os.path.realpath("."), given)):  # noqa: PTH118 - a pattern
        return f"all files like {given} are the input, and the next load would read this one too"
    return ""


def find_among(place: Path, given: str) -> str:
    """The name under which a file is in a folder or matches a pattern, by a link; "" if it does not."""
    from loader.sources.paths import find_files  # noqa: PLC0415 - bare `--help` needs no pyarrow

    if not place.is_file():
        return ""
    try:
        names = [name for found in find_files([given]) for name in found.names]
    except SourceError:  # the load itself says so
        return ""
    return next((name for name in names if is_same(place, Path(name))), "")


#: How the files begin that an output may replace, by its option; any other content was not written by it.
BEGINNINGS = {"summary": (b"{",), "metrics": (b"# HELP ", b"# TYPE "), "report": (b"<!doctype html",)}


def refuse_foreign(claim: Claim) -> None:
    """Refuse to write over a file that this option surely did not write, perhaps because of a typing mistake.

    Raises:
        ConfigError: it is one.
    """
    expected = BEGINNINGS.get(claim.setting)
    if claim.use is not FileUse.OUTPUT or expected is None or not claim.path.is_file():
        return
    begins = read_head(claim.path).lstrip().lower()
    if begins and not begins.startswith(tuple(each.lower() for each in expected)):
        raise ConfigError(
            Message(
                "{place} would be overwritten, and it holds something else than what {setting} writes. Name "
                "another file with {setting}; or remove this one, if nobody needs it.",
                place=claim.path,
                setting=Setting(claim.setting),
            )
        )


def refuse_database(claim: Claim) -> None:
    """Refuse an output that is, or is named as, a part of any checkpoint; or that is another database.

    Raises:
        ConfigError: it is one.
    """
    for path in {claim.path, Path(os.path.realpath(claim.path))}:
        if (owner := find_owner(path)) is not None:
            refuse(claim, claim.path, f"it is a part of the checkpoint {owner}, or would be taken for one")
    head = read_head(claim.path) if claim.path.is_file() else b""
    if begins_checkpoint(head):
        refuse(claim, claim.path, "it is a checkpoint")
    if claim.use is FileUse.OUTPUT and head.startswith((_SQLITE, _SLOTS, *_LOGS)):
        refuse(claim, claim.path, "it is a database, or a part of one")


def refuse_part_of_ledger(claim: Claim, named: Iterable[Path]) -> None:
    """Refuse an output that is, or is named as, a part of a ledger.

    Args:
        claim: the output.
        named: ledgers that the command names; they may not exist yet.

    Raises:
        ConfigError: it is one.
    """
    for path in {claim.path, Path(os.path.realpath(claim.path))}:
        if found := _LEDGER_PART.fullmatch(path.name):
            owner = path.with_name(found[1])
            if begins_ledger(read_head(owner)) or any(is_same(owner, each) for each in named):
                refuse(claim, claim.path, f"it is a part of the ledger {owner}, or would be taken for one")


def find_owner(path: Path) -> Path | None:
    """The checkpoint that a file belongs to by its name, or None."""
    name = path.name.casefold()
    if found := re.fullmatch(rf"(.*{re.escape(ENDING)})(\.input.*|{suffix_pattern()})", name):
        return path.with_name(path.name[: len(found[1])])
    if (path.with_name(f"{path.name}-wire")).is_file():
        return path
    for suffix in list_suffixes():
        owner = path.with_name(path.name.removesuffix(suffix))
        if (
            owner != path
            and owner.is_file()
            and (Files(owner).wire.is_file() or begins_checkpoint(read_head(owner)))
        ):
            return owner
    return None


def list_suffixes() -> list[str]:
    """What the names of the parts add to that of the checkpoint."""
    return sorted({part.name.removeprefix("x") for part in Files(Path("x")).parts} - {""}, key=len)


def suffix_pattern() -> str:
    """An expression for the parts' endings, the checkpoint's own among them."""
    return "|".join(["", *map(re.escape, list_suffixes())])


def begins_checkpoint(head: bytes) -> bool:
    """Whether the first bytes are those of a checkpoint."""
    from loader.journal.schema import APPLICATION_ID  # noqa: PLC0415 - few commands come upon one

    return head.startswith(_SQLITE) and head[_APPLICATION] == struct.pack(">I", APPLICATION_ID)


def begins_ledger(head: bytes) -> bool:
    """Whether the first bytes are those of a ledger."""
    from loader.ledger.store import APPLICATION_ID as LEDGER_ID  # noqa: PLC0415 - bare `--help` needs no SQL

    return head.startswith(_SQLITE) and head[_APPLICATION] == struct.pack(">I", LEDGER_ID)


def read_head(path: Path) -> bytes:
    """The first bytes of a file; none if it cannot be read.

    A file of several names may be a checkpoint that this very process has open under another one. If any
    descriptor of it is closed, its locks are gone (sqlite.org/howtocorrupt.html, 2.2): so another process
    reads it.
    """
    try:
        if path.stat().st_nlink > 1:
            code = "import sys; sys.stdout.buffer.write(open(sys.argv[1], 'rb').read(int(sys.argv[2])))"
            words = [sys.executable, "-I", "-S", "-c", code, str(path), str(_HEAD_BYTES)]
            return subprocess.run(words, capture_output=True, check=False).stdout  # noqa: S603 - our own words
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError:
        return b""


def list_reads(checkpoint: str | os.PathLike[str], files: Iterable[str]) -> Iterator[Claim]:
    """What is read to say more about the rows of a checkpoint: itself, and its input where that is now."""
    yield Claim(FileUse.CHECKPOINT, os.fspath(checkpoint))
    for file in files:
        yield Claim(FileUse.INPUT, file)
    for claim in recall_inputs(Path(checkpoint)):
        if claim.setting == LOOKUP:
            yield claim


def recall_inputs(checkpoint: Path) -> Iterator[Claim]:
    """The files that a checkpoint was made from: a retry and a list of failed rows read them again."""
    from loader.journal import CheckpointView  # noqa: PLC0415 - bare `--help` needs no SQL

    try:
        identity = CheckpointView.open(checkpoint).identity
    except CheckpointError:  # the command itself says so
        return
    for file in identity.files:
        yield Claim(FileUse.INPUT, file.name)
    for record in identity.lookups:
        for file in record.files:
            yield Claim(FileUse.INPUT, file.name, LOOKUP)


def recall_lookups(mapping: Path) -> Iterator[Claim]:
    """The files in which a mapping looks up cells."""
    from loader.mapping import read_mapping  # noqa: PLC0415 - bare `--help` needs no pandas

    try:
        rules = [rule.lookup for _, rule in read_mapping(mapping).joining]
    except MappingError:  # the command itself says so
        return
    for lookup in rules:
        if lookup is not None and "://" not in lookup.lookup:
            yield Claim(FileUse.INPUT, str(mapping.parent / lookup.lookup), LOOKUP)


def recall_environment() -> Iterator[Claim]:
    """The file that the environment names and this command may read, or a later one."""
    if file := find_token_file():
        yield Claim(FileUse.READ, str(file))
