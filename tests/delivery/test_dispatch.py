"""The dispatcher against a simulated vendor: hours of trouble in simulated time."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from itertools import count, pairwise
from typing import TYPE_CHECKING

import pytest

from loader.delivery import Policy
from loader.delivery.lanes import DEVICES_REMEMBERED, Lanes, Row
from loader.model import Answer, NoAnswer, NotSent, Outcome, Request, State, StopCode
from loader.settings import Token
from tests.delivery.simulation import OK, Arrival, Reply, Simulation, numbered
from tests.effort import EFFORT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loader.model import Attempt

EVENTS = Policy()
USERS = Policy(resend_ambiguous=True)
TIMED_OUT = NoAnswer("timed out")
REFUSED = NotSent("connection refused")


def fine(_: Arrival) -> Reply:
    """The vendor takes everything."""
    return Reply.of(OK)


def test_every_row_is_sent_once_and_confirmed() -> None:
    """Without trouble each row is sent once, in order, with the window full."""
    load = Simulation(fine, EVENTS).run(500)
    assert load.count(State.CONFIRMED) == 500
    assert [arrival.row for arrival in load.arrivals] == list(range(500))
    assert load.sent == list(range(500))
    assert load.most_in_flight == 16
    assert load.clock.now == pytest.approx(500 / 16 * 0.05, rel=0.1)


def test_nothing_is_taken_before_it_can_be_sent() -> None:
    """Rows are pulled one by one as the window has room, so memory does not grow with the input."""
    load = Simulation(lambda a: Reply.of(OK, random.Random(a.row).random()), EVENTS).run(2000)
    # The window, and the outcomes of one group that is not handed over yet.
    assert load.most_ahead <= 16 + 16


def test_outcomes_come_in_groups_and_without_delay() -> None:
    """Many outcomes a group under load, and none waits longer than a few milliseconds."""
    busy = Simulation(lambda a: Reply.of(OK, 0.0001), replace(EVENTS, concurrency=64)).run(20_000)
    assert 20_000 / len(busy.groups) > 100
    slow = Simulation(lambda a: Reply.of(OK, 1.0), replace(EVENTS, rate=2.0)).run(10)
    assert all(len(group) == 1 for group in slow.groups)
    assert slow.clock.now < 10 / 2 + 1.1


def test_the_way_to_another_process_does_not_narrow_the_window() -> None:
    """A slow way to the process that sends is not taken for an overload, because that measures the vendor."""

    def vendor(arrival: Arrival) -> Reply:
        assert isinstance(OK, Answer)
        return Reply.of(OK._replace(seconds=0.05), 0.05 if arrival.row < 500 else 0.5, landed=True)

    load = Simulation(vendor, replace(EVENTS, concurrency=64, least_concurrency=1)).run(3000)
    assert load.count(State.CONFIRMED) == 3000
    assert load.clock.now < 1.5 * 3000 / 64 * 0.5


def test_an_empty_input_ends_at_once() -> None:
    """No rows, no groups."""
    assert Simulation(fine).run(0).groups == []


# Verdicts


def test_a_rejection_is_final_and_keeps_the_reason() -> None:
    """A row that the vendor rejects is settled with its code and words, and the rest continues."""
    no = Answer(200, b'{"status_code":210,"status_message":"bad hwid"}')
    load = Simulation(lambda a: Reply.of(no if a.row == 7 else OK), EVENTS).run(40)
    assert load.final[7] == Outcome(7, State.REJECTED, 1, 200, 210, "bad hwid")
    assert load.count(State.CONFIRMED) == 39


def test_a_stop_leaves_unsent_rows_never_sent() -> None:
    """HTTP 401 in the middle: what is on the wire is settled, the refused row and the rest never sent."""
    load = Simulation(lambda a: Reply.of(Answer(401, b"") if a.row == 100 else OK), EVENTS).run(1000)
    assert load.dispatch.stopped is not None
    assert "401" in load.dispatch.stopped.reason
    assert load.final[100].state is State.NEVER_SENT
    assert load.count(State.IN_DOUBT) == load.count(State.REJECTED) == 0
    assert load.pulled < 140


def test_the_first_rows_all_rejected_stop_the_load() -> None:
    """A wrong application code costs twenty rows and what was on the wire, not the input."""
    no = Answer(200, b'{"status_code":210,"status_message":"Application not found"}')
    load = Simulation(lambda _: Reply.of(no), EVENTS).run(1000)
    assert load.dispatch.stopped is not None
    assert "Application not found" in load.dispatch.stopped.reason
    assert load.count(State.REJECTED) <= 20 + 16


def test_an_invalid_certificate_stops_the_load() -> None:
    """A fatal failure to connect sends nothing and ends the run."""
    load = Simulation(
        lambda _: Reply.of(NotSent("The certificate expired.", StopCode.CERTIFICATE)), EVENTS
    ).run(100)
    assert load.dispatch.stopped is not None
    assert load.dispatch.stopped.code is StopCode.CERTIFICATE
    assert load.count(State.NEVER_SENT) == load.pulled == 16


@pytest.mark.parametrize(
    ("policy", "answer", "words"),
    [
        (
            Policy(max_rejected=5, rejected_before=2),
            Answer(200, b'{"status_code":210}'),
            "More than 5 rows are rejected, and --max-rejected allows no more.",
        ),
        (
            Policy(max_rejected=1),
            Answer(200, b'{"status_code":210}'),
            "More than 1 row is rejected, and --max-rejected allows no more.",
        ),
        (
            Policy(max_rejected=0),
            Answer(200, b'{"status_code":210}'),
            "A row is rejected, and --max-rejected allows none.",
        ),
        (
            Policy(max_in_doubt=5, in_doubt_before=2),
            Answer(500, b""),
            "More than 5 rows are in doubt, and --max-in-doubt allows no more.",
        ),
    ],
)
def test_too_many_bad_rows_stop_the_load(policy: Policy, answer: Answer, words: str) -> None:
    """The limits count what earlier runs left; the sentence stays true when the wire brings more of them."""
    load = Simulation(lambda a: Reply.of(answer if a.row % 10 == 0 else OK), policy).run(1000)
    assert load.dispatch.stopped is not None
    assert load.dispatch.stopped.reason == words


def test_rows_rejected_before_delivery_count_too() -> None:
    """Rejects of the mapping, counted while rows are read, stop the load before the next row is sent."""
    load = Simulation(fine, Policy(max_rejected=10))

    def rows() -> Iterator[Request]:
        for request in numbered(100):
            if request.ordinal == 50:
                load.dispatch.count_rejected(11)
            yield request

    load.run(rows())
    assert load.dispatch.stopped is not None
    assert load.final[50].state is State.NEVER_SENT
    assert max(load.sent) == 49


# Definite failures


def test_an_outage_of_connections_costs_no_row() -> None:
    """Five minutes of refused connections: pauses, no rejects, no doubts, and no attempt burnt."""
    load = Simulation(lambda a: Reply.of(REFUSED if 1 <= a.at < 301 else OK, 0.01), EVENTS).run(20_000)
    assert load.count(State.CONFIRMED) == 20_000
    assert all(outcome.attempts == 1 for outcome in load.outcomes)
    tries = [arrival for arrival in load.arrivals if 1.1 <= arrival.at < 301]
    assert len(tries) < 40


def test_a_long_outage_stops_the_load() -> None:
    """A quarter of an hour without an answer ends the run; every row stays never sent."""
    load = Simulation(lambda _: Reply.of(REFUSED), EVENTS).run(1000)
    assert load.dispatch.stopped is not None
    assert "connection refused" in load.dispatch.stopped.reason
    assert 900 <= load.clock.now < 900 + 70
    assert load.count(State.NEVER_SENT) == load.pulled == 16


def test_retry_after_holds_the_whole_sender_and_no_herd_follows() -> None:
    """A 429 with 20 seconds: nobody sends in that time, then one probe, then gradually more."""

    def reply(arrival: Arrival) -> Reply:
        throttled = arrival.row == 100 and arrival.nth == 1
        return Reply.of(Answer(429, b"", "20") if throttled else OK)

    load = Simulation(reply, EVENTS).run(1000)
    assert load.count(State.CONFIRMED) == 1000
    times = [arrival.at for arrival in load.arrivals]
    pause = max(pairwise(times), key=lambda pair: pair[1] - pair[0])
    assert pause[1] - pause[0] >= 19.9
    after = [at for at in times if at >= pause[1]]
    assert [sum(at <= pause[1] + trip * 0.06 for at in after) for trip in (0, 1)] == [1, 3]
    assert load.final[100].attempts == 2


def test_a_throttled_row_goes_first_again() -> None:
    """Rows that were refused go to the head of the line, in the order of the input."""
    load = Simulation(lambda a: Reply.of(Answer(429, b"") if a.nth == 1 and a.row < 8 else OK), EVENTS)
    load.run(100)
    again = [arrival.row for arrival in load.arrivals if arrival.nth == 2]
    assert again == sorted(again) == list(range(8))
    assert load.arrivals[16].nth == 2


def test_the_rate_counts_every_attempt() -> None:
    """Repeats are inside the rate, too."""
    chance = random.Random(3)
    policy = replace(USERS, rate=20.0)
    load = Simulation(lambda a: Reply.of(TIMED_OUT if chance.random() < 0.2 else OK), policy).run(200)
    for start in range(int(load.clock.now)):
        assert sum(start <= arrival.at < start + 1 for arrival in load.arrivals) <= 22
    assert len(load.arrivals) > 200


# Ambiguous failures


def test_an_event_in_doubt_is_never_sent_again() -> None:
    """Without leave to resend, a doubt is final, and the vendor gets nothing twice."""
    load = Simulation(lambda a: Reply.of(TIMED_OUT if a.row % 50 == 0 else OK, landed=True), EVENTS).run(1000)
    assert load.count(State.IN_DOUBT) == 20
    assert max(Counter(load.landed).values()) == 1
    assert load.final[50] == Outcome(50, State.IN_DOUBT, 1, None, None, "timed out")


def test_a_user_in_doubt_is_sent_again_after_the_doubt_is_written() -> None:
    """The doubt is handed over and settled before the row is on the wire again; the last outcome counts."""
    settled: set[int] = set()

    def reply(arrival: Arrival) -> Reply:
        assert arrival.nth == 1 or arrival.row in settled
        return Reply.of(Answer(502, b"") if arrival.row == 5 and arrival.nth < 3 else OK)

    load = Simulation(reply, USERS)
    for group in load.dispatch.deliver(numbered(50)):
        load.outcomes += group
        settled |= {outcome.ordinal for outcome in group if outcome.resending}
    story = [outcome for outcome in load.outcomes if outcome.ordinal == 5]
    assert story == [
        Outcome(5, State.IN_DOUBT, 1, 502, None, "HTTP 502", resending=True),
        Outcome(5, State.IN_DOUBT, 2, 502, None, "HTTP 502", resending=True),
        Outcome(5, State.CONFIRMED, 3),
    ]


def test_resends_of_one_row_are_bounded() -> None:
    """A row that is in doubt four times stays in doubt."""
    load = Simulation(lambda a: Reply.of(TIMED_OUT if a.row == 5 else OK), USERS).run(50)
    assert [outcome.resending for outcome in load.outcomes if outcome.ordinal == 5] == [True] * 3 + [False]
    assert load.final[5].attempts == 4


def test_a_row_refused_after_a_doubt_stays_in_doubt() -> None:
    """A rejection of a repeat does not undo the first attempt, which may have been taken."""
    no = Answer(200, b'{"status_code":210,"status_message":"bad"}')

    def reply(arrival: Arrival) -> Reply:
        if arrival.row != 5:
            return Reply.of(OK)
        return Reply.of(TIMED_OUT, landed=True) if arrival.nth == 1 else Reply.of(no)

    load = Simulation(reply, USERS).run(20)
    assert load.final[5] == Outcome(5, State.IN_DOUBT, 2, 200, 210, "bad")


def test_resends_never_multiply_an_outage() -> None:
    """When every answer is lost for a while, repeats stay within a reserve and a tenth of the load."""
    chance = random.Random(4)
    patient = replace(USERS, outage_seconds=1e9)
    load = Simulation(lambda a: Reply.of(TIMED_OUT if chance.random() < 0.5 else OK), patient).run(3000)
    assert len(load.arrivals) - 3000 <= 4 * 16 + 300 + 1
    assert load.count(State.CONFIRMED) + load.count(State.IN_DOUBT) == 3000


@pytest.mark.parametrize("seed", range(2 * EFFORT))
def test_five_minutes_of_lost_answers_cost_one_window_of_doubts(seed: int) -> None:
    """Answers vanish for five minutes: no rejects, and doubts for one window and a probe now and then."""

    def reply(arrival: Arrival) -> Reply:
        return Reply.of(TIMED_OUT, 30.0, landed=True) if 5 <= arrival.at < 305 else Reply.of(OK)

    load = Simulation(reply, EVENTS, seed=seed).run(20_000)
    probes = sum(5.1 <= arrival.at < 305 for arrival in load.arrivals)
    assert load.dispatch.stopped is None
    assert load.count(State.REJECTED) == 0
    assert load.count(State.IN_DOUBT) <= 16 + probes
    assert probes <= 10
    assert load.count(State.CONFIRMED) == 20_000 - load.count(State.IN_DOUBT)


@pytest.mark.parametrize("status", [500, 502, 504])
def test_five_minutes_of_errors_cost_one_window_of_doubts(status: int) -> None:
    """Quick ambiguous errors, too, open the breaker within one window."""
    load = Simulation(lambda a: Reply.of(Answer(status, b"") if 5 <= a.at < 305 else OK), EVENTS).run(20_000)
    doubts = [a for a in load.arrivals if 5 <= a.at < 305]
    assert load.count(State.IN_DOUBT) == len(doubts) <= 16 + 25
    assert len([a for a in doubts if a.at < 5.1]) <= 16
    assert load.count(State.REJECTED) == 0


def test_permanent_errors_stop_the_load() -> None:
    """A server that answers 502 for ever ends the run, after a window and probes."""
    load = Simulation(lambda _: Reply.of(Answer(502, b"")), EVENTS).run(5000)
    assert load.dispatch.stopped is not None
    assert load.count(State.IN_DOUBT) <= 16 + 60


def every_second_fails(start: float, end: float) -> Callable[[Arrival], Reply]:
    """A vendor of whose answers every second one is an error between two moments."""
    turn = count()

    def reply(arrival: Arrival) -> Reply:
        bad = start <= arrival.at < end and next(turn) % 2
        return Reply.of(Answer(500, b"") if bad else OK, landed=True)

    return reply


@pytest.mark.parametrize("seed", range(2 * EFFORT))
def test_ten_minutes_of_every_second_answer_lost_cost_few_doubts(seed: int) -> None:
    """A brown-out costs ten doubts, what is on the wire then, and about two a minute; then the load ends."""
    load = Simulation(every_second_fails(5.0, 605.0), EVENTS, seed=seed).run(20_000)
    assert load.dispatch.stopped is None
    assert load.count(State.IN_DOUBT) <= 10 + 16 + 10 * 4
    assert load.count(State.CONFIRMED) == 20_000 - load.count(State.IN_DOUBT)


@pytest.mark.parametrize("seed", range(2 * EFFORT))
def test_a_brown_out_without_end_stops_the_load(seed: int) -> None:
    """When every second answer is lost for a quarter of an hour, the load ends and tells so."""
    load = Simulation(every_second_fails(5.0, 1e9), EVENTS, seed=seed).run(20_000)
    assert load.dispatch.stopped is not None
    assert load.dispatch.stopped.reason.startswith("Too few usable answers for 1")
    assert load.dispatch.stopped.reason.endswith(" minutes. The last failure: HTTP 500.")
    assert 905 <= load.clock.now < 905 + 2 * 60
    assert load.count(State.IN_DOUBT) <= 10 + 16 + 15 * 4


@pytest.mark.parametrize("share", [0.1, 0.2, 0.3])
def test_a_brown_out_of_any_share_has_a_bound(share: float) -> None:
    """Ten minutes in which 10, 20 or 30 % of the answers are lost cost hundreds of doubts, not thousands."""
    chance = random.Random(8)

    def reply(arrival: Arrival) -> Reply:
        bad = 5 <= arrival.at < 605 and chance.random() < share
        return Reply.of(Answer(500, b"") if bad else OK, landed=True)

    load = Simulation(reply, EVENTS).run(10_000)
    assert load.count(State.IN_DOUBT) <= 300


def test_one_lost_answer_in_a_hundred_hardly_slows_the_load() -> None:
    """With 1 % of answers lost, exactly those rows are in doubt, and the window stays almost full."""
    chance = random.Random(9)

    def reply(_: Arrival) -> Reply:
        return Reply.of(TIMED_OUT if chance.random() < 0.01 else OK, landed=True)

    load = Simulation(reply, EVENTS).run(20_000)
    assert 140 < load.count(State.IN_DOUBT) < 260
    assert sorted(load.landed) == list(range(20_000))
    assert load.clock.now < 20_000 / 16 * 0.05 * 1.1


# Order per device


def test_rows_of_one_device_go_one_after_the_other() -> None:
    """A later row of a device leaves only after the earlier one is settled; other devices do not wait."""
    chance = random.Random(1)
    rows = list(numbered(600, lambda row: f"d{chance.randrange(40)}"))
    load = Simulation(lambda a: Reply.of(OK, 0.01 + random.Random(a.row).random() / 10), USERS).run(rows)
    assert load.count(State.CONFIRMED) == 600
    assert load.most_in_flight == 16
    for device in {row.device for row in rows}:
        mine = {row.ordinal for row in rows if row.device == device}
        assert [row for row in load.landed if row in mine] == sorted(mine)


@pytest.mark.parametrize("seed", range(30))
def test_the_vendor_ends_with_the_last_row_of_a_device(seed: int) -> None:
    """Under lost answers, errors and refusals, the last row of each device is what the vendor keeps."""
    chance = random.Random(seed)

    def reply(_: Arrival) -> Reply:
        fault = chance.random()
        if fault < 0.10:
            return Reply.of(TIMED_OUT, 1.0, landed=chance.random() < 0.5)
        if fault < 0.15:
            return Reply.of(Answer(429, b""))
        return Reply.of(REFUSED if fault < 0.2 else OK)

    rows = list(numbered(120, lambda row: f"d{row % 7}"))
    load = Simulation(reply, USERS, seed=seed).run(rows)
    last = {f"d{row % 7}": row for row in load.landed}
    for device, row in last.items():
        newest = max(request.ordinal for request in rows if request.device == device)
        assert row == newest or load.final[newest].state is State.IN_DOUBT


def test_after_a_doubt_the_newest_row_is_sent_last_again() -> None:
    """A row that timed out may arrive late, over a newer one; so the newest row is sent once more."""

    def reply(arrival: Arrival) -> Reply:
        late = arrival.row == 0 and arrival.nth == 1
        return Reply(TIMED_OUT, seconds=1.0, lands_after=2.12) if late else Reply.of(OK)

    load = Simulation(reply, USERS).run(numbered(3, lambda _: "d"))
    assert load.count(State.CONFIRMED) == 3
    assert [(a.row, a.nth) for a in load.arrivals] == [(0, 1), (0, 2), (1, 1), (2, 1), (2, 2)]
    assert [outcome.resending for outcome in load.outcomes if outcome.ordinal == 2] == [True, False]


@pytest.mark.parametrize(("rate", "sent"), [(None, [0, 0, 200, 200]), (2.0, [0, 0, 200])])
def test_a_doubt_is_remembered_for_rows_that_are_read_later(rate: float | None, sent: list[int]) -> None:
    """A device's newest row is sent last, again, also when it is read after the doubt, but not for ever."""

    def reply(arrival: Arrival) -> Reply:
        lost = (arrival.row, arrival.nth) == (0, 1)
        return Reply(TIMED_OUT, seconds=0.1, lands_after=50.0) if lost else Reply.of(OK)

    rows = numbered(201, lambda row: "d" if row in {0, 200} else f"d{row}")
    load = Simulation(reply, replace(USERS, rate=rate)).run(rows)
    assert load.count(State.CONFIRMED) == 201
    assert [arrival.row for arrival in load.arrivals if arrival.row in {0, 200}] == sent


