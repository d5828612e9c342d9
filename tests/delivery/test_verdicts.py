"""The verdict table, line by line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loader.delivery.verdicts import LONGEST_RETRY_AFTER, classify, retry_after
from loader.delivery.wording import LONGEST_MESSAGE, clean_line
from loader.message import spell_option
from loader.model import (
    Answer,
    Attempt,
    Confirmed,
    InDoubt,
    NoAnswer,
    NotSent,
    Rejected,
    Retry,
    Stop,
    StopCode,
)
from loader.settings import Token

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC).timestamp()


def vendor(code: object, message: str = "why") -> bytes:
    """A body in the vendor's form."""
    return json.dumps({"status_code": code, "status_message": message, "response": None}).encode()


def ok(body: bytes) -> Answer:
    """HTTP 200 with this body."""
    return Answer(200, body)


TABLE: list[tuple[Attempt, type]] = [
    # HTTP 200 and the number 200
    (ok(vendor(200)), Confirmed),
    (
        ok(b'{"status_code":200,"status_message":"OK","response":{"code":"61BC9-84DD0"},"base_url":"x"}'),
        Confirmed,
    ),
    (ok(b' {"status_code": 200}\n'), Confirmed),
    # the body says no
    *((ok(vendor(code)), Rejected) for code in (210, 400, 401, 402, 404, 405, 422, 499)),
    *(
        (Answer(status, body), Rejected)
        for status in (400, 409, 413, 422)
        for body in (b"", b"<p>", vendor(210))
    ),
    # not the row's fault
    (ok(vendor(403)), Stop),
    *((Answer(status, vendor(200)), Stop) for status in (301, 302, 307, 308, 401, 403, 404, 405)),
    (NotSent("certificate", StopCode.CERTIFICATE), Stop),
    # nothing left this machine
    (NotSent("refused"), Retry),
    # the vendor asks to wait
    *((Answer(status, b"", after), Retry) for status in (408, 429) for after in (None, "1", "soon")),
    (Answer(503, b"", "5"), Retry),
    *((ok(vendor(code)), Retry) for code in (408, 429)),
    # nobody knows
    (NoAnswer("reset"), InDoubt),
    (Answer(503, b""), InDoubt),
    *((Answer(503, b"", garbage), InDoubt) for garbage in ("-5", "soon", "", "1.5", "Wed, 99 Xyz")),
    *((Answer(status, vendor(200)), InDoubt) for status in (500, 501, 502, 504, 505, 520, 599)),
    *(
        (Answer(status, vendor(200)), InDoubt)
        for status in (201, 202, 204, 206, 300, 303, 304, 100, 103, 0, 999)
    ),
    *((Answer(status, vendor(200)), InDoubt) for status in (402, 406, 410, 411, 415, 418, 431, 451)),
    *((Answer(status, vendor(200), None, complete=False), InDoubt) for status in (200, 400, 401, 429)),
    *(
        (ok(body), InDoubt)
        for body in (
            b"",
            b"<html>OK</html>",
            b"{}",
            b"[]",
            b"200",
            b"null",
            b'[{"status_code":200}]',
            b'{"status_code":"200"}',
            b'{"status_code":true}',
            b'{"status_code":null}',
            b'{"status_code":[200]}',
            b'{"status_code":200.0}',
            b'{"status_code":2e2}',
            b'{"Status_Code":200}',
            b'{"status_code":200',
            b'{"status_code":200}}',
            b'{"status_code":200}{"status_code":200}',
            b'{"status_code":210,"status_code":200}',
            b'{"status_code":200,"status_code":200}',
            b'{"status_code":200,"response":{"a":1,"a":2}}',
            b'{"status_code":200,"response":NaN}',
            b'{"status_code":200,"x":' + b"9" * 5000 + b"}",
            b'{"status_code":' + b"4" * 4000 + b"}",
            b'{"status_code":200,"x":' + b"[" * 60_000,
            b'{"status_code":200,"x":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
            b'{"status_code":200,"x":"\xff"}',
            b'\xef\xbb\xbf{"status_code":200}',
            '{"status_code":200}'.encode("utf-16"),
            b"\x1f\x8b\x08\x00",
        )
    ),
    *(
        (ok(vendor(code)), InDoubt)
        for code in (0, -200, 100, 199, 201, 202, 209, 211, 300, 302, 500, 502, 503, 599, 1200)
    ),
]


