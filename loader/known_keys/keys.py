"""The keys of rows, as bytes: the columns that the mapping names, or the device or user."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.mapping.encode import numpy_mask
from loader.mapping.selection import join_keys

if TYPE_CHECKING:
    from loader.ledger.records import Mask, Ordinals
    from loader.mapping import Mapped, Mapper
    from loader.model import Chunk


def read_keys(mapper: Mapper, chunk: Chunk, mapped: Mapped, places: Ordinals) -> tuple[Mask, pa.Array]:
    """Which of some rows that became a body have a key, and the keys of these as bytes.

    The key of an event is made of the columns that the mapping names; that of users and tags is the device or
    user whose rows keep their order.
    """
    if columns := mapper.mapping.key:
        table = mapper.read(chunk).keep(mapped.ordinals[places] - mapped.first)
        return join_keys(columns, table, np.ones(len(places), np.bool_))
    return np.ones(len(places), np.bool_), mapped.owners.take(pa.array(places)).cast(pa.binary())


def read_all_owners(mapper: Mapper, chunk: Chunk) -> tuple[Mask, pa.Array]:
    """Which rows of users or tags have a key, whatever becomes of the row, and the keys of these as bytes.

    Also of rows that are rejected or left out, because they are in the input. A record that cannot be read
    has none.
    """
    readable = np.ones(len(chunk.frame), np.bool_)
    readable[[*chunk.unreadable, *chunk.no_data]] = False
    owners = mapper.find_owners(chunk)
    known = readable & numpy_mask(pc.not_equal(owners, ""))
    return known, owners.filter(pa.array(known)).cast(pa.binary())
