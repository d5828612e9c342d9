"""A report as one HTML page: draws `Facts`, knows nothing else.

The template escapes everything that comes from the user's files, and spells out what could steer a terminal
or the direction of writing. The page needs no network, and forbids itself any.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from loader._version import __version__
from loader.message import Command, Setting, spell_keyword, spell_option
from loader.report import charts, words
from loader.report.charts import Series
from loader.report.course import sum_traffic, trace_course
from loader.report.incidents import list_incidents
from loader.text.escape import escape, quote_for_shell
from loader.text.next_steps import say_in_a_sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.look.svg import Chart
    from loader.model import Account
    from loader.report.course import Point
    from loader.report.facts import Facts, RunFacts
    from loader.report.incidents import Incident

MOST_FILES = 5
"""Input files that are listed at once; more are one line that unfolds."""

MOST_WORKERS = 12
"""Workers of a run that are listed at once; more are one line that unfolds."""

STATES = (
    ("confirmed", "confirmed", "The vendor confirmed that it took the row."),
    ("rejected", "rejected", "The row could not be mapped, or the vendor refused it."),
    (
        "in_doubt",
        "in doubt",
        "The row was sent, but no clear answer came. The vendor may or may not have it.",
    ),
    ("never_sent", "never sent", "No byte of it left this machine."),
)


def render_page(facts: Facts) -> str:
    """The page's text."""
    templates = build_environment()
    return templates.get_template("report.html.j2").render(
        facts=facts,
        version=__version__,
        spell=partial(spell, facts),
        verdict=word_verdict(facts),
        sections=render_sections(templates, facts),
    )


def render_sections(templates: Environment, facts: Facts, *, top: int = 2) -> Markup:
    """What a page says of a load below its account.

    Args:
        templates: see `build_environment`.
        facts: of the load.
        top: the level of its headings.
    """
    runs = trace_course(facts.runs)
    incidents = list_incidents(facts.runs, runs)
    text = templates.get_template("sections.html.j2").render(
        facts=facts,
        top=top,
        spell=partial(spell, facts),
        again=again(facts),
        MOST_FILES=MOST_FILES,
        MOST_WORKERS=MOST_WORKERS,
        word_workers=word_workers,
        traffic=[sum_traffic(run.stretches) for run in facts.runs],
        over_all=sum_traffic([stretch for run in facts.runs for stretch in run.stretches]),
        throughput=draw_throughput(runs, incidents),
        latencies=draw_latencies(runs, incidents),
        concurrency=draw_concurrency(runs, incidents),
        by_month=draw_months(facts),
        peak=max((point.rate for points in runs for point in points), default=0.0),
        widest=max((point.allowed for points in runs for point in points), default=0),
    )
    return Markup(text)  # noqa: S704 - a template made it, which escapes


def spell(facts: Facts, option: str) -> str:
    """An option, or a command, as the reader of the page writes it."""
    named = Command(option) if option in set(Command) else Setting(option.replace("-", "_"))
    return (spell_keyword if facts.tables else spell_option)(named).strip("`")


def again(facts: Facts) -> str:
    """What makes the report again when the input is at hand."""
    if facts.tables:
        return f"loader.Checkpoint({facts.checkpoint!r}, {facts.tables}).report()"
    return f"pushwoosh-loader report {quote_for_shell(facts.checkpoint)} --input FILE"


def build_environment() -> Environment:
    """The templates, with what they call."""
    found = Environment(
        loader=ChoiceLoader([PackageLoader("loader.report"), PackageLoader("loader.look")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=finalize_value,
    )
    names = ("number", "share", "latency", "span", "moment", "size")
    found.filters.update(
        {name: getattr(words, name) for name in names}, quote=quote_for_shell, sentence=say_in_a_sentence
    )
    found.globals["states"] = STATES
    return found


def finalize_value(value: object) -> object:
    """What the template writes: text from outside made visible, drawings as they are."""
    return escape(value, keep="\n") if isinstance(value, str) and not isinstance(value, Markup) else value


def word_verdict(facts: Facts) -> str:
    """The verdict, in one sentence."""
    account = facts.account
    if facts.running:
        return "The load was still running when this report was written."
    if not account.read:
        return "The input holds no rows."
    if account.confirmed + account.left_out == account.read:
        return word_complete(account)
    if account.never_sent:
        return f"Not complete: {account.never_sent:,} of {account.read:,} rows were never sent."
    left = [
        f"{count:,} {words}"
        for count, words in ((account.rejected, "rejected"), (account.in_doubt, "in doubt"))
        if count
    ]
    what = f"{account.confirmed:,} of {account.read:,} rows are confirmed"
    return f"Finished: {what}. Left to decide: {' and '.join(left)}."


def word_workers(run: RunFacts) -> str:
    """The workers of a run, in a line."""
    rows = sum(worker.rows for worker in run.workers)
    lost = sum(worker.lost for worker in run.workers)
    said = f"{len(run.workers):,} workers, {rows:,} requests"
    return f"{said}, {lost:,} lost" if lost else said


def word_complete(account: Account) -> str:
    """The verdict on a load of which every row is confirmed or left out."""
    if not account.left_out:
        return f"Complete: the vendor confirmed all {account.read:,} rows."
    if not account.confirmed:
        return f"Complete: all {account.read:,} rows are left out, so nothing was to be sent."
    others = f"{account.left_out:,} of {account.read:,} rows are left out"
    return f"Complete: {others}, and the vendor confirmed the other {account.confirmed:,}."


def draw_throughput(runs: Sequence[Sequence[Point]], incidents: Sequence[Incident]) -> Chart | None:
    """Rows a second."""
    if not runs:
        return None
    series = [Series("rows", lambda point: point.rate)]
    return charts.draw_over_time(
        "Rows a second over time", "rows a second", runs, series, incidents=incidents
    )


def draw_latencies(runs: Sequence[Sequence[Point]], incidents: Sequence[Incident]) -> Chart | None:
    """How long answers took."""
    if not any(point.half is not None for points in runs for point in points):
        return None
    series = [
        Series("p50", lambda point: point.half),
        Series("p90", lambda point: point.nine),
        Series("p99", lambda point: point.most),
    ]
    label = "Time of an answer over time: 50th, 90th and 99th percentile"
    return charts.draw_over_time(label, "time of an answer", runs, series, times=True, incidents=incidents)


def draw_concurrency(runs: Sequence[Sequence[Point]], incidents: Sequence[Incident]) -> Chart | None:
    """Requests on the wire, allowed and used."""
    if not runs:
        return None
    series = [
        Series("used", lambda point: point.used),
        Series("allowed", lambda point: float(point.allowed)),
    ]
    return charts.draw_over_time(
        "Requests on the wire over time", "requests", runs, series, incidents=incidents
    )


def draw_months(facts: Facts) -> Chart | None:
    """Events by month."""
    if facts.events is None or not facts.events.months:
        return None
    return charts.draw_by_month("Events by month, by what became of them", facts.events.months)
