"""Devices, their users, and repeated rows, counted exactly for any size of input.

A user exists only through its devices: `registerUser` ties a device to one user, the last call wins, and a
user whose last device is tied to another is deleted. So the order of rows decides which users remain.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from loader.profile.spill import Spill

if TYPE_CHECKING:
    from loader.profile.sketch import Hashes
    from loader.profile.spill import Records

EXAMPLES = 3
NOBODY = 0

# The fate of a user in one row; the largest of all rows counts.
_WITHOUT_DEVICE, _OVERWRITTEN, _KEPT = 0, 1, 2


@dataclass(slots=True)
class Found:
    """The devices and users of all rows, counted at the end of a check.

    Attributes:
        devices: devices of the rows that would be sent.
        users: users of these rows, and of rows that are rejected because they name no device.
        several_users: devices that are tied to more than one user.
        vanishing_users: users all of whose devices are tied to another user by a later row; 0 for events.
        users_without_device: users that have no device in any row.
        examples: ordinals of the first and the last row of some devices with several users.
    """

    devices: int = 0
    users: int = 0
    several_users: int = 0
    vanishing_users: int = 0
    users_without_device: int = 0
    examples: list[tuple[int, int]] = field(default_factory=list)


class People:
    """Ties of devices to users, in the order of the rows."""

    def __init__(self, *, last_wins: bool) -> None:
        self._last_wins = last_wins
        self._ties = Spill(3)
        self._users = Spill(2)

    def tie(self, devices: Hashes, users: Hashes, ordinals: Any) -> None:
        """Add each device with its user, `NOBODY` if there is none."""
        self._ties.add(devices, users, ordinals)

    def without_device(self, users: Hashes) -> None:
        """Users of rows that name no device."""
        self._note(users, _WITHOUT_DEVICE)

    def found(self) -> Found:
        """Count; nothing can be added afterwards."""
        found = Found()
        for ties in self._ties.buckets():
            self._count_devices(ties, found)
        self._ties.close()
        for fates in self._users.buckets():
            _count_users(fates, found)
        self._users.close()
        found.examples.sort()
        return found

    def _count_devices(self, ties: Records, found: Found) -> None:
        ties = ties.take(np.argsort(ties[:, 0]), axis=0)
        found.devices += len(_find_beginnings(ties[:, 0]))
        nobody = ties[:, 1] == NOBODY
        if nobody.any():
            ties = ties.compress(~nobody, axis=0)
        begins = _find_beginnings(ties[:, 0])
        if not len(begins):
            return
        # Sorted by device alone, because the order does not decide whether a device has one user. Only the
        # rows of the few devices with several users are then put into the order in which they would be sent.
        same_device, same_user = (ties[1:, number] == ties[:-1, number] for number in (0, 1))
        differing = np.flatnonzero(same_device & ~same_user)
        several = np.unique(np.searchsorted(begins, differing, side="right") - 1)
        single = np.ones(len(begins), np.bool_)
        single[several] = False
        self._note(ties[begins[single], 1], _KEPT)
        if len(several):
            sizes = np.diff(np.append(begins, len(ties)))
            self._count_several(ties.compress(np.repeat(~single, sizes), axis=0), found)

    def _count_several(self, ties: Records, found: Found) -> None:
        """Ties of devices that have several users each."""
        ties = ties.take(np.lexsort((ties[:, 2], ties[:, 0])), axis=0)
        begins = _find_beginnings(ties[:, 0])
        ends = np.append(begins[1:], len(ties)) - 1
        found.several_users += len(begins)
        self._note(ties[:, 1], _OVERWRITTEN if self._last_wins else _KEPT)
        self._note(ties[ends, 1], _KEPT)
        pairs = zip(ties[begins, 2].tolist(), ties[ends, 2].tolist(), strict=True)
        found.examples = heapq.nsmallest(EXAMPLES, [*found.examples, *pairs])

    def _note(self, users: Hashes, fate: int) -> None:
        self._users.add(users, np.full(len(users), fate, np.uint64))


def _find_beginnings(keys: Hashes) -> Any:
    """Where each run of equal keys begins."""
    return np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if len(keys) else np.empty(0, np.int64)


def _count_users(fates: Records, found: Found) -> None:
    fates = fates.take(np.argsort(fates[:, 0]), axis=0)
    begins = _find_beginnings(fates[:, 0])
    if not len(begins):
        return
    best = np.maximum.reduceat(fates[:, 1], begins)
    found.users += len(begins)
    found.vanishing_users += int((best == _OVERWRITTEN).sum())
    found.users_without_device += int((best == _WITHOUT_DEVICE).sum())


@dataclass(slots=True)
class Repeated:
    """Rows whose body repeats the body of an earlier row.

    Attributes:
        rows: their number; the first row with a body is not counted.
        examples: for some bodies, ordinals of the first two rows.
    """

    rows: int = 0
    examples: list[tuple[int, int]] = field(default_factory=list)


class Bodies:
    """Hashes of all bodies."""

    def __init__(self) -> None:
        self._spill = Spill(2)

    def add(self, bodies: Hashes, ordinals: Any) -> None:
        """Count these bodies."""
        self._spill.add(bodies, ordinals)

    def repeated(self) -> Repeated:
        """Count; nothing can be added afterwards."""
        found = Repeated()
        for bodies in self._spill.buckets():
            keys = np.sort(bodies[:, 0])
            repeats = keys[1:][keys[1:] == keys[:-1]]
            found.rows += len(repeats)
            if len(repeats):
                pairs = _find_first_two(bodies, np.unique(repeats))
                found.examples = heapq.nsmallest(EXAMPLES, [*found.examples, *pairs])
        self._spill.close()
        return found


def _find_first_two(bodies: Records, keys: Hashes) -> list[tuple[int, int]]:
    """The first two ordinals of each key that occurs more than once."""
    ours = bodies.compress(np.isin(bodies[:, 0], keys), axis=0)
    ours = ours.take(np.lexsort((ours[:, 1], ours[:, 0])), axis=0)
    begins = _find_beginnings(ours[:, 0])
    return list(zip(ours[begins, 1].tolist(), ours[begins + 1, 1].tolist(), strict=True))
