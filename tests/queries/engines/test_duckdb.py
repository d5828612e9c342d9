"""Queries over files: through the loader's own readers, and with nothing else in reach."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import parquet

from loader.dialect import dialect_of
from loader.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.queries.conftest import Ask


def test_cells_of_a_text_file_are_texts_byte_for_byte(ask: Ask, orders: str, devices: str) -> None:
    """Ids keep their zeros and amounts their digits, also through a join."""
    found = ask("SELECT o.*, hwid FROM orders o JOIN d USING (user_id)", orders, f"d={devices}")
    assert sorted(map(tuple, (row.values() for row in found.to_pylist()))) == [
        ("0042", "", "AB01"),
        ("0042", "12.50", "AB01"),
        ("0043", "1", "CD02"),
    ]


def test_a_table_may_be_read_twice(ask: Ask, orders: str) -> None:
    """A join of a table with itself reads it from the start each time."""
    found = ask("SELECT count(*) AS n FROM orders a JOIN orders b USING (user_id)", orders)
    assert found.to_pylist() == [{"n": 5}]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("SELECT user_id FROM orders WHERE amount <> ''", 2),
        ("SELECT DISTINCT user_id FROM orders", 2),
        ("SELECT * FROM orders QUALIFY row_number() OVER (PARTITION BY user_id) = 1", 2),
        ("FROM orders", 3),
        ("WITH a AS (SELECT 1 AS x) SELECT * FROM a -- a remark", 1),
        ("SELECT * FROM orders WHERE false", 0),
        ("PIVOT orders ON user_id USING count(*)", 3),
    ],
)
def test_filters_duplicates_and_windows(ask: Ask, orders: str, text: str, rows: int) -> None:
    """What SQL is for; no row is an answer too."""
    assert ask(text, orders).num_rows == rows


def test_text_files_are_read_as_the_options_say(ask: Ask, tmp_path: Path) -> None:
    """A delimiter, for example, is for every text file of the query."""
    (tmp_path / "a.txt").write_bytes("id;name\n1;Zoë\n".encode("latin-1"))
    dialect = dialect_of({"delimiter": ";", "encoding": "latin-1", "input_format": "csv"})
    assert ask("FROM a", str(tmp_path / "a.txt"), dialect=dialect).to_pylist() == [{"id": "1", "name": "Zoë"}]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM read_text('{secret}')",
        "SELECT * FROM read_csv('{secret}')",
        "SELECT * FROM '{secret}'",
        "SELECT * FROM glob('{folder}/*')",
        "SELECT * FROM read_csv('https://127.0.0.1:9/x.csv')",
        "SELECT * FROM monkey",
    ],
)
def test_a_query_reads_nothing_but_its_tables(ask: Ask, orders: str, tmp_path: Path, text: str) -> None:
    """No other file, no address, and no variable of the program that runs it."""
    monkey = pa.table({"x": ["secret"]})
    (tmp_path / "secret.csv").write_text("a\nsecret\n")
    with pytest.raises(SourceError) as error:
        ask(text.format(secret=tmp_path / "secret.csv", folder=tmp_path), orders)
    assert "NAME=PATH" in str(error.value) or "The tables of this query are orders" in str(error.value)
    assert monkey.num_rows == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("INSERT INTO orders VALUES (1, 2)", "is INSERT, and not a SELECT"),
        ("DELETE FROM orders", "is DELETE"),
        ("COPY orders TO 'x.csv'", "is COPY"),
        ("ATTACH 'x.db'", "is ATTACH"),
        ("SET memory_limit = '9GB'", "is SET"),
        ("SELECT 1; SELECT 2", "2 statements"),
        ("-- nothing", "no statements"),
        ("SELEC 1", 'syntax error at or near "SELEC"'),
        ("SELECT nope FROM orders", '"nope" not found'),
    ],
)
def test_what_is_not_one_select_is_refused_in_words_that_say_where(
    ask: Ask, orders: str, tmp_path: Path, text: str, words: str
) -> None:
    """DuckDB's own words and the place, and nothing is left behind."""
    with pytest.raises(SourceError) as error:
        ask(text, orders)
    assert words in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["orders.csv"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SELECT * FROM orders WHERE amount > 5", "Cells of text files are texts"),
        ("SELECT sum(amount) AS total FROM orders", "Cells of text files are texts"),
        ("SELECT * FROM 2024 orders", 'The tables of this query are orders, "2024 orders".'),
        ("SELECT * FROM ordres", 'The tables of this query are orders, "2024 orders".'),
    ],
)
def test_usual_mistakes_are_told_with_a_way_out(ask: Ask, orders: str, text: str, words: str) -> None:
    """What a text file and its name are in SQL is not known to everyone."""
    with pytest.raises(SourceError) as error:
        ask(text, orders, f"2024 orders={orders}")
    assert words in str(error.value)
    found = ask(
        "SELECT sum(CAST(amount AS DECIMAL(18, 2))) AS total FROM \"2024 orders\" WHERE amount <> ''",
        f"2024 orders={orders}",
    )
    assert found["total"].to_pylist() == [Decimal("13.50")]


