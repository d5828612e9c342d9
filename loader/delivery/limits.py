"""What holds the sender back: state machines on numbers, with time and chance passed in.

Times are seconds of one monotonic clock. Nothing here waits, sends or knows a row.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from loader.model import Confirmed, Rejected, Stop

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from loader.model import Verdict

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 60.0


def full_jitter(failures: int, chance: random.Random) -> float:
    """A pause in seconds after so many consecutive failures (from 1).

    Uniform between 0 and a ceiling that doubles up to `LONGEST_PAUSE`: "full jitter" in M. Brooker,
    *Exponential Backoff And Jitter*, AWS Architecture Blog, 2015.
    """
    ceiling = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures - 1, 30))
    return chance.uniform(0.0, ceiling)


class TokenBucket:
    """At most `rate` attempts a second; every attempt takes a token, a repeated one too.

    The bucket holds a tenth of a second's worth (at least one token), so within any `t` seconds at most
    ``rate * t + max(1, rate / 10)`` attempts are made. No rate: no limit.
    """

    def __init__(self, rate: float | None, now: float) -> None:
        self._rate = rate or math.inf
        self._size = max(1.0, self._rate / 10)
        self._tokens = self._size
        self._filled_at = now

    def wait(self, now: float) -> float:
        """Seconds until a token is there; 0 where one is."""
        if self._rate == math.inf:
            return 0.0
        self._tokens = min(self._size, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        # A token that lacks a rounding error of floats is there: else the wait could be too short to pass.
        return 0.0 if self._tokens > 1.0 - 1e-6 else (1.0 - self._tokens) / self._rate

    def take(self) -> None:
        """Use the token that `wait` reported."""
        self._tokens -= 1.0


class Breaker:
    """Pauses the whole sender, then lets it find its way back: one probe, then one row more per success.

    A definite failure (the vendor was not reached, or asks to wait) opens it at once. Ambiguous failures
    each take a place out of the window, and open it when `threshold` of them come in a row, so an outage
    costs about one window of doubts. Half open, a single row is on the wire; its success closes the
    breaker, its failure opens it for longer.

    Attempts remember the `epoch` they were sent in: what was on the wire when the breaker opened belongs
    to the failure that is already being paused for, and neither lengthens the pause nor ends it.
    """

    def __init__(self, concurrency: int, chance: random.Random, threshold: int = 3) -> None:
        self.epoch = 0
        self.window = concurrency
        self._concurrency = concurrency
        self._chance = chance
        self._threshold = threshold
        self._until = -math.inf
        self._pauses = 0
        self._streak = 0
        self._half_open = False

    def wait(self, now: float) -> float:
        """Seconds until a row may be sent; 0 where it may."""
        return max(0.0, self._until - now)

    def succeeded(self, epoch: int) -> None:
        """The vendor took or refused a record: it works."""
        if epoch != self.epoch:
            return
        self._half_open = False
        self._pauses = 0
        self._streak = 0
        if self.window < self._concurrency:
            self.window += 1

    def failed(self, epoch: int, now: float) -> None:
        """An attempt ended in doubt."""
        if epoch != self.epoch:
            return
        self._streak += 1
        self.window = max(1, self.window - 1)
        if self._half_open or self._streak >= self._threshold:
            self._open(now, None)

    def refused(self, epoch: int, now: float, after: float | None) -> None:
        """The vendor could not be reached, or asked to wait, perhaps `after` seconds."""
        if epoch == self.epoch:
            self._open(now, after)
        elif after is not None:
            self._until = max(self._until, now + after)

    def _open(self, now: float, after: float | None) -> None:
        self.epoch += 1
        self._pauses += 1
        # A vendor that goes on asking for too short a wait is met with growing pauses of our own.
        pause = full_jitter(self._pauses, self._chance) if after is None or self._pauses > 1 else 0.0
        self._until = now + max(pause, after or 0.0)
        self.window = 1
        self._streak = 0
        self._half_open = True


class Outage:
    """How long the vendor has given no usable answer.

    Usable is any answer that settles a record or asks to wait. Counted from the first failure, so a load
    that had nothing to send is not in an outage.
    """

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._since: float | None = None

    def answered(self) -> None:
        """A usable answer came."""
        self._since = None

    def failed(self, now: float, reason: str) -> Stop | None:
        """None came; `Stop` when that has lasted for too long."""
        if self._since is None:
            self._since = now
        if now - self._since < self._longest:
            return None
        minutes = (now - self._since) / 60
        return Stop(f"No usable answer for {minutes:.0f} minutes; the last failure: {reason}.")


class Canary:
    """Stops a run whose first records are all rejected alike: the settings are wrong, not the records.

    Alike is the same HTTP status and vendor code; the message may name the record.
    """

    def __init__(self, first: int) -> None:
        self._first = first
        self._left = first
        self._kind: tuple[int, int | None] | None = None

    def see(self, verdict: Verdict) -> Stop | None:
        """Count one verdict; those in between that settle nothing are passed over."""
        if not self._left or not isinstance(verdict, Confirmed | Rejected):
            return None
        if isinstance(verdict, Confirmed) or self._kind not in {None, verdict[:2]}:
            self._left = 0
            return None
        self._kind = verdict[:2]
        self._left -= 1
        if self._left:
            return None
        return Stop(f'The first {self._first} records were all rejected alike: "{verdict.message}".')


class RetryBudget:
    """How many records in doubt may be sent again: a reserve, and one more for every ten first attempts.

    So repeats are at most about a tenth of the load, and never multiply an outage; the shape is that of
    the retry throttling in gRPC (proposal A6).
    """

    def __init__(self, reserve: int, share: float = 0.1) -> None:
        self._size = float(reserve)
        self._share = share
        self._left = float(reserve)

    def earn(self) -> None:
        """A new record is taken."""
        self._left = min(self._size, self._left + self._share)

    def spend(self) -> bool:
        """Take one repeat; False where none is left."""
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class Ceiling:
    """The largest number of rejected, or in-doubt, records that the person accepts."""

    def __init__(self, most: int | None, count: int, sentence: Callable[[int, int], str]) -> None:
        self._most = most
        self._count = count
        self._sentence = sentence

    def add(self, count: int = 1) -> Stop | None:
        """Count some more; `Stop` when they are too many."""
        self._count += count
        if self._most is None or self._count <= self._most:
            return None
        return Stop(self._sentence(self._count, self._most))