def test_what_is_remembered_of_doubts_is_bounded() -> None:
    """Doubts about very many devices do not fill the memory."""
    lanes = Lanes(last_wins=True)
    for number in range(2 * DEVICES_REMEMBERED):
        row = Row(Request(number, f"d{number}", b""))
        lanes.admit(row, 0.0)
        lanes.note_doubt(row, 0.0)
        lanes.release(row, 0.0)
    newer = [Row(Request(number, f"d{number - 10**6}", b"")) for number in (10**6, 10**6 + number)]
    assert [lanes.admit(row, 1.0) and lanes.overtaken(row) for row in newer] == [False, True]


def test_events_in_order_are_not_repeated_for_a_doubt_about_an_earlier_one() -> None:
    """Ordered events wait for each other; a confirmed one is never sent again, it would be there twice."""

    def reply(arrival: Arrival) -> Reply:
        return Reply.of(TIMED_OUT, 1.0, landed=True) if (arrival.row, arrival.nth) == (0, 1) else Reply.of(OK)

    ordered = Policy(resend_ambiguous=True, last_wins=False)
    load = Simulation(reply, ordered).run(numbered(3, lambda _: "d"))
    assert load.count(State.CONFIRMED) == 3
    assert [(a.row, a.nth) for a in load.arrivals] == [(0, 1), (0, 2), (1, 1), (2, 1)]


