"""Arrow IPC: files and streams are read with their types, and refused where they are damaged."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import feather, ipc

from loader.errors import SourceError
from loader.sources import open_source
from tests.sources.conftest import cells
from tests.sources.test_parquet import TYPED, numbered


def saved(table: pa.Table, name: str) -> Path:
    """Write in batches of 300, as a stream where the name says so."""
    opened = ipc.new_stream if name.endswith("arrows") else ipc.new_file
    with opened(name, table.schema) as writer:
        writer.write_table(table, max_chunksize=300)
    return Path(name)


@pytest.mark.parametrize("name", ["x.arrow", "x.arrows"])
def test_types_are_kept(name: str) -> None:
    """What the file holds reaches the mapping in its own type."""
    table = pa.table(TYPED)
    source = open_source([saved(table, name)])
    assert source.schema == table.schema
    assert source.survey().rows == 2
    assert source.survey().files[0].form == ("Arrow stream" if name == "x.arrows" else "Arrow file")


def test_feather_is_read() -> None:
    """Compressed within, as pandas writes it."""
    feather.write_feather(numbered(), "x.feather", compression="zstd")
    assert len(cells(open_source(["x.feather"]))) == 1000


@pytest.mark.parametrize(
    ("name", "size", "place"),
    [
        ("x.arrow", -1, "its beginning or end cannot be read ("),
        ("x.arrow", 4, "its beginning or end cannot be read ("),
        ("x.arrows", 4, "its beginning or end cannot be read ("),
        ("x.arrows", 9_000, "record batch 2, after row 300 cannot be read ("),
    ],
)
def test_a_cut_file_is_refused(name: str, size: int, place: str) -> None:
    """With the place."""
    path = saved(numbered(), name)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(SourceError) as refusal:
        open_source([path]).survey()
    assert str(refusal.value).startswith(f"{name}: {place}")
    assert str(refusal.value).endswith("). Was the copy cut off? Copy or export it again.")


def test_a_damaged_batch_is_refused() -> None:
    """Offsets that lead nowhere are found before a cell is read by them."""
    path = saved(numbered(), "x.arrow")
    content = path.read_bytes()
    place = content.index((6).to_bytes(4, "little") + (12).to_bytes(4, "little"))
    path.write_bytes(content[:place] + b"\xff" * 4 + content[place + 4 :])
    with pytest.raises(SourceError) as refusal:
        open_source([path]).survey()
    assert str(refusal.value).startswith("x.arrow: record batch 1, after row 0 cannot be read (")
