"""What one request says of the way to the server: address, connection, certificate, token, clock.

The request has no content. It names no application and no device, so no method can act on it. The API has no
call that changes nothing and proves a device token, so a token is never called good: it may only be refused.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from loader.addresses import SANDBOX
from loader.delivery.reason import find_reason
from loader.delivery.transports.probing import Probe, Stage
from loader.delivery.verdicts import classify
from loader.delivery.wording import clean_line
from loader.doctor.check import Check, fail_check, leave_open, pass_check
from loader.model import Answer, Confirmed, Rejected, Stop
from loader.secret import hide_secrets
from loader.text.account import format_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loader.model import Verdict
    from loader.settings import Settings

#: JSON in the form of the API, and nothing in it.
BODY = b'{"request":{}}'
#: Seconds that the clocks may differ before it matters.
MOST_SKEW = 60.0
#: A certificate that ends sooner may end during a load.
SOON = 3 * 86_400.0

NAME, CONNECTION, PROXY, CERTIFICATE = "name", "connection", "proxy", "certificate"
ANSWER, TOKEN, CLOCK = "answer", "token", "clock"
NAMES = (NAME, CONNECTION, PROXY, CERTIFICATE, ANSWER, TOKEN, CLOCK)
NOT_REACHED = "the server was not reached"
_PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy")
_PROVE = "The first rows of a load show it: begin it with --canary 20."
_REFUSED_TOKEN = frozenset({401, 403})
_SET_TOKEN = "Check PUSHWOOSH_API_TOKEN or --token-file, and in the control panel what the token may do."  # noqa: S105


def judge_probe(seen: Probe, settings: Settings, environment: Mapping[str, str] = os.environ) -> list[Check]:
    """What a request found out, in the order of its way.

    Args:
        seen: what it found out.
        settings: of the load.
        environment: variables, of which those that name a proxy are told not to count.
    """
    way = [
        _judge_name(seen, settings),
        _judge_connection(seen, settings),
        _judge_proxy(seen, settings, environment),
        judge_certificate(seen, settings),
    ]
    if seen.stage is not Stage.DONE:
        silent = seen.stage is Stage.ANSWER
        answer = (
            fail_check(ANSWER, _say(seen, settings), "Try again. If it stays so, check --endpoint.")
            if silent
            else leave_open(ANSWER, NOT_REACHED)
        )
        return [*way, answer, *(leave_open(name, NOT_REACHED) for name in (TOKEN, CLOCK))]
    verdict = classify(Answer(seen.status, seen.body), seen.began, settings.secrets)
    return [*way, _judge_answer(verdict, seen), judge_token(verdict, seen, settings), judge_clock(seen)]


def _say(seen: Probe, settings: Settings) -> str:
    return clean_line(hide_secrets(seen.failure, settings.secrets)).rstrip(".")


def _judge_name(seen: Probe, settings: Settings) -> Check:
    if seen.stage is Stage.NAME:
        return fail_check(NAME, _say(seen, settings), "Check --endpoint, --proxy and this machine's DNS.")
    whose = "the proxy" if settings.options.proxy else settings.endpoint.host
    where = f" is {seen.address}" if seen.address else " was found"
    return pass_check(NAME, f"{whose}{where}, in {format_short(seen.name_seconds)}")


def _judge_connection(seen: Probe, settings: Settings) -> Check:
    if seen.stage < Stage.CONNECTION:
        return leave_open(CONNECTION, NOT_REACHED)
    if seen.stage is Stage.CONNECTION:
        advice = "Check --endpoint and --proxy, and whether a firewall lets this machine out."
        return fail_check(CONNECTION, _say(seen, settings), advice)
    return pass_check(CONNECTION, f"opened in {format_short(seen.connect_seconds - seen.name_seconds)}")


def _judge_proxy(seen: Probe, settings: Settings, environment: Mapping[str, str]) -> Check:
    proxy = settings.options.proxy
    if proxy is None:
        named = [name for name in _PROXY_VARIABLES if environment.get(name)]
        unused = f"; {' and '.join(named)} of the environment is not used" if named else ""
        return pass_check(PROXY, f"none{unused}")
    if seen.stage is Stage.TUNNEL:
        return fail_check(PROXY, _say(seen, settings), "Check --proxy, its user name and its password.")
    if seen.stage < Stage.TUNNEL:
        return leave_open(PROXY, f"{proxy.address} was not reached")
    return pass_check(PROXY, f"{proxy.address} is used")


def judge_certificate(seen: Probe, settings: Settings) -> Check:
    """Whether the certificate is valid, and for how long."""
    if not settings.endpoint.url.startswith("https:"):
        return pass_check(CERTIFICATE, "none: the server is on this machine, and nothing is encrypted")
    if seen.stage < Stage.ENCRYPTION:
        return leave_open(CERTIFICATE, NOT_REACHED)
    until = _say_until(seen.expires)
    if seen.stage is Stage.ENCRYPTION:
        advice = "Check --endpoint and this machine's clock. For a server of your own, give --ca-bundle."
        return fail_check(CERTIFICATE, f"{_say(seen, settings)}{f' ({until})' if until else ''}", advice)
    if seen.expires is not None and seen.expires - seen.began < SOON:
        advice = "A load that still runs then stops. The same command again continues."
        return fail_check(CERTIFICATE, until, advice)
    return pass_check(CERTIFICATE, until or "valid")


def format_short(seconds: float) -> str:
    """A short time: ``3 ms``, ``1.2 s``."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else format_duration(seconds)


