"""`verify(landed=...)` and `verify_counts` from Python."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import loader
from loader.sandbox.rules import Rules
from loader.sandbox.server import serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FRAME = pd.DataFrame(
    {
        "user": ["001", "002", "003", "004"],
        "event": "buy",
        "when": [
            "2024-02-01T10:00:00Z",
            "2024-02-01T11:00:00Z",
            "2024-02-02T09:00:00Z",
            "2024-02-03T09:00:00Z",
        ],
        "price": [1.5, 2.5, 3.5, 4.5],
    }
)
MAPPING = loader.Mapping(
    "events",
    fields={"userId": "user", "event": "event", "timestamp": {"column": "when", "format": "iso"}},
    attributes={"price": {"column": "price", "type": "float"}},
)
SERVER = "SeRvEr-2"


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[str]:
    """The endpoint of a vendor that counts."""
    began: queue.Queue[Any] = queue.Queue()
    rules = {"ready": began.put, "rules": Rules(server_token=SERVER)}
    thread = threading.Thread(target=serve, args=(tmp_path / "vendor.sqlite3",), kwargs=rules, daemon=True)
    thread.start()
    serving = began.get(timeout=20)
    yield serving.endpoint
    serving.stop()
    thread.join(20)


@pytest.fixture
def result(tmp_path: Path, endpoint: str) -> loader.LoadResult:
    """A load of a frame."""
    return loader.load_events(
        FRAME,
        mapping=MAPPING,
        application="AAAAA-BBBBB",
        endpoint=endpoint,
        checkpoint=tmp_path / "frame.ckpt",
    )


def test_a_frame_of_what_landed_proves_a_load_of_a_frame(result: loader.LoadResult) -> None:
    """A query of a warehouse is compared without a file, with the mapping of the load."""
    found = result.verify(landed=FRAME.sample(frac=1, random_state=1), complete=True)
    assert found.ok
    assert found.totals["same"] == 4
    assert found.notes == ['Compared by event, user, time and "price".']
    assert found.notes[0] in repr(found)


def test_what_differs_is_a_frame_with_the_place_in_the_export(result: loader.LoadResult) -> None:
    """The rows of the input stand beside what landed of them."""
    landed = FRAME.rename(columns={"user": "User ID", "event": "Event", "when": "When", "price": "Price"})
    landed.loc[1, "User ID"] = "2"
    mapping = loader.Mapping(
        "events",
        fields={"userId": "User ID", "event": "Event", "timestamp": {"column": "When", "format": "iso"}},
        attributes={"price": "Price"},
    )
    found = loader.verify(
        result.checkpoint, source=FRAME, landed=landed.iloc[:3], landed_mapping=mapping, complete=True
    )
    assert not found.ok
    assert found.differences["_loader_sign"].tolist() == ["*", "-"]
    assert found.differences["user"].tolist() == ["002", "004"]
    assert "row 2" in found.differences["_loader_number"][0]


def test_a_checkpoint_takes_the_same_words(result: loader.LoadResult) -> None:
    """A later session verifies by the checkpoint."""
    assert loader.Checkpoint(result.checkpoint, source=FRAME).verify(landed=FRAME).ok


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"complete": True}, "complete goes with landed"),
        ({"landed_mapping": MAPPING}, "landed_mapping goes with landed"),
        ({"landed": FRAME, "sandbox": "store.sqlite3"}, "sandbox and landed are two sources"),
    ],
)
def test_keywords_that_contradict_each_other_are_refused(
    result: loader.LoadResult, given: dict[str, Any], said: str
) -> None:
    """Nothing is compared with something else than the user thinks."""
    with pytest.raises(loader.ConfigError, match=said):
        loader.verify(result.checkpoint, source=FRAME, **given)


def test_a_misspelt_keyword_is_refused(result: loader.LoadResult) -> None:
    """As Python does for any function."""
    with pytest.raises(TypeError, match="landed_maping"):
        result.verify(landed=FRAME, landed_maping=MAPPING)  # type: ignore[call-arg] # that is the point


def test_counts_prove_a_load(result: loader.LoadResult) -> None:
    """The hours of a load as the vendor counts them, as frames."""
    found = loader.verify_counts(result.checkpoint, source=FRAME, server_token=SERVER)
    assert found.ok
    assert "by the time of the event" in found.reading
    assert found.events.to_dict("records") == [{"event": "buy", "confirmed": 4, "in_doubt": 0, "counted": 4}]
    assert found.differences.empty
    assert SERVER not in repr(found) + repr(vars(found))


def test_the_device_token_does_not_count(result: loader.LoadResult, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two secrets stay apart in Python too."""
    monkeypatch.setenv("PUSHWOOSH_API_TOKEN", SERVER)
    with pytest.raises(loader.ConfigError, match="two secrets"):
        loader.verify_counts(result.checkpoint, source=FRAME, server_token=SERVER)


def test_counts_are_taken_with_a_look_up_in_memory(tmp_path: Path, endpoint: str) -> None:
    """Rows are expected under what was looked up; the table is given again."""
    source = FRAME.assign(action=["bought", "sold", "sold", "sold"])
    names = pd.DataFrame({"id": ["bought", "sold"], "name": ["Bought", "Sold"]})
    event = {"column": "action", "lookup": "names", "key": "id", "value": "name"}
    fields = {"userId": "user", "event": event, "timestamp": {"column": "when", "format": "iso"}}
    result = loader.load_events(
        source,
        mapping=loader.Mapping("events", fields=fields, lookups={"names": names}),
        application="AAAAA-BBBBB",
        endpoint=endpoint,
        checkpoint=tmp_path / "c",
        progress=False,
    )
    found = loader.verify_counts(
        result.checkpoint, source=source, lookups={"names": names}, server_token=SERVER
    )
    assert found.ok
    assert found.events[["event", "confirmed"]].to_numpy().tolist() == [["Bought", 1], ["Sold", 3]]
