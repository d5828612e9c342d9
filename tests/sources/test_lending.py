"""Nothing that was lent to Arrow is left in its threads when a reader is left, by whatever way."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pyarrow as pa
import pytest
from pyarrow import ipc

from loader.errors import SourceError
from loader.sources import arrow, lending, open_source
from loader.sources.csvreader import Batches
from loader.sources.lending import Loans
from loader.sources.ragged import RaggedRows
from loader.sources.spoken import Spoken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loader.sources import Source
    from loader.sources.inputfile import WatchedFile


class Thing:
    """Something to lend."""


def test_a_loan_is_awaited() -> None:
    """The wait ends when the last holder drops the object, and not before."""
    loans, held = Loans(), []
    held.append(loans.lend(Thing()))
    waiting = threading.Thread(target=loans.await_return)
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    held.clear()
    waiting.join(5)
    assert not waiting.is_alive()


def test_a_loan_that_never_returns_does_not_hang_the_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait has a bound."""
    monkeypatch.setattr(lending, "_PATIENCE", 0.1)
    loans = Loans()
    kept = loans.lend(Thing())
    start = time.monotonic()
    loans.await_return()
    assert 0.1 <= time.monotonic() - start < 5
    assert kept


class Collected:
    """A text without an end; its third read collects garbage, as any line of Python may."""

    def __init__(self) -> None:
        self.reads = 0
        self.left = threading.Event()
        self.collected = threading.Event()

    def read(self, size: int, /) -> bytes:
        """One block of records."""
        self.reads += 1
        if self.reads == 3:
            assert self.left.wait(10)
            gc.collect()
            self.collected.set()
        return (b"a,b\n" if self.reads == 1 else b"1,2\n") * (size // 4)


def iterate(text: Collected) -> Iterator[pa.RecordBatch]:
    """As a source does."""
    with Batches(text, Spoken(",", '"', "utf-8", header=True), 1 << 12, RaggedRows()) as batches:
        yield from batches


def leave_as_garbage(text: Collected) -> None:
    """A paused iterator in a circle of references, as the traceback of an error makes one."""
    batches = iterate(text)
    next(batches)
    circle: list[object] = [batches]
    circle.append(circle)


def test_a_reader_can_be_collected_as_garbage_in_arrows_own_thread() -> None:
    """That thread does not wait for itself: the read that it is in ends, and no other begins."""
    text = Collected()
    leave_as_garbage(text)
    text.left.set()
    assert text.collected.wait(5)
    for thread in threading.enumerate():
        if thread.name == "loader-close":
            thread.join(5)
            assert not thread.is_alive()
    reads = text.reads
    time.sleep(0.05)
    assert text.reads == reads


class Block(bytearray):
    """A block of text that can be watched."""


class Watched:
    """A text without an end, that knows which of its blocks are still held."""

    def __init__(self) -> None:
        self._given: list[weakref.ref[Block]] = []

    def read(self, size: int, /) -> bytes:
        """One block of records."""
        block = Block((b"1,2\n" if self._given else b"a,b\n") * (size // 4))
        self._given.append(weakref.ref(block))
        return cast("bytes", block)

    @property
    def reads(self) -> int:
        """Blocks that were given."""
        return len(self._given)

    @property
    def held(self) -> int:
        """Blocks that someone holds."""
        return sum(block() is not None for block in self._given)


def test_arrow_holds_no_block_of_a_text_that_was_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its threads would need the interpreter to drop one, perhaps while that ends; so each one is lent."""
    held, lent, lend = [], list[object](), Loans.lend

    def lend_seen(loans: Loans, thing: object) -> object:
        lent.append(type(thing))
        return lend(loans, thing)

    monkeypatch.setattr(Loans, "lend", lend_seen)
    for _ in range(50):
        text = Watched()
        with Batches(text, Spoken(",", '"', "utf-8", header=True), 1 << 12, RaggedRows()) as batches:
            next(batches)
        held.append(text.held)
        assert lent.count(memoryview) == text.reads
        lent.clear()
    assert held == [0] * 50


@pytest.fixture
def lent(monkeypatch: pytest.MonkeyPatch) -> list[weakref.ref[object]]:
    """All files that are lent to Arrow's readers of its own format."""
    seen: list[weakref.ref[object]] = []
    make = arrow._Lent

    def make_seen(file: WatchedFile) -> object:
        made = make(file)
        seen.append(weakref.ref(made))
        return made

    monkeypatch.setattr(arrow, "_Lent", make_seen)
    return seen


def take_a_chunk(source: Source) -> None:
    """As a load that is stopped."""
    with closing(source.chunks()) as chunks:  # type: ignore[type-var] # it is a generator
        next(chunks)


def read_to_damage(source: Source) -> None:
    """As a check of a damaged file."""
    path = Path(source.survey().files[0].name)
    content = bytearray(path.read_bytes())
    content[200:260] = bytes(60)
    path.write_bytes(content)
    with pytest.raises(SourceError):
        open_source([path]).survey()


def open_a_cut_file(source: Source) -> None:
    """As a copy that is not finished."""
    path = Path(source.survey().files[0].name)
    path.write_bytes(path.read_bytes()[:-4])
    start = time.monotonic()
    with pytest.raises(SourceError):
        open_source([path])
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("leave", [lambda _: None, take_a_chunk, read_to_damage, open_a_cut_file])
def test_arrow_holds_no_file_of_its_own_format_when_the_reader_is_left(
    tmp_path: Path, lent: list[weakref.ref[object]], leave: Callable[[Source], None]
) -> None:
    """After a look at the schema, after some records, after damage, and if it cannot be opened."""
    table = pa.table({"n": [str(number) for number in range(1000)]})
    with ipc.new_file(tmp_path / "x.arrow", table.schema) as writer:
        writer.write_table(table, 100)
    for _ in range(20):
        source = open_source([tmp_path / "x.arrow"])
        assert [file for file in lent if file() is not None] == []
    leave(source)
    assert [file for file in lent if file() is not None] == []
