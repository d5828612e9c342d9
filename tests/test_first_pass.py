"""A check counts the rows of a clean input while it is surveyed, and finds what a second reading would."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loader import checking
from loader.checking import FirstPass, check
from loader.errors import SourceError
from loader.load_options import LoadOptions
from loader.mapping import parse_mapping
from loader.methods import Kind
from loader.planning import prepare
from loader.profile import build_record
from loader.settings import Endpoint, Settings
from loader.sources import files

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

HEADER = "user_id,device_id,event,timestamp,timezone"
GOOD = st.tuples(st.integers(0, 9), st.integers(0, 9), st.sampled_from(["purchase", "open"])).map(
    lambda each: f"u{each[0]},D{each[1]},{each[2]},20240229,Europe/Berlin"
)
REJECTED = st.sampled_from([",,purchase,20240229,UTC", "u1,D1,purchase,20241301,UTC", "u1,D1,,20240229,UTC"])
NO_DATA = st.sampled_from([HEADER, "Total,12,,,", "-----,---,---,---,---", "u1,D1", "u1,D1,a,b,c,d"])
MAPPING = """
kind = "events"
{more}
[fields]
userId = "user_id"
hwid = "device_id"
event = "event"
timestamp = {{ column = "timestamp", format = "%Y%m%d", zone = "UTC" }}
{rows}
"""
MAPPINGS = (
    MAPPING.format(more="", rows=""),
    MAPPING.format(more='unique = ["user_id", "event"]', rows=""),
    MAPPING.format(more="", rows='[rows.only]\nevent = ["open"]'),
)


def settings_of(paths: list[Path], limit: int | None = None) -> Settings:
    """The settings of a check."""
    names = tuple(map(str, paths))
    endpoint = Endpoint.parse("http://127.0.0.1:9/")
    return Settings(Kind.EVENTS, names, "AAAAA-BBBBB", endpoint, None, options=LoadOptions(limit=limit))


def look(paths: list[Path], mapping: str, limit: int | None, *, once: bool, wanted: bool) -> object:
    """What a check finds, with its rejects; or how it fails."""
    frames: list[pd.DataFrame] = []
    try:
        wishes = settings_of(paths, limit)
        with closing(FirstPass(wishes, rejects=wanted)) as first_pass:
            plan = prepare(
                wishes,
                mapping=parse_mapping(mapping, "the mapping"),
                first_pass=first_pass if once else None,
            )
            profile = check(plan, frames.extend if wanted else None, first_pass=first_pass)
    except SourceError as error:
        return str(error)
    return build_record(profile, plan.suspicions), [frame.to_dict() for frame in frames]


@given(
    texts=st.lists(st.lists(GOOD | REJECTED | NO_DATA, min_size=1, max_size=12), min_size=1, max_size=2),
    mapping=st.sampled_from(MAPPINGS),
    limit=st.none() | st.integers(1, 12),
    wanted=st.booleans(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
def test_one_reading_finds_what_two_find(
    tmp_path: Path, texts: list[list[str]], mapping: str, limit: int | None, *, wanted: bool
) -> None:
    """Counts, examples, rejects and errors do not depend on how often the input is read."""
    paths = [tmp_path / f"{number}.csv" for number in range(len(texts))]
    for path, lines in zip(paths, texts, strict=True):
        path.write_text("\n".join([HEADER, *lines, ""]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "CHUNK_ROWS", 4)
        patch.setattr(checking, "MOST_REJECTS", 5)
        assert look(paths, mapping, limit, once=True, wanted=wanted) == look(
            paths, mapping, limit, once=False, wanted=wanted
        )


@pytest.mark.parametrize("wanted", [False, True])
def test_a_clean_input_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, wanted: bool) -> None:
    """A check takes the time of one reading, whether or not its rejects are wanted."""
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for path in paths:
        path.write_text("\n".join([HEADER, *["u1,D1,open,20240229,UTC"] * 100]))
    twice = look(paths, MAPPINGS[0], None, once=False, wanted=wanted)
    monkeypatch.delattr(files.FileSource, "chunks")
    assert look(paths, MAPPINGS[0], None, once=True, wanted=wanted) == twice


def test_many_rejects_are_not_kept_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file whose rows are all rejected is listed to its end without being held whole."""
    path = tmp_path / "events.csv"
    path.write_text("\n".join([HEADER, *["u1,D1,open,20241301,UTC"] * 100, ""]))
    monkeypatch.setattr(files, "CHUNK_ROWS", 10)
    monkeypatch.setattr(checking, "MOST_REJECTS", 25)
    wishes = settings_of([path])
    with closing(FirstPass(wishes, rejects=True)) as first_pass:
        mapping = parse_mapping(MAPPINGS[0], "the mapping")
        plan = prepare(wishes, mapping=mapping, first_pass=first_pass)
        assert first_pass.take_over(plan) is None
        rejects: list[pd.DataFrame] = []
        check(plan, rejects.extend, first_pass=first_pass)
    assert sum(map(len, rejects)) == 100


def test_no_chunk_is_counted_twice_if_a_file_is_begun_again(tmp_path: Path) -> None:
    """A record longer than a block makes the reader begin again, and the rows before it are not doubled."""
    path = tmp_path / "events.csv"
    long = "x" * 3_000_000
    path.write_text(
        "\n".join([HEADER, *["u1,D1,open,20240229,UTC"] * 100_000, f"u2,D2,{long},20240229,UTC", ""])
    )
    once, twice = (look([path], MAPPINGS[0], None, once=each, wanted=False) for each in (True, False))
    assert once == twice
