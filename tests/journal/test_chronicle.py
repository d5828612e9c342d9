"""What a checkpoint knows of how a run went, whatever became of the run."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import count, islice
from typing import TYPE_CHECKING

import pytest

from loader.errors import CheckpointError
from loader.journal import CheckpointView, Journal, schema
from loader.journal.checkpoint_files import Files
from loader.journal.opening import create_checkpoint
from loader.journal.store import Store
from loader.latency import BUCKETS
from loader.model import Decision, Outcome, State, Traffic
from tests.journal.conftest import FailingDisk, Place, confirmed, die, identity

if TYPE_CHECKING:
    from pathlib import Path

NO_TIMES = (0,) * BUCKETS


@dataclass
class Time:
    """A clock that continues when it is told to."""

    seconds: float = 0.0

    def monotonic(self) -> float:
        """For `Host.clock`."""
        return self.seconds

    def wall(self) -> float:
        """For `Host.now`."""
        return 1_700_000_000 + self.seconds


@dataclass
class Sender:
    """A sender that has done ten requests a second, half a second each."""

    time: Time = field(default_factory=Time)
    waited: dict[str, float] = field(default_factory=dict)

    def traffic(self) -> Traffic:
        """What it has done so far."""
        done = int(self.time.seconds * 10)
        times = list(NO_TIMES)
        times[40] = done
        return Traffic(8, done, done * 0.5, dict(self.waited), tuple(times))

    def open(self, place: Place, disk: FailingDisk | None = None) -> Journal:
        """A journal that lives in the sender's time and observes it."""
        host = replace(place.host, clock=self.time.monotonic, now=self.time.wall)
        journal = place.open(host=replace(host, connect=disk.connect) if disk else host)
        journal.observe(self.traffic)
        return journal

    def settle(self, journal: Journal, ordinals: range, seconds: float) -> None:
        """Rows are leased and confirmed, and time passes."""
        journal.lease(ordinals)
        self.time.seconds += seconds
        journal.settle(confirmed(ordinals))


def test_a_killed_run_leaves_its_samples(place: Place) -> None:
    """How fast it went, how long answers took and how many were on the wire is known up to the kill."""
    sender = Sender()
    journal = sender.open(place)
    for first in range(0, 100, 10):
        sender.settle(journal, range(first, first + 10), seconds=1.0)
    die(journal)
    samples = place.view().samples
    assert len(samples) >= 9
    assert {sample.generation for sample in samples} == {1}
    assert [sample.window for sample in samples] == [8] * len(samples)
    assert sum(sample.attempts for sample in samples) == 100
    assert sum(sample.seconds for sample in samples) == pytest.approx(10.0)
    assert sum(sample.wire_seconds for sample in samples) / 10 == pytest.approx(5.0)
    assert samples[-1].at == 1_700_000_010
    assert samples[0].times == "40:10"


def test_the_samples_of_a_closed_run_add_up_to_its_account(place: Place) -> None:
    """Nothing is missing at the end: the last commit takes a sample too, however short the run was."""
    sender = Sender()
    with sender.open(place) as journal:
        sender.settle(journal, range(7), seconds=0.05)
        journal.lease(range(7, 10))
        journal.settle([Outcome(7, State.REJECTED), Outcome(8, State.IN_DOUBT), Outcome(9, State.NEVER_SENT)])
    (sample,) = place.view().samples
    assert (sample.confirmed, sample.rejected, sample.in_doubt) == (7, 1, 1)
    assert sample.seconds == pytest.approx(0.05)


def test_each_sample_counts_only_what_is_new(place: Place) -> None:
    """Rows, waits and times are those of the sample's own seconds, in a second run too."""
    sender = Sender()
    with sender.open(place) as journal:
        sender.settle(journal, range(10), seconds=1.0)
    sender = Sender()
    with sender.open(place) as journal:
        sender.waited = {"an outage": 0.5}
        sender.settle(journal, range(10, 30), seconds=1.0)
        sender.waited = {"an outage": 0.5, "the rate limit": 2.25}
        sender.settle(journal, range(30, 35), seconds=3.0)
    samples = [sample for sample in place.view().samples if sample.generation == 2]
    assert sum(sample.confirmed for sample in samples) == 25
    assert [sample.waited for sample in samples if sample.waited] == [
        '{"an outage": 0.5}',
        '{"the rate limit": 2.25}',
    ]


def test_samples_of_a_week_are_few(memory: Path) -> None:
    """A run of a week leaves about a thousand samples, and none covers much more than a hundredth of it."""
    sender = Sender()
    place = Place(memory / "week.ckpt", rows=1 << 40)
    journal = sender.open(place)
    ordinals = count()
    while sender.time.seconds < 7 * 24 * 3600:
        (row,) = islice(ordinals, 1)
        sender.settle(journal, range(row, row + 1), seconds=max(0.25, sender.time.seconds / 300))
    journal.close()
    samples = place.view().samples
    assert 700 < len(samples) < 1500
    assert max(sample.seconds for sample in samples) < 0.015 * sender.time.seconds


