"""`python -m loader` and the console script."""

from __future__ import annotations

import io
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from loader.printable import escape

if TYPE_CHECKING:
    from types import TracebackType


def main() -> None:
    """Run the command line."""
    from loader.cli import cli  # noqa: PLC0415 - the command line must start without pandas

    ready_standard_output()
    sys.excepthook = show_unexpected
    cli(prog_name="pushwoosh-loader")


def show_unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Show an error that nobody expected, as Python does; its text may quote what steers a terminal."""
    if sys.stderr is not None:
        text = "".join(traceback.format_exception(kind, error, trace))
        sys.stderr.write(escape(text, keep="\n"))


def ready_standard_output() -> None:
    """Never fail because standard output is closed or cannot encode a character."""
    if sys.stdout is None:  # closed by `>&-`, or a job without one
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end
    elif isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as standard error does


if __name__ == "__main__":
    main()
