"""What a check found, for a user at a terminal."""

from __future__ import annotations

import io
import shlex
from typing import TYPE_CHECKING

from loader.cli.show import format_moment
from loader.methods import MAX_EVENT_LENGTH
from loader.text.escape import escape_json, escape_short
from loader.text.nouns import count_things

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Sequence

    from loader.planning import Plan
    from loader.profile import Profile
    from loader.profile.columns import ColumnProfile
    from loader.profile.times import EventTimes

#: If no terminal says how wide it is, a table is as wide as its contents.
UNBOUNDED = 100_000
MOST_LINES = 30
LONGEST_EXAMPLE = 24
BAR = 30


def describe_profile(plan: Plan, profile: Profile, columns: int | None) -> str:
    """Describe all sections that are not empty; the verdict comes last, because a terminal shows the end.

    `columns` is the terminal's width, or None if there is no terminal.
    """
    width = columns or UNBOUNDED
    sections = [
        "\n".join(describe_values(profile, width)),
        "\n".join(describe_times(profile.times, width)) if profile.times else "",
        "\n".join(describe_names(profile)),
        "\n".join(describe_people(profile)),
        "\n".join(describe_bodies(plan, profile)),
        "\n".join(describe_corrections(profile)),
        "\n".join(describe_rejects(profile)),
        describe_verdict(profile),
    ]
    return "\n\n".join(section for section in sections if section)


def describe_verdict(profile: Profile) -> str:
    """What would become of the rows, in a line."""
    rows, sent = profile.kind.method.many, profile.rows - profile.rejected
    if profile.stopped:
        return f"The input ends here, after {profile.rows:,} rows: {profile.stopped}"
    if not profile.rows:
        return "There are no rows to send."
    if profile.rejected:
        return f"{sent:,} of {profile.rows:,} {rows} would be sent, {profile.rejected:,} would be rejected."
    return f"All {profile.rows:,} {rows} would be sent." if profile.rows > 1 else "The one row would be sent."


def describe_corrections(profile: Profile) -> Iterator[str]:
    """What was changed because the mapping allows it."""
    if profile.uses:
        yield "Corrected, as the mapping allows"
    yield from (f"  {rows:,} × {use}" for use, rows in profile.uses.items())


def describe_rejects(profile: Profile) -> Iterator[str]:
    """Reasons with their first rows."""
    if profile.rejects:
        yield "Would be rejected"
    for reason, group in sorted(profile.rejects.items(), key=lambda entry: -entry[1].rows):
        yield f"  {group.rows:,} × {reason}"
        yield from (f"      {example}" for example in group.examples)


def describe_values(profile: Profile, width: int) -> Iterator[str]:
    """Each key of the bodies."""
    if not profile.bodies:
        return
    sent = profile.rows - profile.rejected
    yield "Values, as they would be sent"
    rows = [
        (
            f"  {'  ' if column.member else ''}{escape_short(column.name, LONGEST_EXAMPLE)}",
            column.kind,
            f"{sent - column.values:,}",
            f"{'' if column.exact else 'about '}{column.distinct:,}",
            format_lengths(column),
            ", ".join(escape_short(example, LONGEST_EXAMPLE) for example in column.examples),
        )
        for column in sort_columns(profile)
    ]
    yield from lay_out_table(("  name", "type", ">empty", ">distinct", ">length", "examples"), rows, width)
    if any(not column.exact for column in profile.columns.values()):
        yield "  “about”: counted to within a few percent"


def sort_columns(profile: Profile) -> list[ColumnProfile]:
    """Fields in the order of the bodies, then attributes."""
    names = [field.name for field in profile.kind.method.fields]

    def position(column: ColumnProfile) -> int:
        return len(names) if column.member else names.index(column.name)

    return sorted(profile.columns.values(), key=position)


def format_lengths(column: ColumnProfile) -> str:
    """Characters of the shortest and the longest value."""
    if column.shortest is None:
        return ""
    return (
        f"{column.shortest:,}"
        if column.shortest == column.longest
        else f"{column.shortest:,}–{column.longest:,}"
    )


def describe_times(found: EventTimes, width: int) -> Iterator[str]:
    """When the events happened, and how their times were read."""
    if found.first is None or found.last is None:
        return
    yield "Times"
    yield f"  from {format_moment(found.first)} to {format_moment(found.last)} UTC"
    if found.in_future:
        yield f"  {count_things(found.in_future, 'time')} in the future"
    for zone, rows in found.naive.most_common(MOST_LINES):
        yield f"  {count_things(rows, 'time')} without a zone, read in {zone}"
    yield from describe_rest(found.naive, "zones")
    if found.skipped:
        yield f"  {found.skipped:,} in the hour that is skipped when clocks are set forward"
    if found.twice:
        yield f"  {found.twice:,} in the hour that comes twice when clocks are set back"
    yield "  by month on the user's clock"
    most = max(found.months.values())
    digits = len(f"{most:,}")
    bar = min(BAR, max(width - digits - 16, 0))
    for month, rows in group_months(found.months):
        yield f"    {month}  {rows:>{digits},}  {'█' * max(round(rows / most * bar), 1)}".rstrip()


