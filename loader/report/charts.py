"""The charts of a report."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from loader.look import scales
from loader.look.drawing import XY, StackedBar, etree
from loader.look.numbers import number
from loader.look.svg import NARROW, WIDE, Chart, align_label, configure, render_svg
from loader.report import axes
from loader.report.facts import Counts
from loader.report.incidents import choose_named, place_labels
from loader.report.words import latency

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from markupsafe import Markup

    from loader.report.course import Point
    from loader.report.incidents import Incident

_MOST_MARKS = {WIDE: 7, NARROW: 3}
_MOST_BARS = 60
_MOST_NAMES = 4  # of waits; more would be a wall of words
_LINE = 14  # the height of a line of names
_MARGIN = 0.02  # what pygal leaves free on both sides, as a share of the axis


@dataclass(frozen=True, slots=True)
class Series:
    """A line: its value at each point, or None if there is none."""

    name: str
    value: Callable[[Point], float | None]


def draw_over_time(
    label: str,
    unit: str,
    runs: Sequence[Sequence[Point]],
    series: Sequence[Series],
    *,
    times: bool = False,
    incidents: Sequence[Incident] = (),
) -> Chart:
    """Lines over the runs, interrupted between them.

    Args:
        label: what the chart shows, for a screen reader.
        unit: of the vertical axis.
        runs: the points.
        series: the lines.
        times: the values are seconds, and shown on a logarithmic axis.
        incidents: what happened, marked and named.
    """
    named = list(dict.fromkeys(incident.name for incident in incidents))
    told = f"{label}. Marked: {', '.join(named)}" if named else label
    wide, narrow = (
        _mark_incidents(_draw_lines(unit, runs, series, width=width, times=times), runs, incidents)
        for width in (WIDE, NARROW)
    )
    return Chart(render_svg(wide, told, WIDE), render_svg(narrow, told, NARROW))


def draw_by_month(label: str, months: Sequence[tuple[str, Counts]]) -> Chart:
    """Stacked bars by month, or by year if there are many months."""
    bars = months if len(months) <= _MOST_BARS else sum_by_year(months)
    return Chart(*(_draw_bars(label, bars, width=width) for width in (WIDE, NARROW)))


def sum_by_year(months: Sequence[tuple[str, Counts]]) -> list[tuple[str, Counts]]:
    """Sums of twelve months."""
    years: dict[str, list[int]] = {}
    for month, counts in months:
        four = years.setdefault(month[:4], [0, 0, 0, 0])
        for place, name in enumerate(_STATES):
            four[place] += getattr(counts, name)
    return [(year, Counts(*four)) for year, four in years.items()]


_STATES = ("confirmed", "rejected", "in_doubt", "never_sent")


def _draw_lines(
    unit: str,
    runs: Sequence[Sequence[Point]],
    series: Sequence[Series],
    *,
    width: int,
    times: bool,
) -> Any:
    end = runs[-1][-1].x + runs[-1][-1].width / 2
    chart = XY(**configure(width, 208), xrange=(0, end))
    lines = [_hold_values(runs, each.value) for each in series]
    values = [y for line in lines for _, y in line if y is not None]
    marks = (
        scales.scale_decades(min(values), max(values))
        if times
        else scales.scale_counts(max(values, default=0))
    )
    shown: Callable[[float], str] = latency if times else partial(number, digits=2)
    # pygal's own logarithmic axis would take the horizontal one along.
    scale: Callable[[float], float] = math.log10 if times else float
    chart.y_labels = [{"value": scale(mark), "label": align_label(shown(mark))} for mark in marks]
    chart.range = (scale(marks[0]), scale(marks[-1]))
    chart.x_labels = [{"value": x, "label": text} for x, text in axes.mark_moments(runs, _MOST_MARKS[width])]
    chart.x_title = "seconds of loading" if axes.is_in_seconds(runs) else "time of day (UTC)"
    chart.y_title = unit
    for each, line in zip(series, lines, strict=True):
        chart.add(each.name, [(x, None if y is None else scale(y)) for x, y in line])
    return chart.render_tree()


def _mark_incidents(root: Any, runs: Sequence[Sequence[Point]], incidents: Sequence[Incident]) -> Any:
    """The drawing with a band for each wait, a line for each end, and their names above."""
    if not incidents:
        return root
    plot = next(each for each in root.iter() if each.get("class") == "plot")
    width, height = (float(plot[0].get(side)) for side in ("width", "height"))
    end = runs[-1][-1].x + runs[-1][-1].width / 2

    def find_place(x: float) -> float:
        return width * (x / end + _MARGIN) / (1 + 2 * _MARGIN)

    group = etree.Element("g", {"class": "incidents"})
    for each in incidents:
        left, right = find_place(each.begin), find_place(each.end)
        shape = {
            "x": f"{left:.1f}",
            "y": "0",
            "height": f"{height:.1f}",
            "width": f"{max(right - left, 1.5):.1f}",
        }
        etree.SubElement(group, "rect", {**shape, "class": "wait" if right > left else "end"})
    named = choose_named(incidents, _MOST_NAMES if width > NARROW else _MOST_NAMES // 2)
    labels = place_labels([(find_place(each.begin), each.name) for each in named], width)
    for label in labels:
        where = {"x": f"{label.x:.1f}", "y": f"{-4 - _LINE * label.level}", "text-anchor": label.anchor}
        etree.SubElement(group, "text", where).text = label.name
    plot.insert(1, group)
    _make_room(root, max(label.level for label in labels) + 1)
    return root


def _make_room(root: Any, lines: int) -> None:
    """Room above the chart for N lines of names."""
    left, top, width, height = root.get("viewBox").split()
    root.set("viewBox", f"{left} {float(top) - _LINE * lines} {width} {float(height) + _LINE * lines}")


def _hold_values(
    runs: Sequence[Sequence[Point]], value: Callable[[Point], float | None]
) -> list[tuple[float, float | None]]:
    """A value holds for the whole stretch of its point; between runs there is none."""
    line: list[tuple[float, float | None]] = []
    for points in runs:
        for point in points:
            y = value(point)
            line += [(point.x - point.width / 2, y), (point.x + point.width / 2, y)]
        line.append((points[-1].x + points[-1].width / 2, None))
    return line


def _draw_bars(label: str, bars: Sequence[tuple[str, Counts]], *, width: int) -> Markup:
    chart = StackedBar(**configure(width, 228), show_minor_x_labels=False)
    names = [name for name, _ in bars]
    chart.x_labels = names
    chart.x_labels_major = scales.mark_names(names, width // (64 if len(names[0]) > 4 else 44))
    chart.y_labels = [
        {"value": mark, "label": align_label(number(mark, digits=2))}
        for mark in scales.scale_counts(max(counts.total for _, counts in bars))
    ]
    chart.x_title = "year" if len(names[0]) == 4 else "month"
    chart.y_title = "events"
    for state in _STATES:
        chart.add(state, [getattr(counts, state) for _, counts in bars])
    return render_svg(chart.render_tree(), label, width)