def test_types_arrive_as_they_are(ask: Ask) -> None:
    """A decimal stays exact, an instant stays that instant, and a UUID is its text."""
    found = ask(
        """SELECT 12345678901234567890.0123456789::DECIMAL(38, 10) AS d, 10::HUGEINT AS h,
        TIMESTAMPTZ '2024-01-01 00:00:00+02' AS z, '00000000-0000-0000-0000-000000000001'::UUID AS u,
        'a'::ENUM ('a', 'b') AS e, [1, 2] AS l, '{"a": 1}'::JSON AS j, NULL AS n, DATE '2024-02-29' AS day"""
    )
    assert found.to_pylist() == [
        {
            "d": Decimal("12345678901234567890.0123456789"),
            "h": Decimal(10),
            "z": dt.datetime(2023, 12, 31, 22, tzinfo=dt.UTC),
            "u": "00000000-0000-0000-0000-000000000001",
            "e": "a",
            "l": [1, 2],
            "j": '{"a": 1}',
            "n": None,
            "day": dt.date(2024, 2, 29),
        }
    ]


@pytest.mark.parametrize(
    "value",
    [
        "INTERVAL 1 DAY",
        "'101'::BIT",
        "TIMETZ '10:00:00+02'",
        "union_value(x := 1)",
        "1::BIGNUM",
        "{'a': INTERVAL 1 DAY}",
        "[DATE '2024-01-01']",
    ],
)
def test_a_type_without_a_meaning_is_named_with_what_to_write(ask: Ask, value: str) -> None:
    """The advice works when followed to the letter."""
    with pytest.raises(SourceError) as error:
        ask(f"SELECT 1 AS good, {value} AS bad")
    assert 'Write CAST(X AS VARCHAR) AS "bad"' in str(error.value)
    assert "good" not in str(error.value)
    found = ask(f'SELECT 1 AS good, CAST({value} AS VARCHAR) AS "bad"')
    assert pa.types.is_string(found.schema.field("bad").type)


@pytest.mark.parametrize("value", ["TIMESTAMP 'infinity'", "DATE '-infinity'", "TIMESTAMPTZ 'infinity'"])
def test_an_infinite_time_is_refused_with_its_row(ask: Ask, value: str) -> None:
    """It would otherwise be sent as a year that nobody meant; the advice makes it empty."""
    text = f"SELECT CASE WHEN i = 2 THEN {value} ELSE DATE '2024-01-01' END AS t FROM range(3) r(i)"
    with pytest.raises(SourceError, match="Row 3 of the result") as error:
        ask(text)
    advice = str(error.value).partition("in the query: ")[2].partition(". Nothing")[0]
    assert ask(f"SELECT {advice} FROM ({text})")["t"].null_count == 1


