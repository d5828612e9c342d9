"""Columns for fields that no name is known for: by type, content and words in the name.

Whatever is found here is marked, because only the user knows whether it is meant.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa

from loader.mapping.cells import is_moment, is_text
from loader.mapping.proposing.presets import Hint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from loader.mapping.nested.paths import Columns
    from loader.mapping.proposing.proposed_times import SampledTimes

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
#: Words in the names of times, and of those of them that are seldom the time of an event.
_TIME = {"at", "on", "time", "date", "day", "ts", "timestamp", "when", "datetime", "dt", "moment", "epoch"}
_PAST = {"created", "occurred", "ordered", "purchased", "logged", "happened", "tracked", "clicked", "bought"}
_OTHER_TIME = {
    *("birth", "birthday", "birthdate", "born", "dob", "expiry", "expires", "expired", "updated", "modified"),
    *("deleted", "valid", "until", "end", "due", "loaded", "processed", "synced", "ingested", "imported"),
}
_ID = {"id", "uuid", "guid", "uid", "udid", "identifier", "key", "code", "number", "no"}
_DEVICE = {"device", "hwid", "hardware", "installation", "install", "instance", "handset"}
_DEVICE_ALONE = {"idfa", "idfv", "gaid", "adid", "aaid", "udid", "device", "installation"}
_USER = {"user", "customer", "client", "member", "account", "person", "subscriber", "contact", "login"}
_USER_ALONE = {"user", "customer", "client", "member", "account", "subscriber", "username", "login"}


def words_of(name: str) -> set[str]:
    """The words of a name in lower case: ``EVENT_TS``, ``orderDate``, ``created at``."""
    return {word.lower() for word in _WORDS.findall(name)}


def find_ids(field: str, columns: Columns, free: Sequence[str]) -> Hint | None:
    """A column whose name speaks of a device or of a user, for `hwid` or `userId`."""
    owner, alone = (_DEVICE, _DEVICE_ALONE) if field == "hwid" else (_USER, _USER_ALONE)
    usable = [name for name in free if is_text(columns[name]) or pa.types.is_integer(columns[name])]
    found = [name for name in usable if words_of(name) & owner and words_of(name) & _ID]
    found += [name for name in usable if words_of(name) <= alone and words_of(name) and name not in found]
    what = "the device's id" if field == "hwid" else "the user's id"
    return _hint(found, "a word in its name", f"is this {what}?")


def find_time(columns: Columns, free: Sequence[str], times_of: Callable[[str], SampledTimes]) -> Hint | None:
    """A column all of whose sampled cells are times; the one whose name speaks most of an event."""
    found = sorted(_list_times(columns, free, times_of), key=lambda name: _rank(name, columns[name]))
    likely = [name for name in found if not words_of(name) & _OTHER_TIME]
    found = likely or found
    return _hint(found, "by its type and content", "is this when the event happened?")


def _list_times(
    columns: Columns, free: Sequence[str], times_of: Callable[[str], SampledTimes]
) -> Iterator[str]:
    for name in free:
        if _may_be_time(name, columns[name]) and _all_fit(times_of(name)):
            yield name


def _may_be_time(name: str, kind: pa.DataType) -> bool:
    """Counts and text may be anything: only a name says that they are times."""
    plain = is_text(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind)
    return is_moment(kind) or bool(plain and words_of(name) & (_TIME | _PAST))


def _all_fit(times: SampledTimes) -> bool:
    clock, doubt = times.choose_clock()
    return bool(times.count) and not doubt and times.count_fitting(clock) == times.count


def _rank(name: str, kind: pa.DataType) -> tuple[bool, bool, bool]:
    """The lower, the more likely it is the time of an event."""
    words = words_of(name)
    return bool(words & _OTHER_TIME), not words & (_TIME | _PAST), bool(pa.types.is_date(kind))


def _hint(found: list[str], why: str, doubt: str) -> Hint | None:
    if not found:
        return None
    others = ", ".join(f'"{other}"' for other in found[1:])
    return Hint((found[0],), why, f"{doubt} {others} would fit too." if others else doubt)
