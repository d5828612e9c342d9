"""The stand-in for the vendor, from Python: started, asked what it holds, ended."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Self
from urllib.parse import urljoin
from weakref import finalize

import pandas as pd

from loader.api.sandbox_page import render_sandbox, show_page
from loader.api.spelling import spell_in_python
from loader.api.words import TEMPORARY
from loader.claims import Claim, refuse_conflicts
from loader.errors import ConfigError
from loader.mapping.fields import refuse_application
from loader.option import FileUse
from loader.option_values import take_parsed, take_text
from loader.sandbox import EmbeddedSandbox, Holdings
from loader.sandbox.faults import parse_spec
from loader.sandbox.store import COLUMNS, read_batches, read_rows
from loader.text.escape import escape

if TYPE_CHECKING:
    import os
    from types import TracebackType

EVENT_COLUMNS = [
    "event", "hwid", "user_id", "timestamp", "timestamp_current", "device_type", "attributes", "application",
    "arrived", "matched", "load",
]  # fmt: skip


class Sandbox:
    """A local stand-in for the vendor: it takes, checks and keeps, and nothing leaves this machine.

        with loader.Sandbox() as sandbox:
            result = loader.load_events(frame, sandbox=sandbox)
            sandbox.events()

    Neither a token nor an application is needed. What it took can be looked at after its end too.

    Args:
        store: an SQLite file that keeps what it takes, and has what it took before. Without one it keeps it
            for as long as this object lives, and checkpoints of loads into it beside it.
        application: take only this application code.
        faults: what goes wrong in it, as a spec: a profile (``"flaky"``), faults, or both
            (``"flaky,seed=7,lost-answer=every-50"``). `docs/reference/faults.md` lists them.

    Raises:
        ConfigError: `faults` or `application` has no meaning; on entering, when the store cannot be used or
            the server does not come up.
    """

    def __init__(
        self,
        store: str | os.PathLike[str] | None = None,
        *,
        application: str | None = None,
        faults: str | None = None,
    ) -> None:
        self._folder = None if store is not None else Path(mkdtemp(prefix=TEMPORARY))
        self._store = Path(store) if self._folder is None else self._folder / "sandbox.sqlite3"  # type: ignore[arg-type] # one of the two is there
        if self._folder is not None:
            finalize(self, rmtree, self._folder, ignore_errors=True)
        self._server = EmbeddedSandbox(self._store, take_application(application), take_faults(faults))
        self._running = False

    def start(self) -> Self:
        """Start it; `close` ends it, as does the end of this process. A `with` block does both."""
        if not self._running:
            refuse_conflicts([Claim(FileUse.STORE, str(self._store))])
            self._server.__enter__()
            self._running = True
            # If the user forgets to close it, no process stays behind.
            finalize(self, self._server.__exit__, None, None, None)
        return self

    def close(self) -> None:
        """End it. What it took stays to be looked at."""
        if self._running:
            self._running = False
            self._server.__exit__(None, None, None)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def application(self) -> str | None:
        """The only application code that it takes, or None for any."""
        return self._server.application

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._server.pid

    @property
    def store(self) -> Path:
        """The SQLite file: tables devices and events, view users."""
        return self._store

    @property
    def folder(self) -> Path | None:
        """Where checkpoints of loads into it are kept, if it has a folder of its own that goes with it."""
        return self._folder

    @property
    def endpoint(self) -> str:
        """Base URL with its trailing slash.

        Raises:
            ConfigError: it is not running.
        """
        self._refuse_ended()
        return self._server.endpoint

    @property
    def store_id(self) -> str:
        """The store's own id, the same each time that it is served.

        Raises:
            ConfigError: it is not running.
        """
        self._refuse_ended()
        return self._server.store_id

    @property
    def page(self) -> str:
        """Address of its page, on this machine: what arrives, events over time, users, duplicates.

        Raises:
            ConfigError: it is not running.
        """
        return urljoin(self.endpoint, "/")

    def show(self) -> None:
        """Show its page: in a notebook in a frame below the cell, elsewhere print the link.

        The page is there while the sandbox runs. If the notebook runs on another machine than the browser,
        forward the port of the link that stands above the frame.

        Raises:
            ConfigError: it is not running.
        """
        show_page(self.page)

    def users(self) -> pd.DataFrame:
        """The devices and their users, in the order in which they were registered last.

        Columns: ``hwid``, ``user_id``, ``tz_offset`` (seconds east of UTC), ``device_type`` (the vendor's
        number), ``application``.
        """
        frame = pd.DataFrame(
            self._held("devices"), columns=["hwid", "user_id", "tz_offset", "device_type", "application"]
        )
        return frame.astype({"tz_offset": "Int64", "device_type": "Int64"})

    def events(self) -> pd.DataFrame:
        """The events, in the order in which they were taken.

        Columns: ``event``, ``hwid``, ``user_id``, ``timestamp`` (UTC), ``timestamp_current`` (on the user's
        clock, without a zone), ``device_type``, ``attributes`` (a dictionary each), ``application``,
        ``arrived`` (UTC; NaT if an earlier version took it), ``matched`` (False if neither its device nor its
        user was known), ``load`` (which load sent it: the name of its checkpoint and a number; empty if none
        did, as with another client).
        """
        frame = pd.DataFrame(self._logged("events"), columns=list(COLUMNS["events"]))
        frame = frame.rename(columns={"timestamp_utc": "timestamp"})
        return frame.assign(
            timestamp=pd.to_datetime(frame["timestamp"].astype("Int64"), unit="s", utc=True),
            timestamp_current=pd.to_datetime(frame["timestamp_current"].astype("Int64"), unit="s"),
            device_type=frame["device_type"].astype("Int64"),
            attributes=[json.loads(text) for text in frame["attributes"]],
            arrived=pd.to_datetime(frame["arrived"].astype("Int64"), unit="ms", utc=True),
            matched=frame["matched"].astype(bool),
        )[EVENT_COLUMNS]

    def tags(self) -> pd.DataFrame:
        """The values of tags, in the order in which they were set last.

        Columns: ``user_id`` or ``hwid`` (the other is empty), ``tag``, ``value`` (as JSON has it),
        ``application``.
        """
        frame = pd.DataFrame(self._held("tags"), columns=["user_id", "hwid", "tag", "value", "application"])
        return frame.assign(value=[json.loads(text) for text in frame["value"]])

    def forget(self, label: str) -> None:
        """Forget what the store holds of the load with this label.

        Raises:
            ConfigError: it is not running.
        """
        self._refuse_ended()
        self._server.forget(label)

    def holdings(self) -> Holdings:
        """The counts: devices, users, the events of each name, tags."""
        return self._server.holdings()

    def _held(self, table: str) -> list[tuple[object, ...]]:
        return read_rows(self._store, table) if self._store.exists() else []

    def _logged(self, table: str) -> list[tuple[object, ...]]:
        if not self._store.exists():
            return []
        return [row for rows in read_batches(self._store, table) for row in rows]

    def _refuse_ended(self) -> None:
        if not self._running:
            raise ConfigError(
                "The sandbox is not running. Load within `with loader.Sandbox() as sandbox:`, or call its "
                "start() before and close() afterwards."
            )

    def __repr__(self) -> str:
        held = f": {self.holdings()}" if self._store.exists() else ", empty"
        lines = [f"<Sandbox, {self._state}{held}>", *(f"  {note}" for note in self._notes)]
        return escape("\n".join(lines), keep="\n")

    def _repr_html_(self) -> str:
        held = self.holdings() if self._store.exists() else Holdings(0, 0, ())
        return render_sandbox(f"Sandbox, {self._state}", held, self._notes)

    @property
    def _state(self) -> str:
        return "running" if self._running else "not running"

    @property
    def _notes(self) -> list[str]:
        """Where it is, a line each."""
        page = [f"page     {self.page}", f"endpoint {self.endpoint}"] if self._running else []
        kept = f"store    {self._store}" if self._folder is None else "store    kept as long as this object"
        faults = [f"faults   {self._server.faults}"] if self._server.faults else []
        return [*page, kept, *faults]


@spell_in_python()
def take_application(application: str | None) -> str | None:
    """A code that an application can have, or None.

    Raises:
        ConfigError: no application has it.
    """
    text = take_text("application", application)
    if text is not None:
        refuse_application(text)
    return text


@spell_in_python()
def take_faults(faults: str | None) -> str | None:
    """A spec that has a meaning, or None.

    Raises:
        ConfigError: it has none.
    """
    text = take_text("faults", faults)
    if text is not None:
        take_parsed("faults", parse_spec, text)
    return text
