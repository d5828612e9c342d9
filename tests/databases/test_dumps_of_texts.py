"""Texts come out of a dump of a real server as they are in the database, whatever signs they have."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from loader.dialect import Dialect
from loader.errors import SourceError
from loader.sources import open_source
from tests.databases.fixtures import fresh_database
from tests.databases.servers import LOOPBACK, Database, Server, find_postgres, find_program
from tests.databases.texts import make_rows, write_rows
from tests.sources.conftest import texts, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = ("n", "one", "other")
TEXTS = make_rows()
ROWS = [[str(number), *row] for number, row in enumerate(TEXTS)]
QUERY = "SELECT n, one, other FROM texts ORDER BY n"
ESCAPED = Dialect(escape="\\")
UNNAMED = Dialect(columns=NAMES)


@pytest.fixture(scope="module")
def in_postgres(postgres: Server) -> Iterator[Database]:
    """A database with the texts."""
    for database in fresh_database(postgres):
        database.run(write_rows(TEXTS, "convert_from('\\x{}','UTF8')"))
        yield database


@pytest.fixture(scope="module")
def in_mariadb(mariadb: Server) -> Iterator[Database]:
    """A database with the texts."""
    for database in fresh_database(mariadb):
        database.run(write_rows(TEXTS, "CONVERT(x'{}' USING utf8mb4)"))
        yield database


def copy_out(database: Database, options: str, folder: Path) -> Path:
    """What COPY writes to its output."""
    file = folder / "dump.txt"
    file.write_bytes(database.run(f"COPY ({QUERY}) TO STDOUT WITH ({options});"))
    return file


def select_out(database: Database, options: str) -> Path:
    """What SELECT INTO OUTFILE writes."""
    file = database.server.exports / f"{database.name}-{abs(hash(options))}.txt"
    file.unlink(missing_ok=True)
    database.run(f"{QUERY} INTO OUTFILE '{file}' CHARACTER SET utf8mb4 {options};")
    return file


def say(database: Database, *options: str, query: str = QUERY) -> bytes:
    """What the server's own client prints."""
    if database.server.program.scheme == "postgresql":
        command = [str(find_postgres("psql")), "-X", "--username=postgres", f"--dbname={database.name}"]
        query = f"--command={query}"
    else:
        command = [
            str(find_program("mariadb")),
            "--no-defaults",
            "--user=root",
            f"--database={database.name}",
        ]
        query = f"--execute={query}"
    where = [f"--host={LOOPBACK}", f"--port={database.server.port}"]
    return subprocess.run([*command, *where, *options, query], capture_output=True, check=True).stdout