def test_a_device_with_very_many_rows_does_not_fill_the_memory() -> None:
    """Reading pauses when too many rows wait for one device, and the order holds."""
    policy = replace(USERS, look_ahead=50)
    load = Simulation(fine, policy).run(numbered(500, lambda row: "one" if row < 400 else f"d{row}"))
    assert load.most_ahead <= 50 + 16 + 16
    assert [row for row in load.landed if row < 400] == list(range(400))


# Brake, stop and failures


def test_a_drain_finishes_what_is_on_the_wire() -> None:
    """The first Ctrl-C takes nothing more; what is on the wire is answered, 0 in doubt."""
    load = Simulation(fine, EVENTS)
    load.clock.at(1.0, load.brake.drain)
    load.run(10_000)
    assert load.count(State.IN_DOUBT) == 0
    assert load.clock.now < 1.06
    assert load.dispatch.stopped is None
    assert load.pulled < 400


def test_a_drain_has_a_bound() -> None:
    """Rows that are still not answered when the bound is over are given up, in doubt."""
    load = Simulation(lambda a: Reply.of(OK, 0.1 if a.row < 100 else 10_000.0), EVENTS)
    load.clock.at(3.0, load.brake.drain)
    load.run(10_000)
    assert load.count(State.IN_DOUBT) == 16
    assert load.clock.now == pytest.approx(3.0 + EVENTS.drain_seconds)


