"""What real exports do to ids, words, numbers, times and types: rows 23 to 28 of the fault list, from file to body."""

# ruff: noqa: E501 - tables with whole sentences, a case a line

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from loader.errors import MappingError
from loader.mapping import bind, parse_mapping
from loader.sources import open_source
from tests.effort import EFFORT
from tests.mapping.samples import APPLICATION, EVENTS, NOW, messages, requests

if TYPE_CHECKING:
    from pathlib import Path

Rows = list[dict[str, Any]]
T = "1700000000"


def load(path: Path, toml: str) -> tuple[Rows, list[str]]:
    """The requests and the sentences that a file gives, read by its own source."""
    source = open_source([path])
    mapper = bind(
        parse_mapping(toml, "m.toml"), source.schema, source.sample(),
        application=APPLICATION, where="m.toml", now=NOW,
    )  # fmt: skip
    results = [mapper.map(chunk) for chunk in source.chunks()]
    sentences = [one.replace(str(path), path.name) for result in results for one in messages(result)]
    return [one for result in results for one in requests(result)], sentences


def text_file(folder: Path, *rows: list[str]) -> Path:
    """A CSV file as a spreadsheet writes it."""
    path = folder / "t.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def typed_file(folder: Path, **columns: Any) -> Path:
    """A Parquet file."""
    path = folder / "t.parquet"
    parquet.write_table(pa.table(columns), path)
    return path


IDS = [
    "00123",
    "9007199254740993",
    "",
    " 42 ",
    "1e5",
    "12345678901234567890",
    "0x1F",
    "1_000",
    "+49151",
    "-0",
    "١٢٣",
    "é",
]


def test_23_ids_are_byte_identical(tmp_path: Path) -> None:
    """Zeros, blanks, exponents and twenty digits stay; an empty cell beside them turns no id into a float."""
    path = text_file(
        tmp_path, ["hwid", "user", "time"], *([f"d{row}", one, T] for row, one in enumerate(IDS))
    )
    found, said = load(path, f'{EVENTS}userId = "user"')
    assert [one.get("userId", "") for one in found] == IDS
    assert said == []


def test_23_float_ids_beyond_their_precision_are_rejected(tmp_path: Path) -> None:
    """What pandas makes of an integer column with a hole in it is written without a fraction, or not at all."""
    frame = pd.DataFrame({"hwid": [42, 9007199254740993, None, 7.5], "time": [int(T)] * 4})
    path = tmp_path / "t.parquet"
    frame.to_parquet(path)
    found, said = load(path, EVENTS)
    assert [one["hwid"] for one in found] == ["42"]
    assert said == [
        't.parquet, row 2, column "hwid": "9007199254740992" is a floating-point number, which may have lost digits of the id. Export the ids as text or integers.',
        't.parquet, row 3, column "hwid" is empty, and an event needs a device id (hwid), a user id (userId), or both. Fill it.',
        't.parquet, row 4, column "hwid": "7.5" is a floating-point number, which may have lost digits of the id. Export the ids as text or integers.',
    ]
    narrow = typed_file(tmp_path, hwid=pa.array([16_777_215, 2**24], pa.float32()), time=pa.array([T] * 2))
    found, said = load(narrow, EVENTS)
    assert [one["hwid"] for one in found] == ["16777215"]
    assert len(said) == 1


WORDS = ["NA", "null", "None", "true", "nan", "NaN", "N/A", "#N/A", "-", "FALSE", "inf", "NULL"]


def test_24_words_are_text_unless_the_mapping_says_otherwise(tmp_path: Path) -> None:
    """A person may be called Null; a table of values says where such a word means nothing."""
    path = text_file(tmp_path, ["hwid", "event", "time", "a"], *([one, one, T, one] for one in WORDS))
    toml = EVENTS.replace('{ const = "purchase" }', '"event"') + '[attributes]\na = "a"\n'
    found, said = load(path, toml)
    assert [(one["hwid"], one["event"], one["attributes"]) for one in found] == [
        (one, one, {"a": one}) for one in WORDS
    ]
    assert said == []
    path = text_file(tmp_path, ["hwid", "time", "a"], ["d", T, "NA"], ["d", T, "true"], ["d", T, "maybe"])
    found, said = load(
        path,
        EVENTS
        + '[attributes]\na = { column = "a", type = "boolean", values = { NA = "", true = true, maybe = "maybe" } }',
    )
    assert [one["attributes"] for one in found] == [{}, {"a": True}]
    assert said == [
        't.csv, row 3, column "a": "maybe" is neither true nor false. Set values in the mapping, such as { Ja = true, Nein = false }.'
    ]


