"""What happens to the next call: decided by its number, its time and a seed, and by nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xxhash import xxh3_64_intdigest

from loader.sandbox.faults.kinds import FACTS, Fault, Stored

if TYPE_CHECKING:
    from loader.sandbox.faults.spec import FaultSpec

_RANGE = 2.0**53


@dataclass(frozen=True, slots=True)
class Deal:
    """What happens to a call.

    Attributes:
        fault: what it meets, or None.
        stored: whether it is stored, if it is one that can be.
        seconds: how long its answer takes beyond what the sandbox needs.
    """

    fault: Fault | None
    stored: bool
    seconds: float


class Dealer:
    """Deals faults out, call by call.

    Whether a fault hits a call depends on the seed, the fault's name and the call's number: another fault in
    the spec does not change it. Time matters for windows of time and for the capacity alone.
    """

    def __init__(self, spec: FaultSpec) -> None:
        self._spec = spec
        self._number = self._lost = 0
        self._second, self._served = -1, 0

    def deal(self, at: float) -> Deal:
        """What happens to the next call.

        Args:
            at: seconds since the first call.
        """
        self._number += 1
        fault = self._find_fault(at)
        return Deal(fault, self._is_stored(fault), self._draw_delay(at))

    def _find_fault(self, at: float) -> Fault | None:
        hits = [
            rule.fault
            for rule in self._spec.rules
            if rule.occasion.covers(self._number, at)
            and rule.occasion.is_lucky(draw_luck(self._spec.seed, rule.fault, self._number))
        ]
        if self._is_too_many(at):
            hits.append(Fault.HTTP_429)
        return min(hits, key=_ORDER.__getitem__, default=None)

    def _is_too_many(self, at: float) -> bool:
        limits = [each.per_second for each in self._spec.capacities if each.occasion.covers(self._number, at)]
        if not limits:
            return False
        if int(at) != self._second:
            self._second, self._served = int(at), 0
        self._served += 1
        return self._served > min(limits)

    def _is_stored(self, fault: Fault | None) -> bool:
        stored = FACTS[fault].stored if fault else Stored.YES
        if stored is not Stored.EVERY_OTHER:
            return stored is Stored.YES
        self._lost += 1
        return self._lost % 2 == 1

    def _draw_delay(self, at: float) -> float:
        seconds = 0.0
        for index, delay in enumerate(self._spec.delays):
            if not delay.occasion.covers(self._number, at):
                continue
            name = f"latency {index}"
            if delay.occasion.is_lucky(draw_luck(self._spec.seed, f"{name} hits", self._number)):
                seconds += delay.length.draw(draw_luck(self._spec.seed, name, self._number))
        return seconds


_ORDER = {fault: place for place, fault in enumerate(Fault)}


def draw_luck(seed: int, name: str, number: int) -> float:
    """A number between 0 and 1, both excluded: evenly spread, and always the same for the same arguments."""
    # A hash and not a generator: it needs no state, so nothing else can change what a call meets.
    digest = xxh3_64_intdigest(f"{seed} {name} {number}".encode())
    return ((digest >> 11) + 0.5) / _RANGE
