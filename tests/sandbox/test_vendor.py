"""Each documented pair of answers, and what the methods do, over the ASGI application with a real store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from loader.sandbox.app import LARGEST_BODY
from loader.sandbox.rules import HoursOf, Rules
from tests.sandbox.asgi import Answer, Caller, calling
from tests.sandbox.conftest import APPLICATION, DEVICE, EVENT, TAGS, rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEVICE_TOKEN, SERVER_TOKEN = "device-token", "server-token"
NEW_EVENT: dict[str, object] = {
    "auth": SERVER_TOKEN,
    "application": APPLICATION,
    "name": "purchase",
    "description": "Somebody bought something",
    "eventAttributes": [{"name": "cds", "type": 1}, {"name": "day", "type": 4}],
}
QUESTION: dict[str, object] = {
    "auth": SERVER_TOKEN,
    "application": APPLICATION,
    "event": "purchase",
    "date_from": "2015-06-25",
    "date_to": "2015-06-25",
}
RESULTS: dict[str, object] = {"auth": SERVER_TOKEN, "request_id": "DC1_0"}
REQUESTS: dict[str, dict[str, object]] = {
    "registerUser": DEVICE,
    "postEvent": EVENT,
    "setTags": {**TAGS},
    "createEvent": NEW_EVENT,
    "getEventStatistics": QUESTION,
    "getResults": RESULTS,
}
FORBIDDEN = {"status_code": 403, "status_message": "Token restrictions forbid this operation"}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Where the store is."""
    return tmp_path / "store.sqlite3"


@pytest.fixture
def caller(store: Path) -> Iterator[Caller]:
    """A sandbox that takes any application and any token."""
    with calling(store) as caller:
        yield caller


@pytest.mark.parametrize(
    ("method", "response"),
    [
        ("registerUser", None),
        ("postEvent", {"code": "5A4DB-0X000"}),
        ("setTags", None),
        ("createEvent", {"event": 1}),
    ],
)
def test_success_is_200_and_200(caller: Caller, method: str, response: object) -> None:
    """A good call is answered HTTP 200 with the envelope and the response that the documentation shows."""
    answer = caller.call(method, REQUESTS[method])
    assert answer[:2] == (200, {"status_code": 200, "status_message": "OK", "response": response})


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("method", REQUESTS)
def test_argument_error_is_210(store: Path, method: str, status: int) -> None:
    """An argument error is 210 in the body, of HTTP 200 as documented or 400 as live; nothing is stored."""
    field = next(iter(REQUESTS[method]))
    with calling(store, Rules(argument_errors=status)) as caller:
        answer = caller.call(method, REQUESTS[method], **{field: 7})
        wrong = caller.send(f"/json/1.3/{method}", b'{"request": []}')
    message = f"{field}: must be of the type string, and is an integer"
    assert answer[:2] == (status, {"status_code": 210, "status_message": message})
    assert wrong[:2] == (status, {"status_code": 210, "status_message": "Request format is not valid."})
    tables = ("registrations", "events", "tag_calls", "event_types")
    assert [rows(store, f"SELECT count(*) FROM {table}") for table in tables] == [[(0,)]] * 4


@pytest.mark.parametrize("method", [name for name in REQUESTS if name != "getResults"])
def test_another_application_is_210(store: Path, method: str) -> None:
    """An application that does not exist is an argument error, with the vendor's own message."""
    with calling(store, Rules(application="ZZZZZ-99999")) as caller:
        answer = caller.call(method, REQUESTS[method])
    assert answer[:2] == (200, {"status_code": 210, "status_message": "Application not found"})


