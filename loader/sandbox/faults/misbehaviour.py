"""An ASGI application around another one: what is dealt to a call is done to it here.

A fault of a call that is stored is carried out only after the inner application has answered, and it answers
only after its commit: that the call was stored before is true, also if the sandbox is killed the next moment.
A call that the inner application refuses gets its refusal, because nothing was stored.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from loader.sandbox.faults.answers import RawAnswer, build_answer
from loader.sandbox.faults.connection import find_connection
from loader.sandbox.faults.dealer import Dealer
from loader.sandbox.faults.kinds import Fault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, MutableMapping

    from loader.sandbox.faults.dealer import Deal
    from loader.sandbox.faults.spec import FaultSpec

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]
    #: Counts an answer that the inner application knows nothing of, by the path of its call and its verdict.
    Count = Callable[[str, str], None]

#: Where the inner application finds in the scope which fault a call meets that it takes.
FAULT = "fault"
_RESETS = {Fault.OUTAGE, Fault.RESET_BEFORE_READ}


class Faults(NamedTuple):
    """What goes wrong, and by which clock.

    Attributes:
        spec: what and when.
        clock: seconds, from any moment on: what windows of time and the capacity are measured with.
    """

    spec: FaultSpec
    clock: Callable[[], float] = time.monotonic


class Stopwatch:
    """Seconds since the first call.

    Args:
        clock: seconds, from any moment on.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._begun: float | None = None

    def start(self) -> None:
        """Begin, if it has not begun yet."""
        if self._begun is None:
            self._begun = self._clock()

    def read(self) -> float:
        """Seconds since the first call; 0 before it."""
        return 0.0 if self._begun is None else self._clock() - self._begun


class Misbehaviour:
    """The application (ASGI 3).

    Args:
        app: takes, stores and answers calls.
        spec: what is to go wrong.
        count: counts answers that `app` does not see.
        is_call: whether a request is one that faults are meant for, by its scope.
        watch: seconds since the first call.
        now: Unix time in seconds, for a Retry-After that is a date.
    """

    def __init__(
        self,
        app: App,
        spec: FaultSpec,
        *,
        count: Count,
        is_call: Callable[[Scope], bool],
        watch: Stopwatch,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._app = app
        self._spec = spec
        self._dealer = Dealer(spec)
        self._count = count
        self._is_call = is_call
        self._watch = watch
        self._begin: Callable[[], Coroutine[None, None, None]] | None = None
        self._beside: asyncio.Task[None] | None = None
        self._now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        if not self._is_call(scope):
            await self._app(scope, receive, send)
            return
        self._start()
        deal = self._dealer.deal(self._watch.read())
        if deal.stored:
            await self._take(deal, scope, receive, send)
        else:
            await self._refuse(deal, scope, receive, send)

    def begin_with(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Name work that starts with the first call and runs beside all others."""
        self._begin = work

    def _start(self) -> None:
        """Begin to measure time, if this is the first call."""
        self._watch.start()
        if self._begin is not None and self._beside is None:
            self._beside = asyncio.create_task(self._begin())

    async def _refuse(self, deal: Deal, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call, or reset its connection, without a word to the inner application."""
        assert deal.fault is not None  # noqa: S101 - without a fault a call is stored
        self._count(scope["path"], deal.fault)
        if deal.fault in _RESETS:
            await reset(scope, receive)
            return
        if await drain(receive):
            await wait(deal.seconds)
            await give(send, build_answer(deal.fault, self._spec.retry_after, self._now()))

    async def _take(self, deal: Deal, scope: Scope, receive: Receive, send: Send) -> None:
        """Have a call stored; then do to its answer what was dealt."""
        if deal.fault is not None:
            scope[FAULT] = str(deal.fault)
        kept = await self._ask(scope, receive)
        if kept is None:
            return
        await wait(deal.seconds)
        if deal.fault is None or not is_acceptance(kept):
            await give(send, kept)
        elif deal.fault is Fault.RESET_AFTER_STORED:
            await reset(scope, receive)
        elif deal.fault is Fault.CUT_ANSWER:
            await give_half(send, kept)
        else:
            await give(send, build_answer(deal.fault, self._spec.retry_after, self._now()))

    async def _ask(self, scope: Scope, receive: Receive) -> RawAnswer | None:
        """What the inner application answers; None if the caller left before the end of the request."""
        sent: list[Message] = []

        async def keep(message: Message) -> None:
            sent.append(message)

        await self._app(scope, receive, keep)
        if not sent:
            return None
        headers = [(name, value) for name, value in sent[0]["headers"] if name != b"content-length"]
        return RawAnswer(
            sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:])
        )


def is_acceptance(answer: RawAnswer) -> bool:
    """Whether an answer says that the call was taken: HTTP 200 and the same in its body."""
    return answer.status == 200 and json.loads(answer.body).get("status_code") == 200


async def wait(seconds: float) -> None:
    """Let time pass; without a delay not even a turn of the event loop."""
    if seconds:
        await asyncio.sleep(seconds)


async def reset(scope: Scope, receive: Receive) -> None:
    """Reset the connection, and wait until the server has noticed."""
    find_connection(scope).reset()
    while (await receive())["type"] != "http.disconnect":
        pass


async def drain(receive: Receive) -> bool:
    """Read the request to its end, so that the connection can be used again; False if the caller left."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return False
        if not message.get("more_body", False):
            return True


async def give(send: Send, answer: RawAnswer) -> None:
    """Send a whole answer."""
    await send(build_start(answer))
    await send({"type": "http.response.body", "body": answer.body})


async def give_half(send: Send, answer: RawAnswer) -> None:
    """Send half of an answer. The server closes the connection, because the rest never comes."""
    await send(build_start(answer))
    half = answer.body[: len(answer.body) // 2]
    await send({"type": "http.response.body", "body": half, "more_body": True})


def build_start(answer: RawAnswer) -> Message:
    """The status and the headers of an answer, with its true length."""
    headers = [*answer.headers, (b"content-length", b"%d" % len(answer.body))]
    return {"type": "http.response.start", "status": answer.status, "headers": headers}
