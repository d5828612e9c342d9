"""What a check found, in words: the terminal, Python's text and a notebook's page all lay out these.

A `Remark` is a sentence and some rows for which it holds; a `Tally` is a number of rows and what they are.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from loader.message import Command
from loader.methods import MAX_EVENT_LENGTH
from loader.text.account import format_duration
from loader.text.escape import escape_json, escape_short, quote
from loader.text.nouns import count_rows, count_things, format_bytes, is_or_are

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Sequence

    from loader.mapping.lookups import Matched
    from loader.message import Spelling
    from loader.profile.columns import ColumnProfile
    from loader.profile.profile import Profile
    from loader.profile.times import EventTimes

MOST_LINES = 30
LONGEST_EXAMPLE = 24


class Remark(NamedTuple):
    """A sentence without a full stop, and the places of some rows for which it holds."""

    sentence: str
    examples: tuple[str, ...] = ()


class Tally(NamedTuple):
    """A number of rows, what they have in common, and the messages of some of them."""

    rows: int
    what: str
    examples: tuple[str, ...] = ()


class KeyFacts(NamedTuple):
    """One key of the bodies; `member` if it stands within the container."""

    name: str
    kind: str
    empty: str
    distinct: str
    length: str
    examples: str
    member: bool

    @property
    def cells(self) -> tuple[str, ...]:
        """The texts, in the order of `KEY_HEADS`."""
        return self.name, self.kind, self.empty, self.distinct, self.length, self.examples


KEY_HEADS = ("name", "type", ">empty", ">distinct", ">length", "examples")
"""The heads of `KeyFacts.cells`; ``>`` marks numbers."""


def word_verdict(profile: Profile) -> str:
    """What would become of the rows, in a line."""
    rows, sent = profile.kind.method.many, profile.sent
    if profile.stopped:
        return f"The input ends here, after {profile.rows:,} rows: {profile.stopped}"
    if not profile.rows:
        return "There are no rows to send."
    if profile.outside:
        rejected = f", {profile.rejected:,} would be rejected" if profile.rejected else ""
        of = f"{sent:,} of {profile.rows:,} {rows} would be sent"
        return f"{of}{rejected}, {profile.outside:,} would be left out."
    if profile.rejected:
        return f"{sent:,} of {profile.rows:,} {rows} would be sent, {profile.rejected:,} would be rejected."
    return f"All {profile.rows:,} {rows} would be sent." if profile.rows > 1 else "The one row would be sent."


EFFORT = "The load, if no request is repeated"


def remark_on_effort(profile: Profile) -> Iterator[Remark]:
    """Requests, bytes and time of the load, if there is anything to send."""
    found = profile.estimate
    if not found.requests:
        return
    heads = f"heads {format_bytes(found.head_bytes)} by HTTP/1.1 without a token; HTTP/2 sends less"
    times = [f"{format_duration(found.find_seconds(rate))} at {rate:,g} a second" for rate in found.rates]
    yield Remark(
        f"{count_things(found.requests, 'request')}, {format_bytes(found.bytes)} "
        f"(bodies {format_bytes(found.body_bytes)}, {heads})"
    )
    yield Remark(", ".join(times))
    yield Remark("the vendor says that most methods have no rate limit, and names none for this one")


def remark_on_lookups(profile: Profile) -> Iterator[Remark]:
    """How many rows found their key in each look-up; of keys that are missing, some of both sides."""
    for found in profile.looked_up:
        names, matched = ", ".join(map(quote, found.columns)), found.matched
        there = f'{names} in "{found.key}" of {found.lookup}, which has {count_things(found.keys, "key")}'
        yield Remark(f"{there}: {', '.join(found.fields)}")
        yield Remark(_count_keys(matched))
        if matched.missing:
            missing, there = _list_keys(matched.examples), _list_keys(found.first_keys)
            yield Remark(f"missing are {missing}; {'there are' if found.keys else 'there is'} {there}")
        if found.advice:
            yield Remark(found.advice.removesuffix("."))


def _count_keys(matched: Matched) -> str:
    """``4 rows: 2 found their key, 1 did not, 1 has none``."""
    counts = [
        f"{matched.found:,} found their key" if matched.found else "none found its key",
        f"{matched.missing:,} did not" if matched.missing else "",
        f"{matched.empty:,} {'has' if matched.empty == 1 else 'have'} none" if matched.empty else "",
    ]
    return f"of {count_rows(matched.rows)}, {', '.join(filter(None, counts))}"


def _list_keys(texts: Sequence[str]) -> str:
    return ", ".join(map(quote, texts)) or "no key"


def tally_corrections(profile: Profile) -> list[Tally]:
    """What was changed because the mapping allows it."""
    return [Tally(rows, use) for use, rows in profile.uses.items()]


def tally_rejects(profile: Profile) -> list[Tally]:
    """Reasons with their first rows, the most frequent first."""
    found = [Tally(group.rows, reason, tuple(group.examples)) for reason, group in profile.rejects.items()]
    return sorted(found, key=lambda tally: -tally.rows)


def remark_on_ledger(profile: Profile) -> list[str]:
    """What a ledger does not know of the rows, in a line; none if the check has no ledger."""
    known = profile.known
    if known is None:
        return []
    has = "has" if known.changed == 1 else "have"
    rest = f", {count_rows(known.changed)} {has} changed since" if profile.method.last_wins else ""
    loads = f"{known.loads:,} load{'' if known.loads == 1 else 's'}"
    new = f"{count_rows(known.new)} {is_or_are(known.new)} new"
    return [f"Compared with the ledger {known.ledger}, which knows {loads}: {new}{rest}."]


def tally_left_out(profile: Profile) -> list[Tally]:
    """Why rows are no part of the load, with the first of them; the most frequent reason first."""
    found = [Tally(group.rows, reason, tuple(group.examples)) for reason, group in profile.left_out.items()]
    return sorted(found, key=lambda tally: -tally.rows)


def remark_on_same_key(profile: Profile) -> Iterator[Remark]:
    """Rows that share an id that is known to be one for each row, if the mapping says nothing about it."""
    if profile.same_key:
        repeat = "row repeats" if profile.same_key == 1 else "rows repeat"
        yield Remark(
            f'{profile.same_key:,} {repeat} the "{profile.key}" of an earlier row: '
            f'unique = ["{profile.key}"] at the top of the mapping leaves such rows out'
        )


def list_keys(profile: Profile) -> list[KeyFacts]:
    """Each key of the bodies: fields in the order of the bodies, then attributes."""
    if not profile.bodies:
        return []
    names = [field.name for field in profile.kind.method.fields]

    def find_position(column: ColumnProfile) -> int:
        return len(names) if column.member else names.index(column.name)

    sent = profile.sent
    return [_describe_key(column, sent) for column in sorted(profile.columns.values(), key=find_position)]


def _describe_key(column: ColumnProfile, sent: int) -> KeyFacts:
    return KeyFacts(
        name=escape_short(column.name, LONGEST_EXAMPLE),
        kind=column.kind,
        empty=f"{sent - column.values:,}",
        distinct=f"{'' if column.exact else 'about '}{column.distinct:,}",
        length=format_lengths(column),
        examples=", ".join(escape_short(example, LONGEST_EXAMPLE) for example in column.examples),
        member=column.member,
    )


def format_lengths(column: ColumnProfile) -> str:
    """Characters of the shortest and the longest value."""
    if column.shortest is None:
        return ""
    if column.shortest == column.longest:
        return f"{column.shortest:,}"
    return f"{column.shortest:,}–{column.longest:,}"


def remark_on_keys(profile: Profile) -> Iterator[Remark]:
    """What numbers of the table mean."""
    if profile.bodies and any(not column.exact for column in profile.columns.values()):
        yield Remark("“about”: counted to within a few percent")


def remark_on_times(found: EventTimes | None, spelling: Spelling) -> Iterator[Remark]:
    """When the events happened, and how their times were read."""
    if found is None or found.first is None or found.last is None:
        return
    yield Remark(f"from {_format_moment(found.first)} to {_format_moment(found.last)} UTC")
    if found.in_future:
        yield Remark(f"{count_things(found.in_future, 'time')} in the future")
    for zone, rows in found.naive.most_common(MOST_LINES):
        yield Remark(f"{count_things(rows, 'time')} without a zone, read in {zone}")
    yield from remark_on_rest(found.naive, "zones", spelling)
    if found.skipped:
        yield Remark(f"{found.skipped:,} in the hour that is skipped when clocks are set forward")
    if found.twice:
        yield Remark(f"{found.twice:,} in the hour that comes twice when clocks are set back")


def _format_moment(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def tally_months(found: EventTimes | None) -> list[Tally]:
    """Rows by month on the user's clock; by year if there are many months."""
    if found is None:
        return []
    if len(found.months) <= 2 * MOST_LINES:
        return [Tally(rows, month) for month, rows in sorted(found.months.items())]
    years: dict[str, int] = {}
    for month, rows in found.months.items():
        year = month.rpartition("-")[0]
        years[year] = years.get(year, 0) + rows
    return [Tally(rows, year) for year, rows in sorted(years.items())]


