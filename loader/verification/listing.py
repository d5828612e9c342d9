"""The differences beside their source columns, as frames to be written to a file."""

from __future__ import annotations

from itertools import groupby, islice
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from loader.failures import read_source_records
from loader.model import OWN_COLUMNS, Chunk
from loader.own_columns import build_own_columns
from loader.verification.expected import read_chunks
from loader.verification.rows import Fate
from loader.verification.values import escape_halves, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from loader.verification.differences import Change, Difference
    from loader.verification.expected import Load
    from loader.verification.verification import Verification

_BATCH = 20_000
NUMBER = f"{OWN_COLUMNS}number"
FATES = {Fate.RESENT: "confirmed"}


def list_frames(verification: Verification) -> Iterator[pd.DataFrame]:
    """Frames of all differences: the source columns, then the loader's own. The first frame has no row.

    The own columns: the sign, what was compared (``call`` or ``stored``), the checkpoint, the file and the
    row in it, what the checkpoint says of the row, the number of what landed or its place in an export, the
    keys that differ and both values, each as a JSON object. Of an extra row that no row of the input
    explains, the source columns are empty, and ``landed`` has all keys.
    """
    loads = [load for part in verification.parts for load in part.loads]
    empty = [load.plans[-1].source.sample(0) for load in loads]
    columns = list(dict.fromkeys(name for frame in empty for name in _read_columns(frame, 0).columns))
    whole = pd.concat([_read_columns(frame, 0) for frame in empty]).reindex(columns=columns)
    yield _name_places(_join(whole.iloc[:0], [], [], []), verification.places)
    for load, batch in _group(verification.list_differences()):
        for built in _build_frames(load, batch):
            frame = _name_places(built, verification.places)
            yield frame.reindex(columns=[*columns, *(name for name in frame if name not in columns)])


def _name_places(frame: pd.DataFrame, places: Callable[[int], str] | None) -> pd.DataFrame:
    """The frame with places where the numbers of what landed stand, if a number alone says nothing."""
    if places is None:
        return frame
    numbers = frame[NUMBER].tolist()
    texts = [None if pd.isna(number) else places(int(number)) for number in numbers]
    return frame.assign(**{NUMBER: pd.arrays.ArrowExtensionArray(pa.array(texts, pa.string()))})


def _group(
    differences: Iterator[tuple[Load, Difference]],
) -> Iterator[tuple[Load, list[Difference]]]:
    """The differences of one load, with or without a row of the input, a bounded number at a time."""

    def key(found: tuple[Load, Difference]) -> tuple[int, bool]:
        return id(found[0]), found[1].ordinal is None

    for _, group in groupby(differences, key):
        while batch := list(islice(group, _BATCH)):
            yield batch[0][0], [difference for _, difference in batch]


def _build_frames(load: Load, differences: Sequence[Difference]) -> Iterator[pd.DataFrame]:
    plan = load.plans[-1]
    ordinals = [difference.ordinal for difference in differences]
    if ordinals[0] is None:
        records = _read_columns(plan.source.sample(0), 0).reindex(range(len(differences)))
        yield _join(records, [load] * len(differences), differences, [("", None)] * len(differences))
        return
    rows = np.array(ordinals, np.int64)
    for chunk, _ in read_chunks(plan, sorted(set(rows.tolist()))):
        here = [each for each in differences if each.ordinal in chunk.rows]
        places = [each.ordinal - chunk.first for each in here if each.ordinal is not None]
        names = [(chunk.file, chunk.first_row + place) for place in places]
        yield _join(read_source_records(chunk, places), [load] * len(here), here, names)


def _read_columns(frame: pd.DataFrame, rows: int) -> pd.DataFrame:
    return read_source_records(Chunk(0, frame, "", 1, {}), range(rows))


def _join(
    records: pd.DataFrame,
    loads: Sequence[Load],
    differences: Sequence[Difference],
    names: Sequence[tuple[str, int | None]],
) -> pd.DataFrame:
    cells: dict[str, Sequence[object]] = {
        "sign": [each.sign.value for each in differences],
        "compared": [each.scope.value for each in differences],
        "checkpoint": [load.name for load in loads],
        "file": [name or None for name, _ in names],
        "row": [row for _, row in names],
        "state": [describe_fate(each.fate) for each in differences],
        "number": [each.number for each in differences],
        "keys": [
            escape_halves(", ".join(change.key for change in each.changes)) or None for each in differences
        ],
        "expected": [_write_values(each.changes, "expected") for each in differences],
        "landed": [_write_landed(each) for each in differences],
    }
    return pd.concat([records, build_own_columns(cells)], axis="columns")


def describe_fate(fate: Fate | None) -> str | None:
    """What the checkpoint says of a row, as its state is called."""
    return None if fate is None else FATES.get(fate, fate.name.lower())


def _write_landed(difference: Difference) -> str | None:
    if difference.landed is not None:
        return write_json(difference.landed)
    return _write_values(difference.changes, "landed")


def _write_values(changes: Sequence[Change], side: str) -> str | None:
    """The values of one side that differ, as a JSON object; a key that is not there is left out."""
    values = {change.key: getattr(change, side) for change in changes}
    members = [f"{write_json(key)}: {value}" for key, value in values.items() if value is not None]
    return f"{{{', '.join(members)}}}" if changes else None
