"""Users, devices, tags and the catalogue, against a small model of what the documentation says."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from loader.sandbox.rules import Rules
from tests.effort import EFFORT
from tests.sandbox.asgi import calling
from tests.sandbox.conftest import rows

APPLICATIONS = st.sampled_from(["AAAAA-00001", "BBBBB-00002"])
HWIDS, USERS = st.sampled_from(["D1", "D2", "D3"]), st.sampled_from(["ann", "bob", "D1"])
MAYBE_HWID, MAYBE_USER = st.sampled_from(["", "D1", "D2", "D3"]), st.sampled_from(["", "ann", "bob", "D1"])
TAGS = st.dictionaries(st.sampled_from("tuv"), st.sampled_from([None, 1, "x", ["a"]]), max_size=3)
# A value, the type that it would create, and the types that it fits; from the table in the reference.
VALUES: dict[str, tuple[object, int | None, set[int]]] = {
    "integer": (7, 1, {1, 6}),
    "text": ("abc", 2, {2}),
    "digits": ("7", 2, {1, 2, 6}),
    "one": ("1", 2, {1, 2, 5, 6}),
    "list": (["a"], 3, {3}),
    "date": ("2024-02-29 10:00", 4, {2, 4}),
    "no date": ("2023-02-29 10:00", 2, {2}),
    "boolean": (True, 5, {5}),
    "fraction": (1.5, 6, {6}),
    "null": (None, None, {1, 2, 3, 4, 5, 6}),
    "object": ({"a": 1}, None, set()),
}
ATTRIBUTES = st.dictionaries(st.sampled_from("ab"), st.sampled_from(sorted(VALUES)), max_size=2)
EVENTS = st.sampled_from("ef")
Key = tuple[str, str]


class Model:
    """What the sandbox should hold."""

    def __init__(self) -> None:
        self.owners: dict[Key, str] = {}
        self.tags: dict[tuple[str, str, str], dict[str, object]] = {}
        self.types: dict[Key, dict[str, int]] = {}
        self.declared: set[Key] = set()
        self.events: list[tuple[str, int]] = []
        self.violations: list[tuple[int, str]] = []

    def register(self, application: str, hwid: str, user: str) -> None:
        """A device belongs to the last user that registered it; a user without devices is gone."""
        before = self.owners.get((application, hwid))
        self.owners[application, hwid] = user or hwid
        if before is not None and not self.has_user(application, before):
            self.tags.pop((application, before, ""), None)

    def has_user(self, application: str, user: str) -> bool:
        """Whether a user has a device."""
        return any(of == application and name == user for (of, _), name in self.owners.items())

    def set_tags(self, application: str, hwid: str, user: str, tags: dict[str, object]) -> None:
        """Tags merge, and null removes one."""
        owner = self.tags.setdefault((application, user, "" if user else hwid), {})
        owner.update(tags)
        for name in [name for name, value in owner.items() if value is None]:
            del owner[name]

    def post(self, application: str, event: str, hwid: str, user: str, attributes: dict[str, str]) -> None:
        """An event needs a known device or user; its attributes are held against the catalogue."""
        known = (application, hwid) in self.owners or bool(user and self.has_user(application, user))
        types = self.types.setdefault((application, event), {})
        for name, kind in attributes.items():
            _, learned, fitting = VALUES[kind]
            if name not in types and learned is not None:
                types[name] = learned
            if kind != "null" and types.get(name) not in fitting | {learned} - {None}:
                self.violations.append((len(self.events), name))
        self.events.append((event, int(known)))


class Sandbox(RuleBasedStateMachine):
    """Calls of all methods, in any order."""

    strict = False

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.store = Path(self.folder.name, "store.sqlite3")
        self.context = calling(self.store, Rules(strict=self.strict))
        self.caller = self.context.__enter__()
        self.model = Model()

    def teardown(self) -> None:
        """Close the store."""
        self.context.__exit__(None, None, None)
        self.folder.cleanup()

    def call(self, method: str, request: dict[str, Any]) -> int:
        """Call a method; the code in the body."""
        code: int = self.caller.call(method, request).body["status_code"]
        return code

    @rule(application=APPLICATIONS, hwid=HWIDS, user=MAYBE_USER)
    def register(self, application: str, hwid: str, user: str) -> None:
        """Tie a device to a user."""
        assert self.call("registerUser", {"application": application, "hwid": hwid, "userId": user}) == 200
        self.model.register(application, hwid, user)

    @rule(application=APPLICATIONS, hwid=MAYBE_HWID, user=MAYBE_USER, tags=TAGS)
    def set_tags(self, application: str, hwid: str, user: str, tags: dict[str, object]) -> None:
        """Set and remove tags."""
        request = {"application": application, "hwid": hwid, "userId": user, "tags": tags}
        assert self.call("setTags", request) == (200 if hwid or user else 210)
        if hwid or user:
            self.model.set_tags(application, hwid, user, tags)

    @rule(application=APPLICATIONS, event=EVENTS, hwid=MAYBE_HWID, user=MAYBE_USER, attributes=ATTRIBUTES)
    def post(self, application: str, event: str, hwid: str, user: str, attributes: dict[str, str]) -> None:
        """Post an event."""
        values = {name: VALUES[kind][0] for name, kind in attributes.items()}
        known = self.model.types.get((application, event))
        refused = self.strict and (known is None or not set(attributes) <= set(known))
        code = self.call(
            "postEvent",
            {"application": application, "event": event, "hwid": hwid, "userId": user, "attributes": values},
        )
        assert code == (200 if (hwid or user) and not refused else 210)
        if code == 200:
            self.model.post(application, event, hwid, user, attributes)

    @rule(
        application=APPLICATIONS,
        event=EVENTS,
        types=st.dictionaries(st.sampled_from("ab"), st.integers(1, 6), max_size=2),
    )
    def create_event(self, application: str, event: str, types: dict[str, int]) -> None:
        """Declare an event."""
        declared = [{"name": name, "type": number} for name, number in types.items()]
        request = {"auth": "t", "application": application, "name": event, "eventAttributes": declared}
        key = (application, event)
        assert self.call("createEvent", request) == (210 if key in self.model.declared else 200)
        if key not in self.model.declared:
            self.model.declared.add(key)
            self.model.types.setdefault(key, {}).update(types)

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        """All tables are as in the model."""
        devices = rows(self.store, "SELECT application, hwid, user_id FROM devices")
        assert {(of, hwid): user for of, hwid, user in devices} == self.model.owners
        users = {(of, name) for of, name, _ in rows(self.store, "SELECT * FROM users")}
        assert users == {(of, name) for (of, _), name in self.model.owners.items()}
        tags: dict[tuple[str, str, str], dict[str, object]] = {}
        for *owner, tag, value in rows(self.store, "SELECT application, user_id, hwid, tag, value FROM tags"):
            tags.setdefault((owner[0], owner[1], owner[2]), {})[tag] = json.loads(value)
        assert tags == {owner: held for owner, held in self.model.tags.items() if held}
        assert rows(self.store, "SELECT event, matched FROM events ORDER BY id") == self.model.events

    @invariant()
    def has_the_catalogue_of_the_model(self) -> None:
        """Names, types and what does not fit are as in the model."""
        names = rows(self.store, "SELECT application, name, declared FROM event_types")
        assert {(of, name) for of, name, _ in names} == set(self.model.types)
        assert {(of, name) for of, name, declared in names if declared} == self.model.declared
        types: dict[Key, dict[str, int]] = {key: {} for key in self.model.types}
        for of, event, name, number in rows(
            self.store, "SELECT application, event, name, type FROM event_attributes"
        ):
            types[of, event][name] = number
        assert types == self.model.types
        found = rows(
            self.store,
            "SELECT (SELECT count(*) FROM events WHERE id < event_id), attribute FROM violations"
            " ORDER BY 1, 2",
        )
        assert found == sorted(self.model.violations)


class StrictSandbox(Sandbox):
    """The same in strict mode."""

    strict = True


TestSandbox = Sandbox.TestCase
TestStrictSandbox = StrictSandbox.TestCase
TestSandbox.settings = TestStrictSandbox.settings = settings(
    deadline=None, max_examples=25 * EFFORT, stateful_step_count=25
)
