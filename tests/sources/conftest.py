"""Files to read, and short ways to read them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pandas as pd
import pytest

from loader.errors import SourceError
from loader.sources.inputfile import WatchedFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loader.model import Chunk
    from loader.sources import Source


class Written(Protocol):
    """Writes a file into the test's folder and returns its path."""

    def __call__(self, content: bytes | str, name: str = "export.csv") -> Path:
        """Text is written as UTF-8, without a change to its line ends."""


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """A maker of small files; the working folder is theirs, so that messages show bare names."""

    def write(content: bytes | str, name: str = "export.csv") -> Path:
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return Path(name)

    return write


@pytest.fixture(autouse=True)
def _in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class Watch:
    """Looks at all reads of watched files; they are slow, so that Arrow's thread is always within one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reads = self.inside = 0
        self.wrong: list[str] = []
        read, close = WatchedFile.read, WatchedFile.close

        def slow_read(file: WatchedFile, size: int | None = -1, /) -> bytes:
            self.reads += 1
            self.inside += 1
            if file.closed:
                self.wrong.append("a read of a closed file")
            time.sleep(0.002)
            try:
                return read(file, size)
            finally:
                self.inside -= 1

        def watched_close(file: WatchedFile) -> None:
            if self.inside:
                self.wrong.append("closed while it was read")
            close(file)

        monkeypatch.setattr(WatchedFile, "read", slow_read)
        monkeypatch.setattr(WatchedFile, "close", watched_close)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """All reads of files from here on."""
    return Watch(monkeypatch)


def cells(source: Source, first: int = 0) -> list[list[object]]:
    """All records from `first` on as lists of cells; their ordinals run on and agree with the survey."""
    records: list[list[object]] = []
    for chunk in source.chunks(first):
        assert chunk.first == first + len(records)
        assert all(0 <= offset < len(chunk.frame) for offset in chunk.unreadable)
        records += chunk.frame.astype(object).to_numpy().tolist()
    assert first + len(records) == max(source.survey().rows, first)
    return records


def texts(source: Source, first: int = 0) -> list[list[object]]:
    """As `cells`, an empty cell as None."""
    return [[None if cell is pd.NA else cell for cell in record] for record in cells(source, first)]


def unreadable(source: Source) -> dict[int, str]:
    """Ordinal and reason of each unreadable record."""
    return {
        chunk.first + offset: reason
        for chunk in source.chunks()
        for offset, reason in chunk.unreadable.items()
    }


def drained(chunks: Iterator[Chunk], given_out: list[object], column: str) -> str:
    """Read to the error that must come; add the cells of all records before it to `given_out`."""
    try:
        for chunk in chunks:
            given_out += chunk.frame[column].tolist()
    except SourceError as stop:
        return str(stop)
    return "the input was read to its end"
