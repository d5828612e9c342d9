"""What a temporary file is called in messages: what it stands for, as it is soon gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_CALLED: dict[str, str] = {}


def call_file(path: Path, name: str) -> str:
    """Call a temporary file by what it stands for, such as "the query"; its path."""
    _CALLED[str(path)] = name
    return str(path)


def name_file(path: Path | str) -> str:
    """What a file is called: its path, unless it is a temporary one."""
    return _CALLED.get(str(path), str(path))


def name_files(paths: Iterable[Path | str]) -> list[str]:
    """What each of several files is called."""
    return [name_file(path) for path in paths]
