"""The view of a notebook: one output that is written over, and at the end holds the counts alone.

Made with `IPython.display`, which every front end knows (Jupyter, VS Code, Colab), and a text beside it for
those that show none.
"""

from __future__ import annotations

import sys
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any

from loader.progress import words
from loader.progress.watch import Watch
from loader.text.account import duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loader.progress.moment import Moment, Reading

_LABEL, _NUMBER = "text-align:left;opacity:.7;padding:0 .6em 0 0", "text-align:right;padding:0 1.6em 0 0"


def in_kernel() -> bool:
    """Whether a notebook's kernel runs this; imports nothing to find out."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


class NotebookView(Watch):
    """Shows a load below its cell."""

    def __init__(self) -> None:
        super().__init__(seconds=0.5)
        self._handle: Any = None

    def show_reading(self, reading: Reading) -> None:
        """Show how far a pass over the input is."""
        told = words.reading_text(reading)
        self._put(told, bar(reading.share, told) if reading.total else f"<div>{escape(told)}</div>")

    def show(self, moment: Moment) -> None:
        """Show one state."""
        self._put(load_text(moment), load_html(moment))

    def end(self, moment: Moment) -> None:
        """Leave the counts behind, the same each time the cell is run with the same outcome."""
        text = words.settled_text(moment)
        self._put(text, f"<div>{escape(text)}</div>")

    def _put(self, text: str, html: str) -> None:
        shown = {"text/plain": text, "text/html": html}
        if self._handle is None:
            ipython: Any = import_module("IPython.display")  # only a notebook has it
            self._handle = ipython.display(shown, raw=True, display_id=True)
        else:
            self._handle.update(shown, raw=True)


def load_text(moment: Moment) -> str:
    """One line."""
    done = f"{words.share_text(moment.share)} of {moment.goal:,} rows, {words.rate_text(moment.speed.now)}"
    return f"{done}, {words.about(moment.speed.left)} left: {words.counts_text(moment)}"


def load_html(moment: Moment) -> str:
    """A bar and the numbers."""
    account, speed = moment.account, moment.speed
    told = f"{words.share_text(moment.share)}, {account.settled:,} of {moment.goal:,} rows"
    rows = [
        ("confirmed", f"{account.confirmed:,}", "rate now", words.rate_text(speed.now)),
        ("rejected", f"{account.rejected:,}", "mean rate", words.rate_text(speed.mean)),
        ("in doubt", f"{account.in_doubt:,}", "time left", words.about(speed.left)),
        ("never sent", f"{moment.never_sent:,}", "in flight", words.in_flight_text(moment)),
        ("attempts", f"{account.attempts:,}", "elapsed", duration(moment.elapsed)),
    ]
    waiting = f"<div>waiting {escape(words.wait_text(moment))}</div>" if moment.wait else ""
    return f"{bar(moment.share, told)}<table>{''.join(map(_row, rows))}</table>{waiting}"


def bar(share: float, told: str) -> str:
    """A bar with words after it; browsers bring the bar."""
    return f'<div><progress value="{share:.3f}" max="1"></progress> {escape(told)}</div>'


def _row(cells: Iterable[str]) -> str:
    styles = (_LABEL, _NUMBER, _LABEL, _NUMBER)
    shown = (f'<td style="{style}">{escape(cell)}</td>' for style, cell in zip(styles, cells, strict=True))
    return f"<tr>{''.join(shown)}</tr>"
