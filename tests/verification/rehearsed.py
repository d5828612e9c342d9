"""A checkpoint and a sandbox's store as a rehearsal leaves them, written directly: any row with any fate."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loader import planning
from loader.conditions import BEGAN
from loader.journal import CheckpointView, Journal
from loader.mapping import parse_mapping, write_mapping
from loader.methods import Kind
from loader.model import Outcome, State
from loader.sandbox.store import SandboxStore
from loader.settings import Endpoint, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from loader.planning import Plan

APPLICATION = "AAAAA-BBBBB"
EVENTS = """
kind = "events"
[fields]
hwid = "device"
userId = "user"
event = "event"
timestamp = { column = "time", unit = "s", zone = "UTC" }
[attributes]
price = { column = "price", type = "float" }
"""
USERS = """
kind = "users"
[fields]
hwid = "device"
userId = "user"
tz_offset = { column = "offset", unit = "s" }
"""
TAGS = """
kind = "tags"
[fields]
userId = "user"
[tags]
city = { column = "city", empty = "null" }
age = { column = "age", type = "decimal" }
"""
INSERTS = {
    Kind.EVENTS: "INSERT INTO events VALUES (NULL, :load, 0, :application, :event, :hwid, :userId, "
    ":timestampUTC, 0, :timestampCurrent, :device_type, :attributes, 1)",
    Kind.USERS: "INSERT INTO registrations VALUES (:id, :load, 0, :application, :hwid, :userId, :tz_offset, "
    ":device_type)",
    Kind.TAGS: "INSERT INTO tag_calls VALUES (:id, :load, 0, :application, :userId, :hwid, :tags)",
}
KEYS = ("application", "event", "hwid", "timestampUTC", "timestampCurrent", "device_type", "tz_offset")


@dataclass
class Rehearsed:
    """One load, and the store that it shares with others.

    Attributes:
        folder: where everything lies.
        name: of the input, without its ending.
    """

    folder: Path
    name: str = "rows"

    @property
    def store(self) -> Path:
        """The store."""
        return self.folder / "pushwoosh-sandbox.sqlite3"

    @property
    def checkpoint(self) -> Path:
        """The checkpoint."""
        return self.folder / f"{self.name}.ckpt"

    def begin(self, mapping: str, text: str, fates: Sequence[State], *, label: str = "") -> list[bytes]:
        """Write input and checkpoint; return the bodies.

        Args:
            mapping: as TOML.
            text: the input, as CSV.
            fates: of the rows.
            label: of the load in the store.
        """
        with SandboxStore(self.store) as store:
            store_id = store.id
        (self.folder / f"{self.name}.csv").write_text(text)
        plan = self.plan(mapping, store_id)
        with Journal.open(self.checkpoint, planning.build_identity(plan)) as journal:
            journal.note(BEGAN, json.dumps({"label": label}))
            self.settle(journal, dict(enumerate(fates)))
        return self.read_bodies(plan)

    def plan(self, mapping: str, store_id: str) -> Plan:
        """The input with a mapping."""
        rules = parse_mapping(mapping, "mapping")
        settings = Settings(
            rules.kind,
            (str(self.folder / f"{self.name}.csv"),),
            APPLICATION,
            Endpoint("", f"sandbox {store_id}"),
            checkpoint=self.checkpoint,
        )
        return planning.draw_up(settings, None, rules)

    @staticmethod
    def settle(journal: Journal, fates: Mapping[int, State]) -> None:
        """Send rows, with these outcomes."""
        for ordinal, state in sorted(fates.items()):
            if state is not State.NEVER_SENT:
                journal.lease(range(ordinal, ordinal + 1))
                journal.sending(ordinal)
                journal.settle([Outcome(ordinal, state, message="so it was")])

    @staticmethod
    def read_bodies(plan: Plan) -> list[bytes]:
        """The bodies of all rows."""
        return [body for chunk in plan.source.chunks() for body in plan.mapper.map(chunk).bodies.to_pylist()]

    def remap(self, mapping: str, fates: Mapping[int, State]) -> list[bytes]:
        """Send rows with another mapping, as a retry does; return the bodies under that."""
        with SandboxStore(self.store) as store:
            store_id = store.id
        plan = self.plan(mapping, store_id)
        with Journal.open(self.checkpoint, CheckpointView.open(self.checkpoint).identity) as journal:
            journal.remap(write_mapping(plan.mapper.mapping))
            self.settle(journal, fates)
        return self.read_bodies(plan)

    def land(self, kind: Kind, body: bytes, *, label: str = "") -> None:
        """Have a body in the log of the store, and what follows from it."""
        request = json.loads(body)["request"]
        row: dict[str, Any] = dict.fromkeys(KEYS) | {"load": label, "userId": "", "hwid": ""} | request
        begin = body.find(b'"attributes":') + 13
        # The text itself, because a number must stay as it was written.
        row["attributes"] = body[begin : body.find(b"}", begin) + 1].decode()
        row["tags"] = json.dumps(request.get("tags"))
        with closing(sqlite3.connect(self.store)) as connection:
            (row["id"],) = connection.execute(
                "SELECT coalesce(max(id), 0) + 1 FROM (SELECT id FROM registrations UNION ALL"
                " SELECT id FROM tag_calls)"
            ).fetchone()
            connection.execute(INSERTS[kind], row)
            if kind is Kind.USERS:
                user = row["userId"] or row["hwid"]
                connection.execute(
                    "INSERT OR REPLACE INTO devices VALUES (?, ?, ?, ?, ?, ?)",
                    (row["hwid"], APPLICATION, user, row["tz_offset"], row["device_type"], row["id"]),
                )
            for at, (tag, value) in enumerate(request.get("tags", {}).items()):
                key = (APPLICATION, row["userId"], "", tag)
                connection.execute(
                    "DELETE FROM tags WHERE application = ? AND user_id = ? AND hwid = ? AND tag = ?", key
                )
                if value is not None:
                    connection.execute(
                        "INSERT INTO tags VALUES (?, ?, ?, ?, ?, ?, ?)",
                        (*key, json.dumps(value, ensure_ascii=False), row["id"], at),
                    )
            connection.commit()

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the store."""
        with closing(sqlite3.connect(self.store)) as connection:
            return connection.execute(query, values).fetchall()

    def execute(self, statement: str, *values: object) -> int:
        """Change the store by hand; how many rows that changed."""
        with closing(sqlite3.connect(self.store)) as connection:
            changed = connection.execute(statement, values).rowcount
            connection.commit()
            return changed
