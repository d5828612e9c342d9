"""What is asked: the text of a query, and the tables or the database that it is asked of."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loader.dialect import Dialect
from loader.errors import ConfigError
from loader.message import Message, Setting
from loader.queries.database import Database
from loader.queries.tables import Table, name_tables, refuse_same_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ENDING = ".sql"
_DIFF_LINES = 8


@dataclass(frozen=True, slots=True)
class Query:
    """A query, and what it is asked of.

    Attributes:
        text: the SQL.
        tables: the inputs that it may name; of a query in a database, none.
        database: where it runs; None for DuckDB over the tables.
        file: the file that the text was read from; "" if it was given as it is.
        dialect: how the text files among the tables are written.
    """

    text: str
    tables: tuple[Table, ...] = ()
    database: Database | None = None
    file: str = field(default="", compare=False)
    dialect: Dialect = field(default=Dialect(), compare=False)

    @classmethod
    def of(
        cls,
        given: str,
        inputs: Sequence[str] | Sequence[Table],
        database: str | None = None,
        dialect: Dialect | None = None,
    ) -> Query:
        """A query as the user gave it.

        Args:
            given: SQL, or the path of a file that ends in ``.sql``.
            inputs: paths, or ``NAME=PATH``; or tables.
            database: a URL.
            dialect: how text files are written.

        Raises:
            ConfigError: the file cannot be read, the query is empty, or the inputs do not go with it.
        """
        file = given if is_file(given) else ""
        text = read_query(file) if file else given
        if not text.strip():
            raise ConfigError(Message("{query} is empty. Give a SELECT.", query=Setting("query")))
        where = None if database is None else Database.parse(database)
        refuse_mixed(inputs, where)
        named = [each for each in inputs if isinstance(each, Table)]
        refuse_same_names(named)
        tables = tuple(named) or name_tables([each for each in inputs if isinstance(each, str)])
        return cls(text.strip(), tables, where, file, dialect or Dialect())

    @property
    def where(self) -> str:
        """What it is asked of, for messages."""
        if self.database is not None:
            return self.database.url
        return ", ".join(path for table in self.tables for path in table.paths) or "DuckDB"

    def to_text(self) -> str:
        """What a spool keeps of it."""
        tables = [[table.name, list(table.paths)] for table in self.tables]
        return json.dumps(
            {"query": self.text, "database": self.database and self.database.url, "tables": tables}
        )

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Query:
        """The query that `to_text` wrote."""
        tables = tuple(Table(name, tuple(paths)) for name, paths in record["tables"])
        url = record["database"]
        return cls(record["query"], tables, Database.parse(url) if url else None)


def is_file(given: str) -> bool:
    """Whether a query is given as the path of a file."""
    return given.lower().endswith(ENDING) and "\n" not in given


def read_query(file: str) -> str:
    """The text of a file.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return Path(file).read_text("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            Message(
                "{query} {file}: there is no such file. A text that ends in .sql is the path of a file.",
                query=Setting("query"),
                file=file,
            )
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(
            Message("{query} {file} cannot be read: {why}.", query=Setting("query"), file=file, why=why)
        ) from None


def refuse_mixed(inputs: Sequence[object], database: Database | None) -> None:
    """Refuse files beside a database: its query names the tables of that.

    Raises:
        ConfigError: there are both, or the query is of nothing.
    """
    if database is not None and inputs:
        raise ConfigError(
            Message(
                "A query with {database} reads the tables of the database, and no files. Leave the files "
                "out; or leave {database} out, and the query reads the files.",
                database=Setting("database"),
            )
        )


def list_changes(then: Query, now: Query) -> Iterator[str]:
    """What makes a query another one, as sentences."""
    if then.database != now.database:
        yield f"It was asked of {then.where}, and is now asked of {now.where}."
    elif then.tables != now.tables:
        yield f"Its inputs were {describe_tables(then)}, and are now {describe_tables(now)}."
    if then.text != now.text:
        lines = unified_diff(then.text.splitlines(), now.text.splitlines(), lineterm="", n=0)
        changed = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
        more = [f"… and {len(changed) - _DIFF_LINES} more lines"] if len(changed) > _DIFF_LINES else []
        yield "\n".join(["Its text has changed (- then, + now):", *changed[:_DIFF_LINES], *more]) + "\n"


def describe_tables(query: Query) -> str:
    """The inputs with the names of their tables."""
    return ", ".join(f"{table.name}={'+'.join(table.paths)}" for table in query.tables) or "none"
