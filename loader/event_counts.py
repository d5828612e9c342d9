"""The events of a load by name and by month, and what became of them.

Rows whose categories the checkpoint keeps are counted without the input. The others are read: those that were
never leased, and all of a checkpoint that an older version of this program began.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from loader.categories import Categoriser, KeptCategories
from loader.failures import (
    recall_settings,
    refuse_missing_table,
    refuse_other_input,
    refuse_other_lookups,
    suggest_moved,
)
from loader.journal.ranges import join_ranges
from loader.mapping import parse_mapping
from loader.methods import MappedField
from loader.planning import draw_up
from loader.progress import ReadingProgress
from loader.reading import select_chunks
from loader.states import LEFT_OUT, States
from loader.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loader.categories import Mask
    from loader.journal import CheckpointView
    from loader.progress import Watch
    from loader.report.facts import Events
    from loader.settings import InMemory

# Rows that are counted at a time, if the checkpoint knows them.
AT_A_TIME = 1 << 16


def count_events(ledger: CheckpointView, files: Sequence[str], memory: InMemory, watch: Watch) -> Events:
    """Count the events by what the checkpoint keeps of them; those that it does not know, in the input.

    Raises:
        SourceError, MappingError: the input is needed and cannot be read, or is not the one that was loaded.
    """
    tally = Tally()
    if lacking := count_kept(ledger, tally):
        count_in_input(ledger, files, memory, lacking, tally, watch)
    return replace(tally.events(), read=sum(map(len, lacking)))


def count_kept(ledger: CheckpointView, tally: Tally) -> list[range]:
    """Count the rows whose categories the checkpoint keeps; list those that it does not know, ascending."""
    kept, states = KeptCategories(ledger), States(ledger)
    lacking: list[range] = []
    for first in range(0, ledger.identity.rows, AT_A_TIME):
        rows = range(first, min(first + AT_A_TIME, ledger.identity.rows))
        parts, unknown = kept.of(rows)
        numbers = states.of(rows)
        for part in parts:
            tally.add(part, numbers[part.first - first :][: len(part.codes)])
        if (unknown & (numbers != LEFT_OUT)).any():
            lacking += find_ranges(unknown, first)
    return list(join_ranges(lacking))


def count_in_input(
    ledger: CheckpointView,
    files: Sequence[str],
    memory: InMemory,
    wanted: Sequence[range],
    tally: Tally,
    watch: Watch,
) -> None:
    """Read some rows of the input once more, through the mapping, beside what became of them.

    Raises:
        SourceError, MappingError: the input cannot be read, or is not the one that was loaded.
    """
    mapping = parse_mapping(ledger.identity.mapping, str(ledger.path))
    refuse_missing_table(ledger, files, memory)
    with suggest_moved(files):
        plan = draw_up(recall_settings(ledger, files, memory), ledger, mapping, watch=watch)
    refuse_other_input(plan.survey, [file.sha256 for file in ledger.identity.files], ledger.path)
    refuse_other_lookups(plan.mapper.lookups.records, ledger)
    categoriser, states = Categoriser(), States(ledger)
    done, total = 0, sum(map(len, wanted))
    with watch.reading(lambda: ReadingProgress(done, total, "rows", "Counting events")):
        for chunk, here in select_chunks(plan.source.chunks(wanted[0].start), wanted):
            found = categoriser.categorise(plan.mapper.show_fields(chunk, MappedField.TIMESTAMP), here)
            tally.add(found, states.of(chunk.rows))
            done += sum(map(len, here))


def find_ranges(mask: Mask, first: int) -> Iterator[range]:
    """The ranges of ordinals that a mask marks, ascending; `first` is the ordinal of its first row."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]))) + first
    yield from map(range, edges[::2].tolist(), edges[1::2].tolist())
