"""The records of the API methods."""

from __future__ import annotations

import ast
import dataclasses
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from loader import methods
from loader.mapping.fields import SYNONYMS, refuse_unknown
from loader.methods import METHODS, POST_EVENT, REGISTER_USER, ApiField, Kind, MappedField, Method

if TYPE_CHECKING:
    from collections.abc import Callable

LOADER = Path(methods.__file__).parent
#: Where a member of `Kind` may stand: the record itself, the face of each command, the presets of exports.
FACES = {
    "methods.py",
    *(f"cli/{kind}.py" for kind in Kind),
    "api/calls.py",
    "mapping/proposing/presets.py",
}

NAMES = {*Kind, *(method.name for method in METHODS.values())}
RECORDS = {name for name, value in vars(methods).items() if isinstance(value, Method)}


def test_every_kind_has_a_method_and_no_two_share_a_name() -> None:
    """What a command, a mapping or a checkpoint calls its rows leads to exactly one API method."""
    assert set(METHODS) == set(Kind)
    assert len({method.name for method in METHODS.values()}) == len(Kind)
    assert all(kind.method.kind is kind for kind in Kind)


def asks_by_member(node: ast.AST) -> bool:
    """``Kind.USERS``."""
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "Kind"
        and node.attr in Kind.__members__
    )


def asks_by_name(node: ast.AST) -> bool:
    """A comparison with ``"users"`` or ``"setTags"``, or a `match` on it."""
    compared = (
        [node.left, *node.comparators]
        if isinstance(node, ast.Compare)
        else [node.value]
        if isinstance(node, ast.MatchValue)
        else []
    )
    return any(
        isinstance(part, ast.Constant) and part.value in NAMES for each in compared for part in ast.walk(each)
    )


def asks_by_record(node: ast.AST) -> bool:
    """An import of ``SET_TAGS`` itself."""
    return isinstance(node, ast.ImportFrom) and any(alias.name in RECORDS for alias in node.names)


@cache
def list_askers() -> dict[Callable[[ast.AST], bool], list[str]]:
    """For each way to ask, the lines of the rooms that ask so; the code is read once for all of them."""
    rooms = [path for path in LOADER.rglob("*.py") if str(path.relative_to(LOADER)) not in FACES]
    asking: dict[Callable[[ast.AST], bool], list[str]] = {
        asks: [] for asks in (asks_by_member, asks_by_name, asks_by_record)
    }
    for path in rooms:
        if "sandbox" in path.relative_to(LOADER).parts:  # it stores each method in its own way
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            for asks, places in asking.items():
                if asks(node):
                    places.append(f"{path.relative_to(LOADER)}:{getattr(node, 'lineno', 0)}")
    return asking


@pytest.mark.parametrize(
    ("asks", "code"),
    [
        (asks_by_member, "kind is Kind.USERS"),
        (asks_by_name, "kind == 'users'"),
        (asks_by_name, "method.name in ('setTags', 'postEvent')"),
        (asks_by_name, "match kind:\n    case 'tags':\n        pass"),
        (asks_by_record, "from loader.methods import SET_TAGS"),
    ],
)
def test_no_room_asks_which_kind_it_is(asks: Callable[[ast.AST], bool], code: str) -> None:
    """A method that is added needs no search for places that compare the kind: they ask its record."""
    assert any(map(asks, ast.walk(ast.parse(code))))
    assert not list_askers()[asks]


def test_a_key_of_the_mapping_has_names_by_which_its_columns_are_found() -> None:
    """A field that is added is an error at import, and not at the first file without a mapping."""
    assert set(MappedField) <= set(SYNONYMS)
    with pytest.raises(ValueError, match="no names of columns for email"):
        refuse_unknown({*MappedField, "email"})


@pytest.mark.parametrize("lacking", [field.name for field in dataclasses.fields(Method)])
def test_a_property_that_a_method_lacks_is_an_error(lacking: str) -> None:
    """Nothing about a method has a default, so that a new one answers every question that is asked."""
    given: dict[str, Any] = {
        field.name: getattr(POST_EVENT, field.name) for field in dataclasses.fields(Method)
    }
    assert Method(**given) == POST_EVENT
    del given[lacking]
    with pytest.raises(TypeError, match=lacking):
        Method(**given)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"order_key": ("email",)}, "names a field that it lacks"),
        ({"timed": True}, "names a field that it lacks"),
        ({"container": POST_EVENT.container}, "are not its container"),
        ({"repeatable": False}, "can be repeated"),
    ],
)
def test_a_record_that_contradicts_itself_is_an_error(change: dict[str, Any], sentence: str) -> None:
    """A method whose needs, order, time, container or repetition do not fit its fields cannot be imported."""
    with pytest.raises(ValueError, match=sentence):
        dataclasses.replace(REGISTER_USER, **change)


def test_a_field_is_mapped_once_whatever_it_makes() -> None:
    """`timestamp` stands in a mapping once and makes two keys of the request."""
    made = [field.name for field in POST_EVENT.fields if field.source == "timestamp"]
    assert made == ["timestampUTC", "timestampCurrent"]
    assert POST_EVENT.mapped.count("timestamp") == 1


def test_rows_are_counted_in_words() -> None:
    """One row is spoken of as one."""
    assert [POST_EVENT.count(number) for number in (1, 2_000)] == ["1 event", "2,000 events"]


def test_the_order_of_rows_is_kept_for_what_the_method_orders_by() -> None:
    """A row of tags can belong to a user without a device."""
    assert [METHODS[kind].owner for kind in Kind] == ["device", "device or user", "user or device"]


def test_a_field_says_all_that_the_api_says() -> None:
    """A key of the request has a type that JSON has."""
    fields: list[ApiField] = [field for method in METHODS.values() for field in method.fields]
    assert {field.json_type for field in fields} == {"string", "integer", "object"}