def draw_bar(rows: int, most: int, width: int) -> str:
    """A bar of text as long as its share of the longest; never nothing."""
    return "█" * max(round(rows / most * width), min(width, 1))


def tally_names(profile: Profile) -> list[Tally]:
    """The events that must exist in the control panel."""
    names = profile.names
    shown = names.sent.most_common(MOST_LINES) if names else []
    return [Tally(rows, escape_short(name)) for name, rows in shown]


def tally_long_names(profile: Profile) -> list[Tally]:
    """Names of events that are too long, for which their rows are rejected."""
    names = profile.names
    return [
        Tally(
            rows,
            f"{escape_short(name)}: rejected: {len(name)} characters, "
            f"and at most {MAX_EVENT_LENGTH} are allowed",
        )
        for name, rows in (names.too_long.most_common(MOST_LINES) if names else [])
    ]


def remark_on_rest_of_names(profile: Profile, spelling: Spelling) -> Iterator[Remark]:
    """Names that the list leaves out."""
    names = profile.names
    if names is None:
        return
    yield from remark_on_rest(names.sent, "names", spelling)
    if names.beyond:
        yield Remark(f"{names.beyond:,} more rows have other names. Is this a column of event names?")


def remark_on_alike_names(profile: Profile) -> Iterator[Remark]:
    """Names that differ by case alone."""
    for alike in profile.names.alike()[:MOST_LINES] if profile.names else []:
        named = ", ".join(map(escape_short, alike))
        yield Remark(f"different events to the vendor, because case matters: {named}")


