"""One exit code for several jobs: the worst, by what has to be done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The exit codes from the worst to the best. First what the same command again does not cure, then what it
#: does, then what concerns single rows.
MEANINGS = {
    1: "unexpected error",
    2: "misconfigured, or the input is damaged",
    8: "the input has too few rows",
    130: "interrupted",
    5: "stopped before the end",
    6: "no such input",
    7: "another load has its checkpoint or ledger right now",
    4: "some rows in doubt",
    3: "some rows rejected",
    0: "done",
}


def find_worst(codes: Iterable[int]) -> int:
    """The exit code for all jobs; 0 if there is none."""
    order = list(MEANINGS)
    return min(codes, key=order.index, default=0)
