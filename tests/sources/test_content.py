"""Compressed files are read as what is in them, and refused where they cannot be unpacked to their end."""

from __future__ import annotations

import bz2
import gzip
import io
import tracemalloc
import zipfile
from functools import cache
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from loader.errors import SourceError
from loader.sources import open_source
from tests.sources.conftest import cells

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sources.conftest import Written

ROWS = [[str(number), f"text {number * 7919 % 1000}"] for number in range(30_000)]
TEXT = "n,x\n" + "".join(f"{number},{text}\n" for number, text in ROWS)


def zipped(content: bytes, *, name: str = "export.csv", beside: str = "") -> bytes:
    """A ZIP archive of one file, perhaps with another beside it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("folder/")
        archive.writestr(name, content)
        if beside:
            archive.writestr(beside, b"x")
    return out.getvalue()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "zst": lambda content: pa.compress(content, codec="zstd", asbytes=True),
    "zip": zipped,
}


@pytest.mark.parametrize("suffix", ["gz", "bz2", "zst"])
def test_parts_put_together_are_one_file(written: Written, suffix: str) -> None:
    """As log shippers and parallel compressors write them; nothing after the first part is lost."""
    half = len(TEXT) // 2
    content = b"".join(PACKED[suffix](part.encode()) for part in (TEXT[:half], TEXT[half:]))
    assert cells(open_source([written(content, f"export.csv.{suffix}")])) == ROWS


@pytest.mark.parametrize("suffix", PACKED)
@pytest.mark.parametrize("damage", ["cut short", "something added", "a byte changed"])
def test_a_damaged_compressed_file_is_refused(written: Written, suffix: str, damage: str) -> None:
    """Before anything is sent, with the row up to which it can be read."""
    content = PACKED[suffix](TEXT.encode())
    if damage == "cut short":
        content = content[: len(content) * 3 // 4]
    elif damage == "something added":
        if suffix == "zip":
            pytest.skip("a ZIP archive may be followed by anything")
        content += b"something"
    else:
        if suffix == "zst":
            pytest.skip("pyarrow writes no checksum into it; other writers do")
        half = len(content) // 2
        content = content[:half] + bytes([content[half] ^ 0xFF]) + content[half + 1 :]
    path = written(content, f"export.csv.{suffix}")
    with pytest.raises(SourceError) as refusal:
        open_source([path]).survey()
    message = str(refusal.value)
    assert message.startswith(f"{path}")
    assert "cannot be unpacked any further (" in message
    assert message.endswith("Was the copy cut off, or something added to it? Copy or export it again.")


def test_a_cut_file_names_the_row(written: Written) -> None:
    """The last one that came out of it."""
    content = gzip.compress((TEXT * 20).replace("\nn,x\n", "\n").encode())
    with pytest.raises(SourceError) as refusal:
        open_source([written(content[:-100], "export.csv.gz")]).survey()
    start, _, end = str(refusal.value).partition("after row ")
    row, _, end = end.partition(":")
    assert start == "export.csv.gz, "
    assert 300_000 < int(row.replace(",", "")) < 600_000
    assert end == (
        " cannot be unpacked any further (Truncated compressed stream). Was the copy cut off, or something "
        "added to it? Copy or export it again."
    )


def test_a_bomb_stays_packed(written: Written) -> None:
    """A small file that unpacks to half a gigabyte does not fill the memory: its record is too long."""
    packed = gzip.compress(b"a,b\n1,2\n3,") + gzip.compress(b"x" * (10 << 20)) * 50
    path = written(packed, "export.csv.gz")
    assert path.stat().st_size < 1_000_000
    tracemalloc.start()
    before = pa.total_allocated_bytes()
    with pytest.raises(SourceError) as refusal:
        open_source([path]).survey()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert str(refusal.value).startswith(
        "export.csv.gz: somewhere after row 1 a record is longer than 12 MB."
    )
    assert peak < 450 << 20
    assert pa.total_allocated_bytes() - before < 450 << 20


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (
            gzip.compress(b"PAR1....", mtime=0),
            "x.parquet.gz",
            "x.parquet.gz: is a compressed Parquet file, which cannot be read from front to back. Unpack it "
            "first. (Parquet files can be compressed within.)",
        ),
        (
            b"PK\x03\x04 and no more",
            "x.csv.zip",
            "x.csv.zip: cannot be unpacked any further (File is not a zip file). Was the copy cut off, or "
            "something added to it? Copy or export it again.",
        ),
        (
            gzip.compress(b"", mtime=0),
            "x.csv.gz",
            "x.csv.gz: is empty, it has not even a header. Was the export cut off?",
        ),
        (
            b"\xd0\xcf\x11\xe0",
            "x.xls",
            'x.xls: is an old Excel workbook. Save it as "CSV UTF-8" or as .xlsx.',
        ),
    ],
    ids=["Parquet", "no archive", "nothing in it", "old Excel"],
)
def test_what_cannot_be_read_is_refused(written: Written, content: bytes, name: str, sentence: str) -> None:
    """By what it is, and with what to do."""
    with pytest.raises(SourceError) as refusal:
        open_source([written(content, name)])
    assert str(refusal.value) == sentence


@cache
def pack_twice(outer: str, inner: str) -> bytes:
    """The text, packed and packed again."""
    return PACKED[outer](PACKED[inner](TEXT.encode()))


TWICE = [(outer, inner) for outer in PACKED for inner in PACKED if inner != "zip"]


@pytest.mark.parametrize(("outer", "inner"), TWICE)
@pytest.mark.parametrize("name", ["export.csv.gz", "export.csv", "part-00000", "export.csv.gz.gz"])
def test_what_is_packed_twice_is_unpacked_twice(written: Written, outer: str, inner: str, name: str) -> None:
    """Browsers and object stores pack what is packed already; the name tells nothing of it."""
    source = open_source([written(pack_twice(outer, inner), name)])
    assert cells(source) == ROWS
    assert cells(source, 20_000) == ROWS[20_000:]
    spelled = {"gz": "gzip", "zst": "zstd"}
    shown = f"CSV in {spelled.get(inner, inner)} in {spelled.get(outer, outer)}: "
    assert source.survey().files[0].form.startswith(shown)


@pytest.mark.parametrize("outer", ["gz", "bz2", "zst"])
def test_an_archive_in_a_packed_file_is_refused(written: Written, outer: str) -> None:
    """Its list of files stands at its end."""
    with pytest.raises(SourceError) as refusal:
        open_source([written(PACKED[outer](zipped(b"a\n1\n")), "x.csv.zip.gz")])
    assert str(refusal.value) == (
        "x.csv.zip.gz: is a ZIP archive within another packed file, which cannot be read from front to back. "
        "Unpack the outer one first."
    )


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".zst", ".zip"])
@pytest.mark.parametrize(("name", "text"), [("a.csv", "n,x\n1,a\n"), ("a.json", '{"n": 1, "x": "a"}\n')])
def test_what_is_not_packed_is_read_whatever_its_ending(
    written: Written, ending: str, name: str, text: str
) -> None:
    """Downloads are unpacked on the way, and keep the name."""
    assert cells(open_source([written(text, name + ending)])) == [["1", "a"]]


def test_what_macos_puts_beside_a_file_does_not_count(written: Written) -> None:
    """A ZIP archive made in the Finder holds a second file for each."""
    path = written(zipped(b"a,b\n1,2\n", beside="__MACOSX/._export.csv"), "x.zip")
    assert cells(open_source([path])) == [["1", "2"]]