@pytest.mark.parametrize("method", ["registerUser", "postEvent", "setTags"])
@pytest.mark.parametrize(
    ("header", "status_code"),
    [
        (f"Token {DEVICE_TOKEN}", 200),
        (f"Token {SERVER_TOKEN}", 403),
        ("Token other", 403),
        (DEVICE_TOKEN, 403),
        (None, 403),
    ],
)
def test_device_token_is_checked(store: Path, method: str, header: str | None, status_code: int) -> None:
    """A method for devices lets the device token in and no other, least of all the server token."""
    body = json.dumps({"request": REQUESTS[method]}).encode()
    with calling(store, Rules(token=DEVICE_TOKEN, server_token=SERVER_TOKEN)) as caller:
        headers = {} if header is None else {"Authorization": header}
        answer = caller.send(f"/json/1.3/{method}", body, **headers)
    assert (answer.status, answer.body["status_code"]) == (200, status_code)
    if status_code == 403:
        assert answer.body == FORBIDDEN


@pytest.mark.parametrize("method", ["createEvent", "getEventStatistics", "getResults"])
@pytest.mark.parametrize(
    ("auth", "header", "forbidden"),
    [
        (SERVER_TOKEN, None, False),
        (SERVER_TOKEN, f"Token {SERVER_TOKEN}", True),
        (DEVICE_TOKEN, None, True),
        ("other", None, True),
    ],
)
def test_server_token_is_checked(
    store: Path, method: str, auth: str, header: str | None, *, forbidden: bool
) -> None:
    """A method for servers takes the server token in the body only, and never the device token."""
    body = json.dumps({"request": REQUESTS[method] | {"auth": auth}}).encode()
    with calling(store, Rules(token=DEVICE_TOKEN, server_token=SERVER_TOKEN)) as caller:
        answer = caller.send(
            f"/json/1.3/{method}", body, **({} if header is None else {"Authorization": header})
        )
    assert answer.status == 200
    assert (answer.body == FORBIDDEN) is forbidden


def test_either_token_alone_keeps_the_other_place_apart(store: Path) -> None:
    """A token that the sandbox knows is refused in the wrong place, if it knows the other token or not."""
    body = json.dumps({"request": EVENT}).encode()
    with calling(store, Rules(server_token=SERVER_TOKEN)) as caller:
        assert caller.send("/json/1.3/postEvent", body, Authorization="Token any").body["status_code"] == 200
        refused = caller.send("/json/1.3/postEvent", body, Authorization=f"Token {SERVER_TOKEN}")
        assert refused.body == FORBIDDEN
    with calling(store, Rules(token=DEVICE_TOKEN)) as caller:
        assert caller.call("createEvent", NEW_EVENT, auth=DEVICE_TOKEN).body == FORBIDDEN
        assert caller.call("createEvent", NEW_EVENT, auth="any", name="new").body["status_code"] == 200


def test_quota_is_403(store: Path) -> None:
    """When the number of events is used up, createEvent answers 200 and 403; events on first sight count."""
    with calling(store, Rules(event_limit=2)) as caller:
        caller.call("postEvent", EVENT, event="seen")
        assert caller.call("createEvent", NEW_EVENT, name="one").body["status_code"] == 200
        answer = caller.call("createEvent", NEW_EVENT, name="two")
        assert answer[:2] == (200, {"status_code": 403, "status_message": "Events limit is exceeded"})
        assert caller.call("createEvent", NEW_EVENT, name="seen").body["status_code"] == 200
        assert caller.call("createEvent", NEW_EVENT, application="ZZZZZ-00000").body["status_code"] == 200


@pytest.mark.parametrize(
    ("method", "message"), [("getEventStatistics", "Event not found"), ("getResults", "Request not found")]
)
def test_what_does_not_exist_is_404_in_the_body(caller: Caller, method: str, message: str) -> None:
    """An event or a request that there is not is answered 200 and 404."""
    answer = caller.call(method, REQUESTS[method])
    assert answer[:2] == (200, {"status_code": 404, "status_message": message})


@pytest.mark.parametrize("method", REQUESTS)
def test_malformed_request_is_400_of_the_gateway(caller: Caller, method: str) -> None:
    """What is not JSON is HTTP 400 without a status_code."""
    answer = caller.send(f"/json/1.3/{method}", b"{")
    assert (answer.status, answer.body["code"], set(answer.body)) == (400, 3, {"code", "message"})
    assert answer.body["message"].startswith("Request is not JSON in UTF-8: ")


