"""Parquet: types are kept, batches are bounded, damage is named after the rows before it were given out."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from loader.errors import SourceError
from loader.sources import open_source
from loader.sources import parquet as reader
from tests.sources.conftest import cells, drained

if TYPE_CHECKING:
    from tests.sources.conftest import Written

NAMES = [f"{number:06d}" for number in range(10_000)]


def numbered(rows: int = 1000) -> pa.Table:
    """A column of text and one of numbers."""
    return pa.table({"name": NAMES[:rows], "number": pa.array(range(rows), pa.int32())})


def saved(table: pa.Table, name: str = "export.parquet", **options: object) -> Path:
    """Write the table, by default in row groups of 300."""
    parquet.write_table(table, name, **{"row_group_size": 300, **options})
    return Path(name)


def overwrite(path: Path, offset: int, content: bytes = b"\xff" * 16) -> None:
    """Damage a file in place."""
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)


def page_offset(path: Path, group: int, share: float = 0.0) -> int:
    """Where the pages of the first column of a row group stand; `share` of the way into them."""
    column = parquet.read_metadata(path).row_group(group).column(0)
    return int(column.data_page_offset + share * column.total_compressed_size)


def test_row_groups_before_the_first_record_are_not_touched() -> None:
    """A load that is resumed behind a damaged row group continues: metadata are enough to skip it."""
    path = saved(numbered())
    overwrite(path, page_offset(path, group=0))
    assert len(cells(open_source([path]), first=300)) == 700


TYPED = {
    "int64": pa.array([2**53 + 1, None]),
    "uint64": pa.array([2**64 - 1, 0], pa.uint64()),
    "double": pa.array([-0.0, float("inf")]),
    "decimal": pa.array([Decimal("12.00"), None]),
    "bool": pa.array([True, None]),
    "text": pa.array(["00123", ""]),
    "binary": pa.array([b"\x00\xff", None]),
    "nothing": pa.nulls(2),
    "day": pa.array([datetime.date(1601, 1, 1), datetime.date(9999, 12, 31)]),
    "seconds": pa.array([0, None], pa.timestamp("ms")),
    "nanoseconds": pa.array([1, None], pa.timestamp("ns")),
    "zoned": pa.array([0, None], pa.timestamp("us", "Asia/Kathmandu")),
    "list": pa.array([[1, 2], None]),
    "struct": pa.array([{"a": 1}, None]),
    "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
}


def test_types_are_kept() -> None:
    """What the file holds reaches the mapping in its own type: no float in place of an integer."""
    table = pa.table(TYPED)
    source = open_source([saved(table)])
    (chunk,) = source.chunks()
    assert source.schema == table.schema
    assert dict(chunk.frame.dtypes) == {name: pd.ArrowDtype(cells.type) for name, cells in TYPED.items()}
    for name, expected in TYPED.items():
        assert pa.chunked_array(chunk.frame[name].array.__arrow_array__()).to_pylist() == expected.to_pylist()


def test_an_index_written_by_pandas_stays_a_column() -> None:
    """Pandas' note in the file must not take the id away from the columns."""
    frame = pd.DataFrame({"amount": [1.5, 2.5]}, index=pd.Index(["007", "008"], name="user_id"))
    frame.to_parquet("export.parquet")
    (chunk,) = open_source(["export.parquet"]).chunks()
    assert list(chunk.frame["user_id"]) == ["007", "008"]


def test_old_timestamps_do_not_overflow() -> None:
    """INT96, as Spark and Hive wrote it, keeps the years 1601 and 9999."""
    moments = [datetime.datetime(1601, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59)]
    table = pa.table({"at": pa.array(moments, pa.timestamp("us"))})
    path = saved(table, use_deprecated_int96_timestamps=True)
    assert parquet.ParquetFile(path).schema.column(0).physical_type == "INT96"
    (chunk,) = open_source([path]).chunks()
    assert chunk.frame["at"].array.__arrow_array__().to_pylist() == moments


def test_a_cut_file_is_refused_at_once(written: Written) -> None:
    """A file without its end has no footer, hence no columns."""
    whole = saved(numbered()).read_bytes()
    for size in (0, 3, len(whole) // 2, len(whole) - 1):
        with pytest.raises(SourceError) as refusal:
            open_source([written(whole[:size], "cut.parquet")])
        message = str(refusal.value)
        assert message.startswith("cut.parquet: is not a whole Parquet file, its footer cannot be read (")
        assert message.endswith("). Was the copy cut off? Copy or export it again.")


@pytest.mark.parametrize("group", [0, 1, 3])
def test_damage_stops_after_the_rows_before_it(group: int) -> None:
    """All rows before a damaged row group are given out, then the group and the first lost row are named."""
    path = saved(numbered(), use_dictionary=False)
    overwrite(path, page_offset(path, group))
    source = open_source([path], chunk_rows=70)
    assert source.survey().rows == 1000
    given_out: list[object] = []
    message = drained(source.chunks(), given_out, "number")
    assert given_out == list(range(group * 300))
    assert message.startswith(
        f"export.parquet: row group {group + 1} of 4 is damaged; "
        f"from row {group * 300 + 1} on it cannot be read ("
    )
    assert message.endswith("). The rows before it are not affected. Export the file again.")


@pytest.mark.parametrize("first", [0, 4000])
def test_damage_within_a_row_group_costs_no_whole_batch(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages before the damaged one are given out too, without a gap or a repetition."""
    monkeypatch.setattr(reader, "_BATCH_ROWS", 1000)
    path = saved(numbered(10_000), row_group_size=10_000, use_dictionary=False, data_page_size=4096)
    overwrite(path, page_offset(path, 0, share=0.6))
    given_out: list[object] = []
    message = drained(open_source([path]).chunks(first), given_out, "number")
    assert f"row group 1 of 1 is damaged; from row {first + len(given_out) + 1:,} on" in message
    assert given_out == list(range(first, first + len(given_out)))
    assert 5000 < first + len(given_out) < 7000


def test_a_flipped_bit_is_found_by_the_checksum_of_its_page() -> None:
    """Where the writer stored checksums they are verified: a wrong value never passes for a right one."""
    path = saved(numbered(), use_dictionary=False, compression="none", write_page_checksum=True)
    content = path.read_bytes()
    overwrite(path, content.index(b"000777"), b"000778")
    with pytest.raises(SourceError, match=r"row group 3 of 4 is damaged; from row 601 on"):
        cells(open_source([path]))


def test_wide_records_make_small_batches() -> None:
    """Memory is bounded by bytes, not by rows: a batch of records of 100 KB holds about 8 MB."""
    table = pa.table({"text": [f"{number:03d}" * 33_000 for number in range(300)]})
    source = open_source([saved(table, use_dictionary=False)])
    assert max(len(chunk.frame) for chunk in source.chunks()) <= 90
    assert len(cells(source)) == 300


def test_duplicate_columns_are_refused() -> None:
    """No mapping could tell them apart."""
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(SourceError, match='the header names "a" twice, as columns 1 and 2'):
        open_source([saved(table)])
