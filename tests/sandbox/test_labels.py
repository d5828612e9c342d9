"""The path of a call says which load it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.sandbox import EmbeddedSandbox
from loader.sandbox.labels import build_path, read_label
from tests.sandbox.conftest import DEVICE, EVENT, TAGS, call, rows

if TYPE_CHECKING:
    from pathlib import Path

LABELS = st.text(st.characters(codec="utf-8", exclude_characters="/"))
CALLS: list[tuple[str, dict[str, object]]] = [
    ("registerUser", DEVICE),
    ("postEvent", EVENT),
    ("setTags", {**TAGS}),
]


@given(LABELS)
def test_a_label_survives_the_path(label: str) -> None:
    """Whatever a checkpoint is called, the sandbox reads the label that was put into the path."""
    path = build_path(label)
    assert path.isascii()
    assert read_label(unquote(path) + "postEvent") == label
    assert read_label("/gateway" + unquote(path) + "postEvent") == label


@pytest.mark.parametrize(
    "path",
    ["/json/1.3/postEvent", "/loads/json/1.3/postEvent", "/loads/a/postEvent", "/loads/a/json/1.3", ""],
)
def test_other_paths_have_no_label(path: str) -> None:
    """A call that names no load belongs to none."""
    assert read_label(path) == ""


def test_each_method_notes_the_load(tmp_path: Path) -> None:
    """A call of each method is kept under the label of its path, with the body and headers of production."""
    label = "é %2F ?#&;+.ckpt"
    with EmbeddedSandbox(tmp_path / "s") as sandbox:
        url = urlsplit(sandbox.endpoint)
        labelled = f"{url.scheme}://{url.netloc}{build_path(label)}"
        for method, request in CALLS:
            assert call(labelled, method, request).body["status_code"] == 200
            assert call(sandbox.endpoint, method, request).body["status_code"] == 200
    for table in ("registrations", "events", "tag_calls"):
        assert rows(tmp_path / "s", f"SELECT load FROM {table} ORDER BY id") == [(label,), ("",)]
