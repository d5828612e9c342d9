"""A CSV reader that is left has stopped reading: no thread of Arrow's touches the file after that."""

from __future__ import annotations

import gzip
import subprocess
import sys
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from loader.errors import SourceError
from loader.sources import delimited, open_source
from loader.sources.csvreader import Batches
from loader.sources.ragged import RaggedRows
from loader.sources.spoken import Spoken

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loader.sources import Source
    from tests.sources.conftest import Watch, Written

SPOKEN = Spoken(",", '"', "utf-8", header=True)
BLOCK = 1 << 12
ROWS = "".join(f"{number},text\n" for number in range(60_000))


class Gated:
    """A text without an end, whose reads after the second wait at a gate."""

    def __init__(self) -> None:
        self.reads = 0
        self.waiting = threading.Event()
        self.gate = threading.Event()

    def read(self, size: int, /) -> bytes:
        """One block of records."""
        self.reads += 1
        if self.reads > 2:
            self.waiting.set()
            assert self.gate.wait(10)
        return (b"a,b\n" if self.reads == 1 else b"1,2\n") * (size // 4)


def test_leaving_waits_for_the_read_that_is_under_way() -> None:
    """Only then may the file be closed; and no read begins after it."""
    text = Gated()
    batches = Batches(text, SPOKEN, BLOCK, RaggedRows())
    next(batches)
    assert text.waiting.wait(10)
    leaving = threading.Thread(target=batches.close)
    leaving.start()
    leaving.join(0.2)
    assert leaving.is_alive()
    text.gate.set()
    leaving.join(5)
    assert not leaving.is_alive()
    assert text.reads == 3
    time.sleep(0.05)
    assert text.reads == 3


def test_a_closed_reader_gives_nothing() -> None:
    """Instead of what Arrow had read ahead; closing twice is allowed."""
    text = Gated()
    text.gate.set()
    batches = Batches(text, SPOKEN, BLOCK, RaggedRows())
    next(batches)
    batches.close()
    batches.close()
    assert list(batches) == []


@pytest.fixture(autouse=True)
def _in_small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "BLOCK", BLOCK)


def look_at_the_columns(source: Source) -> None:
    """As a list of what a file brings: only its beginning is read."""
    assert source.schema.names == ["a", "b"]


def take_a_chunk(source: Source) -> None:
    """As a load that is stopped."""
    source.survey()
    with closing(source.chunks()) as chunks:  # type: ignore[type-var] # it is a generator
        next(chunks)


def take_a_sample(source: Source) -> None:
    """As a mapping that is proposed."""
    source.sample(5)


def fail_within(source: Source) -> None:
    """As a consumer that fails; its traceback keeps the frames of the iteration."""

    def consume() -> None:
        for chunk in source.chunks():
            raise ValueError(chunk.first)

    source.survey()
    with pytest.raises(ValueError, match=r"^0$"):
        consume()


def survey_to_an_error(source: Source) -> None:
    """As a check of a damaged file."""
    with pytest.raises(SourceError):
        source.survey()


LEFT: dict[str, tuple[str, Callable[[Source], None]]] = {
    "the columns": (ROWS, look_at_the_columns),
    "a chunk": (ROWS, take_a_chunk),
    "a sample": (ROWS, take_a_sample),
    "a consumer's error": (ROWS, fail_within),
    "an open quote": (f'{ROWS}1,"2\n{ROWS}', survey_to_an_error),
    "a byte that is not UTF-8": (f"{ROWS}1,\udcff\n{ROWS}", survey_to_an_error),
    "another table": (ROWS + "1,2,3\n" * 20_000 + ROWS, survey_to_an_error),
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize("way", LEFT)
def test_no_file_is_read_after_its_reader_was_left(
    written: Written, watch: Watch, way: str, packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor closed while it is read, however the reader is left."""
    monkeypatch.setattr(delimited, "LARGE_BLOCK", 4 * BLOCK)
    text, leave = LEFT[way]
    content = ("a,b\n" + text).encode(errors="surrogateescape")
    path = written(gzip.compress(content, 0) if packed else content, "x.csv.gz" if packed else "x.csv")
    leave(open_source([path]))
    reads = watch.reads
    assert watch.inside == 0
    time.sleep(0.02)
    assert watch.reads == reads
    assert watch.wrong == []


def test_a_block_that_is_too_small_is_left_before_the_next_reader_begins(
    written: Written, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next reader often gets the same descriptor: a late read of the first would take its beginning."""
    monkeypatch.setattr(delimited, "BLOCK", 64)
    header = ",".join(f"column {number}" for number in range(40))
    path = written((f"{header}\n" + ("1," * 39 + "x\n") * 200).encode("utf-16"))
    for _ in range(5):
        assert open_source([path]).survey().rows == 200
    assert watch.wrong == []


ENDINGS = {
    "after a proposal": 'loader.Mapping.infer("users", "x.csv")',
    "within an iteration": 'kept = loader.sources.open_source(["x.csv"])._readers[0].slabs(0); next(kept)',
    "after an error": """
try:
    loader.sources.open_source(["quote.csv"]).survey()
except loader.errors.SourceError as error:
    kept = error
""",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_script_that_ends_early_ends_well(written: Written, tmp_path: Path, ending: str) -> None:
    """Its exit code is its own: Arrow's thread does not come back into an interpreter that is gone."""
    rows = "".join(f"device-{number},user-{number}\n" for number in range(200_000))
    written("hwid,userId\n" + rows, "x.csv")
    written('hwid,userId\n1,"2\n' + rows, "quote.csv")
    script = f"""
import time
import loader, loader.errors, loader.sources
from loader.sources import delimited
from loader.sources.inputfile import WatchedFile
read, delimited.BLOCK, delimited.LARGE_BLOCK = WatchedFile.read, 1 << 16, 1 << 17
def slow_read(file, size=-1, /):
    time.sleep(0.002)
    return read(file, size)
WatchedFile.read = slow_read
{ENDINGS[ending]}
"""
    for _ in range(3):
        ended = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120
        )
        assert ended.stderr == ""
        assert ended.returncode == 0
