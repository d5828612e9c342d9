"""The dispatcher: a bounded window of requests on the wire, and one attempt loop a row.

It pulls: the next request is taken only when it can be sent, and outcomes are handed over in groups. It
continues only after its consumer has settled a group. That gives two promises without a further check: what
is leased in `requests` is leased before it is sent, and a doubt is written down before its row is sent again.
"""

from __future__ import annotations

import random
from heapq import heappop, heappush
from typing import TYPE_CHECKING, assert_never

from loader.delivery.clock import SystemClock
from loader.delivery.governor import NO_HOLD, Governor
from loader.delivery.lanes import Lanes, Row
from loader.delivery.limits import full_jitter
from loader.delivery.meter import Meter
from loader.delivery.outbox import NOTHING_TO_ADD, Outbox
from loader.delivery.transports.contract import PolledLine
from loader.delivery.transports.future_line import FutureLine
from loader.delivery.verdicts import classify
from loader.message import Message, Setting
from loader.model import (
    NOT_YET,
    Answer,
    Confirmed,
    InDoubt,
    NotSent,
    Rejected,
    Retry,
    State,
    Stop,
    StopCode,
    Wire,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from loader.delivery.brake import Brake
    from loader.delivery.clock import DispatchClock
    from loader.delivery.policy import Policy
    from loader.delivery.transports.contract import Transport
    from loader.model import Attempt, Outcome, Request, Traffic, Verdict

OVERTAKEN = InDoubt("taken, but an earlier row of the device may arrive after it")
GIVEN_UP = InDoubt("given up while waiting for the answer")
_END_OF_TIME = Stop(
    StopCode.DURATION,
    Message("The time that {setting} allows is over.", setting=Setting("max_duration")),
)
NOT_REPEATED = InDoubt("in doubt, and not sent again because the load ended")


class Dispatch:
    """Delivers one run of requests; made for one call of `deliver`.

    Args:
        transport: puts bodies on the wire; a line is moved by the thread that calls `deliver`.
        policy: limits and what to do with doubts.
        brake: ends the run from outside.
        sending: called with the ordinal right before each attempt reaches the transport.
        clock, chance: time and jitter, passed in for tests.

    Attributes:
        stopped: why the run ended before its end, or None; the brake does not count as a reason.
    """

    def __init__(
        self,
        transport: Transport | PolledLine,
        *,
        policy: Policy,
        brake: Brake,
        sending: Callable[[int], None],
        clock: DispatchClock | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self.stopped: Stop | None = None
        self._policy = policy
        self._brake = brake
        self._sending = sending
        self._clock = clock or SystemClock()
        self._chance = chance or random.Random()  # noqa: S311 - jitter is not a secret
        self._governor = Governor(policy, self._clock.monotonic(), self._chance, self._clock.wall)
        self._transport = (
            transport if isinstance(transport, PolledLine) else FutureLine(transport, self._clock)
        )
        brake.connect(self._transport.wake)

        self._source: Iterator[Request] | None = None
        self._failure: Exception | None = None
        self._lanes = Lanes(last_wins=policy.last_wins)
        self._line: list[Row] = []  # heap: rows that may go at once, before new ones
        self._later: list[tuple[float, Row]] = []  # heap: doubtful rows in their back-off
        self._flying: set[Row] = set()
        self._outbox = Outbox(self._clock, policy.settle_seconds)
        self._final: list[Row] = []  # what waits for the consumer to settle the outcomes
        self._repeated: list[Row] = []
        self._ending_by: float | None = None
        longest = policy.longest_seconds
        self._over_at = None if longest is None else self._clock.monotonic() + longest
        self._posted = 0
        self._held = (NO_HOLD.reason, 0.0)
        self._meter = Meter()

    def deliver(self, requests: Iterable[Request]) -> Iterator[list[Outcome]]:
        """Send them all; yield what became of them, in groups, and exactly one final outcome each.

        An error of `requests` or of `sending` is raised after what is on the wire has come back.
        """
        self._source = iter(requests)
        while True:
            self._fill()
            if self._outbox and (not self._flying or self._clock.monotonic() >= self._outbox.due):
                yield self._outbox.hand_over()
                self._after_settling()
            elif self._done():
                break
            else:
                self._receive()
        if self._outbox:
            yield self._outbox.hand_over()
            self._after_settling()
        self._give_up_the_rest()
        if self._outbox:
            yield self._outbox.hand_over()
        if self._failure is not None:
            raise self._failure

    def count_rejected(self, rows: int) -> None:
        """Count rows that were rejected before they came here against `max_rejected`."""
        self._stop(self._governor.count(State.REJECTED, rows))

    def limit(self, max_rejected: int | None, max_in_doubt: int | None) -> None:
        """Accept at most as many rows in these states from now on."""
        self._stop(self._governor.limit(max_rejected, max_in_doubt))

    def wire(self) -> Wire:
        """What the sender is doing; may be called from another thread."""
        reason, until = self._held
        left = until - self._clock.monotonic()
        meter = self._meter
        flying, window = len(self._flying), self._governor.window
        now = Wire(flying, self._posted, window, answers=meter.answers, waited=meter.waits)
        now = now._replace(failure=self._governor.failure)
        return now._replace(waiting_for=reason, waiting_seconds=left) if left > 0 else now

    def traffic(self) -> Traffic:
        """What was done since the run began; for the thread that calls `deliver`."""
        return self._meter.read(self._governor.window)

    # Sending

    def _fill(self) -> None:
        """Send everything that may be sent now."""
        now = self._clock.monotonic()
        self._stop_when_over(now)
        while self._later and self._later[0][0] <= now:
            heappush(self._line, heappop(self._later)[1])
        while self._may_send(now) and (row := self._next_row(now)) is not None:
            self._send(row, now)
        window = self._governor.window
        self._meter.allowed(window)
        if len(self._flying) >= window:
            self._governor.note_full()

    def _may_send(self, now: float) -> bool:
        return (
            not self._ending()
            and len(self._flying) < self._governor.window
            and self._governor.hold(now) is NO_HOLD
        )

    def _next_row(self, now: float) -> Row | None:
        if self._line:
            return heappop(self._line)
        while self._source is not None and self._lanes.parked < self._policy.look_ahead:
            try:
                request = next(self._source, None)
            except Exception as failure:  # noqa: BLE001 - raised again after the wire is empty
                self._failure = failure
                return None
            if request is None:
                self._source = None
                return None
            if request is NOT_YET:
                return None
            self._governor.taken()
            if self._lanes.admit(row := Row(request), now):
                return row
        return None

    def _send(self, row: Row, now: float) -> None:
        if self._ending():  # `requests` may have counted one reject too many while it looked for this row
            heappush(self._line, row)
            return
        try:
            self._sending(row.request.ordinal)
        except Exception as failure:  # noqa: BLE001 - raised again after the wire is empty
            self._failure = failure
            heappush(self._line, row)
            return
        self._governor.sent()
        self._posted += 1
        row.epoch = self._governor.epoch
        row.sent_at = now
        self._flying.add(row)
        self._transport.send(row.request.body, row)

    # Receiving

    def _receive(self) -> None:
        """Wait for an answer, the brake, or the next moment at which something is due; take what is there."""
        began, patience = self._clock.monotonic(), self._patience()
        reason, until = self._held
        for row, attempt in self._transport.turn(patience):
            self._take(row, attempt)
        if reason:
            self._meter.waited(reason, min(self._clock.monotonic(), until) - began)

    def _patience(self) -> float | None:
        """Seconds until something must be done even if no answer comes; None if there is no such moment."""
        now = self._clock.monotonic()
        moments = [self._outbox.due] if self._outbox else []
        if self._ending():
            self._held = (NO_HOLD.reason, now)
            moments.append(self._deadline(now))
        else:
            moments += [self._later[0][0]] if self._later else []
            moments += [self._over_at] if self._over_at is not None and self._unsent() else []
            moments += self._release_moment(now)
        return max(0.0, min(moments) - now) if moments else None

    def _release_moment(self, now: float) -> list[float]:
        """When the limits let the next row go, if only they keep it."""
        hold = NO_HOLD if len(self._flying) >= self._governor.window else self._governor.hold(now)
        self._held = (hold.reason, now + hold.seconds)
        return [] if hold is NO_HOLD else [now + hold.seconds]

    def _take(self, row: Row, attempt: Attempt) -> None:
        """Judge one attempt and do what the verdict asks for."""
        self._flying.remove(row)
        if not isinstance(attempt, NotSent):
            row.attempts += 1
        now = self._clock.monotonic()
        if isinstance(attempt, Answer) and attempt.seconds is not None:
            row.sent_at = now - attempt.seconds  # the way to the process that sent it is not the vendor's
        self._meter.count_attempt(attempt, now - row.sent_at)
        verdict = classify(attempt, self._clock.wall(), self._policy.secrets)
        self._stop(self._governor.see(verdict, row.epoch, row.sent_at, now))
        self._follow(row, verdict)

    def _follow(self, row: Row, verdict: Verdict) -> None:
        match verdict:
            case Confirmed():
                # The earlier row of the device may still arrive and win. So the newest is sent again, last.
                if not (self._lanes.overtaken(row) and self._resend(row, OVERTAKEN)):
                    self._finish(row, State.CONFIRMED)
            case Rejected():
                # What is refused now may have been taken by an earlier attempt.
                self._finish(row, State.IN_DOUBT if row.doubts else State.REJECTED, verdict)
            case InDoubt():
                if not self._resend(row, verdict):
                    self._finish(row, State.IN_DOUBT, verdict)
            case Retry():
                heappush(self._line, row)
            case Stop():
                self._stop(verdict)
                heappush(self._line, row)
            case _:
                assert_never(verdict)

    def _resend(self, row: Row, doubt: InDoubt) -> bool:
        """Have the row sent again after its doubt is written down, if policy and budget allow it."""
        if self._ending() or not self._governor.may_resend(row.doubts):
            return False
        row.doubts += 1
        if doubt is OVERTAKEN:
            self._lanes.repeat(row)
        else:
            self._lanes.note_doubt(row, self._clock.monotonic())
        self._repeated.append(row)
        self._outbox.add(row, State.IN_DOUBT, doubt, resending=True)
        return True

    def _finish(self, row: Row, state: State, why: Rejected | InDoubt = NOTHING_TO_ADD) -> None:
        if state is State.IN_DOUBT:
            self._lanes.note_doubt(row, self._clock.monotonic())
        self._final.append(row)
        self._outbox.add(row, state, why)
        self._stop(self._governor.count(state))

    def _after_settling(self) -> None:
        """Do what had to wait until the outcomes were written down: the device's next row, and repeats."""
        now = self._clock.monotonic()
        for row in self._final:
            if (successor := self._lanes.release(row, now)) is not None:
                heappush(self._line, successor)
        self._final.clear()
        for row in self._repeated:
            heappush(self._later, (now + full_jitter(row.doubts, self._chance), row))
        self._repeated.clear()

    # Ending

    def _stop(self, stop: Stop | None) -> None:
        self.stopped = self.stopped or stop

    def _stop_when_over(self, now: float) -> None:
        """End as planned when the time is over, if there is anything left to send."""
        if self._over_at is not None and now >= self._over_at and self._unsent():
            self._stop(_END_OF_TIME)

    def _unsent(self) -> bool:
        """Whether rows wait to be sent, or may still come."""
        return bool(self._source is not None or self._line or self._later)

    def _ending(self) -> bool:
        return self.stopped is not None or self._brake.drained or self._failure is not None

    def _deadline(self, now: float) -> float:
        """Until when an ending run waits for what is on the wire."""
        if self._ending_by is None:
            self._ending_by = now + self._policy.drain_seconds
        return self._ending_by

    def _done(self) -> bool:
        if self._ending():
            now = self._clock.monotonic()
            return not self._flying or self._brake.halted or now >= self._deadline(now)
        return not (self._flying or self._unsent())

    def _give_up_the_rest(self) -> None:
        """Give a final outcome to every row that was taken and has none."""
        for row in sorted(self._flying):
            row.attempts += 1
            self._outbox.add(row, State.IN_DOUBT, GIVEN_UP)
        unsent = [*self._line, *(row for _, row in self._later), *self._lanes.waiting()]
        for row in sorted(unsent):
            if row.doubts:
                self._outbox.add(row, State.IN_DOUBT, NOT_REPEATED)
            else:
                self._outbox.add(row, State.NEVER_SENT)
        self._flying.clear()
