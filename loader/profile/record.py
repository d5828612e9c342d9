"""A profile as one JSON object; `docs/reference/summary.md` lists its keys, which are a contract."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from loader.profile.findings import tally_left_out

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable

    from loader.mapping.lookups import LookedUp
    from loader.methods import Method
    from loader.profile.columns import ColumnProfile
    from loader.profile.profile import Profile
    from loader.profile.suspicion import Suspicion
    from loader.profile.times import EventTimes

Record = dict[str, object]


def build_record(profile: Profile, suspicions: Iterable[Suspicion] = ()) -> Record:
    """The result of a check, for a program."""
    return {
        "kind": profile.kind.value,
        "read": profile.rows,
        "would_send": profile.sent,
        "would_reject": profile.rejected,
        "would_leave_out": profile.outside,
        "left_out_reasons": [
            {"reason": tally.what, "rows": tally.rows, "first": list(tally.examples)}
            for tally in tally_left_out(profile)
        ],
        "unmatched": profile.unmatched,
        "ledger": profile.known.record if profile.known else None,
        "same_key": {"column": profile.key, "rows": profile.same_key} if profile.key else None,
        "rejects": [
            {"reason": reason, "rows": group.rows, "examples": group.examples}
            for reason, group in profile.rejects.items()
        ],
        "corrections": dict(profile.uses),
        "fields": _record_columns(profile, member=False),
        members_key(profile.kind.method): _record_columns(profile, member=True),
        "times": _record_times(profile.times) if profile.times else None,
        "events": _record_events(profile),
        "devices": _record_devices(profile),
        "suspicions": [found.record for found in suspicions],
        "lookups": [_record_lookup(found) for found in profile.looked_up],
        "duplicates": {
            "rows": profile.repeated.rows,
            "examples": [
                {"first": profile.place(first), "again": profile.place(again)}
                for first, again in profile.repeated.examples
            ],
        },
        "estimate": profile.estimate.record,
        "largest_body": profile.largest_body,
        "largest_body_at": profile.place(profile.largest_at) if profile.largest_body else None,
        "bodies": [body.decode() for body in profile.bodies],
        "stopped": profile.stopped,
        "exit_code": profile.exit_code,
    }


def members_key(method: Method) -> str:
    """The key of the record under which the members of the container stand; users have none in it."""
    return method.container.name if method.container else "attributes"


def _record_columns(profile: Profile, *, member: bool) -> list[Record]:
    sent = profile.sent
    return [_record_column(column, sent) for column in profile.columns.values() if column.member is member]


def _record_column(column: ColumnProfile, sent: int) -> Record:
    return {
        "name": column.name,
        "type": column.kind,
        "values": column.values,
        "empty": sent - column.values,
        "distinct": column.distinct,
        "distinct_is_exact": column.exact,
        "shortest": column.shortest,
        "longest": column.longest,
        "examples": column.examples,
    }


def _record_times(times: EventTimes) -> Record:
    return {
        "first": _format_moment(times.first),
        "last": _format_moment(times.last),
        "by_month": dict(sorted(times.months.items())),
        "in_future": times.in_future,
        "without_zone": _rank_names(times.naive),
        "in_gap": times.skipped,
        "in_fold": times.twice,
    }


def _format_moment(seconds: int | None) -> str | None:
    return None if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _record_events(profile: Profile) -> Record | None:
    names = profile.names
    if names is None:
        return None
    return {
        "names": _rank_names(names.sent),
        "too_long": _rank_names(names.too_long),
        "alike": names.alike(),
        "rows_beyond": names.beyond,
    }


def _rank_names(counter: Counter[str]) -> dict[str, int]:
    return dict(sorted(counter.items(), key=lambda entry: (-entry[1], entry[0])))


def _record_lookup(found: LookedUp) -> Record:
    return {
        "lookup": found.lookup,
        "key": found.key,
        "columns": list(found.columns),
        "fields": list(found.fields),
        "keys": found.keys,
        "first_keys": list(found.first_keys),
        "rows_found": found.matched.found,
        "rows_missing": found.matched.missing,
        "rows_empty": found.matched.empty,
        "missing_keys": list(found.matched.examples),
        "advice": found.advice or None,
    }


def _record_devices(profile: Profile) -> Record:
    people = profile.people
    return {
        "devices": people.devices,
        "users": people.users,
        "devices_without_user": people.devices_without_user,
        "with_several_users": people.several_users,
        "users_that_vanish": people.vanishing_users if profile.times is None else None,
        "users_without_device": people.users_without_device,
        "rows_without_device": profile.rows_without_device if profile.times else None,
        "examples": [
            {"first": profile.place(first), "last": profile.place(last)} for first, last in people.examples
        ],
    }
