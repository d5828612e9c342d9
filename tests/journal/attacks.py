"""What other programs do to a checkpoint, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

# As `sqlite3 FILE "..."` does: open for reading and writing, run it, close.
TOOL = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0.1, isolation_level=None)
try:
    print(connection.execute(sys.argv[2]).fetchall())
except sqlite3.OperationalError as error:
    print(error)
connection.close()
"""


def run(code: str, *arguments: object) -> str:
    """Run code in another process; what it prints."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert not done.stderr
    return done.stdout.strip()