@pytest.mark.parametrize(("attempt", "verdict"), TABLE, ids=lambda value: repr(value)[:60])
def test_each_line_of_the_table(attempt: Attempt, verdict: type) -> None:
    """Every answer has the verdict of the design's table."""
    assert type(classify(attempt, NOW)) is verdict


attempts = st.one_of(
    st.builds(
        Answer,
        status=st.integers(-10, 1000) | st.sampled_from([200, 400, 401, 429, 503]),
        body=st.binary(max_size=200)
        | st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: (
                st.lists(inner) | st.dictionaries(st.sampled_from(["status_code", "status_message"]), inner)
            ),
        ).map(lambda value: json.dumps(value).encode()),
        retry_after=st.none() | st.text() | st.integers().map(str),
        complete=st.booleans(),
    ),
    st.builds(NotSent, reason=st.text(), stop=st.none() | st.sampled_from(StopCode)),
    st.builds(NoAnswer, reason=st.text()),
)


@given(attempts)
def test_every_answer_has_a_verdict(attempt: Attempt) -> None:
    """Whatever comes back is judged; only HTTP 200 with the number 200 confirms."""
    verdict = classify(attempt, NOW)
    assert isinstance(verdict, Confirmed | Rejected | Retry | InDoubt | Stop)
    if isinstance(verdict, Confirmed):
        assert isinstance(attempt, Answer)
        assert attempt.status == 200
        assert attempt.complete
        assert json.loads(attempt.body)["status_code"] == 200


def test_a_rejection_keeps_the_vendors_words() -> None:
    """HTTP status, vendor code and message reach the rejects."""
    assert classify(ok(vendor(210, "Application not found")), NOW) == Rejected(
        200, 210, "Application not found"
    )
    assert classify(Answer(400, b"<html>"), NOW) == Rejected(400, None, "HTTP 400")
    assert classify(Answer(400, vendor(210, "bad")), NOW) == Rejected(400, 210, "bad")


def test_a_stop_says_what_to_do() -> None:
    """The person learns what the server said and what to check."""
    assert stop_of(ok(vendor(403, "Token restrictions"))) == (
        StopCode.VENDOR_REFUSES,
        "The vendor refuses with status_code 403: Token restrictions.",
    )
    assert stop_of(Answer(401, b"")) == (
        StopCode.SERVER_REFUSES,
        "The server does not accept the API token. Check PUSHWOOSH_API_TOKEN or --token-file. "
        "It answered HTTP 401.",
    )
    assert stop_of(NotSent("The certificate expired.", StopCode.CERTIFICATE)) == (
        StopCode.CERTIFICATE,
        "The certificate expired. Check --endpoint, and the clock and certificates of this machine.",
    )


def stop_of(attempt: Attempt) -> tuple[StopCode, str]:
    """The code and the sentence of a verdict that stops the load."""
    stop = classify(attempt, NOW)
    assert isinstance(stop, Stop)
    return stop.code, stop.reason


@pytest.mark.parametrize("status", [301, 401, 403, 404, 405])
def test_what_the_server_wrote_can_be_left_out(status: int) -> None:
    """A report shows why a load stopped to everybody: the vendor's words are not in it."""
    stop = classify(Answer(status, vendor(400, "secret")), NOW)
    assert isinstance(stop, Stop)
    assert '"secret"' in stop.reason
    assert "secret" not in (shown := stop.message.spell(spell_option, quotes=False))
    assert shown == stop.reason.replace(': "secret"', "")


def test_a_failure_to_connect_is_told_from_a_request_to_wait() -> None:
    """Only the first counts towards the outage limit."""
    assert classify(NotSent("refused"), NOW) == Retry("refused", connection=True)
    assert classify(Answer(429, b"", "3"), NOW) == Retry("HTTP 429", 3.0)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        (" 12 ", 12.0),
        ("600", 600.0),
        ("86400", LONGEST_RETRY_AFTER),
        ("9" * 6000, LONGEST_RETRY_AFTER),
        ("-1", None),
        ("1.5", None),
        ("1e3", None),
        ("\u0663", None),
        ("+3", None),
        ("soon", None),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sunday, 01-Mar-26 12:00:30 GMT", 30.0),
        ("Sun Mar  1 12:00:30 2026", 30.0),
        ("Sun, 01 Mar 2026 11:59:00 GMT", 0.0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", LONGEST_RETRY_AFTER),
        ("Sun, 31 Feb 2026 12:00:30 GMT", None),
        ("Wed, 21 Oct 99999 07:28:00 GMT", None),
        ("Wed, 21 Oct 2015 07:28:00 +9999", None),
    ],
)
def test_retry_after_in_both_forms(header: str | None, seconds: float | None) -> None:
    """Seconds and dates are read and clamped; what is neither counts as absent."""
    assert retry_after(header, NOW) == seconds


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1)))
def test_any_date_is_a_wait_within_bounds(when: datetime) -> None:
    """A date gives the time until it, from nothing to the limit."""
    aware = when.replace(microsecond=0, tzinfo=UTC)
    wait = retry_after(format_datetime(aware, usegmt=True), NOW)
    assert wait == min(max(aware.timestamp() - NOW, 0.0), LONGEST_RETRY_AFTER)


