"""Which watch shows a load, by the place in which it runs."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from loader.progress.lines import LogLines
from loader.progress.watch import Silent

if TYPE_CHECKING:
    from typing import TextIO

    from loader.progress.events import EventLog
    from loader.progress.watch import Watch


def choose_watch(
    *, quiet: bool = False, lines: bool = False, log: EventLog | None = None, out: TextIO | None = None
) -> Watch:
    """A view in a notebook, a live view on a terminal, a line now and then elsewhere.

    Args:
        quiet: show nothing.
        lines: lines for people, also on a terminal or in a notebook.
        log: write JSON lines there, instead of all that.
        out: standard error unless given.
    """
    out = out or sys.stderr
    if quiet or not out:  # closed (`2>&-`), it is None
        return Silent()
    if log is not None:
        from loader.progress.events import JsonLines  # noqa: PLC0415 - only if it is requested

        return JsonLines(log)
    if lines:
        return LogLines(out)
    if is_in_kernel():
        from loader.progress.notebook import NotebookView  # noqa: PLC0415 - as above

        return NotebookView()
    return _open_live_view(out) if out.isatty() and not _is_dumb() else LogLines(out)


def _open_live_view(out: TextIO) -> Watch:
    from loader.progress.terminal import LiveView  # noqa: PLC0415 - rich is slow to import

    return LiveView(out)


def is_in_kernel() -> bool:
    """Whether a notebook's kernel runs this; imports nothing to find out."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def _is_dumb() -> bool:
    """Whether the terminal cannot move its cursor: a live view would show nothing there."""
    return os.environ.get("TERM", "").lower() in {"dumb", "unknown"}
