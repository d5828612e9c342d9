"""Any sequence of leases, sends, outcomes, kills and power losses, against a model of one state a row."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from loader.model import Outcome, State
from tests.journal.conftest import Place, die, free_rows, rejects

if TYPE_CHECKING:
    from loader.journal import Journal

ROWS = 40
FREE, LEASED, WIRE, AGAIN = "free", "leased", "on the wire", "sent again"
OPEN = (LEASED, WIRE)
OUTCOMES = st.sampled_from([State.CONFIRMED, State.CONFIRMED, State.REJECTED, State.IN_DOUBT, AGAIN])


class Model(RuleBasedStateMachine):
    """The model: `rows` is what the checkpoint must say, `durable` what it must say after a power loss."""

    journal: Journal

    @initialize()
    def start(self) -> None:
        """An empty checkpoint; in memory where the system has such a folder, as every step is synced."""
        memory = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
        self.disk = self.folder.with_name(self.folder.name + "-disk")
        self.place = Place(self.folder / "c", rows=ROWS)
        self.boots = 0
        self.rows: dict[int, str] = dict.fromkeys(range(ROWS), FREE)
        self.sent: set[int] = set()
        self.reopen()

    def reopen(self) -> None:
        """Open; leased rows of the model were classified before."""
        self.journal = self.place.open(window=2)
        self.sync()

    def sync(self) -> None:
        """Everything written so far is on the disk."""
        self.durable = dict(self.rows)
        shutil.rmtree(self.disk, ignore_errors=True)
        self.disk.mkdir()
        for suffix in ("", "-wal"):
            shutil.copy(self.place.beside(suffix), self.disk)

    def having(self, *states: str) -> list[int]:
        """Rows in one of the states of the model."""
        return [ordinal for ordinal, state in self.rows.items() if state in states]

    def classify(self, wire: str, leased: str) -> None:
        """What the next opening makes of open rows."""
        becomes = {WIRE: wire, LEASED: leased, AGAIN: State.IN_DOUBT}
        self.rows = {ordinal: becomes.get(state, state) for ordinal, state in self.rows.items()}

    @precondition(lambda self: self.having(FREE))
    @rule(skip=st.integers(0, 3), length=st.integers(1, 12), refused=st.sets(st.integers(0, 11), max_size=3))
    def lease(self, skip: int, length: int, refused: set[int]) -> None:
        """Lease a piece of a free range, some of its rows rejected here."""
        free = list(self.journal.never_sent())
        chosen = free[skip % len(free)]
        rows = chosen[skip % len(chosen) :][:length]
        rejected = [rows[at] for at in refused if at < len(rows)]
        self.journal.lease(rows, rejects(rejected))
        for ordinal in rows:
            self.rows[ordinal] = State.REJECTED if ordinal in rejected else LEASED
        self.sync()

    @precondition(lambda self: self.having(LEASED, AGAIN))
    @rule(chance=st.randoms(use_true_random=False))
    def send(self, chance: object) -> None:
        """Up to four rows go on the wire."""
        ready = self.having(LEASED, AGAIN)
        for ordinal in ready[:: max(1, len(ready) // 4)]:
            self.journal.sending(ordinal)
            self.sent.add(ordinal)
            self.rows[ordinal] = AGAIN if self.rows[ordinal] == AGAIN else WIRE

    @precondition(lambda self: self.having(WIRE, AGAIN))
    @rule(outcomes=st.lists(OUTCOMES, min_size=1, max_size=6), from_end=st.booleans())
    def settle(self, outcomes: list[str], from_end: bool) -> None:
        """Answers come, in any order."""
        answered = self.having(WIRE, AGAIN)[:: -1 if from_end else 1]
        group = dict(zip(answered, outcomes, strict=False))
        self.journal.settle(
            [
                Outcome(n, State.IN_DOUBT if state == AGAIN else State(state), 1, resending=state == AGAIN)
                for n, state in group.items()
            ]
        )
        self.rows.update(group)

    @precondition(lambda self: self.having(LEASED))
    @rule(count=st.integers(1, 3))
    def give_back(self, count: int) -> None:
        """The sender gives rows back that never left."""
        rows = self.having(LEASED)[:count]
        self.journal.settle([Outcome(n, State.NEVER_SENT, 0) for n in rows])
        self.rows.update(dict.fromkeys(rows, FREE))

    @rule()
    def release_and_close(self) -> None:
        """A clean end, and the next run."""
        self.journal.release()
        self.journal.close()
        self.classify(wire=State.IN_DOUBT, leased=FREE)
        self.reopen()

    @rule()
    def close(self) -> None:
        """An end by an error, and the next run."""
        self.journal.close()
        self.classify(wire=State.IN_DOUBT, leased=FREE)
        self.reopen()

    @rule()
    def kill(self) -> None:
        """SIGKILL, and the next run."""
        die(self.journal)
        self.classify(wire=State.IN_DOUBT, leased=FREE)
        self.look(running=False)
        self.reopen()

    @rule()
    def kill_and_lose_slots(self) -> None:
        """SIGKILL, and the slot file is gone."""
        die(self.journal)
        self.place.beside("-wire").unlink()
        self.classify(wire=State.IN_DOUBT, leased=State.IN_DOUBT)
        self.reopen()

    @rule()
    def power_loss(self) -> None:
        """Only what was synced is there; the machine starts anew."""
        die(self.journal)
        for part in self.disk.iterdir():
            shutil.copy(part, self.folder)
        self.place.beside("-shm").unlink(missing_ok=True)
        self.boots += 1
        self.place.boot = f"boot {self.boots}"
        self.rows = dict(self.durable)
        self.classify(wire=State.IN_DOUBT, leased=State.IN_DOUBT)
        self.look(running=False)
        self.reopen()

    @rule()
    def look_while_it_runs(self) -> None:
        """A reader sees the same counts and disturbs nothing."""
        self.look(running=True)

    def look(self, *, running: bool) -> None:
        """Compare what a reader sees with the model."""
        view = self.place.view()
        account = view.account()
        assert view.running is running
        assert account.in_flight == (len(self.having(*OPEN)) if running else 0)
        assert account.confirmed == len(self.having(State.CONFIRMED))
        assert [row.ordinal for row in view.exceptions(State.IN_DOUBT)] == self.having(State.IN_DOUBT, AGAIN)
        assert [row.ordinal for row in view.exceptions(State.REJECTED)] == self.having(State.REJECTED)

    @invariant()
    def the_account_is_the_models(self) -> None:
        """Counts, free rows and the promise."""
        account = self.journal.account()
        assert replace(account, attempts=0, elapsed_seconds=0.0, possible_duplicates=0) == replace(
            account,
            confirmed=len(self.having(State.CONFIRMED)),
            rejected=len(self.having(State.REJECTED)),
            in_doubt=len(self.having(State.IN_DOUBT, AGAIN)),
            in_flight=len(self.having(*OPEN)),
            attempts=0,
            elapsed_seconds=0.0,
            possible_duplicates=0,
        )
        assert free_rows(self.journal) == set(self.having(FREE))
        assert not self.sent & set(self.having(FREE))

    def teardown(self) -> None:
        """Remove the files."""
        if hasattr(self, "journal"):
            self.journal.close()
            shutil.rmtree(self.folder)
            shutil.rmtree(self.disk)


TestJournal = Model.TestCase
TestJournal.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
