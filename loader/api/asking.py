"""A query, or a table that can be read only once, as the input of a call: a file takes its place."""

from __future__ import annotations

import os
import shutil
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from loader.api.given import Given
from loader.errors import ConfigError
from loader.file_names import call_file
from loader.message import spell_keyword
from loader.queries.keeping import Keeping, keep_result, keep_stream, name_kept, run_query, write_stream
from loader.queries.query import Query
from loader.queries.streams import is_stream
from loader.queries.tables import Table
from loader.rehearsals import may_begin_again
from loader.sources.frames.tables import name_of

if TYPE_CHECKING:
    from loader.api.given import Source, Tables
    from loader.api.options import Options
    from loader.dialect import Dialect
    from loader.load_options import QueryOptions
    from loader.methods import Kind
    from loader.progress import Watch
    from loader.settings import Settings

STREAM = "stream"


@dataclass(frozen=True, slots=True)
class Input:
    """What a call loads, and what has to happen first.

    Attributes:
        given: files or a table in memory; of a query, the file that its result becomes.
        query: runs first, or None.
        stream: a table that is read first, or None.
    """

    given: Given
    query: Query | None = None
    stream: object = None

    def keep(self, settings: Settings, watch: Watch, *, again: bool) -> str:
        """Run the query or read the table of a load, unless that was done; what was done, or "".

        Raises:
            LoaderError: see `loader.queries.keeping`.
        """
        if settings.checkpoint is None or (self.query is None and self.stream is None):
            return ""
        keeping = Keeping(settings.checkpoint, again=again, rehearsed=may_begin_again(settings))
        if self.query is not None:
            return keep_result(self.query, keeping, watch).spell(spell_keyword)
        keep_stream(self.stream, keeping, watch)
        return ""


def place_for_load(kind: Kind, source: Source | Tables | None, options: Options) -> tuple[Input, Options]:
    """The input of a load, and the options with its checkpoint.

    Raises:
        ConfigError: the query or the source cannot be used, or a query has no checkpoint.
    """
    query = read_query(source, options.asked, options.find_dialect(kind), again=options.requery)
    if query is None and not is_stream(source):
        return Input(Given.of(refuse_tables(source))), options
    checkpoint = options.target.checkpoint or name_checkpoint(kind, query, options)
    given = Given((str(name_kept(checkpoint)),))
    options = replace(options, target=replace(options.target, checkpoint=checkpoint))
    return Input(given, query, source if query is None else None), options


def name_checkpoint(kind: Kind, query: Query | None, options: Options) -> FilePath:
    """Where the progress is saved if nobody says so: beside the file of the query, or here for a stream.

    Raises:
        ConfigError: the query has no file.
    """
    if query is None:
        return options.place(kind, STREAM)
    if not query.file:
        raise ConfigError(
            "A query that is typed has no name: give checkpoint= to say where progress is saved, or put the "
            'query into a file, query="FILE.sql". The result is kept there too, because a load that is '
            "resumed continues with the same rows."
        )
    return options.place(kind, query.file)


def place_for_look(
    source: Source | Tables | None, asked: QueryOptions, dialect: Dialect | None = None
) -> Given:
    """The input of a call that sends nothing: what is read once is kept in a folder that goes with it.

    Raises:
        LoaderError: the query or the source cannot be used.
    """
    query = read_query(source, asked, dialect)
    if query is None and not is_stream(source):
        return Given.of(refuse_tables(source))
    folder = Folder()
    path = folder.path / "kept.parquet"
    if query is not None:
        run_query(query, path)
    else:
        write_stream(source, path)
    name = "the query" if query is not None else f"the {name_of(source)}"
    return Given((call_file(path, name),), keep=folder)


class Folder:
    """A folder for temporary files, which goes when nobody needs it any more.

    Attributes:
        path: where it is.
    """

    def __init__(self) -> None:
        self.path = FilePath(mkdtemp(prefix="pushwoosh-loader-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def read_query(
    source: Source | Tables | None, asked: QueryOptions, dialect: Dialect | None, *, again: bool = False
) -> Query | None:
    """The query of a call; None if it has none.

    Raises:
        ConfigError: it cannot be used.
    """
    if asked.query is None:
        if asked.database is not None or again:
            raise ConfigError(f"{'database' if asked.database is not None else 'requery'} goes with query.")
        return None
    return Query.of(asked.query, list_tables(source), asked.database, dialect)


def list_tables(source: Source | Tables | None) -> Sequence[str] | Sequence[Table]:
    """The inputs of a query: paths, or tables by their names.

    Raises:
        ConfigError: a table in memory has no name.
    """
    if source is None:
        return ()
    if isinstance(source, Mapping):
        given = [(name, Given.of(each)) for name, each in source.items()]
        return [Table(str(name), each.files, each.table) for name, each in given]
    if isinstance(source, (str, os.PathLike)):
        return [os.fspath(source)]
    if isinstance(source, Sequence) and all(isinstance(each, (str, os.PathLike)) for each in source):
        return [os.fspath(each) for each in source]
    raise ConfigError(
        'A table in memory needs the name by which the query calls it: source={"users": frame}. A path '
        "needs none."
    )


def refuse_tables(source: Source | Tables | None) -> Source | None:
    """Refuse tables with names if there is no query.

    Raises:
        ConfigError: so it is.
    """
    if isinstance(source, Mapping):
        raise ConfigError("Tables with names are for a query: give query=... too, or load one of them.")
    return source
