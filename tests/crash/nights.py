"""Pairs of loads whose inputs overlap, with one ledger between them, killed until both are done.

What a vendor notes is the id of an event, which both inputs share. So "doubled" is an id that landed twice,
by one load or by both; "lost" is an id that is in an input, and neither landed nor is named by its load.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loader.journal import CheckpointView
from loader.ledger import Ledger as KeyLedger
from loader.methods import Kind
from loader.model import State
from tests.checker import Ledger
from tests.crash.campaign import FINISHED, ended
from tests.crash.load import MOMENTS, Load, unmappable
from tests.crash.vendor import RecordingVendor, refuses

if TYPE_CHECKING:
    import random
    from collections import Counter
    from pathlib import Path

    from tests import warm

MAPPING = """
kind = "events"
key = ["event_id"]
[fields]
hwid = "device_id"
userId = "event_id"
event = { const = "purchase" }
timestamp = { column = "timestamp", format = "%Y%m%d", zone = { column = "timezone" } }
"""


@dataclass(frozen=True)
class Night(Load):
    """A load of events whose ids begin at a number, with the ledger of all nights.

    Attributes:
        first: the id of the first row.
    """

    first: int = 0

    def write(self) -> None:
        """Write its input and its mapping."""
        self.folder.mkdir()
        (self.folder / "mapping.toml").write_text(MAPPING, encoding="utf-8")
        lines = [
            f"{each},D-{each // 3},20240229,{'Nowhere/Nowhere' if unmappable(each) else 'Europe/Oslo'}\n"
            for each in self.ids
        ]
        text = "event_id,device_id,timestamp,timezone\n" + "".join(lines)
        (self.folder / "events.csv").write_text(text, encoding="utf-8")

    @property
    def ids(self) -> range:
        """The ids of its rows, by ordinal."""
        return range(self.first, self.first + self.rows)

    def start(self, *more: str) -> warm.Process:
        """The command, as a person types it."""
        return super().start("--mapping", "mapping.toml", "--ledger", "../all.ledger", *more)

    def id_of(self, ordinals: frozenset[int]) -> frozenset[int]:
        """The ids of rows."""
        return frozenset(self.first + ordinal for ordinal in ordinals)


@dataclass
class NightTally:
    """What was counted, over any number of pairs."""

    kills: int = 0
    pairs: int = 0
    ids: int = 0
    doubled: int = 0
    lost: int = 0
    left_out: int = 0
    doubts: int = 0
    moments: dict[str, int] = field(default_factory=dict)

    def text(self) -> str:
        """The figures, for people."""
        moments = ", ".join(
            f"{count} {name.replace('_', ' ')}" for name, count in sorted(self.moments.items())
        )
        return "\n".join(
            [
                f"kills            {self.kills:,}   ({moments})",
                f"pairs, ids       {self.pairs:,}, {self.ids:,}",
                f"lost             {self.lost:,}",
                f"doubled          {self.doubled:,}",
                f"left out         {self.left_out:,} rows that another load, or another start, had sent",
                f"doubts           {self.doubts:,} resolved by what the vendor had noted",
            ]
        )


def kill_nights(folder: Path, rows: int, chance: random.Random, tally: NightTally) -> None:
    """Two loads that overlap by half, started in turn and killed, until all of their rows are settled.

    Raises:
        AssertionError: an id landed twice, or is lost; the folder holds the corpse.
    """
    with RecordingVendor(folder / "landed") as vendor:
        nights = [
            Night(folder / name, Kind.EVENTS, rows, vendor, first=first)
            for name, first in (("monday", 0), ("tuesday", rows // 2))
        ]
        for night in nights:
            night.write()
        tally.pairs += 1
        tally.ids += rows + rows // 2
        running = list(nights)
        while running:
            night = chance.choice(running)
            if chance.random() < 0.1:
                settle_doubts(night, vendor.landed, tally)
            if not start_and_kill(night, chance, tally):
                running.remove(night)
            count(nights, vendor.landed, tally)
        for _ in range(2):  # a row that the first gives up because the second has it in doubt, and so on
            for night in nights:
                settle_doubts(night, vendor.landed, tally)
                run_to_end(night)
        count(nights, vendor.landed, tally)
        count_lost(nights, vendor.landed, tally)
        with KeyLedger.read(folder / "all.ledger") as ledger:
            assert not ledger.pending(), "keys are pending although all loads are done"


def start_and_kill(night: Night, chance: random.Random, tally: NightTally) -> bool:
    """Start a load and kill it; whether it was killed, and not done before."""
    (kill,) = chance.choices(list(MOMENTS), list(MOMENTS.values()))
    with night.start() as process:
        kill(night, process, chance)
        said = ended(process)
    night.vendor.alarm = None
    if process.returncode == -signal.SIGKILL:
        tally.kills += 1
        tally.moments[kill.__name__] = tally.moments.get(kill.__name__, 0) + 1
        return True
    assert process.returncode in FINISHED, said
    return False


def run_to_end(night: Night) -> None:
    """Load what is left."""
    with night.start() as process:
        said = ended(process)
    assert process.returncode in FINISHED, said


def count(nights: list[Night], landed: Counter[int], tally: NightTally) -> None:
    """Hold every checkpoint against what landed."""
    twice = {each for each, times in landed.items() if times > 1}
    tally.doubled += len(twice)
    assert not twice, f"landed twice: {sorted(twice)}"
    for night in nights:
        if night.checkpoint.exists():
            ledger = Ledger.of(CheckpointView.open(night.checkpoint))
            missing = night.id_of(ledger.confirmed) - landed.keys()
            tally.lost += len(missing)
            assert not missing, f"confirmed and not there: {sorted(missing)}"


def count_lost(nights: list[Night], landed: Counter[int], tally: NightTally) -> None:
    """At the end each id that can land is there, and each row that was left out is sent by another."""
    for night in nights:
        ledger = Ledger.of(CheckpointView.open(night.checkpoint))
        assert not ledger.never_sent
        assert not ledger.in_doubt
        tally.left_out += len(ledger.left_out)
        expected = {each for each in night.ids if not unmappable(each) and not refuses(each)}
        assert not night.id_of(ledger.rejected) & expected
        lost = expected - landed.keys()
        tally.lost += len(lost)
        assert not lost, f"lost: {sorted(lost)}"
        assert night.id_of(ledger.confirmed) <= landed.keys()


def settle_doubts(night: Night, landed: Counter[int], tally: NightTally) -> None:
    """Resolve the doubts of a load by what the vendor has noted, as a person does."""
    if not night.checkpoint.exists():
        return
    doubts = {row.ordinal for row in CheckpointView.open(night.checkpoint).exceptions(State.IN_DOUBT)}
    tally.doubts += len(doubts)
    found = sorted(each for each in night.id_of(frozenset(doubts)) if each in landed)
    (night.folder / "found.csv").write_text("event_id\n" + "".join(f"{each}\n" for each in found))
    if found:
        resolve(night, "--landed", "--from", "found.csv")
    if len(doubts) > len(found):
        resolve(night, "--dropped")


def resolve(night: Night, *how: str) -> None:
    """Settle doubts."""
    with night.command("resolve", night.checkpoint.name, *how) as process:
        said = ended(process)
    assert process.returncode == 0, said
