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
    """Let no word fail for where it goes: not where that is closed, nor where it has no such letter."""
    if sys.stdout is None:  # `>&-`, or a job without any
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end
    elif isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as that of standard error


if __name__ == "__main__":
    main()
