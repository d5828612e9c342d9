"""A checkpoint is deleted with all of its parts, and never under a running load."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from loader.errors import CheckpointError
from loader.journal.checkpoint_files import Files, explain_unusable
from loader.journal.lock import Lock

if TYPE_CHECKING:
    from pathlib import Path


def remove_checkpoint(path: Path) -> None:
    """Delete a checkpoint: its companions, the input that was kept beside it, and last itself.

    Raises:
        CheckpointLocked: a load is running with it.
        CheckpointError: it has several names, or cannot be deleted.
    """
    files = Files(path.absolute())
    files.refuse_planted()
    if files.count_names() > 1:
        raise CheckpointError(f"{path} has several names (hard links). Delete the others first.")
    lock = Lock(files.lock)
    lock.take(path)
    try:
        lock.hold(files.path)
        kept_input = files.path.parent.glob(f"{_escape(path.name)}.input*")
        for part in (*files.parts, *kept_input):
            if part.is_dir() and not part.is_symlink():  # of a query that was killed
                shutil.rmtree(part)
            elif part not in {files.path, files.lock}:
                part.unlink(missing_ok=True)
        files.path.unlink()
    except OSError as error:
        raise explain_unusable(path, error) from error
    finally:
        lock.release()
    files.lock.unlink(missing_ok=True)


def _escape(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
