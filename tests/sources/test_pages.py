"""A page that was read once must stay what it was."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from loader.errors import SourceError
from loader.sources import inputfile
from loader.sources.inputfile import InputFile
from loader.sources.pages import Pages

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 100_000
CONTENT = bytes(number * 7919 >> 5 & 0xFF for number in range(SIZE))


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputfile, "PAGE", 1 << 12)


@pytest.fixture
def file(tmp_path: Path) -> InputFile:
    """A file of many pages, the last of them not whole."""
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return InputFile.at(path)


def test_a_page_is_recognised_by_its_bytes() -> None:
    """Whatever was read of other pages before."""
    pages = Pages()
    assert pages.recognise(7, b"seven")
    assert pages.recognise(0, b"")
    assert pages.recognise(7, b"seven")
    assert not pages.recognise(7, b"Seven")
    assert not pages.recognise(0, b"zero")
    assert pages.recognise(3, b"three")


@pytest.mark.parametrize("size", [1, 3, 1000, 4095, 4096, 4097, 8192, 10_000, SIZE, 2 * SIZE])
@pytest.mark.parametrize("start", [0, 1, 4095, 4096, 50_000, SIZE - 1, SIZE, SIZE + 5])
def test_a_read_gives_what_stands_there(file: InputFile, start: int, size: int) -> None:
    """In small pieces and in large ones, from each place on."""
    with file.open() as opened:
        opened.seek(start)
        assert opened.read(size) == CONTENT[start : start + size]
        assert opened.tell() == max(min(start + size, SIZE), start)
        assert opened.read(5) == CONTENT[start + size :][:5]


def test_each_way_to_read_is_watched(file: InputFile) -> None:
    """No method of a file goes around the comparison."""
    with file.open() as opened, io.BufferedReader(opened) as buffered:
        assert buffered.read() == CONTENT
    file.path.write_bytes(CONTENT[:-1] + b"!")
    changed = InputFile(file.name, file.path, InputFile.at(file.path).stamp, pages=file.pages)
    for read in ("read", "readall", "readlines"):
        with changed.open() as opened, pytest.raises(SourceError, match="bytes 98,305 to 100,000"):
            getattr(opened, read)()
    with changed.open() as opened, pytest.raises(SourceError, match="bytes 98,305 to 100,000"):
        opened.readinto(bytearray(SIZE))