@given(st.text())
@example("\x1b[2J\x07 \u202egnp.exe \ud800 a\r\nb\tc \u2028 x")
@example("z" * 1_000_000)
@example("\n" * 10_000 + "y")
def test_words_of_the_vendor_are_safe_to_show(text: str) -> None:
    """No message moves the cursor, turns the writing direction, breaks a line, or floods a screen."""
    shown = clean_line(text)
    assert len(shown) <= LONGEST_MESSAGE
    assert shown.isprintable() or "\ufffd" in shown
    assert not set(shown) & set("\x1b\x07\u202e\ud800\r\n\t\u2028\u200f\u2066")
    shown.encode()


def test_ordinary_words_stay() -> None:
    """A normal message is shown as it is, in any language."""
    assert clean_line("Anwendung „Büro“ nicht gefunden: 应用") == "Anwendung „Büro“ nicht gefunden: 应用"
    assert classify(ok(vendor(210, "a\x1b[31m\nb")), NOW) == Rejected(200, 210, "a\ufffd[31m b")


def test_an_answer_that_was_seen_before_is_judged_by_all_of_its_bytes() -> None:
    """A usual answer is remembered; one that differs from it in a single byte is judged again."""
    usual = b'{"status_code":200,"status_message":"OK","response":null}'
    assert [classify(Answer(200, usual), 0.0) for _ in range(3)] == [Confirmed()] * 3
    for place in range(len(usual)):
        other = usual[:place] + b"\x00" + usual[place + 1 :]
        assert classify(Answer(200, other), 0.0) != Confirmed()
    assert classify(Answer(500, usual), 0.0) != Confirmed()
    assert classify(Answer(200, usual, complete=False), 0.0) != Confirmed()


TOKENS = ["t", "code", "200", "null", "0", '"', "status_code", "{", ":", "e", "OK", "response", "210", "HTTP"]


@pytest.mark.parametrize("token", TOKENS)
def test_an_answer_is_judged_as_it_came_whatever_the_token_is(token: str) -> None:
    """A token that occurs in every answer changes no verdict."""
    secrets = (Token(token),)
    for attempt, verdict in TABLE:
        assert type(classify(attempt, NOW, secrets)) is verdict


@pytest.mark.parametrize(
    "attempt",
    [
        ok(vendor(210, "no SECRET-1 here")),
        ok(vendor(403, "no SECRET-1 here")),
        ok(vendor(429, "no SECRET-1 here")),
        ok(vendor(500, "no SECRET-1 here")),
        ok(b"no SECRET-1 here"),
        ok(b'{"status_code":210,"status_message":"no \\u0053ECRET-1 here"}'),
        Answer(400, b"no SECRET-1 here"),
        Answer(401, b"no SECRET-1 here"),
        Answer(429, b"no SECRET-1 here"),
        Answer(500, b"no SECRET-1 here"),
        NotSent("no SECRET-1 here"),
        NotSent("no SECRET-1 here", StopCode.CERTIFICATE),
        NoAnswer("no SECRET-1 here"),
        # A text is cut at 300 characters: not in the middle of a secret, which would show its beginning.
        ok(vendor(210, "x" * 290 + "SECRET-1 here")),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_no_verdict_repeats_the_token(attempt: Attempt) -> None:
    """The words of an answer are stored and shown without the token, also if JSON spells it in escapes."""
    verdict = classify(attempt, NOW, (Token("SECRET-1"),))
    assert "SECRET" not in str(verdict)
    assert "[the toke" in str(verdict)
