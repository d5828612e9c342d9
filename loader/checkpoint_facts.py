"""What a checkpoint says of its load by itself: why rows are not confirmed, and which tables it needs.

It is read without the input, and without the libraries that read inputs.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from loader.errors import CheckpointError
from loader.journal import CheckpointView, is_misdirected
from loader.model import FRAME_FORM, Phase, State
from loader.text.next_steps import Why

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loader.journal import ExceptionRow
    from loader.model import Result


def explain(ledger: CheckpointView) -> Why:
    """Say why rows are not confirmed."""
    rejected = list(ledger.exceptions(State.REJECTED))
    kept = [row for row in rejected if row.phase is not Phase.OVERTAKEN]
    return Why(
        rejected=count_reasons(kept),
        in_doubt=count_reasons(ledger.exceptions(State.IN_DOUBT)),
        overtaken=len(rejected) - len(kept),
        misdirected=not ledger.bound and any(map(is_misdirected, kept)),
    )


def explain_result(result: Result) -> Why:
    """Say why rows of a load are not confirmed; nothing if its checkpoint cannot be read."""
    # That it cannot be read was reported already.
    if not result.account.rejected and not result.account.in_doubt:
        return Why()
    try:
        return explain(CheckpointView.open(Path(result.checkpoint)))
    except CheckpointError:
        return Why()


def count_reasons(rows: Iterable[ExceptionRow]) -> list[tuple[str, int]]:
    """Count the reasons of rows; the most frequent first."""
    return Counter(row.reason or row.message for row in rows).most_common()


def is_of_table(ledger: CheckpointView) -> bool:
    """Whether the checkpoint belongs to a table in Python's memory."""
    return any(file.form == FRAME_FORM for file in ledger.identity.files)


def name_tables(ledger: CheckpointView) -> str:
    """The keywords with which a call in Python gives the tables in memory again; "" if the load had none."""
    keywords = ["source=frame"] if is_of_table(ledger) else []
    lookups = [
        f"{each.name!r}: table"
        for each in ledger.identity.lookups
        if any(file.form == FRAME_FORM for file in each.files)
    ]
    if lookups:
        keywords.append(f"lookups={{{', '.join(lookups)}}}")
    return ", ".join(keywords)
