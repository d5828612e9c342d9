"""Exports of other vendors: what is proposed for each, and which bodies that gives.

The expected files in `sample_data/presets` were read through against the vendor's documentation. To make them
again after a change, and to read the difference: ``python -m tests.mapping.test_presets``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pytest

from loader.mapping import bind, parse_mapping
from loader.mapping.proposing.presets import PRESETS
from loader.mapping.proposing.proposal_text import proposal_text
from loader.mapping.proposing.propose import propose
from loader.methods import Kind
from loader.model import Chunk
from loader.sources import open_source
from tests.mapping.samples import APPLICATION, NOW

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parents[2] / "sample_data" / "presets"
NAMES = sorted(path.name for path in HERE.iterdir() if path.suffix in {".csv", ".jsonl", ".parquet"})
#: What only the person who exported can know.
ZONES = {"clevertap_events.jsonl": "Asia/Kolkata", "hand_made_events.csv": "Europe/Berlin"}


class Sample(NamedTuple):
    """One export as its source hands it over."""

    name: str
    schema: pa.Schema
    frame: pd.DataFrame


def kinds_of(name: str) -> list[Kind]:
    """What an export is loaded as; one of users brings their tags too."""
    return [Kind.USERS, Kind.TAGS] if "_users" in name else [Kind.EVENTS]


CASES = [(name, kind) for name in NAMES for kind in kinds_of(name)]


def forms(name: str) -> Iterator[Sample]:
    """The ways in which a source may hand over the file: nested parts as JSON text, or as structs."""
    if not name.endswith(".jsonl"):
        source = open_source([HERE / name])
        yield Sample(name, source.schema, source.sample())
        return
    rows = [json.loads(line) for line in (HERE / name).read_text("utf-8").splitlines()]
    texts = [
        {
            key: json.dumps(cell, ensure_ascii=False) if isinstance(cell, dict) else cell
            for key, cell in row.items()
        }
        for row in rows
    ]
    for table in (pa.Table.from_pylist(texts), pa.Table.from_pylist(rows)):
        yield Sample(name, table.schema, table.to_pandas(types_mapper=pd.ArrowDtype))


def proposed(sample: Sample, kind: Kind) -> str:
    """The text that `map` writes."""
    proposal = propose(kind, sample.schema, sample.frame, zone=ZONES.get(sample.name), now=NOW)
    return proposal_text(proposal, sample.name)


def results(sample: Sample, mapping: str) -> str:
    """Each body, and the sentence of each reject, a line each."""
    mapper = bind(
        parse_mapping(mapping, sample.name), sample.schema, sample.frame,
        application=APPLICATION, where=sample.name, now=NOW,
    )  # fmt: skip
    mapped = mapper.map(Chunk(0, sample.frame, sample.name, 1, {}))
    lines = [body.decode() for body in mapped.bodies.to_pylist()]
    return "\n".join([*lines, *(f"rejected: {reject.message}" for reject in mapped.rejects)]) + "\n"


def expected(name: str, kind: Kind, suffix: str) -> Path:
    """The kept file beside a sample."""
    return HERE / f"{Path(name).stem.rpartition('_')[0]}_{kind}.{suffix}"


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_the_proposal_is_the_one_that_was_reviewed(name: str, kind: Kind) -> None:
    """The user gets these lines, reasons and doubts for this export."""
    assert proposed(next(forms(name)), kind) == expected(name, kind, "toml").read_text("utf-8")


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_the_proposal_loads_without_edits_and_gives_the_reviewed_bodies(name: str, kind: Kind) -> None:
    """Whether the source hands over nested parts as JSON text or as structs."""
    for sample in forms(name):
        assert parsed(results(sample, expected(name, kind, "toml").read_text("utf-8"))) == parsed(
            expected(name, kind, "bodies.txt").read_text("utf-8")
        )


def parsed(text: str) -> list[Any]:
    """The lines; bodies as objects, for 5.00 and 5.0 are one number."""
    return [json.loads(line) if line.startswith("{") else line for line in text.splitlines()]


def test_there_is_a_sample_of_each_vendor() -> None:
    """No preset stands in the table that no export was tried with."""
    vendors = {preset.name.lower() for preset in PRESETS}
    assert {name.partition("_")[0] for name in NAMES} - {"hand"} == vendors


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: f"{preset.name} {preset.kind}")
def test_a_preset_names_only_fields_of_its_method(preset: Any) -> None:
    """A slip in the table is found here, not by a person."""
    text = "kind = 'users'\n[fields]\n" if preset.kind is Kind.USERS else "kind = 'events'\n[fields]\n"
    lines = [f'{name} = "x"' for name in preset.fields]
    extra = ['event = "x"', 'timestamp = "x"'] if preset.kind is Kind.EVENTS else ['hwid = "x"']
    lines += [line for line in extra if line.partition(" ")[0] not in preset.fields]
    assert set(parse_mapping(text + "\n".join(lines), "m").fields) >= set(preset.fields)


if __name__ == "__main__":
    for each, loaded_as in CASES:
        first = next(forms(each))
        text = proposed(first, loaded_as)
        expected(each, loaded_as, "toml").write_text(text, "utf-8")
        expected(each, loaded_as, "bodies.txt").write_text(results(first, text), "utf-8")
