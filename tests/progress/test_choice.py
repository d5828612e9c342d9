"""Which watch it is to be."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from loader.progress import EventLog, Silent, choose_watch
from loader.progress.events import JsonLines
from loader.progress.lines import LogLines
from loader.progress.terminal import LiveView


class Terminal(io.StringIO):
    """What says that it is a terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def test_a_terminal_gets_the_live_view_and_a_file_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a person looks there is a view, where a log is written there are lines."""
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(choose_watch(out=Terminal()), LiveView)
    assert isinstance(choose_watch(out=io.StringIO()), LogLines)


@pytest.mark.parametrize("kind", ["dumb", "unknown"])
def test_a_terminal_that_cannot_move_its_cursor_gets_lines(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Emacs' shell and some CI systems say TERM=dumb."""
    monkeypatch.setenv("TERM", kind)
    assert isinstance(choose_watch(out=Terminal()), LogLines)


def test_what_is_asked_for_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """--quiet, --log-format json and text hold on a terminal as well, in this order."""
    monkeypatch.setenv("TERM", "xterm")
    log = EventLog(io.StringIO())
    assert isinstance(choose_watch(out=Terminal(), lines=True), LogLines)
    assert isinstance(choose_watch(out=Terminal(), log=log), JsonLines)
    assert isinstance(choose_watch(out=Terminal(), log=log, quiet=True), Silent)


def test_finding_out_imports_neither_rich_nor_ipython() -> None:
    """A job at night pays for no view that nobody sees."""
    code = (
        "import io, sys; from loader.progress import choose_watch; choose_watch(out=io.StringIO())\n"
        "assert not {'rich', 'IPython', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
