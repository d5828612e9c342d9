"""A PostgreSQL and a MariaDB of Debian's packages, and how a test talks to a running one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Servers refuse to run as root, so root starts them as this user.
UNPRIVILEGED = "nobody"
LOOPBACK = "127.0.0.1"
#: A user who needs the password, and may read everything. The other one of each server needs none.
READER, PASSWORD = "reader", "p@ss: w/ord"
_PATIENCE_SECONDS = 60.0


class Program(Protocol):
    """A database server that is not running yet.

    Attributes:
        package: the Debian package that has it.
        ready: what it writes to its error output once it takes connections.
        end: the signal that ends it at once, with nothing left behind.
        administrator: the user that needs no password.
        scheme: of its addresses.
    """

    package: str
    ready: bytes
    end: signal.Signals
    administrator: str
    scheme: str

    def missing(self) -> str | None:
        """Why it cannot be started on this machine; None if it can."""

    def prepare(self, folder: Path) -> list[str]:
        """The command that makes its empty store in a folder."""

    def serve(self, folder: Path, port: int) -> list[str]:
        """The command that serves that store on a port of loopback, in the foreground."""

    def configure(self, folder: Path) -> None:
        """Write what it reads when it starts."""

    def welcome(self) -> str:
        """The statements that create the reader."""

    def client(self, running: Server, database: str, user: str) -> list[str]:
        """Its own client, which reads statements from its input and writes rows without a header."""

    def create(self, name: str) -> str:
        """The statement that creates a database whose texts are UTF-8."""

    def drop(self, name: str) -> str:
        """The statement that deletes a database."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server.

    Attributes:
        program: which.
        folder: of its store and its socket; in `exports` everyone may write.
        port: on loopback.
    """

    program: Program
    folder: Path
    port: int

    @property
    def exports(self) -> Path:
        """The folder for files that the server itself writes."""
        return self.folder / "exports"

    def url(self, database: str = "", user: str | None = None) -> str:
        """The address of a database, without a password."""
        return (
            f"{self.program.scheme}://{user or self.program.administrator}@{LOOPBACK}:{self.port}/{database}"
        )

    def run(self, statements: str, database: str = "") -> bytes:
        """Run statements with the server's own client; what it prints."""
        return run_quietly(self.program.client(self, database, self.program.administrator), statements)


@dataclass(frozen=True, slots=True)
class Database:
    """A database of its own for one test."""

    server: Server
    name: str

    @property
    def url(self) -> str:
        """Its address, for a user who needs no password."""
        return self.server.url(self.name)

    def run(self, statements: str) -> bytes:
        """Run statements with the server's own client; what it prints."""
        return self.server.run(statements, self.name)


class Postgres:
    """PostgreSQL."""

    package = "postgresql"
    ready = b"ready to accept connections"
    end = signal.SIGQUIT
    administrator = "postgres"
    scheme = "postgresql"

    def missing(self) -> str | None:
        """Why it cannot be started."""
        return _missing(
            self.package, find_postgres("initdb"), find_postgres("postgres"), find_postgres("psql")
        )

    def prepare(self, folder: Path) -> list[str]:
        """The store: no locale, so that the machine's does not matter."""
        options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
        return [_found(find_postgres("initdb")), f"--pgdata={folder / 'store'}", *options]

    def serve(self, folder: Path, port: int) -> list[str]:
        """Serve, fast and forgetful."""
        settings = [
            f"listen_addresses={LOOPBACK}",
            f"unix_socket_directories={folder}",
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
            "shared_buffers=32MB",
            "autovacuum=off",
            "timezone=UTC",
        ]
        options = [word for setting in settings for word in ("-c", setting)]
        return [_found(find_postgres("postgres")), "-D", str(folder / "store"), "-p", str(port), *options]

    def configure(self, folder: Path) -> None:
        """The reader needs the password; the rest of the file lets everyone in."""
        file = folder / "store" / "pg_hba.conf"
        file.write_text(f"host all {READER} {LOOPBACK}/32 scram-sha-256\n" + file.read_text())

    def welcome(self) -> str:
        """The reader."""
        return f"CREATE ROLE {READER} LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_read_all_data;"

    def client(self, running: Server, database: str, user: str) -> list[str]:
        """Psql."""
        options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]
        where = [f"--host={LOOPBACK}", f"--port={running.port}", f"--username={user}"]
        return [_found(find_postgres("psql")), *options, *where, f"--dbname={database or 'postgres'}"]

    def create(self, name: str) -> str:
        """From the template that nobody is connected to."""
        return f"CREATE DATABASE {name} TEMPLATE template0;"

    def drop(self, name: str) -> str:
        """Also if a client is still connected."""
        return f"DROP DATABASE {name} WITH (FORCE);"


