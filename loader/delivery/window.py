"""How many requests may be on the wire: a window that finds what the vendor can take.

Two models: the gradient limit of Netflix's *concurrency-limits* (grow while the round-trip time holds, else
shrink by the ratio of the two times), and TCP's slow start and halving. Times are seconds of one clock.

What tells an overload from chance: a queue delays all answers, also the fastest ones, as CoDel (RFC 8289)
judges a queue by the least delay of an interval. Real services answer with a heavy tail: the 99th percentile
may be twenty times the median. Then medians of few answers scatter by half and more, and the smallest of many
such medians lies far below the true one. A window that shrinks when a round's median exceeds that one falls
to one request, because a smaller window has smaller rounds, whose medians scatter even more.
"""

from __future__ import annotations

import math
from statistics import median

FIRST_WINDOW = 16
# A queue that makes answers half as slow again keeps the vendor busy without a gap, and is short.
_TOLERANCE = 1.5
# Four standard errors below a round's median: they cover the scatter of this median, and the depth of the
# shortest one, which is the smallest of hundreds. In ranks the standard error is half the root of the number
# of answers, for every distribution. Measured in tests/delivery/scenarios/tail*.toml.
_STANDARD_ERRORS = 4.0
# This small a difference says nothing: it may be a pause of this machine, and then a queue of some
# milliseconds gives the vendor something to do. A modest window is enough for such a queue, so a wider one
# gets less slack: the state of that many connections is in no cache, and with a server on this machine that
# answers over TLS, 256 are a third slower than 64 (`python -m benchmarks.auto`).
_SLACK_SECONDS = 0.01
_MODEST_WINDOW = 80
_SLACK_BEYOND_SECONDS = 0.002
# A vendor on this machine answers a whole window within a millisecond. But a program that waits for a core
# waits 10 to 20, and then each of several rounds in a row looks like a queue. Here they are one round, in
# which the other answers outnumber those that had to wait. See tests/delivery/scenarios/busy_cores.toml.
_SHORTEST_ROUND_SECONDS = 0.02
_KEPT_AFTER_REFUSAL = 0.85
_KEPT_AFTER_DOUBT = 0.9
# The window is at most halved at once, and not in less time than this: near rounds follow each other fast.
_KEPT_AT_LEAST = 0.5
_HALVED_IN_SECONDS = 0.4
# A lost answer weighs half after fifty answers. This much weight, about one in twenty for a while, is not
# chance any more. One in a hundred, all the time, says nothing about how many requests the vendor can take.
_FADING_PER_ANSWER = 0.5 ** (1 / 50)
_HEAVY = 4.0
# After a refusal the window rests this long, and then grows by this share a second beyond what it kept.
_REST_SECONDS = 5.0
_GROWTH_PER_SECOND = 1 / 16
# The shortest time is measured again, with this share of the window, after this many seconds and rounds. With
# half a window, and a tolerance that scatter widens beyond two, each measurement of a queue that the window
# itself makes would allow a longer queue.
_MEASURED_WITH = 1 / 4
_MEMORY_SECONDS = 30.0
# With a vendor as near as this, the first times are those of connections that are made by hundreds, on the
# machine that has to answer, too. So it is measured again soon, with the first window: some milliseconds.
_NEAR_SECONDS = 0.03
_NEAR_AGAIN_SECONDS = 0.25
_MEMORY_ROUNDS = 20
_SMALLEST_ROUND = 8


def lower_bound_of_median(times: list[float]) -> float:
    """The time that the median of all answers exceeds in all probability, judged by a sample of them.

    It is an order statistic, so it needs no assumption about how the times scatter: the 97th shortest of 256
    times, the 17th of 64, the shortest of 16. See Conover, *Practical Nonparametric Statistics*, section 3.2.

    Args:
        times: the sample in ascending order, at least one.
    """
    rank = (len(times) - 1) / 2 - _STANDARD_ERRORS * math.sqrt(len(times)) / 2
    return times[max(0, round(rank))]


