"""`users`: users are tied to their devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine


def test_the_last_row_of_a_device_wins(command: CommandLine, tmp_path: Path) -> None:
    """Rows of one device arrive in the order of the input, whatever the concurrency."""
    rows = "".join(f"U{row},D{row % 3},Android\n" for row in range(60))
    (tmp_path / "users.csv").write_text("user_id,device_id,platform\n" + rows)
    found = command.summary("users", "users.csv", "--sandbox", "--concurrency", 16)
    assert (found["kind"], found["confirmed"]) == ("users", 60)
    assert command.held("SELECT hwid, user_id FROM devices ORDER BY hwid") == [
        ("D0", "U57"),
        ("D1", "U58"),
        ("D2", "U59"),
    ]
