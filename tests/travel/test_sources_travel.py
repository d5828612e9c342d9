"""A source that was surveyed goes to another process, and gives the same records there."""

from __future__ import annotations

import gzip
import os
import pickle
import platform
import uuid
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from loader.dialect import Dialect
from loader.errors import SourceError, SourceMissing
from loader.file_names import call_file
from loader.sources import open_loaded, open_source
from loader.sources.fixed import FixedRows, FixedSource, FixedTable
from loader.sources.inputfile import Changed
from tests.sources.test_formats import BATCH, PACKED, PLAIN, ROWS, Case
from tests.travel import elsewhere as there

if TYPE_CHECKING:
    from collections.abc import Callable

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


def write_messy() -> Path:
    """A CSV with a ragged row, the header again, a stray quote and a total."""
    rows = [f'{number},"text, {number}"\n' for number in range(1000)]
    rows[300:300] = ["one cell\n", "n,x\n", '7,a "stray" quote\n']
    return write("messy.csv", "n,x\n" + "".join(rows) + "total,1000\n")


def test_records_that_are_none_are_named_as_well(elsewhere: Elsewhere) -> None:
    """A ragged row and the header again are rejected with the same words by any worker."""
    source = open_source([write_messy()], chunk_rows=100)
    assert_same(source, elsewhere, (0, 299, 301, 302, 700))
    chunks = list(source.chunks())
    assert sum(len(chunk.unreadable) for chunk in chunks) == 1
    assert sum(len(chunk.no_data) for chunk in chunks) >= 2