def test_a_halt_is_at_once() -> None:
    """The second Ctrl-C gives up the window, in doubt."""
    load = Simulation(lambda a: Reply.of(OK, 40.0), EVENTS)
    load.clock.at(1.0, load.brake.drain)
    load.clock.at(2.0, load.brake.halt)
    load.run(10_000)
    assert load.clock.now == 2.0
    assert load.count(State.IN_DOUBT) == load.pulled == 16
    assert sum(outcome.attempts for outcome in load.final.values()) == len(load.arrivals)


@pytest.mark.parametrize(
    "reply",
    [
        lambda _: Reply.of(Answer(429, b"", "500")),
        lambda a: Reply.of(REFUSED if a.at > 0.5 else OK),
    ],
    ids=["retry-after", "outage"],
)
def test_a_drain_ends_a_wait_at_once(reply: object) -> None:
    """Ctrl-C during a pause does not wait for its end; rows in line were never sent."""
    load = Simulation(reply, EVENTS)  # type: ignore[arg-type] # pytest loses the type of a parameter
    load.clock.at(100.0, load.brake.drain)
    load.run(10_000)
    assert load.clock.now < 100.1
    assert load.count(State.IN_DOUBT) == 0


def test_a_drain_ends_a_wait_for_the_rate() -> None:
    """A slow rate does not hold up Ctrl-C."""
    load = Simulation(fine, replace(EVENTS, rate=0.01))
    load.clock.at(30.0, load.brake.drain)
    load.run(100)
    assert load.clock.now == 30.0
    assert load.count(State.CONFIRMED) == load.pulled == 1


