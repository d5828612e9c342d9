"""A comparison of loads with the vendor's own counts, in order: count the input, ask the vendor, compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loader.errors import ConfigError
from loader.message import Message, Setting
from loader.settings import NOTHING_IN_MEMORY, Endpoint, InMemory
from loader.states import States
from loader.verification.counts.hours import Hours, find_sending_hours, find_spans
from loader.verification.counts.readings import SHIFTS, compare_counts
from loader.verification.counts.statistics import LONGEST_SPAN, Access, Statistics
from loader.verification.expected import Load

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from loader.addresses import Proxy
    from loader.server_token import ServerToken
    from loader.verification.counts.readings import Comparison
    from loader.verification.counts.statistics import Patience

#: Hours without events for which it is cheaper to ask twice than to be told of every hour between.
_APART = 31 * 24


@dataclass(frozen=True, slots=True)
class CountsRequest:
    """How the vendor is asked.

    Attributes:
        token: the server token; it goes to the endpoint of the checkpoints alone.
        proxy, ca_bundle: as of a load.
        patience: how long the vendor may take; None for the usual.
    """

    token: ServerToken
    proxy: Proxy | None = None
    ca_bundle: str | None = None
    patience: Patience | None = None


@dataclass(frozen=True, slots=True)
class CountsVerification:
    """What a comparison with the vendor's counts found.

    Attributes:
        host: who was asked.
        checkpoints: of the loads.
        comparison: what was found.
    """

    host: str
    checkpoints: tuple[Path, ...]
    comparison: Comparison

    @property
    def ok(self) -> bool:
        """Whether every hour of every event is as expected."""
        return self.comparison.reading.fits


def verify_counts(
    checkpoints: Sequence[Path],
    request: CountsRequest,
    files: Sequence[str] = (),
    memory: InMemory = NOTHING_IN_MEMORY,
) -> CountsVerification:
    """Compare the events of loads with the vendor's counts by hour.

    Args:
        checkpoints: of the loads, all of one application.
        request: how the vendor is asked.
        files: where the input is now, if it has moved; for one checkpoint.
        memory: the tables of the loads that are in memory; the input of one checkpoint.

    Raises:
        ConfigError: they are not loads of events to one server, or the vendor refuses to count.
        CheckpointError, SourceError: a checkpoint or its input cannot be read.
        VendorError: no usable answer came in time.
    """
    loads = [Load.open(path, files, memory) for path in checkpoints]
    endpoint, application = find_account(loads)
    access = Access(endpoint, application, request.token, request.proxy, request.ca_bundle)
    expected = Hours()
    for load in loads:
        count_hours(load, expected)
    sending = frozenset[int]().union(*(find_sending_hours(load.ledger) for load in loads))
    with Statistics(access, request.patience) as statistics:
        counted = {
            event: ask_hours(statistics, event, frozenset(hours) | sending)
            for event, hours in sorted(expected.by_event.items())
        }
    comparison = compare_counts(expected, sending, counted)
    return CountsVerification(endpoint.host, tuple(checkpoints), comparison)


def find_account(loads: Sequence[Load]) -> tuple[Endpoint, str]:
    """The server and the application that loads were sent to.

    Raises:
        ConfigError: there is none to ask, or several, or it counts nothing of this kind.
    """
    for load in loads:
        refuse_uncounted(load)
    places = {(load.ledger.identity.endpoint, load.ledger.identity.application) for load in loads}
    if len(places) > 1:
        raise ConfigError(
            "The checkpoints are of loads to several endpoints or applications. Verify them one by one."
        )
    ((endpoint, application),) = places
    return Endpoint.parse(endpoint), application


def refuse_uncounted(load: Load) -> None:
    """Refuse a load that nobody has counted.

    Raises:
        ConfigError: it is not of events, or the sandbox that it went to ended with it.
    """
    path = load.ledger.path
    if not load.method.timed:
        raise ConfigError(
            Message(
                "{path} is a load of {many}, and the vendor counts only events. Compare it with an export: "
                "{landed}.",
                path=path,
                many=load.method.many,
                landed=Setting("landed"),
            )
        )
    if "://" not in load.ledger.identity.endpoint:
        raise ConfigError(
            Message(
                "{path} was sent to a sandbox that ended with the load, so nobody can be asked for counts. "
                "Verify it without {counts}: its store is compared row by row.",
                path=path,
                counts=Setting("counts"),
            )
        )


def count_hours(load: Load, hours: Hours) -> None:
    """Add what a load expects in each hour, by event, under its present mapping."""
    plan, states = load.plans[-1], States(load.ledger)
    for chunk in plan.source.chunks():
        mapped = plan.mapper.map(chunk)
        hours.add(mapped, states.of(mapped.rows))


def ask_hours(statistics: Statistics, event: str, hours: frozenset[int]) -> dict[int, int]:
    """The vendor's counts of an event around some hours, as far as another zone could move them."""
    counted: dict[int, int] = {}
    for span in find_spans(hours, apart=_APART, longest=LONGEST_SPAN):
        counted |= statistics.count(event, range(span.start + SHIFTS.start, span.stop + SHIFTS.stop))
    return counted
