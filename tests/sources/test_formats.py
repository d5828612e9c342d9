"""What each reader must promise, whatever the format; a format is tested by being in the table."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import mmap
import os
import re
import time
import zipfile
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import fastavro
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import ipc, parquet

from loader.dialect import INPUT_FORMATS, Dialect
from loader.errors import SourceError
from loader.sources import delimited, inputfile, jsonlines, open_source, segments
from loader.sources.formats import FORMATS, PACKINGS, Format, Packing, guess_ending
from loader.sources.records import NOBODY
from tests.sources.conftest import cells, drained, unreadable
from tests.sources.workbooks import Cell, text, workbook

if TYPE_CHECKING:
    from collections.abc import Callable

    from loader.model import Chunk
    from loader.sources import Source
    from tests.sources.conftest import Watch, Written

NAMES = ("n", "x")
ROWS = [[f"{number:04d}", f"text {number * 7919 % 1000}"] for number in range(1000)]
BATCH = 300
SAID = Dialect(columns=NAMES)


def write_delimited(delimiter: str) -> Callable[[list[list[str]], str], bytes]:
    """A writer of text with a header."""
    return lambda rows, _ending: "".join(delimiter.join(row) + "\n" for row in [list(NAMES), *rows]).encode()


def write_json_lines(rows: list[list[str]], _ending: str) -> bytes:
    """An object a line; a blank line if there is none, since a file of no bytes is something else."""
    return "".join(json.dumps(dict(zip(NAMES, row, strict=True))) + "\n" for row in rows).encode() or b"\n"


def table_of(rows: list[list[str]]) -> pa.Table:
    """The rows as columns of text."""
    return pa.table([pa.array([row[at] for row in rows], pa.string()) for at in range(2)], names=list(NAMES))


def write_parquet(rows: list[list[str]], _ending: str) -> bytes:
    """In several row groups."""
    out = io.BytesIO()
    parquet.write_table(table_of(rows), out, row_group_size=BATCH)
    return out.getvalue()


def write_arrow(rows: list[list[str]], ending: str) -> bytes:
    """In several batches; as a stream if the ending says so."""
    out = io.BytesIO()
    opened = ipc.new_stream if ending == ".arrows" else ipc.new_file
    with opened(out, table_of(rows).schema) as writer:
        writer.write_table(table_of(rows), max_chunksize=BATCH)
    return out.getvalue()


def write_avro(rows: list[list[str]], _ending: str) -> bytes:
    """In several blocks."""
    out = io.BytesIO()
    schema = {"type": "record", "name": "row", "fields": [{"name": name, "type": "string"} for name in NAMES]}
    records = [dict(zip(NAMES, row, strict=True)) for row in rows]
    fastavro.writer(out, schema, records, sync_interval=BATCH * 10)
    return out.getvalue()


def write_excel(rows: list[list[str]], _ending: str) -> bytes:
    """A sheet of text."""
    cells: list[list[Cell]] = [[text(cell) for cell in row] for row in [list(NAMES), *rows]]
    return workbook(*cells)


def write_zip(content: bytes, ending: str) -> bytes:
    """An archive of one file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"inside{ending}", content)
    return out.getvalue()


# A format that is added to the table needs a writer here, and a packing a packer.
WRITERS: dict[str, Callable[[list[list[str]], str], bytes]] = {
    "CSV": write_delimited(","),
    "TSV": write_delimited("\t"),
    "JSON Lines": write_json_lines,
    "Parquet": write_parquet,
    "Arrow": write_arrow,
    "Avro": write_avro,
    "Excel": write_excel,
}
PACKERS: dict[str, Callable[[bytes, str], bytes]] = {
    "bz2": lambda content, _: bz2.compress(content),
    "gzip": lambda content, _: gzip.compress(content, mtime=0),
    "zstd": lambda content, _: pa.compress(content, codec="zstd", asbytes=True),
    "zip": write_zip,
}

# Nothing comes out of these if their end is missing: a list stands there, or the small file is one block.
NEEDS_ITS_END = {"zip", "bz2"}


