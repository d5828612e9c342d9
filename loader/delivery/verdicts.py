"""What an answer means: the table of the project's design, as one pure and total function.

The rule behind every line: an answer is *definite* if it proves that the vendor took the record, or that it
did not. Everything else, and everything unknown, is in doubt.
"""

from __future__ import annotations

import functools
import json
import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NoReturn, assert_never

from loader.delivery.reason import find_reason
from loader.delivery.wording import clean_line
from loader.message import Message, Quote, Setting
from loader.model import Answer, Confirmed, InDoubt, NoAnswer, NotSent, Rejected, Retry, Stop, StopCode
from loader.secret import hide_secrets

if TYPE_CHECKING:
    from loader.model import Attempt, Verdict
    from loader.secret import Secret

LONGEST_RETRY_AFTER = 600.0
"""Seconds. A longer Retry-After is cut to this: then one record asks again."""

_REJECTED_HTTP = frozenset({400, 409, 413, 422})
_REDIRECTS = "redirects the request (it is never followed). Check {endpoint}"
_STOP_HTTP = {
    301: _REDIRECTS,
    302: _REDIRECTS,
    307: _REDIRECTS,
    308: _REDIRECTS,
    401: "does not accept the API token. Check PUSHWOOSH_API_TOKEN or {token}",
    403: "forbids the request. Check the API token and what it may do",
    404: "does not know the address. Check {endpoint}",
    407: "is a proxy, and does not accept the user name and the password. Check {proxy}",
    405: "does not take POST requests at this address. Check {endpoint}",
}
_UNSENT = {
    StopCode.CERTIFICATE: "{reason} Check {endpoint}, and the clock and certificates of this machine.",
    StopCode.PROXY: "{reason} Check {proxy}, and the user name and the password in it.",
    StopCode.SETTINGS: "{reason} Check {endpoint}, {proxy} and {ca_bundle}.",
    StopCode.PROCESSES_ENDED: "{reason} If the system has too little memory, load with fewer {processes}.",
    StopCode.WORKERS_LOST: "{reason} Look at the cluster, then run the same load again.",
}
_SETTINGS = {name: Setting(name) for name in ("endpoint", "token", "processes", "proxy", "ca_bundle")}


def classify(attempt: Attempt, now: float, secrets: tuple[Secret, ...] = ()) -> Verdict:
    """Judge one attempt.

    Args:
        attempt: what the transport saw.
        now: Unix time in seconds, to read a Retry-After that is a date.
        secrets: are replaced in the words of the verdict, which are stored and shown. What was answered is
            judged as it came: a secret may be a word of every answer.
    """
    match attempt:
        case Answer():
            return _answer(attempt, now, secrets)
        case NotSent(reason, code):
            said = hide_secrets(reason, secrets)
            return Retry(said, connection=True) if code is None else _stop_unsent(code, said)
        case NoAnswer(reason, shared):
            return InDoubt(hide_secrets(reason, secrets), shared=shared)
        case _:
            assert_never(attempt)


def _stop_unsent(code: StopCode, reason: str) -> Stop:
    return Stop(code, Message(_UNSENT.get(code, "{reason}"), reason=Quote(reason), **_SETTINGS))


def _answer(answer: Answer, now: float, secrets: tuple[Secret, ...]) -> Verdict:
    status = answer.status
    # A cut answer proves nothing, whatever its status line says.
    if not answer.complete:
        return InDoubt(f"HTTP {status} with an answer that was cut or is too long", status)
    if status == 200:
        judge = _judge_body if len(answer.body) > _LONGEST_REMEMBERED else _remembered
        return judge(answer.body, secrets)
    reason = _say_reason(answer.body, secrets)
    if status in _STOP_HTTP:
        sentence = f"The server {_STOP_HTTP[status]}. It answered HTTP {{status}}{{quote}}."
        quote = Quote(f': "{reason}"' if reason else "")
        return Stop(StopCode.SERVER_REFUSES, Message(sentence, status=status, quote=quote, **_SETTINGS))
    if status in _REJECTED_HTTP:
        return Rejected(status, _read_code(answer.body), reason or f"HTTP {status}")
    return _wait_or_doubt(answer, now, _cite(f"HTTP {status}", reason))


def _wait_or_doubt(answer: Answer, now: float, words: str) -> Verdict:
    """Answers that ask to wait, and all that the table does not name."""
    status = answer.status
    after = retry_after(answer.retry_after, now)
    if status in {408, 429} or (status == 503 and after is not None):
        return Retry(words, after)
    return InDoubt(words, status)


def _judge_body(body: bytes, secrets: tuple[Secret, ...]) -> Verdict:
    """Judge HTTP 200 by its body, because the vendor puts its own status there."""
    code = _read_code(body)
    if code == 200:
        return Confirmed()
    message = _say_reason(body, secrets)
    if code is None:
        return InDoubt(_cite("HTTP 200 without a readable status_code", message), 200)
    if code == 403:
        quote = Quote(f": {message or 'no reason given'}")
        return Stop(
            StopCode.VENDOR_REFUSES, Message("The vendor refuses with status_code 403{quote}.", quote=quote)
        )
    if code in {408, 429}:
        return Retry(_cite(f"status_code {code}", message))
    if code == 210 or 400 <= code < 500:
        return Rejected(200, code, message or f"status_code {code}")
    return InDoubt(f"status_code {code}: {message}" if message else f"status_code {code}", 200, code)


# Nearly all answers are the same bytes, and a verdict depends on nothing else.
_LONGEST_REMEMBERED = 1024
_remembered = functools.lru_cache(maxsize=64)(_judge_body)


def _cite(words: str, reason: str) -> str:
    """Our words, and the server's in quotes: a report for everybody leaves out what stands in them."""
    within = reason.replace('"', "'")
    return f'{words}: "{within}"' if within else words


def _say_reason(body: bytes, secrets: tuple[Secret, ...]) -> str:
    """The reason that an answer gives, fit to be stored and shown; "" if it gives none."""
    # Secrets go before the text is cut, because half of one would not be found.
    return clean_line(hide_secrets(find_reason(body), secrets))


def _read_code(body: bytes) -> int | None:
    """`status_code`, or None if the body is not in the vendor's strict form.

    Strict: one JSON object in UTF-8 without a byte order mark, no key twice, `status_code` an integer:
    not ``true``, not ``"200"``, and not ``200.0``, which no version of the vendor's API writes.
    """
    try:
        answer = json.loads(
            body.decode("utf-8"), object_pairs_hook=_refuse_duplicates, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, dict):
        return None
    code = answer.get("status_code")
    # It is written in full in messages, and stored: a number beyond any real code is not read as one.
    if type(code) is not int or not -1_000_000 < code < 1_000_000:
        return None
    return code


def _refuse_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    answer = dict(pairs)
    if len(answer) != len(pairs):
        raise ValueError("a key occurs twice")
    return answer


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def retry_after(header: str | None, now: float) -> float | None:
    """Seconds to wait, from 0 to `LONGEST_RETRY_AFTER`; None if the header is absent or unreadable.

    Both forms of RFC 9110, section 10.2.3: seconds, or a date (a date in the past means no wait).
    """
    text = (header or "").strip()
    if re.fullmatch(r"[0-9]+", text):
        return min(float(text), LONGEST_RETRY_AFTER)
    try:
        date = parsedate_to_datetime(text)
        seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER)
