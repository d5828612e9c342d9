"""The files that paths, folders and patterns mean: in a stable order, none left out in silence."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from loader import stores
from loader.errors import SourceMissing
from loader.sources.archive import find_archive, is_set_aside
from loader.sources.copies import refuse_copied_names
from loader.sources.formats import PACKINGS, list_endings
from loader.sources.tableformats import marks_table, refuse_listed_tables, refuse_tables
from loader.stores.address import is_address

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN = 5
_PACKED = frozenset(packing.ending for packing in PACKINGS)


@dataclass(frozen=True, slots=True)
class Found:
    """What one path, folder or pattern means.

    Attributes:
        names: the files to load, in order.
        folder: the folder that was given, or "".
        left_out: the files of the folder that are not loaded.
    """

    names: tuple[str, ...]
    folder: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should know about it."""
        return list_left_out(f"the folder {self.folder}", self.left_out)


def list_left_out(folder: str, names: Sequence[str]) -> tuple[str, ...]:
    """A sentence that lists what a folder leaves out, if it leaves anything out."""
    if not names:
        return ()
    count, more = len(names), len(names) - _SHOWN
    shown = ", ".join(names[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
    files = "1 file is" if count == 1 else f"{count:,} files are"
    return (
        f"{files} left out of {folder}, because names that begin with . or _ are those of "
        f"hidden files and marks, and names with .ckpt those of checkpoints: {shown}.",
    )


def find_files(given: Sequence[Path | str]) -> list[Found]:
    """The files that are named, in folders, or match a pattern; each group in the order of its names.

    Raises:
        SourceError: a folder or pattern without a file; a folder of a table format; a copy beside its
            original.
    """
    return [_find_files(str(path)) for path in given]


def _find_files(name: str) -> Found:
    if is_address(name):
        return _find_objects(name)
    if Path(name).is_dir():
        return _walk_folder(name)
    if glob.has_magic(name) and not Path(name).exists() and find_archive(name) is None:
        return _match_pattern(name)
    return Found((name,))


def _match_pattern(pattern: str) -> Found:
    matches = glob.glob(pattern, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute patterns
    found = sorted(name for name in matches if not Path(name).is_dir())
    if not found:
        raise SourceMissing(f"{pattern}: no file matches this pattern.")
    refuse_tables(dict.fromkeys(folder for name in found for folder in Path(name).parents))
    refuse_copied_names(found, _PACKED)
    return Found(tuple(found))


def _find_objects(name: str) -> Found:
    if name.endswith("/") or stores.is_folder(name):
        return _walk_objects(name.rstrip("/"))
    if stores.has_pattern(name) and find_archive(name) is None and not stores.exists(name):
        return _match_objects(name)
    return Found((name,))


def _match_objects(pattern: str) -> Found:
    listed = stores.match_pattern(pattern)
    found = [name for name, matches in listed if matches]
    if not found:
        raise SourceMissing(f"{pattern}: no object matches this pattern.")
    refuse_listed_tables([name for name, _ in listed])
    refuse_copied_names(found, _PACKED)
    return Found(tuple(found))


def _walk_objects(folder: str) -> Found:
    """All objects below it, except those that would be left out of a folder on a disk."""
    files = [name for name, is_object in stores.list_folder(folder) if is_object]
    refuse_listed_tables(files)
    hidden = [name for name in files if is_set_aside(PurePosixPath(name[len(folder) + 1 :]))]
    names = [name for name in files if name not in set(hidden)]
    if not names:
        raise SourceMissing(f"{folder}: this folder holds no object to load. {list_endings()}")
    refuse_copied_names(names, _PACKED)
    return Found(tuple(names), folder, tuple(hidden))


def _walk_folder(folder: str) -> Found:
    """All files in it, except hidden ones, marks such as _SUCCESS, and checkpoints."""
    paths = sorted(Path(folder).rglob("*"), key=str)
    files = [path for path in paths if path.is_file()]
    refuse_tables(dict.fromkeys(path.parent for path in paths if marks_table(path) and path.is_dir()))
    names = [str(path) for path in files if not is_set_aside(path.relative_to(folder))]
    if not names:
        raise SourceMissing(f"{folder}: this folder holds no file to load. {list_endings()}")
    refuse_copied_names(names, _PACKED)
    left_out = (str(path) for path in files if is_set_aside(path.relative_to(folder)))
    return Found(tuple(names), folder, tuple(left_out))
