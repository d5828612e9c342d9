"""The files of one checkpoint, and how they are guarded against what others put in their place."""

from __future__ import annotations

import os
import re
import secrets
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loader.errors import CheckpointError
from loader.message import Message, Setting

if TYPE_CHECKING:
    from pathlib import Path

NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
OWNER_ONLY = 0o600
# What follows "-new" in the names of a checkpoint that is being created, and of SQLite's files for it.
_UNFINISHED = re.compile(r"(-[0-9a-f]{16})?(-wal|-shm|-journal)?")


@dataclass(frozen=True, slots=True)
class Files:
    """The paths of the parts of the checkpoint at `path`: all beside it, named after it."""

    path: Path

    @property
    def log(self) -> Path:
        """SQLite's write-ahead log."""
        return self._beside("-wal")

    @property
    def shared(self) -> Path:
        """SQLite's index of the write-ahead log."""
        return self._beside("-shm")

    @property
    def wire(self) -> Path:
        """Slots of the requests on the wire, and how far the load has come."""
        return self._beside("-wire")

    @property
    def lock(self) -> Path:
        """Lets loads that start at the same moment begin one after the other."""
        return self._beside("-lock")

    @property
    def reserve(self) -> Path:
        """Space that is given back when the disk is full."""
        return self._beside("-reserve")

    @property
    def unfinished(self) -> Path:
        """What the names of a checkpoint begin with that is being created; it gets its own when complete."""
        return self._beside("-new")

    @property
    def unfinished_wire(self) -> Path:
        """The next slot file while it is being written."""
        return self._beside("-wire-new")

    @property
    def parts(self) -> tuple[Path, ...]:
        """Everything that the journal may open or create."""
        return (
            self.path,
            self.log,
            self.shared,
            self._beside("-journal"),
            self.wire,
            self.lock,
            self.reserve,
            self.unfinished,
            self.unfinished_wire,
        )

    def count_names(self) -> int:
        """Hard links of the checkpoint, itself among them."""
        try:
            return self.path.stat().st_nlink
        except OSError:
            return 1

    def refuse_planted(self) -> None:
        """Raise `CheckpointError` if a symbolic link or a special file stands in the place of a part."""
        for part in self.parts:
            try:
                mode = part.lstat().st_mode
            except FileNotFoundError:
                continue
            except OSError as error:
                raise explain_unusable(part, error) from error
            if stat.S_ISDIR(mode) and part == self.path:
                raise CheckpointError(
                    f"{part} is a folder, and a checkpoint is a file, for example "
                    f"{part / 'FILE.events.ckpt'}."
                )
            if not stat.S_ISREG(mode):
                what = "a symbolic link" if stat.S_ISLNK(mode) else "not a regular file"
                raise CheckpointError(
                    f"{part} is {what}. The checkpoint writes only to its own files: "
                    "remove it, or name another checkpoint."
                )

    def refuse_unusable_folder(self) -> None:
        """Raise `CheckpointError` if there is no folder to write the checkpoint to."""
        folder = self.path.parent
        if not folder.is_dir():
            raise CheckpointError(
                f"{self.path}: there is no folder {folder}. Create it, or name another checkpoint."
            )

    def refuse_remains(self) -> None:
        """Raise `CheckpointError` if the checkpoint is gone, and parts that know of sent rows are left."""
        remains = [part.name for part in (self.log, self.wire) if is_filled(part)]
        if self.path.exists() or not remains:
            return
        raise CheckpointError(
            Message(
                "{path} is gone, but {remains} beside it {is_part} of it, so rows may have been sent. "
                "Nothing was sent now. Put {name} back. If it is lost and the load should begin again from "
                "its first row, delete {remains} too: then every row is sent, also those that were sent "
                "before.",
                path=self.path,
                name=self.path.name,
                remains=" and ".join(remains),
                is_part="is a part" if len(remains) == 1 else "are parts",
            )
        )

    def refuse_missing(self) -> None:
        """Raise `CheckpointError` if there is no checkpoint."""
        self.refuse_remains()
        if not self.path.exists():
            raise CheckpointError(
                f"{self.path}: there is no such checkpoint. Check the name. A load creates the file."
            )

    def name_unfinished(self) -> Path:
        """A name for a checkpoint that is being created, which no other start uses."""
        return self._beside(f"-new-{secrets.token_hex(8)}")

    def remove_unfinished(self) -> None:
        """Remove what processes left that were killed while they created the checkpoint, which now exists."""
        for path in self.path.parent.iterdir():
            tail = path.name.removeprefix(self.unfinished.name)
            if tail != path.name and _UNFINISHED.fullmatch(tail):
                path.unlink(missing_ok=True)

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)


Inode = tuple[int, int]


def is_filled(path: Path) -> bool:
    """Whether there is a file at `path` with anything in it."""
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def read_inode(path: Path) -> Inode | None:
    """Device and inode of the file at `path`, or None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def create(path: Path, content: bytes) -> None:
    """Write a new file that only its owner can read, to the disk.

    Raises:
        OSError: it exists already, or cannot be written.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | NO_FOLLOW, OWNER_ONLY)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def give_name(new: Path, path: Path) -> None:
    """Give a finished file its name, if no other file has it: another start may have been faster.

    Raises:
        OSError: the folder cannot be written.
    """
    try:
        os.link(new, path)
    except OSError:
        if path.exists():
            return
        new.rename(path)  # a file system without links: there is no other way that never replaces a file


def sync_folder(folder: Path) -> None:
    """Make names that were created or renamed in `folder` survive a power loss, if the system can."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(descriptor)
    except OSError:  # some network file systems cannot; the name is then as safe as they make it
        return
    finally:
        os.close(descriptor)


def explain_unusable(path: Path, error: Exception) -> CheckpointError:
    """Say what the system reported about `path`."""
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return CheckpointError(
        Message(
            "{path}: the checkpoint cannot be used: {reason}. "
            "Check the folder and the disk, or name another checkpoint with {checkpoint}.",
            path=path,
            reason=reason,
            checkpoint=Setting("checkpoint"),
        )
    )
