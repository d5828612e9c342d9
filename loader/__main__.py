"""`python -m loader` and the console script."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path


def main() -> None:
    """Run the command line."""
    from loader.cli import cli  # noqa: PLC0415 - the command line must start without pandas

    ready_standard_output()
    cli(prog_name="pushwoosh-loader")


def ready_standard_output() -> None:
    """Never fail because standard output is closed or cannot encode a character."""
    if sys.stdout is None:  # closed by `>&-`, or a job without one
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end
    elif isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as standard error does


if __name__ == "__main__":
    main()
