"""The requests on the wire, in a small memory-mapped file beside the checkpoint.

The page cache outlives a killed process, so after ``kill -9`` the slots say exactly which rows were on
the wire. They count only for the same boot of the machine, the same checkpoint and the same opening of
it, and only in the very file they were written to (its inode is in the header): a copy, a stale file or
a damaged one gives the careful answer.

The header also remembers what was last committed. A checkpoint that knows less than that was restored
from a copy or lost its write-ahead log.

Layout, little-endian: two headers of 128 bytes, written in turn so that one is always whole, then slots
of 16 bytes, each an ordinal and the same once more under a mask. An empty slot is all zeros.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from loader.journal.checkpoint_files import NO_FOLLOW, create, read_inode, sync_folder
from loader.journal.hold import Sign

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from loader.journal.checkpoint_files import Files, Inode

_MAGIC = b"pwwire03"
_HEADER = struct.Struct("<8s16s16sQQQQQQQQ")
# As version 0.1.0 wrote it: without the last two fields.
_OLD_MAGIC = b"pwwire02"
_OLD_HEADER = struct.Struct("<8s16s16sQQQQQQ")
_UNKNOWN = -1
_CRC = struct.Struct("<I")
_HEADER_BYTES = 128
_FIRST_SLOT = 2 * _HEADER_BYTES
_SLOT = struct.Struct("<QQ")
_EMPTY = bytes(_SLOT.size)
_MASK = 0x9E3779B97F4A7C15


class Header(NamedTuple):
    """Whose slots these are, and what was last committed.

    Attributes:
        checkpoint: the checkpoint's own id, 16 bytes.
        boot: digest of the machine's boot id, 16 bytes; zeros if it has none.
        generation: how many times the checkpoint was opened.
        committed: number of the last commit that was made.
        durable: number of the last commit that survives a power loss.
        slots: how many slots follow.
        file: device and inode of the slot file itself.
        mark: the intent mark: no row from here on was ever leased; -1 if it is not known.
        resent: number of the last commit that let settled rows go again; -1 if it is not known.
    """

    checkpoint: bytes
    boot: bytes
    generation: int
    committed: int
    durable: int
    slots: int
    file: Inode
    mark: int = _UNKNOWN
    resent: int = _UNKNOWN

    def pack(self) -> bytes:
        """The header's bytes, with their CRC."""
        fields = _HEADER.pack(
            _MAGIC,
            self.checkpoint,
            self.boot,
            self.generation,
            self.committed,
            self.durable,
            self.slots,
            self.file[0] & 0xFFFFFFFFFFFFFFFF,
            self.file[1] & 0xFFFFFFFFFFFFFFFF,
            self.mark,
            self.resent,
        )
        return fields + _CRC.pack(crc32(fields))

    @classmethod
    def unpack(cls, raw: bytes) -> Header | None:
        """The header in `raw`, or None if it is not one or is damaged."""
        layout = _OLD_HEADER if raw.startswith(_OLD_MAGIC) else _HEADER
        fields = raw[: layout.size]
        if len(raw) < _HEADER_BYTES or raw[layout.size :][:4] != _CRC.pack(crc32(fields)):
            return None
        magic, checkpoint, boot, generation, committed, durable, slots, device, inode, *later = layout.unpack(
            fields
        )
        if magic not in (_MAGIC, _OLD_MAGIC):
            return None
        return cls(checkpoint, boot, generation, committed, durable, slots, (device, inode), *later)


@dataclass(frozen=True, slots=True)
class LeftSlots:
    """What a slot file says: its header, and the rows in it, or None if a slot is damaged."""

    header: Header
    ordinals: frozenset[int] | None
    file: Inode | None

    @property
    def own_file(self) -> bool:
        """Whether this is the file that the slots were written to, not a copy."""
        return self.file == self.header.file


def digest_boot(boot_id: str | None) -> bytes:
    """Sixteen bytes that tell one boot of a machine from another; zeros if that is not known."""
    return hashlib.sha256(boot_id.encode()).digest()[:16] if boot_id else bytes(16)


def read_slots(path: Path) -> LeftSlots | None:
    """The contents of the slot file at `path`; None if there is none, or it cannot be trusted."""
    try:
        raw = path.read_bytes()
    except OSError:
        return None
    headers = (Header.unpack(raw[at : at + _HEADER_BYTES]) for at in (0, _HEADER_BYTES))
    header = max((each for each in headers if each), key=lambda each: each.committed, default=None)
    if header is None:
        return None
    return LeftSlots(header, _read_ordinals(raw[_FIRST_SLOT:], header.slots), read_inode(path))


