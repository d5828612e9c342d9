"""One flipped bit anywhere in a checkpoint: harmless or refused, never another classification."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from loader.errors import CheckpointError
from loader.journal.bitmap import CHUNK
from loader.journal.checkpoint_files import Files
from loader.journal.reading import open_for_reading
from loader.latency import BUCKETS
from loader.model import Decision, Outcome, State, Traffic
from tests.effort import EFFORT
from tests.journal.conftest import Place, confirmed, die, left_out, rejects

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loader.journal import CheckpointView, ExceptionRow, Note, Run, Sample

ROWS = CHUNK + 1000
# In the head of the file, which is dense, and in all the rest of it.
HEAD, POSITIONS = 320, min(80 * EFFORT, 320)
LEASED, WIRE = range(CHUNK + 500, CHUNK + 530), (CHUNK + 501, CHUNK + 502, CHUNK + 503)


def load(place: Place, *, killed: bool) -> None:
    """A checkpoint with rows of every kind in it; the last run is closed or killed."""
    place.rows = ROWS
    rest = range(CHUNK, CHUNK + 400)
    with place.open() as journal:
        journal.note("began", "as usual")
        journal.observe(lambda: Traffic(8, 9, 0.9, {"an outage": 1.5}, (9,) * BUCKETS))
        journal.lease(range(CHUNK))
        journal.settle(confirmed(range(CHUNK)))
        journal.lease(rest, rejects=rejects(rest[:6]), left_out=left_out(rest[300:400:2]))
        journal.settle(confirmed(rest[20:300]))
        journal.settle([Outcome(n, State.IN_DOUBT, message="timeout") for n in rest[6:14]])
        journal.settle([Outcome(n, State.REJECTED, code=210, message="no") for n in rest[14:17]])
        journal.settle([Outcome(n, State.NEVER_SENT, 0) for n in rest[17:20]])
        journal.release()
    with place.open() as journal:
        doubts = list(place.view().exceptions(State.IN_DOUBT))
        for decision, rows in (
            (Decision.LANDED, doubts[:2]),
            (Decision.DROPPED, doubts[2:4]),
            (Decision.RESEND, doubts[4:6]),
            (Decision.RETRY, list(place.view().exceptions(State.REJECTED))[:2]),
        ):
            journal.decide(decision, rows, "found.csv")
    journal = place.open()
    journal.note("began", "once more")
    journal.lease(LEASED, rejects=rejects(LEASED[:1]), left_out=left_out(LEASED[5:9], "repeat"))
    for ordinal in WIRE:
        journal.sending(ordinal)
    journal.settle(confirmed(WIRE[:1]))
    if killed:
        die(journal)
    else:
        journal.close()


@dataclass(frozen=True)
class Seen:
    """All that a checkpoint says of its rows and runs; `leased` are rows that the next opening classifies."""

    chunks: list[tuple[int, bytes | None]]
    exceptions: list[ExceptionRow]
    left_out: tuple[list[tuple[range, bytes]], tuple[tuple[str, int], ...]]
    released: list[range]
    given_back: tuple[int, ...]
    leased: frozenset[int]
    doubtful: frozenset[int]
    runs: tuple[tuple[Run, ...], tuple[Sample, ...], tuple[Note, ...]]

    @classmethod
    def of(cls, view: CheckpointView) -> Seen:
        """What a reader sees."""
        with open_for_reading(Files(view.path)) as connection:
            chunks = connection.execute("SELECT number, bits FROM chunks").fetchall()
        doubtful = frozenset(view._leftovers.in_doubt)
        rows = [row for state in State for row in view.exceptions(state) if row.ordinal not in doubtful]
        left_out = list(view.left_out()), view.account().left_out_by
        released = list(view._snapshot.released)
        leased = frozenset(view._snapshot.unsettled)
        runs = view._snapshot.runs, view.samples, view.notes
        return cls(chunks, rows, left_out, released, view.given_back, leased, doubtful, runs)


@pytest.fixture(params=[True, False], ids=["killed", "closed"])
def ended(request: pytest.FixtureRequest, memory: Path) -> Place:
    """A checkpoint with rows of every kind in it."""
    place = Place(memory / "orders.ckpt")
    load(place, killed=request.param)
    return place


@pytest.mark.parametrize("suffix", ["", "-wal", "-wire"])
def test_a_flipped_bit_is_harmless_or_refused(ended: Place, suffix: str) -> None:
    """Bitmaps, rejects, doubts, decisions, leases: all is as it was, or the checkpoint is refused.

    A damaged slot file may put every leased row in doubt, which is the careful answer, and frees none.
    """
    path = ended.beside(suffix)
    if not path.exists():
        assert suffix == "-wal", "a clean end leaves no log"
        return
    sound, chance = Seen.of(ended.view()), random.Random(7)
    assert (len(sound.leased), len(sound.doubtful), len(sound.given_back)) == (24, 2, 6)
    assert all(sound.runs)
    refused = 0
    for at, bit in flips(path.stat().st_size, chance):
        flip(path, at, bit)
        try:
            seen = Seen.of(ended.view())
        except CheckpointError:
            refused += 1
        else:
            assert seen.doubtful in {sound.doubtful, sound.leased if suffix == "-wire" else sound.doubtful}
            assert replace(seen, doubtful=sound.doubtful) == sound, (suffix, at, bit)
            if chance.random() < 0.1:
                goes_on(ended, seen)
        flip(path, at, bit)
    assert Seen.of(ended.view()) == sound
    assert suffix == "-wire" or refused > POSITIONS / 4


def flips(size: int, chance: random.Random) -> Iterator[tuple[int, int]]:
    """Places of a file: some of its head (each byte with more effort), and as many of the rest."""
    for part in (range(min(size, HEAD)), range(HEAD, size)):
        for at in chance.sample(part, min(POSITIONS, len(part))):
            yield at, 1 << chance.randrange(8)


def goes_on(place: Place, seen: Seen) -> None:
    """A load that opens the damaged checkpoint classifies its rows as the reader did; done on a copy."""
    folder = place.path.parent / "copy"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for part in place.path.parent.iterdir():
        if part.is_file():
            shutil.copy(part, folder)
    copy = Place(folder / place.path.name, rows=ROWS)
    try:
        journal = copy.open()
    except CheckpointError:
        return
    settled = {row.ordinal for row in seen.exceptions if row.state is not State.NEVER_SENT}
    with journal:
        assert journal.leftovers in {len(seen.doubtful), len(seen.leased)}
        free = {ordinal for rows in journal.never_sent() for ordinal in rows}
    assert not free & (settled | seen.doubtful | set(range(CHUNK + 20, CHUNK + 300)))
    assert min(free) >= CHUNK


def flip(path: Path, at: int, bit: int) -> None:
    """Flip a bit."""
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ bit]))
