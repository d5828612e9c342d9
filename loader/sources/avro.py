"""Avro's object container files, as Braze Currents writes them: one file -> slabs of Arrow columns.

The blocks are read here, by the specification (avro.apache.org/docs/1.12.0/specification, "Object Container
Files"), so that each is bounded, checked to its last byte, and unpacked by what pyarrow brings along;
fastavro decodes the records in them.
"""

from __future__ import annotations

import bz2
import hashlib
import io
import json
import lzma
import struct
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING

import pyarrow as pa
from fastavro import parse_schema, schemaless_reader
from fastavro.schema import SchemaParseException

from loader.errors import SourceError
from loader.model import FileRecord
from loader.sources.avrotypes import NotAColumn, build_columns, drop_logical_types
from loader.sources.content import Damaged, Packed
from loader.sources.records import NOBODY, Slab, check_names, recognise_file
from loader.text.escape import join_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from loader.sources.avrotypes import Schema
    from loader.sources.content import Content, Opened, SourceFile
    from loader.sources.records import Onlooker
    from loader.sources.textfile import Digest

MAGIC = b"Obj\x01"
SLAB_ROWS = 8192
# Writers close a block at 16 KB to 4 MB. One that claims to be longer than this is damaged.
LONGEST_BLOCK = 256 << 20

_HEADER = parse_schema(
    {
        "type": "record",
        "name": "org.apache.avro.file.Header",
        "fields": [
            {"name": "magic", "type": {"type": "fixed", "name": "Magic", "size": 4}},
            {"name": "meta", "type": {"type": "map", "values": "bytes"}},
            {"name": "sync", "type": {"type": "fixed", "name": "Sync", "size": 16}},
        ],
    }
)
# What a decoder raises on bytes that are not what they should be.
_DAMAGE = (EOFError, ValueError, LookupError, TypeError, ArithmeticError, MemoryError, struct.error)
_PACKED_DAMAGE = (zlib.error, lzma.LZMAError, OSError, pa.ArrowException)


class AvroRecords:
    """An Avro file; each column has the Arrow type that says the same.

    Args:
        file: the file.
        content: what is in it.

    Raises:
        SourceError: at once if it does not begin as it should, or a column has no type of its own.
    """

    def __init__(self, file: SourceFile, content: Content) -> None:
        self._file = file
        self._content = content
        with content.open() as raw, self._explain_failure(0):
            self._header = _Header.read(_Bytes(raw))
        self._build_columns()

    def _build_columns(self) -> None:
        """Decide on the columns by the header."""
        schema = self._header.schema
        try:
            self._columns = build_columns(schema)
            self._record = parse_schema(drop_logical_types(schema))
        except NotAColumn as failure:
            raise SourceError(f"{self.name}: {failure}") from None
        except (SchemaParseException, *_DAMAGE) as failure:
            raise SourceError(
                f"{self.name}: its schema cannot be read ({join_lines(str(failure))})."
            ) from failure
        check_names([column.name for column in self._columns], self.name)
        self.schema = pa.schema([(column.name, column.kind) for column in self._columns])

    def __getstate__(self) -> dict[str, object]:
        """How it travels: without what can be built again from the header."""
        return {"_file": self._file, "_content": self._content, "_header": self._header}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._build_columns()

    @property
    def name(self) -> str:
        """The path as the user gave it."""
        return self._file.name

    @property
    def form(self) -> str:
        """How it is read."""
        return f"Avro in {self._content.packing}" if isinstance(self._content, Packed) else "Avro"

    def survey(self, known: Sequence[FileRecord] = (), onlooker: Onlooker = NOBODY) -> FileRecord:
        """Hash, and count by decoding; if the file is a known one, only hash.

        Raises:
            SourceError: a block is damaged, or the end is missing.
        """
        if record := recognise_file(self._file, self.form, known):
            return record
        digest = hashlib.sha256()
        rows = 0
        for slab in self._read(0, digest):
            rows = slab.end
            onlooker.see(slab)
        unpacked = digest.hexdigest()
        sha256 = unpacked if self._content is self._file else self._file.sha256()
        return FileRecord(self.name, self._file.size, sha256, rows, form=self.form, rows_hash=unpacked)

    def slabs(self, first: int) -> Iterator[Slab]:
        """The records from number `first` on; blocks that end before it are not decoded.

        Raises:
            SourceError: a block is damaged; all records before it have been yielded.
        """
        return self._read(first)

    def _read(self, first: int, digest: Digest | None = None) -> Iterator[Slab]:
        with self._content.open() as raw:
            source = _Bytes(raw, digest)
            with self._explain_failure(0):
                _Header.read(source)
            end = 0
            while True:
                with self._explain_failure(end):
                    block = _Block.read(source, self._header.sync)
                if block is None:
                    return
                if end + block.rows > first:
                    for slab in self._decode(block, end):
                        if slab.end > first:
                            yield slab.between(max(first, slab.first), slab.end)
                end += block.rows

    def _decode(self, block: _Block, start: int) -> Iterator[Slab]:
        """The records of a block, which begins at record `start`, in slabs."""
        done = 0
        with self._explain_failure(start):
            records = io.BytesIO(self._header.unpack(block.content))
        while done < block.rows:
            count = min(SLAB_ROWS, block.rows - done)
            with self._explain_failure(start + done):
                rows = [schemaless_reader(records, self._record, None) for _ in repeat(None, count)]
                slab = Slab(start + done, self._make_table(rows), {})
            yield slab
            done += count
        with self._explain_failure(start + done):
            if records.read(1):
                raise ValueError("a block holds more than its records")

    def _make_table(self, rows: Sequence[object]) -> pa.Table:
        return pa.Table.from_arrays([column.make_array(rows) for column in self._columns], schema=self.schema)

    @contextmanager
    def _explain_failure(self, row: int) -> Iterator[None]:
        try:
            yield
        except Damaged as failure:
            raise failure.name_row(row) from None
        except (*_DAMAGE, *_PACKED_DAMAGE) as failure:
            raise SourceError(
                f"{self.name}: after row {row:,} it cannot be read ({join_lines(str(failure))}). Was the "
                "copy cut off? Copy or export it again."
            ) from failure


