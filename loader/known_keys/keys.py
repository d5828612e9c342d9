"""The keys of rows, as bytes: made of the columns that the mapping names, else of the device or user."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from loader.mapping.selection import join_keys

if TYPE_CHECKING:
    from loader.ledger.records import Mask, Ordinals
    from loader.mapping import Mapped, Mapper
    from loader.model import Chunk


def read_keys(mapper: Mapper, chunk: Chunk, mapped: Mapped, places: Ordinals) -> tuple[Mask, pa.Array]:
    """Which of some rows that became a body have a key, and the keys of these as bytes.

    The key is made of the columns that the mapping names; else it is the device or user whose rows keep their
    order.
    """
    columns = mapper.mapping.key
    if columns:
        table = mapper.read(chunk).keep(mapped.ordinals[places] - mapped.first)
        return join_keys(columns, table, np.ones(len(places), np.bool_))
    return np.ones(len(places), np.bool_), mapped.owners.take(pa.array(places)).cast(pa.binary())
