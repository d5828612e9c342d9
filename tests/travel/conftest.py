"""The other process, and what goes there."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.travel.elsewhere import SMALL, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any


class Elsewhere(Protocol):
    """Calls a function of `elsewhere` in the other process, with the pickle of something."""

    def __call__(self, function: Callable[..., Any], travelling: object, *more: object) -> Any:
        """What it returns."""


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    """One other process for all tests, started from nothing, as on another machine."""
    folder = str(tmp_path_factory.mktemp("elsewhere"))
    with ProcessPoolExecutor(
        1, mp_context=get_context("spawn"), initializer=settle, initargs=(folder,)
    ) as pool:

        def call(function: Callable[..., Any], travelling: object, *more: object) -> Any:
            return pool.submit(function, pickle.dumps(travelling, 5), *more).result(60)

        yield call


@pytest.fixture(autouse=True)
def _in_small_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working folder has the files; blocks and pages are small, here too."""
    monkeypatch.chdir(tmp_path)
    for module, name, value in SMALL:
        monkeypatch.setattr(module, name, value)
