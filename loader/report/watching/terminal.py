"""The live view of a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from loader.report.summary import duration
from loader.report.watching import words
from loader.report.watching.watch import Watch

if TYPE_CHECKING:
    from typing import TextIO

    from rich.console import ConsoleOptions, RenderableType, RenderResult

    from loader.report.watching.moment import Moment, Reading

MARGIN, GAP = 2, 3
WIDEST_BAR, SHORTEST_BAR = 60, 8

# Name, value, style of the value.
Cell = tuple[str, str, str]


class LiveView(Watch):
    """A bar, and below it the counts, the pace and the wire, for as long as the load lasts."""

    def __init__(self, out: TextIO, console: Console | None = None) -> None:
        super().__init__(seconds=0.3)
        self._console = console or Console(file=out)
        self._live: Live | None = None

    def show_reading(self, reading: Reading) -> None:
        """Show how far a pass over the input is."""
        self._put(ReadingView(reading))

    def end_reading(self) -> None:
        """Take the view away."""
        self._close()

    def show(self, moment: Moment) -> None:
        """Show one state."""
        self._put(LoadView(moment))

    def end(self, moment: Moment) -> None:  # noqa: ARG002 - the account tells the end
        """Take the view away."""
        self._close()

    def _put(self, view: RenderableType) -> None:
        """Show a view; what is over within a blink never appears."""
        if self._live is None:
            self._live = Live(
                console=self._console,
                auto_refresh=False,
                transient=True,
                # What is printed meanwhile goes above the view; only a terminal needs that.
                redirect_stdout=sys.stdout.isatty(),
                redirect_stderr=sys.stderr.isatty(),
            )
            self._live.start()
        self._live.update(view, refresh=True)

    def _close(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.stop()


class ReadingView:
    """A bar with how much was read of how much."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """One line."""
        reading = self._reading
        told = f"{words.share_text(reading.share):>5}   {words.reading_text(reading)}"
        before = f"{reading.doing}  "
        yield bar_line(reading.share, told, options, colours=console.color_system is not None, before=before)


class LoadView:
    """A bar with what is done of how much, and the numbers below it, in as many columns as there is room for.

    It has as many lines at each moment, so that nothing jumps.
    """

    def __init__(self, moment: Moment) -> None:
        self._moment = moment

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines."""
        moment = self._moment
        goal = f"{moment.goal:,}"
        told = f"{words.share_text(moment.share):>5}   {moment.account.settled:>{len(goal)},} of {goal} rows"
        bar = bar_line(moment.share, told, options, colours=console.color_system is not None)
        yield Group(bar, *table(columns_of(moment), options.max_width))


def bar_line(share: float, told: str, options: ConsoleOptions, *, colours: bool, before: str = "") -> Text:
    """A bar with words after it, and before it; those after it alone where there is no room."""
    room = options.max_width - MARGIN - len(before) - len(told) - 1
    line = Text(" " * MARGIN, no_wrap=True, overflow="ellipsis")
    if room < SHORTEST_BAR:
        told = told.lstrip()
    else:
        line.append(before)
        width = min(room, WIDEST_BAR)
        full = int(share * width)
        sign = "#" if options.ascii_only else "━"
        # Without colours only the full part is drawn: the rest would look like it.
        rest = sign if colours else "." if options.ascii_only else "─"
        line.append(sign * full, "cyan").append(rest * (width - full), "grey30").append(" ")
    return line.append(told, "bold")


def columns_of(moment: Moment) -> list[list[Cell]]:
    """What is shown, by what it is about: the rows, the pace, the wire. What comes last may be longer."""
    account, speed = moment.account, moment.speed
    width = max(len(f"{account.read:,}"), 7)
    rows = [
        ("confirmed", account.confirmed, "green"),
        ("rejected", account.rejected, "red" if account.rejected else ""),
        ("in doubt", account.in_doubt, "yellow" if account.in_doubt else ""),
        ("never sent", moment.never_sent, ""),
    ]
    return [
        [(name, f"{count:>{width},}", style) for name, count, style in rows],
        [
            ("rate now", words.rate_text(speed.now), ""),
            ("mean rate", words.rate_text(speed.mean), ""),
            ("time left", words.about(speed.left), "bold"),
            ("waiting", words.wait_text(moment) or "no", "yellow" if moment.wait else "dim"),
        ],
        [
            ("in flight", words.in_flight_text(moment), ""),
            ("attempts", f"{account.attempts:,}", ""),
            ("elapsed", duration(moment.elapsed), ""),
        ],
    ]


def table(columns: list[list[Cell]], width: int) -> list[Text]:
    """The columns side by side as far as there is room, else below each other."""
    widths = [(10, _widest(columns[0], 7)), (9, _widest(columns[1][:3], 17)), (9, _widest(columns[2], 12))]
    for count in (3, 2):
        needed = MARGIN + sum(name + 2 + value for name, value in widths[:count]) + (count - 1) * GAP
        if needed <= width:
            # With two columns the wire stands below the pace.
            shown = columns if count == 3 else [columns[0], columns[1] + columns[2]]
            return side_by_side(shown, widths)
    return side_by_side([[cell for column in columns for cell in column]], [(10, 0)])


def side_by_side(columns: list[list[Cell]], widths: list[tuple[int, int]]) -> list[Text]:
    """One line for each row of the columns."""
    lines = []
    for number in range(max(map(len, columns))):
        line = Text(" " * MARGIN, no_wrap=True, overflow="ellipsis")
        for column, (name_width, value_width) in zip(columns, widths, strict=False):
            name, value, style = column[number] if number < len(column) else ("", "", "")
            line.append(f"{name:<{name_width}}  ", "dim").append(f"{value:<{value_width}}", style)
            line.append(" " * GAP)
        line.rstrip()
        lines.append(line)
    return lines


def _widest(cells: list[Cell], least: int) -> int:
    return max(least, *(len(value) for _, value, _ in cells))
