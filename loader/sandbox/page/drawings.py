"""The two charts of the page, drawn by pygal in the house's look."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from loader.look.drawing import StackedBar
from loader.look.numbers import number
from loader.look.scales import mark_names, scale_counts
from loader.look.svg import NARROW, WIDE, Chart, align_label, configure, render_svg

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loader.sandbox.page.live import Step
    from loader.sandbox.page.timeline import Month

KINDS = ("ok", "refused", "fault")
MOST_BARS = 60
MOST_SERIES = 5


def draw_course(course: Sequence[Step]) -> Chart:
    """Answers a second over the last minute or five."""
    names = [f"{datetime.fromtimestamp(step.second, UTC):%H:%M:%S}" for step in course]
    series = [[getattr(step, kind) for step in course] for kind in KINDS]
    span = course[-1].second - course[0].second
    every = 60 if span > 60 else 10
    round_times = [name for name, step in zip(names, course, strict=True) if step.second % every == 0]
    marks = {WIDE: round_times, NARROW: round_times[::2]}
    label = f"Answers a second, over {'five minutes' if span > 60 else 'a minute'}, by verdict"
    return draw_bars(label, names, series, marks, titles=("time of day (UTC)", "answers a second"))


def draw_months(months: Sequence[Month], names: Sequence[str]) -> Chart | None:
    """Events by month and name; by year or longer if they are spread over many months."""
    bars = spread([(month.month, month.counts) for month in months if month.month])
    if not bars:
        return None
    labels = [label for label, _ in bars]
    series = [[counts[name] for _, counts in bars] for name in names]
    rest = [counts.total() - sum(counts[name] for name in names) for _, counts in bars]
    series += [rest] if any(rest) else []
    marks = {
        width: mark_names(labels, width // (64 if len(labels[0]) > 4 else 44)) for width in (WIDE, NARROW)
    }
    unit = "month" if len(labels[0]) > 4 else "year"
    return draw_bars(f"Events by {unit} and name", labels, series, marks, titles=(unit, "events"))


def choose_names(names: Sequence[str]) -> list[str]:
    """The names that get a colour of their own: five, or six if there is no seventh."""
    return list(names if len(names) <= MOST_SERIES + 1 else names[:MOST_SERIES])


def spread(months: Sequence[tuple[str, Mapping[str, int]]]) -> list[tuple[str, Counter[str]]]:
    """Bars at even distances, at most 60: of a month, a year, ten years or more."""
    if not months:
        return []
    first, last = (count_months(months[place][0]) for place in (0, -1))
    width = next(each for each in (1, 12, 120, 1200, 12_000) if last // each - first // each < MOST_BARS)
    bars = {start: Counter[str]() for start in range(first // width, last // width + 1)}
    for month, counts in months:
        bars[count_months(month) // width].update(counts)
    return [(name_bar(start * width, width), counts) for start, counts in bars.items()]


def count_months(month: str) -> int:
    """Months since the year 0."""
    return 12 * int(month[:4]) + int(month[5:]) - 1


def name_bar(months: int, width: int) -> str:
    """The month, or the first year of several."""
    return f"{months // 12:04}-{months % 12 + 1:02}" if width == 1 else f"{months // 12:04}"


def draw_bars(
    label: str,
    names: Sequence[str],
    series: Sequence[Sequence[float]],
    marks: Mapping[int, Sequence[str]],
    *,
    titles: tuple[str, str],
) -> Chart:
    """Stacked bars in two widths.

    Args:
        label: what the chart shows, for a screen reader.
        names: of the bars.
        series: the heights of the bars, part by part.
        marks: the names that are written, by width.
        titles: of the horizontal and the vertical axis.
    """
    highest = max(map(sum, zip(*series, strict=True)))
    drawn = []
    for width in (WIDE, NARROW):
        chart = StackedBar(**configure(width, 228), show_minor_x_labels=False)
        chart.x_labels, chart.x_labels_major = list(names), list(marks[width])
        chart.y_labels = [
            {"value": mark, "label": align_label(number(mark, digits=2))} for mark in scale_counts(highest)
        ]
        chart.x_title, chart.y_title = titles
        for place, heights in enumerate(series):
            chart.add(str(place), list(heights))
        drawn.append(render_svg(chart.render_tree(), label, width))
    return Chart(*drawn)
