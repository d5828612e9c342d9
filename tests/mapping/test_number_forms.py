"""A setting is advised only if it reads more rows than it rejects."""

from __future__ import annotations

import re

import pandas as pd
import pyarrow as pa
import pytest

from loader.mapping import Mapper, bind
from loader.mapping.file import build_mapping
from loader.model import Chunk

MAPPING = {
    "kind": "events",
    "fields": {
        "hwid": "hwid",
        "event": {"const": "e"},
        "timestamp": {"const": "2024-01-01T00:00:00Z", "format": "iso"},
    },
}


def bound(cells: list[str], attribute: dict[str, str]) -> tuple[Mapper, pd.DataFrame]:
    """A mapper that has seen the first 1,000 cells, and all of them."""
    table = pa.table({"hwid": [f"d{number}" for number in range(len(cells))], "n": cells})
    frame = table.to_pandas(types_mapper=pd.ArrowDtype)
    mapping = build_mapping({**MAPPING, "attributes": {"n": {"column": "n"} | attribute}}, "m.toml")
    return bind(mapping, table.schema, frame.head(1000), application="A", where="m.toml"), frame


def rejected(cells: list[str], attribute: dict[str, str]) -> tuple[int, str]:
    """How many rows of one chunk are rejected, and what is advised for the first."""
    mapper, frame = bound(cells, attribute)
    rejects = [
        reject
        for start in range(0, len(frame), 1000)
        for reject in mapper.map(Chunk(start, frame.iloc[start : start + 1000], "f", start + 1, {})).rejects
    ]
    return len(rejects), rejects[0].remedy if rejects else ""


POINTS, COMMAS, WHOLE = ["12.50"] * 1500, ["12,50"] * 20, ["7"] * 1500
CASES = {
    "few commas at the beginning": COMMAS + POINTS,
    "few commas at the end": POINTS + COMMAS,
    "a chunk of commas at the end": POINTS + ["12,50"] * 1000,
    "many commas": COMMAS * 60 + POINTS[:500],
    "only commas": COMMAS,
    "commas after whole numbers": WHOLE + COMMAS,
    "commas and points after whole numbers": WHOLE + COMMAS + POINTS,
}


@pytest.mark.parametrize("cells", CASES.values(), ids=CASES)
@pytest.mark.parametrize("kind", ["float", "integer"])
def test_a_decimal_comma_is_advised_if_it_makes_more_rows_right(cells: list[str], kind: str) -> None:
    """The advice is followed to the letter, and counted; where it would do harm, it is not given."""
    before, advice = rejected(cells, {"type": kind})
    after, _ = rejected(cells, {"type": kind, "decimal": ","})
    setting = re.match(r'Set decimal = ","', advice)
    assert advice
    if setting:
        assert after < before or kind == "integer"
    if kind == "float":
        assert bool(setting) == (after < before), advice
    assert setting or advice.startswith(("Write it with a point", "Fix it where it was exported", "Set type"))


@pytest.mark.parametrize(("good", "bad", "advised"), [(900, 3, False), (3, 900, True)])
@pytest.mark.parametrize("kind", ["float", "integer"])
def test_another_type_is_advised_if_most_texts_need_it(
    good: int, bad: int, *, advised: bool, kind: str
) -> None:
    """A text among numbers is a fault of its cell; a number among texts is one of the mapping."""
    _, advice = rejected(["12"] * good + ["n/a"] * bad, {"type": kind})
    assert advice.startswith('Set type = "string"') == advised
    if not advised:
        assert advice == "Fix it where it was exported: most texts of the column are numbers."
