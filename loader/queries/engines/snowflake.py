"""Snowflake by its ADBC driver, as its documentation has it; no test runs against Snowflake itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from loader.errors import ConfigError
from loader.queries.database import PASSWORDS
from loader.queries.engines.adbc import run_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loader.queries.database import Database
    from loader.queries.query import Query
    from loader.queries.result import Result

_OPTION = "adbc.snowflake.sql."
_PARAMETERS = {"warehouse": "warehouse", "role": "role", "region": "region", "authenticator": "auth_type"}
_REMEDY = f"Put the password {PASSWORDS['snowflake']}; it is never a part of the URL."


def open_result(query: Query, work: Path) -> Iterator[Result]:  # noqa: ARG001 - the warehouse has its own room
    """Run a query; see `loader.queries.engines.open_result`."""
    if query.database is None:
        raise TypeError("a query in Snowflake has a database")
    yield from run_in("snowflake", read_options(query.database), query.text, "TO_VARCHAR(X)", _REMEDY)


def read_options(database: Database) -> dict[str, str]:
    """What the driver is given, from ``snowflake://USER@ACCOUNT/DATABASE/SCHEMA?warehouse=NAME``.

    Raises:
        ConfigError: the account is missing, or a parameter is not known.
    """
    parts = urlsplit(database.url)
    account = parts.hostname or os.environ.get("SNOWFLAKE_ACCOUNT", "")
    if not account:
        raise ConfigError("The URL names no account: snowflake://USER@ACCOUNT/DATABASE/SCHEMA?warehouse=NAME")
    if unknown := database.parameters.keys() - _PARAMETERS.keys():
        known = ", ".join(_PARAMETERS)
        raise ConfigError(f"{database.url}: {', '.join(sorted(unknown))} is not known. Known are {known}.")
    name, _, schema = parts.path.strip("/").partition("/")
    key = os.environ.get("SNOWFLAKE_PRIVATE_KEY_PATH", "")
    given = {
        "username": unquote(parts.username or "") or os.environ.get("SNOWFLAKE_USER", ""),
        "password": "" if key else os.environ.get("SNOWFLAKE_PASSWORD", ""),
        f"{_OPTION}account": account,
        f"{_OPTION}db": unquote(name) or os.environ.get("SNOWFLAKE_DATABASE", ""),
        f"{_OPTION}schema": unquote(schema) or os.environ.get("SNOWFLAKE_SCHEMA", ""),
        f"{_OPTION}warehouse": os.environ.get("SNOWFLAKE_WAREHOUSE", ""),
        f"{_OPTION}role": os.environ.get("SNOWFLAKE_ROLE", ""),
        f"{_OPTION}auth_type": "auth_jwt" if key else "",
        f"{_OPTION}client_option.jwt_private_key": key,
        # Numbers with a scale come as decimals, and never as floats.
        f"{_OPTION}client_option.use_high_precision": "true",
    }
    given |= {f"{_OPTION}{_PARAMETERS[name]}": value for name, value in database.parameters.items()}
    return {name: value for name, value in given.items() if value}
