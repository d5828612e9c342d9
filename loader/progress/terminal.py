"""The live view of a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.segment import Segment

from loader.progress import words
from loader.progress.watch import Watch
from loader.text.account import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TextIO

    from rich.console import ConsoleOptions, RenderableType, RenderResult

    from loader.model import Worker
    from loader.progress.moment import Moment, ReadingProgress

MARGIN, GAP = 2, 3
WIDEST_BAR, SHORTEST_BAR = 60, 8
SHORTEST_NAME = 12
# Columns of the table of workers that are left out on a terminal that is too narrow for them: first none.
NARROWER: tuple[frozenset[int], ...] = (frozenset(), frozenset({3}), frozenset({1, 3}), frozenset({1, 3, 4}))

# Name, value, style of the value.
Cell = tuple[str, str, str]

# Words in their styles. Rich's own texts can be wrapped and aligned, and cost three times as much to draw.
Line = list[tuple[str, str]]


class LiveView(Watch):
    """A bar, and below it the counts, the pace and the wire, for as long as the load lasts."""

    def __init__(self, out: TextIO, console: Console | None = None) -> None:
        super().__init__(seconds=0.3)
        self._console = console or Console(file=out)
        self._live: Live | None = None

    def show_reading(self, reading: ReadingProgress) -> None:
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

    def hear_news(self, event: str, text: str, worker: str = "") -> None:  # noqa: ARG002 - for programs
        """Write a line, which stays above the view."""
        self._console.print(text, markup=False, highlight=False)

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

    def __init__(self, reading: ReadingProgress) -> None:
        self._reading = reading

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """One line."""
        reading = self._reading
        if not reading.total:
            return draw_lines(
                [[(" " * MARGIN + words.format_reading(reading), "none")]], console, options.max_width
            )
        told = f"{words.format_share(reading.share):>5}   {words.format_extent(reading, steady=True)}"
        bar = Bar(options.max_width, choose_signs(console, options), before=f"{reading.doing}  ")
        return draw_lines([bar.line(reading.share, told)], console, options.max_width)


class LoadView:
    """A bar with what is done of how much, and the numbers below it, in as many columns as there is room for.

    It has as many lines at each moment, so that nothing jumps.
    """

    def __init__(self, moment: Moment) -> None:
        self._moment = moment

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines."""
        moment, width = self._moment, options.max_width
        goal = f"{moment.goal:,}"
        told = (
            f"{words.format_share(moment.share):>5}   {moment.account.settled:>{len(goal)},} of {goal} rows"
        )
        bar = Bar(width, choose_signs(console, options)).line(moment.share, told)
        lines = [
            bar,
            *lay_out_table(build_columns(moment), width),
            *lay_out_workers(moment.wire.workers, width),
        ]
        return draw_lines(lines, console, width)


def choose_signs(console: Console, options: ConsoleOptions) -> tuple[str, str]:
    """The signs of a bar, full and rest: two, if no colour tells them apart."""
    colours = console.color_system is not None and not console.no_color
    if options.ascii_only:
        return "#", "."
    return "━", "━" if colours else "─"


def draw_lines(lines: Iterable[Line], console: Console, width: int) -> Iterator[Segment]:
    """The lines for rich, cut where the terminal ends."""
    for line in lines:
        yield from (Segment(text, console.get_style(style)) for text, style in cut(line, width))
        yield Segment.line()


def cut(line: Line, width: int) -> Line:
    """As much of a line as there is room for."""
    length = sum(len(text) for text, _ in line)
    if length <= width:
        return line
    kept, room = [], max(width - 1, 0)
    for text, style in line:
        kept.append((text[:room], style))
        room -= len(kept[-1][0])
    return [*kept, ("…", "none")]


class Bar:
    """A bar with words after it, and before it; only those after it if there is no room."""

    def __init__(self, width: int, signs: tuple[str, str], before: str = "") -> None:
        self._width = width
        self._signs = signs
        self._before = before

    def line(self, share: float, told: str) -> Line:
        """The bar."""
        room = self._width - MARGIN - len(self._before) - len(told) - 1
        if room < SHORTEST_BAR:
            return [(" " * MARGIN, "none"), (told.lstrip(), "bold")]
        width = min(room, WIDEST_BAR)
        full = int(share * width)
        done, rest = self._signs
        return [
            (" " * MARGIN + self._before, "none"),
            (done * full, "cyan"),
            (rest * (width - full), "grey30"),
            (f" {told}", "bold"),
        ]