def _say_until(expires: float | None) -> str:
    if expires is None:
        return ""
    return f"valid until {datetime.fromtimestamp(expires, UTC):%Y-%m-%d %H:%M} UTC"


def _judge_answer(verdict: Verdict, seen: Probe) -> Check:
    took = f"HTTP {seen.status} in {format_short(seen.seconds)}"
    if isinstance(verdict, Confirmed):
        found = f"{took}: the server takes a request without content, as the vendor would not"
        return fail_check(ANSWER, found, "Check --endpoint: it may be another server.")
    if isinstance(verdict, Rejected):
        return pass_check(ANSWER, f"{took}, from something that speaks as the vendor does")
    if isinstance(verdict, Stop):
        if seen.status in _REFUSED_TOKEN or seen.status == 200:
            return pass_check(ANSWER, took)
        return fail_check(ANSWER, took, verdict.reason)
    reason = clean_line(verdict.reason)
    return fail_check(ANSWER, f"{took}: {reason}", "Try again later. If it stays so, check --endpoint.")


def judge_token(verdict: Verdict, seen: Probe, settings: Settings) -> Check:
    """Whether the token was refused; that it is accepted, nothing shows but rows."""
    if settings.endpoint.name.startswith(SANDBOX):
        return pass_check(TOKEN, "none is needed for a sandbox")
    refused = isinstance(verdict, Stop) and (seen.status in _REFUSED_TOKEN or seen.status == 200)
    if settings.token is None:
        if refused:
            return fail_check(TOKEN, "none is given, and the server asks for one", _SET_TOKEN)
        return leave_open(TOKEN, "none is given; whether the application needs one, no call shows", _PROVE)
    if refused:
        reason = clean_line(hide_secrets(find_reason(seen.body), settings.secrets)).rstrip(".")
        told = f': "{reason}"' if reason else ""
        return fail_check(TOKEN, f"refused with HTTP {seen.status}{told}", _SET_TOKEN)
    if not isinstance(verdict, Rejected):
        return leave_open(TOKEN, "the answer says nothing about it", _PROVE)
    found = "not refused; the API has no call that changes nothing and proves a token"
    return leave_open(TOKEN, found, _PROVE)


def judge_clock(seen: Probe) -> Check:
    """Whether this machine's clock agrees with the server's, as far as a header without fractions shows."""
    try:
        there = parsedate_to_datetime(seen.date)
    except (ValueError, TypeError, IndexError):
        return leave_open(CLOCK, "the server does not say what time it is")
    theirs = (there if there.tzinfo else there.replace(tzinfo=UTC)).timestamp()
    ahead = seen.began + seen.seconds - theirs
    if abs(ahead) <= MOST_SKEW:
        return pass_check(CLOCK, f"within {MOST_SKEW:.0f} s of the server's")
    side = "ahead of" if ahead > 0 else "behind"
    advice = (
        'Set it, for example by NTP. Otherwise certificates may be refused, and at = "run" and the check '
        "for times in the future are wrong."
    )
    return fail_check(CLOCK, f"{format_duration(abs(ahead))} {side} the server's", advice)
