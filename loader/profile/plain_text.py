"""What a check found, as lines of plain text: for a terminal, and for Python where no page can be shown."""

from __future__ import annotations

from itertools import starmap
from typing import TYPE_CHECKING

from loader.profile import findings
from loader.profile.findings import KEY_HEADS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from loader.message import Spelling
    from loader.profile.findings import KeyFacts, Remark
    from loader.profile.profile import Profile
    from loader.profile.times import EventTimes

#: If no terminal says how wide it is, a table is as wide as its contents.
UNBOUNDED = 100_000
BAR = 30
#: Between two columns of a table.
GAP = 2


def describe_findings(
    profile: Profile, spelling: Spelling, columns: int | None = None, by_hand: Sequence[str] = ()
) -> str:
    """Describe all that was found; the verdict comes last, because a terminal shows the end.

    Args:
        profile: of a check that is finished.
        spelling: how settings are written.
        columns: the terminal's width, or None if there is no terminal.
        by_hand: lines on how to send the first body by hand.
    """
    width = columns or UNBOUNDED
    sections = [
        describe_keys(profile, width),
        describe_lookups(profile),
        describe_times(profile.times, width, spelling),
        describe_names(profile, spelling),
        describe_people(profile, spelling),
        describe_bodies(profile, by_hand),
        describe_corrections(profile),
        findings.remark_on_ledger(profile),
        describe_left_out(profile),
        describe_rejects(profile),
        describe_effort(profile),
        [findings.word_verdict(profile)],
    ]
    return "\n\n".join(text for text in map("\n".join, sections) if text)


def describe_keys(profile: Profile, width: int) -> Iterator[str]:
    """Each key of the bodies."""
    keys = findings.list_keys(profile)
    if keys:
        yield "Values, as they would be sent"
        head, *others = KEY_HEADS
        yield from lay_out_table((f"  {head}", *others), [indent_key(key) for key in keys], width)
    yield from indent_remarks(findings.remark_on_keys(profile))


def indent_key(key: KeyFacts) -> tuple[str, ...]:
    """The cells of a key; what stands within the container is further to the right."""
    name, *others = key.cells
    return (f"  {'  ' if key.member else ''}{name}", *others)


def describe_lookups(profile: Profile) -> Iterator[str]:
    """How the keys of the input were found in look-ups."""
    if profile.looked_up:
        yield "Looked up"
    yield from indent_remarks(findings.remark_on_lookups(profile))


def describe_times(found: EventTimes | None, width: int, spelling: Spelling) -> Iterator[str]:
    """When the events happened, with a bar for each month."""
    remarks = list(indent_remarks(findings.remark_on_times(found, spelling)))
    if not remarks:
        return
    yield "Times"
    yield from remarks
    yield "  by month on the user's clock"
    months = findings.tally_months(found)
    most = max(month.rows for month in months)
    digits = len(f"{most:,}")
    bar = min(BAR, max(width - digits - 16, 0))
    for rows, month, _ in months:
        yield f"    {month}  {rows:>{digits},}  {findings.draw_bar(rows, most, bar)}".rstrip()


def describe_names(profile: Profile, spelling: Spelling) -> Iterator[str]:
    """The events that must exist in the control panel, and the names that will cause trouble."""
    sent, too_long = findings.tally_names(profile), findings.tally_long_names(profile)
    if not (sent or too_long):
        return
    yield "Events, which must exist in the control panel under exactly these names"
    digits = len(f"{max(tally.rows for tally in [*sent, *too_long]):,}")
    yield from (f"  {tally.rows:>{digits},}  {tally.what}" for tally in sent)
    yield from indent_remarks(findings.remark_on_rest_of_names(profile, spelling))
    yield from (f"  {tally.rows:>{digits},}  {tally.what}" for tally in too_long)
    yield from indent_remarks(findings.remark_on_alike_names(profile))


def describe_people(profile: Profile, spelling: Spelling) -> Iterator[str]:
    """Devices and users, and rows that repeat others."""
    if profile.bodies:
        yield "Devices and users"
    yield from indent_remarks(findings.remark_on_people(profile, spelling))


def describe_bodies(profile: Profile, by_hand: Sequence[str]) -> Iterator[str]:
    """Request bodies, and how to send one by hand."""
    if not profile.bodies:
        return
    yield "Bodies, exactly as they would be sent"
    yield from (f"  {body}" for body in findings.list_bodies(profile))
    yield from (remark.sentence for remark in findings.remark_on_bodies(profile))
    yield from by_hand


def describe_corrections(profile: Profile) -> Iterator[str]:
    """What was changed because the mapping allows it."""
    if profile.uses:
        yield "Corrected, as the mapping allows"
    yield from (f"  {tally.rows:,} × {tally.what}" for tally in findings.tally_corrections(profile))


def describe_effort(profile: Profile) -> Iterator[str]:
    """What the load would take."""
    remarks = list(indent_remarks(findings.remark_on_effort(profile)))
    if remarks:
        yield findings.EFFORT
    yield from remarks


def describe_left_out(profile: Profile) -> Iterator[str]:
    """Why rows are no part of the load, with the first of them."""
    yield from profile.unmatched
    if profile.left_out:
        yield "Would be left out"
    for tally in findings.tally_left_out(profile):
        yield f"  {tally.rows:,} × {tally.what}"
        yield from (f"      {example}" for example in tally.examples)


def describe_rejects(profile: Profile) -> Iterator[str]:
    """Reasons with their first rows."""
    if profile.rejects:
        yield "Would be rejected"
    for tally in findings.tally_rejects(profile):
        yield f"  {tally.rows:,} × {tally.what}"
        yield from (f"      {example}" for example in tally.examples)


def indent_remarks(remarks: Iterable[Remark]) -> Iterator[str]:
    """Sentences, a line each, with their examples below them."""
    for remark in remarks:
        yield f"  {remark.sentence}"
        yield from (f"      {example}" for example in remark.examples)


def lay_out_table(head: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Align columns; the last is cut where the terminal ends. ``>`` aligns a column to the right.

    Args:
        head: the title of each column.
        rows: the cells below them, each without line ends.
        width: of the terminal, in cells of its grid.
    """
    from rich.cells import cell_len  # noqa: PLC0415 - `--help` must start without it

    titles = [title.removeprefix(">") for title in head]
    to_the_right = [name != title for name, title in zip(titles, head, strict=True)]
    widths = [max(map(cell_len, column)) for column in zip(titles, *rows, strict=True)]
    widths[-1] = min(widths[-1], max(width - sum(widths[:-1]) - GAP * (len(widths) - 1), 1))
    for cells in (titles, *rows):
        columns = zip(cells, widths, to_the_right, strict=True)
        yield (" " * GAP).join(starmap(align_cell, columns)).rstrip()


def align_cell(cell: str, width: int, to_the_right: bool) -> str:  # noqa: FBT001 - one of the cells of a row
    """A cell that is exactly as wide as its column; one that is too long ends in a sign that it continues."""
    from rich.cells import cell_len, set_cell_size  # noqa: PLC0415 - `--help` must start without it

    if cell_len(cell) > width:
        return set_cell_size(cell, width - 1) + "…"
    room = " " * (width - cell_len(cell))
    return room + cell if to_the_right else cell + room
