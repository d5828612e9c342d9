"""What the journal takes from the machine it runs on; tests hand in their own."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loader.journal.store import connect

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Host:
    """The machine.

    Attributes:
        boot_id: differs after every start of the machine; None if it is not known: then slots never count.
        clock: seconds, only ever forward.
        now: seconds since 1970.
        connect: opens the checkpoint for writing, in autocommit mode.
    """

    boot_id: str | None
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    connect: Callable[[Path], sqlite3.Connection] = connect

    @classmethod
    def local(cls) -> Host:
        """This machine."""
        return cls(boot_id=read_boot_id())


def read_boot_id() -> str | None:
    """The id of this start of the machine, from Linux or macOS; None elsewhere."""
    try:
        if sys.platform == "darwin":
            command = ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]
            found = subprocess.run(command, check=True, capture_output=True, text=True, timeout=5)  # noqa: S603  # a fixed command
            return found.stdout.strip() or None
        return _BOOT_ID.read_text(encoding="ascii").strip() or None
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
