"""What a server says about a refusal, in the forms that vendors, gateways and proxies write."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.delivery.reason import find_reason
from loader.delivery.verdicts import classify
from loader.model import Answer, InDoubt, Rejected, Retry, Stop


def body(value: object) -> bytes:
    """A body of JSON."""
    return json.dumps(value).encode()


FORMS: list[tuple[bytes, str]] = [
    (body({"status_code": 210, "status_message": "Application not found"}), "Application not found"),
    (body({"message": "hwid is too long"}), "hwid is too long"),
    (body({"code": 3, "message": "hwid is too long", "details": []}), "hwid is too long"),
    (body({"code": 3}), "code 3"),
    (body({"code": 3, "message": ""}), "code 3"),
    (body({"error": "invalid_request"}), "invalid_request"),
    (body({"error": "invalid_request", "error_description": "The hwid is missing."}), "The hwid is missing."),
    (body({"error": {"code": 400, "message": "hwid is missing"}}), "hwid is missing"),
    (body({"errors": ["a is missing", "b is too long"]}), "a is missing; b is too long"),
    (body({"errors": [{"field": "hwid", "message": "is missing"}, {"message": "no"}]}), "is missing; no"),
    (body({"errors": {"hwid": ["is missing"]}}), "hwid: is missing"),
    (body({"message": "Invalid", "errors": ["a", "b", "c", "d"]}), "Invalid: a; b; c"),
    (body({"error": "Bad Request", "message": "hwid is missing"}), "hwid is missing"),
    (
        body({"type": "about:blank", "title": "Too large", "detail": "At most 1 MB."}),
        "Too large: At most 1 MB.",
    ),
    (body({"title": "Too large", "status": 413}), "Too large"),
    (body({"detail": [{"loc": ["body"], "msg": "field required"}]}), "field required"),
    (body({"fault": {"faultstring": "Rate limit"}}), "Rate limit"),
    (b"\xef\xbb\xbf" + body({"message": "with a mark"}), "with a mark"),
    (b'{"message":"first","message":"last"}', "last"),
    (b"no healthy upstream", "no healthy upstream"),
    (b'"a text"', "a text"),
    (b"<html><head><title>400 Bad &amp; ugly</title></head><body>x</body></html>", "400 Bad & ugly"),
    (b"<html><body><h1>Request <b>blocked</b></h1></body></html>", "Request  blocked"),
    (b"<?xml version='1.0'?><Error><Code>X</Code><Message>Access Denied</Message></Error>", "Access Denied"),
    (b"<p>", ""),
    (b"", ""),
    (b"{}", ""),
    (b"[]", ""),
    (b"null", ""),
    (b"17", ""),
    (b"\xff\xfe\x00", ""),
    (b"[" * 60_000, "[" * 60_000),
]


@pytest.mark.parametrize(("answer", "reason"), FORMS, ids=lambda value: repr(value)[:50])
def test_the_reason_is_found_in_every_form(answer: bytes, reason: str) -> None:
    """A user reads why a row was refused, whichever gateway wrote it."""
    assert find_reason(answer) == reason


KEYS = st.sampled_from(["message", "error", "errors", "code", "title", "detail", "x"])
VALUES = st.recursive(
    st.none() | st.text() | st.integers() | st.booleans(),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
)


@given(st.binary() | VALUES.map(body))
def test_any_body_has_a_reason_or_none(answer: bytes) -> None:
    """Whatever a server writes, looking for the reason ends in a text."""
    assert isinstance(find_reason(answer), str)


@pytest.mark.parametrize(
    ("status", "verdict"), [(400, Rejected), (422, Rejected), (403, Stop), (429, Retry), (500, InDoubt)]
)
def test_the_reason_changes_no_verdict(status: int, verdict: type) -> None:
    """The reason is shown; what follows is decided by the status as before."""
    said, silent = (classify(Answer(status, each), 0.0) for each in (body({"message": "why"}), b""))
    assert type(said) is type(silent) is verdict
    assert "why" in str(said)


def test_a_reason_is_shown_clean_and_short() -> None:
    """Escapes, marks of direction and a megabyte of text reach neither the terminal nor the checkpoint."""
    verdict = classify(Answer(400, body({"message": "\x1b[2J\u202eno\n" + "x" * 50_000})), 0.0)
    assert isinstance(verdict, Rejected)
    assert verdict.message.startswith("\ufffd[2J\ufffdno xxx")
    assert len(verdict.message) == 300
