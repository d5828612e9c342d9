"""Which rows of a load are left out, by what the ledger knows of their keys: pure decisions on arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from loader.ledger import Digests
    from loader.ledger.records import Mask, Ordinals
    from loader.ledger.sending import KeyStates


@dataclass(frozen=True, slots=True)
class Judged:
    """Which rows are left out.

    Attributes:
        load: for each row the number of the load because of which it is left out; -1 if it is sent.
        pending: whether that load does not know if it sent the key.
        changed: whether the body is another one.
        older: whether that load began later than this one, so that its row is the newer one.
    """

    load: np.ndarray[Any, np.dtype[np.int64]]
    pending: Mask
    changed: Mask
    older: Mask


def judge_events(digests: Digests, ordinals: Ordinals, states: KeyStates, own: int) -> Judged:
    """Which events are left out: those whose key is known, and of those with one key all but the first.

    A row of this very load that is in doubt, and that the user has sent again, has its own key.
    """
    load = np.where(states.load > 0, states.load, -1)
    changed = (load > 0) & (states.body != digests.body)
    again = states.pending & (states.load == own) & (states.ordinal == ordinals)
    load[again] = -1
    order, begins = group_keys(digests)
    first = order[np.flatnonzero(begins)[np.cumsum(begins) - 1]]
    repeats = ~begins & (load[order] < 0) & ~again[order]
    load[order[repeats]] = own
    changed[order[repeats]] = digests.body[order[repeats]] != digests.body[first[repeats]]
    return Judged(load, states.pending & (load > 0), changed, older=np.zeros(len(load), np.bool_))


def judge_newest(digests: Digests, ordinals: Ordinals, states: KeyStates, own: int) -> Judged:
    """Which rows of users and tags are left out: those that are what was sent last for the same key.

    A row is compared with the row before it with its key, else with the ledger. If the ledger knows a later
    load, this row is older than what is at the vendor. If nobody knows what is there, the row is sent.
    """
    del ordinals  # a row that goes again is in doubt, and so is sent
    order, begins = group_keys(digests)
    previous = np.empty(len(order), np.int64)
    previous[order[1:]] = order[:-1]
    followers = order[~begins]
    load = np.full(len(order), -1, np.int64)
    newer = states.load > own
    sure = (states.load > 0) & ~states.pending
    same = sure & (states.body == digests.body)
    load[newer] = states.load[newer]
    load[same] = states.load[same]
    followers = followers[~newer[followers]]
    repeats = digests.body[followers] == digests.body[previous[followers]]
    load[followers] = np.where(repeats, own, -1)
    older = newer & ~same
    none = np.zeros(len(order), np.bool_)
    return Judged(load, pending=none, changed=none, older=older)


def group_keys(digests: Digests) -> tuple[Ordinals, Mask]:
    """The places of keys in an order that brings equal ones together, and which of these begin a group."""
    order = np.lexsort((digests.low, digests.high))
    high, low = digests.high[order], digests.low[order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    return order, begins
