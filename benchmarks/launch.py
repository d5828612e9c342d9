"""Runs a command, and writes what it cost: ``python -m benchmarks.launch RESULT COMMAND ...``.

The peak memory of a process begins with that of the process that started it (Linux, `exec_mmap`). So what
measures starts this small one, which starts the command.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def main() -> None:
    """Run the command, and end with its exit code."""
    result, *command = sys.argv[1:]
    started = time.perf_counter()
    with subprocess.Popen(command) as client:
        _, status, usage = os.wait4(client.pid, 0)
        seconds = time.perf_counter() - started
        client.returncode = os.waitstatus_to_exitcode(status)
    cost = {"seconds": seconds, "cpu_seconds": usage.ru_utime + usage.ru_stime, "maxrss": usage.ru_maxrss}
    Path(result).write_text(json.dumps(cost))
    sys.exit(client.returncode if client.returncode >= 0 else 128 - client.returncode)


if __name__ == "__main__":
    main()
