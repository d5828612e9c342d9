"""A query as the input of a command: what is asked, and the file that its result becomes."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loader.defaults import default_checkpoint
from loader.errors import ConfigError
from loader.file_names import call_file
from loader.message import spell_option

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loader.cli.options import InputOptions
    from loader.dialect import Dialect
    from loader.load_options import TargetOptions
    from loader.methods import Kind
    from loader.progress import Watch
    from loader.queries.query import Query
    from loader.settings import Settings

_RESULT = "query.parquet"


def refuse_lone_options(given: InputOptions, *, again: bool = False) -> None:
    """Refuse a command without an input, and options of a query without one.

    Raises:
        ConfigError: an option goes with a query, and there is none.
        click.UsageError: nothing is named to load.
    """
    if given.asked.query is not None:
        return
    if given.asked.database is not None:
        raise ConfigError("--database goes with --query, which says what to load from it.")
    if again:
        raise ConfigError("--requery goes with --query.")
    if not given.files:
        raise click.UsageError("Missing argument 'FILE...'.", click.get_current_context(silent=True))


def read_query(given: InputOptions) -> Query | None:
    """The query of a command; None if it has none.

    Raises:
        ConfigError: it cannot be used.
        MappingError: the mapping, which says how text files are written, cannot be read.
    """
    asked = given.asked
    if asked.query is None:
        return None
    from loader.queries.query import Query  # noqa: PLC0415 - bare `--help` needs none of it

    return Query.of(asked.query, given.files, asked.database, find_dialect(given))


def find_dialect(given: InputOptions) -> Dialect:
    """How the text files of a query are written: by the options, or else by the mapping."""
    from loader.mapping import read_mapping  # noqa: PLC0415 - bare `--help` needs none of it

    said = given.text.dialect
    return said if given.mapping is None else said.over(read_mapping(given.mapping).source)


def name_kept(checkpoint: Path) -> Path:
    """The file beside a checkpoint that keeps the result of its query."""
    from loader.queries import keeping  # noqa: PLC0415 - bare `--help` needs none of it

    return keeping.name_kept(checkpoint)


def choose_checkpoint(kind: Kind, query: Query, target: TargetOptions, *, sandboxed: bool) -> Path:
    """Where the progress of a query's load is saved: where it is said, or beside the file of the query.

    Raises:
        ConfigError: the query has no file, and no place is given.
    """
    if target.checkpoint is not None:
        return target.checkpoint
    if not query.file:
        raise ConfigError(
            "A query that is typed has no name: give --checkpoint FILE to say where progress is saved, or "
            "put the query into a file, --query FILE.sql. The result is kept there too, because a load that "
            "is resumed continues with the same rows."
        )
    return default_checkpoint(kind, query.file, sandbox=sandboxed, folder=target.checkpoint_dir)


def keep_for_load(
    query: Query, settings: Settings, say: Callable[[str], object], watch: Watch, *, again: bool
) -> Settings:
    """Run the query of a load, unless its result is kept.

    Returns:
        The settings; the result is a Parquet file, whatever the files of the query are.

    Raises:
        LoaderError: see `loader.queries.keeping.keep_result`.
    """
    from loader.queries.keeping import Keeping, keep_result  # noqa: PLC0415 - only if it is requested
    from loader.rehearsals import may_begin_again  # noqa: PLC0415 - as above

    if settings.mapping is not None:
        from loader.mapping import read_mapping  # noqa: PLC0415 - as above

        read_mapping(settings.mapping, settings.kind)  # a mistake in it is said before the query runs
    if settings.checkpoint is None:
        raise ConfigError("A load needs a checkpoint file.")
    keeping = Keeping(settings.checkpoint, again=again, rehearsed=may_begin_again(settings))
    say(keep_result(query, keeping, watch).spell(spell_option))
    return replace(settings, dialect=read_as_parquet(settings.dialect, query))


def read_as_parquet(dialect: Dialect, query: Query) -> Dialect:
    """How the result is read, if options or the mapping name the format of the files of the query."""
    return replace(dialect, input_format="parquet") if query.dialect.input_format else dialect


@contextmanager
def keep_for_look(given: InputOptions, watch: Watch | None = None) -> Iterator[InputOptions]:
    """The input of a command that sends nothing, with a file in place of a query until it is done.

    Raises:
        LoaderError: the query cannot be used, or failed.
    """
    query = read_query(given)
    if query is None:
        yield given
        return
    from loader.queries.keeping import run_query  # noqa: PLC0415 - only if it is requested

    with tempfile.TemporaryDirectory(prefix="pushwoosh-loader-") as folder:
        path = Path(folder, _RESULT)
        run_query(query, path, watch)
        input_format = "parquet" if query.dialect.input_format else None
        text = replace(given.text, input_format=input_format)
        yield replace(given, files=(call_file(path, "the query"),), text=text)