@dataclass(frozen=True, slots=True)
class Case:
    """A format under one of its endings, perhaps packed."""

    format: Format
    ending: str
    packing: Packing | None = None

    @property
    def name(self) -> str:
        """A name for the file."""
        return f"export{self.ending}{self.packing.ending if self.packing else ''}"

    def write(self, rows: list[list[str]]) -> bytes:
        """A file of these rows."""
        return self.pack(WRITERS[self.format.name](rows, self.ending))

    def pack(self, content: bytes) -> bytes:
        """The content as it stands in the file."""
        return PACKERS[self.packing.name](content, self.ending) if self.packing else content

    @property
    def knows_its_end(self) -> bool:
        """Whether a file that was cut between two rows can be told from a whole one."""
        return bool(self.is_provable or self.packing)

    @property
    def is_provable(self) -> bool:
        """Whether the content proves the format."""
        return bool(self.format.magics or self.format.part)


PLAIN = [Case(each, ending) for each in FORMATS for ending in each.endings]
PACKED = [Case(each, each.endings[0], packing) for each in FORMATS if each.packable for packing in PACKINGS]


@pytest.fixture(params=PLAIN + PACKED, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Case:
    """Each format under each of its endings, and packed in each way, read in many small blocks."""
    monkeypatch.setattr(delimited, "BLOCK", 1 << 11)
    monkeypatch.setattr(jsonlines, "HEAD", 1 << 11)
    monkeypatch.setattr(jsonlines, "BLOCK", 1 << 11)
    monkeypatch.setattr(segments, "SHORTEST", 1 << 10)
    found: Case = request.param
    return found


@pytest.fixture
def export(case: Case, written: Written) -> Path:
    """A file of a thousand rows."""
    return written(case.write(ROWS), case.name)


def opened(path: Path) -> Source:
    """The file as a source of small chunks."""
    return open_source([path], chunk_rows=100)


def test_chunks_are_in_order_and_know_their_rows(export: Path) -> None:
    """Ordinals and row numbers run on without a gap, and every record is there once."""
    records: list[list[str]] = []
    for chunk in opened(export).chunks():
        assert (chunk.first, chunk.first_row, chunk.file) == (len(records), len(records) + 1, str(export))
        assert len(chunk.frame) <= 100
        assert chunk.unreadable == {}
        records += chunk.frame.astype(object).to_numpy().tolist()
    assert records == ROWS


def test_ordinals_run_on_over_two_files(case: Case, export: Path, written: Written) -> None:
    """The rows of the second file are counted from one again."""
    second = written(case.write(ROWS[:50]), f"second-{case.name}")
    source = open_source([export, second])
    assert cells(source, 990) == ROWS[990:] + ROWS[:50]
    for chunk in source.chunks(1000):
        assert (chunk.first_row, chunk.file) == (chunk.first - 1000 + 1, str(second))


def test_a_survey_hands_over_the_chunks_of_a_reading(case: Case, export: Path, written: Written) -> None:
    """A check that counts while it surveys sees each record once, under its number and in its file."""
    second = written(case.write(ROWS[:50]), f"second-{case.name}")
    source = open_source([export, second], chunk_rows=100)
    handed: list[Chunk] = []
    assert source.survey_with_chunks(NOBODY, handed.append)
    read = list(source.chunks())
    assert [(chunk.first, chunk.first_row, chunk.file) for chunk in handed] == [
        (chunk.first, chunk.first_row, chunk.file) for chunk in read
    ]
    for one, other in zip(handed, read, strict=True):
        pd.testing.assert_frame_equal(one.frame, other.frame)
    assert source.survey().rows == len(ROWS) + 50


@pytest.mark.parametrize("first", [0, 1, BATCH - 1, BATCH, BATCH + 1, 650, 999, 1000, 2000])
def test_reading_can_begin_at_any_record(export: Path, first: int) -> None:
    """It gives what the whole read gives from there on."""
    assert cells(opened(export), first) == ROWS[first:]


def test_reading_can_begin_at_each_mark(case: Case, export: Path) -> None:
    """Formats that are read from front to back have marks, so that a resumed load does not read it all."""
    source = opened(export)
    marks = source.survey().files[0].marks
    assert case.is_provable or len(marks) > 3
    for mark in marks:
        assert cells(source, mark.row) == ROWS[mark.row :]


def test_the_survey_counts_what_is_read(export: Path) -> None:
    """Whoever adds up the account relies on it."""
    source = opened(export)
    assert source.survey().rows == sum(len(chunk.frame) for chunk in source.chunks()) == len(ROWS)


def test_a_file_is_known_by_its_bytes(case: Case, export: Path, written: Written) -> None:
    """Size and hash are those of the file as it lies there; under another name it is the same file."""
    content = export.read_bytes()
    known = opened(export).survey().files
    assert (known[0].size, known[0].sha256) == (len(content), hashlib.sha256(content).hexdigest())
    moved = written(content, f"moved-{case.name}")
    assert open_source([moved], known=known).survey().files == (replace(known[0], name=str(moved)),)
    other = written(case.write([*ROWS[:-1], ["0999", "changed"]]), case.name)
    assert open_source([other], known=known).survey().files[0].sha256 != known[0].sha256


def write_in_place(path: Path, offset: int) -> None:
    """Change a byte, and set the times back."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def write_through_a_map(path: Path, offset: int) -> None:
    """Change a byte in the memory that the file is mapped to, as a database does."""
    before = path.stat()
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        mapped[offset] ^= 1
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("change", [write_in_place, write_through_a_map])
@pytest.mark.parametrize("place", [0.3, 0.5, 0.7])
def test_what_is_given_out_is_what_was_surveyed(
    case: Case,
    export: Path,
    change: Callable[[Path, int], None],
    place: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A change that leaves size and times as they were is named with its place; no changed row comes out."""
    monkeypatch.setattr(inputfile, "PAGE", 1 << 10)
    source = opened(export)
    source.survey()
    change(export, int(export.stat().st_size * place))
    given_out: list[object] = []
    stop = drained(source.chunks(), given_out, "n")
    if case.format.name == "Excel":  # all of it is in memory since it was opened
        assert given_out == [row[0] for row in ROWS]
        return
    assert stop.startswith(f"{export}: changed while it was being read (of its bytes "), stop
    after = f"after row {len(given_out)}" if given_out else "after this place"
    assert f"Nothing {after} was read. To continue, restore the file" in stop
    assert given_out == [row[0] for row in ROWS[: len(given_out)]]
    assert len(given_out) < 1000
    with pytest.raises(SourceError, match="changed while it was being read"):
        list(source.chunks(len(given_out)))


def test_a_change_between_two_passes_of_a_survey_is_noticed(
    case: Case, export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hash that stands for the file is of the bytes that were counted."""
    monkeypatch.setattr(inputfile, "PAGE", 1 << 10)
    source = opened(export)
    list(source.beginning(1000))
    write_in_place(export, export.stat().st_size // 2)
    with pytest.raises(SourceError, match="changed while it was being read"):
        source.survey()


def test_leaving_early_releases_the_file(export: Path, watch: Watch) -> None:
    """No descriptor stays open, and nothing is read afterwards."""
    source = opened(export)
    source.survey()
    for _ in range(3):
        with closing(source.chunks()) as chunks:  # type: ignore[type-var] # it is a generator
            next(chunks)
        assert watch.inside == 0
    source.sample(10)
    reads = watch.reads
    time.sleep(0.02)
    assert watch.reads == reads
    assert watch.wrong == []
    links = [str(link.resolve()) for link in Path("/proc/self/fd").glob("*")]
    assert str(export.resolve()) not in links


def test_a_cut_file_is_not_taken_for_a_whole_one(case: Case, export: Path) -> None:
    """It is refused with the place, or its last row is listed as one that cannot be read."""
    if case.knows_its_end:
        export.write_bytes(case.write(ROWS * 20)[:-10])
        with pytest.raises(SourceError) as refusal:
            opened(export).survey()
        place = r"(after row [\d,]+|its footer|its beginning or end)"
        if case.format.part or (case.packing and case.packing.name in NEEDS_ITS_END):
            place = "cannot be unpacked any further"
        assert re.match(rf"{export}[,:] .*{place}", str(refusal.value))
        assert "Copy or export it again." in str(refusal.value)
    else:
        content = export.read_bytes()
        export.write_bytes(content[: content.rindex(b"999")])
        assert list(unreadable(opened(export))) == [999]


def test_an_empty_file_is_refused(case: Case, written: Written) -> None:
    """By its name: an export that wrote nothing has failed."""
    path = written(case.pack(b""), case.name)
    with pytest.raises(SourceError) as refusal:
        opened(path)
    assert str(refusal.value).startswith(f"{path}: ")


def test_a_file_without_rows_has_its_columns(case: Case, written: Written) -> None:
    """A day without events is not an error."""
    source = open_source([written(case.write([]), case.name)], dialect=SAID)
    assert source.survey().rows == 0
    assert cells(source) == []
    assert tuple(source.schema.names) == tuple(source.sample().columns) == NAMES


@pytest.mark.parametrize("case", PLAIN, ids=lambda case: case.name, indirect=True)
def test_first_bytes_go_before_the_name(case: Case, written: Written) -> None:
    """A file that proves what it is can have any name; CSV and TSV need an ending, or none with letters."""
    content = case.write(ROWS)
    is_table = case.format.name in {"CSV", "TSV"}
    for name in ("000000_0", "part-00000") if is_table else ("export.csv", "export.dat", "data_0_0_0"):
        assert cells(open_source([written(content, name)])) == ROWS
    if is_table:
        with pytest.raises(SourceError, match=r"^export.dat: neither its name nor its content says "):
            open_source([written(content, "export.dat")])


def test_a_format_that_is_given_goes_before_name_and_content(case: Case, written: Written) -> None:
    """Whatever the file is called; a packed one is unpacked first."""
    said = Dialect(input_format=case.format.key)
    assert cells(open_source([written(case.write(ROWS), "export.dat")], dialect=said)) == ROWS


def test_each_format_can_be_given() -> None:
    """The words that the setting takes are those of the table."""
    assert tuple(each.key for each in FORMATS) == INPUT_FORMATS


@pytest.mark.parametrize("packing", PACKINGS, ids=lambda packing: packing.name)
@pytest.mark.parametrize("kind", [each for each in FORMATS if not each.packable], ids=lambda each: each.name)
def test_what_needs_its_end_first_is_not_read_packed(
    kind: Format, packing: Packing, written: Written
) -> None:
    """It is refused with what to do."""
    case = Case(kind, kind.endings[0], packing)
    with pytest.raises(SourceError) as refusal:
        open_source([written(case.write(ROWS), case.name)])
    assert str(refusal.value) == (
        f"{case.name}: is a compressed {kind.name} file, which cannot be read from front to back. Unpack it "
        f"first. ({kind.name} files can be compressed within.)"
    )


def test_an_input_without_a_name_gets_the_ending_of_its_format(case: Case) -> None:
    """Standard input is kept under that ending and read as what it is; text may be CSV or TSV."""
    ending = guess_ending(case.write(ROWS)[:8])
    if case.packing:
        assert ending == (".zip" if case.packing.name == "zip" else f".csv{case.packing.ending}")
    else:
        assert ending in (*case.format.endings, ".zip" if case.format.part else ".csv")
        assert (ending == ".csv") == (case.format.name in {"CSV", "TSV"})


def test_no_two_formats_claim_the_same() -> None:
    """An ending or first bytes lead to one format only."""
    claims = [claim for each in FORMATS for claim in (*each.endings, *each.magics)]
    claims += [claim for packing in PACKINGS for claim in (packing.ending, packing.magic)]
    assert len(claims) == len(set(claims))
