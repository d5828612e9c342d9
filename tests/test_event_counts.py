"""Events by name, month and state: what a checkpoint keeps of them says the same as the input."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from loader.crew import ThisProcess
from loader.errors import CheckpointError, SourceError
from loader.event_counts import count_events, count_in_input
from loader.journal import Journal, schema
from loader.journal.view import CheckpointView
from loader.known_keys import open_known_keys
from loader.leases import Leases
from loader.methods import Kind
from loader.model import Decision, Outcome, Phase, State
from loader.planning import build_identity, prepare
from loader.progress import ReadingProgress, Silent
from loader.settings import NOTHING_IN_MEMORY, Endpoint, Settings
from loader.tally import Tally
from tests.journal.conftest import die, memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from loader.report.facts import Events

__all__ = ["memory"]
# In files of so many rows: a chunk of an input never has rows of two files.
ROWS, FILES = 100, 4
MAPPING = """\
kind = "events"
[source]
null_values = ["nothing"]
[fields]
hwid = "device"
event = { column = "event" }
timestamp = { column = "day", format = "%Y%m%d", zone = "America/New_York", earliest = 1960-01-01 }
[attributes]
amount = { column = "amount", type = "integer" }
"""
SELECTION = """\
[rows]
except = { event = ["test"] }
"""


def write_rows(path: Path, first: int) -> None:
    """Events of every kind that a report counts in its own way, in no order."""
    names = ["buy", "return", "test", "", "x" * 40, "été"]
    days = ["19691231", "19700101", "20231231", "20240101", "20240229", "notaday", ""]
    lines = []
    for n in range(first, first + ROWS):
        chance = random.Random(n)
        amount = chance.choice(["1", "1", "1", "one"])
        device = chance.choice([f"D{n}", f"D{n}", f"D{n}", ""])
        lines.append(f"{device},{chance.choice(names)},{chance.choice(days)},{amount}\n")
    path.write_text("device,event,day,amount\n" + "".join(lines), encoding="utf-8")


class NoWire:
    """What leases ask of a dispatcher that never stops."""

    stopped = None

    def count_rejected(self, rows: int) -> None:
        """Nothing is limited."""

    def limit(self, *limits: object) -> None:
        """As above."""


@dataclass
class Load:
    """A load whose requests are answered here.

    Attributes:
        folder: of its input, its mapping and its checkpoint.
        mapping: of its rows.
        grown: whether its input may have grown.
        ledger: which keys were sent by other loads.
    """

    folder: Path
    mapping: str = MAPPING
    grown: bool = False
    ledger: Path | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """Its input."""
        return tuple(sorted(map(str, self.folder.glob("*.csv"))))

    @property
    def settings(self) -> Settings:
        """As the command line would make them."""
        mapping = self.folder / "events.toml"
        mapping.write_text(self.mapping, encoding="utf-8")
        endpoint = Endpoint.parse("http://127.0.0.1:9/")
        checkpoint = self.folder / "c.ckpt"
        found = Settings(Kind.EVENTS, self.files, "AAAAA-BBBBB", endpoint, checkpoint, mapping=mapping)
        return replace(found, options=replace(found.options, grown=self.grown, ledger=self.ledger))

    @property
    def view(self) -> CheckpointView:
        """Its checkpoint."""
        return CheckpointView.open(self.folder / "c.ckpt")

    def send(
        self,
        choose: Callable[[Journal], Iterable[range]] | None = None,
        *,
        most: int = 1000,
        killed: bool = False,
    ) -> None:
        """Send rows until there are no more, or N were answered; then end, or be killed."""
        plan = prepare(self.settings)
        journal = Journal.open(self.folder / "c.ckpt", build_identity(plan), grown_from=plan.grown_from)
        wanted = choose(journal) if choose else journal.never_sent()
        wire: Any = NoWire()
        keys = open_known_keys(plan, journal)
        keys.begin()
        crew = ThisProcess(plan, keys)
        leases = Leases(plan, crew, journal, wire, wanted, canary=0, hear=lambda _: None, keys=keys)
        for done, request in enumerate(leases.requests()):
            journal.sending(request.ordinal)
            if done == most:
                break
            states = [State.CONFIRMED] * 7 + [State.REJECTED, State.IN_DOUBT, State.NEVER_SENT]
            state = random.Random(f"{request.ordinal} {journal.run}").choice(states)
            journal.settle([Outcome(request.ordinal, state)])
            keys.settle([Outcome(request.ordinal, state)])
        if killed:
            die(journal)
        else:
            journal.release()
            keys.finish()
            journal.close()
        crew.close()
        keys.close()

    def count(self) -> Events:
        """What a report says."""
        return count_events(self.view, self.files, NOTHING_IN_MEMORY, Silent())

    def count_again(self) -> Events:
        """The same, counted in the input alone."""
        view, tally = self.view, Tally()
        rows = [range(view.identity.rows)]
        count_in_input(view, self.files, NOTHING_IN_MEMORY, rows, tally, Silent())
        return tally.events()


@pytest.fixture
def load(memory: Path) -> Load:
    """A load that has not begun."""
    for file in range(FILES):
        write_rows(memory / f"events-{file}.csv", file * ROWS)
    return Load(memory)


def end_in_all_states(load: Load) -> None:
    """Rows that the mapping rejects, that the vendor rejects, in doubt, given back."""
    load.send()


def leave_rows_out(load: Load) -> None:
    """Rows that the mapping leaves out: by a rule, and because they repeat others."""
    load.mapping = MAPPING.replace("[source]", 'unique = ["device", "event"]\n[source]') + SELECTION
    load.send()


def die_between_lease_and_outcome(load: Load) -> None:
    """A kill with rows leased, on the wire, and not yet leased."""
    load.send(most=90, killed=True)


def die_again_and_again(load: Load) -> None:
    """Kills at many places, and an end."""
    for most in (0, 1, 63, 5, 70, 1):
        load.send(most=most, killed=True)
    load.send()


def be_interrupted(load: Load) -> None:
    """A drained end in the middle, then the rest of some."""
    load.send(most=30)
    load.send(most=20)


def send_chosen_rows(load: Load) -> None:
    """Scattered rows first, as a canary; then the others of a part."""
    chosen = [*range(5, 300, 17), 302]
    load.send(lambda _: [range(row, row + 1) for row in chosen])
    load.send(lambda journal: journal.never_sent(200))


def retry_rejects(load: Load) -> None:
    """Rejected rows are given back and sent again, scattered as they are."""
    load.send()
    view = load.view
    rows = list(view.exceptions(State.REJECTED))[::2]
    with Journal.open(view.path, view.identity) as journal:
        journal.decide(Decision.RETRY, rows)
    load.send()


def settle_doubts(load: Load) -> None:
    """Doubts of which some had landed, some had not, and some are to be sent again."""
    load.send(most=150, killed=True)
    for decision in (Decision.LANDED, Decision.DROPPED, Decision.RESEND):
        with Journal.open(load.view.path, load.view.identity) as journal:
            journal.decide(decision, list(load.view.exceptions(State.IN_DOUBT))[:4])
    load.send()


def leave_out_what_a_ledger_knows(load: Load) -> None:
    """Rows of which another load has sent some; killed, and continued."""
    load.mapping = f'key = ["device", "event", "day"]\n{MAPPING}'
    load.ledger = load.folder / "sent.ledger"
    other = replace(load, folder=load.folder / "other")
    other.folder.mkdir()
    write_rows(other.folder / "events-0.csv", ROWS)
    other.send(most=10)
    load.send(most=5, killed=True)
    load.send(most=25)


def begin_with_an_older_version(load: Load) -> None:
    """Begun by a version that kept no categories, and continued."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:4])
        patch.setattr("loader.journal.store.Transaction.put_categories", lambda *_: None)
        load.send(most=120, killed=True)
    load.send()