def _read_ordinals(raw: bytes, slots: int) -> frozenset[int] | None:
    if len(raw) < slots * _SLOT.size or len(raw) % _SLOT.size:
        return None
    found = set()
    for ordinal, masked in _SLOT.iter_unpack(raw):
        if ordinal == masked == 0:
            continue
        if masked != ordinal ^ _MASK:
            return None
        found.add(ordinal)
    return frozenset(found)


def _locate_slots(first: int, stop: int) -> list[int]:
    """Where in the file those slots begin, the first one last."""
    return [_FIRST_SLOT + slot * _SLOT.size for slot in range(stop - 1, first - 1, -1)]


class Slots:
    """The slot file of the load that is running."""

    def __init__(self, path: Path, header: Header) -> None:
        self._path = path
        self._header = header
        self._file = os.open(path, os.O_RDWR | NO_FOLLOW)
        self._map = mmap.mmap(self._file, 0)
        self._sign = Sign(path)
        self._free = _locate_slots(0, header.slots)
        self._taken: dict[int, int] = {}
        self._turn = 0
        self._write_header()
        self._write_header()

    @classmethod
    def create(cls, files: Files, header: Header) -> Slots:
        """Put a new file of empty slots in the place of the old one, at once and durably.

        The slots are written, not left as a hole: on a full disk a hole in a mapped file kills the process.
        """
        files.unfinished_wire.unlink(missing_ok=True)
        create(files.unfinished_wire, bytes(_FIRST_SLOT + header.slots * _SLOT.size))
        own = header._replace(file=read_inode(files.unfinished_wire) or (0, 0))
        slots = cls(files.unfinished_wire, own)
        try:
            slots._map.flush()
            files.unfinished_wire.replace(files.wire)
        except BaseException:
            slots.close()
            raise
        slots._path = files.wire
        sync_folder(files.wire.parent)
        return slots

    def __contains__(self, ordinal: object) -> bool:
        return ordinal in self._taken

    @property
    def file(self) -> Inode:
        """Device and inode of the slot file."""
        return self._header.file

    def put(self, ordinals: Iterable[int]) -> None:
        """Note that the rows are put on the wire now."""
        taken, pack = self._taken, _SLOT.pack
        for ordinal in ordinals:
            if ordinal not in taken:
                if not self._free:
                    self._grow()
                taken[ordinal] = at = self._free.pop()
                # In one store: `pack_into` writes byte after byte, and a kill between two leaves a torn slot.
                self._map[at : at + 16] = pack(ordinal, ordinal ^ _MASK)

    def clear(self, ordinals: Iterable[int]) -> None:
        """Empty the slots of rows whose outcome is committed."""
        wire, taken, free = self._map, self._taken, self._free
        for ordinal in ordinals:
            if at := taken.pop(ordinal, 0):
                wire[at : at + 16] = _EMPTY
                free.append(at)

    def note_commit(self, number: int, *, durable: int, mark: int, resent: int) -> None:
        """Remember the commit, so that an older checkpoint in its place is known for what it is."""
        self._header = self._header._replace(committed=number, durable=durable, mark=mark, resent=resent)
        self._write_header()

    def close(self) -> None:
        """Unmap the file; it stays, as it guards the checkpoint against older copies of it."""
        self._map.close()
        os.close(self._file)
        self._sign.take_down()

    def _grow(self) -> None:
        """Double the slots; the file grows before the header says so."""
        old = self._header.slots
        os.lseek(self._file, _FIRST_SLOT + old * _SLOT.size, os.SEEK_SET)
        os.write(self._file, bytes(old * _SLOT.size))
        wider = mmap.mmap(self._file, _FIRST_SLOT + 2 * old * _SLOT.size)
        self._map.close()
        self._map = wider
        self._sign.put_up()
        self._free = _locate_slots(old, 2 * old)
        self._header = self._header._replace(slots=2 * old)
        self._write_header()
        self._write_header()

    def _write_header(self) -> None:
        packed = self._header.pack()
        at = self._turn * _HEADER_BYTES
        self._map[at : at + len(packed)] = packed
        self._turn = 1 - self._turn
