"""How the vendor is asked for its counts, and what is said if it does not answer as documented."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from loader.addresses import Proxy
from loader.errors import ConfigError, LoaderError, VendorError
from loader.server_token import ServerToken
from loader.settings import Endpoint
from loader.verification.counts.statistics import MOST_TRIES, Access, Patience, Statistics
from tests import faultserver
from tests.faultserver import FaultServer, answer

if TYPE_CHECKING:
    from tests.faultserver import Accepted, Behaviour

SECRET = "SeRvEr-123"
APPLICATION = "AAAAA-BBBBB"
HOURS = range(475_000, 475_004)  # 2024-03-09 16:00 to 20:00
ORDERED = answer(200, b'{"status_code":200,"status_message":"OK","response":{"request_id":"DC1_b"}}')
WAITING = answer(200, b'{"status_code":200,"status_message":"OK","response":null}')


def results(*hours: tuple[str, object]) -> Behaviour:
    """An answer with these counts."""
    entries = [{"date": date, "count": count} for date, count in hours]
    return answer(200, json.dumps({"status_code": 200, "status_message": "OK", "response": entries}).encode())


COUNTED = results(("2024-03-09 16:00", 12), ("2024-03-09 17:00", 0))


def in_order(*script: Behaviour) -> FaultServer:
    """A server that behaves like this, request by request; the last one again and again."""
    left = list(script)
    return FaultServer(lambda _: left.pop(0) if len(left) > 1 else left[0])


def ask(*script: Behaviour, waits: list[float] | None = None) -> tuple[dict[int, int], list[Accepted]]:
    """Ask a server that behaves like this; the counts, and what it was sent."""
    passed: list[float] = [] if waits is None else waits
    with in_order(*script) as server:
        access = Access(Endpoint.parse(server.url), APPLICATION, ServerToken(SECRET))
        patience = Patience(seconds=60, wait=passed.append, now=lambda: 0.0)
        with Statistics(access, patience) as statistics:
            return statistics.count("purchase", HOURS), server.accepted


def refusal(kind: type[LoaderError], *script: Behaviour) -> str:
    """What is said about these answers."""
    with pytest.raises(kind) as refused:
        ask(*script)
    assert SECRET not in str(refused.value)
    return str(refused.value)


def requests(accepted: list[Accepted]) -> list[tuple[str, dict[str, Any]]]:
    """The method and the request of each call."""
    return [
        (each.head.split()[1].decode().rpartition("/")[2], json.loads(each.body)["request"])
        for each in accepted
    ]


def test_the_calls_are_those_of_the_documentation() -> None:
    """The counts are ordered with the server token in the body, then fetched by the id of the order."""
    counts, accepted = ask(ORDERED, COUNTED)
    assert counts == {475_000: 12, 475_001: 0}
    assert requests(accepted) == [
        (
            "getEventStatistics",
            {
                "auth": SECRET,
                "application": APPLICATION,
                "event": "purchase",
                "date_from": "2024-03-09 16:00",
                "date_to": "2024-03-09 19:59",
            },
        ),
        ("getResults", {"auth": SECRET, "request_id": "DC1_b"}),
    ]


def test_the_server_token_is_in_no_header() -> None:
    """A header is for the device token, and proxies log headers."""
    for each in ask(ORDERED, COUNTED)[1]:
        assert SECRET.encode() not in each.head
        assert each.header("Authorization") == []


def test_results_that_are_not_ready_are_asked_for_again() -> None:
    """The vendor counts in the background, and the pauses grow."""
    waits: list[float] = []
    counts, accepted = ask(ORDERED, WAITING, WAITING, WAITING, COUNTED, waits=waits)
    assert counts[475_000] == 12
    assert [method for method, _ in requests(accepted)] == ["getEventStatistics", *["getResults"] * 4]
    assert waits == [0.5, 1.0, 2.0]


def test_patience_ends() -> None:
    """A job at night does not wait for ever."""
    said = refusal(VendorError, ORDERED, WAITING)
    assert "has not finished the counts of the event purchase after 60 seconds" in said
    assert "--landed" in said


@pytest.mark.parametrize(
    "passing",
    [
        answer(500, b"oops"),
        answer(503, b"", "Retry-After: 7"),
        answer(429, b'{"message":"slow down"}'),
        answer(200, b"<html>login</html>"),
        answer(200, b'{"status_code":500,"status_message":"internal"}'),
        faultserver.reset_after_request,
        faultserver.close_after_request,
    ],
)
@pytest.mark.parametrize("at", [0, 1])
def test_a_call_without_a_clear_answer_is_made_again(passing: Behaviour, at: int) -> None:
    """Both calls only read, so nothing can happen twice."""
    script = [ORDERED, COUNTED]
    assert ask(*script[:at], passing, passing, *script[at:])[0][475_000] == 12


def test_the_server_says_how_long_to_wait() -> None:
    """A Retry-After is kept."""
    waits: list[float] = []
    ask(answer(429, b"", "Retry-After: 7"), ORDERED, COUNTED, waits=waits)
    assert waits == [7.0]


@pytest.mark.parametrize("reason", [answer(502, b"bad gateway"), faultserver.reset_after_request])
def test_a_call_is_given_up_after_some_tries(reason: Behaviour) -> None:
    """The error names the server and what it said last, and that nothing was changed."""
    with in_order(reason) as server:
        access = Access(Endpoint.parse(server.url), APPLICATION, ServerToken(SECRET))
        with (
            Statistics(access, Patience(wait=lambda _: None)) as statistics,
            pytest.raises(VendorError, match="no clear answer to getEventStatistics") as given_up,
        ):
            statistics.count("purchase", HOURS)
        assert len(server.accepted) == MOST_TRIES
        assert access.endpoint.host in str(given_up.value)


@pytest.mark.parametrize(
    ("refused", "quoted"),
    [
        (
            answer(200, b'{"status_code":210,"status_message":"Application not found"}'),
            "Application not found",
        ),
        (answer(200, b'{"status_code":403,"status_message":"Token restrictions"}'), "Token restrictions"),
        (answer(401, b'{"message":"who are you"}'), "who are you"),
        (answer(400, b'{"status_code":210,"status_message":"No such event"}'), "No such event"),
        (answer(302, b"", "Location: http://127.0.0.1:9/"), "HTTP 302"),
        (answer(404, b"nothing here"), "nothing here"),
    ],
)
def test_a_refusal_is_quoted_with_the_setting_to_check(refused: Behaviour, quoted: str) -> None:
    """The token, the application or the event is wrong, and asking again does not help."""
    said = refusal(ConfigError, refused)
    assert quoted in said
    assert "PUSHWOOSH_SERVER_TOKEN or --server-token-file" in said


def test_a_token_that_the_server_repeats_is_not_shown() -> None:
    """Some gateways repeat the request in their errors."""
    echo = answer(400, json.dumps({"message": f"bad token {SECRET}"}).encode())
    assert "bad token [the server token]" in refusal(ConfigError, echo)


@pytest.mark.parametrize(
    "strange",
    [
        results(("2024-03-09", 1)),
        results(("2024-03-09 16:00", "12")),
        results(("2024-03-09 16:00", -1)),
        results(("2024-03-09 16:00", True)),
        answer(200, b'{"status_code":200,"response":{"rows":[]}}'),
        answer(200, b'{"status_code":200,"response":[7]}'),
    ],
)
def test_counts_in_another_form_are_not_guessed_at(strange: Behaviour) -> None:
    """A count that is read wrongly would prove what is not so."""
    assert "in a form that this version does not know" in refusal(VendorError, ORDERED, strange)


@pytest.mark.parametrize("response", [b"null", b"{}", b'{"request_id":7}', b'{"request_id":""}', b"[]"])
def test_an_order_without_an_id_is_named(response: bytes) -> None:
    """Without it nothing can be fetched."""
    said = refusal(VendorError, answer(200, b'{"status_code":200,"response":%b}' % response))
    assert "without a request_id" in said


def test_a_year_of_hours_is_read_whole() -> None:
    """The answer may be larger than those of a load."""
    year = [(f"2023-{month:02}-{day:02} {hour:02}:00", 1) for month in range(1, 13) for day in range(1, 29)
            for hour in range(24)]  # fmt: skip
    assert len(ask(ORDERED, results(*year))[0]) == len(year)


def test_a_proxy_with_a_password_is_used_and_the_password_is_in_no_text() -> None:
    """The same proxy as of a load."""
    with FaultServer([answer(407, b"")]) as server:
        proxy = Proxy.parse(f"http://me:hush@127.0.0.1:{server.port}")
        access = Access(Endpoint.parse("http://127.0.0.1:9/"), APPLICATION, ServerToken(SECRET), proxy)
        with (
            Statistics(access, Patience(wait=lambda _: None)) as statistics,
            pytest.raises(LoaderError) as refused,
        ):
            statistics.count("purchase", HOURS)
        assert server.accepted
        assert "hush" not in str(refused.value)
