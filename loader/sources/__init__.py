"""The input: files read as one stream of records, and proof of which input it is.

    open_source(paths)   paths -> Source; what can be refused at once is refused here (files.py)
    open_loaded(paths)   the same without what was added since it was loaded
    Source               schema, sample, survey, chunks (records.py: what every source offers)
    formats              the one table of formats: endings, first bytes, readers
    delimited, jsonlines, parquet, arrow    one module a format: one file -> slabs of Arrow columns
    jsonblocks, jsonrecords   lines of JSON -> columns: many at once, and those that need it one by one
    paths, partitions    folders and patterns -> files; columns that stand in the names of folders
    content              what is in a file, unpacked on the way if it is compressed
    spoken, csvreader    how a text file is written, found from its beginning; pyarrow's reader opened on it
    lending              what Arrow's threads hold of ours, and the wait until they have dropped it
    ragged               CSV records with another number of cells than the header: kept in their place
    segments, boundaries where in a text file reading can begin, for a load that is resumed
    textfile             bytes of a text file on their way into the CSV reader, proven to be UTF-8
    fixed                cells that the user fixed, in place of the input's
    inputfile, pages     one file, watched: each byte must stay what it was when it was read first

    frames               tables in memory: DataFrames, Arrow tables

A new format is a new module with a `Reader`, and a line in the table of `formats`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.late_imports import import_on_use

if TYPE_CHECKING:
    from loader.sources.files import open_loaded, open_source
    from loader.sources.fixed import FixedRows, FixedSource, FixedTable, use_fixed
    from loader.sources.inputfile import Odometer
    from loader.sources.records import Source, Survey

__all__ = [
    "FixedRows",
    "FixedSource",
    "FixedTable",
    "Odometer",
    "Source",
    "Survey",
    "open_loaded",
    "open_source",
    "use_fixed",
]

__getattr__ = import_on_use(
    __name__,
    {
        ".files": "open_loaded open_source",
        ".fixed": "FixedRows FixedSource FixedTable use_fixed",
        ".inputfile": "Odometer",
        ".records": "Source Survey",
    },
)
