"""The other process: it has its own working folder, and has never seen the input."""

from __future__ import annotations

import os
import pickle
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from loader.errors import LoaderError
from loader.secret import Secret
from loader.sources import delimited, files, inputfile, jsonlines, segments
from loader.stores import access, address, learn_hidden, web

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.lookups import OpenLookUps
    from loader.mapping import Mapped, Mapper
    from loader.mapping.rules import LookUp
    from loader.model import Chunk
    from loader.sources import Source

#: Small blocks and pages, so that a small file has many of each; here and in the test's own process.
SMALL = (
    (delimited, "BLOCK", 1 << 11),
    (jsonlines, "BLOCK", 1 << 11),
    (segments, "SHORTEST", 1 << 10),
    (inputfile, "PAGE", 1 << 10),
)


def settle(folder: str) -> None:
    """Begin in another folder; a second survey would be a fault."""
    os.chdir(folder)
    for module, name, value in SMALL:
        setattr(module, name, value)
    setattr(files.FileSource, "_survey_files", _refuse_survey)  # noqa: B010 - mypy forbids it otherwise


def _refuse_survey(*_: object) -> Any:
    raise AssertionError("the input was surveyed again")


def read(travelled: bytes, firsts: Sequence[int]) -> list[list[Chunk]]:
    """The chunks of a source from each of some ordinals on."""
    source: Source = pickle.loads(travelled)
    return [list(source.chunks(first)) for first in firsts]


def read_until_it_fails(travelled: bytes, first: int) -> tuple[list[Chunk], LoaderError | None]:
    """The chunks of a source before an error, and the error; also one on arrival."""
    chunks: list[Chunk] = []
    try:
        chunks += iter(pickle.loads(travelled).chunks(first))
    except LoaderError as error:
        return chunks, error
    return chunks, None


def map_chunks(travelled: bytes, first: int) -> list[Mapped]:
    """What a mapper makes of the chunks of a source; both come in one pickle."""
    both: tuple[Source, Mapper] = pickle.loads(travelled)
    source, mapper = both
    return [plain(mapper.map(chunk)) for chunk in source.chunks(first)]


def read_from_store(
    travelled: bytes, environment: dict[str, str], hidden: dict[str, str], first: int
) -> tuple[list[Chunk], LoaderError | None]:
    """As `read_until_it_fails`, with what a worker's own environment has, and what came with the token."""
    before = dict(os.environ)
    os.environ.update(environment)
    address._WHOLE.clear()
    learn_hidden({shown: Secret(whole) for shown, whole in hidden.items()})
    for opened in (access.open_s3, web.open_session):
        opened.cache_clear()
    try:
        return read_until_it_fails(travelled, first)
    finally:
        os.environ.clear()
        os.environ.update(before)


def find_repeats(travelled: bytes, rows: range) -> list[list[int]]:
    """The repeats among some rows, and the rows that go in their places."""
    return [each.tolist() for each in pickle.loads(travelled).within(rows)]


def look_up(travelled: bytes, lookup: LookUp, keys: list[str | None]) -> list[str | None]:
    """The values beside some keys."""
    lookups: OpenLookUps = pickle.loads(travelled)
    found: list[str | None] = lookups.read(
        lookup, lookups.find(lookup, pa.array(keys, pa.string()))
    ).to_pylist()
    return found


def plain(mapped: Mapped) -> Mapped:
    """What a load uses of a mapped chunk; what a check shows beside it stays here."""
    return replace(mapped, columns=(), matches={})
