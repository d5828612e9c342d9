"""Makes the checkpoint of a load that sent nothing: by the loader's own leases and journal, without a wire.

A script that imports only `loader`, so that it runs with the one of any checkout that is first in PYTHONPATH.
"""

from __future__ import annotations

import argparse
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from loader import pipeline, planning
from loader.journal import Journal
from loader.known_keys import NoLedger
from loader.leases import Leases
from loader.methods import Kind
from loader.model import Outcome, State
from loader.settings import Endpoint, Settings

Crew: Any = None
with suppress(ImportError):  # in an older tree, leases read and map by themselves
    import loader.crew

    Crew = loader.crew.ThisProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loader.model import Request

# Nothing listens there, and nothing is sent.
ENDPOINT = "http://127.0.0.1:9/json/1.3/"
APPLICATION = "AAAAA-00001"
FLUSH = 256


class NoWire:
    """What `Leases` asks of a dispatcher that never stops."""

    stopped = None

    def count_rejected(self, rows: int) -> None:
        """Nothing is limited."""


def main() -> None:
    options = parse()
    settings = Settings(
        Kind.EVENTS,
        (str(options.source),),
        APPLICATION,
        Endpoint.parse(ENDPOINT),
        options.checkpoint,
        mapping=options.mapping,
    )
    plan = pipeline.prepare(settings)
    wanted = range(int(plan.survey.rows * options.share))
    keys, make = NoLedger(), cast("Any", Leases)
    with Journal.open(options.checkpoint, planning.build_identity(plan)) as journal:
        crew = [Crew(plan, keys)] if Crew else []
        leases = make(plan, *crew, journal, NoWire(), [wanted], canary=0, hear=lambda _: None, keys=keys)
        for outcomes in settle(leases.requests(), options.refused):
            journal.settle(outcomes)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("mapping", type=Path)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--share", type=float, default=1.0, help="of the rows that are sent, the first ones")
    parser.add_argument(
        "--refused", type=int, default=0, help="one row of N is rejected, and the row after it in doubt"
    )
    return parser.parse_args()


def settle(requests: Iterator[Request], refused: int) -> Iterator[list[Outcome]]:
    """The outcomes of all requests, in groups as they are written."""
    group: list[Outcome] = []
    for request in requests:
        group.append(Outcome(request.ordinal, choose_state(request.ordinal, refused), attempts=1))
        if len(group) == FLUSH:
            yield group
            group = []
    if group:
        yield group


def choose_state(ordinal: int, refused: int) -> State:
    """What becomes of a row."""
    place = ordinal % refused if refused else 2
    return (State.REJECTED, State.IN_DOUBT, State.CONFIRMED)[min(place, 2)]


if __name__ == "__main__":
    main()
