"""Rows in doubt that are settled as a user decided: confirmed, or given back to be sent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from loader.checkpoint_facts import is_of_table
from loader.chosen_rows import Choice
from loader.doubts import Overtaken, find_overtaken
from loader.failures import (
    locate_rows,
    recall_settings,
    refuse_missing_table,
    refuse_other_input,
    refuse_other_lookups,
)
from loader.journal import CheckpointView, Journal
from loader.known_keys import carry_over
from loader.mapping import parse_mapping
from loader.model import Chunk, Decision, State
from loader.planning import draw_up
from loader.settings import NOTHING_IN_MEMORY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.journal import ExceptionRow
    from loader.model import Account
    from loader.planning import Plan
    from loader.settings import InMemory, Settings


@dataclass(frozen=True, slots=True)
class Resolved:
    """What became of a decision.

    Attributes:
        rows: how many rows it moved.
        overtaken: rows that stay as they are, each with a later row that they would undo.
        account: the counts afterwards.
        partly: those of them that also set tags that no later row sets.
    """

    rows: int
    overtaken: dict[int, int]
    account: Account
    partly: frozenset[int] = frozenset()


def resolve(
    checkpoint: Path,
    decision: Decision,
    *,
    looked_up: Path | Choice | None = None,
    files: Sequence[str] = (),
    memory: InMemory = NOTHING_IN_MEMORY,
) -> Resolved:
    """Settle rows in doubt as a user decided, in one durable step.

    Args:
        checkpoint: the checkpoint; no load may be running.
        decision: `LANDED`: they are at the vendor. `DROPPED`: they are not. `RESEND`: nobody knows, and they
            should be sent again; they stay marked as possible duplicates.
        looked_up: what names the rows, or a file that names them, see `Choice.read`; None for all rows in
            doubt.
        files: where the input is now, if it has moved.
        memory: the tables of the load that are in memory; needed only if their cells are.

    Raises:
        ConfigError: the file names rows that are not in doubt.
        CheckpointError, SourceError: nothing was changed.
    """
    ledger = CheckpointView.open(checkpoint)
    names = list(files) or [file.name for file in ledger.identity.files]
    doubts = {row.ordinal: row for row in ledger.exceptions(State.IN_DOUBT)}
    choice = Choice.read(looked_up) if isinstance(looked_up, Path) else looked_up
    chosen = doubts if choice is None else pick_rows(choice, ledger, doubts, names, memory)
    carry_over(checkpoint)  # refused before anything is decided, if another load has the ledger
    with Journal.open(checkpoint, ledger.identity) as journal:
        overtaken = Overtaken()
        if decision is Decision.RESEND and ledger.identity.kind.method.last_wins:
            plan = plan_again(ledger, recall_settings(ledger, names, memory))
            overtaken = find_overtaken(plan.source, plan.mapper, journal, chosen, doubts)
        # Read again, because opening the journal wrote down what a dead run had left.
        found = CheckpointView.open(checkpoint).exceptions(State.IN_DOUBT)
        moved = [row for row in found if row.ordinal in chosen and row.ordinal not in overtaken.later]
        journal.decide(decision, moved, choice.where if choice else "")
        resolved = Resolved(len(moved), overtaken.later, journal.account(), overtaken.partly)
    carry_over(checkpoint)
    return resolved


def recover(checkpoint: Path) -> Resolved:
    """Make a checkpoint usable again that is refused because a part of it is lost. Nothing is sent.

    What is known of its rows is kept; every other row that may have been sent is in doubt from now on, to be
    settled like any other doubt.

    Raises:
        CheckpointError: it cannot be read, or no part of it is lost.
    """
    with Journal.recover(checkpoint) as journal:
        return Resolved(journal.leftovers, {}, journal.account())


def plan_again(ledger: CheckpointView, settings: Settings) -> Plan:
    """Plan the load of a checkpoint once more, to look at its rows.

    Raises:
        SourceError, CheckpointError: the input cannot be read, or is another one.
    """
    refuse_missing_table(ledger, settings.files, settings.memory)
    mapping = parse_mapping(ledger.identity.mapping, str(ledger.path))
    plan = draw_up(settings, ledger, mapping)
    refuse_other_input(plan.survey, [file.sha256 for file in ledger.identity.files], ledger.path)
    refuse_other_lookups(plan.mapper.lookups.records, ledger)
    return plan


def pick_rows(
    choice: Choice,
    ledger: CheckpointView,
    rows: dict[int, ExceptionRow],
    files: Sequence[str],
    memory: InMemory,
) -> dict[int, ExceptionRow]:
    """Pick the rows that a user named.

    Raises:
        ConfigError: some names fit none of the rows.
        SourceError: the input is needed, and cannot be read.
    """
    known = ledger.identity.files
    if is_of_table(ledger) and not choice.column:
        # Numbers alone name rows of a table in memory: its cells are not needed, and may not be there.
        return choice.pick([(Chunk(0, pd.DataFrame(), known[0].name, 1, {}), list(rows.values()))], known)
    return choice.pick(locate_rows(ledger, rows, files, memory), known)
