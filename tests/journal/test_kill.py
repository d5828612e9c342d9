"""Real processes, really killed, at any line of the journal."""

from __future__ import annotations

import os
import random
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import loader.journal
from loader.model import State
from tests.journal.conftest import Place, confirmed, free_rows, rejects

if TYPE_CHECKING:
    from types import FrameType

    from loader.journal import Journal

ROWS, WINDOW, LEASE = 400, 4, 16
REJECTED = frozenset(range(0, ROWS, 50))
ROOM = str(Path(loader.journal.__file__).parent)


def load(journal: Journal, landed: int) -> None:
    """The main path in small: the vendor notes a row in the file `landed`, then the answer is settled."""
    for free in tuple(journal.never_sent()):
        for first in range(free.start, free.stop, LEASE):
            rows = range(first, min(first + LEASE, free.stop))
            journal.lease(rows, rejects(REJECTED.intersection(rows)))
            sendable = [ordinal for ordinal in rows if ordinal not in REJECTED]
            for at in range(0, len(sendable), WINDOW):
                group = sendable[at : at + WINDOW]
                for ordinal in group:
                    journal.sending(ordinal)
                    os.write(landed, b"%d\n" % ordinal)
                journal.settle(confirmed(group))
    journal.release()


def killed_after(lines: int) -> None:
    """From now on, count the lines that run in the journal, and die at the last."""
    left = lines

    def count(frame: FrameType, event: str, _: object) -> object:
        nonlocal left
        left -= event == "line"
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return count

    def enter(frame: FrameType, event: str, argument: object) -> object:
        return count if frame.f_code.co_filename.startswith(ROOM) else None

    sys.settrace(enter)  # type: ignore[arg-type]  # a local trace function may return itself


def child(place: Place, landed: Path, lines: int) -> int:
    """Load in another process until it is done or killed; its wait status."""
    process = os.fork()
    if process:
        return os.waitpid(process, 0)[1]
    try:
        descriptor = os.open(landed, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        killed_after(lines)
        with place.open(window=WINDOW) as journal:
            load(journal, descriptor)
    except BaseException:  # noqa: BLE001  # nothing of the test runner may run on in the child
        os._exit(1)
    os._exit(0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_account_is_true_after_kills_at_any_line(place: Place, tmp_path: Path, seed: int) -> None:
    """Whatever line a process dies at: what landed is confirmed or in doubt, and nothing lands twice."""
    place.rows = ROWS
    landed, chance, kills = tmp_path / "landed", random.Random(seed), 0
    for most in (200, 700, 1500, 1500, 3000, 6000, 6000, 12_000, 12_000):
        before = place.view().account().in_doubt if place.path.exists() else 0
        status = child(place, landed, chance.randrange(1, most))
        assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
        kills += os.WIFSIGNALED(status)
        if place.path.exists():
            assert place.view().account().in_doubt - before <= WINDOW
    assert kills >= 5
    said = place.view().account()
    with place.open() as journal:
        account, free = journal.account(), free_rows(journal)
    assert (said.confirmed, said.rejected, said.in_doubt) == (
        account.confirmed,
        account.rejected,
        account.in_doubt,
    )
    check(place, landed, free)
    with place.open() as journal, landed.open("ab") as more:
        load(journal, more.fileno())
        assert journal.account().never_sent == 0
    check(place, landed, set())


def check(place: Place, landed: Path, never_sent: set[int]) -> None:
    """The promise, held against what the vendor noted."""
    taken = Counter(map(int, landed.read_text().split())) if landed.exists() else Counter()
    doubts = {row.ordinal for row in place.view().exceptions(State.IN_DOUBT)}
    rejected = {row.ordinal for row in place.view().exceptions(State.REJECTED)}
    sure = set(range(ROWS)) - never_sent - doubts - rejected
    assert len(sure) == place.view().account().confirmed
    assert not doubts & rejected
    assert not never_sent & (doubts | rejected)
    assert sure <= set(taken) <= sure | doubts
    assert not taken or max(taken.values()) == 1