def group_months(months: Counter[str]) -> list[tuple[str, int]]:
    """Rows by month; by year if there are many months."""
    if len(months) <= 2 * MOST_LINES:
        return sorted(months.items())
    years: dict[str, int] = {}
    for month, rows in months.items():
        year = month.rpartition("-")[0]
        years[year] = years.get(year, 0) + rows
    return sorted(years.items())


def describe_names(profile: Profile) -> Iterator[str]:
    """The events that must exist in the control panel, and the names that will cause trouble."""
    found = profile.names
    if found is None or not (found.sent or found.too_long):
        return
    yield "Events, which must exist in the control panel under exactly these names"
    digits = len(f"{max([*found.sent.values(), *found.too_long.values()]):,}")
    for name, rows in found.sent.most_common(MOST_LINES):
        yield f"  {rows:>{digits},}  {escape_short(name)}"
    yield from describe_rest(found.sent, "names")
    if found.beyond:
        yield f"  {found.beyond:,} more rows have other names. Is this a column of event names?"
    for name, rows in found.too_long.most_common(MOST_LINES):
        excess = f"rejected: {len(name)} characters, and at most {MAX_EVENT_LENGTH} are allowed"
        yield f"  {rows:>{digits},}  {escape_short(name)}: {excess}"
    for alike in found.alike()[:MOST_LINES]:
        yield f"  different events to the vendor, because case matters: {', '.join(map(escape_short, alike))}"


def describe_rest(counter: Counter[str], what: str) -> Iterator[str]:
    """How many entries a list leaves out."""
    if len(counter) > MOST_LINES:
        yield f"  and {len(counter) - MOST_LINES:,} more {what}; --summary lists them all"


def describe_people(profile: Profile) -> Iterator[str]:
    """Devices and users, and rows that repeat others."""
    found, method = profile.people, profile.kind.method
    if not profile.bodies:
        return
    yield "Devices and users"
    yield f"  {count_things(found.devices, 'device')}, {count_things(found.users, 'user')}"
    if found.several_users:
        effect = ": the last row of each wins" if method.last_wins else ""
        yield f"  {count_things(found.several_users, 'device')} with several users{effect}"
        yield from describe_examples(profile, found.examples)
    if found.vanishing_users:
        vanishing = count_things(found.vanishing_users, "user")
        yield f"  {vanishing} would vanish, because later rows tie all their devices to other users"
    if found.users_without_device:
        yield f"  {count_things(found.users_without_device, 'user')} without any device{method.deviceless}"
    if profile.rows_without_device:
        yield f"  {method.count(profile.rows_without_device)} without a device"
    if profile.repeated.rows:
        effect = "once would be enough" if method.repeatable else "each would be recorded again"
        repeated = count_things(profile.repeated.rows, "repetition")
        yield f"  {repeated} of an earlier row, value for value: {effect}"
        yield from describe_examples(profile, profile.repeated.examples)


def describe_examples(profile: Profile, pairs: list[tuple[int, int]]) -> Iterator[str]:
    """Pairs of rows; the name of the file is left out if there is only one."""
    for first, second in pairs:
        if len(profile.files) == 1:
            yield f"      rows {first + 1:,} and {second + 1:,}"
        else:
            yield f"      {profile.place(first)}, and {profile.place(second)}"


def describe_bodies(plan: Plan, profile: Profile) -> Iterator[str]:
    """Request bodies, and how to send one by hand."""
    if not profile.bodies:
        return
    yield "Bodies, exactly as they would be sent"
    yield from (f"  {escape_json(body.decode())}" for body in profile.bodies)
    yield f"The largest has {profile.largest_body:,} bytes: {profile.place(profile.largest_at)}."
    yield "The first, sent by hand with the token in PUSHWOOSH_API_TOKEN:"
    yield f"  {build_curl(plan, profile.bodies[0])}"


def build_curl(plan: Plan, body: bytes) -> str:
    """A request as a command; the shell fills in the token, so that we never print it."""
    url = f"{plan.settings.endpoint.url}{plan.settings.kind.method.name}"
    return (
        f"curl -X POST {shlex.quote(url)} -H 'Content-Type: application/json' "
        f'-H "Authorization: Token $PUSHWOOSH_API_TOKEN" --data-raw {shlex.quote(escape_json(body.decode()))}'
    )


def lay_out_table(head: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Align columns; the last is cut where the terminal ends. ``>`` aligns a column to the right."""
    from rich.cells import cell_len  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415 - `--help` must start without it
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    grid = Table(box=None, pad_edge=False, header_style="", padding=(0, 2, 0, 0))
    for title, cells in zip(head, zip(*rows, strict=True), strict=True):
        name = title.removeprefix(">")
        grid.add_column(
            Text(name),
            justify="left" if name == title else "right",
            min_width=None if title == head[-1] else max(map(cell_len, [name, *cells])),
        )
    for row in rows:
        grid.add_row(*(Text(cell, no_wrap=True, overflow="ellipsis") for cell in row))
    out = io.StringIO()
    Console(file=out, width=width, color_system=None, force_terminal=False, legacy_windows=False).print(grid)
    yield from (line.rstrip() for line in out.getvalue().splitlines())
