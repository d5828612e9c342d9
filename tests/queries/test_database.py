"""A database by its URL, without a password."""

from __future__ import annotations

import pytest

from loader.errors import ConfigError
from loader.queries.database import Database

SECRET = "hunter2"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{SECRET}@host/db",
        f"postgresql://host/db?user=me&password={SECRET}",
        f"mysql://me:{SECRET}@host/db",
        f"snowflake://me:{SECRET}@account/db",
        f"snowflake://me@account/db?token={SECRET}",
        f"oracle+oracledb://me:{SECRET}@host/db",
        f"oracle+oracledb://me/{SECRET}@host",
        f"postgresql://me:{SECRET}@[host/db",
        f"mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BUID%3Dme%3BPWD%3D{SECRET}",
    ],
)
def test_a_password_in_the_url_is_refused_and_never_shown(url: str) -> None:
    """A command line is read by others, and the URL is kept beside the checkpoint."""
    with pytest.raises(ConfigError) as error:
        Database.parse(url)
    assert "holds a password" in str(error.value)
    assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("postgres://host/db", "postgresql"),
        ("postgresql:///?service=mine", "postgresql"),
        ("postgresql://me@host/db?passfile=/run/pgpass", "postgresql"),
        ("mssql+pyodbc:///?odbc_connect=DSN%3Dmine", "sqlalchemy"),
        ("mariadb://me@host/db", "mysql"),
        ("sqlite:///a.db", "sqlite"),
        ("mssql+pyodbc://me@host/db", "sqlalchemy"),
    ],
)
def test_the_scheme_says_how_a_database_is_asked(url: str, kind: str) -> None:
    """Names that mean the same are one kind; a plus asks for SQLAlchemy."""
    assert Database.parse(url).kind == kind


@pytest.mark.parametrize("text", ["mydb", "me:hunter2@host/db", "://x"])
def test_what_is_not_a_url_is_refused_without_a_word_of_it_that_may_be_secret(text: str) -> None:
    """A URL without its scheme may still hold a password."""
    with pytest.raises(ConfigError, match="is not the URL of a database") as error:
        Database.parse(text)
    assert SECRET not in str(error.value)
