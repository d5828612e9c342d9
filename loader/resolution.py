"""Rows in doubt that are settled as a user decided: confirmed, or given back to be sent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from loader.chosen_rows import Choice
from loader.doubts import find_overtaken
from loader.failures import (
    locate_rows,
    of_table,
    recall_settings,
    refuse_missing_table,
    refuse_other_input,
)
from loader.journal import Checkpoint, Journal
from loader.mapping import parse_mapping
from loader.model import Chunk, Decision, State
from loader.planning import draw_up

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from loader.journal import ExceptionRow
    from loader.model import Account
    from loader.settings import Settings


@dataclass(frozen=True, slots=True)
class Resolved:
    """What became of a decision.

    Attributes:
        rows: how many rows it moved.
        overtaken: rows that stay as they are, each with the later row of its device.
        account: the counts afterwards.
    """

    rows: int
    overtaken: dict[int, int]
    account: Account


def resolve(
    checkpoint: Path,
    decision: Decision,
    *,
    looked_up: Path | Choice | None = None,
    files: Sequence[str] = (),
    table: object = None,
) -> Resolved:
    """Settle rows in doubt as a user decided, in one durable step.

    Args:
        checkpoint: the checkpoint; no load may be running.
        decision: `LANDED`: they are at the vendor. `DROPPED`: they are not. `RESEND`: nobody knows, and they
            should be sent again; they stay marked as possible duplicates.
        looked_up: what names the rows, or a file that names them, see `Choice.read`; None for all rows in
            doubt.
        files: where the input is now, if it has moved.
        table: the input, if it is a table in memory; needed only if its cells are.

    Raises:
        ConfigError: the file names rows that are not in doubt.
        CheckpointError, SourceError: nothing was changed.
    """
    ledger = Checkpoint.open(checkpoint)
    names = list(files) or [file.name for file in ledger.identity.files]
    doubts = {row.ordinal: row for row in ledger.exceptions(State.IN_DOUBT)}
    choice = Choice.read(looked_up) if isinstance(looked_up, Path) else looked_up
    chosen = doubts if choice is None else pick_rows(choice, ledger, doubts, names, table)
    with Journal.open(checkpoint, ledger.identity) as journal:
        later: dict[int, int] = {}
        if decision is Decision.RESEND:
            settings = recall_settings(ledger, names, table)
            later = find_later_rows(ledger, journal, chosen, doubts, settings)
        # Read again, because opening the journal wrote down what a dead run had left.
        found = Checkpoint.open(checkpoint).exceptions(State.IN_DOUBT)
        moved = [row for row in found if row.ordinal in chosen and row.ordinal not in later]
        journal.decide(decision, moved, choice.where if choice else "")
        return Resolved(len(moved), later, journal.account())


def find_later_rows(
    ledger: Checkpoint,
    journal: Journal,
    rows: Collection[int],
    doubts: Collection[int],
    settings: Settings,
) -> dict[int, int]:
    """Find users' rows whose device has a later row that is, or may be, at the vendor.

    If such a row were sent now, it would undo the later one.

    Returns:
        The ordinal of each such row, with the ordinal of the later row.
    """
    if not ledger.identity.kind.method.last_wins or not rows:
        return {}
    refuse_missing_table(ledger, settings.files, settings.table)
    mapping = parse_mapping(ledger.identity.mapping, str(ledger.path))
    plan = draw_up(settings, ledger, mapping)
    refuse_other_input(plan.survey, [file.sha256 for file in ledger.identity.files], ledger.path)
    return find_overtaken(plan.source, plan.mapper, journal, rows, doubts)


def pick_rows(
    choice: Choice,
    ledger: Checkpoint,
    rows: dict[int, ExceptionRow],
    files: Sequence[str],
    table: object,
) -> dict[int, ExceptionRow]:
    """Pick the rows that a user named.

    Raises:
        ConfigError: some names fit none of the rows.
        SourceError: the input is needed, and cannot be read.
    """
    known = ledger.identity.files
    if of_table(ledger) and not choice.column:
        # Numbers alone name rows of a table in memory: its cells are not needed, and may not be there.
        return choice.pick([(Chunk(0, pd.DataFrame(), known[0].name, 1, {}), list(rows.values()))], known)
    return choice.pick(locate_rows(ledger, rows, files, table), known)
