"""Standard input as an input file: kept beside the checkpoint, because a resumed load reads it again."""

from __future__ import annotations

import filecmp
import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from loader.errors import ConfigError
from loader.file_names import call_file

if TYPE_CHECKING:
    from collections.abc import Iterator

STDIN = "-"


def keep_input(
    files: tuple[str, ...], checkpoint: Path | None, *, replacing: bool = False
) -> tuple[str, ...]:
    """The input of a load, with a file beside the checkpoint in the place of standard input.

    Args:
        files: the input.
        checkpoint: of the load.
        replacing: whether another input that was kept there may be lost, because a rehearsal begins again.

    Raises:
        ConfigError: there is no checkpoint to keep it beside, or it is not what the load was begun with.
    """
    if STDIN not in files:
        return files
    if checkpoint is None:
        raise ConfigError(
            "Standard input has no name: give --checkpoint FILE to say where progress is saved. The input is "
            "kept beside it, because a load that is resumed has to read it again."
        )
    path = spool(checkpoint, replacing=replacing)
    return tuple(str(path) if name == STDIN else name for name in files)


@contextmanager
def keep_for_check(files: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The input of a check, with a file in the place of standard input that is deleted afterwards."""
    if STDIN not in files:
        yield files
        return
    with tempfile.TemporaryDirectory() as folder:
        path = call_file(spool(Path(folder, "standard")), "standard input")
        yield tuple(path if name == STDIN else name for name in files)


def spool(checkpoint: Path, *, replacing: bool = False) -> Path:
    """Write standard input to a file beside the checkpoint, readable for its owner alone.

    Raises:
        ConfigError: it is a terminal, there is no room, or another input was kept there before.
    """
    if sys.stdin.isatty():
        raise ConfigError("Standard input is a terminal. Send a file to it, or name one instead of -.")
    unfinished = None
    try:
        descriptor, unfinished = tempfile.mkstemp(prefix=f"{checkpoint.name}.input", dir=checkpoint.parent)
        with os.fdopen(descriptor, "wb") as out:
            shutil.copyfileobj(sys.stdin.buffer, out, 1 << 20)
        return settle(checkpoint, Path(unfinished), replacing=replacing)
    except OSError as error:
        raise ConfigError(f"Standard input cannot be kept beside {checkpoint}: {error.strerror}.") from None
    finally:
        if unfinished:
            Path(unfinished).unlink(missing_ok=True)


def settle(checkpoint: Path, unfinished: Path, *, replacing: bool) -> Path:
    """Give what was written its name; if the same input was kept before, the name of that."""
    from loader.sources.formats import guess_ending  # noqa: PLC0415 - `--help` must start without pyarrow

    with unfinished.open("rb") as file:
        head = file.read(8)
    ending = guess_ending(head)
    target = checkpoint.with_name(f"{checkpoint.name}.input{ending}")
    if not target.exists() or replacing:
        return unfinished.replace(target)
    if not filecmp.cmp(unfinished, target, shallow=False):
        raise ConfigError(
            f"Standard input is not what it was when {checkpoint} was begun. The earlier input was kept in "
            f"{target}. To continue with it, name that file instead of -. To load another input, name "
            "another --checkpoint."
        )
    return target
