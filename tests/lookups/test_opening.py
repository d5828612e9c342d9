"""Look-ups are read by the readers of all input, each once; what is wrong with one is said before a row is sent."""

# ruff: noqa: E501 - whole sentences, a case a line

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pytest

from loader.errors import MappingError
from loader.lookups import opening
from loader.lookups.opening import open_lookups
from loader.mapping.file import build_mapping
from loader.mapping.rules import LookUp, Nearby
from loader.sources import open_source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loader.lookups import OpenLookUps

FRAME = pd.DataFrame({"id": ["007", "Ä 1"], "hwid": ["D7 ", "D1"]})
WRITERS: dict[str, Callable[[Path], object]] = {
    "d.csv": lambda path: path.write_text("id,hwid\n007,D7 \nÄ 1,D1\n", "utf-8"),
    "bom.csv": lambda path: path.write_text("\ufeffid;hwid\r\n007;D7 \r\nÄ 1;D1\r\n", "utf-8"),
    "wide.csv": lambda path: path.write_text("id,hwid\n007,D7 \nÄ 1,D1\n", "utf-16"),
    "d.tsv": lambda path: path.write_text("id\thwid\n007\tD7 \nÄ 1\tD1\n", "utf-8"),
    "d.csv.gz": lambda path: path.write_bytes(gzip.compress("id,hwid\n007,D7 \nÄ 1,D1\n".encode())),
    "d.jsonl": lambda path: FRAME.to_json(path, orient="records", lines=True),
    "d.parquet": FRAME.to_parquet,
    "d.arrow": FRAME.to_feather,
}


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rows are several chunks."""
    monkeypatch.setattr(opening, "_CHUNK_ROWS", 2)


def open_at(folder: Path, *lookups: dict[str, str], tables: Any = None, forms: Any = None) -> OpenLookUps:
    """The look-ups of a mapping in a folder, one for each tag."""
    rules = {f"tag {at}": {"column": "user"} | each for at, each in enumerate(lookups)}
    mapping = build_mapping({"kind": "tags", "fields": {"hwid": "d"}, "tags": rules, "lookups": forms or {}})
    object.__setattr__(mapping, "nearby", Nearby(folder, tables or {}))
    return open_lookups(mapping, where="m.toml")


def look_up(name: str, key: str = "id", value: str = "hwid", **more: str) -> dict[str, str]:
    """The keys of a rule."""
    return {"lookup": name, "key": key, "value": value} | more


def find(lookups: OpenLookUps, name: str, keys: list[str | None]) -> list[str | None]:
    """The values beside some keys."""
    lookup = LookUp(name, "id", "hwid")
    found: list[str | None] = lookups.read(
        lookup, lookups.find(lookup, pa.array(keys, pa.string()))
    ).to_pylist()
    return found


def problems(caught: pytest.ExceptionInfo[MappingError]) -> list[str]:
    """What is wrong."""
    return caught.value.problems


@pytest.mark.parametrize("name", WRITERS)
def test_a_look_up_is_read_in_any_format(tmp_path: Path, name: str) -> None:
    """Text byte for byte, whatever the format, the encoding and the delimiter are."""
    WRITERS[name](tmp_path / name)
    lookups = open_at(tmp_path, look_up(name))
    assert find(lookups, name, ["007", "7", "Ä 1", "ä 1", None]) == ["D7 ", None, "D1", None, None]
    (record,) = lookups.records
    assert (record.name, [(file.name, file.rows) for file in record.files]) == (
        name,
        [(str(tmp_path / name), 2)],
    )


@pytest.mark.parametrize("table", [FRAME, pa.Table.from_pandas(FRAME)])
def test_a_table_in_memory_is_one_by_its_name(tmp_path: Path, table: object) -> None:
    """No file of that name is looked for; its content is part of the identity."""
    lookups = open_at(tmp_path, look_up("devices"), tables={"devices": table})
    assert find(lookups, "devices", ["007"]) == ["D7 "]
    assert lookups.records[0].files[0].sha256


def test_several_look_ups_read_one_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With other keys and other values too."""
    (tmp_path / "d.csv").write_text("id,hwid,os\nu1,D1,ios\n")
    opened: list[object] = []

    def count(paths: object, **more: Any) -> object:
        opened.append(paths)
        return open_source(paths, **more)  # type: ignore[arg-type]  # as it was given

    monkeypatch.setattr(opening, "open_source", count)
    lookups = open_at(
        tmp_path, look_up("d.csv"), look_up("d.csv", value="os"), look_up("d.csv", key="hwid", value="id")
    )
    assert len(opened) == 1
    other = LookUp("d.csv", "hwid", "id")
    assert lookups.read(other, lookups.find(other, pa.array(["D1"]))).to_pylist() == ["u1"]


def test_a_pattern_is_one_look_up(tmp_path: Path) -> None:
    """Of all files that match."""
    for at in (1, 2):
        (tmp_path / f"d{at}.csv").write_text(f"id,hwid\nu{at},D{at}\n")
    assert find(open_at(tmp_path, look_up("d*.csv")), "d*.csv", ["u2", "u1"]) == ["D2", "D1"]


