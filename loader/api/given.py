"""What a caller gives to load: paths or a table, and the index of its rows."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast, runtime_checkable

import numpy as np
import pandas as pd

from loader.errors import ConfigError
from loader.settings import NOTHING_IN_MEMORY, InMemory
from loader.sources.frames.tables import as_arrow, is_table, name_of
from loader.stores import hide_secrets

if TYPE_CHECKING:
    from loader.model import FileRecord


@runtime_checkable
class ExportsArrow(Protocol):
    """A table of any library that follows the Arrow PyCapsule interface: polars, pyarrow, DuckDB, ..."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The rows as an Arrow stream."""


Path: TypeAlias = "str | os.PathLike[str]"
Source: TypeAlias = "Path | Sequence[Path] | pd.DataFrame | ExportsArrow"
#: The tables of a query, by their names.
Tables: TypeAlias = "Mapping[str, Source]"
#: The tables in memory that look-ups are, by their names.
LookUps: TypeAlias = "Mapping[str, pd.DataFrame | ExportsArrow]"


@dataclass(frozen=True, slots=True)
class Given:
    """An input: the names of files, or a table in memory.

    Attributes:
        files: the paths; of a table, what it is called.
        memory: the table, and those in which the mapping looks up cells.
        keep: the folder of files that go when nobody needs this input, or None.
    """

    files: tuple[str, ...]
    memory: InMemory = field(default=NOTHING_IN_MEMORY, repr=False)
    keep: object = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, source: Source | None) -> Given:
        """What `source` is.

        Raises:
            ConfigError: neither paths nor a table.
            SourceError: a table that cannot be had as an Arrow table.
        """
        if source is None:
            raise ConfigError("There is nothing to load: give a source, or a query.")
        if isinstance(source, (str, os.PathLike)):
            return cls((hide_secrets(os.fspath(source)),))
        if is_table(source) and type(source).__name__ != "Series":
            name = name_of(source)
            if isinstance(source, pd.DataFrame):
                # What is added to the frame later, or (of pandas 3 on) written into it, stays out of this.
                return cls((name,), InMemory(source.copy(deep=False)))
            # A table of another library is read once: some run a query each time they are asked.
            return cls((name,), InMemory(as_arrow(source, name)))
        if isinstance(source, Sequence) and all(isinstance(path, (str, os.PathLike)) for path in source):
            if not source:
                raise ConfigError("The source is an empty list: it names no file.")
            return cls(tuple(hide_secrets(os.fspath(path)) for path in source))
        raise ConfigError(
            f"The source is a {type(source).__qualname__}. Give the path of a file, a list of paths, a "
            f"pandas.DataFrame, a polars.DataFrame or a pyarrow.Table.{_remedy(source)}"
        )

    @classmethod
    def again(cls, source: Source | None, lookups: LookUps | None, files: Sequence[str] = ()) -> Given:
        """The input of a load that was made before.

        Args:
            source: the input, if it is a table in memory or has moved.
            lookups: the tables in memory that the look-ups of its mapping are.
            files: where it was.

        Raises:
            ConfigError, SourceError: one of them cannot be used.
        """
        given = cls(tuple(files)) if source is None else cls.of(source)
        return given.beside(take_tables(lookups))

    def beside(self, lookups: Mapping[str, object]) -> Given:
        """The input with the tables in memory that the look-ups of its mapping are."""
        return replace(self, memory=replace(self.memory, lookups=lookups))

    @property
    def table(self) -> object:
        """A DataFrame or an Arrow table; None of files."""
        return self.memory.table

    def index(self, files: Sequence[FileRecord]) -> pd.Index:
        """The labels of all rows: the DataFrame's own; of another table positions; else row, or file and row.

        Rows in files are counted from 1, as in all messages.
        """
        if isinstance(self.table, pd.DataFrame):
            return self.table.index
        if self.table is not None:
            return pd.RangeIndex(sum(file.rows for file in files))
        if len(files) == 1:
            return pd.RangeIndex(1, files[0].rows + 1, name="row")
        names = np.repeat(
            np.array([file.name for file in files], dtype=object), [file.rows for file in files]
        )
        rows = np.concatenate([np.arange(1, file.rows + 1) for file in files])
        return pd.MultiIndex.from_arrays([names, rows], names=["file", "row"])


def _remedy(source: object) -> str:
    if isinstance(source, Sequence) and any(map(is_table, source)):
        return " pandas.concat makes one frame of several."
    if isinstance(source, Mapping):
        return " Tables with names are for a query: query=..."
    return " A Series becomes one with .to_frame()." if type(source).__name__ == "Series" else ""


def take_named(lookups: Mapping[str, object] | None) -> dict[str, object]:
    """What is given for look-ups, by their names.

    Raises:
        ConfigError: it has no names.
    """
    if lookups is not None and not isinstance(lookups, Mapping):
        raise ConfigError(
            f"lookups is a {type(lookups).__qualname__}. Give each table by the name that the look-up has in "
            'the mapping: lookups={"devices.csv": frame}.'
        )
    return dict(lookups or {})


def take_tables(lookups: Mapping[str, object] | None) -> dict[str, object]:
    """The tables in memory that look-ups are.

    Raises:
        ConfigError: one is not a table, or has no name.
        SourceError: one cannot be had as an Arrow table.
    """
    found: dict[str, object] = {}
    for name, table in take_named(lookups).items():
        if not is_table(table):
            raise ConfigError(
                f'lookups["{name}"] is a {type(table).__qualname__}. Give a pandas.DataFrame, a '
                "polars.DataFrame or a pyarrow.Table; of a file, write the path in the mapping."
            )
        found[name] = Given.of(cast("Source", table)).table
    return found


def list_checkpoints(checkpoints: Path | Sequence[Path]) -> list[FilePath]:
    """The paths of checkpoints, of which a caller gives one or several.

    Raises:
        ConfigError: there is none.
    """
    if isinstance(checkpoints, (str, os.PathLike)):
        return [FilePath(checkpoints)]
    if not checkpoints:
        raise ConfigError("There is no checkpoint to verify. Give the path of one, or of several.")
    return [FilePath(path) for path in checkpoints]
