"""`python -m loader` and the console script."""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from loader.printable import escape

if TYPE_CHECKING:
    from types import TracebackType


# Containers between two collections of garbage; Python's own number is 700.
COLLECTED_AT_ONCE = 200_000


def main() -> None:
    """Run the command line."""
    hasten_start_and_end()
    from loader.cli import cli  # noqa: PLC0415 - the command line must start without pandas

    ready_standard_output()
    sys.excepthook = show_unexpected
    cli(prog_name="pushwoosh-loader")


def hasten_start_and_end() -> None:
    """Leave out work that a command does not need; `python -m benchmarks.start` measures what it saves.

    Call it before numpy is imported: then numpy reads from the environment with how many threads it begins.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # no command multiplies matrices
    # Modules are no garbage, but at Python's number they are searched for it dozens of times, and at the end.
    gc.set_threshold(COLLECTED_AT_ONCE, *gc.get_threshold()[1:])
    atexit.register(gc.freeze)


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
