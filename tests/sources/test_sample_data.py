"""The sample that ships with the project is what its README says."""

from __future__ import annotations

import csv
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from loader.errors import SourceError
from loader.sources import open_source
from tests.sources.conftest import cells, unreadable

FOLDER = Path(__file__).parents[2] / "sample_data"
REFUSED = {  # what the source itself says to a broken file; the others are the mapping's matter
    "empty.csv": "is empty, it has not even a header",
    "duplicate_header.csv": 'the header names "user_id" twice',
    "unnamed_column.csv": "column 1 has no name",
    "no_header.csv": 'the first row holds "00042", which looks like a value',
    "open_quote.csv": "row 1: a quote is opened and never closed",
    "latin1.csv": 'row 2, column "user_id": the byte fc',
    "cut.parquet": "is not a whole Parquet file",
    "damaged.parquet": "row group 3 of 4 is damaged; from row 51 on",
}


def test_both_event_files_hold_the_same_rows() -> None:
    """Ids, days and devices are the same text in both, amounts and counts the same numbers."""
    texts = cells(open_source([FOLDER / "events.csv"]))
    typed = cells(open_source([FOLDER / "events.parquet"]))
    assert len(texts) == 6937
    assert [[*row[:6], str(row[6]), f"{row[7]:.2f}"] for row in typed] == texts


def test_types_of_the_parquet_file() -> None:
    """Ids and days are text, so that zeros stay; numbers are numbers."""
    schema = open_source([FOLDER / "events.parquet"]).schema
    assert [str(kind) for kind in schema.types] == [*["string"] * 6, "int32", "double"]


def test_every_event_belongs_to_one_of_the_users() -> None:
    """Each of the 2,357 customers has one device, and the events name the same."""
    users = open_source([FOLDER / "users.csv"])
    events = open_source([FOLDER / "events.csv"])
    devices = {user: device for user, device, *_ in cells(users)}
    assert len(devices) == users.survey().rows == len(set(devices.values())) == 2357
    assert {(row[0], row[1]) for row in cells(events)} == set(devices.items())
    assert all(len(str(user)) == 5 for user in devices)


def test_devices_look_like_their_platform() -> None:
    """Upper-case UUIDs on iOS, 16 lower-case hexadecimal digits on Android."""
    for _, device, platform, _ in cells(open_source([FOLDER / "users.csv"])):
        text = str(device)
        assert (len(text), text == text.upper()) == (36, True) if platform == "iOS" else len(text) == 16


def test_the_mapping_files_name_columns_that_exist() -> None:
    """They are TOML, and every column in them is one of the files'."""
    for kind in ("users", "events"):
        mapping = tomllib.loads((FOLDER / f"{kind}.toml").read_text())
        assert mapping["kind"] == kind
        entries = [*mapping["fields"].values(), *mapping.get("attributes", {}).values()]
        named = {entry if isinstance(entry, str) else entry["column"] for entry in entries}
        assert named <= set(open_source([FOLDER / f"{kind}.csv"]).schema.names)


@pytest.mark.parametrize("name", REFUSED)
def test_broken_files_show_their_error(name: str) -> None:
    """Each broken file that the source refuses is refused for the reason it was made for."""
    with pytest.raises(SourceError) as refusal:
        cells(open_source([FOLDER / "broken" / name]))
    assert REFUSED[name] in str(refusal.value)


def test_the_other_broken_files_can_be_read() -> None:
    """What is wrong with them is a matter of one record, of the mapping, or nothing at all."""
    for path in (FOLDER / "broken").iterdir():
        if path.name not in REFUSED and path.suffix != ".toml":
            source = open_source([path])
            assert len(cells(source)) == source.survey().rows
    assert list(unreadable(open_source([FOLDER / "broken" / "ragged.csv"]))) == [0, 2]
    assert open_source([FOLDER / "broken" / "header_only.csv"]).survey().rows == 0


def test_the_readme_lists_every_broken_file() -> None:
    """No file without a word, no word without a file."""
    lines = (FOLDER / "README.md").read_text().split("## Broken files")[1].splitlines()
    listed = Counter(line.split("`")[1] for line in lines if line.startswith("| `"))
    assert listed == Counter(p.name for p in (FOLDER / "broken").iterdir() if p.suffix != ".toml")


def test_the_sample_is_small() -> None:
    """It travels with every copy of the project."""
    assert (
        sum(path.stat().st_size for path in FOLDER.rglob("*") if "__pycache__" not in path.parts) < 2_000_000
    )


def test_amounts_are_the_text_of_the_shop() -> None:
    """Two decimals as in the source, also where they are zeros."""
    with (FOLDER / "events.csv").open(newline="") as file:
        amounts = [row["dollar_value"] for row in csv.DictReader(file)]
    assert all(len(amount.rpartition(".")[2]) == 2 for amount in amounts)
    assert any(amount.endswith(".00") for amount in amounts)