class MariaDB:
    """MariaDB."""

    package = "mariadb-server"
    ready = b"ready for connections"
    end = signal.SIGKILL
    administrator = "root"
    scheme = "mysql"

    def missing(self) -> str | None:
        """Why it cannot be started."""
        names = ("mariadb-install-db", "mariadbd", "mariadb", "mariadb-dump")
        return _missing(self.package, *map(find_program, names))

    def prepare(self, folder: Path) -> list[str]:
        """The store; the password-less administrator may come over TCP too."""
        own = ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]
        return [_found(find_program("mariadb-install-db")), "--no-defaults", *self._store(folder), *own]

    def serve(self, folder: Path, port: int) -> list[str]:
        """Serve, fast and forgetful."""
        options = [
            f"--bind-address={LOOPBACK}",
            f"--port={port}",
            f"--socket={folder / 'socket'}",
            f"--pid-file={folder / 'pid'}",
            "--skip-name-resolve",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-doublewrite=0",
            "--character-set-server=utf8mb4",
            "--default-time-zone=+00:00",
        ]
        return [_found(find_program("mariadbd")), "--no-defaults", *self._store(folder), *options]

    def _store(self, folder: Path) -> list[str]:
        small = ["--innodb-buffer-pool-size=32M", "--innodb-log-file-size=8M", "--innodb-flush-method=nosync"]
        return [f"--datadir={folder / 'store'}", "--aria-log-file-size=8M", *small]

    def configure(self, folder: Path) -> None:
        """Nothing: the options are all."""

    def welcome(self) -> str:
        """The reader."""
        return f"CREATE USER {READER}@'%' IDENTIFIED BY '{PASSWORD}'; GRANT SELECT ON *.* TO {READER}@'%';"

    def client(self, running: Server, database: str, user: str) -> list[str]:
        """Its client."""
        where = [f"--host={LOOPBACK}", f"--port={running.port}", f"--user={user}"]
        options = [
            "--no-defaults",
            *where,
            "--batch",
            "--skip-column-names",
            "--default-character-set=utf8mb4",
        ]
        return [_found(find_program("mariadb")), *options, *([database] if database else [])]

    def create(self, name: str) -> str:
        """In the server's own character set."""
        return f"CREATE DATABASE {name};"

    def drop(self, name: str) -> str:
        """Also if a client is still connected."""
        return f"DROP DATABASE {name};"


PROGRAMS: dict[str, Program] = {"postgres": Postgres(), "mariadb": MariaDB()}


def find_postgres(name: str) -> str | None:
    """The program of the newest PostgreSQL: Debian keeps those of a server outside the usual path."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    return next((str(folder / name) for folder in reversed(folders) if (folder / name).exists()), None) or (
        find_program(name)
    )


def find_program(name: str) -> str | None:
    """A program, also one for administrators."""
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")


def run_quietly(command: list[str], typed: str = "") -> bytes:
    """Run a command to its end; its output, or what it says if it fails."""
    ran = subprocess.run(
        command, input=typed.encode(), capture_output=True, timeout=_PATIENCE_SECONDS, check=False
    )
    if ran.returncode:
        raise RuntimeError(f"{Path(command[0]).name} ended with {ran.returncode}: {ran.stderr.decode()}")
    return ran.stdout


def as_unprivileged(command: list[str], end: signal.Signals | None = None) -> list[str]:
    """The command as the user who may run a server, ended by the signal if whoever starts it dies."""
    words = ["setpriv"]
    if os.getuid() == 0:
        words += [f"--reuid={UNPRIVILEGED}", "--regid=nogroup", "--clear-groups"]
    if end is not None:
        words.append(f"--pdeathsig={end.name.removeprefix('SIG')}")
    return [*words, *command] if len(words) > 1 else command


def _missing(package: str, *programs: str | None) -> str | None:
    if sys.platform != "linux":
        return "servers are started on Linux only"
    return (
        None if all((*programs, shutil.which("setpriv"))) else f"Debian's package {package} is not installed"
    )


def _found(program: str | None) -> str:
    assert program is not None, "whoever starts it has asked for what is missing"
    return program


def names() -> Iterator[str]:
    """Names of databases."""
    number = 0
    while True:
        number += 1
        yield f"t{os.getpid()}_{number}"
