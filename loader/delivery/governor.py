"""The governor: what every attempt does to the whole sender, and what holds the sender back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, assert_never

from loader.delivery.limits import Breaker, Canary, Ceiling, Outage, RetryBudget, TokenBucket
from loader.delivery.standstill import Standstill
from loader.delivery.window import ConcurrencyWindow
from loader.message import Message, Setting
from loader.model import (
    OUTAGE,
    RATE_LIMIT,
    RETRY_AFTER,
    VENDOR_ASKED,
    Confirmed,
    InDoubt,
    Rejected,
    Retry,
    State,
    Stop,
    StopCode,
)
from loader.text.nouns import count_rows, is_or_are

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from loader.delivery.policy import Policy
    from loader.model import Verdict


# How soon a change of the rate is noticed.
_LOOK_SECONDS = 1.0


class Hold(NamedTuple):
    """What the sender waits for, in words, and for how many seconds."""

    reason: str
    seconds: float


NO_HOLD = Hold("", 0.0)


class Governor:
    """Joins the limits. Times are those of the dispatcher's clock; `wall` gives Unix time, for sentences.

    Attributes:
        failure: the last attempt that settled nothing, in words, or "".
    """

    def __init__(self, policy: Policy, now: float, chance: random.Random, wall: Callable[[], float]) -> None:
        self._bucket = TokenBucket(policy.rate, now)
        self._timetable = policy.timetable
        self._wall = wall
        self._next_look = now
        self._window = ConcurrencyWindow(
            policy.least_concurrency or policy.concurrency, policy.concurrency, now
        )
        self._breaker = Breaker(policy.concurrency, chance)
        self._outage = Outage(policy.outage_seconds, proxied=policy.proxied)
        self._standstill = Standstill(policy.standstill_seconds, wall)
        self._canary = Canary(policy.canary)
        # Four windows: an outage at any moment leaves enough to send each of its doubts again.
        self._budget = RetryBudget(reserve=4 * policy.concurrency)
        self._resends = policy.resends if policy.resend_ambiguous else 0
        self._rejected = Ceiling(policy.max_rejected, policy.rejected_before, _stop_for_rejected)
        self._in_doubt = Ceiling(policy.max_in_doubt, policy.in_doubt_before, _stop_for_in_doubt)
        self._paused_for = ""
        self.failure = ""

    @property
    def window(self) -> int:
        """How many requests may be on the wire."""
        return min(self._breaker.window, self._window.limit)

    @property
    def epoch(self) -> int:
        """To be remembered with each attempt, for `see`."""
        return self._breaker.epoch

    def note_full(self) -> None:
        """Note that as many requests are on the wire as may be."""
        self._window.note_full()

    def hold(self, now: float) -> Hold:
        """Find what forbids an attempt now; `NO_HOLD` if nothing does."""
        if self._timetable is not None and now >= self._next_look:
            self._next_look = now + _LOOK_SECONDS
            self._bucket.change(self._timetable.rate(self._wall()), now)
        if pause := self._breaker.wait(now):
            return Hold(self._paused_for, pause)
        if wait := self._bucket.wait(now):
            return Hold(RATE_LIMIT, wait)
        return NO_HOLD

    def taken(self) -> None:
        """Note that a new row is taken."""
        self._budget.earn()

    def sent(self) -> None:
        """Note that an attempt goes out, of a new row or of a repeated one."""
        self._bucket.take()

    def see(self, verdict: Verdict, epoch: int, sent_at: float, now: float) -> Stop | None:
        """Take in what became of an attempt of that epoch and time; return `Stop` if it ends the load."""
        match verdict:
            case Confirmed() | Rejected():
                self._breaker.succeeded(epoch)
                self._window.answered(now - sent_at, now)
                self._outage.answered(trusted=self._breaker.trusted)
                self._standstill.moved()
                return self._canary.see(verdict)
            case Retry(reason, after, connection):
                self.failure = reason
                self._paused_for = RETRY_AFTER if after is not None else _pause(connection=connection)
                self._breaker.refused(epoch, now, after)
                if connection:
                    return self._outage.failed(now, reason) or self._standstill.stalled(now, reason)
                self._window.refused(sent_at, now)
                self._outage.answered()
                return self._standstill.stalled(now, reason)
            case InDoubt(reason):
                self.failure = reason
                self._window.lost(sent_at, now)
                self._paused_for = _pause(connection=True)
                self._breaker.failed(epoch, now)
                stop = self._outage.failed(now, reason, reached=True)
                return stop or self._standstill.stalled(now, reason)
            case Stop():
                return None  # the dispatcher ends the run itself
            case _:
                assert_never(verdict)

    def may_resend(self, doubts: int) -> bool:
        """Whether a record that was in doubt `doubts` times may be sent once more; if so, it is counted."""
        return doubts < self._resends and self._budget.spend()

    def limit(self, max_rejected: int | None, max_in_doubt: int | None) -> Stop | None:
        """Accept at most as many records in these states from now on; `Stop` if there are more already."""
        self._rejected.limit(max_rejected)
        self._in_doubt.limit(max_in_doubt)
        return self._rejected.add(0) or self._in_doubt.add(0)

    def count(self, state: State, rows: int = 1) -> Stop | None:
        """Count final states; `Stop` if more are rejected or in doubt than the user allows."""
        if state is State.REJECTED:
            return self._rejected.add(rows)
        if state is State.IN_DOUBT:
            return self._in_doubt.add(rows)
        return None


def _pause(*, connection: bool) -> str:
    return OUTAGE if connection else VENDOR_ASKED


def _stop_for_rejected(most: int) -> Stop:
    return Stop(StopCode.TOO_MANY_REJECTED, _say_too_many(most, "rejected", Setting("max_rejected")))


def _stop_for_in_doubt(most: int) -> Stop:
    return Stop(StopCode.TOO_MANY_IN_DOUBT, _say_too_many(most, "in doubt", Setting("max_in_doubt")))


def _say_too_many(most: int, state: str, setting: Setting) -> Message:
    """The sentence does not count them: what is on the wire may bring more before the load has ended."""
    if not most:
        return Message("A row is {state}, and {setting} allows none.", state=state, setting=setting)
    return Message(
        "More than {rows} {are} {state}, and {setting} allows no more.",
        rows=count_rows(most),
        setting=setting,
        are=is_or_are(most),
        state=state,
    )