def build_columns(moment: Moment) -> list[list[Cell]]:
    """What is shown, by what it is about: the rows, the pace, the wire. What comes last may be longer."""
    account, speed = moment.account, moment.speed
    width = max(len(f"{account.read:,}"), 7)
    rows = [
        ("confirmed", account.confirmed, "green"),
        ("rejected", account.rejected, "red" if account.rejected else "none"),
        ("in doubt", account.in_doubt, "yellow" if account.in_doubt else "none"),
        ("never sent", moment.never_sent, "none"),
    ]
    return [
        [(name, f"{count:>{width},}", style) for name, count, style in rows],
        [
            ("rate now", words.format_rate(speed.now), "none"),
            ("mean rate", words.format_rate(speed.mean), "none"),
            ("time left", words.format_time_left(speed.left), "bold"),
            ("waiting", *describe_waiting(moment)),
        ],
        [
            ("in flight", words.format_in_flight(moment), "none"),
            ("attempts", f"{account.attempts:,}", "none"),
            ("elapsed", format_duration(moment.elapsed), "none"),
            # In the shorter column, so that no line is added while it is shown.
            *([("left out", f"{account.left_out:,}", "none")] if account.left_out else []),
        ],
    ]


def describe_waiting(moment: Moment) -> tuple[str, str]:
    """What the load waits for, and its style: the sender for its time, or all of it for the vendor."""
    told = words.format_wait(moment) or words.format_silence(moment)
    return (told, "yellow") if told else ("no", "dim")


def lay_out_table(columns: list[list[Cell]], width: int) -> list[Line]:
    """The columns side by side as far as there is room, else below each other."""
    widths = [
        (10, _measure_widest(columns[0], 7)),
        (9, _measure_widest(columns[1][:3], 17)),
        (9, _measure_widest(columns[2], 12)),
    ]
    for count in (3, 2):
        needed = MARGIN + sum(name + 2 + value for name, value in widths[:count]) + (count - 1) * GAP
        if needed <= width:
            # With two columns, the wire is below the pace.
            shown = columns if count == 3 else [columns[0], columns[1] + columns[2]]
            return join_columns(shown, widths)
    return join_columns([[cell for column in columns for cell in column]], [(10, 0)])


def lay_out_workers(workers: Sequence[Worker], width: int) -> list[Line]:
    """A table of the workers of a cluster by their names; those that are there first, and not too many."""
    if not workers:
        return []
    ordered = sorted(workers, key=lambda each: (bool(each.lost), words.order_name(each.name)))
    shown, others = ordered[: words.MOST_WORKERS], ordered[words.MOST_WORKERS :]
    table = fit_columns([list(words.WORKER_COLUMNS), *map(words.format_worker, shown)], width)
    lines: list[Line] = [[("", "none")]]
    for worker, line in zip([None, *shown], table, strict=True):
        quiet = worker is not None and (worker.lost or worker.silent >= words.SILENT_SECONDS)
        lines.append([(" " * MARGIN + line, "yellow" if quiet else "none" if worker else "dim")])
    if others:
        lines.append([(" " * MARGIN + words.format_more_workers(others), "dim")])
    return lines


def fit_columns(table: list[list[str]], width: int) -> list[str]:
    """Lines with as many columns as there is room for; a name that is too long is cut in its middle."""
    for left_out in NARROWER:
        names, *others = [
            column for place, column in enumerate(zip(*table, strict=True)) if place not in left_out
        ]
        widths = [max(map(len, column)) for column in others]
        room = width - MARGIN - sum(widths) - GAP * len(widths)
        if room >= SHORTEST_NAME:
            break
    longest = min(max(map(len, names)), max(room, 1))
    rows = zip(names, *others, strict=True)
    pad = [f"{{:>{each}}}" for each in widths]
    return [
        (" " * GAP).join(
            [
                f"{shorten(name, longest):<{longest}}",
                *(form.format(cell) for form, cell in zip(pad, cells, strict=True)),
            ]
        )
        for name, *cells in rows
    ]


def shorten(name: str, width: int) -> str:
    """A name with at most as many letters: workers of one cluster differ at its end."""
    if len(name) <= width:
        return name
    end = (width - 1) * 2 // 3
    return f"{name[: width - 1 - end]}…{name[len(name) - end :]}"


def join_columns(columns: list[list[Cell]], widths: list[tuple[int, int]]) -> list[Line]:
    """One line for each row of the columns."""
    lines = []
    for number in range(max(map(len, columns))):
        line: Line = [(" " * MARGIN, "none")]
        for column, (name_width, value_width) in zip(columns, widths, strict=False):
            name, value, style = column[number] if number < len(column) else ("", "", "none")
            line += [(f"{name:<{name_width}}  ", "dim"), (f"{value:<{value_width + GAP}}", style)]
        lines.append(strip_line(line))
    return lines


def strip_line(line: Line) -> Line:
    """Without the blanks at its end, which a narrow terminal would have to cut."""
    kept = list(line)
    while kept and not kept[-1][0].strip():
        kept.pop()
    return [*kept[:-1], (kept[-1][0].rstrip(), kept[-1][1])] if kept else kept


def _measure_widest(cells: list[Cell], least: int) -> int:
    return max(least, *(len(value) for _, value, _ in cells))
