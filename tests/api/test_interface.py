"""What `loader` offers, and what it costs to import it."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

import pytest

import loader
from tests.api.conftest import ran

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CALLS = [
    loader.load_users,
    loader.load_events,
    loader.check_users,
    loader.check_events,
    loader.load_tags,
    loader.check_tags,
    loader.resolve,
    loader.retry,
]


def test_the_names_are_a_contract() -> None:
    """Whoever imports a name today can import it tomorrow: taking one away is a decision."""
    assert loader.__all__ == [
        "Account",
        "CheckResult",
        "Checkpoint",
        "CheckpointDiffers",
        "CheckpointError",
        "CheckpointLocked",
        "ConfigError",
        "CurlSession",
        "LoadResult",
        "LoaderError",
        "Mapping",
        "MappingError",
        "RowsFailed",
        "Sandbox",
        "SourceEmpty",
        "SourceError",
        "SourceMissing",
        "State",
        "TooFewRows",
        "__version__",
        "check_events",
        "check_tags",
        "check_users",
        "load_events",
        "load_tags",
        "load_users",
        "resolve",
        "retry",
    ]


def test_every_name_is_there() -> None:
    """Each name can be had, is shown by completion, and an unknown one is an AttributeError."""
    assert all(getattr(loader, name) is not None for name in loader.__all__)
    assert set(loader.__all__) <= set(dir(loader))
    with pytest.raises(AttributeError, match="load_everything"):
        loader.load_everything  # noqa: B018 - the access is the test


def test_importing_is_cheap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`import loader` loads neither pandas nor any other library."""
    monkeypatch.setenv("COLD", "1")  # in a new interpreter
    script = "import sys, loader; print(sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = ran(script, tmp_path)
    assert not re.search(r"'(pandas|numpy|pyarrow|requests|rich|click|sqlite3)'", loaded)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: str(call.__name__))
def test_every_keyword_is_explained(call: Callable[..., object]) -> None:
    """Shift-Tab in a notebook shows each parameter with its default, and a line on each."""
    documented = set(re.findall(r"^    {4}(\w+): ", inspect.getdoc(call) or "", re.MULTILINE))
    documented |= set(re.findall(r"^    (\w+): ", inspect.getdoc(call) or "", re.MULTILINE))
    assert set(inspect.signature(call).parameters) <= documented