class _Bytes:
    """A file that gives as many bytes as are asked for, or none at its end."""

    def __init__(self, file: Opened, digest: Digest | None = None) -> None:
        self._file = file
        self._digest = digest

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes.

        Raises:
            EOFError: there are fewer.
            ValueError: no block can be so long.
        """
        if not 0 <= size <= LONGEST_BLOCK:
            raise ValueError(f"a block of {size:,} bytes")
        content = self._file.read(size)
        if self._digest is not None:
            self._digest.update(content)
        if len(content) < size:
            raise EOFError("the file ends within a block")
        return content

    def read_number(self, byte: bytes | None = None) -> int:
        """A number, as Avro writes it: seven bits a byte, the lowest first, the sign in the lowest bit."""
        shift = found = 0
        while True:
            (bits,) = byte or self.read(1)
            byte = None
            found |= (bits & 0x7F) << shift
            if bits < 0x80:
                return (found >> 1) ^ -(found & 1)
            shift += 7
            if shift > 63:
                raise ValueError("a number of more than 64 bits")

    def is_at_end(self) -> bytes:
        """The next byte, or b"" at the end."""
        try:
            return self.read(1)
        except EOFError:
            return b""


@dataclass(frozen=True, slots=True)
class _Header:
    """What stands before the blocks.

    Attributes:
        schema: of the records, as JSON.
        sync: the bytes after each block.
        unpack: what a block goes through.
    """

    schema: Schema
    sync: bytes
    unpack: Callable[[bytes], bytes]

    @classmethod
    def read(cls, source: _Bytes) -> _Header:
        found = schemaless_reader(source, _HEADER, None)  # type: ignore[arg-type]  # its read is enough
        if not isinstance(found, dict) or found["magic"] != MAGIC:
            raise ValueError("it does not begin as an Avro file")
        codec = found["meta"].get("avro.codec", b"null").decode()
        if codec not in _CODECS:
            raise ValueError(f'its blocks are packed with "{codec}"; known are {", ".join(_CODECS)}')
        return cls(json.loads(found["meta"]["avro.schema"]), found["sync"], _CODECS[codec])


@dataclass(frozen=True, slots=True)
class _Block:
    """Some records, packed.

    Attributes:
        rows: how many.
        content: their bytes.
    """

    rows: int
    content: bytes

    @classmethod
    def read(cls, source: _Bytes, sync: bytes) -> _Block | None:
        """The next block; None at the end of the file."""
        first = source.is_at_end()
        if not first:
            return None
        rows = source.read_number(first)
        content = source.read(source.read_number())
        if rows < 0 or source.read(len(sync)) != sync:
            raise ValueError("the end of a block is not where it should be")
        return cls(rows, content)


def _unpack_snappy(block: bytes) -> bytes:
    """Snappy, which begins with the length, and the checksum that Avro puts behind it."""
    packed, checksum = block[:-4], block[-4:]
    size = _read_snappy_length(packed)
    content: bytes = pa.decompress(packed, decompressed_size=size, codec="snappy", asbytes=True)
    if zlib.crc32(content) != int.from_bytes(checksum):
        raise ValueError("the checksum of a block is wrong")
    return content


def _read_snappy_length(packed: bytes) -> int:
    size = 0
    for at, bits in enumerate(packed[:5]):
        size |= (bits & 0x7F) << (7 * at)
        if bits < 0x80:
            break
    return _bound(size)


def _unpack_zstandard(block: bytes) -> bytes:
    with pa.CompressedInputStream(pa.BufferReader(block), "zstd") as stream:
        content: bytes = stream.read(LONGEST_BLOCK + 1)
    _bound(len(content))
    return content


def _unpack_deflate(block: bytes) -> bytes:
    unpacker = zlib.decompressobj(-15)
    content = unpacker.decompress(block, LONGEST_BLOCK + 1)
    _bound(len(content))
    return content


def _unpack_whole(block: bytes, make: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor]) -> bytes:
    content = make().decompress(block, LONGEST_BLOCK + 1)
    _bound(len(content))
    return content


def _bound(size: int) -> int:
    if size > LONGEST_BLOCK:
        raise ValueError(f"a block that unpacks to more than {LONGEST_BLOCK >> 20} MB")
    return size


_CODECS: dict[str, Callable[[bytes], bytes]] = {
    "null": bytes,
    "deflate": _unpack_deflate,
    "snappy": _unpack_snappy,
    "zstandard": _unpack_zstandard,
    "bzip2": partial(_unpack_whole, make=bz2.BZ2Decompressor),
    "xz": partial(_unpack_whole, make=lzma.LZMADecompressor),
}