def remark_on_rest(counter: Counter[str], what: str, spelling: Spelling) -> Iterator[Remark]:
    """How many entries a list leaves out."""
    if len(counter) > MOST_LINES:
        everything = spelling(Command.PROFILE)
        yield Remark(f"and {len(counter) - MOST_LINES:,} more {what}; {everything} lists them all")


def remark_on_people(profile: Profile, spelling: Spelling) -> Iterator[Remark]:
    """Devices and users, and rows that repeat others."""
    found, method = profile.people, profile.kind.method
    if not profile.bodies:
        return
    yield Remark(f"{count_things(found.devices, 'device')}, {count_things(found.users, 'user')}")
    if found.devices_without_user:
        alone = ": each is its own user" if method.ties_users else ""
        yield Remark(f"{count_things(found.devices_without_user, 'device')} without a user{alone}")
    yield from _remark_on_changes(profile, spelling)
    if found.users_without_device:
        lonely = count_things(found.users_without_device, "user")
        yield Remark(f"{lonely} without any device{method.deviceless}")
    if profile.rows_without_device:
        yield Remark(f"{method.count(profile.rows_without_device)} without a device")
    if profile.repeated.rows:
        effect = "once would be enough" if method.repeatable else "each would be recorded again"
        repeated = count_things(profile.repeated.rows, "repetition")
        again = f"{repeated} of an earlier row, value for value: {effect}"
        yield Remark(again, _place_pairs(profile, profile.repeated.examples))
    yield from remark_on_same_key(profile)


def _remark_on_changes(profile: Profile, spelling: Spelling) -> Iterator[Remark]:
    """Devices with several users, and the users who lose their last one."""
    found, method = profile.people, profile.kind.method
    if found.several_users:
        what = "that change users" if method.ties_users else "with several users"
        effect = ": the last row of each wins" if method.last_wins else ""
        several = f"{count_things(found.several_users, 'device')} {what}{effect}"
        yield Remark(several, _place_pairs(profile, found.examples))
    if found.vanishing_users:
        vanishing = count_things(found.vanishing_users, "user")
        yield Remark(f"{vanishing} would vanish, because later rows take all their devices away")
    if method.ties_users and found.several_users:
        yield Remark(f"{spelling(Command.VANISHING)} lists these devices and users")


def _place_pairs(profile: Profile, pairs: list[tuple[int, int]]) -> tuple[str, ...]:
    """Pairs of rows; the name of the file is left out if there is only one."""
    if len(profile.files) == 1:
        return tuple(f"rows {first + 1:,} and {second + 1:,}" for first, second in pairs)
    return tuple(f"{profile.place(first)}, and {profile.place(second)}" for first, second in pairs)


def list_bodies(profile: Profile) -> list[str]:
    """The first bodies, as they would be sent."""
    return [escape_json(body.decode()) for body in profile.bodies]


def remark_on_bodies(profile: Profile) -> Iterator[Remark]:
    """How large they are."""
    if profile.bodies:
        yield Remark(f"The largest has {profile.largest_body:,} bytes: {profile.place(profile.largest_at)}.")
