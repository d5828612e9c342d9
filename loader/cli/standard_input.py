"""Standard input as an input file: kept beside the checkpoint, for a resumed load reads it again."""

from __future__ import annotations

import filecmp
import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loader.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

STDIN = "-"
_ENDINGS = {
    b"PAR1": ".parquet",
    b"ARROW1": ".arrow",
    b"\xff\xff\xff\xff": ".arrows",
    b"\x1f\x8b": ".csv.gz",
    b"BZh": ".csv.bz2",
    b"\x28\xb5\x2f\xfd": ".csv.zst",
    b"PK\x03\x04": ".zip",
    b"{": ".jsonl",
}


def kept(options: dict[str, Any]) -> dict[str, Any]:
    """The options of a load, with a file beside the checkpoint in the place of standard input.

    Raises:
        ConfigError: there is no checkpoint to keep it beside, or it is not what that one was begun with.
    """
    if STDIN not in options["files"]:
        return options
    checkpoint = options["checkpoint"]
    if checkpoint is None:
        raise ConfigError(
            "Standard input has no name: say with --checkpoint FILE where progress is written down. The "
            "input is kept beside it, because a load that is resumed has to read it again."
        )
    path = spool(checkpoint)
    return options | {"files": tuple(str(path) if name == STDIN else name for name in options["files"])}


@contextmanager
def for_a_look(options: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The options of a check, with a file in the place of standard input that is deleted afterwards."""
    if STDIN not in options["files"]:
        yield options
        return
    with tempfile.TemporaryDirectory() as folder:
        path = spool(Path(folder, "standard"))
        yield options | {"files": tuple(str(path) if name == STDIN else name for name in options["files"])}


def spool(checkpoint: Path) -> Path:
    """Write standard input to a file beside the checkpoint, readable for its owner alone.

    Raises:
        ConfigError: it is a terminal, there is no room, or another input was kept there before.
    """
    if sys.stdin.isatty():
        raise ConfigError("Standard input is a terminal. Send a file to it, or name one in place of -.")
    unfinished = None
    try:
        descriptor, unfinished = tempfile.mkstemp(prefix=f"{checkpoint.name}.input", dir=checkpoint.parent)
        with os.fdopen(descriptor, "wb") as out:
            shutil.copyfileobj(sys.stdin.buffer, out, 1 << 20)
        return _settled(checkpoint, Path(unfinished))
    except OSError as error:
        raise ConfigError(f"Standard input cannot be kept beside {checkpoint}: {error.strerror}.") from None
    finally:
        if unfinished:
            Path(unfinished).unlink(missing_ok=True)


def _settled(checkpoint: Path, unfinished: Path) -> Path:
    """The name that what was written gets; the one from before, where it is the same."""
    with unfinished.open("rb") as file:
        head = file.read(8)
    ending = next((ending for magic, ending in _ENDINGS.items() if head.startswith(magic)), ".csv")
    target = checkpoint.with_name(f"{checkpoint.name}.input{ending}")
    if not target.exists():
        return unfinished.replace(target)
    if not filecmp.cmp(unfinished, target, shallow=False):
        raise ConfigError(
            f"Standard input is not what it was when {checkpoint} was begun; that was kept in {target}. "
            "To go on with it, name that file in place of -. To load another, name another --checkpoint."
        )
    return target