@pytest.mark.parametrize(
    ("cell", "attribute", "sentence"),
    [
        (pa.array([float("nan")]), {}, None),
        (pa.array([float("inf")]), None, '"inf" is not finite, and JSON has no such number. Set type = "string" or leave it out.'),
        (pa.array([float("-inf")]), None, '"-inf" is not finite, and JSON has no such number. Set type = "string" or leave it out.'),
        (pa.array([-0.0]), {"a": 0}, None),
        (pa.array([1.7976931348623157e308]), {"a": 1.7976931348623157e308}, None),
        (pa.array([Decimal("-0.10")]), {"a": -0.1}, None),
        (pa.array([Decimal(10) ** 30], pa.decimal128(38, 0)), {"a": 10**30}, None),
        (pa.array([Decimal("1e-37")], pa.decimal128(38, 37)), {"a": 1e-37}, None),
        (pa.array([2**64 - 1], pa.uint64()), {"a": 2**64 - 1}, None),
        (pa.array([-(2**63)]), {"a": -(2**63)}, None),
        (pa.array([[1.5, float("nan")]]), None, None),
        (pa.array([{"x": float("nan")}]), {"a.x": "-"}, None),
    ],
)  # fmt: skip
def test_25_no_number_becomes_nan_on_the_wire(
    tmp_path: Path, cell: pa.Array, attribute: dict[str, Any] | None, sentence: str | None
) -> None:
    """A number arrives as it was, or its row is rejected with the reason; nothing is no attribute."""
    path = typed_file(tmp_path, hwid=pa.array(["d"]), time=pa.array([T]), a=cell)
    nested = pa.types.is_struct(cell.type)
    toml = EVENTS + (
        '[attributes]\nexpand = [{ column = "a", prefix = "a." }]' if nested else '[attributes]\na = "a"\n'
    )
    found, said = load(path, toml)
    if attribute is not None:
        wanted = {name: value for name, value in attribute.items() if value != "-"}
        assert ([one["attributes"] for one in found], said) == ([wanted], [])
        return
    listed = "holds a list with an empty member, and JSON's null has no meaning in a list. Remove the empty member where the list was exported."
    assert said == [
        f't.parquet, row 1, column "a": {sentence}' if sentence else f't.parquet, row 1, column "a" {listed}'
    ]


TIMES = """
kind = "events"
[fields]
hwid = {{ const = "d" }}
event = {{ const = "e" }}
timestamp = {{ column = "t", {clock} }}
"""
SECOND = int(datetime(2024, 1, 31, 10, 20, 30, tzinfo=UTC).timestamp())
TWICE = 'came twice in its time zone, when the clocks were set back. Set ambiguous = "earlier" or "later" in the mapping.'
SKIPPED = 'was skipped in its time zone, when the clocks were set forward. Set nonexistent = "shift", "earlier" or "later" in the mapping.'


