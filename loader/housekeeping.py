"""Many checkpoints at once: which there are, how each load stands, and which may be deleted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loader.defaults import ENDING
from loader.errors import CheckpointError, ConfigError
from loader.journal import CheckpointView
from loader.journal.checkpoint_files import Files
from loader.text.nouns import count_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from os import PathLike

    from loader.model import Account


@dataclass(frozen=True, slots=True)
class Standing:
    """How the load of a checkpoint stands.

    Attributes:
        path: the checkpoint.
        kind: what is loaded; "" if it cannot be read.
        account: the counts, or None if it cannot be read.
        running: whether a load runs.
        last: when it was last at work, in Unix time.
        problem: why it cannot be read, or "".
    """

    path: Path
    kind: str = ""
    account: Account | None = None
    running: bool = False
    last: float = 0.0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which checkpoints may be deleted.

    Attributes:
        before: only those that were last at work before, in Unix time; None for any time.
        confirmed: only those whose rows are all confirmed.
        doubts: also those with rows in doubt.
        unsent: also those with rows never sent.
    """

    before: float | None = None
    confirmed: bool = False
    doubts: bool = False
    unsent: bool = False

    def keep(self, standing: Standing) -> str:
        """Why a checkpoint is kept; "" if it may be deleted."""
        account = standing.account
        if account is None:
            return f"it cannot be read: {standing.problem}"
        doubts, unsent = account.in_doubt, account.never_sent
        reasons = {
            "a load is running with it": standing.running,
            "it is not old enough": self.before is not None and standing.last >= self.before,
            f"{count_rows(doubts)} in doubt; --with-doubts deletes it all the same": (
                doubts and not self.doubts
            ),
            f"{count_rows(unsent)} never sent; --with-unsent deletes it all the same": (
                unsent and not self.unsent
            ),
            f"{count_rows(account.rejected)} rejected": account.rejected and self.confirmed,
        }
        return next((reason for reason, holds in reasons.items() if holds), "")


def find_checkpoints(places: Sequence[str | Path]) -> list[Path]:
    """The checkpoints that are named, and those in folders that are named; see `list_checkpoints`.

    Raises:
        ConfigError: there is no such file or folder.
    """
    for place in map(Path, places):
        if not place.exists():
            raise ConfigError(f"{place}: there is no such checkpoint or folder. Check the name.")
    return list_checkpoints(places)


def list_checkpoints(places: Iterable[str | PathLike[str]]) -> list[Path]:
    """The checkpoints that are named, there or not, and those in folders that are named; each once.

    None is opened: in a folder a checkpoint is known by its name, or by the slot file beside it.
    """
    found: dict[Path, Path] = {}
    for place in map(Path, places):
        for path in list_at(place):
            found.setdefault(path.resolve(), path)
    return list(found.values())


def list_at(place: Path) -> list[Path]:
    """The checkpoints in a folder, in the order of their names; or the file itself if no folder is named."""
    return sorted(path for path in place.iterdir() if is_checkpoint(path)) if place.is_dir() else [place]


def is_checkpoint(path: Path) -> bool:
    """Whether a file is a checkpoint by its name, or by the slot file beside it."""
    return path.is_file() and (path.name.endswith(ENDING) or Files(path).wire.is_file())


def look_at(path: Path) -> Standing:
    """How the load of a checkpoint stands; what is wrong with one that cannot be read."""
    try:
        ledger = CheckpointView.open(path)
        ends = [run.ended or run.started + run.elapsed for run in ledger.runs]
        last = max(ends, default=path.stat().st_mtime)
        return Standing(path, ledger.identity.kind.value, ledger.account(), ledger.running, last)
    except (CheckpointError, OSError) as error:
        return Standing(path, problem=str(error))
