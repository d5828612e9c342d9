"""What a check counts over all rows, in memory that does not grow with the input.

Profile    adds up mapped chunks; `finish` counts what needs all rows
columns    each key of the bodies: how many values, how many distinct ones, the shortest, the longest
times      first, last, by month, in the future; how they were read
names      events by name
people     devices, their users, and users that would vanish; repeated bodies
sketch     counts distinct values, exactly up to a bound
spill      records grouped by a key, on disk beyond a bound
estimate   requests, bytes and time of a load
suspicion, suspicions    ids that look wrong, met in the first pass over the input
record     all of it as one JSON object, whose keys are a contract
findings   all of it in words; plain_text: laid out as lines
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.late_imports import import_on_use

if TYPE_CHECKING:
    from loader.profile.estimate import Estimate
    from loader.profile.profile import Profile, RejectedFor
    from loader.profile.record import build_record, members_key

__all__ = ["Estimate", "Profile", "RejectedFor", "build_record", "members_key"]

__getattr__ = import_on_use(
    __name__,
    {
        ".estimate": "Estimate",
        ".profile": "Profile RejectedFor",
        ".record": "build_record members_key",
    },
)
