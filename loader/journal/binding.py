"""What ties a checkpoint to the application and the endpoint that it was made for.

Until a vendor that knew the application has said anything about a row, a mistyped application or endpoint
can be corrected, and the load continues in the same checkpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.model import Phase, State
from loader.text.vendor_words import is_application_unknown

if TYPE_CHECKING:
    from loader.journal.reading import Snapshot
    from loader.journal.table_rows import ExceptionRow


def is_binding(row: ExceptionRow) -> bool:
    """Whether a row that is not simply confirmed shows that the vendor knew the application, or may show it.

    A rejection without the vendor's own code may come from any server, from a mistyped endpoint too.
    """
    if row.state is State.IN_DOUBT or row.resent:
        return True
    if row.phase is not Phase.VENDOR:
        return row.phase is Phase.OVERTAKEN
    if row.state is State.REJECTED and row.code is None:
        return False
    return not is_application_unknown(row.message)


def is_misdirected(row: ExceptionRow) -> bool:
    """Whether a row was rejected because the vendor does not know the application."""
    by_vendor = row.state is State.REJECTED and row.phase is Phase.VENDOR
    return by_vendor and is_application_unknown(row.message)


def is_bound(snapshot: Snapshot) -> bool:
    """Whether a checkpoint may no longer be continued for another application or endpoint."""
    return snapshot.binding or bool(snapshot.counts[State.CONFIRMED]) or bool(snapshot.unsettled)
