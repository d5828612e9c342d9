"""The live view, on terminals of any width, and as a real terminal shows it."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import signal
import struct
import sys
import termios
from dataclasses import replace
from typing import TYPE_CHECKING

import pyte
import pytest
from rich.console import Console

from loader.model import Wire
from loader.progress.moment import ReadingProgress
from loader.progress.terminal import LoadView, ReadingView
from tests.conftest import SAMPLES, CommandLine
from tests.progress.moments import moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from tests import warm

NUMBERS = ("1,204,311", "1,203", "794,457", "1,234 rows/s", "1,190 rows/s", "about 2 h 05 min", "12 of 16")


def drawn(view: RenderableType, width: int) -> list[str]:
    """The lines of a view on a terminal of that width, without colours."""
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=True, color_system=None, legacy_windows=False).print(view)
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [120, 80, 60, 40])
def test_every_number_fits_on_usual_terminals(width: int) -> None:
    """Two million rows at 120, 80, 60 and 40 columns: no line is wrapped or cut, no number is missing."""
    lines = drawn(LoadView(moment()), width)
    assert all(number in "\n".join(lines) for number in NUMBERS)
    assert not [line for line in lines if "…" in line or len(line) > width]


def test_a_terminal_of_eighty_columns_has_all_of_it_in_five_lines() -> None:
    """The usual terminal gets bar, rows, pace and wire side by side."""
    assert len(drawn(LoadView(moment()), 80)) == 5


@pytest.mark.parametrize("width", [1, 2, 5, 12, 20, 33])
def test_a_tiny_terminal_cuts_and_never_wraps(width: int) -> None:
    """A line that wrapped would leave garbage behind at each refresh."""
    for view in (LoadView(moment()), ReadingView(ReadingProgress(310_000_000, 1_204_000_000))):
        assert max(map(len, drawn(view, width))) <= width


def test_a_frame_in_memory_is_read_without_a_bar() -> None:
    """What has no size has no bar."""
    assert drawn(ReadingView(ReadingProgress(0, 0)), 80) == ["  Reading the input …"]


@pytest.mark.parametrize("width", [120, 80, 60, 40])
def test_nothing_jumps(width: int) -> None:
    """With a wait or without, at the beginning and near the end, the view has as many lines."""
    waits = moment(wire=Wire(0, 9, 16, "the vendor, as it asked", 200.0))
    assert len(drawn(LoadView(moment()), width)) == len(drawn(LoadView(waits), width))


@pytest.mark.parametrize("width", [120, 80])
def test_the_longest_wait_is_told_whole(width: int) -> None:
    """What a person wants to know most is not what is cut off."""
    waits = moment(wire=Wire(0, 9, 16, "the vendor, as it asked", 200.0))
    assert "3 min 20 s (the vendor asked to wait)" in "\n".join(drawn(LoadView(waits), width))


def test_rows_that_are_left_out_add_no_line() -> None:
    """They are counted where there is room, so that nothing jumps when the first of them comes."""
    seen = moment()
    some = replace(seen, account=replace(seen.account, left_out_by=(("selection", 1234),)))
    assert len(drawn(LoadView(some), 80)) == len(drawn(LoadView(seen), 80))
    assert re.search(r"left out +1,234", "\n".join(drawn(LoadView(some), 80)))


def test_without_colours_the_bar_can_still_be_read() -> None:
    """NO_COLOR leaves two signs, where colour told them apart."""
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system="256", no_color=True)
    console.print(LoadView(moment()))
    assert "38;5" not in out.getvalue()
    assert re.search("━─", re.sub(r"\x1b\[[\d;]*m", "", out.getvalue()))


class Screen:
    """A real terminal: a pseudo-terminal for the command, an emulator that shows what is on it."""

    def __init__(self, columns: int = 80, lines: int = 30) -> None:
        self.screen = pyte.HistoryScreen(columns, lines, history=1000)
        self._stream = pyte.ByteStream(self.screen)
        self._ours, self.theirs = pty.openpty()
        self.resize(columns)

    def resize(self, columns: int) -> None:
        """Make it wider or narrower."""
        self.screen.resize(columns=columns)
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", self.screen.lines, columns, 0, 0))

    def shown(self) -> Iterator[str]:
        """What is on the screen after each few bytes of output, until the command closes it."""
        os.close(self.theirs)
        try:
            while piece := os.read(self._ours, 256):
                self._stream.feed(piece)
                yield self.text
        except OSError:  # how Linux says that the other side is closed
            return
        finally:
            os.close(self._ours)

    @property
    def text(self) -> str:
        """All lines, those scrolled off first."""
        above = ["".join(line[x].data for x in sorted(line)) for line in self.screen.history.top]
        return "\n".join(line.rstrip() for line in [*above, *self.screen.display])


def load(command: CommandLine, screen: Screen, *more: str, term: str = "xterm-256color") -> warm.Process:
    """Load the sample slowly into a sandbox, on that terminal."""
    del command.environment["COLUMNS"]
    command.environment["TERM"] = term
    return command.start(
        "events", SAMPLES / "events.parquet", "--sandbox", "--yes", "--rate", "100", "--checkpoint", "ckpt",
        *more, terminal=screen.theirs,
    )  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_the_view_stays_in_its_place_and_goes_away(command: CommandLine) -> None:
    """Through Ctrl-C and its message there is never more than one view; then there is the account."""
    screen = Screen()
    process = load(command, screen)
    moments, interrupted = [], False
    for text in screen.shown():
        moments.append(text)
        if not interrupted and re.search(r"confirmed +\d\d", text):
            interrupted = True
            process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    assert max(text.count("rate now") for text in moments) == 1
    assert any("Stopping: waiting up to 60 s" in text and "rate now" in text for text in moments)
    assert "rate now" not in screen.text
    assert screen.text.count("Stopping: waiting up to 60 s") == 1
    assert re.search(r"never sent +6,\d\d\d", screen.text)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_a_terminal_may_change_its_size(command: CommandLine) -> None:
    """Made narrower and wider while it runs, the terminal has one view at a time, and none at the end."""
    screen, moments, sizes = Screen(100), [], {60: 60, 130: 40, 200: 120}
    process = load(command, screen, "--limit", "900", "--rate", "200")
    for text in screen.shown():
        moments.append(text)
        confirmed = re.search(r"confirmed +(\d+)", text)
        if confirmed and sizes and int(confirmed[1]) > min(sizes):
            screen.resize(sizes.pop(min(sizes)))
    assert process.wait(timeout=60) == 0
    assert not sizes
    assert max(text.count("rate now") for text in moments) == 1
    assert "rate now" not in screen.text


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_a_dumb_terminal_gets_lines(command: CommandLine) -> None:
    """A terminal that cannot move its cursor (Emacs, some CI) gets no control sequences."""
    screen = Screen()
    raw = load(command, screen, "--limit", "150", term="dumb")
    assert "rate now" not in "".join(screen.shown())
    assert raw.wait(timeout=60) == 0
    assert "confirmed" in screen.text
