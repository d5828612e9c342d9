"""Small objects that are read as a whole, such as a mapping file."""

from __future__ import annotations

from loader.errors import SourceError
from loader.stores.finding import find_object
from loader.stores.stored import Replaced

# Bytes. A mapping of a thousand columns has a hundredth of it.
_MOST = 16 << 20


def read_whole(name: str) -> bytes:
    """All bytes of an object.

    Raises:
        SourceError: it cannot be read, or is too large to be what it should be.
    """
    found = find_object(name)
    if found.seen.size > _MOST:
        raise SourceError(f"{found.name}: has {found.seen.size:,} bytes, too many for such a file.")
    try:
        return found.read_range(0, found.seen.size) if found.seen.size else b""
    except Replaced as change:
        raise SourceError(f"{found.name}: changed while it was being read ({change.difference}).") from None
