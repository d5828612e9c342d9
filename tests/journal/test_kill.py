"""Real processes, really killed: at any line of the journal, and at the instants that matter most."""

from __future__ import annotations

import os
import random
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import loader.journal
from loader.journal import Journal
from loader.journal.opening import Reserve
from loader.journal.slots import Slots
from loader.journal.store import Store
from tests.checker import check, noted
from tests.journal.conftest import Place, confirmed, free_rows, rejects

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

ROWS, WINDOW, LEASE = 400, 4, 16
REJECTED = frozenset(range(0, ROWS, 50))
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
ROOM = str(Path(loader.journal.__file__).parent)


def load(journal: Journal, landed: int) -> None:
    """The main path in small: the vendor notes a row in the file `landed`, then the answer is settled."""
    for free in tuple(journal.never_sent()):
        for first in range(free.start, free.stop, LEASE):
            rows = range(first, min(first + LEASE, free.stop))
            journal.lease(rows, rejects=rejects(REJECTED.intersection(rows)))
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


def killed_at(owner: type, method: str) -> None:
    """From now on, die where a method is entered."""
    setattr(owner, method, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))


def child(place: Place, landed: Path, harm: Callable[[], None]) -> int:
    """Load in another process until it is done or killed; its wait status."""
    process = os.fork()
    if process:
        return os.waitpid(process, 0)[1]
    try:
        descriptor = os.open(landed, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        harm()
        with place.open(window=WINDOW) as journal:
            load(journal, descriptor)
    except BaseException:  # noqa: BLE001  # nothing of the test runner may run on in the child
        os._exit(1)
    os._exit(0)


def to_the_end(place: Place, landed: Path) -> None:
    """Resume in this process until all is settled, and hold the promise against what landed."""
    with place.open(window=WINDOW) as journal, landed.open("ab") as more:
        load(journal, more.fileno())
        assert journal.account().never_sent == 0
    ledger = check(place.view(), noted(landed))
    assert ledger.rejected == REJECTED


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_account_is_true_after_kills_at_any_line(place: Place, tmp_path: Path, seed: int) -> None:
    """Whatever line a process dies at: what landed is confirmed or in doubt, and nothing lands twice."""
    place.rows = ROWS
    landed, chance, kills = tmp_path / "landed", random.Random(seed), 0
    for most in (200, 700, 1500, 1500, 3000, 6000, 6000, 12_000, 12_000):
        before = place.view().account().in_doubt if place.path.exists() else 0
        status = child(place, landed, partial(killed_after, chance.randrange(1, most)))
        assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
        kills += os.WIFSIGNALED(status)
        if place.path.exists():
            assert place.view().account().in_doubt - before <= WINDOW
    assert kills >= 5
    said = check(place.view(), noted(landed))
    with place.open() as journal:
        assert free_rows(journal) == said.never_sent
    assert check(place.view(), noted(landed)) == said
    to_the_end(place, landed)


# What is entered at the instant of the kill: confirmed, in doubt and never sent of the first lease (row 0 of
# it is rejected by the mapping), and how many rows had landed.
INSTANTS: dict[str, tuple[type, tuple[int, int, int], int]] = {
    "sending": (Journal, (0, 0, 15), 0),
    "settle": (Journal, (0, 4, 11), 4),
    "clear": (Slots, (4, 0, 11), 4),
}


@pytest.mark.parametrize("instant", INSTANTS)
def test_a_kill_at_an_exact_instant(place: Place, tmp_path: Path, instant: str) -> None:
    """What a kill leaves between lease and first send, answer and flush, flush and slot clear.

    Not sent, so sent once by the next run; in doubt, and not sent again; confirmed.
    """
    place.rows, landed = ROWS, tmp_path / "landed"
    owner, states, sent = INSTANTS[instant]
    assert os.WIFSIGNALED(child(place, landed, partial(killed_at, owner, instant)))
    ledger = check(place.view(), noted(landed))
    first = set(range(LEASE))
    found = (ledger.confirmed, ledger.in_doubt, ledger.never_sent & first)
    assert tuple(map(len, found)) == states
    assert noted(landed).total() == sent
    to_the_end(place, landed)
    left = check(place.view(), noted(landed)).in_doubt
    assert left == ledger.in_doubt


OPENING: dict[str, type] = {
    "commit": Store,
    "fold": Store,
    "create": Slots,
    "take": Reserve,
    "watch": Store,
    "_verify_place": Store,
}


@pytest.mark.parametrize("step", OPENING)
def test_a_kill_while_opening_changes_no_classification(place: Place, tmp_path: Path, step: str) -> None:
    """However often an opening dies, before or after its commit: the same rows are in doubt, none more."""
    place.rows, landed = ROWS, tmp_path / "landed"
    child(place, landed, partial(killed_at, Journal, "settle"))
    before = check(place.view(), noted(landed))
    assert before.in_doubt

    for _ in range(2):
        assert os.WIFSIGNALED(child(place, landed, partial(killed_at, OPENING[step], step)))
        assert check(place.view(), noted(landed)) == before
    to_the_end(place, landed)
