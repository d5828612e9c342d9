"""What this machine has: room and locks where the checkpoint goes, time zones, the parts of the program."""

from __future__ import annotations

import os
import shutil
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from loader.conditions import collect_versions
from loader.delivery import find_library_version
from loader.doctor.check import Check, fail_check, pass_check
from loader.journal.folder_trial import SQLITE_VERSION, find_fault
from loader.text.nouns import format_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from loader.choices import Library

#: Bytes. A checkpoint of 100 million rows takes about one million; a million rejected rows some hundred times
#: that, and standard input is kept beside it.
LEAST_FREE = 500 * 10**6

DISK, LOCKS, ZONES, PARTS = "disk", "locks", "time zones", "parts"


def find_free_bytes(folder: Path) -> int:
    """Bytes that are free for this user."""
    return shutil.disk_usage(folder).free


def judge_disk(folder: Path, free: int) -> Check:
    """Whether there is room for a checkpoint."""
    found = f"{format_bytes(free)} free in {folder}"
    if free >= LEAST_FREE:
        return pass_check(DISK, found)
    advice = (
        f"Make room, or name a --checkpoint elsewhere. {format_bytes(LEAST_FREE)} are enough unless millions "
        "of rows are rejected."
    )
    return fail_check(DISK, found, advice)


def check_locks(folder: Path) -> Check:
    """Whether files there can be written, locked and mapped; a small file is made and removed."""
    fault = find_fault(folder)
    if not fault:
        return pass_check(LOCKS, f"files in {folder} can be written and locked")
    advice = "Name a --checkpoint in a folder on a disk of this machine that you can write to."
    return fail_check(LOCKS, f"{folder}: {fault}", advice)


def check_zones() -> Check:
    """Whether the rules of time zones are there."""
    try:
        ZoneInfo("America/New_York")
    except (ZoneInfoNotFoundError, OSError, ValueError):
        return fail_check(ZONES, "no rules of time zones are found", "Install tzdata: pip install tzdata.")
    return pass_check(ZONES, f"tzdata {_find_version('tzdata') or 'of the system'}")


def check_parts(library: Library) -> Check:
    """Whether the parts of the program can be used, and which they are."""
    sender = find_library_version(library)
    parts = collect_versions() | {"SQLite": SQLITE_VERSION} | sender
    found = ", ".join(f"{name} {number}" for name, number in parts.items())
    if sender:
        return pass_check(PARTS, found)
    advice = "Install pycurl 7.45.7 or newer, or load with --transport requests, which is slower."
    return fail_check(PARTS, f"{found}, but no libcurl", advice)


def _find_version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def find_folder(checkpoint: Path | None, working: str = os.curdir) -> Path:
    """Where a checkpoint goes: beside it, or else in the working folder."""
    from pathlib import Path  # noqa: PLC0415 - for one line

    return (checkpoint.parent if checkpoint is not None else Path(working)).absolute()
