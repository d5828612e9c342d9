"""What a caller sees of each fault, and what is stored then: over HTTP on loopback."""

from __future__ import annotations

import json
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest

from loader.sandbox.faults import Fault
from tests.sandbox.conftest import DEVICE, TAGS, call, rows, send
from tests.sandbox.faults.conftest import Caller, Hands, Seen, event, misbehaving, post

if TYPE_CHECKING:
    from pathlib import Path

# A share of all calls, by number, so that the second of three calls meets the fault.
SECOND = "#2"


def send_three(store: Path, spec: str) -> tuple[list[Seen], list[int]]:
    """Send three events, each on a connection of its own; what was seen of each, and which were stored."""
    with misbehaving(store, spec) as serving:
        seen = [post(serving.endpoint, number) for number in (1, 2, 3)]
    return seen, stored(store)


def stored(store: Path) -> list[int]:
    """The numbers of the events in a store."""
    return [json.loads(text)["n"] for (text,) in rows(store, "SELECT attributes FROM events ORDER BY id")]


@pytest.mark.parametrize("status", [401, 403, 429, 500, 502, 503, 504])
def test_http_statuses(tmp_path: Path, status: int) -> None:
    """A fault with the name of a status is answered with it, and the call is not stored."""
    seen, kept = send_three(tmp_path / "s", f"{status}={SECOND}")
    assert [each.status for each in seen] == [200, status, 200]
    assert ("retry-after" in seen[1].headers) == (status == 429)
    assert (seen[1].ended, kept) == ("", [1, 3])


def test_maintenance(tmp_path: Path) -> None:
    """Maintenance is a 503 that says when to come again."""
    seen, kept = send_three(tmp_path / "s", f"maintenance={SECOND},retry-after=7s")
    assert (seen[1].status, seen[1].headers["retry-after"], kept) == (503, "7", [1, 3])


def test_retry_after_as_a_date(tmp_path: Path) -> None:
    """Retry-After can be a date, as far ahead as it says."""
    before = time.time()
    seen, _ = send_three(tmp_path / "s", f"429={SECOND},retry-after=date:30s")
    date = parsedate_to_datetime(seen[1].headers["retry-after"]).timestamp()
    assert before + 29 <= date <= time.time() + 30


def test_no_retry_after(tmp_path: Path) -> None:
    """Retry-After can be left out."""
    seen, _ = send_three(tmp_path / "s", f"429={SECOND},retry-after=off")
    assert (seen[1].status, "retry-after" in seen[1].headers) == (429, False)


def test_revoked_token(tmp_path: Path) -> None:
    """A revoked token is answered as the vendor does it: HTTP 200, and 403 in the body, until it is over."""
    seen, kept = send_three(tmp_path / "s", f"revoked={SECOND}")
    assert [(each.status, each.code) for each in seen] == [(200, 200), (200, 403), (200, 200)]
    assert kept == [1, 3]


