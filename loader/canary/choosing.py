"""The choice of the rows that a load sends first: one more pass over the input, which maps every row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.canary.choice import Canary, CanaryRow, choose_rows, rank_things
from loader.canary.cover import Cover
from loader.progress import ReadingProgress, Silent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loader.mapping import Mapped
    from loader.planning import Plan
    from loader.progress import Watch


def choose_canary(plan: Plan, rows: int, watch: Watch | None = None) -> Canary:
    """Choose the rows that a load sends first; the same for the same input.

    The rows of one device or user may have to keep their order. Then only the first row of each, near the
    beginning of the input, can be chosen.

    Args:
        plan: of the load.
        rows: how many to choose.
        watch: shows how far the pass is.

    Raises:
        SourceError: the input is damaged, or changes while it is read.
    """
    ordered = plan.mapper.ordered or plan.settings.kind.method.last_wins
    cover, seen = Cover(plan.mapper.mapping, rows, ordered=ordered), 0

    def progress() -> ReadingProgress:
        return ReadingProgress(seen, plan.rows, "rows", "Choosing the first rows")

    with (watch or Silent()).reading(progress):
        for mapped in _map_rows(plan):
            cover.add(mapped)
            seen += mapped.count
    chosen = choose_rows(cover.candidates, cover.counts, cover.first, rows)
    if not chosen:  # no row can be mapped: let the load say why
        chosen = tuple(CanaryRow(ordinal) for ordinal in range(min(rows, plan.rows)))
    covered = {thing for row in chosen for thing in row.covers}
    missing = [(thing, cover.counts[thing]) for thing in rank_things(cover.counts) if thing not in covered]
    return Canary(chosen, len(covered), tuple(missing), ordered, cover.overflow)


def _map_rows(plan: Plan) -> Iterator[Mapped]:
    for chunk in plan.source.chunks():
        if chunk.rows.start >= plan.rows:
            return
        yield plan.mapper.map(chunk.part(range(plan.rows)))