@pytest.mark.parametrize(
    ("clock", "cell", "outcome"),
    [
        ('unit = "s"', str(SECOND), (SECOND, 0)),
        ('unit = "ms"', f"{SECOND}999", (SECOND, 0)),
        ('unit = "us"', f"{SECOND}999999", (SECOND, 0)),
        ('unit = "ns"', f"{SECOND}999999999", (SECOND, 0)),
        ('format = "iso"', "2024-01-31T16:05:30+05:45", (SECOND, 20_700)),
        ('format = "iso", zone = "Asia/Kathmandu"', "2024-01-31 16:05:30", (SECOND, 20_700)),
        ('format = "%Y%m%d", zone = "America/St_Johns"', "20240131", (SECOND - 10 * 3600 - 1230 + 12_600, -12_600)),
        ('format = "%Y%m%d%H%M%S", zone = "Pacific/Chatham"', "20240201000530", (SECOND, 49_500)),
        ('format = "excel", zone = "UTC"', "45322.4309027778", (SECOND, 0)),
        ('format = "excel1904", zone = "UTC"', "43860.4309027778", (SECOND, 0)),
        ('unit = "s", local = true, zone = "America/Los_Angeles"', str(SECOND - 28_800), (SECOND, -28_800)),
        ('format = "iso", zone = "Australia/Lord_Howe"', "2024-04-07 01:45:00", TWICE),
        ('format = "iso", zone = "Australia/Lord_Howe", ambiguous = "earlier"', "2024-04-07 01:45:00", (1_712_414_700, 39_600)),
        ('format = "iso", zone = "Australia/Lord_Howe", ambiguous = "later"', "2024-04-07 01:45:00", (1_712_416_500, 37_800)),
        ('format = "iso", zone = "Europe/Berlin"', "2024-03-31 02:30:00", SKIPPED),
        ('format = "iso", zone = "Europe/Berlin", nonexistent = "shift"', "2024-03-31 02:30:00", (1_711_846_800, 7200)),
        ('format = "iso", zone = "Europe/Berlin", nonexistent = "earlier"', "2024-03-31 02:30:00", (1_711_845_000, 3600)),
        ('format = "iso", zone = "Europe/Berlin", nonexistent = "later"', "2024-03-31 02:30:00", (1_711_848_600, 7200)),
        ('format = "iso", zone = "Pacific/Apia"', "2011-12-30 12:00:00", SKIPPED),
        ('format = "iso", zone = "Europe/Moscow"', "2011-07-01 12:00:00", (1_309_507_200, 14_400)),
        ('format = "iso", zone = "Europe/Moscow"', "2014-10-26 01:30:00", TWICE),
        ('format = "iso", zone = "Europe/Moscow"', "2016-07-01 12:00:00", (1_467_363_600, 10_800)),
        ('format = "iso"', "1601-01-01T00:00:00Z", "lies outside the plausible range from 1990-01-01 to 2026-06-02. Fix it, or set earliest and latest in the mapping."),
        ('format = "iso"', "9999-12-31T00:00:00Z", "lies outside the plausible range from 1990-01-01 to 2026-06-02. Fix it, or set earliest and latest in the mapping."),
        ('format = "iso", earliest = 1600-01-01', "1601-01-01T00:00:00Z", (-11_644_473_600, 0)),
        ('format = "iso", latest = 9999-12-31', "9999-12-31T00:00:00Z", (253_402_214_400, 0)),
    ],
)  # fmt: skip
def test_26_times_of_every_notation_and_zone(tmp_path: Path, clock: str, cell: str, outcome: Any) -> None:
    """Both timestamps are exact, or the row is rejected with the remedy."""
    found, said = load(text_file(tmp_path, ["t"], [cell]), TIMES.format(clock=clock))
    if isinstance(outcome, str):
        assert said == [f't.csv, row 1, column "t": "{cell}" {outcome}']
    else:
        utc, offset = outcome
        assert [(one["timestampUTC"], one["timestampCurrent"]) for one in found] == [(utc, utc + offset)]


@pytest.mark.parametrize(
    ("cells", "zone", "problem"),
    [
        (["1706696430", "1706696430123"], "UTC", 'timestamp from "t": the times do not all have one form: "1706696430123" differs from "1706696430". If unit = "s" is right, write it in the mapping; rows that differ are then rejected. Otherwise convert the times to one form.'),
        (["45322"], "UTC", 'timestamp from "t": "45322" is not a recognised time. Say in the mapping how it is written: format = "iso", strptime codes such as format = "%d.%m.%Y %H:%M", or unit = "s", "ms", "us" or "ns". With format = "excel" it would be 2024-01-31 00:00:00.'),
        (["2024-01-31"], "CET/Berlin", '[fields] timestamp: zone = "CET/Berlin" is not a time zone. Use an IANA name such as "Europe/Berlin", an offset such as "+05:45", or seconds.'),
    ],
)  # fmt: skip
def test_26_a_time_that_could_be_several_is_refused_before_the_first_row(
    tmp_path: Path, cells: list[str], zone: str, problem: str
) -> None:
    """Unless it is declared."""
    with pytest.raises(MappingError) as caught:
        load(text_file(tmp_path, ["t"], *([cell] for cell in cells)), TIMES.format(clock=f'zone = "{zone}"'))
    assert caught.value.problems == [problem]


