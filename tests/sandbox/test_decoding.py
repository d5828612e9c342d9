"""What is read at full speed is what is read field by field."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.methods import BY_NAME
from loader.sandbox.checks import Refusal, read
from loader.sandbox.decoding import decode
from tests.sandbox.conftest import DEVICE, EVENT, TAGS

GOOD: dict[str, dict[str, object]] = {"registerUser": DEVICE, "postEvent": EVENT, "setTags": {**TAGS}}
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.sampled_from([0, 1, 3, 6, -1, 2**63 - 1, 2**63, 1.0, 1.5, 1e300]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=40),
    st.sampled_from(["", "msgHash", "e" * 32, "e" * 33, "\ud800", "\U0001f600", "\x00"]),
)
NAMES = st.text(max_size=3) | st.sampled_from(["msgHash", "a" * 64, "a" * 65, "", "a"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3)
)
FIELDS = sorted({field.name for method in BY_NAME.values() for field in method.fields} | {"other"})
CHANGES = st.dictionaries(st.sampled_from(FIELDS), VALUES | st.just(...), max_size=3)


@settings(deadline=None, max_examples=400)
@given(st.sampled_from(sorted(GOOD)), CHANGES, st.booleans())
def test_a_call_that_is_read_fast_is_the_call_that_is_read_slowly(
    method: str, changes: dict[str, Any], ascii_only: bool
) -> None:
    """No call is taken that would be refused field by field, and none is kept otherwise than it was sent."""
    request = {name: value for name, value in (GOOD[method] | changes).items() if value is not ...}
    text = json.dumps({"request": request}, ensure_ascii=ascii_only, indent=None if ascii_only else 1)
    body = text.encode(errors="surrogatepass")
    fast = decode(method, body)
    if fast is not None:
        assert fast == read(method, body)


@pytest.mark.parametrize("method", GOOD)
def test_a_good_call_is_read_fast(method: str) -> None:
    """What a loader sends never takes the slow way."""
    assert decode(method, json.dumps({"request": GOOD[method]}).encode()) is not None


@pytest.mark.parametrize(
    "text",
    [
        '{"request": {"application": "A", "hwid": "x", "hwid": "D1", "attributes": {"a": 1}, "event": "e"}}',
        '{"request": {"application": "A", "event": "e", "attributes": {"a": 1}, "attributes": {"b": 2},'
        ' "hwid": "D"}, "request": {"application": "A", "event": "f", "attributes": {"c": 3}, "hwid": "D"}}',
        '{"request": {"application": "A", "event": "e", "attributes": {"a": 1, "a": 2}, "hwid": "D"}}',
        '{"request": {"application": "A", "event": "e", "attributes": {"a": 1e999}, "hwid": "D"}}',
        '{"request": {"application": "A", "event": "e", "attributes": {"a": "\\ud83d\\ude00"}, "hwid": "D"}}',
    ],
)
def test_rare_json_is_read_alike(text: str) -> None:
    """Keys that stand twice count once, the last of them, and strange numbers are kept as they are."""
    fast = decode("postEvent", text.encode())
    assert fast is None or fast == read("postEvent", text.encode())
    assert read("postEvent", text.encode()).application == "A"


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf{}",
        b'{"request": {"attributes": {"a": NaN}}}',
        b"",
        b"[" * 100_000,
        b'{"request": "\xff"}',
    ],
)
def test_what_is_not_json_is_refused_by_both(body: bytes) -> None:
    """Neither way takes a body that is not JSON in UTF-8."""
    assert decode("postEvent", body) is None
    with pytest.raises(Refusal):
        read("postEvent", body)
