"""Queries in SQLite, whose cells have types of their own."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from loader.errors import SourceError
from loader.queries.engines import rows

if TYPE_CHECKING:
    from pathlib import Path

    from tests.queries.conftest import Ask

DATABASE = "sqlite:///a.db"
#: SQLAlchemy's own way to the same file: what is true of any database that it knows.
WAYS = [DATABASE, "sqlite+pysqlite:///a.db"]


@pytest.fixture(autouse=True)
def _filled(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        connection.execute("CREATE TABLE t (id, number NUMERIC, fraction REAL, mixed, bytes BLOB)")
        values = [
            (f"00{row}", row if row < 40 else row + 0.5, row / 10, row if row % 2 else "x", b"\x00\xff")
            for row in range(50)
        ]
        connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", values)
        connection.commit()


@pytest.mark.parametrize("database", WAYS)
@pytest.mark.parametrize("size", [7, 8192])
def test_a_cell_does_not_depend_on_the_part_in_which_it_stands(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, database: str, size: int
) -> None:
    """Whole numbers and fractions of one column are texts, from the first row on."""
    monkeypatch.setattr(rows, "_ROWS", size)
    found = ask("SELECT * FROM t ORDER BY id DESC", database=database)
    first, last = found.to_pylist()[-1], found.to_pylist()[0]
    assert [first[name] for name in ("id", "number", "fraction", "mixed")] == ["000", "0", 0.0, "x"]
    assert [last[name] for name in ("id", "number", "fraction")] == ["009", "9", 0.9]
    assert "40.5" in found["number"].to_pylist()
    assert found["bytes"].to_pylist() == [b"\x00\xff"] * 50


@pytest.mark.parametrize("database", WAYS)
def test_no_digit_of_an_id_is_lost_beside_a_fraction(ask: Ask, database: str) -> None:
    """As numbers of one column they would be floats, which do not tell these neighbours apart."""
    found = ask("SELECT 9007199254740993 AS id UNION ALL SELECT 1.5 UNION ALL SELECT NULL", database=database)
    assert found["id"].to_pylist() == ["9007199254740993", "1.5", None]


@pytest.mark.parametrize("database", WAYS)
def test_signs_that_drivers_replace_mean_nothing(ask: Ask, database: str) -> None:
    """A percent sign and a colon are what they are."""
    found = ask("SELECT ':a %s' AS a, 'b%' AS b FROM t WHERE id LIKE '00%' LIMIT 1", database=database)
    assert found.to_pylist() == [{"a": ":a %s", "b": "b%"}]


@pytest.mark.parametrize("database", WAYS)
def test_bytes_beside_numbers_are_refused(ask: Ask, database: str) -> None:
    """They have no form in common; the error says what to write."""
    with pytest.raises(SourceError, match=r"holds bytes and integer.*hex"):
        ask("SELECT x'00ff' AS b UNION ALL SELECT 1", database=database)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("DELETE FROM t", "readonly database"),
        ("SELECT 1; SELECT 2", "one statement"),
        ("SELEC 1", 'near "SELEC": syntax error'),
        ("SELECT nope FROM t", "no such column: nope"),
        ("BEGIN", "gives no rows"),
        ("SELECT id, id FROM t", 'two columns with the name "id"'),
    ],
)
def test_a_query_only_reads(ask: Ask, tmp_path: Path, text: str, words: str) -> None:
    """What changes something is refused in SQLite's own words, and changes nothing."""
    with pytest.raises(SourceError) as error:
        ask(text, database=DATABASE)
    assert words in str(error.value)
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (50,)


@pytest.mark.parametrize("text", ["VACUUM INTO 'new.db'", "ATTACH 'new.db' AS n", "ATTACH 'other.db' AS n"])
def test_a_query_reaches_no_other_file(ask: Ask, tmp_path: Path, text: str) -> None:
    """It can neither create one nor look into one."""
    (tmp_path / "other.db").touch()
    with pytest.raises(SourceError, match=r"authoriz\w+.*\nA query only reads"):
        ask(text, database=DATABASE)
    assert not (tmp_path / "new.db").exists()


def test_a_statement_that_changes_is_undone_by_sqlalchemy(ask: Ask, tmp_path: Path) -> None:
    """What SQLAlchemy cannot forbid, it takes back."""
    with pytest.raises(SourceError, match="gives no rows"):
        ask("DELETE FROM t", database=WAYS[1])
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (50,)


def test_no_row_and_a_missing_file(ask: Ask) -> None:
    """An empty result is one; a file that is not there is never created."""
    assert ask("SELECT id FROM t WHERE 0", database=DATABASE).num_rows == 0
    with pytest.raises(SourceError, match=r"nope\.db: there is no such file"):
        ask("SELECT 1 AS a", database="sqlite:///nope.db")
