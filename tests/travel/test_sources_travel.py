"""A source that was surveyed goes to another process, and gives the same records there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from loader.sources import open_source
from tests.sources.test_formats import BATCH, PACKED, PLAIN, ROWS, Case
from tests.travel import elsewhere as there

if TYPE_CHECKING:
    from loader.model import Chunk
    from loader.sources import Source
    from tests.travel.conftest import Elsewhere

FIRSTS = (0, BATCH - 1, 650, 1000)


def show(chunks: list[Chunk]) -> list[object]:
    """Everything that a chunk has, in a form in which equal chunks are equal."""
    return [
        (
            chunk.first,
            chunk.file,
            chunk.first_row,
            pa.Table.from_pandas(chunk.frame, preserve_index=False),
            {at: (why, getattr(why, "reason", None)) for at, why in chunk.unreadable.items()},
            dict(chunk.no_data),
        )
        for chunk in chunks
    ]


def write(name: str, content: bytes | str) -> Path:
    """A file in the working folder."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def assert_same(source: Source, elsewhere: Elsewhere, firsts: tuple[int, ...] = FIRSTS) -> None:
    """The chunks from each ordinal on are the same here and there, after one survey."""
    source.survey()
    found = elsewhere(there.read, source, firsts)
    for first, chunks in zip(firsts, found, strict=True):
        here = show(list(source.chunks(first)))
        assert show(chunks) == here
        assert here or first >= source.survey().rows


@pytest.mark.parametrize("case", PLAIN + PACKED, ids=lambda case: case.name)
def test_each_format_gives_the_same_records_elsewhere(case: Case, elsewhere: Elsewhere) -> None:
    """A worker can be given any range of a file of any format, whatever folder it was started in."""
    path = write(f"in/{case.name}", case.write(ROWS))
    assert_same(open_source([path], chunk_rows=100), elsewhere)
