"""What holds the sender back: state machines on numbers, with time and chance passed in.

Times are seconds of one monotonic clock. Nothing here waits, sends or knows a row.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from loader.message import Message, Quote, Setting
from loader.model import Confirmed, Rejected, Stop, StopCode
from loader.text.vendor_words import is_application_unknown

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from loader.model import Verdict

FIRST_PAUSE = 0.5
PAUSED_SECONDS = 1.0
"""How often a bucket that gives nothing is asked again."""
LONGEST_PAUSE = 60.0

# This many doubts in a row, or among this many attempts, are an outage. With 1 % of the answers lost, the
# second happens less than once in ten billion attempts.
_DOUBTS_IN_A_ROW = 3
_DOUBTS_LATELY = 10
_LATELY = 50
# After an outage, this many successes in a row let the window grow, and this many end the outage.
_FIRST_PROOF = 8
_PROOF = 30


def full_jitter(failures: int, chance: random.Random) -> float:
    """A pause in seconds after N consecutive failures (from 1).

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

    def change(self, rate: float, now: float) -> None:
        """From now on another rate; 0 for nothing until it changes again."""
        if rate != self._rate:
            self.wait(now)  # what came in until now came at the rate before
            self._rate = rate
            self._size = max(1.0, rate / 10)
            self._tokens = min(self._tokens, self._size)
            self._filled_at = now

    def wait(self, now: float) -> float:
        """Seconds until a token is there; 0 if one is. At the rate 0 it says when to ask again."""
        if self._rate == math.inf:
            return 0.0
        if not self._rate:
            return PAUSED_SECONDS
        self._tokens = min(self._size, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        # A token that lacks a rounding error of floats is there: else the wait could be too short to pass.
        return 0.0 if self._tokens > 1.0 - 1e-6 else (1.0 - self._tokens) / self._rate

    def take(self) -> None:
        """Use the token that `wait` reported."""
        self._tokens -= 1.0


class Breaker:
    """Pauses the whole sender, then lets it find its way back.

    A definite failure (the vendor was not reached, or asks to wait) opens it at once. Half open, a single
    row is on the wire; its success closes the breaker and the window grows by one row with each success.

    Ambiguous failures each take a place out of the window, and open it when three of them come in a row, or
    ten among the last fifty attempts: so an outage costs about one window of doubts, a brown-out little
    more, and one lost answer in a hundred nothing. As each probe may cost a doubt, the vendor proves itself:
    the window stays at one row for eight successes in a row, and thirty in a row close the breaker. A doubt
    among them opens it for longer, so a brown-out costs about two doubts a minute, however long it lasts.

    Attempts remember the `epoch` they were sent in: what was on the wire when the breaker opened belongs
    to the failure that is already being paused for, and neither lengthens the pause nor ends it.

    Attributes:
        trusted: False from the opening by doubts until the vendor has proved itself.
    """

    def __init__(self, concurrency: int, chance: random.Random) -> None:
        self.epoch = 0
        self.window = concurrency
        self.trusted = True
        self._concurrency = concurrency
        self._chance = chance
        self._until = -math.inf
        self._pauses = 0
        self._doubts_in_a_row = 0
        self._lately: deque[bool] = deque(maxlen=_LATELY)  # whether each attempt ended in doubt
        self._successes = 0  # in a row, since the opening

    def wait(self, now: float) -> float:
        """Seconds until a row may be sent; 0 if it may be sent now."""
        return max(0.0, self._until - now)

    def succeeded(self, epoch: int) -> None:
        """The vendor took or refused a record: it works."""
        if epoch != self.epoch:
            return
        self._doubts_in_a_row = 0
        self._lately.append(False)
        self._successes += 1
        if self.trusted or self._successes >= _PROOF:
            self.trusted = True
            self._pauses = 0
        if self.window < self._concurrency and (self.trusted or self._successes >= _FIRST_PROOF):
            self.window += 1

    def failed(self, epoch: int, now: float) -> None:
        """An attempt ended in doubt."""
        if epoch != self.epoch:
            return
        self._doubts_in_a_row += 1
        self._lately.append(True)
        self.window = max(1, self.window - 1)
        if self._pauses or self._doubts_in_a_row >= _DOUBTS_IN_A_ROW or sum(self._lately) >= _DOUBTS_LATELY:
            self.trusted = False
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
        # If a vendor keeps asking for too short a wait, we add growing pauses of our own.
        pause = full_jitter(self._pauses, self._chance) if after is None or self._pauses > 1 else 0.0
        self._until = now + max(pause, after or 0.0)
        self.window = 1
        self._doubts_in_a_row = 0
        self._lately.clear()
        self._successes = 0


#: A server that answered before is down; one that never did may be the wrong one.
_NEVER_REACHED = Message(
    "The server was never reached in this run: check {endpoint}.", endpoint=Setting("endpoint")
)
_NEVER_REACHED_BY_PROXY = Message(
    "The server was never reached in this run: check {proxy} and {endpoint}.",
    proxy=Setting("proxy"),
    endpoint=Setting("endpoint"),
)


_UNKNOWN_APPLICATION = Message(
    "Check {application}. With the right one, the load begins again with these rows.",
    application=Setting("application"),
)


class Outage:
    """How long the vendor has given no usable answer, or too few of them.

    Usable is any answer that settles a record or asks to wait. Counted from the first failure, so a load
    that had nothing to send is not in an outage.
    """

    def __init__(self, longest: float, *, proxied: bool = False) -> None:
        self._longest = longest
        self._never_reached = _NEVER_REACHED_BY_PROXY if proxied else _NEVER_REACHED
        self._since: float | None = None
        self._lack = "No usable answer"
        self._reached = False

    def answered(self, *, trusted: bool = True) -> None:
        """A usable answer came; from a vendor that is not `trusted` again it does not end a brown-out."""
        self._reached = True
        if trusted:
            self._since = None
        else:
            self._lack = "Too few usable answers"

    def failed(self, now: float, reason: str, *, reached: bool = False) -> Stop | None:
        """None came, perhaps from a server that was `reached`; `Stop` when that has lasted for too long."""
        self._reached = self._reached or reached
        if self._since is None:
            self._since = now
            self._lack = "No usable answer"
        if now - self._since < self._longest:
            return None
        seconds = now - self._since
        lasted = f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
        last = Quote(f" The last failure: {reason.rstrip('.')}.")
        sentence = Message("{lack} for {lasted}.{last}", lack=self._lack, lasted=lasted, last=last)
        if self._reached:
            return Stop(StopCode.OUTAGE, sentence)
        return Stop(StopCode.OUTAGE, Message.join([sentence, self._never_reached]))


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
        quote = Quote(f': "{verdict.message}"')
        sentence = Message(
            "The first {rows} rows were all rejected for the same reason{quote}.",
            rows=self._first,
            quote=quote,
        )
        if is_application_unknown(verdict.message):
            sentence = Message.join([sentence, _UNKNOWN_APPLICATION])
        return Stop(StopCode.REJECTED_ALIKE, sentence)


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
        """Take one repeat; False if none is left."""
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class Ceiling:
    """The largest number of rejected, or in-doubt, records that the user accepts."""

    def __init__(self, most: int | None, count: int, stop: Callable[[int], Stop]) -> None:
        self._most = most
        self._count = count
        self._stop = stop

    def limit(self, most: int | None) -> None:
        """From now on, accept at most as many as this."""
        self._most = most

    def add(self, count: int = 1) -> Stop | None:
        """Count some more; `Stop` when they are too many."""
        self._count += count
        if self._most is None or self._count <= self._most:
            return None
        return self._stop(self._most)