def test_html(tmp_path: Path) -> None:
    """A proxy's page has the status of a success, and the call did not arrive."""
    seen, kept = send_three(tmp_path / "s", f"html={SECOND}")
    assert (seen[1].status, seen[1].headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert seen[1].body.startswith(b"<!DOCTYPE html>")
    assert kept == [1, 3]


def test_reset_after_stored(tmp_path: Path) -> None:
    """The connection is reset without a byte of an answer, and the call is stored."""
    seen, kept = send_three(tmp_path / "s", f"reset-after-stored={SECOND}")
    assert (seen[1], kept) == (Seen(ended="reset"), [1, 2, 3])


def test_the_call_is_committed_before_the_reset(tmp_path: Path) -> None:
    """In the moment of the reset, a reader of the store finds the call."""
    with misbehaving(tmp_path / "s", "reset-after-stored=100%") as serving:
        for number in range(20):
            assert post(serving.endpoint, number).ended == "reset"
            assert stored(tmp_path / "s")[-1] == number


def test_reset_before_read(tmp_path: Path) -> None:
    """The connection is reset without a byte of an answer, and the call is not stored."""
    seen, kept = send_three(tmp_path / "s", f"reset-before-read={SECOND}")
    assert (seen[1], kept) == (Seen(ended="reset"), [1, 3])


def test_reset_ends_a_connection_that_was_kept(tmp_path: Path) -> None:
    """A reset hits a connection that has carried calls before, and the next connection works."""
    with misbehaving(tmp_path / "s", "reset-before-read=#3") as serving:
        with Caller(serving.endpoint) as caller:
            assert [caller.call("postEvent", event(number)).status for number in (1, 2)] == [200, 200]
            assert caller.call("postEvent", event(3)).ended == "reset"
        assert post(serving.endpoint, 4).status == 200
    assert stored(tmp_path / "s") == [1, 2, 4]


def test_cut_answer(tmp_path: Path) -> None:
    """Fewer bytes come than Content-Length says, the connection is closed, and the call is stored."""
    seen, kept = send_three(tmp_path / "s", f"cut-answer={SECOND}")
    whole, cut = seen[0].body, seen[1]
    assert (cut.status, cut.ended) == (200, "closed")
    assert int(cut.headers["content-length"]) == len(whole)
    assert (cut.body, kept) == (whole[: len(whole) // 2], [1, 2, 3])


def test_garbled_answer(tmp_path: Path) -> None:
    """The answer is of the promised length, is not JSON, and the call is stored."""
    seen, kept = send_three(tmp_path / "s", f"garbled-answer={SECOND}")
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(seen[1].body)
    assert (seen[1].status, seen[1].ended, kept) == (200, "", [1, 2, 3])


def test_unknown_code(tmp_path: Path) -> None:
    """The body has a code that the vendor does not document, and the call is stored."""
    seen, kept = send_three(tmp_path / "s", f"unknown-code={SECOND}")
    assert (seen[1].status, seen[1].code, kept) == (200, 201, [1, 2, 3])


@pytest.mark.parametrize(
    ("method", "request_", "held"),
    [
        ("registerUser", DEVICE, "SELECT user_id FROM devices"),
        ("setTags", TAGS, "SELECT user_id FROM tags ORDER BY updated"),
        ("postEvent", event(0), "SELECT user_id FROM events ORDER BY id"),
    ],
)
def test_lost_answers_leave_open_whether_the_call_was_taken(
    tmp_path: Path, method: str, request_: dict[str, object], held: str
) -> None:
    """Of each method every Nth answer is lost, and of these every other call is kept."""
    store, numbers = tmp_path / "s", range(1, 10)
    with misbehaving(store, "lost-answer=every-3") as serving:
        replies = [
            # A device of its own for each, because a registration replaces the one before.
            call(serving.endpoint, method, request_, userId=f"{number}", hwid=f"D{number}")
            for number in numbers
        ]
    lost = [number for number, reply in zip(numbers, replies, strict=True) if reply.status == 504]
    assert (lost, {reply.status for reply in replies}) == ([3, 6, 9], {200, 504})
    assert [int(user) for (user,) in rows(store, held)] == [1, 2, 3, 4, 5, 7, 8, 9]


@pytest.mark.parametrize("fault", ["lost-answer", "reset-after-stored", "cut-answer", "garbled-answer"])
def test_a_refused_call_gets_its_refusal(tmp_path: Path, fault: str) -> None:
    """A call that is not acceptable is refused as ever: no fault pretends that it was stored."""
    with misbehaving(tmp_path / "s", f"{fault}=100%") as serving, Caller(serving.endpoint) as caller:
        refused = caller.call("postEvent", {"application": "AAAAA-00001"})
    assert refused.code == 210
    assert stored(tmp_path / "s") == []


def test_latency(tmp_path: Path) -> None:
    """An answer comes after its latency, and the call is stored before."""
    with misbehaving(tmp_path / "s", "latency=1s@#2") as serving:
        began = time.monotonic()
        post(serving.endpoint, 1)
        quick = time.monotonic()
        post(serving.endpoint, 2)
        slow = time.monotonic()
    assert slow - quick >= 1 > quick - began


def test_capacity(tmp_path: Path) -> None:
    """In each second the first N calls are served; all others are asked to wait."""
    clock = Hands()
    with misbehaving(tmp_path / "s", "429=2/s", clock) as serving:
        first = [post(serving.endpoint, number).status for number in range(4)]
        clock.seconds += 1
        second = [post(serving.endpoint, number).status for number in range(4, 7)]
    assert (first, second) == ([200, 200, 429, 429], [200, 200, 429])
    assert stored(tmp_path / "s") == [0, 1, 4, 5]


def test_windows_begin_with_the_first_call(tmp_path: Path) -> None:
    """A window counts from the first call, however long the sandbox ran before."""
    clock = Hands()
    with misbehaving(tmp_path / "s", "500=10s-20s", clock) as serving:
        clock.seconds += 15
        assert post(serving.endpoint, 1).status == 200
        clock.seconds += 10
        assert post(serving.endpoint, 2).status == 500
        clock.seconds += 10
        assert post(serving.endpoint, 3).status == 200


def test_only_calls_meet_faults(tmp_path: Path) -> None:
    """A request that is not a POST is not a call: it meets no fault and takes no number."""
    with misbehaving(tmp_path / "s", "500=#1") as serving:
        assert send(serving.endpoint, "postEvent", b"", verb="GET").status == 405
        assert post(serving.endpoint, 2).status == 500


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.OUTAGE])
def test_answers_are_counted_by_the_fault_that_they_met(tmp_path: Path, fault: Fault) -> None:
    """The store says how many calls met which fault, of which load and method; all others count as before."""
    with misbehaving(tmp_path / "s", f"{fault}=#2-4") as serving:
        labelled = serving.endpoint.replace("json/1.3", "loads/A-1/json/1.3")
        for number in range(6):
            post(labelled, number)
    counted = rows(
        tmp_path / "s",
        "SELECT load, method, verdict, sum(count) FROM answers GROUP BY 1, 2, 3 ORDER BY verdict",
    )
    assert sorted(counted) == sorted([("A-1", "postEvent", str(fault), 3), ("A-1", "postEvent", "ok", 3)])


def test_a_refused_call_is_counted_as_refused(tmp_path: Path) -> None:
    """A call that gets its refusal and not the fault is not counted for the fault."""
    with misbehaving(tmp_path / "s", "cut-answer=100%") as serving, Caller(serving.endpoint) as caller:
        caller.call("postEvent", {"application": "AAAAA-00001"})
    assert rows(tmp_path / "s", "SELECT verdict, count FROM answers") == [("refused 210", 1)]


def test_each_fault_is_tried_here() -> None:
    """There is a test above, or in `test_outages`, for each fault."""
    tried = {401, 403, 429, 500, 502, 503, 504}
    named = {"maintenance", "revoked", "html", "reset-after-stored", "reset-before-read", "cut-answer"}
    named |= {"garbled-answer", "unknown-code", "lost-answer", "outage"}
    assert {str(fault) for fault in Fault} == named | {str(status) for status in tried}
