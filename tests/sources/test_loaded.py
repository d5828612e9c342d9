"""An input that has grown is read as it was loaded, by what looks at a load without continuing it."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from loader.sources import Source, open_loaded, open_source
from tests.sources.conftest import cells

if TYPE_CHECKING:
    from pathlib import Path

CSV = "a,b\n" + "".join(f"{n},{n * n}\n" for n in range(20_000))
LINES = "".join(f'{{"a":{n},"b":"{n * n}"}}\n' for n in range(8_000))
GROWN: dict[str, tuple[str, bytes, bytes]] = {
    "CSV, longer than some pages": ("e.csv", CSV.encode(), b"1,1\n" * 30_000),
    "CSV, within a page": ("e.csv", b"a,b\n1,2\n", b"3,4\n"),
    "a last line that was continued": ("e.csv", b"a,b\n1,2", b"34,5\n6,7\n"),
    "a quote that is opened behind it": ("e.csv", b"a,b\n1,2\n", b'"3,4\n'),
    "bytes behind it that are not text": ("e.csv", b"a,b\n1,2\n", b"\xff\xfe,4\n"),
    "JSON Lines": ("e.jsonl", LINES.encode(), b'{"a":1,"b":"2","c":true}\n'),
    "UTF-16": ("e.csv", CSV[:90_000].encode("utf-16"), "\n1,2\n".encode("utf-16-le")),
    "gzip, appended to": ("e.csv.gz", gzip.compress(CSV.encode()), gzip.compress(b"1,2\n")),
}


def describe(source: Source) -> tuple[object, ...]:
    """All that is read of a source, also from its middle on."""
    survey = source.survey()
    middle = [chunk.frame.to_numpy().tolist() for chunk in source.chunks(survey.rows // 2)]
    return survey.files, source.schema, cells(source), middle


@pytest.mark.parametrize("way", GROWN)
def test_a_grown_file_is_read_as_it_was_loaded(tmp_path: Path, way: str) -> None:
    """Rows, places and types are those of the load, whatever was appended."""
    name, before, added = GROWN[way]
    (tmp_path / name).write_bytes(before)
    then = describe(open_source([name]))
    known = open_source([name]).survey().files
    (tmp_path / name).write_bytes(before + added)
    assert describe(open_loaded([name], known=known)) == then


def test_files_that_were_added_are_not_read(tmp_path: Path) -> None:
    """Also if they could not be read, or have other columns."""
    (tmp_path / "days").mkdir()
    (tmp_path / "days" / "1.csv").write_text("a,b\n1,2\n")
    then = describe(open_source(["days"]))
    known = open_source(["days"]).survey().files
    (tmp_path / "days" / "2.csv").write_text("c\n1\n")
    assert describe(open_loaded(["days"], known=known)) == then


def test_another_input_is_opened_as_it_is(tmp_path: Path) -> None:
    """A file that does not begin with what was loaded is not cut: the caller says that it is another one."""
    (tmp_path / "e.csv").write_text("a,b\n1,2\n")
    known = open_source(["e.csv"]).survey().files
    (tmp_path / "e.csv").write_text("a,b\n1,3\n5,6\n")
    assert cells(open_loaded(["e.csv"], known=known)) == [["1", "3"], ["5", "6"]]
