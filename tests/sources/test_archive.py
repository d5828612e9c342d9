"""A ZIP archive of several files is read like a folder of them."""

from __future__ import annotations

import gzip
import hashlib
import io
import zipfile
from typing import TYPE_CHECKING

import pytest

from loader.errors import SourceError
from loader.sources import Odometer, open_source
from tests.sources.conftest import cells
from tests.sources.test_copies import parquet_of

if TYPE_CHECKING:
    from tests.sources.conftest import Written

Files = dict[str, bytes]


def cell_of(number: int) -> str:
    """A cell that is long and does not compress, so that a file of few rows is large."""
    return hashlib.sha256(b"%d" % number).hexdigest()


def rows_of(start: int, stop: int) -> bytes:
    """A file of one cell a row."""
    return "\n".join(["n", *map(cell_of, range(start, stop)), ""]).encode()


def archive_of(files: Files, *, packed: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of files, in the order in which they are given."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packed) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


KINDS: dict[str, Files] = {
    "csv": {"b.csv": rows_of(4000, 6000), "a.csv": rows_of(0, 4000)},
    "in folders": {"x/b.csv": rows_of(4000, 6000), "x/a/c.csv": rows_of(0, 4000)},
    "json, packed": {  # as Amplitude exports
        f"{hour}.json.gz": gzip.compress(
            "".join(f'{{"n": "{cell_of(n)}"}}\n' for n in range(start, start + 2000)).encode()
        )
        for hour, start in (("2", 4000), ("1", 2000), ("0", 0))
    },
    "no endings": {"000001_0": rows_of(4000, 6000), "000000_0": rows_of(0, 4000)},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("packed", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_an_archive_is_its_files_in_the_order_of_their_names(
    written: Written, kind: str, packed: int
) -> None:
    """Each is a file of the input, with its own size and hash; reading can begin in the middle of each."""
    files = KINDS[kind]
    odometer = Odometer()
    path = written(archive_of(files, packed=packed), "export.zip")
    source = open_source([path], odometer=odometer)
    survey = source.survey()
    assert [(file.name, file.size, file.sha256) for file in survey.files] == [
        (f"export.zip/{name}", len(content), hashlib.sha256(content).hexdigest())
        for name, content in sorted(files.items())
    ]
    numbers = [[cell_of(number)] for number in range(6000)]
    for first in (0, 1, 3999, 4000, 4100, 5999):
        assert cells(source, first) == numbers[first:]
    assert odometer.done == odometer.total
    again = open_source([path], known=survey.files)
    assert again.survey() == survey
    assert cells(again, 4100) == numbers[4100:]
    assert survey.place(5999).startswith(f"export.zip/{max(files)}, row ")


def test_a_file_in_an_archive_can_be_named(written: Written) -> None:
    """As a retry names it, and whoever wants one of several kinds; it is the same file."""
    written(archive_of({"a.csv": b"n\n1\n", "sub/b[1].csv": b"n\n2\n"}), "export.zip")
    assert cells(open_source(["export.zip/sub/b[1].csv"])) == [["2"]]
    assert cells(open_source(["export.zip/sub/b[1].csv", "export.zip/a.csv"])) == [["2"], ["1"]]
    with pytest.raises(SourceError, match=r"^export.zip/a.csv: is the same file as export.zip/a.csv;"):
        open_source(["export.zip", "export.zip/a.csv"])
    with pytest.raises(SourceError, match=r"^export.zip/c.csv: there is no such file in this archive\.$"):
        open_source(["export.zip/c.csv"])
    written(b"n\n1\n", "plain.csv")
    with pytest.raises(SourceError, match=r"plain.csv is a file and not a folder or ZIP archive"):
        open_source(["plain.csv/a.csv"])


def test_folders_in_an_archive_can_be_columns(written: Written) -> None:
    """As on the disk."""
    written(archive_of({"day=1/a.csv": b"n\n1\n", "day=2/a.csv": b"n\n1\n"}), "export.zip")
    assert cells(open_source(["export.zip"])) == [["1", "1"], ["1", "2"]]


def test_what_an_archive_leaves_out_is_listed(written: Written) -> None:
    """Hidden files and marks; what the Finder adds to each file is no file of the user's."""
    files = {"a.csv": b"n\n1\n", ".DS_Store": b"x", "_SUCCESS": b"", "__MACOSX/._a.csv": b"x"}
    source = open_source([written(archive_of(files), "export.zip")])
    assert cells(source) == [["1"]]
    (notice,) = source.notices
    assert notice.startswith("2 files are left out of the archive export.zip, because ")
    assert notice.endswith(": .DS_Store, _SUCCESS.")


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "export.zip: is a ZIP archive without a file to load."),
        ({"__MACOSX/._a.csv": b""}, "export.zip: is a ZIP archive without a file to load."),
        (
            {"a.csv": b"n\n1\n", "b.json": b'{"n": 1}\n', "c.csv.gz": b""},
            "export.zip: is a ZIP archive of 3 files of several kinds: CSV (a.csv), JSON Lines (b.json). "
            "Name those that belong together, for example export.zip/a.csv, or unpack it.",
        ),
        (
            {"a.parquet": parquet_of(), "b.parquet": b""},
            "export.zip/a.parquet: is a compressed Parquet file, which cannot be read from front to back. "
            "Unpack it first. (Parquet files can be compressed within.)",
        ),
        (
            {"a.csv": b"n\n1\n", "b.md": b"notes"},
            "export.zip: holds export.zip/b.md, and neither its name nor its content says that it can be "
            "loaded. No file is left out in silence. Move it, or name the files, for example "
            "'export.zip/a.csv'.",
        ),
        (
            {"a.csv": b"n\n1\n", "b.zip": archive_of({"x.csv": b"n\n1\n"})},
            "export.zip/b.zip: is a ZIP archive within another packed file, which cannot be read from front "
            "to back. Unpack the outer one first.",
        ),
    ],
    ids=["empty", "only the Finder's", "kinds", "Parquet", "a stranger", "an archive"],
)
def test_archives_that_are_no_folder_are_refused(written: Written, files: Files, sentence: str) -> None:
    """With what they hold, and what to do."""
    with pytest.raises(SourceError) as refusal:
        open_source([written(archive_of(files), "export.zip")])
    assert str(refusal.value).startswith(sentence)


def test_an_archive_with_a_password_is_refused(written: Written) -> None:
    """Also if one file of several has one."""
    content = bytearray(archive_of({"a.csv": b"n\n1\n", "b.csv": b"n\n2\n"}))
    at = content.rindex(b"PK\x01\x02")
    content[at + 8] |= 1
    with pytest.raises(
        SourceError, match=r"^export.zip: is a ZIP archive with a password\. Unpack it first\.$"
    ):
        open_source([written(bytes(content), "export.zip")])


def test_damage_is_found_before_the_first_row(written: Written) -> None:
    """With the file in the archive, and the row."""
    content = bytearray(archive_of(KINDS["csv"]))
    at = content.index(b"PK\x03\x04", 100)  # the second file, a.csv, is read first
    content[at + 20_000] ^= 0xFF
    path = written(bytes(content), "export.zip")
    with pytest.raises(
        SourceError, match=r"^export.zip/a.csv, after row [\d,]+: cannot be unpacked any further"
    ):
        open_source([path]).survey()
