"""What a check found, as a notebook shows it: the words of `loader.profile.findings`, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.api import page
from loader.message import spell_keyword
from loader.profile import findings
from loader.profile.findings import KEY_HEADS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from loader.profile import Profile
    from loader.profile.findings import Remark, Tally

_BAR = 20


def render_findings(profile: Profile) -> Iterator[str]:
    """All sections that are not empty; the reasons come first, because a page is read from its top."""
    yield from _render_rejects(profile)
    yield from _render_left_out(profile)
    yield from _render_tallies("Corrected, as the mapping allows", findings.tally_corrections(profile))
    yield from _render_keys(profile)
    yield from _render_times(profile)
    yield from _render_names(profile)
    yield from _render_remarks("Looked up", findings.remark_on_lookups(profile))
    yield from _render_remarks("Devices and users", findings.remark_on_people(profile, spell_keyword))
    yield from _render_bodies(profile)
    yield from _render_remarks(findings.EFFORT, findings.remark_on_effort(profile))


def _render_rejects(profile: Profile) -> Iterator[str]:
    lines = [(f"{tally.rows:,}", tally.what, tally.examples[0]) for tally in findings.tally_rejects(profile)]
    if lines:
        yield page.heading("Would be rejected")
        yield page.render_table((">rows", "rejected because", "the first of them"), lines)


def _render_left_out(profile: Profile) -> Iterator[str]:
    lines = [(f"{tally.rows:,}", tally.what, tally.examples[0]) for tally in findings.tally_left_out(profile)]
    if lines:
        yield page.heading("Would be left out")
        yield page.render_table((">rows", "left out because", "the first of them"), lines)


def _render_keys(profile: Profile) -> Iterator[str]:
    keys = findings.list_keys(profile)
    if not keys:
        return
    yield page.heading("Values, as they would be sent")
    yield page.render_table(KEY_HEADS, [key.cells for key in keys])
    yield from _note_remarks(findings.remark_on_keys(profile))


def _render_times(profile: Profile) -> Iterator[str]:
    yield from _render_remarks("Times", findings.remark_on_times(profile.times, spell_keyword))
    months = findings.tally_months(profile.times)
    if not months:
        return
    most = max(month.rows for month in months)
    lines = [(month, f"{rows:,}", findings.draw_bar(rows, most, _BAR)) for rows, month, _ in months]
    yield page.render_table(("on the user's clock", ">rows", ""), lines)


def _render_names(profile: Profile) -> Iterator[str]:
    sent, too_long = findings.tally_names(profile), findings.tally_long_names(profile)
    title = "Events, which must exist in the control panel under exactly these names"
    yield from _render_tallies(title, [*sent, *too_long])
    yield from _note_remarks(findings.remark_on_rest_of_names(profile, spell_keyword))
    yield from _note_remarks(findings.remark_on_alike_names(profile))


def _render_bodies(profile: Profile) -> Iterator[str]:
    if profile.bodies:
        yield page.heading("Bodies, exactly as they would be sent")
        yield page.render_code(findings.list_bodies(profile))
    yield from _note_remarks(findings.remark_on_bodies(profile))


def _render_tallies(title: str, tallies: Iterable[Tally]) -> Iterator[str]:
    lines = [(f"{tally.rows:,}", tally.what) for tally in tallies]
    if lines:
        yield page.heading(title)
        yield page.render_table((), lines, numbers=(0,))


def _render_remarks(title: str, remarks: Iterable[Remark]) -> Iterator[str]:
    notes = list(_note_remarks(remarks))
    if notes:
        yield page.heading(title)
    yield from notes


def _note_remarks(remarks: Iterable[Remark]) -> Iterator[str]:
    for remark in remarks:
        places = f" ({'; '.join(remark.examples)})" if remark.examples else ""
        yield page.note(f"{remark.sentence}{places}")
