"""Calls that arrive together are kept in one transaction, and are answered only after it is committed."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from loader.sandbox.calls import Answered, Denial, Refused
from loader.sandbox.checks import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loader.sandbox.calls import Outcome, Received
    from loader.sandbox.replies import Reply
    from loader.sandbox.store import SandboxStore
    from loader.sandbox.store.writing import Transaction

SHOWN_BODY = 2_000


class Arrival(NamedTuple):
    """A call as it came.

    Attributes:
        load: the label of its load, or "".
        arrived: Unix milliseconds.
        method: the API method, or "" if the path names none.
        body: of the request.
        verdict: what its answer is counted as if it is taken; "" for `ok`.
    """

    load: str
    arrived: int
    method: str
    body: bytes
    verdict: str = ""


class Settled(NamedTuple):
    """What became of a call: how it is answered, and what that is counted as."""

    reply: Reply
    verdict: str


@dataclass(slots=True)
class Waiting:
    """A call that waits for its transaction.

    Attributes:
        arrival: as it came.
        received: what is to be kept, or None.
        decided: the refusal or the answer that is already known, or None.
        settled: what the caller waits for.
    """

    arrival: Arrival
    received: Received | None
    decided: Refusal | Reply | None
    settled: asyncio.Future[Reply]


class Group:
    """Collects the calls of one turn of the event loop, and commits them in the next one.

    Under load a turn has the calls of all connections that had something to say, so that a transaction costs
    little for each of them; a single call waits for nobody.

    Args:
        store: where they are kept.
        refuse: the answer to a refusal.
        accept: the answer to what was kept.
    """

    def __init__(
        self,
        store: SandboxStore,
        refuse: Callable[[Refusal], Reply],
        accept: Callable[[Received, Outcome], Reply],
    ) -> None:
        self._store = store
        self._refuse, self._accept = refuse, accept
        self._waiting: list[Waiting] = []
        self._uncounted: Counter[Answered] = Counter()

    async def settle(
        self, arrival: Arrival, received: Received | None, decided: Refusal | Reply | None = None
    ) -> Reply:
        """Keep a call, or only its refusal, and return the answer after the commit."""
        waiting = Waiting(arrival, received, decided, asyncio.get_running_loop().create_future())
        self._schedule()
        self._waiting.append(waiting)
        return await waiting.settled

    def count(self, answered: Answered) -> None:
        """Count an answer that was given without this group, with the next transaction."""
        self._schedule()
        self._uncounted[answered] += 1

    def flush(self) -> None:
        """Count what is not counted yet; for the end of the server."""
        self._commit()

    def _schedule(self) -> None:
        if not self._waiting and not self._uncounted:
            asyncio.get_running_loop().call_soon(self._commit)

    def _commit(self) -> None:
        group, self._waiting = self._waiting, []
        if not group and not self._uncounted:
            return
        try:
            with self._store.transaction() as transaction:
                settled = [self._decide(transaction, waiting) for waiting in group]
                self._note(transaction, group, settled)
        except Exception as error:  # noqa: BLE001 - whatever it is, each caller has to be told that nothing was kept
            refusal = Refusal(500, 500, f"The sandbox could not write to its store: {error}.")
            settled = [Settled(self._refuse(refusal), "")] * len(group)
        self._uncounted.clear()
        for waiting, (reply, _) in zip(group, settled, strict=True):
            if not waiting.settled.done():
                waiting.settled.set_result(reply)

    def _decide(self, transaction: Transaction, waiting: Waiting) -> Settled:
        decided = waiting.decided
        if decided is None and waiting.received is not None:
            outcome = transaction.keep(waiting.received)
            if not isinstance(outcome, Denial):
                return Settled(self._accept(waiting.received, outcome), waiting.arrival.verdict or "ok")
            decided = Refusal(200, outcome.status_code, outcome.message)
        if isinstance(decided, Refusal):
            waiting.decided = decided
            return Settled(self._refuse(decided), f"refused {decided.status_code or decided.http_status}")
        assert decided is not None  # noqa: S101 - a call without anything to keep comes with its answer
        return Settled(decided, waiting.arrival.verdict or "ok")

    def _note(self, transaction: Transaction, group: Sequence[Waiting], settled: Sequence[Settled]) -> None:
        answers = self._uncounted.copy()
        for waiting, (_, verdict) in zip(group, settled, strict=True):
            arrival = waiting.arrival
            answers[Answered(arrival.arrived // 1_000, arrival.load, arrival.method, verdict)] += 1
        refused = [
            write_refused(waiting.arrival, waiting.decided, reply.status)
            for waiting, (reply, _) in zip(group, settled, strict=True)
            if isinstance(waiting.decided, Refusal)
        ]
        transaction.note_answers(answers, refused)


def write_refused(arrival: Arrival, refusal: Refusal, http_status: int) -> Refused:
    """A refused call as the store keeps it for a while."""
    return Refused(
        arrival.arrived,
        arrival.load,
        arrival.method,
        http_status,
        refusal.status_code,
        str(refusal),
        arrival.body[:SHOWN_BODY].decode(errors="replace"),
    )