ROUND = "".join(f"{number};café {number}\n" for number in range(900))
TEXTS = {
    "utf-16": ("\ufeffn;x\n" + ROUND).encode("utf-16-le"),
    "latin-1": ("n;x\n" + ROUND).encode("latin-1"),
    "sep line": ("sep=;\n" + "n;x\n" + ROUND).encode(),
    "skipped lines": ("Report;\n\n" + "n;x\n" + ROUND).encode(),
    "short rows": ("n;x\n" + ROUND + "900\n").encode(),
    "no header": ROUND.encode(),
    "escapes": ("n;x\n" + ROUND.replace("é", "\\;\\n") + "\\N;x\n").encode(),
    "long record": ("n;x\n" + f'1;"{"y" * 20_000}"\n' + ROUND).encode(),
}
DIALECTS = {
    "latin-1": Dialect(encoding="latin-1"),
    "skipped lines": Dialect(skip_rows=2),
    "short rows": Dialect(short_rows="fill"),
    "no header": Dialect(header=False, columns=("n", "x")),
    "escapes": Dialect(escape="\\"),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_what_was_found_out_of_a_text_travels(kind: str, elsewhere: Elsewhere) -> None:
    """How a text is written was decided by the coordinator, once."""
    dialect = DIALECTS.get(kind)
    source = open_source([write("a.csv", TEXTS[kind])], chunk_rows=100, dialect=dialect)
    assert_same(source, elsewhere, (0, 1, 450, 898))


def test_numbers_that_json_does_not_have_are_nothing_elsewhere_too(elsewhere: Elsewhere) -> None:
    """A worker reads NaN as the coordinator did."""
    path = write("a.jsonl", '{"n": NaN, "x": {"a": [1.50, Infinity]}}\nbroken\n{"n": 1, "n": 2}\n')
    source = open_source([path], dialect=Dialect(null_values=("NaN", "Infinity")))
    assert_same(source, elsewhere, (0, 1, 2))
    assert list(next(iter(source.chunks())).unreadable) == [1, 2]


def write_folder() -> list[Path]:
    """Files of a partitioned folder, whose columns differ in type."""
    for day in (1, 2, 3):
        table = pa.table({"n": pa.array(range(400), pa.int32() if day < 3 else pa.int64())})
        path = Path(f"in/day=2024-01-0{day}/part.parquet")
        path.parent.mkdir(parents=True)
        parquet.write_table(table, path, row_group_size=150)
    return [Path("in")]


def write_archive() -> list[Path]:
    """An archive of two tables."""
    with zipfile.ZipFile("in.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a.csv", "b.csv"):
            archive.writestr(name, "n,x\n" + "".join(f"{name} {n},{n}\n" for n in range(600)))
    return [Path("in.zip")]


def write_dictionaries() -> list[Path]:
    """Columns that are read as other types than the file has: a dictionary, a nested one, an extension."""
    codes = pa.array([f"v{n % 7}" for n in range(1200)]).dictionary_encode()
    nested = pa.array([{"a": n, "b": [str(n)]} for n in range(1200)])
    ids = pa.array([uuid.UUID(int=n).bytes for n in range(1200)], pa.binary(16)).cast(pa.uuid())
    parquet.write_table(
        pa.table({"code": codes, "nested": nested, "id": ids}), "in.parquet", row_group_size=500
    )
    return [Path("in.parquet")]


def write_two_kinds() -> list[Path]:
    """Files of two formats, the second one packed."""
    text = "".join(f'{{"n": "{n}", "x": "{n}"}}\n' for n in range(600))
    return [
        write("a.csv", "n,x\n" + "".join(f"{n},{n}\n" for n in range(600))),
        write("b.jsonl.gz", gzip.compress(text.encode())),
    ]


@pytest.mark.parametrize("make", [write_folder, write_archive, write_dictionaries, write_two_kinds])
def test_inputs_of_several_files_travel(make: Callable[[], list[Path]], elsewhere: Elsewhere) -> None:
    """Folders with columns in their names, archives, and files of several formats are read as one."""
    assert_same(open_source(make(), chunk_rows=100), elsewhere, (0, 399, 600, 801, 1199))


def test_fixed_rows_travel(elsewhere: Elsewhere) -> None:
    """A worker sends the cells that the user fixed, and not those of the input."""
    source = open_source(
        [write("a.csv", "n,x\n" + "".join(f"{n},{n}\n" for n in range(600)))], chunk_rows=100
    )
    tables = [
        FixedTable(np.array(rows), pa.table({"n": [f"f{row}" for row in rows], "x": [mark] * len(rows)}))
        for rows, mark in (([5, 350], "first"), ([350, 599], "second"))
    ]
    assert_same(FixedSource(source, FixedRows(tables)), elsewhere, (0, 350, 599))


def test_an_input_that_is_cut_to_what_was_loaded_ends_there_elsewhere(elsewhere: Elsewhere) -> None:
    """Rows that were added since the load began are no part of it, for any worker."""
    path = write("a.csv", "n,x\n" + "".join(f"{n},{n}\n" for n in range(600)))
    known = open_source([path]).survey().files
    with path.open("a") as file:
        file.write("600,600\n" * 100)
    source = open_loaded([path], known=known, chunk_rows=100)
    assert_same(source, elsewhere, (0, 599))
    assert source.survey().rows == 600


def test_a_survey_that_was_known_travels(elsewhere: Elsewhere) -> None:
    """A load that is resumed reads no marks again, and its workers do not either."""
    path = write("then.csv", "n,x\n" + "".join(f"{n},{n}\n" for n in range(1000)))
    known = open_source([path]).survey().files
    source = open_source([path.rename("now.csv")], known=known, chunk_rows=100)
    assert_same(source, elsewhere)
    assert b"then.csv" not in pickle.dumps(source, 5)


CASES = [each for each in (*PLAIN, *PACKED) if each.ending == each.format.endings[0]]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_other_bytes_are_noticed_where_they_are_read(case: Case, elsewhere: Elsewhere) -> None:
    """A copy of the same size with one changed byte gives out no changed row, on any machine."""
    path = write(case.name, case.write(ROWS))
    source = open_source([path], chunk_rows=100)
    source.survey()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    write("copy", bytes(content)).replace(path)
    chunks, error = elsewhere(there.read_until_it_fails, source, 0)
    assert isinstance(error, Changed)
    assert f"{path}: changed while it was being read (of its bytes " in str(error)
    given_out = [row for chunk in chunks for row in chunk.frame.astype(object).to_numpy().tolist()]
    assert given_out == ROWS[: len(given_out)]
    assert len(given_out) < len(ROWS)


def test_a_file_that_is_the_same_under_another_inode_is_read(elsewhere: Elsewhere) -> None:
    """On another machine inode and time differ always; its bytes are what counts."""
    path = write("a.csv", "n,x\n" + "".join(f"{n},{n}\n" for n in range(600)))
    source = open_source([path], chunk_rows=100)
    here = show(list(source.chunks()))
    write("copy", path.read_bytes()).replace(path)
    os.utime(path, (1, 1))
    chunks, error = elsewhere(there.read_until_it_fails, source, 0)
    assert error is None
    assert show(chunks) == here


def test_a_missing_file_is_named_with_the_machine_and_what_to_do(elsewhere: Elsewhere) -> None:
    """The worker that cannot see the input says so before it reads a row."""
    path = write("in/a.csv", "n,x\n1,2\n")
    source = open_source([path])
    source.survey()
    path.unlink()
    chunks, error = elsewhere(there.read_until_it_fails, source, 0)
    assert not chunks
    assert isinstance(error, SourceMissing)
    assert str(error) == (
        f"{path.absolute()}: there is no such file on {platform.node()}. Put it where all workers can read "
        "it, for example on a shared folder or in a store."
    )
    write("in/a.csv", "n,x\n1,2\n")  # what the advice says
    assert elsewhere(there.read_until_it_fails, source, 0)[1] is None


def test_another_size_is_named_with_both(elsewhere: Elsewhere) -> None:
    """A copy that was cut off is refused before a row of it is read."""
    path = write("a.csv", "n,x\n1,2\n3,4\n")
    source = open_source([path])
    source.survey()
    write("a.csv", "n,x\n1,2\n")
    chunks, error = elsewhere(there.read_until_it_fails, source, 0)
    assert not chunks
    assert type(error) is SourceError
    assert str(error).startswith(
        f"{path.absolute()}: the file on this machine ({platform.node()}) has 8 bytes, the coordinator's has "
        "12. "
    )


def test_what_is_no_file_there_is_refused(elsewhere: Elsewhere) -> None:
    """A folder or a pipe of the same name is not waited for."""
    path = write("a.csv", "n,x\n1,2\n")
    source = open_source([path])
    source.survey()
    path.unlink()
    os.mkfifo(path)
    error = elsewhere(there.read_until_it_fails, source, 0)[1]
    assert str(error).startswith(f"{path.absolute()} on {platform.node()}: is a pipe (FIFO), which ")


def test_a_spool_is_called_by_its_name_and_its_path(elsewhere: Elsewhere) -> None:
    """The result of a query lies beside the checkpoint, which a worker elsewhere may not see."""
    path = call_file(write("spool.csv", "n,x\n1,2\n").absolute(), "the query")
    source = open_source([path])
    assert_same(source, elsewhere, (0,))
    Path(path).unlink()
    error = elsewhere(there.read_until_it_fails, source, 0)[1]
    assert str(error).startswith(f"the query ({path}): there is no such file on ")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_several_threads_may_read_one_source(case: Case) -> None:
    """A worker has one source, and reads several ranges of it at once."""
    source = open_source([write(case.name, case.write(ROWS))], chunk_rows=100)
    source.survey()
    arrived = pickle.loads(pickle.dumps(source, 5))
    firsts = [650, 0, 299, 999, 650, 0]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda first: show(list(arrived.chunks(first))), firsts))
    assert found == [show(list(source.chunks(first))) for first in firsts]