def test_other_answers_of_the_gateway(caller: Caller) -> None:
    """An unknown path, another verb and a body that is too large are answered in the gateway's two forms."""
    unknown = caller.send("/json/1.3/deleteUser", b"{}")
    assert (unknown.status, unknown.body["code"]) == (404, 5)
    assert "no method /json/1.3/deleteUser" in unknown.body["message"]
    assert caller.call("/elsewhere/postEvent", EVENT).status == 404
    verb = caller.send("/json/1.3/postEvent", b"", "PUT")
    assert verb[:2] == (405, {"message": "Call postEvent with POST, not PUT."})
    assert verb.headers["allow"] == "POST"
    fitting = json.dumps({"request": EVENT}).encode().ljust(LARGEST_BODY)
    assert caller.send("/json/1.3/postEvent", fitting).body["status_code"] == 200
    large = caller.send("/json/1.3/postEvent", fitting + b" ")
    assert large[:2] == (413, {"message": "The body of the request is too large."})


def test_internal_error_is_500_and_500(caller: Caller, store: Path) -> None:
    """When the store fails, the answer is HTTP 500 with 500 in the body, and later calls work again."""
    rows(store, "ALTER TABLE tags RENAME TO hidden")
    answer = caller.call("setTags", {**TAGS})
    assert (answer.status, answer.body["status_code"]) == (500, 500)
    rows(store, "ALTER TABLE hidden RENAME TO tags")
    assert caller.call("setTags", {**TAGS}).body["status_code"] == 200
    assert rows(store, "SELECT count(*) FROM tag_calls") == [(1,)]


def test_calls_that_arrive_together_are_answered_each_by_itself(caller: Caller, store: Path) -> None:
    """A bad call, a refused one and an unknown path do not disturb the good ones beside them."""
    good = json.dumps({"request": EVENT}).encode()
    path = "/json/1.3/postEvent"
    answers = caller.send_together((path, good), (path, b"{"), ("/x", b""), (path, b"{}"), (path, good))
    assert [answer.status for answer in answers] == [200, 400, 404, 200, 200]
    assert rows(store, "SELECT verdict, count FROM answers ORDER BY verdict, count") == [
        ("ok", 2),
        ("refused 210", 1),
        ("refused 400", 1),
        ("refused 404", 1),
    ]


def test_answers_and_refusals_are_kept_with_their_load(caller: Caller, store: Path) -> None:
    """Each answer is counted under its second, load, method and verdict; a refused call can be read."""
    caller.call("/loads/a.csv-1/json/1.3/postEvent", EVENT)
    caller.call("/loads/a.csv-1/json/1.3/postEvent", EVENT, event="e" * 33)
    caller.send("/nothing", b"\xff")
    caller.count("/loads/b/json/1.3/setTags", "outage")
    assert rows(store, "SELECT * FROM answers ORDER BY verdict") == [
        (1_700_000_000, "a.csv-1", "postEvent", "ok", 1),
        (1_700_000_000, "b", "setTags", "outage", 1),
        (1_700_000_000, "a.csv-1", "postEvent", "refused 210", 1),
        (1_700_000_000, "", "", "refused 404", 1),
    ]
    first, second = rows(store, "SELECT * FROM refusals ORDER BY id")
    assert first[1:6] == (1_700_000_000_500, "a.csv-1", "postEvent", 200, 210)
    assert first[6] == "event: has 33 characters, and at most 32 are allowed"
    assert json.loads(first[7])["request"]["event"] == "e" * 33
    assert second[1:6] == (1_700_000_000_500, "", "", 404, None)


