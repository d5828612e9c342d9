"""Devices, their users, and repeated rows, counted exactly for any size of input.

A user exists only through its devices: `registerUser` ties a device to one user, the last call wins, and a
user whose last device is tied to another is deleted. So the order of rows decides which users remain.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from loader.spill import Spill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loader.profile.sketch import Hashes
    from loader.spill import Records

Ordinals: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
Mask: TypeAlias = "np.ndarray[Any, np.dtype[np.bool_]]"

EXAMPLES = 3
NOBODY = 0

# The fate of a user in one row; the largest of all rows counts.
_WITHOUT_DEVICE, _OVERWRITTEN, _KEPT = 0, 1, 2
_NAMED = 4  # added to the fate of a user with an id of its own
# Changes that are listed at a time; their texts are looked up in another pass over the input.
MOST_CHANGES = 1 << 18


@dataclass(slots=True)
class Found:
    """The devices and users of all rows, counted at the end of a check.

    Attributes:
        devices: devices of the rows that would be sent.
        users: users with an id of their own, of these rows and of rows that are rejected because they name no
            device.
        devices_without_user: devices that no user has in the end; to the vendor each is its own user.
        several_users: devices that change users: some user has the device in a row, and another user, or
            nobody, in a later row. For events, devices with several users.
        vanishing_users: users all of whose devices end at another user, or at none; 0 for events.
        users_without_device: users that have no device in any row.
        examples: ordinals of the first and the last row of some devices that change users.
    """

    devices: int = 0
    users: int = 0
    devices_without_user: int = 0
    several_users: int = 0
    vanishing_users: int = 0
    users_without_device: int = 0
    examples: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Changes:
    """Some changes of users, an element each, in the order of the rows that are overtaken.

    Attributes:
        rows: ordinals of the last row in which the device has the user that it loses.
        later: ordinals of the row that says which user the device has in the end.
        vanishing: whether the lost user has no other device left.
    """

    rows: Ordinals
    later: Ordinals
    vanishing: Mask


class People:
    """Ties of devices to users, in the order of the rows."""

    def __init__(self, *, last_wins: bool) -> None:
        self._last_wins = last_wins
        self._ties = Spill(3)
        self._users = Spill(2)

    def tie(self, devices: Hashes, users: Hashes, ordinals: Any, own: Any = 0) -> None:
        """Add each device with its user.

        Args:
            devices: their hashes.
            users: hashes, `NOBODY` if there is none.
            ordinals: of the rows.
            own: 1 if the row names no user, so that the device is its own; then `users` has its hash.
        """
        self._ties.add(devices, users, 2 * ordinals.astype(np.uint64) + own)

    def without_device(self, users: Hashes) -> None:
        """Users of rows that name no device."""
        self._note(users, _WITHOUT_DEVICE)

    def found(self) -> Found:
        """Count; nothing can be added afterwards."""
        found = Found()
        for ties in self._ties.buckets():
            self._count_devices(ties, found)
        for fates in self._users.buckets():
            _count_users(fates, found)
        found.examples.sort()
        return found

    def close(self) -> None:
        """Give back memory and disk."""
        self._ties.close()
        self._users.close()

    def changes(self) -> Iterator[Changes]:
        """The changes that `found` counted, a bounded number at a time."""
        for ties in self._ties.buckets():
            lost, later = _find_changes(_sort_several(ties))
            for start in range(0, len(lost), MOST_CHANGES):
                part, last = lost[start : start + MOST_CHANGES], later[start : start + MOST_CHANGES]
                vanishing = np.zeros(len(part), np.bool_)
                for fates in self._users.buckets():
                    keys, best, _ = _summarise_fates(fates)
                    vanishing |= np.isin(part[:, 1], keys[best == _OVERWRITTEN])
                yield Changes(part[:, 2] >> np.uint64(1), last >> np.uint64(1), vanishing)

    def _count_devices(self, ties: Records, found: Found) -> None:
        ties = ties.take(np.argsort(ties[:, 0]), axis=0)
        devices = len(_find_beginnings(ties[:, 0]))
        found.devices += devices
        nobody = ties[:, 1] == NOBODY
        if nobody.any():
            ties = ties.compress(~nobody, axis=0)
        begins = _find_beginnings(ties[:, 0])
        found.devices_without_user += devices - len(begins)
        if not len(begins):
            return
        single = _find_single(ties, begins)
        named = np.maximum.reduceat(_is_named(ties), begins)[single]
        found.devices_without_user += int((~named).sum())
        self._note(ties[begins[single], 1], _KEPT, named)
        if not single.all():
            sizes = np.diff(np.append(begins, len(ties)))
            self._count_several(_sort_rows(ties.compress(np.repeat(~single, sizes), axis=0)), found)

    def _count_several(self, ties: Records, found: Found) -> None:
        """Ties of devices that have several users each, or none in some rows, in the order of their rows."""
        begins = _find_beginnings(ties[:, 0])
        ends = np.append(begins[1:], len(ties)) - 1
        named = _is_named(ties)
        found.devices_without_user += int((~named[ends]).sum())
        self._note(ties[:, 1], _OVERWRITTEN if self._last_wins else _KEPT, named)
        self._note(ties[ends, 1], _KEPT, named[ends])
        last = np.repeat(ties[ends, 1], ends - begins + 1)
        changed = np.maximum.reduceat(named & (ties[:, 1] != last), begins)
        found.several_users += int(changed.sum())
        begins, ends = begins[changed], ends[changed]
        rows = ties[:, 2] >> np.uint64(1)
        pairs = zip(rows[begins].tolist(), rows[ends].tolist(), strict=True)
        found.examples = heapq.nsmallest(EXAMPLES, [*found.examples, *pairs])

    def _note(self, users: Hashes, fate: int, named: Any = True) -> None:  # noqa: FBT002 - of each user or all
        """Add what becomes of users; those without an id of their own are devices."""
        self._users.add(users, np.full(len(users), fate, np.uint64) + np.uint64(_NAMED) * named)


def _is_named(ties: Records) -> Mask:
    named: Mask = ties[:, 2] & np.uint64(1) == 0
    return named


def _find_single(ties: Records, begins: Ordinals) -> Mask:
    """Which devices have one user in all of their rows.

    Sorted by device alone, because the order does not decide that. Only the rows of the few others are then
    put into the order in which they would be sent.
    """
    same_device, same_user = (ties[1:, number] == ties[:-1, number] for number in (0, 1))
    differing = np.flatnonzero(same_device & ~same_user)
    single = np.ones(len(begins), np.bool_)
    single[np.unique(np.searchsorted(begins, differing, side="right") - 1)] = False
    return single


def _sort_rows(ties: Records) -> Records:
    return ties.take(np.lexsort((ties[:, 2], ties[:, 0])), axis=0)


def _sort_several(ties: Records) -> Records:
    """The ties of devices that have several users, by device and row."""
    ties = ties.take(np.argsort(ties[:, 0]), axis=0)
    begins = _find_beginnings(ties[:, 0])
    if not len(begins):
        return ties
    sizes = np.diff(np.append(begins, len(ties)))
    return _sort_rows(ties.compress(np.repeat(~_find_single(ties, begins), sizes), axis=0))


def _find_changes(ties: Records) -> tuple[Records, Ordinals]:
    """The last tie of each device to each user that loses it, and the device's last row; by the first."""
    begins = _find_beginnings(ties[:, 0])
    if not len(begins):
        return ties, ties[:, 2]
    ends = np.append(begins[1:], len(ties)) - 1
    ends = np.repeat(ends, ends - begins + 1)
    lost = _is_named(ties) & (ties[:, 1] != ties[ends, 1])
    ties, later = ties[lost], ties[ends[lost], 2]
    # Of several rows with the same device and user the last is kept.
    order = np.lexsort((ties[:, 2], ties[:, 1], ties[:, 0]))
    ties, later = ties[order], later[order]
    differing = (ties[1:, :2] != ties[:-1, :2]).any(axis=1)
    following = np.append(differing, np.ones(min(len(ties), 1), np.bool_))
    ties, later = ties[following], later[following]
    order = np.argsort(ties[:, 2])
    return ties[order], later[order]


