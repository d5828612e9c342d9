"""Where Arrow takes its memory from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from loader.cli.memory import choose_memory_pool

if TYPE_CHECKING:
    from collections.abc import Iterator

GIVEN = "ARROW_DEFAULT_MEMORY_POOL"


@pytest.fixture(autouse=True)
def pool() -> Iterator[pa.MemoryPool]:
    """A pool that nobody chose, in place of the process's own, which comes back afterwards."""
    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    yield pa.default_memory_pool()
    pa.set_memory_pool(before)


@pytest.mark.skipif("jemalloc" not in pa.supported_memory_backends(), reason="this build has none")
def test_a_command_takes_the_pool_that_gives_memory_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The peak of a check stays low without a setting."""
    monkeypatch.delenv(GIVEN, raising=False)
    choose_memory_pool()
    assert pa.default_memory_pool().backend_name == "jemalloc"


def test_the_pool_that_the_user_chose_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrow's own variable is heeded."""
    monkeypatch.setenv(GIVEN, "system")
    choose_memory_pool()
    assert pa.default_memory_pool().backend_name == "system"


def test_a_build_without_the_pool_works_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A build of Arrow that lacks jemalloc keeps its own pool."""

    def refuse() -> pa.MemoryPool:
        raise NotImplementedError

    monkeypatch.delenv(GIVEN, raising=False)
    monkeypatch.setattr(pa, "jemalloc_memory_pool", refuse)
    choose_memory_pool()
    assert pa.default_memory_pool().backend_name == "system"
