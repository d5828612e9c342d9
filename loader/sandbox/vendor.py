"""The vendor's methods: a call is checked as the documentation describes it, kept, and only then answered."""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import TYPE_CHECKING, NamedTuple

from loader.errors import ConfigError
from loader.methods import BY_NAME
from loader.sandbox.calls import Answered, CreateEvent, Event, Received
from loader.sandbox.checks import Refusal, check, check_application
from loader.sandbox.grouping import Arrival, Group
from loader.sandbox.labels import BASE, read_label
from loader.sandbox.management import (
    CREATE_EVENT,
    FIELDS,
    GET_EVENT_STATISTICS,
    read_new_event,
    read_question,
    read_request,
)
from loader.sandbox.replies import (
    ACCEPTED,
    ACCEPTED_EVENT,
    build_acceptance,
    build_gateway_refusal,
    build_refusal,
)
from loader.sandbox.store.statistics import count_hours, has_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from loader.sandbox.calls import Outcome, Question
    from loader.sandbox.replies import Reply
    from loader.sandbox.rules import Rules
    from loader.sandbox.store import SandboxStore

METHODS = (*BY_NAME, *FIELDS)
LATEST_QUESTIONS = 1_000


class HttpCall(NamedTuple):
    """What came over HTTP.

    Attributes:
        verb: POST, GET and so on.
        path: percent-decoded.
        headers: by name, in lower case.
        body: all of it; None if it is larger than what is let through.
        verdict: what its answer is counted as if it is taken; "" for `ok`.
    """

    verb: str
    path: str
    headers: dict[bytes, bytes]
    body: bytes | None
    verdict: str = ""


class Vendor:
    """Answers calls, in the order in which they come, and on one thread.

    Args:
        store: where accepted calls are kept.
        rules: what an acceptable call carries beside its fields.
        now: the clock that calls, and events without a time, are stamped with, in Unix seconds.
    """

    def __init__(
        self,
        store: SandboxStore,
        rules: Rules,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._rules, self._now = store, rules, now
        self._group = Group(store, self._refuse, self._accept)
        self._questions: dict[str, Question] = {}

    async def answer(self, call: HttpCall) -> Reply:
        """The answer to a call, after its commit."""
        method, arrived = find_method(call.path), int(self._now() * 1_000)
        arrival = Arrival(read_label(call.path), arrived, method, call.body or b"", call.verdict)
        try:
            body = admit_request(call, arrival.method)
            if arrival.method in BY_NAME:
                self._rules.admit(call.headers)
                checked = check(arrival.method, body, self._rules.application)
                received = Received(arrival.load, arrival.arrived, checked)
                return await self._group.settle(arrival, received)
            return await self._manage(arrival, call.headers)
        except Refusal as refusal:
            return await self._group.settle(arrival, None, refusal)
        except ConfigError as error:
            return await self._group.settle(arrival, None, Refusal(500, 500, str(error)))

    def count(self, path: str, verdict: str) -> None:
        """Count an answer to a call that never reached this vendor."""
        self._group.count(Answered(int(self._now()), read_label(path), find_method(path), verdict))

    def flush(self) -> None:
        """Write down what was counted and not written yet; for the end of the server."""
        self._group.flush()

    async def _manage(self, arrival: Arrival, headers: dict[bytes, bytes]) -> Reply:
        request = read_request(arrival.method, arrival.body)
        self._rules.admit_server(headers, request["auth"])
        if arrival.method == CREATE_EVENT:
            check_application(request["application"], self._rules.application)
            received = Received(arrival.load, arrival.arrived, read_new_event(request))
            return await self._group.settle(arrival, received)
        if arrival.method == GET_EVENT_STATISTICS:
            check_application(request["application"], self._rules.application)
            reply = await self._ask(read_question(request))
        else:
            reply = await self._count(request["request_id"])
        return await self._group.settle(arrival, None, reply)

    async def _ask(self, question: Question) -> Reply:
        if not await asyncio.to_thread(has_event, self._store.path, question.application, question.event):
            raise Refusal(200, 404, "Event not found")
        request_id = f"DC1_{hashlib.md5(repr(question).encode(), usedforsecurity=False).hexdigest()}"
        self._questions.pop(request_id, None)  # so that it is the latest one again
        self._questions[request_id] = question
        if len(self._questions) > LATEST_QUESTIONS:
            del self._questions[next(iter(self._questions))]
        return build_acceptance({"request_id": request_id})

    async def _count(self, request_id: str) -> Reply:
        question = self._questions.get(request_id)
        if question is None:
            raise Refusal(200, 404, "Request not found")
        hours = await asyncio.to_thread(count_hours, self._store.path, question, self._rules.hours_of.value)
        return build_acceptance([{"date": date, "count": events} for date, events in hours])

    def _refuse(self, refusal: Refusal) -> Reply:
        if refusal.status_code is None:
            headers = ((b"allow", b"POST"),) if refusal.http_status == 405 else ()
            return build_gateway_refusal(refusal.http_status, str(refusal), *headers)
        status = self._rules.argument_errors if refusal.status_code == 210 else refusal.http_status
        return build_refusal(status, refusal.status_code, str(refusal))

    def _accept(self, received: Received, outcome: Outcome) -> Reply:
        if isinstance(received.call, Event):
            return ACCEPTED_EVENT
        if isinstance(received.call, CreateEvent):
            return build_acceptance({"event": outcome})
        return ACCEPTED


def find_method(path: str) -> str:
    """The API method that a path names, or ""."""
    base, _, method = path.rpartition("/")
    return method if method in METHODS and base.endswith(BASE) else ""


def admit_request(call: HttpCall, method: str) -> bytes:
    """The body of a call that gets through the gateway.

    Args:
        call: as it came.
        method: the API method, or "" if the path names none.

    Raises:
        Refusal: in the gateway's form.
    """
    if not method:
        raise Refusal(404, None, f"The sandbox has no method {call.path}. It has {', '.join(METHODS)}.")
    if call.verb != "POST":
        raise Refusal(405, None, f"Call {method} with POST, not {call.verb}.")
    if call.body is None:
        raise Refusal(413, None, "The body of the request is too large.")
    return call.body
