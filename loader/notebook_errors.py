"""How IPython and Jupyter show an error of ours: the user's own lines and the sentence, not our internals.

IPython asks an exception that has `_render_traceback_` for the lines: `InteractiveShell.showtraceback`.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from traceback import FrameSummary
    from types import TracebackType

FULL_TRACEBACK_VARIABLE = "PUSHWOOSH_FULL_TRACEBACK"
HINT = "To see the whole traceback: %tb"

_OURS = str(Path(__file__).parent) + os.sep


def wants_everything() -> bool:
    """Whether each error is to be shown with its whole traceback: by our variable, or by `%xmode Verbose`."""
    if os.environ.get(FULL_TRACEBACK_VARIABLE, "") not in {"", "0"}:
        return True
    shell = _find_shell()
    return getattr(getattr(shell, "InteractiveTB", None), "mode", "") == "Verbose"


def render_sentence(error: BaseException, sentence: str) -> list[str]:
    """The lines of the user that led to the error, and its sentence."""
    lines = [_render_line(frame) for frame in _list_own_frames(error.__traceback__)]
    return [*lines, f"{type(error).__name__}: {sentence}", "", HINT]


def render_everything(error: BaseException) -> list[str]:
    """What IPython shows of other errors; Python's own form if IPython cannot be asked."""
    shell = _find_shell()
    if shell is None:
        return "".join(traceback.format_exception(error)).splitlines()
    # The first entry is IPython's own, which ran the cell; it leaves that out itself of other errors.
    found: list[str] = shell.InteractiveTB.structured_traceback(
        type(error), error, error.__traceback__, tb_offset=1
    )
    return found


def _find_shell() -> Any:
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def _list_own_frames(trace: TracebackType | None) -> Iterator[FrameSummary]:
    """The user's frames, until one of ours is called."""
    ipython = _find_folder("IPython")
    for frame in traceback.extract_tb(trace):
        if frame.filename.startswith(_OURS):
            return
        if not ipython or not frame.filename.startswith(ipython):
            yield frame


def _find_folder(package: str) -> str:
    file = getattr(sys.modules.get(package), "__file__", None)
    return str(Path(file).parent) + os.sep if file else ""


def _render_line(frame: FrameSummary) -> str:
    # A cell is compiled under a name of which there is no file.
    path = Path(frame.filename)
    file = f"{path.name}, " if path.exists() else ""
    return f"{file}line {frame.lineno}: {frame.line}"
