"""Queries in warehouses that no test can reach: what their drivers are given."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from loader.errors import ConfigError, SourceError
from loader.queries.database import Database
from loader.queries.engines import bigquery, snowflake

if TYPE_CHECKING:
    from tests.queries.conftest import Ask


class Failure(Exception):
    """What a driver raises."""


def stand_in(monkeypatch: pytest.MonkeyPatch, kind: str, fetch: Any) -> dict[str, Any]:
    """A driver in the place of a warehouse's; what it is given."""
    given: dict[str, Any] = {}

    class Cursor:
        def __enter__(self) -> Cursor:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def execute(self, text: str) -> None:
            given["text"] = text

        def fetch_record_batch(self) -> pa.RecordBatchReader:
            return fetch()

    def connect(db_kwargs: dict[str, str], autocommit: bool) -> Any:
        given.update(db_kwargs)
        return SimpleNamespace(cursor=Cursor, close=lambda: None)

    driver = SimpleNamespace(connect=connect, Error=Failure)
    monkeypatch.setitem(sys.modules, f"adbc_driver_{kind}", SimpleNamespace(dbapi=driver))
    monkeypatch.setitem(sys.modules, f"adbc_driver_{kind}.dbapi", driver)
    return given


def test_a_result_of_snowflake_is_kept(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers keep their digits, and the password comes from the environment alone."""
    table = pa.table({"amount": pa.array(["1.50"]).cast(pa.decimal128(38, 2))})
    given = stand_in(monkeypatch, "snowflake", table.to_reader)
    monkeypatch.setenv("SNOWFLAKE_PASSWORD", "hunter2")
    url = "snowflake://me@acme-eu/shop/public?warehouse=small&role=reader"
    assert ask("SELECT 1", database=url).equals(table)
    assert given == {
        "text": "SELECT 1",
        "username": "me",
        "password": "hunter2",
        "adbc.snowflake.sql.account": "acme-eu",
        "adbc.snowflake.sql.db": "shop",
        "adbc.snowflake.sql.schema": "public",
        "adbc.snowflake.sql.warehouse": "small",
        "adbc.snowflake.sql.role": "reader",
        "adbc.snowflake.sql.client_option.use_high_precision": "true",
    }


def test_what_a_warehouse_says_is_shown_without_the_password(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if it repeats it."""

    def refuse() -> Any:
        raise Failure("authentication failed for me/hunter2")

    stand_in(monkeypatch, "snowflake", refuse)
    monkeypatch.setenv("SNOWFLAKE_PASSWORD", "hunter2")
    with pytest.raises(SourceError, match="authentication failed") as error:
        ask("SELECT 1", database="snowflake://me@acme/shop")
    assert "hunter2" not in str(error.value)
    assert "SNOWFLAKE_PRIVATE_KEY_PATH" in str(error.value)


def test_a_key_file_takes_the_place_of_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables are those of Snowflake's own tools."""
    monkeypatch.setenv("SNOWFLAKE_PRIVATE_KEY_PATH", "/keys/me.p8")
    found = snowflake.read_options(Database.parse("snowflake://me@acme"))
    assert found["adbc.snowflake.sql.auth_type"] == "auth_jwt"
    assert found["adbc.snowflake.sql.client_option.jwt_private_key"] == "/keys/me.p8"
    assert "password" not in found


def test_bigquery_uses_the_default_credentials() -> None:
    """Which its own tools create."""
    found = bigquery.read_options(Database.parse("bigquery://acme-shop/sales"))
    assert found == {
        "adbc.bigquery.sql.project_id": "acme-shop",
        "adbc.bigquery.sql.dataset_id": "sales",
        "adbc.bigquery.sql.auth_type": "adbc.bigquery.sql.auth_type.auth_bigquery",
    }


@pytest.mark.parametrize(
    ("read", "url", "words"),
    [
        (snowflake.read_options, "snowflake:///db", "names no account"),
        (snowflake.read_options, "snowflake://me@acme/db?warehose=small", "warehose is not known"),
        (bigquery.read_options, "bigquery:///sales", "names no project"),
    ],
)
def test_a_url_that_cannot_work_is_refused(read: Any, url: str, words: str) -> None:
    """Before anything is asked."""
    with pytest.raises(ConfigError, match=words):
        read(Database.parse(url))