class ConcurrencyWindow:
    """Grows and shrinks between two bounds; equal bounds make it fixed.

    It goes in rounds: as many answers as the window is wide, so about one round trip, and more if they come
    within some milliseconds. The shortest median of a round that was seen lately stands for the time without
    a queue. A round is bad if its own median is longer beyond doubt, see `lower_bound_of_median`. At first
    each good round doubles the window, until the median looks longer; later it adds the window's square root.
    Two bad rounds in a row shrink it: a single one may be this machine's own pause.

    Attributes:
        limit: how many requests may be on the wire.
    """

    def __init__(self, lowest: int, highest: int, now: float) -> None:
        self._lowest = lowest
        self._highest = highest
        self._size = float(min(max(FIRST_WINDOW, lowest), highest))
        self.limit = int(self._size)
        self._fixed = lowest == highest
        self._doubling = True
        self._times: list[float] = []
        self._began = now
        self._full = False
        self._bad_rounds = 0
        self._good_at = now  # when the last round that was not bad had ended, or the window had shrunk
        self._shortest = math.inf
        self._measure_at = now + _MEMORY_SECONDS
        self._near_again_at = now + _NEAR_AGAIN_SECONDS
        self._measuring = False
        self._since = -math.inf  # what was sent before belongs to a wider window, and is not measured
        self._answers = 0
        self._weight = 0.0  # of the lost answers, when the last one was lost
        self._weighed_at = 0  # how many answers there were then
        self._refused_beyond = math.inf
        self._rested_at = -math.inf
        self._grown_at = now
        self._shrunk_at = -math.inf

    def note_full(self) -> None:
        """Note that the window is full: otherwise a good time says nothing about a wider one."""
        self._full = True

    def answered(self, seconds: float, now: float) -> None:
        """Take in an answer that came after `seconds`."""
        if self._fixed:
            return
        self._answers += 1
        if now - seconds < self._since:
            return
        self._times.append(seconds)
        enough = len(self._times) >= max(self.limit, _SMALLEST_ROUND)
        if enough and now - self._began >= _SHORTEST_ROUND_SECONDS:
            self._began = now
            self._end_round(sorted(self._times), now)

    def refused(self, sent_at: float, now: float) -> None:
        """Take in that the vendor asked to slow down; what was sent before the last shrinking is old news."""
        if sent_at > self._shrunk_at:
            self._rested_at = now + _REST_SECONDS
            self._shrink(_KEPT_AFTER_REFUSAL, now)
            self._refused_beyond = self._size

    def lost(self, sent_at: float, now: float) -> None:
        """Take in that no usable answer came; only many of them in a short time shrink the window."""
        faded = _FADING_PER_ANSWER ** (self._answers - self._weighed_at)
        self._weight = self._weight * faded + 1.0
        self._weighed_at = self._answers
        if self._weight >= _HEAVY and sent_at > self._shrunk_at:
            self._weight = 0.0
            self._shrink(_KEPT_AFTER_DOUBT, now)

    def _end_round(self, times: list[float], now: float) -> None:
        full, self._full = self._full, False
        self._times.clear()
        if self._measuring:
            self._measure(median(times), now)
            return
        seconds = median(times)
        self._shortest = min(self._shortest, seconds)
        least = lower_bound_of_median(times)
        accepted = self._accept(_SLACK_SECONDS if self._size <= _MODEST_WINDOW else _SLACK_BEYOND_SECONDS)
        if least > accepted:
            self._bad_rounds += 1
            if self._bad_rounds > 1:
                self._shrink(max(self._least_kept(now), accepted / seconds), now)
        else:
            self._bad_rounds = 0
            self._good_at = now
            self._doubling = self._doubling and seconds <= accepted
            if full:
                sure = least <= self._accept(_SLACK_BEYOND_SECONDS / 2) and self._near_again_at == math.inf
                self._grow(now, math.inf if sure or seconds >= _NEAR_SECONDS else _MODEST_WINDOW)
        near = now >= self._near_again_at and seconds < _NEAR_SECONDS
        if near or now >= self._measure_at:
            self._begin_measuring(now, near=near)

    def _accept(self, slack: float) -> float:
        """Find the longest answer time that does not count as a queue."""
        return max(_TOLERANCE * self._shortest, self._shortest + slack)

    def _begin_measuring(self, now: float, *, near: bool) -> None:
        self._measuring, self._since = True, now
        narrow = min(self.limit, FIRST_WINDOW) if near else int(self.limit * _MEASURED_WITH)
        self.limit = max(self._lowest, narrow)
        if near:  # what the window grew to by too long a time is found again, if it was right
            self._near_again_at = math.inf
            self._size = min(self._size, max(self._lowest, _MODEST_WINDOW))
            self._doubling = True

    def _least_kept(self, now: float) -> float:
        """Find the share of the window that stays, however long the times of the bad rounds are."""
        return math.pow(_KEPT_AT_LEAST, min(1.0, (now - self._good_at) / _HALVED_IN_SECONDS))

    def _measure(self, seconds: float, now: float) -> None:
        """Take the time of a round that was sent with the narrow window as the time without a queue."""
        self._measuring = False
        self._shortest = seconds
        self._measure_at = now + max(_MEMORY_SECONDS, _MEMORY_ROUNDS * seconds)
        self._set(self._size)

    def _grow(self, now: float, most: float) -> None:
        if self._size < self._refused_beyond:
            wider = self._size * 2 if self._doubling else self._size + math.sqrt(self._size)
            self._set(min(wider, self._refused_beyond, max(most, self._size)))
        elif now >= self._rested_at:
            since = now - max(self._grown_at, self._rested_at)
            self._set(self._size + max(1.0, self._size * _GROWTH_PER_SECOND) * min(since, 1.0))
            self._refused_beyond = self._size
        self._grown_at = now

    def _shrink(self, kept: float, now: float) -> None:
        self._doubling = False
        self._bad_rounds = 0
        self._shrunk_at = self._good_at = now
        self._set(self._size * kept)

    def _set(self, size: float) -> None:
        self._size = min(max(size, float(self._lowest)), float(self._highest))
        self.limit = int(self._size)
