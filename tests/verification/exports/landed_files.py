"""A load that has ended, and exports of what landed of it, in several formats."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from loader.journal import Journal
from loader.methods import Kind
from loader.model import Outcome, State
from loader.planning import build_identity, prepare
from loader.settings import Endpoint, Settings
from loader.verification.exports.export_comparison import verify_export
from loader.verification.exports.landed_mapping import ExportRequest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from loader.verification.verification import Verification

Row = dict[str, Any]

#: Of the load's input: events.
EVENTS = """
kind = "events"
[fields]
userId = "customer"
hwid = "phone"
event = "action"
timestamp = { column = "second", unit = "s" }
[attributes]
cds = { column = "cds", type = "integer" }
dollars = { column = "dollars", type = "float" }
"""

#: Of an export in which the same columns have other names.
LANDED = """
kind = "events"
[fields]
userId = "User ID"
{device}
event = "Event"
timestamp = "When"
[attributes]
cds = "CDs"
{dollars}
"""


def make_load(
    folder: Path, mapping: str, rows: Sequence[Row], states: Sequence[State], kind: Kind = Kind.EVENTS
) -> Path:
    """A checkpoint of these rows in these states; nothing is sent."""
    source, mapping_file = folder / "input.csv", folder / "mapping.toml"
    pd.DataFrame(list(rows)).to_csv(source, index=False)
    mapping_file.write_text(mapping)
    checkpoint = folder / "input.ckpt"
    endpoint = Endpoint.parse("http://127.0.0.1:9/json/1.3/")
    settings = Settings(
        kind, (str(source),), "AAAAA-BBBBB", endpoint, checkpoint=checkpoint, mapping=mapping_file
    )
    with Journal.open(checkpoint, build_identity(prepare(settings))) as journal:
        journal.lease(range(len(states)))
        journal.sending(*range(len(states)))
        journal.settle([Outcome(ordinal, state) for ordinal, state in enumerate(states)])
    return checkpoint


def write_export(folder: Path, rows: Sequence[Row], form: str) -> Path:
    """An export of these rows."""
    path = folder / f"landed.{form}"
    if form == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif form == "parquet":
        pq.write_table(pa.Table.from_pylist(list(rows)), path)
    else:
        pd.DataFrame(list(rows)).to_csv(path, index=False)
    return path


def verify(
    checkpoint: Path, export: Path, mapping: str | None = None, *, complete: bool = True
) -> Verification:
    """Compare a load with an export."""
    file = None
    if mapping is not None:
        file = export.with_suffix(".toml")
        file.write_text(mapping)
    return verify_export([checkpoint], ExportRequest((str(export),), file, complete=complete))


def name_differences(found: Verification) -> list[tuple[str, int | None]]:
    """The differences: the sign, and the row of the input."""
    return [(difference.sign.value, difference.ordinal) for _, difference in found.list_differences()]


def name_doubts(found: Verification) -> dict[int, str]:
    """What is known of the rows in doubt."""
    ((_, doubts),) = found.list_doubts()
    return {ordinal: doubt.value for ordinal, doubt in doubts.items()}