MOMENT = datetime(2024, 1, 31, 10, 20, 30)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns", "int96"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_27_parquet_timestamps_of_every_unit(tmp_path: Path, unit: str, zone: str | None) -> None:
    """With a zone they are instants; without one they are read in the zone that the mapping names."""
    kind = pa.timestamp("us" if unit == "int96" else unit)
    cells = pa.array([MOMENT], kind)
    if zone and unit != "int96":
        cells = cells.cast(pa.int64()).cast(pa.timestamp(unit, zone))
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"t": cells}), path, use_deprecated_int96_timestamps=unit == "int96")
    naive = zone is None or unit == "int96"
    ((found,), said) = load(path, TIMES.format(clock='zone = "Asia/Tokyo"'))
    utc = SECOND - 32_400 if naive else SECOND
    assert ((found["timestampUTC"], found["timestampCurrent"]), said) == ((utc, utc + 32_400), [])


def test_27_every_other_type_of_parquet_arrives_as_what_it_is(tmp_path: Path) -> None:
    """Decimals, dictionaries, lists, structs, maps, empty columns and bytes."""
    path = typed_file(
        tmp_path, hwid=pa.array(["d"]).dictionary_encode(), time=pa.array([T]),
        decimal=pa.array([Decimal("12.00")]), word=pa.array(["x"]).dictionary_encode(), list=pa.array([["a", "b"]]),
        struct=pa.array([{"x": 1, "y": {"z": [2]}}]), map=pa.array([[("k", "v")]], pa.map_(pa.string(), pa.string())),
        empty=pa.array([None]), bytes=pa.array(["é".encode()]), large=pa.array(["L"], pa.large_string()),
    )  # fmt: skip
    found, said = load(path, EVENTS + '[attributes]\nothers = true\nexpand = ["struct", "map"]')
    assert [one["attributes"] for one in found] == [
        {
            "decimal": 12,
            "word": "x",
            "list": ["a", "b"],
            "bytes": "é",
            "large": "L",
            "x": 1,
            "y.z": [2],
            "k": "v",
        }
    ]
    assert said == []


def test_28_a_large_row_is_a_large_body(tmp_path: Path) -> None:
    """No limit is documented, so a cell of 10 MB is sent whole; what the vendor says of it is the vendor's."""
    cell = 'é"\n' * 2_500_000
    found, said = load(
        text_file(tmp_path, ["hwid", "time", "a"], ["d", T, cell]), EVENTS + '[attributes]\na = "a"'
    )
    assert (found[0]["attributes"]["a"], said) == (cell, [])


def test_28_thousands_of_attributes(tmp_path: Path) -> None:
    """As columns, and in one cell of JSON: two thousand, and ten thousand with more effort."""
    names = [f"a{number}" for number in range(2_000 * EFFORT)]
    path = text_file(tmp_path, ["hwid", "time", *names], ["d", T, *names], ["e", T, *[""] * len(names)])
    found, said = load(path, EVENTS + "[attributes]\nothers = true")
    assert ([one["attributes"] for one in found], said) == ([dict(zip(names, names, strict=True)), {}], [])
    cell = json.dumps(dict.fromkeys(names, 1))
    found, said = load(
        text_file(tmp_path, ["hwid", "time", "p"], ["d", T, cell]), EVENTS + '[attributes]\nexpand = ["p"]'
    )
    assert (found[0]["attributes"], said) == (dict.fromkeys(names, 1), [])


@pytest.mark.parametrize(
    ("levels", "sentence"),
    [
        (100, ' has a member "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a…" that cannot be an attribute: the name has 199 characters, 64 are allowed. Name it under except, or map it under another name.'),
        (50_000, ""),
    ],
)  # fmt: skip
def test_28_deeply_nested_json_rejects_its_row(tmp_path: Path, levels: int, sentence: str) -> None:
    """A name that would be too long, or a cell that no reader takes, rejects one row; the load continues."""
    cell = '{"a":' * levels + "1" + "}" * levels
    path = text_file(tmp_path, ["hwid", "time", "p"], ["d", T, '{"a": 1}'], ["e", T, cell])
    found, said = load(path, EVENTS + '[attributes]\nexpand = ["p"]')
    assert [one["attributes"] for one in found] == [{"a": 1}]
    shown = '{"a":' * 11 + '{"a"' + "…"
    expected = sentence or (
        f': "{shown}" is not a readable JSON object. Fix the cell where it was exported, or do not open this '
        "column in the mapping."
    )
    assert said == [f't.csv, row 2, column "p"{expected}']
