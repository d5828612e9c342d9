"""The view of a notebook: one output that is written over, and at the end holds the counts alone.

Made with `IPython.display`, which every front end knows (Jupyter, VS Code, Colab), and a text beside it for
those that show none.
"""

from __future__ import annotations

from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any

from loader.progress import words
from loader.progress.watch import Watch
from loader.text.account import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loader.progress.moment import Moment, ReadingProgress

_LABEL, _NUMBER = "text-align:left;opacity:.7;padding:0 .6em 0 0", "text-align:right;padding:0 1.6em 0 0"


class NotebookView(Watch):
    """Shows a load below its cell."""

    def __init__(self) -> None:
        super().__init__(seconds=0.5)
        self._handle: Any = None
        self._news: dict[bool, str] = {}

    def hear_news(self, event: str, text: str, worker: str = "") -> None:  # noqa: ARG002 - for programs
        """Keep it for the next look: where the dashboard is, and the newest of all else."""
        self._news[event != "dashboard"] = text

    def show_reading(self, reading: ReadingProgress) -> None:
        """Show how far a pass over the input is."""
        told = words.format_reading(reading)
        self._put(told, render_bar(reading.share, told) if reading.total else f"<div>{escape(told)}</div>")

    def show(self, moment: Moment) -> None:
        """Show one state."""
        news = "".join(f"<div>{escape(text)}</div>" for _, text in sorted(self._news.items()))
        self._put(format_load(moment), render_load(moment) + news)

    def end(self, moment: Moment) -> None:
        """Leave the counts behind, the same each time the cell is run with the same outcome."""
        text = words.format_settled(moment)
        self._put(text, f"<div>{escape(text)}</div>")

    def _put(self, text: str, html: str) -> None:
        shown = {"text/plain": text, "text/html": html}
        if self._handle is None:
            ipython: Any = import_module("IPython.display")  # only a notebook has it
            self._handle = ipython.display(shown, raw=True, display_id=True)
        else:
            self._handle.update(shown, raw=True)


def format_load(moment: Moment) -> str:
    """One line."""
    done = (
        f"{words.format_share(moment.share)} of {moment.goal:,} rows, {words.format_rate(moment.speed.now)}"
    )
    return f"{done}, {words.format_time_left(moment.speed.left)} left: {words.format_counts(moment)}"


def render_load(moment: Moment) -> str:
    """A bar and the numbers."""
    account, speed = moment.account, moment.speed
    done = f"{words.format_share(moment.share)}, {account.settled:,} of {moment.goal:,} rows"
    rows = [
        ("confirmed", f"{account.confirmed:,}", "rate now", words.format_rate(speed.now)),
        ("rejected", f"{account.rejected:,}", "mean rate", words.format_rate(speed.mean)),
        ("in doubt", f"{account.in_doubt:,}", "time left", words.format_time_left(speed.left)),
        ("never sent", f"{moment.never_sent:,}", "in flight", words.format_in_flight(moment)),
        ("attempts", f"{account.attempts:,}", "elapsed", format_duration(moment.elapsed)),
    ]
    if account.left_out:
        rows.append(("left out", f"{account.left_out:,}", "", ""))
    told = f"waiting {words.format_wait(moment)}" if moment.wait else words.format_silence(moment)
    told = " · ".join(filter(None, (told, words.format_workers(moment))))
    waiting = f"<div>{escape(told)}</div>" if told else ""
    return f"{render_bar(moment.share, done)}<table>{''.join(map(_render_row, rows))}</table>{waiting}"


def render_bar(share: float, told: str) -> str:
    """A bar with words after it; browsers bring the bar."""
    return f'<div><progress value="{share:.3f}" max="1"></progress> {escape(told)}</div>'


def _render_row(cells: Iterable[str]) -> str:
    styles = (_LABEL, _NUMBER, _LABEL, _NUMBER)
    shown = (f'<td style="{style}">{escape(cell)}</td>' for style, cell in zip(styles, cells, strict=True))
    return f"<tr>{''.join(shown)}</tr>"
