"""A mapping made in Python is the mapping of a file."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest

import loader
from tests.api.conftest import purchases

if TYPE_CHECKING:
    from pathlib import Path

FIELDS = {"userId": "user_id", "event": {"const": "buy"}, "timestamp": {"column": "timestamp", "unit": "ms"}}


def test_a_mapping_goes_to_a_file_and_back(tmp_path: Path) -> None:
    """What is built in Python, written and read again is equal, and is what a load takes by its path."""
    mapping = loader.Mapping("events", fields=FIELDS, attributes={"others": True, "except": ("secret",)})
    mapping.write("m.toml")
    assert loader.Mapping.read("m.toml") == mapping
    assert loader.Mapping.parse((tmp_path / "m.toml").read_text()) == mapping
    assert loader.Mapping("events", fields=MappingProxyType(FIELDS)) != mapping
    with pytest.raises(loader.ConfigError, match="exists already"):
        mapping.write("m.toml")
    mapping.write("m.toml", overwrite=True)


def test_mistakes_are_told_in_the_sentences_of_the_file(tmp_path: Path) -> None:
    """Every mistake at once, the same words as for a file, an unknown one with the nearest known."""
    wrong = {"userid": "a", "event": {"column": "e", "trimm": True}}
    with pytest.raises(loader.MappingError) as built:
        loader.Mapping("events", fields=wrong)
    (tmp_path / "m.toml").write_text(
        'kind = "events"\n[fields]\nuserid = "a"\nevent = { column = "e", trimm = true }\n'
    )
    with pytest.raises(loader.MappingError) as read:
        loader.Mapping.read("m.toml")
    assert built.value.problems == read.value.problems
    assert 'Did you mean "userId"?' in str(built.value)


def test_a_mapping_for_the_other_kind_is_refused() -> None:
    """Users are not loaded with a mapping of events."""
    with pytest.raises(loader.MappingError, match="it is for events"):
        loader.check_users(purchases(1), mapping=loader.Mapping("events", fields=FIELDS))


def test_inference_is_what_a_load_without_a_mapping_does() -> None:
    """`infer` gives the mapping that would be used, to be looked at and written down."""
    frame = purchases(3)
    inferred = loader.Mapping.infer("events", frame)
    assert 'userId = { column = "user_id" }' in inferred.to_toml()
    assert loader.check_events(frame, mapping=inferred).bodies == loader.check_events(frame).bodies


def test_a_proposal_gives_its_reasons() -> None:
    """`propose` gives the commented text, which can be read as a mapping at once."""
    text = loader.Mapping.propose("events", purchases(3))
    assert "# By its name." in text
    assert "loader.check_events(frame" in " ".join(text.replace("#", "").split())
    assert loader.check_events(purchases(3), mapping=loader.Mapping.parse(text)).ok


def test_a_wrong_kind_is_a_sentence() -> None:
    """Not a ValueError from the depths."""
    with pytest.raises(loader.ConfigError, match='"users", "events" or "tags"'):
        loader.Mapping.infer("event", purchases(1))
    with pytest.raises(loader.MappingError, match='"users", "events" or "tags"'):
        loader.Mapping("event", fields=FIELDS)


def test_a_mapping_of_tags_is_made_like_that_of_events() -> None:
    """The table of tags is a keyword of its own name, as in the mapping file."""
    mapping = loader.Mapping("tags", fields={"userId": "user"}, tags={"plan": "plan", "others": True})
    assert loader.Mapping.parse(mapping.to_toml()) == mapping
    with pytest.raises(loader.MappingError, match=r"\[tags\] is for rows of tags"):
        loader.Mapping("users", fields={"hwid": "device"}, tags={"plan": "plan"})
