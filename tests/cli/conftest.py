"""What the tests of the commands share: small files of events, and a load of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

HEADER = "user_id,device_id,event,timestamp,timezone,amount\n"
GOOD = "0042,DEV-1,purchase,20240229,America/New_York,12.00"
NAMELESS = ",,purchase,20240229,America/New_York,12.00"
SANDBOXED = ("--sandbox", "--yes", "--app", "AAAAA-BBBBB")


def events_csv(folder: Path, *rows: str) -> Path:
    """An event file with these rows."""
    path = folder / "events.csv"
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return path


@pytest.fixture
def loaded(command: CommandLine, tmp_path: Path) -> Path:
    """An event file of which one row is confirmed and one rejected."""
    source = events_csv(tmp_path, GOOD, NAMELESS)
    assert command.run("events", source, *SANDBOXED).code == 3
    return source
