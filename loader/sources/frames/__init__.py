"""Tables in memory: DataFrames and Arrow tables as a source, with their own types.

reader        a table -> slabs of Arrow columns; which table it is, by a hash of its content
tables        what is taken: pandas, Arrow, and whatever exports Arrow (polars, DuckDB, ...)
columns       one pandas column -> Arrow arrays of one type, a block at a time
objects       cells that are Python objects: the one type that fits them all, or text
arrow         Arrow arrays as the mapping knows them; types that cannot be sent
fingerprint   the bytes that stand for the content, whatever library and version holds it
"""

from loader.sources.frames.reader import FrameRecords

__all__ = ["FrameRecords"]