def test_a_drain_leaves_a_user_that_awaits_its_resend_in_doubt() -> None:
    """A row whose doubt is written and that is not sent again ends in doubt, not as never sent."""
    load = Simulation(lambda _: Reply.of(TIMED_OUT, 1.0, landed=True), USERS)
    load.clock.at(1.01, load.brake.drain)
    load.run(3)
    assert [outcome.resending for outcome in load.outcomes] == [True] * 3 + [False] * 3
    assert load.count(State.IN_DOUBT) == 3


def test_a_brake_pulled_before_the_start_sends_nothing() -> None:
    """Ctrl-C while the load is being prepared is not lost."""
    load = Simulation(fine, EVENTS)
    load.brake.drain()
    load.run(100)
    assert load.arrivals == []
    assert load.pulled == 0


def test_an_input_that_breaks_settles_the_rows_before_it() -> None:
    """When reading fails, what is on the wire is settled first, and then the error is raised."""

    def rows() -> Iterator[Request]:
        yield from numbered(100)
        raise OSError("page is corrupt")

    load = Simulation(fine, EVENTS)
    with pytest.raises(OSError, match="page is corrupt"):
        load.run(rows())
    assert load.count(State.CONFIRMED) == 100


def test_a_row_that_cannot_be_marked_is_not_sent() -> None:
    """When the mark of what is on the wire cannot be set, the row is not sent, and the rest is settled."""
    load = Simulation(fine, EVENTS)

    def sending(ordinal: int) -> None:
        if ordinal == 40:
            raise OSError("disk full")
        load.sent.append(ordinal)

    load.dispatch._sending = sending
    with pytest.raises(OSError, match="disk full"):
        load.run(100)
    assert 40 not in load.landed
    assert load.final[40].state is State.NEVER_SENT
    assert load.count(State.CONFIRMED) == 40


