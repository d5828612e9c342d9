"""One report over several checkpoints: each is read, and what is found is written as one HTML file.

write_overview(places, target)       what `report` does with several checkpoints, or with a folder
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from loader.claims import Claim, recall_inputs, refuse_conflicts
from loader.errors import CheckpointError
from loader.housekeeping import list_checkpoints
from loader.journal import CheckpointView
from loader.message import Message, Quote
from loader.option import FileUse
from loader.output_files import write_whole
from loader.report.facts import SeveralFacts, Unreadable
from loader.reporting import gather
from loader.stores import as_place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from os import PathLike

    from loader.progress import Watch
    from loader.report.facts import Facts
    from loader.stores.address import Address

NAME = "loads.report.html"


@dataclass(frozen=True, slots=True)
class Overview:
    """What was written.

    Attributes:
        path: where.
        loads: how many loads it tells of.
        unreadable: the checkpoints that could not be read.
    """

    path: Path | Address
    loads: int
    unreadable: tuple[Unreadable, ...]

    def raise_for_unreadable(self) -> None:
        """Say which checkpoints could not be read.

        Raises:
            CheckpointError: there are some.
        """
        if self.unreadable:
            lost, total = len(self.unreadable), len(self.unreadable) + self.loads
            problems = [Quote(f"\n  {each.problem}") for each in self.unreadable]
            head = Message("{lost} of {total} checkpoints cannot be read.", lost=lost, total=total)
            raise CheckpointError(Message.concatenate([head, *problems]))


def write_overview(
    places: Sequence[str | PathLike[str]],
    target: str | PathLike[str] | Address | None = None,
    *,
    with_examples: bool = False,
    begin: Callable[[str, int, int], None] = lambda _name, _number, _total: None,
    watch: Watch | None = None,
) -> Overview:
    """Write one report of several loads as one HTML file that needs no network.

    Args:
        places: checkpoints, and folders of checkpoints.
        target: where to write; by default in the folder, or beside the first checkpoint.
        with_examples: whether rows may be quoted. Personal data.
        begin: called with the name of a checkpoint, its number and how many there are, before it is read.
        watch: shows how far it is, if an input is read.

    Returns:
        Where it was written, and which checkpoints are not in it.

    Raises:
        CheckpointError: there is no checkpoint, or none of them can be read.
        ConfigError: the target cannot be written, or is needed for something else.
    """
    from loader.report.overview import render_overview  # noqa: PLC0415 - a load without a report needs no charts

    path = choose_overview(places) if target is None else as_place(target)
    checkpoints = list_checkpoints(places)
    if not checkpoints:
        raise CheckpointError(f"{places[0]}: there is no checkpoint in this folder. A load creates one.")
    for checkpoint in checkpoints:
        claims = (Claim(FileUse.CHECKPOINT, str(checkpoint)), *recall_inputs(checkpoint))
        refuse_conflicts([Claim(FileUse.OUTPUT, str(path)), *claims])
    loads: list[Facts] = []
    unreadable: list[Unreadable] = []
    for number, checkpoint in enumerate(checkpoints, 1):
        begin(str(checkpoint), number, len(checkpoints))
        try:
            ledger = CheckpointView.open(checkpoint)
            names = [file.name for file in ledger.identity.files]
            loads.append(gather(ledger, str(checkpoint), names, with_examples=with_examples, watch=watch))
        except CheckpointError as error:
            unreadable.append(Unreadable(str(checkpoint), str(error)))
    found = Overview(path, len(loads), tuple(unreadable))
    if not loads:
        found.raise_for_unreadable()
    facts = SeveralFacts(datetime.now(UTC), tuple(loads), found.unreadable, with_examples)
    write_whole(path, render_overview(facts).encode())
    return found


def choose_overview(places: Sequence[str | PathLike[str]]) -> Path:
    """In the first folder, or beside the first checkpoint."""
    first = Path(places[0])
    return (first if first.is_dir() else first.parent) / NAME
