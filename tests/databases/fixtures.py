"""The servers as fixtures: one of each for a whole test session, with all its workers; none if nobody asks.

A test takes `postgres_database` or `mariadb_database`, which is empty and its own, or `postgres` or `mariadb`
if it needs the server. Without the Debian package such a test is skipped, and says so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from tests.databases.keeper import Facts
from tests.databases.servers import PROGRAMS, Database, Server, names

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent
_NAMES = names()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A running PostgreSQL."""
    return find_server("postgres", tmp_path_factory)


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A running MariaDB."""
    return find_server("mariadb", tmp_path_factory)


@pytest.fixture
def postgres_database(postgres: Server) -> Iterator[Database]:
    """An empty database in PostgreSQL."""
    yield from fresh_database(postgres)


@pytest.fixture
def mariadb_database(mariadb: Server) -> Iterator[Database]:
    """An empty database in MariaDB."""
    yield from fresh_database(mariadb)


def fresh_database(server: Server) -> Iterator[Database]:
    """An empty database, dropped at the end."""
    database = Database(server, next(_NAMES))
    server.run(server.program.create(database.name))
    yield database
    server.run(server.program.drop(database.name))


def find_server(name: str, factory: pytest.TempPathFactory) -> Server:
    """The session's server; whoever comes first starts it."""
    reason = PROGRAMS[name].missing()
    if reason:
        pytest.skip(reason)
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    base = factory.getbasetemp()
    shared, session = (base.parent, os.getppid()) if is_worker else (base, os.getpid())
    note = shared / f"{name}.json"
    with FileLock(shared / f"{name}.lock"):
        if not note.exists():
            note.write_text(json.dumps(start_keeper(name, session)))
    facts = Facts(*json.loads(note.read_text()))
    return Server(PROGRAMS[name], Path(facts.folder), facts.port)


def start_keeper(name: str, session: int) -> Facts:
    """Start a server that lives until the process `session` has ended."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.databases.keeper", name, str(session)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C in the terminal is for the tests
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        told = process.stdout.readline()
        if not told:
            raise RuntimeError(process.stderr.read())
    process.returncode = 0  # it outlives this process, which does not wait for it
    return Facts(**json.loads(told))
