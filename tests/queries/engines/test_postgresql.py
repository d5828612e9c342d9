"""Queries in a real PostgreSQL."""

from __future__ import annotations

import datetime as dt
import socket
from typing import TYPE_CHECKING

import pytest

from loader.errors import SourceError, StoreAway
from loader.queries.engines import postgresql
from tests.databases.servers import PASSWORD, READER

if TYPE_CHECKING:
    from tests.databases.servers import Database, Server
    from tests.queries.conftest import Ask


def test_types_arrive_as_they_are(ask: Ask, postgres_database: Database) -> None:
    """A numeric keeps its digits as text, an instant stays that instant, JSON is its text."""
    found = ask(
        """SELECT 12345678901234567890.50::numeric(38, 10) AS n, timestamptz '2024-01-01 00:00+02' AS z,
        timestamp '2024-01-01 10:00' AS t,
        date '2024-02-29' AS d, '{"a": 1}'::jsonb AS j, '\\x00ff'::bytea AS b,
        '00000000-0000-0000-0000-000000000001'::uuid AS u, array['a', NULL] AS l, 'a  '::char(3) AS c,
        '007'::varchar AS id, true AS yes, NULL AS nothing, 2::smallint AS s -- a remark""",
        database=postgres_database.url,
    )
    assert found.to_pylist() == [
        {
            "n": "12345678901234567890.5000000000",
            "z": dt.datetime(2023, 12, 31, 22, tzinfo=dt.UTC),
            "t": dt.datetime(2024, 1, 1, 10),
            "d": dt.date(2024, 2, 29),
            "j": '{"a": 1}',
            "b": b"\x00\xff",
            "u": "00000000-0000-0000-0000-000000000001",
            "l": ["a", None],
            "c": "a  ",
            "id": "007",
            "yes": True,
            "nothing": None,
            "s": 2,
        }
    ]


@pytest.mark.parametrize(
    "value",
    [
        "interval '1 day'",
        "inet '10.0.0.1'",
        "cidr '10.0.0.0/8'",
        "macaddr '08:00:2b:01:02:03'",
        "b'101'",
        "timetz '10:00+02'",
        "point(1, 2)",
        "int4range(1, 3)",
        "1::money",
        "4000000000::oid",
        "row(1, 'a')",
        "'<a/>'::xml",
        "array[inet '10.0.0.1']",
        "array[timestamptz '2024-01-01']",
    ],
)
def test_a_type_without_a_meaning_is_named_with_what_to_write(
    ask: Ask, postgres_database: Database, value: str
) -> None:
    """None comes as bytes or as another number in silence, and the advice works to the letter."""
    with pytest.raises(SourceError) as error:
        ask(f"SELECT 1 AS good, {value} AS bad", database=postgres_database.url)
    assert 'Write (X)::text AS "bad"' in str(error.value)
    found = ask(f'SELECT 1 AS good, ({value})::text AS "bad"', database=postgres_database.url)
    assert isinstance(found["bad"].to_pylist()[0], str)


def test_arrays_of_several_dimensions_are_refused(ask: Ask, postgres_database: Database) -> None:
    """The driver would run their members together."""
    array = "CASE WHEN g = 3 THEN array[[1, 2], [3, 4]] ELSE array[g] END"
    text = f"SELECT g, {array} AS l FROM generate_series(1, 4) g;"
    with pytest.raises(SourceError, match='Row 3, column "l"'):
        ask(text, database=postgres_database.url)
    found = ask(f"SELECT to_json(l)::text AS l FROM ({text[:-1]}) q", database=postgres_database.url)
    assert found["l"].to_pylist()[2] == "[[1,2],[3,4]]"


