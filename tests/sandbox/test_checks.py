"""The sandbox answers as the vendor's documentation says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.sandbox import EmbeddedSandbox
from loader.sandbox.json_text import extract_text
from tests.sandbox.conftest import APPLICATION, DEVICE, EVENT, call, rows, send

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONE_SURROGATE = "\ud800"


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A sandbox that knows one application, shared by calls that leave nothing behind."""
    store = tmp_path_factory.mktemp("sandbox") / "store.sqlite3"
    with EmbeddedSandbox(store, APPLICATION) as running:
        yield running.endpoint
        assert running.holdings().devices == 0
        assert running.holdings().events == ()


REFUSED = [
    ("registerUser", {"application": ...}, "application: is required"),
    ("registerUser", {"application": "aaaaa-00001"}, "application: 'aaaaa-00001' is not of the form"),
    ("registerUser", {"application": f"{APPLICATION}\n"}, "is not of the form"),
    ("registerUser", {"application": 7}, "application: must be of the type string, and is an integer"),
    ("registerUser", {"application": "ZZZZZ-99999"}, "Application not found"),
    ("registerUser", {"hwid": ...}, "hwid: is required"),
    ("registerUser", {"hwid": ""}, "hwid: is required"),
    ("registerUser", {"hwid": LONE_SURROGATE}, "hwid: holds half of a surrogate pair"),
    ("registerUser", {"userId": 123}, "userId: must be of the type string"),
    ("registerUser", {"userId": None}, "userId: must be of the type string, and is null"),
    ("registerUser", {"tz_offset": "3600"}, "tz_offset: must be of the type integer, and is a string"),
    ("registerUser", {"tz_offset": True}, "tz_offset: must be of the type integer, and is a boolean"),
    ("registerUser", {"tz_offset": 3600.0}, "tz_offset: must be of the type integer, and is a fraction"),
    ("registerUser", {"device_type": 6}, "device_type: 6 is not a documented"),
    ("registerUser", {"device_type": "ios"}, "device_type: must be of the type integer"),
    ("postEvent", {"application": "ZZZZZ-99999"}, "Application not found"),
    ("postEvent", {"event": ...}, "event: is required"),
    ("postEvent", {"event": ""}, "event: is required"),
    ("postEvent", {"event": "e" * 33}, "event: has 33 characters, and at most 32"),
    ("postEvent", {"attributes": ...}, "attributes: is required"),
    ("postEvent", {"attributes": []}, "attributes: must be of the type object, and is a list"),
    ("postEvent", {"attributes": {"a" * 65: 1}}, "has 65 characters, and at most 64"),
    ("postEvent", {"attributes": {"": 1}}, "attributes: holds a name that is empty"),
    ("setTags", {"tags": {"": 1}}, "tags: holds a name that is empty"),
    ("postEvent", {"attributes": {"msgHash": 1}}, "attributes: the name 'msgHash' is reserved"),
    ("postEvent", {"hwid": ..., "userId": ...}, "hwid or userId: is required"),
    ("postEvent", {"hwid": "", "userId": ""}, "hwid or userId: is required"),
    ("postEvent", {"timestampUTC": "1435228403"}, "timestampUTC: must be of the type integer"),
    ("postEvent", {"timestampUTC": 1435228403.5}, "timestampUTC: must be of the type integer"),
    ("postEvent", {"timestampUTC": 2**63}, "timestampUTC: does not fit in 64 bits"),
    ("postEvent", {"timestampCurrent": False}, "timestampCurrent: must be of the type integer"),
    ("postEvent", {"device_type": 20}, "device_type: 20 is not a documented"),
]


@pytest.mark.parametrize(("method", "changes", "message"), REFUSED)
def test_argument_error_names_the_field(
    endpoint: str, method: str, changes: dict[str, object], message: str
) -> None:
    """A call with one wrong argument is answered 200/210 with the field's name, and nothing is stored."""
    reply = call(endpoint, method, DEVICE if method == "registerUser" else EVENT, **changes)
    assert (reply.status, reply.body["status_code"]) == (200, 210)
    assert message in reply.body["status_message"]
    assert "response" not in reply.body


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b'"request"', b'{"request": []}', b'{"Request": {}}', b"null"]
)
def test_wrong_envelope(endpoint: str, body: bytes) -> None:
    """JSON without an object under `request` gets the vendor's own message for it."""
    reply = send(endpoint, "postEvent", body)
    assert (reply.status, reply.body) == (
        200,
        {"status_code": 210, "status_message": "Request format is not valid."},
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"request=1",
        b'{"request": {}} x',
        b'{"request": {"attributes": {"a": NaN}}}',
        b'{"request": "\xff"}',
        '{"request": {}}'.encode("utf-16"),
        b"[" * 100_000,
    ],
)
def test_malformed_json(endpoint: str, body: bytes) -> None:
    """What is not JSON in UTF-8 is answered HTTP 400."""
    assert send(endpoint, "postEvent", body).status == 400