def test_the_wire_tells_what_it_waits_for() -> None:
    """A progress view sees what is in flight, how many were sent, what holds the sender and for how long."""
    load = Simulation(
        lambda a: Reply.of(Answer(429, b"", "60") if a.row == 40 and a.nth == 1 else OK), EVENTS
    )
    seen = []
    load.clock.at(0.12, lambda: seen.append(load.dispatch.wire()))
    load.clock.at(10.0, lambda: seen.append(load.dispatch.wire()))
    load.run(200)
    assert (seen[0].in_flight, seen[0].waiting_for) == (16, "")
    assert (seen[1].in_flight, seen[1].waiting_for) == (0, "Retry-After")
    assert 49 < seen[1].waiting_seconds < 51
    assert load.dispatch.wire().attempts == 201


@pytest.mark.parametrize("failure", [NotSent("refused for SECRET-7f3a"), NoAnswer("reset for SECRET-7f3a")])
def test_the_wire_names_the_last_failure(failure: Attempt) -> None:
    """Whoever looks at a load that waits is told what failed, without secrets."""
    secrets = (Token("SECRET-7f3a"),)
    load = Simulation(lambda _: Reply.of(failure), Policy(outage_seconds=60.0, secrets=secrets))
    assert load.dispatch.wire().failure == ""
    load.run(200)
    assert load.dispatch.wire().failure.endswith(" for [the token]")


def test_a_token_that_the_vendor_repeats_is_not_kept() -> None:
    """The words of an answer are stored and shown; a secret in them is not."""
    said = Answer(200, b'{"status_code":210,"status_message":"unknown token SECRET-7f3a"}')
    load = Simulation(lambda _: Reply.of(said), Policy(secrets=(Token("SECRET-7f3a"),))).run(1)
    assert load.final[0].message == "unknown token [the token]"
