"""MySQL and MariaDB by PyMySQL: the result comes unbuffered, as the server's texts, read by columns.

The driver's own conversion is not used: it would make a time of day a span, and a date of zeros a text among
dates.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from loader.errors import ConfigError, LoaderError, SourceError
from loader.queries.database import PASSWORDS
from loader.queries.engines.mysql_reading import refuse_writing
from loader.queries.engines.packages import require
from loader.queries.result import DatabaseAway, QueryFailed, Result, refuse_names
from loader.queries.tables import quote_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from loader.queries.database import Database
    from loader.queries.query import Query

_ROWS = 16_384
_UNSIGNED, _BINARY_CHARSET, _ZEROFILL = 32, 63, 64
# Codes of a server that does not answer, ends, or went away in the middle.
_AWAY = frozenset({1053, 1152, 2002, 2003, 2006, 2013})
_OPTION_FILE = "~/.my.cnf"
# Parameters of the URL that the driver takes.
_TEXTS = {"unix_socket", "ssl_ca", "ssl_cert", "read_default_file", "read_default_group", "charset"}
_NUMBERS = {"connect_timeout", "read_timeout"}
_FOREIGN = frozenset({"GEOMETRY", "BIT", "TIME"})
_SIGNED = {1: pa.int8(), 2: pa.int16(), 3: pa.int32(), 8: pa.int64(), 9: pa.int32(), 13: pa.int16()}
_WHOLE = {1: pa.uint8(), 2: pa.uint16(), 3: pa.uint32(), 8: pa.uint64(), 9: pa.uint32(), 13: pa.uint16()}
_NAMES = {
    0: "DECIMAL",
    4: "FLOAT",
    5: "DOUBLE",
    7: "TIMESTAMP",
    10: "DATE",
    11: "TIME",
    12: "DATETIME",
    16: "BIT",
    245: "JSON",
    246: "DECIMAL",
    255: "GEOMETRY",
}
_TYPES = {
    "FLOAT": pa.float64(),
    "DOUBLE": pa.float64(),
    "TIMESTAMP": pa.timestamp("us", "UTC"),
    "DATETIME": pa.timestamp("us"),
    "DATE": pa.date32(),
}


def open_result(query: Query, work: Path) -> Iterator[Result]:  # noqa: ARG001 - the server has its own room
    """Run a query; see `loader.queries.engines.open_result`."""
    pymysql = require("pymysql", "mysql", "MySQL")
    if query.database is None:
        raise TypeError("a query in MySQL has a database")
    refuse_writing(query.text)
    with explain(pymysql):
        # Without decoders: cells stay the server's own texts.
        connection = pymysql.connect(conv=pymysql.converters.encoders, **read_options(query.database))
        try:
            with connection.cursor() as settings:
                settings.execute("SET time_zone = '+00:00'")
                settings.execute("SET SESSION TRANSACTION READ ONLY")
                settings.execute("START TRANSACTION READ ONLY")
            cursor = connection.cursor(pymysql.cursors.SSCursor)
            cursor.execute(query.text)
            if cursor.description is None:
                raise SourceError("The query gives no rows. A query only reads. Give one SELECT.")
            names = [column[0] for column in cursor.description]
            refuse_names(names)
            columns = [Column.of(field) for field in cursor._result.fields]  # noqa: SLF001 - the flags of a column stand nowhere else
            yield Result(
                pa.schema([pa.field(column.name, column.type) for column in columns]),
                read_columns(columns, cursor, partial(explain, pymysql)),
                [column.said for column in columns],
                [column.said in _FOREIGN for column in columns],
                write_text,
            )
        finally:
            drop(connection)


def drop(connection: Any) -> None:
    """Close a connection without reading the rest of its result, as its own `close` would."""
    if connection._result is not None:  # noqa: SLF001 - there is no other way
        connection._result.unbuffered_active = False  # noqa: SLF001 - as above
    with suppress(Exception):
        connection._force_close()  # noqa: SLF001 - as above


def write_text(said: str) -> str:
    """How a value X of a type is written as text."""
    return {"GEOMETRY": "ST_AsText(X)", "BIT": "BIN(X)"}.get(said, "CAST(X AS CHAR)")


def read_options(database: Database) -> dict[str, Any]:
    """What the driver is given: the URL, and passwords from where the server's own tools take them.

    Raises:
        ConfigError: a parameter of the URL is not known.
    """
    parts = urlsplit(database.url)
    options: dict[str, Any] = {"charset": "utf8mb4", "use_unicode": True}
    for name, value in database.parameters.items():
        if name not in _TEXTS | _NUMBERS:
            known = ", ".join(sorted(_TEXTS | _NUMBERS))
            raise ConfigError(f"{database.url}: {name} is not known. Known are {known}.")
        options[name] = int(value) if name in _NUMBERS else value
    given = {
        "host": parts.hostname,
        "port": parts.port,
        "user": unquote(parts.username) if parts.username else None,
        "database": unquote(parts.path[1:]) or None,
        "password": os.environ.get("MYSQL_PWD"),
    }
    options |= {name: value for name, value in given.items() if value is not None}
    file = Path(_OPTION_FILE).expanduser()
    if "read_default_file" not in options and file.is_file():
        options["read_default_file"] = str(file)
    return options


class Column:
    """A column of a result.

    Args:
        name: of the column.
        type: what its cells become.
        said: its type in the server's words.
    """

    def __init__(self, name: str, kind: pa.DataType, said: str) -> None:
        self.name, self.type, self.said = name, kind, said

    @classmethod
    def of(cls, field: Any) -> Column:
        """A column as the server describes it."""
        said = _NAMES.get(field.type_code, "")
        return cls(field.name, choose_type(field, said), said)

    def read(self, cells: Sequence[Any], first: int) -> pa.Array:
        """Cells as Arrow.

        Args:
            cells: the server's texts.
            first: the number of the first row, from 0.

        Raises:
            SourceError: one has no meaning.
        """
        if pa.types.is_binary(self.type):
            return pa.array([cell.encode() if isinstance(cell, str) else cell for cell in cells], pa.binary())
        texts = pa.array([cell.decode() if isinstance(cell, bytes) else cell for cell in cells], pa.string())
        if pa.types.is_string(self.type):
            return texts
        if pa.types.is_temporal(self.type):
            self._refuse_zeros(texts, first)
        zoned = pa.types.is_timestamp(self.type) and self.type.tz
        return (
            texts.cast(pa.timestamp("us")).cast(pa.int64()).cast(self.type)
            if zoned
            else texts.cast(self.type)
        )

    def _refuse_zeros(self, texts: pa.Array, first: int) -> None:
        """Refuse dates of zeros, in which MySQL keeps what it was not told."""
        zero = pc.match_substring_regex(texts, r"^0000|^\d+-00|^\d+-\d+-00")
        if not pc.any(zero).as_py():
            return
        at = pc.index(zero.fill_null(fill_value=False), pa.scalar(value=True)).as_py()
        name = quote_name(self.name).replace('"', "`")
        raise SourceError(
            f'Row {first + at + 1:,} of the result, column "{self.name}": "{texts[at]}" is not a date. If '
            f"such dates mean nothing, leave them empty in the query: IF({name} >= '0001-01-01' AND "
            f"DAY({name}) > 0 AND MONTH({name}) > 0, {name}, NULL) AS {name}. Nothing was sent."
        )


def choose_type(field: Any, said: str) -> pa.DataType:
    """What the cells of a column become; numbers that are filled with zeros stay texts."""
    code = field.type_code
    if code in _SIGNED and not field.flags & _ZEROFILL:
        return (_WHOLE if field.flags & _UNSIGNED else _SIGNED)[code]
    if said == "DECIMAL":
        return measure_decimal(field)
    if said in _TYPES:
        return _TYPES[said]
    binary = field.charsetnr == _BINARY_CHARSET and code not in _SIGNED and said != "JSON"
    return pa.binary() if binary else pa.string()


def measure_decimal(field: Any) -> pa.DataType:
    """As many digits as the column has; its length counts a sign and a point too."""
    signed, pointed = not field.flags & _UNSIGNED, field.scale > 0
    digits = max(field.length - signed - pointed, field.scale, 1)
    return (pa.decimal128 if digits <= 38 else pa.decimal256)(min(digits, 76), field.scale)


def read_columns(
    columns: Sequence[Column], cursor: Any, explain: Callable[[], Any]
) -> Iterator[pa.RecordBatch]:
    """The rows of a cursor, a part at a time."""
    first = 0
    schema = pa.schema([(column.name, column.type) for column in columns])
    while rows := fetch(cursor, explain, first):
        arrays = [
            column.read(cells, first) for column, cells in zip(columns, zip(*rows, strict=True), strict=True)
        ]
        yield pa.record_batch(arrays, schema=schema)
        first += len(rows)


def fetch(cursor: Any, explain: Callable[[], Any], before: int) -> Sequence[Sequence[Any]]:
    """The next rows; if they do not come, the error says how many came before."""
    try:
        with explain():
            return list(cursor.fetchmany(_ROWS))
    except QueryFailed as failure:
        raise failure.after(before) from None


@contextmanager
def explain(pymysql: Any) -> Iterator[None]:
    """Say what failed, in the server's words."""
    try:
        yield
    except LoaderError:
        raise
    except (pymysql.Error, OSError, RuntimeError) as error:
        said = " ".join(map(str, error.args[1:])) or str(error)
        said = re.sub(r"\s+", " ", said)
        if error.args and error.args[0] in _AWAY:
            raise DatabaseAway(said) from None
        raise QueryFailed(said, advise(error)) from None


def advise(error: Exception) -> str:
    """What to do about a failure, beside what the server says."""
    code = error.args[0] if error.args else None
    if code in {1045, 1698}:
        return f"Put the password {PASSWORDS['mysql']}; it is never a part of the URL."
    if code == 1792:
        return "A query only reads: give one SELECT."
    return ""
