"""Queries in a real MariaDB."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from loader.errors import ConfigError, SourceError, StoreAway
from tests.databases.servers import PASSWORD, READER

if TYPE_CHECKING:
    from pathlib import Path

    from tests.databases.servers import Database, Server
    from tests.queries.conftest import Ask


def test_types_arrive_as_they_are(ask: Ask, mariadb_database: Database) -> None:
    """A decimal stays exact, an instant stays that instant, zeros that fill a number stay."""
    mariadb_database.run(
        """CREATE TABLE t (id INT, z INT(5) ZEROFILL, u BIGINT UNSIGNED, n DECIMAL(38, 10), ti TINYINT(1),
        d DATE, dt DATETIME(6), ts TIMESTAMP(3) NULL, e ENUM('a', 'b'), s SET('x', 'y'), j JSON, bl BLOB,
        tx TEXT, f FLOAT);
        SET time_zone = '+02:00';
        INSERT INTO t VALUES (1, 42, 18446744073709551615, 12345678901234567890.0123456789, 1, '2024-02-29',
        '2024-02-29 10:00:00.123456', '2024-02-29 10:00:00.123', 'a', 'x,y', '{"a": 1}', x'00ff', 'Zoë', 1.1);
        INSERT INTO t (id) VALUES (2);"""
    )
    found = ask("SELECT * FROM t ORDER BY id;", database=mariadb_database.url)
    assert found.to_pylist() == [
        {
            "id": 1,
            "z": "00042",
            "u": 2**64 - 1,
            "n": Decimal("12345678901234567890.0123456789"),
            "ti": 1,
            "d": dt.date(2024, 2, 29),
            "dt": dt.datetime(2024, 2, 29, 10, 0, 0, 123456),
            "ts": dt.datetime(2024, 2, 29, 8, 0, 0, 123000, tzinfo=dt.UTC),
            "e": "a",
            "s": "x,y",
            "j": '{"a": 1}',
            "bl": b"\x00\xff",
            "tx": "Zoë",
            "f": 1.1,
        },
        {"id": 2} | dict.fromkeys(found.schema.names[1:]),
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("b'101'", "BIN({0})"),
        ("CAST('10:00' AS TIME)", "CAST({0} AS CHAR)"),
        ("POINT(1, 2)", "ST_AsText({0})"),
    ],
)
def test_a_type_without_a_meaning_is_named_with_what_to_write(
    ask: Ask, mariadb_database: Database, value: str, text: str
) -> None:
    """The advice works when followed to the letter."""
    kind = {"b": "BIT(3)", "C": "TIME", "P": "POINT"}[value[0]]
    mariadb_database.run(f"CREATE TABLE t (bad {kind}); INSERT INTO t VALUES ({value});")
    with pytest.raises(SourceError) as error:
        ask("SELECT bad FROM t", database=mariadb_database.url)
    assert f'Write {text.format("X")} AS "bad"' in str(error.value)
    found = ask(f"SELECT {text.format('bad')} AS bad FROM t", database=mariadb_database.url)
    assert isinstance(found["bad"].to_pylist()[0], str)


@pytest.mark.parametrize("zero", ["0000-00-00", "2024-00-15", "2024-01-00"])
@pytest.mark.parametrize("kind", ["DATE", "DATETIME"])
def test_a_date_of_zeros_is_refused_with_its_row(
    ask: Ask, mariadb_database: Database, zero: str, kind: str
) -> None:
    """It is not a date; the advice makes it empty."""
    mariadb_database.run(
        f"SET sql_mode = ''; CREATE TABLE t (id INT, d {kind});"
        f"INSERT INTO t VALUES (1, '2024-01-01'), (2, '{zero}');"
    )
    with pytest.raises(SourceError, match='Row 2 of the result, column "d"') as error:
        ask("SELECT id, d FROM t ORDER BY id", database=mariadb_database.url)
    advice = str(error.value).partition("in the query: ")[2].partition(". Nothing")[0]
    found = ask(f"SELECT {advice} FROM t ORDER BY id", database=mariadb_database.url)
    assert [cell is None for cell in found["d"].to_pylist()] == [False, True]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SELECT FROM t", "near 'FROM t'"),
        ("SELECT nope FROM t", "Unknown column 'nope'"),
        ("SELECT 1 AS a; SELECT 2", "near 'SELECT 2'"),
        ("SELECT w()", "READ ONLY"),
        ("SELECT 1 AS a, 2 AS a", 'two columns with the name "a"'),
    ],
)
def test_what_fails_is_told_in_the_servers_words_and_changes_nothing(
    ask: Ask, mariadb_database: Database, text: str, words: str
) -> None:
    """A query only reads."""
    mariadb_database.run(
        "CREATE TABLE t (id INT); INSERT INTO t VALUES (1);\nDELIMITER //\n"
        "CREATE FUNCTION w() RETURNS INT BEGIN INSERT INTO t VALUES (2); RETURN 1; END//"
    )
    with pytest.raises(SourceError) as error:
        ask(text, database=mariadb_database.url)
    assert words in str(error.value)
    assert mariadb_database.run("SELECT count(*) FROM t").strip() == b"1"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("SELEC 1", "begins with SELEC"),
        ("INSERT INTO t VALUES (2)", "begins with INSERT"),
        ("DELETE FROM t", "begins with DELETE"),
        ("SET GLOBAL max_connections = 1", "begins with SET"),
        ("SELECT 1 INTO OUTFILE '{file}'", "write a file"),
        ("select id from t limit 1\ninto  /* so */ dumpfile '{file}'", "write a file"),
        ("/*!50000 SET GLOBAL max_connections = 1 */", "comment that is run"),
        ("SELECT 1 /*M! INTO OUTFILE '{file}' */", "comment that is run"),
        (r"SELECT '\'', 1 INTO OUTFILE '{file}' -- '", "write a file"),
    ],
)
def test_a_statement_that_writes_is_not_run(
    ask: Ask, mariadb_database: Database, text: str, why: str
) -> None:
    """Not even if the account may, and a read-only transaction lets it through."""
    mariadb_database.run("CREATE TABLE t (id INT); INSERT INTO t VALUES (1);")
    file = mariadb_database.server.exports / f"{mariadb_database.name}.txt"
    with pytest.raises(SourceError, match=f"was not run: .*{why}"):
        ask(text.replace("{file}", str(file)), database=mariadb_database.url)
    assert mariadb_database.run("SELECT count(*), @@max_connections > 1 FROM t").split() == [b"1", b"1"]
    assert not file.exists()


@pytest.mark.parametrize(
    "text",
    [
        "-- so\n# so\n/* so */ (SELECT 1 AS a) UNION SELECT 2",
        "SELECT 'INTO OUTFILE ''x''' AS a, \"/*!\" AS `into outfile`",
        r"SELECT 'it\'s -- /*! ' AS a",
        "WITH t AS (SELECT 1 AS a) SELECT * FROM t",
        "VALUES (1), (2)",
        "SHOW DATABASES",
    ],
)
def test_what_only_reads_is_run_whatever_its_texts_say(
    ask: Ask, mariadb_database: Database, text: str
) -> None:
    """Words in texts, names and comments are not taken for statements."""
    assert ask(text, database=mariadb_database.url).num_rows


def test_many_rows_come_in_parts(ask: Ask, mariadb_database: Database) -> None:
    """More than are fetched at a time; a percent sign means nothing."""
    found = ask("SELECT seq AS a, 'x%s' AS b FROM seq_1_to_50000", database=mariadb_database.url)
    assert found["a"].to_pylist() == list(range(1, 50_001))
    assert set(found["b"].to_pylist()) == {"x%s"}


@pytest.mark.parametrize("place", ["environment", "file"])
def test_a_password_comes_from_where_the_servers_own_tools_take_it(
    ask: Ask, mariadb: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str
) -> None:
    """A wrong one is told in the server's words, and never shown."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("MYSQL_PWD", raising=False)
    url = f"mariadb://{READER}@127.0.0.1:{mariadb.port}/mysql"
    for password in (PASSWORD, "wrong-one"):
        if place == "environment":
            monkeypatch.setenv("MYSQL_PWD", password)
        else:
            (tmp_path / ".my.cnf").write_text(f'[client]\npassword = "{password}"\n')
        if password == PASSWORD:
            assert ask("SELECT 1 AS a", database=url).num_rows == 1
            continue
        with pytest.raises(SourceError, match="Access denied") as error:
            ask("SELECT 1 AS a", database=url)
        assert "MYSQL_PWD" in str(error.value)
        assert "wrong-one" not in str(error.value)


def test_a_parameter_that_is_not_known_is_refused(ask: Ask) -> None:
    """It would be ignored in silence otherwise."""
    with pytest.raises(ConfigError, match="foo is not known"):
        ask("SELECT 1", database="mysql://me@127.0.0.1/db?foo=1")


def test_nobody_listens(ask: Ask) -> None:
    """It may be otherwise later, so the exit code is not that of a mistake."""
    with pytest.raises(StoreAway, match="The same command runs the query again"):
        ask("SELECT 1 AS a", database="mysql://me@127.0.0.1:9/db")