@pytest.mark.parametrize(
    ("content", "lookup", "problem"),
    [
        ("id,hwid\nu1,D1\n", look_up("d.csv", key="Id_"), 'tag 0: the look-up d.csv has no column "Id_". Did you mean "id"?'),
        ("id,hwid\nu1,D1\n", look_up("d.csv", value="token"), 'tag 0: the look-up d.csv has no column "token". Its columns are "id", "hwid".'),
        ("id,hwid\nu1,D1\nu2,D2\n,D3\n,D4\nu1,D5\n", look_up("d.csv"), 'tag 0: {folder}/d.csv, row 5: the key "u1" in column "id" is that of {folder}/d.csv, row 1 too. Remove all but one of the rows of each key, or write keep = "first" or keep = "last" beside lookup to say which row counts.'),
        ("id,hwid\nu3,D1\nu1,D1\nu2,D2\nu1,D5\nu2,D6\nu3,D7\n", look_up("d.csv"), 'tag 0: {folder}/d.csv, row 4: the key "u1" in column "id" is that of {folder}/d.csv, row 2 too, and 2 other keys also stand in several rows. Remove all but one of the rows of each key, or write keep = "first" or keep = "last" beside lookup to say which row counts.'),
        ("id,hwid\nu1,D1,too,many\nu2,D2\n", look_up("d.csv"), "A look-up must be read as a whole. Fix or remove the row."),
        (None, look_up("d.csv"), "tag 0: the look-up d.csv was not found: there is no file {folder}/d.csv. Its path is relative to the folder of the mapping file. Correct it, or put the file there."),
        ("", look_up("d.csv"), "tag 0: the look-up cannot be read. {folder}/d.csv"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_look_up_is_said(
    tmp_path: Path, content: str | None, lookup: dict[str, str], problem: str
) -> None:
    """With the field that uses it, the file, the rows, and what to do."""
    if content is not None:
        (tmp_path / "d.csv").write_text(content)
    with pytest.raises(MappingError) as caught:
        open_at(tmp_path, lookup)
    assert problem.format(folder=tmp_path) in problems(caught)[0]


@pytest.mark.parametrize(("keep", "device"), [("first", "D1"), ("last", "D5")])
def test_the_advice_on_doubled_keys_works(tmp_path: Path, keep: str, device: str) -> None:
    """With `keep` the file is taken."""
    (tmp_path / "d.csv").write_text("id,hwid\nu1,D1\nu2,D2\nu1,D5\n")
    lookups = open_at(tmp_path, look_up("d.csv", keep=keep))
    lookup = LookUp("d.csv", "id", "hwid", keep)
    assert lookups.read(lookup, lookups.find(lookup, pa.array(["u1"]))).to_pylist() == [device]


@pytest.mark.parametrize(
    ("content", "form", "users"),
    [
        ("id,hwid\nmüller,D1\n".encode("latin-1"), {"encoding": "windows-1252"}, ["müller"]),
        (b"id\thwid,zone\nu1\tD1,x\n", {"delimiter": "\t"}, ["u1"]),
        (b'id,hwid\nu1,D1\nu2,"D2\n', {"quote": ""}, ["u1", "u2"]),
        (b"id,hwid\nNULL,D1\nNULL,D2\nu1,D3\n", {"null_values": ["NULL"]}, ["u1"]),
    ],
)
def test_how_a_look_up_is_written_can_be_said(
    tmp_path: Path, content: bytes, form: dict[str, Any], users: list[str]
) -> None:
    """Without it the file is refused, and the message says where it belongs; with it, it is read."""
    (tmp_path / "d.csv").write_bytes(content)
    value = "hwid,zone" if "delimiter" in form else "hwid"
    with pytest.raises(MappingError) as caught:
        open_at(tmp_path, look_up("d.csv", value=value))
    if "null_values" not in form:
        assert 'belongs under [lookups."d.csv"] in the mapping file' in problems(caught)[0]
    lookups = open_at(tmp_path, look_up("d.csv", value=value), forms={"d.csv": form})
    assert (lookups.find(LookUp("d.csv", "id", value), pa.array(users)) >= 0).all()


def test_all_mistakes_are_reported_together(tmp_path: Path) -> None:
    """Those of several look-ups too."""
    (tmp_path / "d.csv").write_text("id,hwid\nu1,D1\n")
    with pytest.raises(MappingError) as caught:
        open_at(tmp_path, look_up("d.csv", key="x"), look_up("d.csv", value="y"), look_up("gone.csv"))
    assert len(problems(caught)) == 3


def test_two_rules_cannot_keep_different_rows_of_a_key(tmp_path: Path) -> None:
    """One user would get the platform of one device, and the id of another."""
    (tmp_path / "d.csv").write_text("id,hwid\nu1,D1\n")
    with pytest.raises(MappingError, match=r'another rule looks up the key "id" of d\.csv with another keep'):
        open_at(tmp_path, look_up("d.csv", keep="first"), look_up("d.csv", keep="last"))


def test_a_column_of_several_values_is_no_key(tmp_path: Path) -> None:
    """The message says how to name one of them; that works."""
    rows = [{"id": {"user": "u1"}, "hwid": "D1"}]
    pa.parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "d.parquet")
    with pytest.raises(
        MappingError, match=r'column "id" of the look-up d\.parquet holds struct.*"column\.member"'
    ):
        open_at(tmp_path, look_up("d.parquet"))
    lookups = open_at(tmp_path, look_up("d.parquet", key="id.user"))
    assert lookups.find(LookUp("d.parquet", "id.user", "hwid"), pa.array(["u1"])).tolist() == [0]