def check_cells(file: Path, dialect: Dialect | None = None, nothing: str | None = None) -> None:
    """Read a file: its cells are those of the database, wherever reading begins."""
    source = open_source([file], dialect=dialect)
    assert source.survey().rows == len(ROWS)
    assert unreadable(source) == {}
    wanted = [[_read_nothing(cell, nothing) for cell in row] for row in ROWS]
    for first in (0, len(ROWS) // 2):
        assert [[cell or None for cell in row] for row in texts(source, first)] == wanted[first:]


def _read_nothing(cell: str | None, nothing: str | None) -> str | None:
    return nothing if cell is None else cell or None


@pytest.mark.parametrize(
    "options",
    [
        "FORMAT csv, HEADER",
        "FORMAT csv, HEADER, FORCE_QUOTE *",
        "FORMAT csv, HEADER, DELIMITER ';'",
        "FORMAT text, HEADER",
    ],
)
def test_copy_is_read_as_it_is(in_postgres: Database, tmp_path: Path, options: str) -> None:
    """Both forms of COPY need no setting if the delimiter is usual and there is a header."""
    check_cells(copy_out(in_postgres, options, tmp_path))


@pytest.mark.parametrize(
    ("options", "dialect"),
    [
        ("FORMAT csv", UNNAMED),
        ("FORMAT text", UNNAMED),
        # A cell over several lines with as many tabs as a row is refused until the quote is given.
        ("FORMAT csv, HEADER, DELIMITER E'\\t'", Dialect(quote='"')),
        ("FORMAT text, HEADER, DELIMITER '|'", ESCAPED),
        ("FORMAT text, HEADER, DELIMITER E'\\x01'", ESCAPED),
        ("FORMAT text, HEADER, NULL ''", ESCAPED),
        ("FORMAT csv, HEADER, FORCE_QUOTE *, ESCAPE '\\'", ESCAPED),
    ],
)
def test_copy_is_read_with_one_setting(
    in_postgres: Database, tmp_path: Path, options: str, dialect: Dialect
) -> None:
    """Names for a file without a header, or the escape; the rest is recognised."""
    check_cells(copy_out(in_postgres, options, tmp_path), dialect)


def test_what_stands_for_null_is_left_to_the_mapping(in_postgres: Database, tmp_path: Path) -> None:
    """In CSV, a cell that is written NULL is this text: the mapping says that it is nothing."""
    check_cells(copy_out(in_postgres, "FORMAT csv, HEADER, NULL 'none'", tmp_path), nothing="none")


def test_the_part_of_a_dump_below_copy_is_read(in_postgres: Database, tmp_path: Path) -> None:
    """The rows that pg_dump writes are those of COPY; only the mark of their end is not a row."""
    program = str(find_postgres("pg_dump"))
    where = [f"--host={LOOPBACK}", f"--port={in_postgres.server.port}", "--username=postgres"]
    command = [program, *where, "--data-only", "--table=texts", in_postgres.name]
    dump = subprocess.run(command, capture_output=True, check=True).stdout
    (tmp_path / "dump.sql").write_bytes(dump)
    with pytest.raises(SourceError, match="is a PostgreSQL dump of SQL statements"):
        open_source([tmp_path / "dump.sql"])
    start = dump.index(b"FROM stdin;\n") + len(b"FROM stdin;\n")
    (tmp_path / "rows.txt").write_bytes(dump[start : dump.index(b"\n\\.\n") + 4])
    source = open_source([tmp_path / "rows.txt"], dialect=UNNAMED)
    assert list(unreadable(source)) == [len(ROWS)]
    assert "punctuation alone" in unreadable(source)[len(ROWS)]
    assert [[cell or None for cell in row] for row in texts(source)[:-1]] == [
        [cell or None for cell in row] for row in ROWS
    ]


def test_psql_writes_csv_on_request_alone(in_postgres: Database, tmp_path: Path) -> None:
    """What psql draws for people is refused, and its advice gives a file that is read."""
    (tmp_path / "drawn.txt").write_bytes(say(in_postgres))
    with pytest.raises(SourceError, match=r"drawn for people: .* Export it with psql --csv"):
        open_source([tmp_path / "drawn.txt"])
    (tmp_path / "dump.csv").write_bytes(say(in_postgres, "--csv"))
    check_cells(tmp_path / "dump.csv")


@pytest.mark.parametrize(
    ("options", "dialect"),
    [
        ("", UNNAMED),
        ("LINES TERMINATED BY '\\r\\n'", ESCAPED.over(UNNAMED)),
        ("FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"'", ESCAPED.over(UNNAMED)),
        ("FIELDS TERMINATED BY ',' ENCLOSED BY '\"'", ESCAPED.over(UNNAMED)),
        (
            "FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' LINES TERMINATED BY '\\r\\n'",
            ESCAPED.over(UNNAMED),
        ),
        ("FIELDS TERMINATED BY ','", Dialect(quote="", escape="\\", columns=NAMES)),
    ],
)
def test_outfile_is_read(in_mariadb: Database, options: str, dialect: Dialect) -> None:
    """The usual form of INTO OUTFILE needs names; another one also the escape."""
    check_cells(select_out(in_mariadb, options), dialect)


def test_tab_of_a_dump_is_read(in_mariadb: Database) -> None:
    """`mysqldump --tab` writes the same form, a file for each table."""
    server = in_mariadb.server
    where = ["--no-defaults", f"--host={LOOPBACK}", f"--port={server.port}", "--user=root"]
    folder = f"--tab={server.exports}"
    command = [str(find_program("mariadb-dump")), *where, folder, "--order-by-primary", in_mariadb.name]
    subprocess.run(command, capture_output=True, check=True)
    check_cells(server.exports / "texts.txt", UNNAMED)


def test_batch_asks_whether_backslashes_escape(in_mariadb: Database, tmp_path: Path) -> None:
    """No cell of `mysql --batch` shows its form for sure, so the loader asks; NULL is left to the mapping."""
    file = tmp_path / "dump.tsv"
    file.write_bytes(say(in_mariadb, "--batch", "--default-character-set=utf8mb4"))
    with pytest.raises(SourceError, match=r"mysql --batch, COPY or Hive wrote it, give --escape '\\'"):
        open_source([file])
    check_cells(file, ESCAPED, nothing="NULL")


@pytest.mark.parametrize(
    ("options", "kind"),
    [(("--table",), "a table drawn with lines"), (("--xml",), "an XML file")],
)
def test_what_mariadb_draws_is_refused(
    in_mariadb: Database, tmp_path: Path, options: tuple[str, ...], kind: str
) -> None:
    """A table for people is refused with its kind, before a cell of it is read."""
    (tmp_path / "dump.txt").write_bytes(say(in_mariadb, *options))
    with pytest.raises(SourceError, match=f"is {kind}"):
        open_source([tmp_path / "dump.txt"])