def _find_beginnings(keys: Hashes) -> Any:
    """Where each run of equal keys begins."""
    return np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if len(keys) else np.empty(0, np.int64)


def _summarise_fates(fates: Records) -> tuple[Hashes, Hashes, Mask]:
    """Each user once: its hash, the best of its fates, and whether it has an id of its own."""
    fates = fates.take(np.argsort(fates[:, 0]), axis=0)
    begins = _find_beginnings(fates[:, 0])
    if not len(begins):
        return fates[:, 0], fates[:, 1], np.empty(0, np.bool_)
    best = np.maximum.reduceat(fates[:, 1] & np.uint64(_NAMED - 1), begins)
    named = np.maximum.reduceat(fates[:, 1], begins) >= _NAMED
    return fates[begins, 0], best, named


def _count_users(fates: Records, found: Found) -> None:
    _, best, named = _summarise_fates(fates)
    found.users += int(named.sum())
    found.vanishing_users += int((named & (best == _OVERWRITTEN)).sum())
    found.users_without_device += int((named & (best == _WITHOUT_DEVICE)).sum())


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
        self.close()
        return found

    def close(self) -> None:
        """Give back memory and disk."""
        self._spill.close()


def _find_first_two(bodies: Records, keys: Hashes) -> list[tuple[int, int]]:
    """The first two ordinals of each key that occurs more than once."""
    ours = bodies.compress(np.isin(bodies[:, 0], keys), axis=0)
    ours = ours.take(np.lexsort((ours[:, 1], ours[:, 0])), axis=0)
    begins = _find_beginnings(ours[:, 0])
    return list(zip(ours[begins, 1].tolist(), ours[begins + 1, 1].tolist(), strict=True))
