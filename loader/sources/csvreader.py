"""pyarrow's CSV reader, opened on a text in the way that the file is written, and stopped when it is left.

pyarrow reads ahead: a thread of Arrow's pool calls `read` of the text until 32 blocks wait. `close` of its
reader does nothing, and dropping the reader waits for that thread only if no block is on its way. A thread
that is left behind reads from a file that is closed, or from the next file that got its descriptor. If it
comes back to Python while the interpreter ends, it aborts the process. So `Batches` lets go of the reader in
this order: no further read of the text begins, the one under way ends, and Arrow drops all that it holds of
ours.
"""

from __future__ import annotations

import atexit
import threading
import weakref
from functools import partial
from typing import TYPE_CHECKING, Protocol, Self

import pyarrow as pa
from pyarrow import csv

from loader.sources.lending import Loans
from loader.sources.ragged import RaggedRows
from loader.sources.textfile import TextFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Literal

    from loader.sources.content import Content
    from loader.sources.spoken import Spoken
    from loader.sources.textfile import NotText


class Readable(Protocol):
    """Text in UTF-8."""

    def read(self, size: int, /) -> bytes:
        """The next bytes; none at the end."""


class Batches:
    """The record batches of a CSV text. Once closed, no thread reads the text or counts ragged rows any more.

    The reader uses no threads for parsing, since only then it tells the number of a ragged record.

    Args:
        text: read from its present position on.
        spoken: how it is written.
        block: bytes that the reader takes at a time.
        ragged: takes the records with another number of cells.
        columns: these are text. For a look at a header alone none need be named.
        header: whether the text begins with a header.

    Raises:
        pyarrow.ArrowInvalid: the first block cannot be read as CSV.
        NotText, SourceError: as raised by the text.
    """

    def __init__(
        self,
        text: Readable,
        spoken: Spoken,
        block: int,
        ragged: Callable[[csv.InvalidRow], Literal["skip", "error"]],
        columns: Sequence[str] = (),
        *,
        header: bool = True,
    ) -> None:
        self._loans = Loans()
        self._tap = _Tap(text, self._loans)
        self._reader: csv.CSVStreamingReader | None = None
        try:
            # Arrow alone must hold what is lent: a variable here would live on in the traceback of an error.
            self._reader = csv.open_csv(
                self._loans.lend(_Stream(self._tap.read)),
                read_options=csv.ReadOptions(
                    use_threads=False, block_size=block, column_names=None if header else list(columns)
                ),
                parse_options=csv.ParseOptions(
                    delimiter=spoken.delimiter,
                    quote_char=spoken.quote or False,
                    newlines_in_values=bool(spoken.quote),
                    invalid_row_handler=self._loans.lend(partial(ragged)),
                ),
                convert_options=csv.ConvertOptions(
                    column_types=dict.fromkeys(columns, pa.string()),
                    strings_can_be_null=False,
                    check_utf8=False,
                ),
            )
        except BaseException:
            self.close()
            raise
        self.names: tuple[str, ...] = tuple(self._reader.schema.names)
        _OPEN.add(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch:
        if self._reader is None:
            raise StopIteration
        return self._reader.read_next_batch()

    def close(self) -> None:
        """Stop reading; return when Arrow holds nothing of the text any more.

        Arrow's thread runs Python within a read. A garbage collection there may end an iterator that nobody
        holds any more. That thread cannot wait for itself, so another one waits for it.
        """
        _OPEN.discard(self)
        if self._tap.is_read_here():
            threading.Thread(target=self._let_go, name="loader-close", daemon=False).start()
        else:
            self._let_go()

    def _let_go(self) -> None:
        self._tap.shut()
        self._reader = None
        self._loans.await_return()


class _Tap:
    """Reads of a text, until it is shut."""

    def __init__(self, text: Readable, loans: Loans) -> None:
        self._text = text
        self._loans = loans
        self._reading = threading.Lock()
        self._reader = 0  # the thread within a read
        self._shut = False

    def read(self, size: int) -> bytes | memoryview:
        """The next bytes of the text; none once it is shut.

        Arrow does not copy a block. Its threads drop the last ones late, and need the interpreter for that.
        """
        with self._reading:
            self._reader = threading.get_ident()
            try:
                return b"" if self._shut else self._loans.lend(memoryview(self._text.read(size)))
            finally:
                self._reader = 0

    def is_read_here(self) -> bool:
        """Whether the calling thread is within a read."""
        return self._reader == threading.get_ident()

    def shut(self) -> None:
        """Begin no read any more, and wait for the one that is under way."""
        # Said before the lock is taken: a thread that reads on and on would not let go of it for long.
        self._shut = True
        with self._reading:
            pass


class _Stream:
    """What Arrow takes for a file.

    Its `read` is a method of another object, so that the traceback of an error in it does not hold it.
    """

    def __init__(self, read: Callable[[int], bytes | memoryview]) -> None:
        self.read = read
        self.closed = False

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It goes forward only."""
        return False

    def close(self) -> None:
        """Nothing to release: whoever opened the file closes it."""
        self.closed = True


_OPEN: weakref.WeakSet[Batches] = weakref.WeakSet()


@atexit.register
def close_all() -> None:
    """Stop all reading ahead before the interpreter ends, also for readers that a paused iterator holds."""
    for batches in list(_OPEN):
        batches.close()


def name_place(found: NotText, content: Content, spoken: Spoken, block: int) -> str:
    """Row and column of a byte: found by reading the text before it and looking how far that goes."""
    try:
        names = spoken.columns if not spoken.header else _read_before(found, content, spoken, block, ())[0]
        names, rows, ragged = _read_before(found, content, spoken, block, names)
    except pa.ArrowInvalid:
        return f"byte {found.offset + 1:,}"
    row = rows + len(ragged.waiting)
    if row == 0:
        return "in the header"
    column = ragged.actual if ragged.latest == row - 1 else len(names)
    names = spoken.columns or names
    return f'row {row:,}, column "{names[column - 1]}"' if column <= len(names) else f"row {row:,}"


def _read_before(
    found: NotText, content: Content, spoken: Spoken, block: int, names: Sequence[str]
) -> tuple[Sequence[str], int, RaggedRows]:
    """Read what stands before a byte, with a sign in its place: the names, good records, and ragged ones."""
    ragged = RaggedRows()
    ragged.begin(0, header=spoken.header)
    with content.open() as raw:
        raw.seek(spoken.start)
        length, cover = found.offset - spoken.start, spoken.make_cover()
        text = TextFile(raw, length, encoding=spoken.encoding, tail=b"?\n", cover=cover)
        with Batches(text, spoken, block, ragged, names, header=spoken.header) as batches:
            rows = sum(batch.num_rows for batch in batches) if names else 0
            return batches.names, rows, ragged
