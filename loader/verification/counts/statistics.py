"""Asks the vendor how often an event was counted in each hour: `getEventStatistics`, then `getResults`.

Written from the vendor's documentation alone ("Events and tags statistics", "Scheduled requests"). The first
call orders the counts and names the order; the second one is repeated until they are there. Both only read,
so a call without a clear answer is made again. The server token stands in the bodies, goes to the endpoint of
the checkpoint alone, and is in no text.
"""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn, assert_never

from loader.delivery.reason import find_reason
from loader.delivery.transports.requests.requests_transport import RequestsTransport
from loader.delivery.verdicts import retry_after
from loader.delivery.wording import clean_line
from loader.errors import ConfigError, VendorError
from loader.message import Message, Quote, Setting
from loader.model import Answer, NoAnswer, NotSent
from loader.secret import hide_secrets
from loader.verification.counts.hours import HOUR, format_hour

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from loader.addresses import Proxy
    from loader.delivery.transports.contract import Timeouts
    from loader.model import Attempt
    from loader.secret import Secret
    from loader.server_token import ServerToken
    from loader.settings import Endpoint

ORDER, RESULTS = "getEventStatistics", "getResults"
#: Bytes of an answer: a year of hours takes 0.4 MB.
LONGEST_ANSWER = 16 << 20
#: Hours that are ordered at once. The documentation names no limit; a year is what its control panel shows.
LONGEST_SPAN = 366 * 24
#: How often one call is made before it is given up.
MOST_TRIES = 5
_WAITS = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the vendor may take, and how time passes; tests pass a simulated one.

    Attributes:
        seconds: for the results of one order.
        first, longest: pauses between two looks; each is twice the one before.
        wait: waits some seconds.
        now: Unix time in seconds.
    """

    seconds: float = 600.0
    first: float = 0.5
    longest: float = 30.0
    wait: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time


@dataclass(frozen=True, slots=True)
class Access:
    """Whose counts are asked for, and where.

    Attributes:
        endpoint: that of the checkpoint; the token goes nowhere else.
        application: application code.
        token: the server token.
        proxy, ca_bundle: as of a load.
    """

    endpoint: Endpoint
    application: str
    token: ServerToken
    proxy: Proxy | None = None
    ca_bundle: str | None = None

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What must be in no text."""
        return (self.token, *(self.proxy.secrets if self.proxy else ()))


