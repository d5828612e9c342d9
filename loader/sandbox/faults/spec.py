"""What a fault spec asks for, as records."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp, log
from statistics import NormalDist
from typing import TYPE_CHECKING

from loader.sandbox.faults.kinds import Fault

if TYPE_CHECKING:
    from loader.sandbox.faults.occasions import Occasion

_NORMAL = NormalDist()
_P99 = _NORMAL.inv_cdf(0.99)


@dataclass(frozen=True, slots=True)
class Evenly:
    """Any delay between two, each as likely as the other; a fixed one if they are the same. In seconds."""

    least: float
    most: float

    def draw(self, luck: float) -> float:
        """The delay, in seconds, that belongs to a number evenly between 0 and 1."""
        return self.least + (self.most - self.least) * luck


@dataclass(frozen=True, slots=True)
class Lognormal:
    """A lognormal distribution, as response times of servers mostly have: few calls are very slow.

    Attributes:
        median: half of all delays are shorter. In seconds.
        p99: 99 of 100 delays are shorter. In seconds.
    """

    median: float
    p99: float

    def draw(self, luck: float) -> float:
        """The delay, in seconds, that belongs to a number between 0 and 1, both excluded."""
        return self.median * exp(log(self.p99 / self.median) / _P99 * _NORMAL.inv_cdf(luck))


@dataclass(frozen=True, slots=True)
class Delay:
    """How long answers take, and which."""

    length: Evenly | Lognormal
    occasion: Occasion


@dataclass(frozen=True, slots=True)
class Rule:
    """A fault, and which calls it hits."""

    fault: Fault
    occasion: Occasion


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many calls are served in each second that begins a whole number of seconds after the first call."""

    per_second: int
    occasion: Occasion


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """What Retry-After says: seconds, or the date that lies that far ahead (RFC 9110, section 10.2.3)."""

    seconds: int
    as_date: bool = False


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """All that a spec asks for.

    Attributes:
        text: the spec with the parts of its profile written out.
        seed: of chance.
        delays: each adds to how long an answer takes.
        rules: which faults hit which calls.
        capacities: the calls beyond each get 429.
        retry_after: what 429 and maintenance say; None if they do not say when.
    """

    text: str = field(compare=False)
    seed: int = 1
    delays: tuple[Delay, ...] = ()
    rules: tuple[Rule, ...] = ()
    capacities: tuple[Capacity, ...] = ()
    retry_after: RetryAfter | None = RetryAfter(1)

    @property
    def outages(self) -> tuple[tuple[float, float], ...]:
        """The windows in which connections are refused, in seconds since the first call."""
        return tuple(
            rule.occasion.seconds
            for rule in self.rules
            if rule.fault is Fault.OUTAGE and rule.occasion.seconds is not None
        )

    def __str__(self) -> str:
        return self.text