def test_first_events_fill_the_catalogue(caller: Caller, store: Path) -> None:
    """By default an event's name and attributes are created on first sight, with the type of the value."""
    attributes = {
        "n": 1, "text": "a", "list": [1], "day": "2024-02-29 10:00", "flag": True, "__amount": 9,
        "__currency": "USD", "fraction": 1.5, "nothing": None,
    }  # fmt: skip
    caller.call("postEvent", EVENT, attributes=attributes)
    assert rows(store, "SELECT name, description, declared FROM event_types") == [("purchase", "", 0)]
    assert dict(rows(store, "SELECT name, type FROM event_attributes")) == {
        "n": 1, "text": 2, "list": 3, "day": 4, "flag": 5, "__amount": 6, "__currency": 6, "fraction": 6,
    }  # fmt: skip
    assert rows(store, "SELECT * FROM violations") == []


def test_values_that_do_not_fit_are_noted_and_taken(caller: Caller, store: Path) -> None:
    """An attribute that is not of its declared type is noted with both, and the event is taken."""
    caller.call("createEvent", NEW_EVENT)
    for attributes in ({"cds": 1, "day": "2024-01-31 10:00"}, {"cds": "7"}, {"cds": None}):
        assert caller.call("postEvent", EVENT, attributes=attributes).body["status_code"] == 200
    assert rows(store, "SELECT * FROM violations") == []
    caller.call("postEvent", EVENT, attributes={"cds": 1.5, "day": "2024-02-30 10:00", "more": {"a": 1}})
    assert rows(store, "SELECT * FROM violations ORDER BY attribute") == [
        (4, "cds", "integer", "fraction"),
        (4, "day", "date", "string"),
        (4, "more", None, "object"),
    ]


@pytest.mark.parametrize("status", [200, 400])
def test_strict_mode_takes_only_what_was_created(store: Path, status: int) -> None:
    """In strict mode an event or an attribute that createEvent did not create is an argument error."""
    with calling(store, Rules(strict=True, argument_errors=status)) as caller:
        unknown = caller.call("postEvent", EVENT)
        message = "event: 'purchase' is not an event of this application"
        assert unknown[:2] == (status, {"status_code": 210, "status_message": message})
        caller.call("createEvent", NEW_EVENT)
        assert caller.call("postEvent", EVENT).body["status_code"] == 200
        extra = caller.call("postEvent", EVENT, attributes={"cds": 1, "CDS": 1})
        assert extra.status == status
        message = "attributes: 'CDS' is not an attribute of the event 'purchase'"
        assert extra.body == {"status_code": 210, "status_message": message}
        assert caller.call("postEvent", EVENT, application="ZZZZZ-00000").body["status_code"] == 210
    assert rows(store, "SELECT count(*) FROM events") == [(1,)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"auth": ...}, "auth: is required"),
        ({"name": "e" * 33}, "name: has 33 characters"),
        ({"description": "d" * 65}, "description: has 65 characters"),
        ({"eventAttributes": {}}, "eventAttributes: must be of the type list, and is an object"),
        ({"eventAttributes": [1]}, "eventAttributes: must hold objects"),
        ({"eventAttributes": [{"name": "a"}]}, "type: is required"),
        ({"eventAttributes": [{"type": 1}]}, "name: is required"),
        ({"eventAttributes": [{"name": "a", "type": 7}]}, "type: 7 is not a documented type"),
        ({"eventAttributes": [{"name": "a", "type": "1"}]}, "type: must be of the type integer"),
        ({"eventAttributes": [{"name": "a" * 65, "type": 1}]}, "name: has 65 characters"),
        ({"eventAttributes": [{"name": "msgHash", "type": 1}]}, "the name 'msgHash' is reserved"),
        ({"eventAttributes": [{"name": "a", "type": 1}] * 2}, "the name 'a' stands there twice"),
    ],
)
def test_create_event_names_what_is_wrong(caller: Caller, changes: dict[str, object], message: str) -> None:
    """A wrong argument of createEvent is named, and no event is created."""
    answer = caller.call("createEvent", NEW_EVENT, **changes)
    assert (answer.status, answer.body["status_code"]) == (200, 210)
    assert message in answer.body["status_message"]