def grow(load: Load) -> None:
    """Rows are added to the input, and sent."""
    load.send()
    write_rows(load.folder / "events-9.csv", FILES * ROWS)
    load.grown = True
    load.send()


HISTORIES = [
    end_in_all_states,
    leave_rows_out,
    die_between_lease_and_outcome,
    die_again_and_again,
    be_interrupted,
    send_chosen_rows,
    retry_rejects,
    settle_doubts,
    leave_out_what_a_ledger_knows,
    begin_with_an_older_version,
    grow,
]


@pytest.mark.parametrize("history", HISTORIES, ids=lambda history: history.__name__)
def test_what_is_kept_counts_as_the_input_does(load: Load, history: Callable[[Load], None]) -> None:
    """Whatever became of a load, names, months and states are those that reading the input again gives."""
    history(load)
    counted, again = load.count(), load.count_again()
    assert replace(counted, read=0) == again
    by_name = [counts for _, counts in counted.names] + [counted.other_names]
    by_month = [counts for _, counts in counted.months] + [counted.timeless]
    account = load.view.account()
    for state in ("confirmed", "rejected", "in_doubt"):
        for found in (by_name, by_month):
            assert sum(getattr(counts, state) for counts in found) == getattr(account, state)


@pytest.mark.parametrize(
    ("history", "complete"),
    [
        (end_in_all_states, True),
        (leave_rows_out, True),
        (die_again_and_again, True),
        (retry_rejects, True),
        (grow, True),
        (be_interrupted, False),
        (send_chosen_rows, False),
        (begin_with_an_older_version, False),
    ],
    ids=lambda given: getattr(given, "__name__", ""),
)
def test_the_input_is_read_only_for_rows_that_were_never_leased(
    load: Load, history: Callable[[Load], None], *, complete: bool
) -> None:
    """A report of a load whose input is gone still counts; if rows are not known, it says that it cannot."""
    history(load)
    counted = load.count()
    assert (counted.read == 0) is complete
    files = load.files
    for file in files:
        Path(file).rename(f"{file}.moved")
    if complete:
        assert count_events(load.view, files, NOTHING_IN_MEMORY, Silent()) == counted
    else:
        with pytest.raises(SourceError, match="name the input with"):
            count_events(load.view, files, NOTHING_IN_MEMORY, Silent())


