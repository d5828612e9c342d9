"""Folders of table formats: a log says which of their files count, so their files alone say too much.

A file there may have been replaced by a newer one, or hold rows that were deleted since.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from loader.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class TableFormat:
    """A table format.

    Attributes:
        name: for messages.
        signs: patterns for what lies in the folder of each of its tables; one is enough.
        reading: what gives the rows that count, as a table in Python.
    """

    name: str
    signs: tuple[str, ...]
    reading: str


# The signs are those of the formats' own specifications.
TABLE_FORMATS = (
    TableFormat("a Delta table", ("_delta_log",), 'deltalake.DeltaTable("{folder}").to_pyarrow_table()'),
    TableFormat(
        "a Hudi table",
        (".hoodie",),
        'pyarrow.Table.from_batches(hudi.HudiTableBuilder.from_base_uri("{folder}").build().read())',
    ),
    TableFormat(
        "an Iceberg table",
        ("metadata/*.metadata.json",),
        "pyiceberg.catalog.load_catalog().load_table(NAME).scan().to_arrow()",
    ),
    TableFormat("a Lance table", ("_versions/*.manifest",), 'lance.dataset("{folder}").to_table()'),
    TableFormat(
        "a Paimon table",
        ("manifest/manifest-list-*",),
        'spark.read.format("paimon").load("{folder}").toPandas()',
    ),
    TableFormat(
        "the output of a Spark stream", ("_spark_metadata",), 'spark.read.parquet("{folder}").toPandas()'
    ),
    TableFormat(
        "a transactional Hive table",
        ("delta_*_*/bucket_*", "base_*/bucket_*", "delete_delta_*"),
        "spark.table(NAME).toPandas()",
    ),
)
_MARKS = {sign.partition("/")[0] for form in TABLE_FORMATS for sign in form.signs}


def marks_table(folder: Path) -> bool:
    """Whether a folder, by its name, can be what marks the folder around it as a table."""
    return any(fnmatchcase(folder.name, mark) for mark in _MARKS)


def refuse_listed_tables(names: Sequence[str]) -> None:
    """Refuse what a store has listed, if one of the folders is the table of a table format.

    Args:
        names: addresses of objects and folders.

    Raises:
        SourceError: as `refuse_tables`.
    """
    for name in names:
        parts = name.split("/")
        for form in TABLE_FORMATS:
            for sign in form.signs:
                start = _find_sign(parts, sign.split("/"))
                if start is not None:
                    length = start + sign.count("/") + 1
                    raise _describe_table(form, "/".join(parts[:start]), "/".join(parts[start:length]))


def _find_sign(parts: Sequence[str], sign: Sequence[str]) -> int | None:
    """At which part of an address a sign begins."""
    for start in range(3, len(parts) - len(sign) + 1):  # after the bucket
        if all(map(fnmatchcase, parts[start : start + len(sign)], sign)):
            return start
    return None


def refuse_tables(folders: Iterable[Path]) -> None:
    """Refuse folders that are the table of a table format.

    Raises:
        SourceError: with the table's folder, its format, and how to get at the rows that count.
    """
    for folder in folders:
        for form in TABLE_FORMATS:
            sign = next((path for sign in form.signs for path in folder.glob(sign)), None)
            if sign is not None:
                raise _describe_table(form, str(folder), str(sign.relative_to(folder)))


def _describe_table(form: TableFormat, folder: str, sign: str) -> SourceError:
    return SourceError(
        f"{folder}: is {form.name} (it holds {sign}). Its files can hold rows that were replaced or deleted "
        "since. Read it with its own library into a table and load that from Python, table = "
        f"{form.reading.format(folder=folder)}, or write the result of a query to a Parquet file."
    )
