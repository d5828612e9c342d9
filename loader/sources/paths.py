"""The files that paths, folders and patterns mean: in a stable order, none left out in silence."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import TYPE_CHECKING

from loader.errors import SourceError
from loader.sources.formats import ENDINGS, list_endings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def list_files(given: Sequence[Path | str]) -> list[str]:
    """The files that are named, in folders, or match a pattern; each group in the order of its names.

    Raises:
        SourceError: a folder or pattern without a file, or a folder with a file that cannot be loaded.
    """
    return [name for path in given for name in _find_files(path)]


def _find_files(path: Path | str) -> Iterator[str]:
    name = str(path)
    if Path(name).is_dir():
        yield from _walk_folder(name)
    elif glob.has_magic(name) and not Path(name).exists():
        yield from _match_pattern(name)
    else:
        yield name


def _match_pattern(pattern: str) -> list[str]:
    matches = glob.glob(pattern, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute patterns
    found = sorted(name for name in matches if not Path(name).is_dir())
    if not found:
        raise SourceError(f"{pattern}: no file matches this pattern.")
    return found


def _walk_folder(folder: str) -> list[str]:
    """All files in it, except hidden ones, marks such as _SUCCESS, and checkpoints."""
    files = sorted(
        str(path)
        for path in Path(folder).rglob("*")
        if path.is_file() and not _is_set_aside(path.relative_to(folder))
    )
    if not files:
        raise SourceError(f"{folder}: this folder holds no file to load. {list_endings()}")
    for name in files:
        if Path(name).suffix.lower() not in ENDINGS:
            raise SourceError(
                f"{folder}: holds {name}, whose name does not say that it can be loaded. No file is left "
                f"out in silence. Move it, or name the files, for example '{folder.rstrip('/')}/**/*.csv'."
            )
    return files


def _is_set_aside(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts) or ".ckpt" in path.name
