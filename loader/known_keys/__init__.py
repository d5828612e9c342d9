"""Rows whose keys a ledger knows: left out of a load, each with the load that sent it.

    running        the keys of a load that runs: found, marked, settled
    keys           the key of a row, as bytes
    sifting        known rows are left out of a chunk
    checking       the same for a check, which writes nothing
    judging        which rows are left out
    reasons        why, in words
    fates          what a checkpoint says of pending keys
    ledger_notes   which ledger a load has

The rules of one load. What is kept, and in which order it is written, is the ledger's; see `loader.ledger`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.late_imports import import_on_use

if TYPE_CHECKING:
    from loader.known_keys.checking import choose_application, open_checked_keys
    from loader.known_keys.fates import carry_over, count_sent, read_fates
    from loader.known_keys.keys import read_keys
    from loader.known_keys.ledger_notes import (
        LEDGER,
        LedgerNote,
        find_ledger,
        refuse_older_checkpoint,
        with_key,
    )
    from loader.known_keys.reasons import KeyReasons
    from loader.known_keys.running import NoLedger, open_known_keys
    from loader.known_keys.sifting import Keyed, KeyReader

__all__ = [
    "LEDGER",
    "KeyReader",
    "KeyReasons",
    "Keyed",
    "LedgerNote",
    "NoLedger",
    "carry_over",
    "choose_application",
    "count_sent",
    "find_ledger",
    "open_checked_keys",
    "open_known_keys",
    "read_fates",
    "read_keys",
    "refuse_older_checkpoint",
    "with_key",
]

__getattr__ = import_on_use(
    __name__,
    {
        ".checking": "choose_application open_checked_keys",
        ".fates": "carry_over count_sent read_fates",
        ".keys": "read_keys",
        ".ledger_notes": "LEDGER LedgerNote find_ledger refuse_older_checkpoint with_key",
        ".reasons": "KeyReasons",
        ".running": "NoLedger open_known_keys",
        ".sifting": "Keyed KeyReader",
    },
)
