"""Rows of users that must not go again: a later row of their device is, or may be, at the vendor.

`registerUser` keeps the last call for a device, so an older row that is sent now would undo a newer one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from loader.journal import Journal
    from loader.mapping import Mapped, Mapper
    from loader.sources import Source


def find_overtaken(
    source: Source, mapper: Mapper, journal: Journal, wanted: Collection[int], doubtful: Collection[int]
) -> dict[int, int]:
    """Find wanted rows whose device has a later row that is, or may be, at the vendor.

    Reads the input from the first wanted row up to the intent mark, because nothing beyond it was ever sent.

    Args:
        source: the input.
        mapper: its mapping.
        journal: knows which rows are confirmed.
        wanted: rows that are to go again.
        doubtful: rows in doubt, which may be at the vendor too; wanted rows among them are sent again in
            their order.

    Returns:
        The ordinal of each such row, with the ordinal of a later row.
    """
    if not wanted:
        return {}
    ordinals = np.fromiter(sorted(wanted), np.int64)
    waiting: dict[str, list[int]] = {}
    later: dict[int, int] = {}
    for chunk in source.chunks(int(ordinals[0])):
        if chunk.first >= journal.mark:
            break
        for ordinal, device in _rows_of_interest(mapper.map(chunk), ordinals, waiting):
            if ordinal in wanted:
                waiting.setdefault(device, []).append(ordinal)
            elif device in waiting and (ordinal in doubtful or journal.confirmed(ordinal)):
                later.update(dict.fromkeys(waiting.pop(device), ordinal))
    return later


def _rows_of_interest(
    mapped: Mapped, wanted: np.ndarray[tuple[int], np.dtype[np.int64]], waiting: Collection[str]
) -> Iterator[tuple[int, str]]:
    """Ordinal and device of the wanted rows and of all rows of their devices, ascending."""
    chosen = mapped.devices.filter(pa.array(np.isin(mapped.ordinals, wanted)))
    devices = pa.concat_arrays([chosen, pa.array(list(waiting), mapped.devices.type)])
    rows = pc.is_in(mapped.devices, value_set=devices)
    return zip(
        mapped.ordinals[rows.to_numpy(zero_copy_only=False)].tolist(),
        mapped.devices.filter(rows).to_pylist(),
        strict=True,
    )
