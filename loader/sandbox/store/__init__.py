"""What the sandbox took: one SQLite file, to be queried with any SQLite tool, also while it serves.

* `schema`: its tables. `upgrade`: from those of version 1.
* `writing`: the one writing end. `state`: what follows from each call. `replay`: the same for the whole log.
* `catalogue`: the types of attributes. Pure.
* `reading`, `holdings`, `statistics`: what it holds, how much, and in which hours.
* `files`: the file, and what can be wrong with it.
"""

from __future__ import annotations

from loader.sandbox.store.holdings import EventHoldings, Holdings, count_holdings
from loader.sandbox.store.reading import COLUMNS, read_batches, read_rows
from loader.sandbox.store.writing import CatalogueRules, SandboxStore

__all__ = [
    "COLUMNS",
    "CatalogueRules",
    "EventHoldings",
    "Holdings",
    "SandboxStore",
    "count_holdings",
    "read_batches",
    "read_rows",
]
