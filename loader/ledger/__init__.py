"""The ledger: which keys were sent, over any number of loads. It holds digests, and nothing of the rows.

    ledger        the one writer: find -> mark -> settle, finish
    sending       what a running load has marked, and what became of it
    store         the SQLite file: what the ledger is of, its loads, and what is newer than the runs
    runs          sorted records, in memory or on disk, and how they are searched
    run_files     written once, merged, never changed
    records       a key's record: the digest of the key, the digest of the body, the number of the load
    ledger_lock   one writer at a time, copies included

The order of writing is what it rests on: a key is marked, durably, before its row is leased in the
checkpoint; and it counts as sent only after the checkpoint has made that durable. So the ledger never says
"sent" of a row of which the checkpoint, after any crash, says something else; and a row that may have been
sent is always marked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.late_imports import import_on_use

if TYPE_CHECKING:
    from loader.ledger.ledger import Ledger
    from loader.ledger.records import Digester, Digests, Records
    from loader.ledger.runs import Found
    from loader.ledger.store import Bound, KnownLoad, LedgerDiffers, LedgerError, LedgerLocked

__all__ = [
    "Bound",
    "Digester",
    "Digests",
    "Found",
    "KnownLoad",
    "Ledger",
    "LedgerDiffers",
    "LedgerError",
    "LedgerLocked",
    "Records",
]

__getattr__ = import_on_use(
    __name__,
    {
        ".ledger": "Ledger",
        ".records": "Digester Digests Records",
        ".runs": "Found",
        ".store": "Bound KnownLoad LedgerDiffers LedgerError LedgerLocked",
    },
)