class Statistics:
    """The vendor's counts of an account's events.

    Args:
        access: whose, and where.
        patience: how long the vendor may take.
        timeouts: the bounds of one call.
    """

    def __init__(
        self, access: Access, patience: Patience | None = None, timeouts: Timeouts | None = None
    ) -> None:
        self._access = access
        self._patience = patience or Patience()
        self._open = ExitStack()
        self._transports = {
            method: self._open.enter_context(
                RequestsTransport(
                    access.endpoint.url + method,
                    None,  # a header is for the device token
                    concurrency=1,
                    timeouts=timeouts,
                    proxy=access.proxy,
                    ca_bundle=access.ca_bundle,
                    longest_body=LONGEST_ANSWER,
                )
            )
            for method in (ORDER, RESULTS)
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def count(self, event: str, hours: range) -> dict[int, int]:
        """How often an event was counted, by hour since 1970; an hour without any may be missing.

        Args:
            event: its name.
            hours: from the first, to before the last.

        Raises:
            ConfigError: the vendor refuses the token, the application or the event.
            VendorError: no usable answer came in time.
        """
        order = self._order(event, hours)
        left, pause = self._patience.seconds, self._patience.first
        while (results := self._call(RESULTS, {"request_id": order})) is None:
            if left <= 0:
                self._give_up(
                    "has not finished the counts of the event {event} after {seconds:g} seconds",
                    event=Quote(event),
                    seconds=self._patience.seconds,
                )
            self._patience.wait(pause)
            left, pause = left - pause, min(2 * pause, self._patience.longest)
        return self._read_results(event, results)

    def _order(self, event: str, hours: range) -> str:
        response = self._call(
            ORDER,
            {
                "application": self._access.application,
                "event": event,
                "date_from": format_hour(hours.start),
                # Not documented is whether the end is part of the period; the last minute leaves it open.
                "date_to": format_hour(hours.stop - 1).replace(":00", ":59"),
            },
        )
        order = response.get("request_id") if isinstance(response, dict) else None
        if not isinstance(order, str) or not order:
            self._give_up("answers {method} without a request_id", method=ORDER)
        return order

    def _call(self, method: str, request: dict[str, str]) -> object:
        """What stands under ``response`` if the vendor takes the call; None if nothing stands there yet."""
        body = json.dumps({"request": {"auth": self._access.token.reveal(), **request}}, ensure_ascii=False)
        pause, said = self._patience.first, ""
        for _ in range(MOST_TRIES):
            attempt = self._transports[method].post(body.encode()).result()
            answer = self._read_answer(method, attempt)
            if isinstance(answer, _Taken):
                return answer.response
            said = answer.reason
            self._patience.wait(pause if answer.after is None else answer.after)
            pause = min(2 * pause, self._patience.longest)
        return self._give_up("gives no clear answer to {method}: {said}", method=method, said=Quote(said))

    def _read_answer(self, method: str, attempt: Attempt) -> _Taken | _Again:
        match attempt:
            case NotSent(reason, code) if code is not None:
                return self._refuse(self._hide(reason))
            case NotSent(reason, _) | NoAnswer(reason):
                return _Again(self._hide(reason))
            case Answer(status, _, _, complete) if not complete:
                return _Again(f"HTTP {status} with an answer that was cut or is too long")
            case Answer(status, body, header, _) if status in _WAITS:
                return _Again(self._cite(status, body), retry_after(header, self._patience.now()))
            case Answer(status, body, _, _):
                return self._judge(method, status, body)
            case _:
                assert_never(attempt)

    def _judge(self, method: str, status: int, body: bytes) -> _Taken | _Again:
        """Judge an answer that has a body of the vendor's, or of something in its place."""
        try:
            record = json.loads(body)
        except (ValueError, RecursionError):
            record = None
        code = record.get("status_code") if isinstance(record, dict) else None
        if status == 200 and code == 200 and isinstance(record, dict):
            return _Taken(record.get("response"))
        if code in _WAITS or (status == 200 and code is None):
            return _Again(self._cite(status, body))
        return self._refuse(f"{method} was answered with {self._cite(status, body, code)}")

    def _read_results(self, event: str, results: object) -> dict[int, int]:
        """The counts by hour.

        Raises:
            VendorError: they are not in the form that the documentation shows.
        """
        counts: dict[int, int] = {}
        for entry in results if isinstance(results, list) else [None]:
            hour = _read_hour(entry.get("date")) if isinstance(entry, dict) else None
            count = entry.get("count") if isinstance(entry, dict) else None
            if hour is None or type(count) is not int or count < 0:
                self._give_up(
                    "counts the event {event} in a form that this version does not know: {entry}",
                    event=Quote(event),
                    entry=Quote(clean_line(self._hide(json.dumps(results if entry is None else entry)))),
                )
            # An hour may come twice, for example as one entry for each platform.
            counts[hour] = counts.get(hour, 0) + count
        return counts

    def _cite(self, status: int, body: bytes, code: object = None) -> str:
        reason = self._hide(find_reason(body)).replace('"', "'")
        said = f"HTTP {status}" + (f" and status_code {code}" if isinstance(code, int) else "")
        return f'{said}: "{reason}"' if reason else said

    def _hide(self, text: str) -> str:
        # Before the text is cut, because half of a secret would not be found.
        return clean_line(hide_secrets(text, self._access.secrets))

    def _refuse(self, reason: str) -> NoReturn:
        raise ConfigError(
            Message(
                "{host} refuses to count: {reason}. Check PUSHWOOSH_SERVER_TOKEN or {file}: it must be the "
                "API token of the account that has the application {application}. The device token of a load "
                "is another one.",
                host=self._access.endpoint.host,
                reason=Quote(reason.rstrip(".")),
                file=Setting("server_token_file"),
                application=self._access.application,
            )
        ) from None

    def _give_up(self, template: str, **facts: object) -> NoReturn:
        raise VendorError(
            Message(
                "{host} {what}. Nothing was changed. Try again later, or compare with an export: {landed}.",
                host=self._access.endpoint.host,
                what=Message(template, **facts),
                landed=Setting("landed"),
            )
        ) from None


@dataclass(frozen=True, slots=True)
class _Taken:
    """A call that the vendor took, with what stands under ``response``."""

    response: object


@dataclass(frozen=True, slots=True)
class _Again:
    """A call that should be made again, with why, and after how many seconds if the server says so."""

    reason: str
    after: float | None = None


def _read_hour(date: object) -> int | None:
    """The hour of a text such as ``2024-09-12 00:00``, by its number since 1970; None if it is not one."""
    try:
        moment = datetime.strptime(str(date), "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp()) // HOUR
