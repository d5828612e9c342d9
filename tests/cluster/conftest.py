"""A Dask cluster of two workers, which the tests of loads share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cluster.dask_processes import DaskProcesses

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskProcesses]:
    """A cluster of two workers; nobody may end them."""
    with DaskProcesses(tmp_path_factory.mktemp("dask")) as running:
        yield running
