"""Frames, chunks and mappers for the tests of this room."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from loader.mapping import Mapped, Mapper, bind, infer, parse_mapping
from loader.model import Chunk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.methods import Kind

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
APPLICATION = "AAAAA-BBBBB"
EVENTS = """
kind = "events"
[fields]
hwid = "hwid"
event = { const = "purchase" }
timestamp = { column = "time", unit = "s" }
"""


def text_frame(**columns: Sequence[str | None]) -> pd.DataFrame:
    """A frame as the CSV source makes it: every column Arrow text."""
    return typed_frame(**{name: pa.array(list(cells), pa.string()) for name, cells in columns.items()})


def typed_frame(**columns: pa.Array) -> pd.DataFrame:
    """A frame as the Parquet source makes it."""
    return pd.DataFrame(
        {name: pd.Series(cells, dtype=pd.ArrowDtype(cells.type)) for name, cells in columns.items()}
    )


def schema_of(frame: pd.DataFrame) -> pa.Schema:
    """The schema that a source of this frame would tell."""
    return pa.Schema.from_pandas(frame, preserve_index=False)


def chunk_of(frame: pd.DataFrame, **changes: Any) -> Chunk:
    """A chunk of the file x.csv; unless changed, it begins with its first row."""
    return replace(Chunk(0, frame, "x.csv", 1, {}), **changes)


def mapper_of(toml: str, frame: pd.DataFrame) -> Mapper:
    """The mapping file bound to a frame."""
    return bind(
        parse_mapping(toml, "x.toml"),
        schema_of(frame),
        frame,
        application=APPLICATION,
        where="x.toml",
        now=NOW,
    )


def inferred(kind: Kind, frame: pd.DataFrame) -> Mapper:
    """The mapping found from the names of a frame's columns."""
    mapping = infer(kind, schema_of(frame), frame)
    return bind(mapping, schema_of(frame), frame, application=APPLICATION, where="x.csv", now=NOW)


def mapped(toml: str, frame: pd.DataFrame, *, sampled: int | None = None) -> Mapped:
    """A frame, mapped after all of it, or its first rows, were sampled."""
    return mapper_of(toml, frame.iloc[:sampled]).map(chunk_of(frame))


def requests(result: Mapped) -> list[dict[str, Any]]:
    """The `request` object of each body; a body that is no strict JSON fails."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} on the wire")

    return [
        json.loads(body.decode("utf-8"), parse_constant=refuse)["request"]
        for body in result.bodies.to_pylist()
    ]


def messages(result: Mapped) -> list[str]:
    """The sentence of each rejected row."""
    return [reject.message for reject in result.rejects]


def attribute(rule: str, cells: pa.Array) -> tuple[list[Any], list[str]]:
    """What becomes of a column "a" under a rule for the attribute "a": values (or "-") and messages."""
    rows = len(cells)
    frame = typed_frame(hwid=pa.array(["d"] * rows), time=pa.array(["1700000000"] * rows), a=cells)
    result = mapped(f"{EVENTS}[attributes]\na = {rule}\n", frame)
    return [request["attributes"].get("a", "-") for request in requests(result)], messages(result)
