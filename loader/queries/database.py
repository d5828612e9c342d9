"""A database by its URL. A password is never in it: it comes from where the database's own tools take it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from loader.errors import ConfigError
from loader.message import Message, Setting
from loader.secret import Secret, hide_credentials

if TYPE_CHECKING:
    from typing import Self

#: Where each database's own tools take a password from, as the end of a sentence.
PASSWORDS = {
    "postgresql": "in PGPASSWORD, in ~/.pgpass, or in a service file (postgresql:///?service=NAME)",
    "mysql": "in MYSQL_PWD, or in [client] of ~/.my.cnf",
    "snowflake": "in SNOWFLAKE_PASSWORD, or name a key file in SNOWFLAKE_PRIVATE_KEY_PATH",
    "bigquery": "in the application default credentials (gcloud auth application-default login)",
}
_ELSEWHERE = "where its driver finds it without being told: a file of its own, or an environment variable"
_SAME = {"postgres": "postgresql", "mariadb": "mysql", "redshift": "postgresql"}
#: Variables whose values are never shown, whatever a database answers.
_SECRET_VARIABLES = ("PGPASSWORD", "MYSQL_PWD", "SNOWFLAKE_PASSWORD", "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE")
_SECRET_KEY = re.compile(r"pass(?!file$)|pwd|token|secret|credential|private_?key$|api_?key", re.IGNORECASE)
# A whole connection string in a parameter, as ``odbc_connect`` has it.
_SECRET_VALUE = re.compile(r"(password|pwd|secret|token|accountkey)\s*=", re.IGNORECASE)
_EXAMPLES = "postgresql://, mysql://, mariadb://, sqlite:///, duckdb:///, snowflake://, bigquery://"


@dataclass(frozen=True, slots=True)
class Database:
    """Where a query runs.

    Attributes:
        url: as the user gave it; it holds no password.
        kind: the family by which an engine is chosen; of a URL such as ``oracle+oracledb://``, "sqlalchemy".
    """

    url: str
    kind: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URL.

        Raises:
            ConfigError: it is not a URL, or it holds a password.
        """
        scheme, divider, _ = text.partition("://")
        if not divider or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+._-]*", scheme):
            raise ConfigError(
                Message(
                    "{database}: {shown} is not the URL of a database. It begins with {examples}; or with a "
                    "name that SQLAlchemy knows, such as oracle+oracledb://.",
                    database=Setting("database"),
                    shown=hide_credentials(text),
                    examples=_EXAMPLES,
                )
            )
        kind = scheme.lower()
        kind = _SAME.get(kind, kind) if "+" not in kind else "sqlalchemy"
        refuse_password(text, kind)
        return cls(text, kind)

    @property
    def path(self) -> Path:
        """Of a database in a file: where it is. Three slashes begin a relative path, four an absolute one."""
        return Path(unquote(urlsplit(self.url).path[1:]))

    @property
    def parameters(self) -> dict[str, str]:
        """What follows the question mark."""
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))

    def under(self, folder: Path) -> Database:
        """The same, with the path of a database in a file read from a folder."""
        if self.kind not in {"sqlite", "duckdb"}:
            return self
        return Database(f"{self.kind}:///{folder / self.path}", self.kind)


def refuse_password(url: str, kind: str) -> None:
    """Refuse a URL with a password: other users of the machine can read a command line.

    Raises:
        ConfigError: it holds one.
    """
    try:
        parts = urlsplit(url)
        found = parts.password is not None or any(
            _SECRET_KEY.search(key) or _SECRET_VALUE.search(value) for key, value in parse_qsl(parts.query)
        )
        # Oracle's own way to write it: scott/tiger@host.
        found |= kind == "sqlalchemy" and "@" in parts.path
    except ValueError:
        found = "@" in url
    if found:
        raise ConfigError(
            Message(
                "{database} holds a password, which every user of this machine could read, and which would "
                "be kept beside the checkpoint. Leave it out of the URL, and put it {place}. If the password "
                "was typed where others can see it, change it.",
                database=Setting("database"),
                place=PASSWORDS.get(kind, _ELSEWHERE),
            )
        )


def list_secrets() -> list[Secret]:
    """The passwords that the environment holds, so that no message repeats one."""
    return [Secret(value) for name in _SECRET_VARIABLES if (value := os.environ.get(name))]
