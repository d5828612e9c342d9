"""What follows from the log can be built again from it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.sandbox.calls import Answered, Call, Event, Received, Refused, Registration, TagValues
from loader.sandbox.store import SandboxStore

# Mostly the same few ids, so that calls have to do with each other.
APPLICATIONS = st.sampled_from(["AAAAA-00001", "AAAAA-00001", "AAAAA-00001", "BBBBB-00002"])
HWIDS, USERS = st.sampled_from(["D1", "D1", "D2", ""]), st.sampled_from(["ann", "bob", ""])
VALUES = st.sampled_from([1, 1.5, True, None, "text", "2024-01-31 10:00", ["a"], {"a": 1}])
MEMBERS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3).map(json.dumps)
REGISTRATIONS = st.builds(Registration, APPLICATIONS, HWIDS.filter(bool), USERS, st.none(), st.none())
EVENTS = st.builds(
    Event, APPLICATIONS, st.sampled_from("ef"), HWIDS, USERS, st.just(5), st.none(), st.none(), MEMBERS
)
TAG_CALLS = st.builds(TagValues, APPLICATIONS, HWIDS, USERS, MEMBERS)
CALLS: st.SearchStrategy[Call] = st.one_of(REGISTRATIONS, EVENTS, TAG_CALLS)
STEPS = st.lists(st.tuples(st.sampled_from(["keep", "keep", "gone"]), CALLS), min_size=6, max_size=25)

# Ids differ between the two stores, and only their order has a meaning.
SHOWN = (
    "SELECT load, application, hwid, user_id FROM registrations ORDER BY id",
    "SELECT load, application, event, hwid, user_id, attributes, matched FROM events ORDER BY id",
    "SELECT load, application, user_id, hwid, tags FROM tag_calls ORDER BY id",
    "SELECT hwid, application, user_id FROM devices ORDER BY updated",
    "SELECT application, user_id, hwid, tag, value FROM tags ORDER BY updated, position",
    "SELECT application, name, description, declared FROM event_types",
    "SELECT application, event, name, type FROM event_attributes",
    "SELECT attribute, declared, found FROM violations ORDER BY event_id, attribute",
    "SELECT * FROM answers",
    "SELECT load, method FROM refusals",
)


def show(store: Path) -> list[list[tuple[Any, ...]]]:
    """All that a store holds."""
    with closing(sqlite3.connect(store)) as connection:
        return [connection.execute(query).fetchall() for query in SHOWN]


def write(store: SandboxStore, load: str, call: Call) -> None:
    """One call, its answer, and one refusal."""
    refused = Refused(0, load, "postEvent", 200, 210, "no", "{}")
    store.write([Received(load, 0, call)], {Answered(0, load, "postEvent", "ok"): 1}, [refused])


@settings(deadline=None, max_examples=60)
@given(STEPS)
def test_a_forgotten_load_has_never_been(steps: list[tuple[str, Call]]) -> None:
    """A store that forgets a load holds what it would hold without that load, and continues alike."""
    with TemporaryDirectory() as folder:
        first, second = Path(folder, "a"), Path(folder, "b")
        with SandboxStore(first) as store, SandboxStore(second) as without:
            for load, call in steps:
                write(store, load, call)
                if load == "keep":
                    write(without, load, call)
            store.forget("gone")
            assert show(first) == show(second)
            for load, call in steps:
                write(store, load, call)
                write(without, load, call)
        assert show(first) == show(second)


@pytest.mark.parametrize(
    ("gone", "untouched"),
    [
        (Event("AAAAA-00001", "e", "D1", "", 5, None, None, '{"a": "text"}'), ("devices", "tags")),
        (
            Registration("AAAAA-00001", "D2", "bob", None, None),
            ("event_types", "event_attributes", "violations"),
        ),
        (TagValues("AAAAA-00001", "", "ann", '{"b": 2}'), ("event_types", "event_attributes", "violations")),
    ],
)
def test_what_cannot_have_changed_is_not_built_again(
    tmp_path: Path, gone: Call, untouched: tuple[str, ...]
) -> None:
    """To forget events touches no device, and to forget users no catalogue: a store may have millions."""
    kept: list[Call] = [
        Registration("AAAAA-00001", "D1", "ann", None, None),
        TagValues("AAAAA-00001", "", "ann", '{"a": 1}'),
        Event("AAAAA-00001", "e", "D1", "", 5, None, None, '{"a": 1}'),
        Event("AAAAA-00001", "e", "D1", "", 5, None, None, '{"a": []}'),
    ]
    path = tmp_path / "s"
    with SandboxStore(path) as store:
        for each in kept:
            write(store, "keep", each)
        before = show(path)
        write(store, "gone", gone)
        with closing(sqlite3.connect(path)) as connection:
            for table in untouched:
                connection.execute(
                    f"CREATE TRIGGER keep_{table} BEFORE DELETE ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, 'touched'); END"
                )
        store.forget("gone")
    assert show(path) == before


def test_events_after_the_catalogue_is_the_same_again_are_not_looked_at(tmp_path: Path) -> None:
    """A violation of an event that came later is left where it is, because its types are the same."""
    path = tmp_path / "s"

    def post(store: SandboxStore, load: str, attributes: str) -> None:
        write(store, load, Event("AAAAA-00001", "e", "D1", "", 5, None, None, attributes))

    with SandboxStore(path) as store:
        post(store, "gone", '{"a": 1}')
        post(store, "gone", '{"a": []}')
        post(store, "keep", '{"a": 2}')
        post(store, "keep", '{"a": []}')
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(
                "CREATE TRIGGER stays BEFORE DELETE ON violations "
                "WHEN old.event_id = 4 BEGIN SELECT RAISE(ABORT, 'touched'); END"
            )
        store.forget("gone")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT event_id FROM violations").fetchall() == [(4,)]


def test_events_are_held_against_the_types_that_remain(tmp_path: Path) -> None:
    """If the forgotten load had given an attribute its type, the first event that stays gives it another."""
    path = tmp_path / "s"
    with SandboxStore(path) as store:
        for load, attributes in [("gone", '{"a": []}'), ("keep", '{"a": 1}'), ("keep", '{"a": []}')]:
            write(store, load, Event("AAAAA-00001", "e", "D1", "", 5, None, None, attributes))
        store.forget("gone")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT event_id FROM violations").fetchall() == [(3,)]
        assert connection.execute("SELECT type FROM event_attributes").fetchall() == [(1,)]
