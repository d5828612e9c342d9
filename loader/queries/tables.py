"""The inputs that a query names: each is a table, under the stem of its file or under a name of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from glob import has_magic
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from loader.errors import ConfigError
from loader.message import Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# What is no part of a table's name: the endings of formats, and of compressions around them.
_ENDING = re.compile(
    r"\.(csv|tsv|tab|txt|json|jsonl|ndjson|parquet|pq|arrow|feather|ipc|arrows|avro|xlsx|xlsm|xlsb|xls|zip|gz"
    r"|bz2|zst|zstd|xz|snappy|lz4)$",
    re.IGNORECASE,
)
_NAMED = re.compile(r"(?P<name>[^/\\=:]+)=(?P<path>.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Table:
    """An input of a query.

    Attributes:
        name: what the query calls it.
        paths: a file, a folder or a pattern; in Python also several of them.
        table: a table in memory in their place.
    """

    name: str
    paths: tuple[str, ...]
    table: object = field(default=None, repr=False, compare=False)

    @property
    def quoted(self) -> str:
        """The name as it is written in SQL."""
        return self.name if re.fullmatch(r"[a-z_][a-z0-9_]*", self.name) else quote_name(self.name)


def quote_name(name: str) -> str:
    """A name in double quotes, as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def split_name(text: str) -> tuple[str, str]:
    """The name and the path of ``NAME=PATH``; a path that exists, or has no name, has "" for its name."""
    found = _NAMED.fullmatch(text)
    if found is None or Path(text).exists():
        return "", text
    return found["name"].strip(), found["path"]


def name_tables(files: Sequence[str]) -> tuple[Table, ...]:
    """The tables that arguments of the command line mean.

    Raises:
        ConfigError: two have one name, or one has none.
    """
    tables = [name_table(*split_name(text)) for text in files]
    refuse_same_names(tables)
    return tuple(tables)


def name_table(name: str, path: str) -> Table:
    """The table of one input.

    Raises:
        ConfigError: it has no name.
    """
    if path == "-":
        raise ConfigError(
            "Standard input cannot be a table of a query, because a query may read a table twice. Write it "
            "to a file, and name that."
        )
    name = name or find_stem(path)
    if not name:
        raise ConfigError(
            f"{path}: a pattern has no name that a query could use. Put one before it: NAME={path}"
        )
    return Table(name, (path,))


def find_stem(path: str) -> str:
    """The name of a file or folder without endings: ``purchases.csv.gz`` is purchases. "" for a pattern."""
    if "://" in path:
        # What follows a question mark is a part of a web address, and a pattern anywhere else.
        plain = urlsplit(path).path if path.startswith("http") else path
        last, is_pattern = PurePosixPath(unquote(plain)).name, has_magic(plain)
    else:
        last = Path(path).name or Path(path).resolve().name
        is_pattern = has_magic(path) and not Path(path).exists()
    if is_pattern:
        return ""
    while (shorter := _ENDING.sub("", last)) not in {last, ""}:
        last = shorter
    return last


def refuse_same_names(tables: Iterable[Table]) -> None:
    """Refuse two tables of one name; SQL does not tell upper from lower case.

    Raises:
        ConfigError: there are two.
    """
    seen: dict[str, Table] = {}
    for table in tables:
        other = seen.setdefault(table.name.casefold(), table)
        if other is not table:
            raise ConfigError(
                Message(
                    "{one} and {two} would both be the table {name}. Give one of them another name: "
                    "NAME={two}",
                    one=", ".join(other.paths),
                    two=", ".join(table.paths),
                    name=table.name,
                )
            )
