"""The dumps beside the how-to are what databases write, and are loaded as the how-to says."""

from __future__ import annotations

import json
import runpy
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.conftest import SAMPLES
from tests.databases.servers import LOOPBACK, find_program

if TYPE_CHECKING:
    from tests.conftest import CommandLine
    from tests.databases.servers import Database

FILES: dict[str, bytes] = runpy.run_path(str(SAMPLES / "make_dumps.py"))["FILES"]
QUERY = "SELECT device_id, user_id, event, at, paid, note FROM events ORDER BY device_id"
FILL = """
CREATE TABLE events
    (device_id VARCHAR(9), user_id VARCHAR(99), event VARCHAR(32), at {at}, paid BOOLEAN, note TEXT);
INSERT INTO events VALUES
    ('d1', '9007199254740993', 'purchase', '2024-03-04 21:37:41.5', TRUE, 'say "hi", you'),
    ('d2', NULL, 'open', '2024-07-04 21:37:41', FALSE, NULL),
    ('d3', '00042', 'purchase', '2024-07-04 21:37:42', TRUE, 'two
lines');
"""
NAMED = "--columns device_id,user_id,event,at,paid,note"
OPTIONS = {
    "mysql.tsv": "--zone UTC --escape '\\'",
    "sqlserver.txt": f"{NAMED} --line-end crlf",
    "hive": f"{NAMED} --zone UTC",
}


def test_the_dump_of_postgres_is_what_it_writes(postgres_database: Database) -> None:
    """Byte for byte, by the command of the how-to."""
    postgres_database.run(FILL.format(at="TIMESTAMPTZ"))
    written = postgres_database.run(
        f"SET timezone = 'UTC'; COPY ({QUERY}) TO STDOUT WITH (FORMAT csv, HEADER);"
    )
    assert written == FILES["postgres.csv"]


def test_the_dump_of_mysql_is_what_mariadb_writes(mariadb_database: Database) -> None:
    """Byte for byte, by the command of the how-to."""
    mariadb_database.run(FILL.format(at="TIMESTAMP(1)"))
    where = [f"--host={LOOPBACK}", f"--port={mariadb_database.server.port}", "--user=root"]
    options = ["--batch", "--default-character-set=utf8mb4", "--init-command=SET time_zone = '+00:00'"]
    command = [
        str(find_program("mariadb")),
        "--no-defaults",
        *where,
        *options,
        mariadb_database.name,
        "-e",
        QUERY,
    ]
    assert subprocess.run(command, capture_output=True, check=True).stdout == FILES["mysql.tsv"]


def test_the_dumps_are_those_that_the_script_makes() -> None:
    """Each file, and no other."""
    folder = SAMPLES / "dumps"
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found == FILES


@pytest.mark.parametrize("name", sorted({name.partition("/")[0] for name in FILES}))
def test_each_dump_is_loaded_with_what_map_proposes(command: CommandLine, name: str) -> None:
    """The ids, the instants and the texts are those of the database."""
    options = shlex.split(OPTIONS.get(name, ""))
    file = SAMPLES / "dumps" / name
    assert command.run("map", "events", file, *options, "-o", "m.toml").code == 0
    checked = command.run("check", "events", file, "--mapping", "m.toml")
    lines = [line.strip() for line in checked.out.splitlines() if line.strip().startswith('{"request"')]
    requests = [json.loads(line)["request"] for line in lines]
    assert [request.get("userId") for request in requests] == ["9007199254740993", None, "00042"]
    assert [request["timestampUTC"] for request in requests] == [1709588261, 1720129061, 1720129062]
    texts = [each["attributes"].get("note", each["attributes"].get("NOTE")) for each in requests]
    assert texts == ['say "hi", you', None, "one line" if name == "hive" else "two\nlines"]