@pytest.mark.parametrize("value", ["timestamptz 'infinity'", "timestamp '-infinity'", "date 'infinity'"])
def test_an_infinite_time_is_refused_with_its_row(ask: Ask, postgres_database: Database, value: str) -> None:
    """It would otherwise be a year in the distant past."""
    text = f"SELECT {value} AS t"
    with pytest.raises(SourceError, match="Row 1 of the result") as error:
        ask(text, database=postgres_database.url)
    advice = str(error.value).partition("in the query: ")[2].partition(". Nothing")[0]
    assert ask(f"SELECT {advice} FROM ({text}) q", database=postgres_database.url)["t"].null_count == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SELEC 1", 'syntax error at or near "SELEC"\nLINE 1: SELEC 1\n        ^'),
        ("SELECT nope FROM t", 'column "nope" does not exist'),
        ("SELECT 1 AS a; SELECT 2", "cannot insert multiple commands"),
        ("INSERT INTO t VALUES (2) RETURNING id", "read-only transaction"),
        ("WITH d AS (DELETE FROM t RETURNING id) SELECT * FROM d", "read-only transaction"),
        ("DROP TABLE t", "read-only transaction"),
        ("SELECT 1 / (id - id) AS x FROM t", "division by zero"),
        ("SELECT 1 AS a, 2 AS a", 'two columns with the name "a"'),
    ],
)
def test_what_fails_is_told_in_the_servers_words_and_changes_nothing(
    ask: Ask, postgres_database: Database, text: str, words: str
) -> None:
    """With the place in the query; none of the driver's own words and codes."""
    postgres_database.run("CREATE TABLE t (id int); INSERT INTO t VALUES (1);")
    with pytest.raises(SourceError) as error:
        ask(text, database=postgres_database.url)
    assert words in str(error.value)
    assert "SQLSTATE" not in str(error.value)
    assert postgres_database.run("SELECT count(*) FROM t").strip() == b"1"


@pytest.mark.parametrize(
    "text",
    [
        "COPY (SELECT 1) TO '{file}'",
        "/* SELECT */ COPY (SELECT 1) TO PROGRAM 'touch {file}'",
        "ALTER SYSTEM SET work_mem = '5MB'",
        "DO $$ BEGIN EXECUTE $q$COPY (SELECT 1) TO '{file}'$q$; END $$",
    ],
)
def test_what_writes_in_spite_of_a_read_only_transaction_is_not_run(
    ask: Ask, postgres: Server, postgres_database: Database, text: str
) -> None:
    """Not even by a user who may do all of it: the server describes a query before it runs one."""
    settings = postgres.folder / "store" / "postgresql.auto.conf"
    before, file = settings.read_bytes(), postgres.exports / f"{postgres_database.name}.txt"
    with pytest.raises(SourceError, match="was not run"):
        ask(text.format(file=file), database=postgres_database.url)
    assert not file.exists()
    assert settings.read_bytes() == before


def test_no_row_and_many_rows(ask: Ask, postgres_database: Database) -> None:
    """An empty result has its columns; a long one comes in parts."""
    assert ask("SELECT 1 AS a WHERE false", database=postgres_database.url).schema.names == ["a"]
    found = ask("SELECT g AS a FROM generate_series(1, 300000) g", database=postgres_database.url)
    assert found["a"].to_pylist() == list(range(1, 300_001))


def test_a_password_comes_from_the_environment_and_is_never_shown(
    ask: Ask, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong one is told in the server's words, with where it belongs."""
    url = f"postgresql://{READER}@127.0.0.1:{postgres.port}/postgres"
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert ask("SELECT current_user::text AS me", database=url).to_pylist() == [{"me": READER}]
    monkeypatch.setenv("PGPASSWORD", "wrong-one")
    with pytest.raises(SourceError, match="password authentication failed") as error:
        ask("SELECT 1 AS a", database=url)
    assert "PGPASSWORD" in str(error.value)
    assert "wrong-one" not in str(error.value)


def test_nobody_listens(ask: Ask) -> None:
    """A refused connection is no puzzle."""
    with pytest.raises(StoreAway, match="Connection refused"):
        ask("SELECT 1 AS a", database="postgresql://me@127.0.0.1:9/db")


@pytest.mark.parametrize("parameters", ["", "?application_name=loader"])
def test_a_server_that_says_nothing_is_not_waited_for_without_end(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, parameters: str
) -> None:
    """It is as if it did not answer at all."""
    monkeypatch.setattr(postgresql, "CONNECT_SECONDS", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(StoreAway, match="timeout expired"):
            ask("SELECT 1 AS a", database=f"postgresql://me@127.0.0.1:{port}/db{parameters}")