def test_an_event_is_created_once(caller: Caller, store: Path) -> None:
    """An event that was created cannot be created again; one that was only seen can be."""
    caller.call("postEvent", EVENT)
    assert caller.call("createEvent", NEW_EVENT).body["response"] == {"event": 1}
    again = caller.call("createEvent", NEW_EVENT)
    assert again.body == {"status_code": 210, "status_message": "Event 'purchase' already exists"}
    assert rows(store, "SELECT name, description, declared FROM event_types") == [
        ("purchase", "Somebody bought something", 1)
    ]


def ask(caller: Caller, **changes: object) -> dict[str, int]:
    """The counts by hour, without the hours that have none."""
    asked = caller.call("getEventStatistics", QUESTION, **changes)
    assert asked.body["status_code"] == 200, asked.body
    answer = caller.call("getResults", RESULTS, request_id=asked.body["response"]["request_id"])
    assert answer[:1] == (200,)
    return {hour["date"]: hour["count"] for hour in answer.body["response"] if hour["count"]}


def test_results_count_each_hour_of_a_day(caller: Caller) -> None:
    """GetResults lists all hours of the period in their order, also those without events."""
    caller.call("postEvent", EVENT)  # 2015-06-25 10:33:23
    asked = caller.call("getEventStatistics", QUESTION)
    answer = caller.call("getResults", RESULTS, request_id=asked.body["response"]["request_id"])
    assert answer.body["response"] == [
        {"date": f"2015-06-25 {hour:02}:00", "count": int(hour == 10)} for hour in range(24)
    ]


def test_results_take_the_events_of_the_period_alone(caller: Caller) -> None:
    """Both ends of the period are included to the minute, and other names and applications do not count."""
    for second in (0, 59, 60, 3_599, 3_600):
        caller.call("postEvent", EVENT, timestampUTC=1_435_226_400 + second)  # from 2015-06-25 10:00:00 on
    caller.call("postEvent", EVENT, event="other")
    caller.call("postEvent", EVENT, application="ZZZZZ-00000")
    assert ask(caller) == {"2015-06-25 10:00": 4, "2015-06-25 11:00": 1}
    period = {"date_from": "2015-06-25 10:00", "date_to": "2015-06-25 10:00"}
    assert ask(caller, **period) == {"2015-06-25 10:00": 2}
    period = {"date_from": "2015-06-25 10:01", "date_to": "2015-06-25 11:00"}
    assert ask(caller, **period) == {"2015-06-25 10:00": 2, "2015-06-25 11:00": 1}


def test_results_can_be_filtered(caller: Caller) -> None:
    """A filter `EQ` takes the events whose attribute has one of the values; several filters are all true."""
    for attributes in ({"a": 1, "b": "x"}, {"a": "1"}, {"a": 2, "b": "x"}, {"b": True}, {"b": 'x"'}):
        caller.call("postEvent", EVENT, attributes=attributes)

    def count(*conditions: dict[str, object]) -> int:
        return sum(ask(caller, attributes=[{"operator": "EQ"} | each for each in conditions]).values())

    assert count({"name": "a", "values": [1]}) == 2
    assert count({"name": "a", "values": ["1", 2]}) == 3
    assert count({"name": "a", "values": ["1", 2]}, {"name": "b", "values": ["x"]}) == 2
    assert count({"name": "b", "values": [True]}) == 1
    assert count({"name": "b", "values": ['x"']}) == 1
    assert count({"name": "b", "values": []}) == 0


