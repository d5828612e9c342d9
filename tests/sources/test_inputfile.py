"""The file that is read is the file that was surveyed, or reading stops and says so."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from pyarrow import parquet

from loader.errors import SourceError
from loader.sources import delimited, open_source
from tests.sources.conftest import drained

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = 200_000


@pytest.fixture(params=["csv", "parquet"])
def export(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same records in either format, too many to be read in one go."""
    monkeypatch.setattr(delimited, "BLOCK", 1 << 14)  # several blocks are read ahead of the records
    path = Path(f"export.{request.param}")
    if request.param == "csv":
        path.write_text("n,x\n" + "".join(f"{number},abcdef\n" for number in range(ROWS)))
    else:
        table = pa.table({"n": [str(number) for number in range(ROWS)], "x": ["abcdef"] * ROWS})
        parquet.write_table(table, path, row_group_size=50_000)
    return path


def append(path: Path) -> None:
    """As another export that still runs would."""
    with path.open("ab") as file:
        file.write(b"1,2\n")


def cut(path: Path) -> None:
    """As a log rotation would."""
    os.truncate(path, path.stat().st_size // 2)


def change_a_byte(path: Path) -> None:
    """The size stays."""
    with path.open("r+b") as file:
        file.seek(-1000, os.SEEK_END)
        file.write(b"\x00")


def replace(path: Path) -> None:
    """As an export that is written beside and moved into place."""
    other = Path("other")
    other.write_bytes(path.read_bytes())
    other.replace(path)


REASONS: dict[Callable[[Path], None], str] = {
    append: "bytes and now has",
    cut: "bytes and now has",
    change_a_byte: "it was written to",
    replace: "another file has taken its place",
}


@pytest.mark.parametrize("change", REASONS)
def test_a_change_before_the_load_is_refused(export: Path, change: Callable[[Path], None]) -> None:
    """Between survey and load nothing may happen to the file: not one chunk is given out."""
    source = open_source([export])
    source.survey()
    change(export)
    with pytest.raises(SourceError) as stop:
        next(source.chunks())
    assert str(stop.value).startswith(f"{export}: changed while it was being read (")
    assert REASONS[change] in str(stop.value)


@pytest.mark.parametrize("change", [append, cut, change_a_byte])
def test_a_change_during_the_load_stops_it(export: Path, change: Callable[[Path], None]) -> None:
    """What was read before the change is given out; no record that was read after it is."""
    source = open_source([export])
    source.survey()
    chunks = source.chunks()
    given_out = list(next(chunks).frame["n"])
    change(export)
    stop = drained(chunks, given_out, "n")
    assert "changed while it was being read" in stop
    assert 0 < len(given_out) < ROWS
    assert given_out == [str(number) for number in range(len(given_out))]


def test_a_change_during_the_survey_is_found(export: Path) -> None:
    """The survey vouches for one state of the file."""
    source = open_source([export])
    append(export)
    with pytest.raises(SourceError, match="changed while it was being read"):
        source.survey()


def test_a_file_that_is_renamed_while_it_is_read_is_still_itself(export: Path) -> None:
    """The records of an open file do not depend on its name."""
    source = open_source([export])
    source.survey()
    chunks = source.chunks()
    rows = len(next(chunks).frame)
    export.rename("elsewhere")
    assert rows + sum(len(chunk.frame) for chunk in chunks) == ROWS


def test_a_file_that_is_gone_is_named(export: Path) -> None:
    """Deleted after the survey: a sentence, no bare error of the system."""
    source = open_source([export])
    source.survey()
    export.unlink()
    with pytest.raises(SourceError, match=rf"^{export}: cannot be read: No such file or directory\.$"):
        next(source.chunks())
