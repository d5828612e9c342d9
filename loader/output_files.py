"""Files that the loader writes: complete or not at all. `loader.claims` says over which it never writes."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import IO, TYPE_CHECKING

from loader import stores
from loader.errors import ConfigError
from loader.message import Message, Setting
from loader.stores.address import Address

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What a file of rows can be written as, in the order of the help; `loader.row_files` writes them.
FORMS = ("csv", "jsonl", "parquet", "spreadsheet")
#: By the endings of the files. No ending stands for the form for spreadsheets, since that is CSV too.
ENDINGS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet", ".pq": "parquet"}


def choose_form(target: Path | Address, setting: str, form: str | None) -> str:
    """Choose as what to write a file of rows: as it is set, or else by the ending of its name.

    What has no name of its own (standard output, a device, a pipe) is written as CSV.

    Args:
        target: the file.
        setting: what names it.
        form: the one that is set, or None.

    Raises:
        ConfigError: none is set, and the ending does not say one.
    """
    nameless = str(target) == "-" or is_special(target)
    chosen = form or ENDINGS.get(target.suffix.lower(), "csv" if nameless else None)
    if chosen is None:
        raise ConfigError(
            Message(
                "{setting} {target}: the file's ending does not say which format to write. Use .csv, .jsonl "
                "or .parquet, or give {form}.",
                setting=Setting(setting),
                target=target,
                form=Setting("format"),
            )
        )
    return chosen


def is_special(target: Path | Address) -> bool:
    """Whether it is a device or a pipe, which has no place to take and no content to keep."""
    return isinstance(target, Path) and target.exists() and not target.is_file()


def write_whole(target: Path | Address, content: bytes) -> None:
    """Write a file that is readable for its owner alone, and replaced only as a whole.

    Raises:
        ConfigError: the target cannot be written.
    """
    with open_target(target) as out:
        out.write(content)


def write_shared(target: Path, content: bytes) -> None:
    """Write a file as a whole for whoever the user lets read new files: a monitor has another account.

    Raises:
        OSError: the target cannot be written.
    """
    if target.exists() and not target.is_file():
        target.write_bytes(content)
        return
    place = target.resolve()
    unfinished = place.with_name(f".{place.name}.{token_hex(6)}.tmp")
    try:
        # Not mkstemp, which lets nobody else read; the mode of an older file stays.
        mode = place.stat().st_mode & 0o777 if place.exists() else None
        with unfinished.open("xb") as out:
            if mode is not None:
                unfinished.chmod(mode)
            out.write(content)
        unfinished.replace(place)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


@contextmanager
def open_target(target: Path | Address) -> Iterator[IO[bytes]]:
    """Open a file to write, or an object of a store, or standard output for "-".

    A file is replaced only when all is written: a failure leaves it as it was. It is readable for its owner
    alone, because it holds personal data.

    Raises:
        ConfigError: the target cannot be written.
    """
    try:
        with _stream_to(target) as out:
            yield out
    except BrokenPipeError:  # a reader that has seen enough
        raise
    except OSError as error:
        name = "The output" if str(target) == "-" else target
        raise ConfigError(f"{name} cannot be written: {error.strerror or error}.") from None


@contextmanager
def _stream_to(target: Path | Address) -> Iterator[IO[bytes]]:
    if isinstance(target, Address):
        with stores.open_output(str(target)) as out:
            yield out
    elif str(target) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    elif is_special(target):
        with target.open("wb") as out:
            yield out
    else:
        with _replacement(target.resolve()) as out:  # of a link, its file is replaced
            yield out


@contextmanager
def _replacement(target: Path) -> Iterator[IO[bytes]]:
    # mkstemp makes it for its owner alone; beside the target, it can take the target's place in one step.
    descriptor, unfinished = tempfile.mkstemp(prefix=target.name, dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as out:
            yield out
        Path(unfinished).replace(target)
    except BaseException:
        Path(unfinished).unlink()
        raise