def test_results_can_count_by_arrival(store: Path) -> None:
    """By choice getResults counts by the moment of arrival, because the documentation leaves it open."""
    with calling(store, Rules(hours_of=HoursOf.ARRIVAL)) as caller:  # the clock says 2023-11-14 22:13:20
        caller.call("postEvent", EVENT)
        assert ask(caller) == {}
        assert ask(caller, date_from="2023-11-14", date_to="2023-11-14") == {"2023-11-14 22:00": 1}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"date_from": "yesterday"}, "date_from: 'yesterday' is not of the form YYYY-MM-DD HH:MM"),
        ({"date_to": "9999-12-31"}, "date_to: '9999-12-31' is not of the form"),
        ({"date_to": "2015-06-24"}, "date_to: is before date_from"),
        ({"date_to": "9000-12-31"}, "date_to: is more than 100,000 hours after date_from"),
        ({"attributes": [{"name": "a", "operator": "GT", "values": []}]}, "operator: 'GT' is not known"),
        ({"attributes": ["a"]}, "attributes: must hold objects, and holds a string"),
        ({"attributes": [{"name": "a", "operator": "EQ", "values": 1}]}, "values: must be of the type list"),
        ({"event": ...}, "event: is required"),
    ],
)
def test_a_wrong_question_is_named(caller: Caller, changes: dict[str, object], message: str) -> None:
    """A period or a filter that cannot be read is an argument error."""
    caller.call("postEvent", EVENT)
    answer: Answer = caller.call("getEventStatistics", QUESTION, **changes)
    assert answer.body["status_code"] == 210
    assert message in answer.body["status_message"]


def test_only_the_latest_questions_are_known(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old request ids are forgotten, so that a long run does not fill the memory."""
    monkeypatch.setattr("loader.sandbox.vendor.LATEST_QUESTIONS", 2)
    caller.call("postEvent", EVENT)
    asked: list[dict[str, Any]] = [
        caller.call("getEventStatistics", QUESTION, date_to=f"2015-06-{day}").body["response"]
        for day in (25, 26, 25, 27)
    ]
    codes = [caller.call("getResults", RESULTS | each).body["status_code"] for each in asked]
    assert codes == [200, 404, 200, 200], "the first was asked again, and so is not the oldest"


HALF = "\ud800"


@pytest.mark.parametrize(
    ("method", "changes", "status_code"),
    [
        ("postEvent", {"attributes": {"a": HALF}}, 200),
        ("postEvent", {"attributes": {"a": {HALF: HALF}}}, 200),
        ("postEvent", {"attributes": {HALF: 1}}, 210),
        ("postEvent", {"event": HALF}, 210),
        ("setTags", {"tags": {"a": HALF, "b": [HALF], "c": "é"}}, 200),
        ("setTags", {"tags": {HALF: 1}}, 210),
        ("createEvent", {"eventAttributes": [{"name": HALF, "type": 1}]}, 210),
        ("createEvent", {"description": HALF}, 210),
        ("getEventStatistics", {"attributes": [{"name": "a", "operator": "EQ", "values": [HALF]}]}, 210),
        ("getResults", {"request_id": HALF}, 210),
        ("registerUser", {"userId": HALF}, 210),
    ],
)
def test_half_of_a_surrogate_pair_is_kept_in_values_alone(
    caller: Caller, store: Path, method: str, changes: dict[str, object], status_code: int
) -> None:
    """JSON can hold what is not a character: as a value it is kept as it is, as a name it is refused."""
    caller.call("postEvent", EVENT)
    answer = caller.call(method, REQUESTS[method] | changes)
    assert (answer.status, answer.body["status_code"]) == (200, status_code), answer
    for (value,) in rows(store, "SELECT value FROM tags"):
        assert json.loads(value) in (HALF, [HALF], "é")


def test_a_call_that_cannot_be_kept_is_answered(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong while calls are kept, each of their callers hears of it."""

    def fail(*_: object) -> None:
        raise ValueError("unforeseen")

    monkeypatch.setattr("loader.sandbox.store.state.State.note_attributes", fail)
    answers = caller.send_together(*[("/json/1.3/postEvent", json.dumps({"request": EVENT}).encode())] * 3)
    assert [(answer.status, answer.body["status_code"]) for answer in answers] == [(500, 500)] * 3
