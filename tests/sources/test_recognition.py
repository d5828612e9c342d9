"""What a file is, by its content: whatever it is called."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from loader.dialect import Dialect
from loader.errors import SourceError
from loader.sources import open_source
from loader.sources.recognition import FOREIGN, Foreign, looks_like_json, names_a_kind
from tests.sources.conftest import cells

if TYPE_CHECKING:
    from tests.sources.conftest import Written

ROWS = [["1", "a, b"], ["2", "c"]]
JSON = "".join(json.dumps(dict(zip("nx", row, strict=True))) + "\n" for row in ROWS)
NAMES = ["x.txt", "x.csv", "x.tsv", "x.dat", "x", "part-00000", "part-00000.c000", "data_0_0_0", "x.csv.gz"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "text", [JSON, "\ufeff" + JSON, "\n\n" + JSON], ids=["plain", "byte order mark", "blank lines"]
)
def test_json_lines_are_read_under_any_name(written: Written, name: str, text: str) -> None:
    """The content goes before the ending."""
    assert cells(open_source([written(text, name)])) == ROWS
    assert cells(open_source([written(gzip.compress(text.encode()), name)])) == ROWS


@pytest.mark.parametrize(
    "name", ["000000_0", "part-00000", "part-00000.c000", "data_0_0_0", "export.1", "x.20240304"]
)
@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_a_table_without_an_ending_is_told_by_its_text(written: Written, name: str, delimiter: str) -> None:
    """As Hive, Spark and Snowflake write it, alone and in a folder."""
    Path("folder").mkdir()
    path = written(f"n{delimiter}x\n1{delimiter}a\n", f"folder/{name}")
    assert cells(open_source([path])) == cells(open_source(["folder"])) == [["1", "a"]]


def test_hive_files_are_read_as_said(written: Written) -> None:
    """Without a header, and with the delimiter that is given."""
    Path("folder").mkdir()
    for number in range(2):
        written(f"d{number}\x01u{number}\n", f"folder/00000{number}_0")
    said = Dialect(delimiter="\x01", quote="", header=False, columns=("hwid", "user"))
    assert cells(open_source(["folder"], dialect=said)) == [["d0", "u0"], ["d1", "u1"]]


@pytest.mark.parametrize(
    ("text", "json_like"),
    [
        ('{"a":1}\n', True),
        ('{ "a" : {"b": 1}}', True),
        ('{"a":1}{"a":2}', True),
        ('{"a":1},\n{"a":2}', True),
        ('{"a": "' + "x" * 9000, True),
        ('[{"a":1},{"a":2}]', True),
        ("[\n {\n", True),
        ("{\n", True),
        ('{"a":NaN}\n', True),
        ("{'a': 1}\n", True),
        ('\x1e{"a":1}\n', True),
        ('{"a":1},d1,u1\n', False),
        ('{"a":1}\td1\n', False),
        ('"{""a"":1}",d1\n', False),
        ("{a},b\n", False),
        ("[a],b\n", False),
        ("n,x\n{}\n", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json_is_known_by_its_beginning(text: str, json_like: bool, encoding: str) -> None:
    """A row with JSON in its first cell is none."""
    assert looks_like_json(text.encode(encoding)) is json_like


@pytest.mark.parametrize("kind", FOREIGN, ids=lambda kind: f"{kind.name} {kind.sign!r}")
@pytest.mark.parametrize("name", ["x.csv", "x", "x.json", "x.csv.gz"])
def test_kinds_that_are_not_read_say_so(written: Written, kind: Foreign, name: str) -> None:
    """By what they are, whatever they are called, packed or not, with what to do."""
    content = bytes(kind.at) + kind.sign + b"\x00 and so on"
    for stored in (content, gzip.compress(content)):
        with pytest.raises(SourceError) as refusal:
            open_source([written(stored, name)])
        assert str(refusal.value) == f"{name}: is {kind.name}. {kind.way_on}"


@pytest.mark.parametrize("content", [b"\x00\x01\x02\x03binary", b"\xff\xfd binary", b"a\x07b"])
def test_what_is_no_text_needs_a_word(written: Written, content: bytes) -> None:
    """A file without an ending that is not text is not read as a table; the setting that helps is named."""
    with pytest.raises(SourceError, match=r"neither its name nor its content .* give --input-format, for"):
        open_source([written(content, "data_0_0_0")])


def test_a_format_that_is_given_is_believed(written: Written) -> None:
    """A table whose header looks like JSON is one if that is said."""
    path = written('{"a":1}\nd1\n', "x.csv")
    assert cells(open_source([path], dialect=Dialect(input_format="csv"))) == [["d1"]]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("part-0", False), ("a.1", False), ("a.c000", False), ("a.md", True), ("a.csv", True), ("a.c0x", True)],
)
def test_endings_with_letters_name_a_kind(name: str, kind: bool) -> None:
    """Numbers of parts do not."""
    assert names_a_kind(name) is kind
