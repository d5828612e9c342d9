"""Columns that are known to hold an id of each row: what pipelines that deliver twice put into both."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: Amplitude and Mixpanel call it insert id, Segment message id; others use the last ones. The surest first.
KNOWN_KEYS = (
    *("$insert_id", "insert_id", "properties.$insert_id", "messageId", "message_id"),
    *("event_id", "uuid"),
)
# Braze Currents call it plainly "id", which means this only beside columns of theirs.
_CURRENTS = (
    ("id", "ID"),
    ("external_user_id", "EXTERNAL_USER_ID"),
    ("app_id", "app_group_id", "APP_GROUP_ID"),
)


def find_known_key(has: Callable[[str], bool]) -> str:
    """The column that is known to hold an id of each row, or "".

    Args:
        has: whether the input has a column.
    """
    for name in KNOWN_KEYS:
        if has(name):
            return name
    found = [next(filter(has, names), "") for names in _CURRENTS]
    return found[0] if all(found) else ""