def test_columns_of_one_name_are_refused(ask: Ask, orders: str, devices: str) -> None:
    """A star over two tables often has them; a made-up name would surprise later."""
    with pytest.raises(SourceError, match='two columns with the name "user_id", 1 and 3'):
        ask("SELECT * FROM orders o, devices d", orders, devices)


def test_ten_thousand_columns(ask: Ask) -> None:
    """A wide result is no other case."""
    found = ask("SELECT " + ", ".join(f"{number} AS c{number}" for number in range(10_000)))
    assert (found.num_columns, found.num_rows) == (10_000, 1)


def test_a_row_that_cannot_be_read_stops_the_query(ask: Ask, tmp_path: Path) -> None:
    """A load would reject the row; in a query it would be lost in silence."""
    (tmp_path / "bad.csv").write_text('a,b\n1,2\n3\n4,"5"\n')
    with pytest.raises(SourceError, match=r"bad\.csv, row 2: .* none is left out in silence"):
        ask("SELECT count(*) AS n FROM bad", str(tmp_path / "bad.csv"))


def test_a_file_that_is_damaged_further_on_is_told_in_its_readers_words(ask: Ask, tmp_path: Path) -> None:
    """Not in those of the engine, which only sees that a stream ended."""
    table = pa.table({"a": pa.array([str(row) * 20 for row in range(200_000)])})
    path = tmp_path / "cut.parquet"
    parquet.write_table(table, path, compression="none", use_dictionary=False)
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2 : len(whole) // 2 + 4000] = b"\xff" * 4000
    path.write_bytes(bytes(whole))
    with pytest.raises(SourceError, match=r"cut\.parquet: row group 1 of 1 is damaged"):
        ask("SELECT max(a) AS a FROM cut", str(path))


def test_files_of_one_table_lose_no_digit(ask: Ask, tmp_path: Path) -> None:
    """Numbers of two widths go together if they can; otherwise the user decides."""
    parquet.write_table(pa.table({"id": [2**53 + 1]}), tmp_path / "a.parquet")
    parquet.write_table(pa.table({"id": [1.5]}), tmp_path / "b.parquet")
    with pytest.raises(SourceError, match=r"a\.parquet: its columns cannot be had"):
        ask("FROM t", f"t={tmp_path}/*.parquet")
    parquet.write_table(pa.table({"id": [7]}), tmp_path / "a.parquet")
    assert ask("FROM t ORDER BY id", f"t={tmp_path}/?.parquet")["id"].to_pylist() == [1.5, 7.0]


def test_more_than_fits_the_memory_is_sorted_on_disk(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is kept by writing to the folder beside the checkpoint, which is gone afterwards."""
    text = "SELECT repeat(md5(i::VARCHAR), 4) AS x FROM range(500000) r(i) ORDER BY x"
    monkeypatch.setenv("PUSHWOOSH_QUERY_MEMORY", "60MB")
    cells = ask(text)["x"].combine_chunks()
    assert pc.all(pc.less_equal(cells[:-1], cells[1:])).as_py()
    monkeypatch.setenv("PUSHWOOSH_QUERY_MEMORY", "9MB")
    with pytest.raises(SourceError, match="or what PUSHWOOSH_QUERY_MEMORY says"):
        ask(text)


def test_a_duckdb_file_is_read_only(ask: Ask, tmp_path: Path) -> None:
    """A query in a file of DuckDB's own changes nothing in it."""
    import duckdb  # noqa: PLC0415 - only here

    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute("CREATE TABLE t AS SELECT '007' AS id")
    assert ask("FROM t", database="duckdb:///w.duckdb").to_pylist() == [{"id": "007"}]
    with pytest.raises(SourceError, match="is DELETE"):
        ask("DELETE FROM t", database="duckdb:///w.duckdb")


def test_a_missing_package_names_the_extra(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """One command away from working."""
    import sys  # noqa: PLC0415 - only here

    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(ConfigError) as error:
        ask("SELECT 1 AS a")
    assert "pip install 'pushwoosh-loader[sql]'" in str(error.value)
