"""Any sequence of leases, sends, outcomes, decisions, kills, power losses and full disks, against a model."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from loader.errors import CheckpointDiffers, CheckpointError
from loader.journal import Journal
from loader.model import Decision, Outcome, State
from tests.checker import Ledger, check
from tests.effort import EFFORT
from tests.journal.attacks import TOOL, run
from tests.journal.conftest import FailingDisk, Place, die, free_rows, identity, left_out, rejects

if TYPE_CHECKING:
    from loader.journal import ExceptionRow

ROWS = 40
FREE, LEASED, WIRE, AGAIN = "free", "leased", "on the wire", "sent again"
OPEN = (LEASED, WIRE)
ANSWERED = "answered"  # with the truth
OUTCOMES = st.sampled_from([ANSWERED, ANSWERED, ANSWERED, State.IN_DOUBT, AGAIN])
# Not st.randoms(): its numbers are mostly extremes, and then no row ever lands.
CHANCE = st.integers(0, 2**32).map(random.Random)


@dataclass
class Rows:
    """What the checkpoint must say.

    Attributes:
        state: of each row.
        marked: rows that were sent again while in doubt, or shall be.
        given_back: rows that a decision gave back and that have no outcome since.
    """

    state: dict[int, str] = field(default_factory=lambda: dict.fromkeys(range(ROWS), FREE))
    marked: set[int] = field(default_factory=set)
    given_back: set[int] = field(default_factory=set)

    def copy(self) -> Rows:
        """The same, to keep."""
        return Rows(dict(self.state), set(self.marked), set(self.given_back))

    def having(self, *states: str) -> list[int]:
        """Rows in one of the states."""
        return [ordinal for ordinal, state in self.state.items() if state in states]

    def end(self, ordinal: int, state: str) -> None:
        """An outcome. What may be there already is in doubt when it is rejected or left out."""
        if state in (State.REJECTED, State.LEFT_OUT) and ordinal in self.marked:
            state = State.IN_DOUBT
        if state == AGAIN:
            self.marked.add(ordinal)
        self.state[ordinal] = state
        self.given_back.discard(ordinal)

    def decided(self, decision: Decision, ordinal: int) -> None:
        """A decision of a person."""
        if decision is Decision.LANDED:
            self.state[ordinal] = State.CONFIRMED
            return
        self.state[ordinal] = FREE
        self.given_back.add(ordinal)
        if decision is Decision.RESEND:
            self.marked.add(ordinal)
        elif decision is Decision.DROPPED:
            self.marked.discard(ordinal)

    def classify(self, *, leased: str) -> None:
        """What the next opening makes of open rows."""
        for ordinal in self.having(WIRE, AGAIN):
            self.end(ordinal, State.IN_DOUBT)
        for ordinal in self.having(LEASED):
            if leased == FREE:
                self.state[ordinal] = FREE
            else:
                self.end(ordinal, leased)


class Model(RuleBasedStateMachine):
    """`rows` is what the checkpoint must say, `durable` what it must say after a power loss."""

    journal: Journal

    @initialize()
    def start(self) -> None:
        """An empty checkpoint; in memory where the system has such a folder, as every step is synced."""
        memory = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
        self.copies = self.folder.with_name(self.folder.name + "-disk")
        self.place = Place(self.folder / "c", rows=ROWS)
        self.disk = FailingDisk()
        self.boots = 0
        self.tools = 0
        self.rows = Rows()
        self.landed: Counter[int] = Counter()
        self.reopen()

    def reopen(self) -> None:
        """Open; open rows of the model were classified before."""
        self.disk.fails = lambda _: None
        self.journal = self.disk.open(self.place, window=2)
        self.may_lease = True
        self.sync()

    def sync(self) -> None:
        """Everything written so far is on the disk."""
        self.durable = self.rows.copy()
        shutil.rmtree(self.copies, ignore_errors=True)
        self.copies.mkdir()
        for suffix in ("", "-wal"):
            shutil.copy(self.place.beside(suffix), self.copies)

    def fill_disk(self, *, for_ever: bool) -> None:
        """No commit finds room: until the reserve is given back, or at all."""
        reserve = self.place.beside("-reserve")
        self.disk.fails = lambda sql: (
            sqlite3.SQLITE_FULL if sql == "COMMIT" and (for_ever or reserve.exists()) else None
        )

    @precondition(lambda self: self.may_lease and self.rows.having(FREE))
    @rule(
        skip=st.integers(0, 3),
        length=st.integers(1, 12),
        refused=st.sets(st.integers(0, 11), max_size=3),
        outside=st.sets(st.integers(0, 11), max_size=8),
        full=st.integers(0, 9),
    )
    def lease(self, skip: int, length: int, refused: set[int], outside: set[int], full: int) -> None:
        """Lease pieces of free ranges; some rows are rejected or left out. Sometimes the disk is full."""
        free = list(self.journal.never_sent())
        chosen, *later = free[skip % len(free) :]
        pieces = [chosen[skip % len(chosen) :][:length], *(each[:2] for each in later[:2])]
        rows = list(chain.from_iterable(pieces))
        rejected = [rows[at] for at in refused if at < len(rows)]
        others = [rows[at] for at in sorted(outside - refused) if at < len(rows)]
        dropped = [*left_out(others[::2], "odd"), *left_out(others[1::2], "even")]
        if full == 0:
            self.fill_disk(for_ever=True)
            with pytest.raises(CheckpointError, match="the disk is full"):
                self.journal.lease(*pieces, rejects=rejects(rejected), left_out=dropped)
            self.disk.fails = lambda _: None
            self.may_lease = False
            return
        self.journal.lease(*pieces, rejects=rejects(rejected), left_out=dropped)
        for ordinal in rows:
            if ordinal in rejected:
                self.rows.end(ordinal, State.REJECTED)
            elif ordinal in others:
                self.rows.end(ordinal, State.LEFT_OUT)
            else:
                self.rows.state[ordinal] = LEASED
        self.sync()

    @precondition(lambda self: not self.may_lease and self.rows.having(FREE))
    @rule()
    def lease_after_a_full_disk(self) -> None:
        """Room that was made meanwhile does not count: what is on the wire needs it."""
        with pytest.raises(CheckpointError, match="the disk is full"):
            self.journal.lease(next(self.journal.never_sent()))

    @precondition(lambda self: self.rows.having(LEASED, AGAIN))
    @rule(chance=CHANCE)
    def send(self, chance: random.Random) -> None:
        """Up to four rows continue the wire; some of them land."""
        ready = self.rows.having(LEASED, AGAIN)
        for ordinal in ready[:: max(1, len(ready) // 4)]:
            self.journal.sending(ordinal)
            self.landed[ordinal] += chance.random() < 0.7
            self.rows.state[ordinal] = AGAIN if self.rows.state[ordinal] == AGAIN else WIRE

    @precondition(lambda self: self.rows.having(WIRE, AGAIN))
    @rule(outcomes=st.lists(OUTCOMES, min_size=1, max_size=6), from_end=st.booleans(), full=st.integers(0, 9))
    def settle(self, outcomes: list[str], from_end: bool, full: int) -> None:
        """Answers come, in any order; sometimes to a disk that is full, at first or for ever."""
        answered = self.rows.having(WIRE, AGAIN)[:: -1 if from_end else 1]
        group = {
            ordinal: self.truth(ordinal) if state == ANSWERED else state
            for ordinal, state in zip(answered, outcomes, strict=False)
        }
        written = [
            Outcome(n, State.IN_DOUBT if state == AGAIN else State(state), 1, resending=state == AGAIN)
            for n, state in group.items()
        ]
        if full == 0:
            self.settle_nowhere(written)
            return
        if full <= 2:
            self.fill_disk(for_ever=False)
            self.may_lease = self.may_lease and not self.place.beside("-reserve").exists()
        self.journal.settle(written)
        self.disk.fails = lambda _: None
        for ordinal, state in group.items():
            self.rows.end(ordinal, state)
        if AGAIN in group.values():
            self.sync()

    def truth(self, ordinal: int) -> State:
        """What the vendor says of a row. What was in doubt before it was refused stays in doubt."""
        if self.landed[ordinal]:
            return State.CONFIRMED
        return State.IN_DOUBT if self.rows.state[ordinal] == AGAIN else State.REJECTED

    def settle_nowhere(self, outcomes: list[Outcome]) -> None:
        """There is no room for answers, with or without the reserve: the load ends."""
        self.fill_disk(for_ever=True)
        with pytest.raises(CheckpointError, match="the disk is full"):
            self.journal.settle(outcomes)
        self.journal.close()
        self.rows.classify(leased=FREE)
        self.look(running=False)
        self.reopen()

    @precondition(lambda self: self.rows.having(LEASED))
    @rule(count=st.integers(1, 3))
    def give_back(self, count: int) -> None:
        """The sender gives rows back that never left."""
        rows = self.rows.having(LEASED)[:count]
        self.journal.settle([Outcome(n, State.NEVER_SENT, 0) for n in rows])
        self.rows.state.update(dict.fromkeys(rows, FREE))

    @precondition(lambda self: self.rows.having(State.IN_DOUBT, State.REJECTED))
    @rule(decision=st.sampled_from(Decision), chance=CHANCE)
    def decide(self, decision: Decision, chance: random.Random) -> None:
        """A person looks rows up and decides, truthfully; or has them sent again."""
        state = State.REJECTED if decision is Decision.RETRY else State.IN_DOUBT
        rows = [
            row
            for row in self.place.view().exceptions(state)
            if self.rows.state[row.ordinal] == state and self.may(decision, row) and chance.random() < 0.6
        ]
        self.journal.decide(decision, rows)
        for row in rows:
            self.rows.decided(decision, row.ordinal)
        if rows:
            self.sync()

    def may(self, decision: Decision, row: ExceptionRow) -> bool:
        """Whether the decision is the truth about a row; any row may be sent again."""
        landed = self.landed[row.ordinal] > 0
        return {Decision.LANDED: landed, Decision.DROPPED: not landed}.get(decision, True)

    @rule(released=st.booleans(), tool=st.booleans(), wire=st.booleans())
    def lose_parts(self, released: bool, tool: bool, wire: bool) -> None:
        """The run ends or is killed, its log or slot file is lost, and it is recovered: more is in doubt."""
        if released:
            self.close(released=True)
        else:
            die(self.journal)
        if tool:
            with closing(sqlite3.connect(self.place.path)) as connection:
                connection.execute("SELECT commits FROM head").fetchone()
        lost = self.place.beside("-wal")
        if wire or not lost.exists():
            self.place.beside("-wire").unlink()
        lost.unlink(missing_ok=True)
        self.place.beside("-shm").unlink(missing_ok=True)
        try:
            self.place.open().close()
        except CheckpointError:
            Journal.recover(self.place.path, host=self.place.host).close()
            self.take_over(check(self.place.view(), +self.landed))
        else:
            # Nothing was written since the log was last moved into the file, so nothing is lost.
            self.rows.classify(leased=FREE)
        self.look(running=False)
        self.reopen()

    def take_over(self, ledger: Ledger) -> None:
        """What is recovered holds the promise; the model continues with what it says of each row."""
        assert self.rows.state.keys() == {
            *ledger.confirmed, *ledger.rejected, *ledger.in_doubt, *ledger.never_sent, *ledger.left_out,
        }  # fmt: skip
        for ordinal, state in self.rows.state.items():
            assert ordinal not in ledger.never_sent or state == FREE, "sent, and taken for never sent"
        for rows, state in (
            (ledger.confirmed, State.CONFIRMED),
            (ledger.rejected, State.REJECTED),
            (ledger.in_doubt, State.IN_DOUBT),
            (ledger.never_sent, FREE),
            (ledger.left_out, State.LEFT_OUT),
        ):
            self.rows.state.update(dict.fromkeys(rows, state))
        self.rows.marked = set(ledger.marked)
        self.rows.given_back -= ledger.in_doubt

    @rule(
        end=st.sampled_from(["release", "close", "kill", "kill, slots lost", "power loss", "another input"])
    )
    def end_and_begin_again(self, end: str) -> None:
        """The run ends in one of many ways, a reader looks, and the next run begins."""
        slots = end not in ("kill, slots lost", "power loss")
        if end in ("release", "close"):
            self.close(released=end == "release")
        else:
            die(self.journal)
        if end == "kill, slots lost":
            self.place.beside("-wire").unlink()
        if end == "power loss":
            self.lose_power()
        if end == "another input" and (len(self.rows.having(FREE)) < ROWS or self.rows.given_back):
            self.refuse_another_input()
        self.rows.classify(leased=FREE if slots else State.IN_DOUBT)
        self.look(running=False)
        self.reopen()

    def close(self, *, released: bool) -> None:
        """A clean end, or one by an error."""
        if released:
            self.journal.release()
        self.journal.close()

    def lose_power(self) -> None:
        """Only what was synced is there; the machine starts again."""
        for part in self.copies.iterdir():
            shutil.copy(part, self.folder)
        self.place.beside("-shm").unlink(missing_ok=True)
        self.boots += 1
        self.place.boot = f"boot {self.boots}"
        self.rows = self.durable.copy()

    def refuse_another_input(self) -> None:
        """Another input, mapping, application or endpoint is refused, and changes nothing."""
        names = ("", "-wal", "-wire")
        before = [self.place.beside(name).read_bytes() for name in names]
        changes = ["mapping"]
        if self.rows.having(*OPEN, AGAIN, State.CONFIRMED, State.IN_DOUBT):
            changes += ["application", "endpoint"]  # rows that were rejected here alone bind to neither
        for other in (identity(ROWS + 1), *(identity(ROWS, **{change: "another"}) for change in changes)):
            with pytest.raises(CheckpointDiffers):
                self.place.open(identity=other)
        assert [self.place.beside(name).read_bytes() for name in names] == before

    @rule()
    def look_while_it_runs(self) -> None:
        """A reader sees the same counts and disturbs nothing."""
        self.look(running=True)

    @precondition(lambda self: not self.tools)
    @rule(statement=st.sampled_from(["SELECT commits FROM head", "VACUUM", "PRAGMA journal_mode = DELETE"]))
    def look_with_an_sqlite_tool(self, statement: str) -> None:
        """Another process opens it for reading and writing, and closes it; once, because it takes a while."""
        self.tools += 1
        said = run(TOOL, self.place.path, statement)
        assert ("locked" in said) is ("journal_mode" in statement)
        assert self.place.beside("-wal").exists()

    @rule(replaced=st.booleans())
    def delete_the_lock(self, replaced: bool) -> None:
        """It looks stale; a second load is refused all the same."""
        self.place.beside("-lock").unlink(missing_ok=True)
        if replaced:
            self.place.beside("-lock").touch()
        self.refuse_second(self.place)

    @rule(parts=st.sampled_from([("",), ("", "-wire"), ("", "-wire", "-wal", "-shm")]))
    def start_through_a_hard_link(self, parts: tuple[str, ...]) -> None:
        """The same file under another name is not another checkpoint."""
        other = Place(self.folder / "other", rows=ROWS, boot=self.place.boot)
        for part in parts:
            os.link(self.place.beside(part), other.beside(part))
        self.refuse_second(other)
        for path in self.folder.glob("other*"):
            path.unlink()

    def refuse_second(self, place: Place) -> None:
        """No second load begins, not even in this process."""
        with pytest.raises(CheckpointError, match="in use"):
            place.open()

    def look(self, *, running: bool) -> None:
        """Compare what a reader sees with the model; when no load runs, hold it against what landed."""
        view, rows = self.place.view(), self.rows
        account = view.account()
        assert view.running is running
        assert account.in_flight == (len(rows.having(*OPEN)) if running else 0)
        assert account.confirmed == len(rows.having(State.CONFIRMED))
        if running:
            doubts = [row.ordinal for row in view.exceptions(State.IN_DOUBT)]
            assert doubts == rows.having(State.IN_DOUBT, AGAIN)
            return
        ledger = check(view, +self.landed)
        assert sorted(ledger.in_doubt) == rows.having(State.IN_DOUBT)
        assert sorted(ledger.rejected) == rows.having(State.REJECTED)
        assert sorted(ledger.never_sent) == rows.having(FREE)
        assert sorted(ledger.left_out) == rows.having(State.LEFT_OUT)
        assert ledger.marked == rows.marked

    @invariant()
    def the_account_is_the_models(self) -> None:
        """Counts, free rows and the promise."""
        rows, account = self.rows, self.journal.account()
        assert replace(account, attempts=0, elapsed_seconds=0.0) == replace(
            account,
            confirmed=len(rows.having(State.CONFIRMED)),
            rejected=len(rows.having(State.REJECTED)),
            in_doubt=len(rows.having(State.IN_DOUBT, AGAIN)),
            in_flight=len(rows.having(*OPEN)),
            possible_duplicates=len(rows.marked & set(rows.having(State.CONFIRMED))),
            attempts=0,
            elapsed_seconds=0.0,
        )
        assert account.left_out == len(rows.having(State.LEFT_OUT))
        assert free_rows(self.journal) == set(rows.having(FREE))
        assert self.journal.given_back == sorted(rows.given_back)
        landed = set(+self.landed)
        assert landed.isdisjoint(rows.having(State.REJECTED))
        assert landed & set(rows.having(FREE)) <= rows.marked

    def teardown(self) -> None:
        """Remove the files."""
        if hasattr(self, "journal"):
            self.journal.close()
            shutil.rmtree(self.folder)
            shutil.rmtree(self.copies)


TestJournal = Model.TestCase
TestJournal.settings = settings(
    max_examples=20 * EFFORT, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