def test_many_short_runs_leave_few_samples(memory: Path) -> None:
    """A job that is begun again every hour does not fill the checkpoint."""
    sender = Sender()
    place = Place(memory / "jobs.ckpt", rows=100_000)
    ordinals = count()
    for _ in range(100):
        journal = sender.open(place)
        for row in islice(ordinals, 60):
            sender.settle(journal, range(row, row + 1), seconds=60.0)
        journal.close()
    assert len(place.view().samples) < 3000


def test_a_commit_that_fails_loses_no_sample(place: Place) -> None:
    """What a full disk kept from being written is in the next sample."""
    sender, disk = Sender(), FailingDisk()
    journal = sender.open(place, disk)
    journal.lease(range(10))
    sender.time.seconds += 1.0
    failed: list[str] = []

    def once(sql: str) -> int | None:
        if sql == "COMMIT" and not failed:
            failed.append(sql)
            return sqlite3.SQLITE_FULL
        return None

    disk.fails = once
    journal.settle(confirmed(range(10)))
    assert failed
    journal.close()
    samples = place.view().samples
    assert sum(sample.attempts for sample in samples) == 10
    assert sum(sample.confirmed for sample in samples) == 10


def test_a_look_and_a_decision_leave_no_sample(place: Place) -> None:
    """Only a sender has traffic: a checkpoint opened to decide about doubts gains no empty sample."""
    with Sender().open(place) as journal:
        journal.lease(range(3))
        journal.settle([Outcome(n, State.IN_DOUBT, message="timeout") for n in range(3)])
    before = place.view().samples
    with place.open() as journal:
        journal.decide(Decision.LANDED, list(place.view().exceptions(State.IN_DOUBT)))
    assert place.view().samples == before


def test_notes_are_kept_of_each_run(place: Place) -> None:
    """A note is there once the next commit is made, also after a kill."""
    journal = place.open()
    journal.note("began", "with care")
    journal.note("began", "and again")
    journal.lease(range(3))
    die(journal)
    with place.open() as journal:
        journal.note("ended", "\ud800 in order")
    notes = place.view().notes
    assert [(note.generation, note.what, note.detail) for note in notes] == [
        (1, "began", "with care"),
        (1, "began", "and again"),
        (2, "ended", "\\ud800 in order"),
    ]


@pytest.mark.parametrize("table", ["samples", "notes"])
def test_a_lost_sample_is_seen(place: Place, table: str) -> None:
    """A row of the new tables that vanishes, or is changed, is damage like any other."""
    sender = Sender()
    with sender.open(place) as journal:
        journal.note("began", "with care")
        sender.settle(journal, range(10), seconds=2.0)
    sound = place.path.read_bytes()
    for change in (f"DELETE FROM {table}", f"UPDATE {table} SET generation = 7"):
        with closing(sqlite3.connect(place.path)) as connection:
            connection.execute(change)
            connection.commit()
        with pytest.raises(CheckpointError, match="damaged"):
            place.view()
        place.path.write_bytes(sound)
    assert place.view().samples


def version_1(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint as the version before wrote it, with a killed run."""
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        patch.setattr(Store, "left_out", lambda *_: None)  # that version left no row out
        journal = place.open()
        journal.lease(range(20))
        journal.settle(confirmed(range(5)))
        journal.sending(5)
        die(journal)


def test_a_checkpoint_of_the_version_before_is_looked_at_as_it_is(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`status` needs no load that brings it up to date first, and changes nothing."""
    version_1(place, monkeypatch)
    before = place.path.read_bytes()
    account = place.view().account()
    assert (account.confirmed, account.in_doubt) == (5, 1)
    assert place.view().samples == ()
    assert place.path.read_bytes() == before


def test_a_checkpoint_of_the_version_before_is_gone_on_with(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It resumes where it ended, keeps every state, and gains samples from then on."""
    version_1(place, monkeypatch)
    sender = Sender()
    with sender.open(place) as journal:
        assert journal.leftovers == 1
        assert next(journal.never_sent()) == range(6, 1000)
        sender.settle(journal, range(6, 20), seconds=2.0)
    view = place.view()
    assert (view.account().confirmed, view.account().in_doubt) == (19, 1)
    assert [run.generation for run in view.runs] == [1, 2]
    assert {sample.generation for sample in view.samples} == {2}


def test_a_flipped_version_is_seen(place: Place, tmp_path: Path) -> None:
    """A file whose header claims the version before, with the tables of this one, is no sound checkpoint."""
    create_checkpoint(Files(place.path), identity(place.rows))
    with closing(sqlite3.connect(place.path)) as connection:
        connection.execute("PRAGMA user_version = 1")
    with pytest.raises(CheckpointError, match="tables are not those"):
        CheckpointView.open(place.path)
