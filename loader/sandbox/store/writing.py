"""The one writing end of a store."""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from loader.errors import ConfigError
from loader.sandbox.calls import CreateEvent, Event, Registration, TagValues
from loader.sandbox.store.files import BUSY_SECONDS, explain_unusable, is_empty, make_private, refuse_foreign
from loader.sandbox.store.replay import DEPENDS_ON, Part, find_known, replay
from loader.sandbox.store.schema import VERSION, make_tables, read_version
from loader.sandbox.store.state import State
from loader.sandbox.store.upgrade import upgrade

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from loader.sandbox.calls import Answered, Outcome, Received, Refused

LATEST_REFUSALS = 1_000
LAST_NUMBER = """
SELECT max(
    coalesce((SELECT max(id) FROM registrations), 0),
    coalesce((SELECT max(id) FROM events), 0),
    coalesce((SELECT max(id) FROM tag_calls), 0)
)
"""
LOG_REGISTRATION = "INSERT INTO registrations VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
LOG_EVENT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
LOG_TAGS = "INSERT INTO tag_calls VALUES (?, ?, ?, ?, ?, ?, ?)"
COUNT_ANSWERS = """
INSERT INTO answers VALUES (?, ?, ?, ?, ?)
ON CONFLICT (second, load, method, verdict) DO UPDATE SET count = count + excluded.count
"""
ADD_REFUSAL = """
INSERT INTO refusals (arrived, load, method, http_status, status_code, message, body)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""
DROP_OLD_REFUSALS = "DELETE FROM refusals WHERE id <= (SELECT max(id) FROM refusals) - ?"
FORGOTTEN = ("registrations", "events", "tag_calls", "answers", "refusals")


@dataclass(frozen=True, slots=True)
class CatalogueRules:
    """What the catalogue allows.

    Attributes:
        strict: an event is not taken if it, or an attribute of it, was not declared.
        event_limit: events that an application may have before no more can be declared, or None.
    """

    strict: bool = False
    event_limit: int | None = None


class SandboxStore:
    """The one writing end of a store; it keeps what the file already has.

    What is given to `write` together is one committed transaction when it returns. In WAL mode with
    `synchronous=NORMAL` a commit is in the page cache, so it survives a kill of this process, though not a
    power cut: https://www.sqlite.org/pragma.html#pragma_synchronous.

    Args:
        path: the SQLite file; created, readable by its owner alone, if there is none. One of an earlier
            version is upgraded.
        rules: what the catalogue allows.

    Attributes:
        id: of the store, the same each time that it is opened.
        path: of its file.

    Raises:
        ConfigError: the file cannot be made or written, or is not a sandbox store.
    """

    def __init__(self, path: Path, rules: CatalogueRules | None = None) -> None:
        self.path = path
        self._rules = rules or CatalogueRules()
        make_private(path)
        try:
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
        except sqlite3.Error as error:
            raise explain_unusable(path, error) from error
        self._state = State(self._connection)
        self._seen = 0
        self._place = path.absolute()
        self._file = identify(self._place)
        try:
            self.id = self._prepare(path)
        except sqlite3.Error as error:
            self._connection.close()
            raise explain_unusable(path, error) from error
        except ConfigError:
            self._connection.close()
            raise

    def _prepare(self, path: Path) -> str:
        """Make the tables in an empty file, verify or upgrade any other; returns the store's id."""
        if is_empty(self._connection):
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._make()
        refuse_foreign(self._connection, path)
        self._connection.execute("PRAGMA synchronous = NORMAL")
        if read_version(self._connection) < VERSION:
            with self._atomically():
                if read_version(self._connection) < VERSION:  # another sandbox may have been faster
                    upgrade(self._connection, self._state)
        store_id: str = self._connection.execute("SELECT id FROM store").fetchone()[0]
        return store_id

    def _make(self) -> None:
        with self._atomically():
            if is_empty(self._connection):  # another sandbox may have been faster
                make_tables(self._connection)
                self._connection.execute("INSERT INTO store VALUES (?)", (str(uuid.uuid4()),))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(
        self,
        received: Sequence[Received],
        answers: Mapping[Answered, int] | None = None,
        refusals: Sequence[Refused] = (),
    ) -> list[Outcome]:
        """Keep calls, and count answers, all in one transaction, committed on return.

        Args:
            received: in the order in which they came.
            answers: how many answers of each kind were given.
            refusals: calls that were refused; the latest 1,000 are kept.

        Raises:
            sqlite3.Error: none of it is kept.
        """
        with self.transaction() as transaction:
            outcomes = [transaction.keep(each) for each in received]
            transaction.note_answers(answers or {}, refusals)
        return outcomes

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """What is kept within it is committed at its end, or not at all.

        Raises:
            sqlite3.Error: none of it is kept.
        """
        if identify(self._place) != self._file:
            # What is written to a deleted file is gone when it is closed.
            raise sqlite3.OperationalError("its file was deleted or replaced. Start the sandbox again")
        with self._atomically():
            self._catch_up()
            yield Transaction(self._connection, self._state, self._rules)

    def forget(self, label: str) -> None:
        """Remove what one load did, as if it had never been; used when a rehearsal begins again.

        Raises:
            sqlite3.Error: nothing is removed.
        """
        with self._atomically():
            known, parts = find_known(self._connection, self._state), Part(0)
            for table in FORGOTTEN:
                if self._remove(table, label):
                    parts |= DEPENDS_ON.get(table, Part(0))
            if parts:
                replay(self._connection, self._state, parts, known)

    def _remove(self, table: str, label: str) -> int:
        return self._connection.execute(f"DELETE FROM {table} WHERE load = ?", (label,)).rowcount  # noqa: S608 - a table of ours

    def close(self) -> None:
        """Close the file; the store can be opened again."""
        self._connection.close()

    @contextmanager
    def _atomically(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            self._seen = 0  # the catalogue in memory may be ahead of the file
            raise
        self._connection.execute("COMMIT")

    def _catch_up(self) -> None:
        """Read the catalogue again if another process has written to the file, or at the beginning."""
        version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        if version != self._seen:
            self._state.reload()
            self._seen = version


def identify(path: Path) -> tuple[int, int] | None:
    """Which file is at a place; None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


class Transaction:
    """The calls that are kept together; see `SandboxStore.transaction`."""

    def __init__(self, connection: sqlite3.Connection, state: State, rules: CatalogueRules) -> None:
        self._connection, self._state, self._rules = connection, state, rules
        self._last: int = connection.execute(LAST_NUMBER).fetchone()[0]

    def keep(self, received: Received) -> Outcome:
        """Keep one call, unless the catalogue does not allow it."""
        match received.call:
            case Event() as event:
                return self._post(received, event)
            case Registration() as device:
                self._register(received, device)
            case TagValues() as call:
                self._set_tags(received, call)
            case CreateEvent() as call:
                return self._state.create_event(call, received.arrived, self._rules.event_limit)
        return None

    def note_answers(self, answers: Mapping[Answered, int], refusals: Sequence[Refused]) -> None:
        """Count answers, and keep the latest refused calls for a while."""
        if answers:
            self._connection.executemany(COUNT_ANSWERS, [(*key, n) for key, n in answers.items()])
        if refusals:
            self._connection.executemany(ADD_REFUSAL, refusals)
            self._connection.execute(DROP_OLD_REFUSALS, (LATEST_REFUSALS,))

    def _number(self) -> int:
        self._last += 1
        return self._last

    def _register(self, received: Received, call: Registration) -> None:
        number = self._number()
        self._connection.execute(LOG_REGISTRATION, (number, received.load, received.arrived, *call))
        self._state.register(number, call)

    def _set_tags(self, received: Received, call: TagValues) -> None:
        number, values = self._number(), (call.application, call.user_id, call.hwid, call.tags)
        self._connection.execute(LOG_TAGS, (number, received.load, received.arrived, *values))
        self._state.set_tags(number, call)

    def _post(self, received: Received, event: Event) -> Outcome:
        """Keep an event; one without `timestampUTC` is stamped with its arrival, as the vendor does."""
        if self._rules.strict and (denial := self._state.find_undeclared(event)):
            return denial
        number, stamped = self._number(), event.timestamp_utc is None
        self._connection.execute(
            LOG_EVENT,
            (
                number,
                received.load,
                received.arrived,
                event.application,
                event.event,
                event.hwid or None,
                event.user_id or None,
                received.arrived // 1_000 if stamped else event.timestamp_utc,
                stamped,
                event.timestamp_current,
                event.device_type,
                event.attributes,
                self._state.matches(event),
            ),
        )
        self._state.note_attributes(number, event, received.arrived)
        return None
