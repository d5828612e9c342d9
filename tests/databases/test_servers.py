from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.databases.fixtures import start_keeper
from tests.databases.servers import PASSWORD, PROGRAMS, READER, Database, run_quietly

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.databases.keeper import Facts

LONG_SECONDS = 60


@pytest.fixture(params=sorted(PROGRAMS))
def database(request: pytest.FixtureRequest) -> Database:
    """A database of each server."""
    found: Database = request.getfixturevalue(f"{request.param}_database")
    return found


def test_a_test_has_an_empty_database_of_its_own_that_keeps_each_character(database: Database) -> None:
    """What a test writes into its database is what it reads, whatever other tests do."""
    database.run("CREATE TABLE texts (t VARCHAR(99)); INSERT INTO texts VALUES ('naïve 🙂 ''quoted''');")
    assert database.run("SELECT t FROM texts;").decode() == "naïve 🙂 'quoted'\n"


def test_the_reader_needs_the_password(database: Database) -> None:
    """A test of passwords can tell a right one from a wrong one."""
    database.run("CREATE TABLE numbers (n INT); INSERT INTO numbers VALUES (7);")
    assert _read(database, PASSWORD) == b"7\n"
    with pytest.raises(RuntimeError, match="password"):
        _read(database, "a wrong one")


def _read(database: Database, password: str) -> bytes:
    client = database.server.program.client(database.server, database.name, READER)
    secrets = [f"PGPASSWORD={password}", f"MYSQL_PWD={password}"]
    return run_quietly(["env", *secrets, *client], "SELECT n FROM numbers;")


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_a_server_ends_with_the_session_that_is_killed(name: str) -> None:
    """A test session that is killed leaves neither a server nor its files."""
    with _session() as session:
        facts = _start(name, session.pid)
        with _watch(facts.keeper) as keeper, _watch(facts.server) as server:
            session.kill()
            assert keeper.ends()
            assert server.ends()
    os.waitpid(facts.keeper, 0)
    assert not Path(facts.folder).exists()


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_a_server_ends_with_the_keeper_that_is_killed(name: str) -> None:
    """No server runs on if the process that would end it is killed."""
    with _session() as session:
        facts = _start(name, session.pid)
        with _watch(facts.server) as server:
            os.kill(facts.keeper, signal.SIGKILL)
            assert server.ends()
        session.kill()
    os.waitpid(facts.keeper, 0)
    shutil.rmtree(facts.folder)


def _session() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)


def _start(name: str, session: int) -> Facts:
    if reason := PROGRAMS[name].missing():
        pytest.skip(reason)
    return start_keeper(name, session)


class _Process:
    """A process that is watched, also one that is not a child."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def ends(self) -> bool:
        """Whether it ends soon."""
        return bool(select.select([self.descriptor], [], [], LONG_SECONDS)[0])


@contextmanager
def _watch(process: int) -> Iterator[_Process]:
    descriptor = os.pidfd_open(process)
    try:
        yield _Process(descriptor)
    finally:
        os.close(descriptor)
