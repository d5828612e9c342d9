"""The checkpoint: what may be sent is written down first, and what became of it before it is forgotten.

    journal     the one writer: lease -> sending -> settle, release, account
    view        the same file for readers, also while a load runs
    opening     create or verify, before anything is changed          identity    what it was made for
    beginning   the first commit of a run                             binding     what ties it to a place
    recovery    what a dead run left (pure)                           slots       the requests on the wire
    store       transactions, and what a failed one means             schema      tables, seals, migrations
    reading     every checksum verified before a row counts           table_rows  the records in the tables
    settlement  leased rows and what outcomes make of them (pure)
    fixed_cells cells that the user fixed, in place of the input's
    chronicle   samples of the traffic and notes, for the report
    bitmap, left_out, ranges, sizing (pure); checkpoint_files, lock, host: what surrounds the file

The order of writing is what the promise rests on: a lease is durable before its first row may be sent; a
slot is set before its request leaves and cleared after its outcome is committed; a doubt is committed
before a permitted resend. Whatever instant a process dies at, a row that may have been sent is never
taken for one that was not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.late_imports import import_on_use

if TYPE_CHECKING:
    from loader.journal.binding import is_misdirected
    from loader.journal.fixed_cells import FixedCells
    from loader.journal.host import Host
    from loader.journal.identity import GrownFrom, Identity, find_other_lookups, list_changes
    from loader.journal.journal import Journal
    from loader.journal.ranges import collect_ranges
    from loader.journal.store import DiskFull
    from loader.journal.table_rows import Decided, ExceptionRow, Note, PackedCategories, Run, Sample
    from loader.journal.view import CheckpointView
    from loader.model import FileRecord

__all__ = [
    "CheckpointView",
    "Decided",
    "DiskFull",
    "ExceptionRow",
    "FileRecord",
    "FixedCells",
    "GrownFrom",
    "Host",
    "Identity",
    "Journal",
    "Note",
    "PackedCategories",
    "Run",
    "Sample",
    "collect_ranges",
    "find_other_lookups",
    "is_misdirected",
    "list_changes",
]

__getattr__ = import_on_use(
    __name__,
    {
        ".binding": "is_misdirected",
        ".fixed_cells": "FixedCells",
        ".host": "Host",
        ".identity": "GrownFrom Identity find_other_lookups list_changes",
        ".journal": "Journal",
        ".ranges": "collect_ranges",
        ".store": "DiskFull",
        ".table_rows": "Decided ExceptionRow Note PackedCategories Run Sample",
        ".view": "CheckpointView",
        "loader.model": "FileRecord",
    },
)
