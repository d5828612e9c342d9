"""Each view as JSON and as a page, over real HTTP."""

from __future__ import annotations

import re
import sqlite3
import time
from contextlib import closing
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from loader.sandbox.calls import Answered, Refused, Registration
from loader.sandbox.page.html import FILTERED
from loader.sandbox.page.routes import VIEWS
from tests.sandbox.conftest import EVENT, call
from tests.sandbox.page.conftest import (
    APP,
    HOSTILE,
    LONG,
    MORNING,
    NIGHTLY,
    REPAIR,
    answered,
    event,
    fetch,
    fill,
)
from tests.sandbox.test_server import served

if TYPE_CHECKING:
    from pathlib import Path

PAGES = ["/", *(f"/{name}" for name in VIEWS if name not in ("live", "user"))]


class Parts(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data


def test_events_are_counted_by_name_and_month(base: str) -> None:
    """The timeline is by the sender's time, and says what was stamped and what was unmatched."""
    found = fetch(base, "/api/events").json
    assert (found["total"], found["stamped"], found["unmatched"]) == (7, 1, 1)
    assert {name["name"]: name["count"] for name in found["names"]} == {"purchase": 5, "visit": 2}
    months = {month["month"]: month["counts"] for month in found["months"]}
    assert months == {"2015-06": {"purchase": 5}, "2015-08": {"visit": 1}, "2023-11": {"visit": 1}}
    assert [row["event"] for row in found["latest"]][:2] == ["purchase", "visit"]


@pytest.mark.parametrize(("load", "total"), [(NIGHTLY, 3), (REPAIR, 3), ("", 1), ("*", 7), ("other", 0)])
def test_a_view_is_of_one_load(base: str, load: str, total: int) -> None:
    """The filter leaves what one load sent; calls without a label can be chosen too."""
    found = fetch(base, f"/api/events?load={quote(load)}").json
    assert found["total"] == total
    assert len(found["latest"]) == total


def test_one_user_has_devices_tags_and_a_history(base: str) -> None:
    """A user's page has the events that name it, and those of its devices that name no user, by time."""
    found = fetch(base, f"/api/user?application={APP}&id=U1").json
    assert [device["hwid"] for device in found["devices"]] == ["D1"]
    assert {tag["tag"]: tag["value"] for tag in found["tags"]} == {"plan": '"gold"', "visits": "3"}
    times = [row["timestamp_utc"] for row in found["events"]]
    assert times == sorted(times, reverse=True)
    assert len(times) == 6
    page = fetch(base, f"/user?application={APP}&id=U1").text
    assert "2015-06-25 10:33:23" in page
    assert "2015-06-25 17:33:23" in page


def test_a_history_is_paged_without_gaps(tmp_path: Path) -> None:
    """Page by page each event is shown once, also if many have the same time."""
    store = tmp_path / "s"
    fill(store, [event(number // 4, attributes=f'{{"n": {number}}}') for number in range(23)])
    with served(store) as serving:
        base = serving.endpoint.removesuffix("/json/1.3/")
        seen, target = [], f"/api/user?application={APP}&id=U1&limit=5"
        place = ""
        while True:
            found = fetch(base, target + place).json
            seen += [row["id"] for row in found["events"]]
            if found["older"] is None:
                break
            place = f"&before={found['older']['timestamp_utc']}&before_id={found['older']['id']}"
    assert len(seen) == 23
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize("view", ["users", "devices"])
def test_lists_are_paged_without_gaps(tmp_path: Path, view: str) -> None:
    """Each user and device is on exactly one page of the list."""
    store = tmp_path / "s"
    fill(store, [Registration(APP, f"D{n:02}", f"U{n % 9}", None, None) for n in range(25)])
    key = {"users": "user_id", "devices": "hwid"}[view]
    seen, place = [], ""
    with served(store) as serving:
        base = serving.endpoint.removesuffix("/json/1.3/")
        while True:
            found = fetch(base, f"/api/{view}?limit=4{place}").json
            seen += [row[key] for row in found[view]]
            if found["next"] is None:
                break
            place = f"&application={found['next']['application']}&after={found['next']['id']}"
    assert seen == sorted(set(seen))
    assert len(seen) == {"users": 9, "devices": 25}[view]


@pytest.mark.parametrize(
    ("search", "users"),
    [("u1", ["U1"]), ("D2", ["U3"]), ("D", ["U1", "U3"]), ("%", []), ("_", []), ("\\", []), ("nobody", [])],
)
def test_users_are_found_by_a_part_of_an_id(base: str, search: str, users: list[str]) -> None:
    """The search looks into ids of users and devices, and takes every character for itself."""
    found = fetch(base, f"/api/users?q={quote(search)}").json
    assert [user["user_id"] for user in found["users"]] == users


def test_devices_that_changed_their_user_are_listed(base: str) -> None:
    """A device that two users registered is there, with both in turn, and no other is."""
    found = fetch(base, "/api/changes").json
    assert found["total"] == 1
    (change,) = found["changes"]
    assert (change["hwid"], [owner["user_id"] for owner in change["owners"]]) == ("D2", ["U2", "U3"])


def test_a_device_that_was_registered_again_shows_each_change_once(tmp_path: Path) -> None:
    """Registrations that name the same user as the one before are counted, and not shown as a change."""
    store = tmp_path / "s"
    fill(store, [Registration(APP, "D1", user, None, None) for user in ("U1", "U1", "U2", "U2", "U1")])
    with served(store) as serving:
        page = fetch(serving.endpoint.removesuffix("/json/1.3/"), "/changes")
    assert page.status == 200
    turns = re.search(r'<ol class="turns">(.*?)</ol>', page.text)
    assert turns is not None
    assert re.findall(r"<bdi>(U\d)</bdi>", turns[1]) == ["U1", "U2", "U1"]
    assert re.search(r'data-label="Registrations">5<', page.text)


def test_duplicates_are_equal_in_all_fields(base: str) -> None:
    """Only the event that came twice with the same fields is a duplicate, with the numbers of both."""
    found = fetch(base, "/api/duplicates").json
    assert (found["groups"], found["surplus"]) == (1, 1)
    (duplicate,) = found["duplicates"]
    assert (duplicate["count"], len(duplicate["ids"]), duplicate["loads"]) == (2, 2, [NIGHTLY])
    assert fetch(base, f"/api/duplicates?load={REPAIR}").json["duplicates"] == []


@pytest.mark.parametrize(
    "change",
    [
        {"event": "visit"},
        {"hwid": "D2"},
        {"user_id": "U2"},
        {"timestamp_utc": MORNING + 1},
        {"timestamp_current": None},
        {"device_type": 1},
        {"attributes": "{}"},
        {"application": "BBBBB-00002"},
    ],
)
def test_one_other_field_is_not_a_duplicate(tmp_path: Path, change: dict[str, Any]) -> None:
    """Events that differ in any one field are different."""
    fill(tmp_path / "s", [event(), event(**change)])
    with served(tmp_path / "s") as serving:
        base = serving.endpoint.removesuffix("/json/1.3/")
        assert fetch(base, "/api/duplicates").json["groups"] == 0


def test_the_catalogue_has_types_and_violations(base: str) -> None:
    """Names and attributes came about on first sight, and the text among the numbers is a violation."""
    found = fetch(base, "/api/catalogue").json
    types = {entry["name"]: entry for entry in found["types"]}
    assert types["purchase"]["declared"] is False
    assert {each["name"]: each["type"] for each in types["purchase"]["attributes"]}["cds"] == "integer"
    (violation,) = found["violations"]
    assert (violation["attribute"], violation["declared"], violation["count"]) == ("cds", "integer", 1)
    assert types["purchase"]["violations"] == 1


def test_answers_are_summed_by_method_and_verdict(tmp_path: Path) -> None:
    """The last minute, five minutes and all, by method, verdict and load; faults are told apart."""
    store, now = tmp_path / "s", int(time.time())
    answered(
        store,
        {
            Answered(now - 1, NIGHTLY, "postEvent", "ok"): 70,
            Answered(now - 200, NIGHTLY, "postEvent", "ok"): 20,
            Answered(now - 4000, NIGHTLY, "registerUser", "refused 210"): 5,
            Answered(now - 2, REPAIR, "postEvent", "reset after storing"): 3,
        },
    )
    with served(store) as serving:
        base = serving.endpoint.removesuffix("/json/1.3/")
        found = fetch(base, "/api/live").json
        verdicts = {each["name"]: each for each in found["verdicts"]}
        sums = {name: (each["recent"], each["window"], each["total"]) for name, each in verdicts.items()}
        assert sums == {"ok": (70, 90, 90), "refused 210": (0, 0, 5), "reset after storing": (3, 3, 3)}
        kinds = {name: each["kind"] for name, each in verdicts.items()}
        assert kinds == {"ok": "ok", "refused 210": "refused", "reset after storing": "fault"}
        methods = {each["name"]: each["total"] for each in found["methods"]}
        assert methods == {"postEvent": 93, "registerUser": 5}
        assert found["rate"] == pytest.approx(7.3)
        loads = {load["label"]: (load["answers"], load["refused"], load["faults"]) for load in found["loads"]}
        assert loads == {NIGHTLY: (95, 5, 0), REPAIR: (3, 0, 3)}
        only = fetch(base, f"/api/live?load={REPAIR}").json
        assert [each["name"] for each in only["verdicts"]] == ["reset after storing"]


@pytest.mark.parametrize(("age", "step"), [(30, 1), (200, 5)])
def test_a_short_load_is_drawn_second_by_second(tmp_path: Path, age: int, step: int) -> None:
    """What began in the last minute is drawn in steps of a second, anything longer in steps of five."""
    now = int(time.time())
    counts = {Answered(now - age + n, "", "postEvent", "ok"): 10 for n in range(20)}
    answered(tmp_path / "s", counts)
    with served(tmp_path / "s") as serving:
        base = serving.endpoint.removesuffix("/json/1.3/")
        found = fetch(base, "/api/live").json
        assert fetch(base, "/").text.count("second by second") == (step == 1)
    assert found["step"] == step
    assert len(found["course"]) == 60
    assert sum(each["ok"] * step for each in found["course"]) == pytest.approx(200)


def test_an_old_store_shows_its_last_minutes(tmp_path: Path) -> None:
    """The course of a store that is opened days later ends with its last answer, not with nothing."""
    store, then = tmp_path / "s", int(time.time()) - 500_000
    answered(
        store, {Answered(then - 100, "", "postEvent", "ok"): 50, Answered(then, "", "postEvent", "ok"): 5}
    )
    with served(store) as serving:
        found = fetch(serving.endpoint.removesuffix("/json/1.3/"), "/api/live").json
    assert found["ended"] == then
    assert sum(step["ok"] for step in found["course"]) > 0


def test_refused_calls_are_shown_with_their_reason(tmp_path: Path) -> None:
    """The latest refused call comes first, with its answer and what was sent."""
    refusals = [
        Refused(1_700_000_000_000 + n, "", "postEvent", 200, 210, f"reason {n}", '{"request": {}}')
        for n in range(30)
    ]
    answered(tmp_path / "s", {Answered(1, "", "postEvent", "refused 210"): 30}, refusals)
    with served(tmp_path / "s") as serving:
        base = serving.endpoint.removesuffix("/json/1.3/")
        found = fetch(base, "/api/refused?limit=20").json
        assert found["refusals"][0]["message"] == "reason 29"
        rest = fetch(base, f"/api/refused?limit=20&before={found['older']}").json
        assert [row["message"] for row in rest["refusals"]] == [f"reason {n}" for n in range(9, -1, -1)]
        assert "reason 29" in fetch(base, "/refused").text


def test_news_are_shown_at_once(own_base: str) -> None:
    """What is sent between two looks is there at the second."""
    before = fetch(own_base, "/api/live").json["holdings"]["events"]
    assert call(f"{own_base}/json/1.3/", "postEvent", EVENT).status == 200
    assert fetch(own_base, "/api/live").json["holdings"]["events"] == before + 1


@pytest.mark.parametrize("target", PAGES)
def test_an_empty_store_says_what_to_do(tmp_path: Path, target: str) -> None:
    """Each view of an empty store is a page, and those that can be filled say how."""
    with served(tmp_path / "s") as serving:
        base = serving.endpoint.removesuffix("/json/1.3/")
        page = fetch(base, target)
    assert page.status == 200
    if target in ("/", "/events", "/users", "/devices", "/catalogue"):
        assert f"--endpoint {base}/json/1.3/" in page.text


def test_views_are_pages_with_headings_and_tables_for_all(base: str) -> None:
    """Each page has one heading of the first level, its landmarks, and tables with captions and scopes."""
    for target in [*PAGES, f"/user?application={APP}&id=U1"]:
        tags = Parts(fetch(base, target).text).tags
        names = [tag for tag, _ in tags]
        for once in ("h1", "main", "nav", "header", "footer", "title"):
            assert names.count(once) == 1, (target, once)
        assert names.count("table") == names.count("caption")
        assert all("scope" in attributes for tag, attributes in tags if tag == "th")
        ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
        assert len(ids) == len(set(ids))


def test_an_unknown_address_is_not_found(base: str) -> None:
    """Neither a page nor JSON is made up; the methods of the API are still the vendor's."""
    assert fetch(base, "/nothing").status == 404
    assert fetch(base, "/live").status == 404
    assert fetch(base, "/api/nothing").status == 404
    assert fetch(base, "/download/store.csv").status == 404
    assert fetch(base, "/../../etc/passwd").status == 404
    assert fetch(base, "/json/1.3/postEvent").status == 405


@pytest.mark.parametrize(
    "query", ["before=x", "limit=-3", "limit=99999999999999999999", "after=1e9", "load=%00"]
)
def test_a_parameter_without_sense_is_no_failure(base: str, query: str) -> None:
    """A parameter that cannot be read counts as not given."""
    for target in PAGES:
        assert fetch(base, f"{target}?{query}").status == 200


def test_everything_on_the_page_is_json_too(base: str) -> None:
    """`/api/` lists a JSON view for each page, and each of them answers."""
    listed = fetch(base, "/api/").json
    assert set(listed["views"]) == {f"/api/{name}" for name in VIEWS}
    for view in listed["views"]:
        answer = fetch(base, view)
        assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")


def test_the_filter_stands_where_it_acts(base: str) -> None:
    """Loads can be chosen on the views that know the load of each call, and on no other."""
    for name in VIEWS:
        page = fetch(base, "/" if name == "live" else f"/{name}").text
        assert ('name="load"' in page) == (name in FILTERED)


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A store whose every text is hostile."""
    store = tmp_path / "s"
    attributes = '{"</script><script>x": "</script><script>x", "x": "\\ud800 \\u202e", "n": {"a": [1]}}'
    with served(store) as serving:
        call(serving.endpoint, "registerUser", {"application": APP, "hwid": HOSTILE, "userId": LONG})
        call(serving.endpoint, "registerUser", {"application": APP, "hwid": HOSTILE, "userId": HOSTILE})
        call(
            serving.endpoint,
            "setTags",
            {"application": APP, "userId": HOSTILE, "tags": {HOSTILE[:40]: HOSTILE}},
        )
    calls = [
        event(user_id=HOSTILE, hwid=HOSTILE, event=HOSTILE[:32], attributes=attributes),
        event(user_id=HOSTILE, hwid=HOSTILE, event=HOSTILE[:32], attributes=attributes),
        event(user_id=LONG, hwid=LONG, event="{{ 7 * 7 }}"),
        event(timestamp_utc=2**63 - 1, timestamp_current=-(2**63), event="<b>late"),
        event(timestamp_utc=-(2**63)),
        event(timestamp_utc=-70_000_000_000),
    ]
    fill(store, calls, HOSTILE)
    second = int(time.time())
    refused = Refused(second * 1000, HOSTILE, HOSTILE, 200, 210, HOSTILE, HOSTILE + LONG)
    answered(store, {Answered(second, HOSTILE, HOSTILE, HOSTILE): 2}, [refused])
    return store


def test_hostile_texts_are_only_text(hostile: Path) -> None:
    """No name, id, attribute, label or body becomes a tag, an attribute of a tag, or turns the direction."""
    with served(hostile) as serving:
        base = serving.endpoint.removesuffix("/json/1.3/")
        user = f"/user?application={APP}&id={quote(HOSTILE)}"
        chosen = f"/?load={quote(HOSTILE)}"
        for target in [
            *PAGES,
            user,
            f"/user?application={APP}&id={LONG}",
            chosen,
            f"/users?q={quote(HOSTILE)}",
        ]:
            page = fetch(base, target)
            parts = Parts(page.text)
            assert page.status == 200, target
            assert [attributes for tag, attributes in parts.tags if tag == "script"] == [
                {"src": "/page.js", "defer": None}
            ]
            assert not [tag for tag, _ in parts.tags if tag in ("img", "b")]
            assert not [name for _, attributes in parts.tags for name in attributes if name.startswith("on")]
            assert "style" not in {name for _, attributes in parts.tags for name in attributes}
            # Lines, and the spaces of one width that stand before the numbers of an axis.
            assert parts.text.replace("\n", "").replace("\N{FIGURE SPACE}", "").isprintable(), target
            assert len(page.text) < 200_000
        assert "{{ 7 * 7 }}" in Parts(fetch(base, "/events").text).text
        found = fetch(base, user.replace("/user", "/api/user", 1)).json
        assert found["user_id"] == HOSTILE
        assert len(found["events"]) == 2


def test_links_lead_to_hostile_users(hostile: Path) -> None:
    """The link of each user leads to the page of just this user, whatever its id has."""
    with served(hostile) as serving:
        base = serving.endpoint.removesuffix("/json/1.3/")
        tags = Parts(fetch(base, "/users").text).tags
        links = [str(attributes["href"]) for tag, attributes in tags if tag == "a"]
        users = [link for link in links if link.startswith("/user?")]
        assert len(users) == 1
        assert fetch(base, users[0].replace("/user?", "/api/user?")).json["devices"][0]["hwid"] == HOSTILE


def test_a_store_that_is_changed_meanwhile_by_hand_is_counted_again(store: Path, own_base: str) -> None:
    """Rows that are deleted with an SQLite tool are gone from the counts."""
    assert fetch(own_base, "/api/events").json["total"] == 7
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("DELETE FROM events WHERE event = 'purchase'")
        connection.commit()
    assert fetch(own_base, "/api/events").json["total"] == 2
