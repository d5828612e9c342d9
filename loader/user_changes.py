"""Which devices change users, and which users vanish by it: the rows of a list, read in another pass."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa

from loader.errors import SourceError
from loader.reading import select_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loader.mapping import Mapped
    from loader.planning import Plan
    from loader.profile import Profile
    from loader.profile.people import Changes

Ordinals: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
_TEXT = pd.ArrowDtype(pa.string())
COLUMNS = ("user", "device", "new_user", "vanishes", "row", "new_row")


def list_changes(plan: Plan, profile: Profile) -> Iterator[pd.DataFrame]:
    """Frames of the devices that end at another user than in some row, the first of them without a row.

    Columns: the user that loses the device, the device, the user that has it in the end (empty if none has),
    whether the first one vanishes, and where the rows stand. Each batch of changes is another pass over the
    input; memory does not grow with it.
    """
    yield pd.DataFrame({name: pd.Series(dtype="bool" if name == "vanishes" else _TEXT) for name in COLUMNS})
    for changes in profile.changes():
        if len(changes.rows):
            yield _look_up(plan, profile, changes)


def _look_up(plan: Plan, profile: Profile, changes: Changes) -> pd.DataFrame:
    wanted = np.unique(np.concatenate([changes.rows, changes.later])).astype(np.int64)
    parts = list(_read_ids(plan, wanted))
    users, devices = (pa.concat_arrays([part[number] for part in parts]) for number in (0, 1))
    lost, later = (np.searchsorted(wanted, each) for each in (changes.rows, changes.later))
    return pd.DataFrame(
        {
            "user": pd.Series(users.take(pa.array(lost)), dtype=_TEXT),
            "device": pd.Series(devices.take(pa.array(lost)), dtype=_TEXT),
            "new_user": pd.Series(users.take(pa.array(later)), dtype=_TEXT),
            "vanishes": changes.vanishing,
            "row": pd.Series([profile.place(row) for row in changes.rows.tolist()], dtype=_TEXT),
            "new_row": pd.Series([profile.place(row) for row in changes.later.tolist()], dtype=_TEXT),
        }
    )


def _read_ids(plan: Plan, wanted: Ordinals) -> Iterator[tuple[pa.Array, pa.Array]]:
    """Users and devices of some rows, which ascend."""
    with suppress(SourceError):  # the check has said already where the input ends
        for chunk, _ in select_chunks(plan.source.chunks(int(wanted[0])), [range(int(wanted[0]), plan.rows)]):
            low, high = np.searchsorted(wanted, (chunk.rows.start, chunk.rows.stop))
            if low < high:
                mapped = plan.mapper.map(chunk)
                here = pa.array(np.searchsorted(mapped.selected, wanted[low:high]))
                yield _find_texts(mapped, "userId").take(here), _find_texts(mapped, "hwid").take(here)


def _find_texts(mapped: Mapped, name: str) -> pa.Array:
    """The texts of a field, a row each; nothing but nulls if the mapping has no such field."""
    found = (column.values for column in mapped.columns if column.name == name and not column.member)
    return next(found, pa.nulls(len(mapped.selected), pa.string())).cast(pa.string())