def test_rows_are_counted_as_they_were_sent(load: Load) -> None:
    """A retry with a changed mapping counts the rows that it sends by the new names, and no others."""
    load.send()
    view = load.view
    before = dict(load.count().names)
    rows = [row for row in view.exceptions(State.REJECTED) if row.phase is Phase.VENDOR]
    unsent = view.account().never_sent
    load.mapping = MAPPING.replace('{ column = "event" }', '{ const = "order" }')
    with Journal.open(view.path, view.identity) as journal:
        journal.decide(Decision.RETRY, rows)
        journal.remap(build_identity(prepare(replace(load.settings, checkpoint=None))).mapping)
    load.send()
    after = dict(load.count().names)
    assert after["order"].total == len(rows) + unsent
    assert after["order"].confirmed > 0
    assert after["buy"].confirmed == before["buy"].confirmed > 0


def test_a_damaged_count_is_refused(load: Load) -> None:
    """A flipped bit in what is kept never becomes another count."""
    load.send()
    with closing(sqlite3.connect(load.view.path)) as connection:
        number, codes = connection.execute("SELECT number, codes FROM categories").fetchone()
        changed = bytes([*codes[:-1], codes[-1] ^ 1])
        connection.execute("UPDATE categories SET codes = ? WHERE number = ?", (changed, number))
        connection.commit()
    with pytest.raises(CheckpointError, match="categories does not fit its checksum"):
        load.count()


class Seen(Silent):
    """Looks when a reading begins and when it ends, not by the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[ReadingProgress] = []

    @contextmanager
    def reading(self, reading: Callable[[], ReadingProgress]) -> Iterator[None]:
        """Look."""
        self.seen.append(reading())
        yield
        self.seen.append(reading())


def test_how_far_the_counting_is_can_be_seen(load: Load) -> None:
    """While the input is read, a watch is told how many rows are counted."""
    load.send(most=10)
    watch = Seen()
    read = count_events(load.view, load.files, NOTHING_IN_MEMORY, watch).read
    counting = [(each.done, each.total) for each in watch.seen if each.doing == "Counting events"]
    assert read
    assert counting[-2:] == [(0, read), (read, read)]