@pytest.mark.parametrize("method", ["registeruser", "setTag", "", "postEvent/"])
def test_unknown_method(endpoint: str, method: str) -> None:
    """A method that the sandbox has not is answered HTTP 404."""
    assert send(endpoint, method, b"{}").status == 404


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE"])
def test_other_verbs(endpoint: str, verb: str) -> None:
    """The methods are called by POST alone; the answer says so in `Allow`."""
    reply = send(endpoint, "registerUser", b"{}", verb=verb)
    assert (reply.status, reply.headers["Allow"]) == (405, "POST")


def test_answers_to_good_calls(sandbox: EmbeddedSandbox) -> None:
    """A good call is answered as documented: null for registerUser, an in-app code for postEvent."""
    registered = call(sandbox.endpoint, "registerUser", DEVICE)
    assert registered.status == 200
    assert registered.body == {"status_code": 200, "status_message": "OK", "response": None}
    posted = call(sandbox.endpoint, "postEvent", EVENT)
    assert (posted.status, posted.body["status_code"], posted.body["status_message"]) == (200, 200, "OK")
    assert set(posted.body["response"]) == {"code"}


@pytest.mark.parametrize(
    ("method", "changes"),
    [
        ("registerUser", {"userId": ..., "tz_offset": ..., "device_type": ...}),
        ("registerUser", {"userId": ""}),
        ("postEvent", {"hwid": ...}),
        ("postEvent", {"userId": ...}),
        ("postEvent", {"event": "й" * 32, "attributes": {"a" * 64: None}}),
        ("postEvent", {"timestampUTC": ..., "timestampCurrent": ..., "device_type": ..., "attributes": {}}),
    ],
)
def test_optional_fields_may_be_absent(
    sandbox: EmbeddedSandbox, method: str, changes: dict[str, object]
) -> None:
    """What the documentation does not require may be left out, and limits are in characters."""
    reply = call(sandbox.endpoint, method, DEVICE if method == "registerUser" else EVENT, **changes)
    assert reply.body["status_code"] == 200, reply.body


def test_base_path_of_another_host(sandbox: EmbeddedSandbox) -> None:
    """A base path in front of the vendor's, as a gateway has it, works too."""
    behind_gateway = sandbox.endpoint.replace("/json/1.3/", "/gateway/json/1.3/")
    assert call(behind_gateway, "registerUser", DEVICE).body["status_code"] == 200


def test_attributes_kept_character_for_character(sandbox: EmbeddedSandbox) -> None:
    """The store shows what was on the wire: spacing, escapes, digits and order, not a re-encoding."""
    attributes = '{ "b":1.10 ,"a": "\\u00e9\\ud800" , "n":12345678901234567890,"c":{"attributes":[]}}'
    body = f' {{"x":{{"attributes":1}}, "request" : {{"application":"{APPLICATION}","hwid":"attributes",'
    body += f'"event":"purchase", "attributes" :\t{attributes} }}, "y": []}} '
    assert send(sandbox.endpoint, "postEvent", body.encode()).body["status_code"] == 200
    assert rows(sandbox.store, "SELECT attributes FROM events") == [(attributes,)]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner)
)


@settings(deadline=None, max_examples=60)
@given(before=VALUES, value=VALUES, after=VALUES, indent=st.none() | st.integers(0, 2))
def test_received_finds_the_text(before: object, value: object, after: object, indent: int | None) -> None:
    """Whatever stands around it, the text that is cut out of a body is exactly the member's own."""
    inner = json.dumps({"a": before, "wanted": value, "z": after}, indent=indent)
    body = f'{{"other": {json.dumps(before)}, "outer":\n{inner}, "last": {{}}}}'
    assert json.loads(extract_text(body, "outer", "wanted")) == value


@pytest.mark.parametrize(
    ("request_", "status_code"),
    [
        ({"userId": "ann", "tags": {"plan": "gold"}}, 200),
        ({"hwid": "D1", "tags": {}}, 200),
        ({"tags": {"plan": "gold"}}, 210),
        ({"userId": "ann"}, 210),
        ({"userId": "ann", "tags": ["plan"]}, 210),
    ],
)
def test_tags_need_somebody_and_an_object(
    tmp_path: Path, request_: dict[str, object], status_code: int
) -> None:
    """Tags need a device or a user, and an object that holds them."""
    with EmbeddedSandbox(tmp_path / "store.sqlite3", APPLICATION) as running:
        body = json.dumps({"request": {"application": APPLICATION, **request_}}).encode()
        reply = send(running.endpoint, "setTags", body)
    assert (reply.status, reply.body["status_code"]) == (200, status_code)
