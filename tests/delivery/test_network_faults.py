"""The faults of the network and of the vendor, each with the tests that show how it is survived.

Tests of `test_transport` run against every transport; those of `test_dispatch` and here in simulated time.

* name resolution, refused, black hole for minutes:
  - test_network_faults.test_five_minutes_of_outage_cost_no_row
  - transports.test_contract.test_refused_is_not_sent
  - transports.test_contract.test_an_unknown_host_is_not_sent
  - transports.test_contract.test_a_connect_timeout_is_not_sent
* an answer in a hundred is dropped:
  - test_dispatch.test_one_lost_answer_in_a_hundred_hardly_slows_the_load
  - test_network_faults.test_dropped_answers_with_leave_to_resend_lose_nothing
* an idle connection is closed as a request goes out:
  - transports.test_contract.test_an_idle_connection_closed_under_a_request_is_not_replayed
  - transports.test_contract.test_reused_connections_that_die_after_the_request_double_nothing
  - transports.test_contract.test_many_reused_connections_that_die_double_nothing
* an unsolicited answer:
  - transports.test_contract.test_an_unsolicited_answer_confirms_nothing
  - transports.test_contract.test_over_tls_too_an_unsolicited_answer_confirms_nothing
  - transports.test_curl_line.test_a_second_answer_inside_tls_confirms_nothing
  - transports.test_leftovers.test_what_came_with_an_answer_confirms_nothing
  - transports.test_leftovers.test_a_request_that_goes_out_as_the_answer_is_read_is_not_confirmed_either
* bytes after an answer:
  - transports.test_contract.test_bytes_behind_an_answer_cost_the_connection
* redirects:
  - transports.test_contract.test_redirects_are_not_followed
* HTTP 200 with anything but the vendor's form:
  - test_network_faults.test_odd_answers_confirm_nothing
* a huge answer:
  - transports.test_contract.test_a_huge_answer_is_cut
* a compressed answer:
  - transports.test_contract.test_a_compressed_answer_is_not_unpacked
* a cut answer, a wrong length:
  - transports.test_contract.test_a_cut_answer_is_not_complete
* a dripping answer:
  - transports.test_contract.test_a_dripping_answer_ends_by_the_deadline
* 210 for one row:
  - test_dispatch.test_a_rejection_is_final_and_keeps_the_reason
* 210 for all, for the first rows:
  - test_dispatch.test_the_first_rows_all_rejected_stop_the_load
* HTTP 401, body 403:
  - test_network_faults.test_a_vendor_that_forbids_stops_the_load
* 429 with Retry-After in any form:
  - test_network_faults.test_retry_after_in_any_form_holds_the_whole_sender
  - test_dispatch.test_retry_after_holds_the_whole_sender_and_no_herd_follows
* bursts of 500, 502, 503, 504:
  - test_network_faults.test_a_burst_of_errors_costs_one_window
* the same for ever:
  - test_dispatch.test_permanent_errors_stop_the_load
* latency from 20 ms to 20 s, capacity to a tenth:
  - test_scenarios.test_concurrency_finds_what_the_server_can_take
* bad certificates:
  - transports.test_contract.test_an_invalid_certificate_is_fatal
  - transports.test_contract.test_a_server_that_wants_a_certificate_ends_an_attempt
* plain text on the TLS port:
  - transports.test_contract.test_plain_text_on_the_tls_port_is_not_sent
* no file left for a socket (a missing port fails alike):
  - transports.test_contract.test_exhausted_files_are_not_sent
"""

from __future__ import annotations

import importlib
import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from loader.delivery import Policy
from loader.model import Answer, NoAnswer, NotSent, State
from tests.delivery.simulation import OK, Arrival, Reply, Simulation
from tests.effort import EFFORT
from tests.faultserver import OK as OK_BODY
from tests.faultserver import FaultServer, answer

if TYPE_CHECKING:
    from loader.model import Attempt
    from tests.delivery.conftest import Posting

AUTO = Policy(concurrency=256, least_concurrency=1)
DOWN = (5.0, 305.0)


@pytest.mark.parametrize("name", re.findall(r"(?:transports\.)?\btest_\w+\.test_\w+", __doc__))
def test_the_table_names_tests_that_exist(name: str) -> None:
    """Every fault of the table above has a test of that name."""
    module, _, test = name.rpartition(".")
    assert callable(getattr(importlib.import_module(f"tests.delivery.{module}"), test))


def down(arrival: Arrival) -> bool:
    """Whether the vendor cannot be reached."""
    return DOWN[0] <= arrival.at < DOWN[1]


@pytest.mark.parametrize("seed", range(EFFORT))
@pytest.mark.parametrize(
    ("failure", "seconds"),
    [(NotSent("cannot be resolved"), 0.02), (NotSent("refused"), 0.001), (NotSent("timed out"), 10.0)],
    ids=["dns", "refused", "black-hole"],
)
def test_five_minutes_of_outage_cost_no_row(failure: Attempt, seconds: float, seed: int) -> None:
    """What was on the wire when the vendor went away may be in doubt, no other row; none is rejected."""
    doubts = 0

    def reply(arrival: Arrival) -> Reply:
        nonlocal doubts
        if down(arrival):
            return Reply.of(failure, seconds)
        if arrival.at > DOWN[0] - 0.05 and arrival.at < DOWN[0]:
            doubts += 1
            return Reply.of(NoAnswer("reset"), DOWN[0] - arrival.at, landed=doubts % 2 == 0)
        return Reply.of(OK)

    load = Simulation(reply, AUTO, seed=seed).run(20_000)
    assert load.dispatch.stopped is None
    assert load.count(State.REJECTED) == 0
    assert load.count(State.IN_DOUBT) == doubts <= 256
    assert load.count(State.CONFIRMED) == 20_000 - doubts
    assert sum(down(arrival) for arrival in load.arrivals) <= 256 + 60


@pytest.mark.parametrize("seed", range(EFFORT))
def test_dropped_answers_with_leave_to_resend_lose_nothing(seed: int) -> None:
    """With one answer in a hundred dropped and leave to resend, every row lands, and doubles are flagged."""
    load = Simulation(
        lambda a: Reply.of(
            NoAnswer("reset") if (a.row + seed) % 100 == 7 and a.nth == 1 else OK, landed=True
        ),
        replace(AUTO, resend_ambiguous=True),
        seed=seed,
    ).run(5000)
    assert load.count(State.CONFIRMED) == 5000
    flagged = {outcome.ordinal for outcome in load.outcomes if outcome.resending}
    landed = Counter(load.landed)
    assert set(landed) == set(range(5000))
    assert {row for row, times in landed.items() if times > 1} == flagged


ODD = {
    "html": b"<html><body>200 OK</body></html>",
    "nothing": b"",
    "empty object": b"{}",
    "array": b"[]",
    "text": b'{"status_code":"200"}',
    "duplicate keys": b'{"status_code":500,"status_code":200}',
    "byte order mark": b"\xef\xbb\xbf" + OK_BODY,
    "two objects": OK_BODY + OK_BODY,
}


@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
def test_odd_answers_confirm_nothing(posting: Posting, body: bytes) -> None:
    """HTTP 200 with a body that is not the vendor's confirms nothing over any transport: it is in doubt."""
    with FaultServer([answer(200, body)]) as server:
        attempt = posting(server)()
    assert attempt == Answer(200, body)
    load = Simulation(lambda _: Reply.of(attempt, landed=True), replace(AUTO, outage_seconds=30.0)).run(100)
    assert load.count(State.CONFIRMED) == 0
    assert load.count(State.REJECTED) == 0


@pytest.mark.parametrize(
    "no",
    [Answer(401, b""), Answer(403, b""), Answer(200, b'{"status_code":403,"status_message":"quota"}')],
    ids=["http-401", "http-403", "body-403"],
)
def test_a_vendor_that_forbids_stops_the_load(no: Answer) -> None:
    """In the middle of a load: what is on the wire is settled, the rest was never sent and can be resumed."""
    load = Simulation(lambda a: Reply.of(no if a.row >= 500 else OK), AUTO).run(5000)
    assert load.dispatch.stopped is not None
    assert load.count(State.CONFIRMED) == 500
    assert load.count(State.IN_DOUBT) == load.count(State.REJECTED) == 0
    assert len(load.arrivals) <= 500 + 256


@pytest.mark.parametrize(
    ("header", "least"),
    [
        ("20", 19.9),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 25.0),  # the simulated clock starts 30 s before that
        ("Tue, 14 Nov 2000 22:13:50 GMT", 0.0),
        ("-5", 0.0),
        ("soon", 0.0),
        (None, 0.0),
    ],
)
def test_retry_after_in_any_form_holds_the_whole_sender(header: str | None, least: float) -> None:
    """A pause as long as asked for, then one probe; what cannot be read is met with a pause of our own."""
    load = Simulation(
        lambda a: Reply.of(Answer(429, b"", header) if a.row == 200 and a.nth == 1 else OK), AUTO
    ).run(2000)
    assert load.count(State.CONFIRMED) == 2000
    [refused] = [arrival for arrival in load.arrivals if arrival.row == 200 and arrival.nth == 1]
    times = [arrival.at for arrival in load.arrivals if arrival.at > refused.at + 0.05]
    assert times[0] - refused.at >= least
    assert sum(at <= times[0] + 0.04 for at in times) == 1
    assert all(later >= earlier for earlier, later in pairwise(times))


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_burst_of_errors_costs_one_window(status: int) -> None:
    """Five minutes of errors: no rejects, doubts for what was on the wire and for a probe now and then."""
    load = Simulation(lambda a: Reply.of(Answer(status, b"") if down(a) else OK), AUTO).run(20_000)
    asked = [arrival for arrival in load.arrivals if down(arrival)]
    assert load.dispatch.stopped is None
    assert load.count(State.REJECTED) == 0
    assert load.count(State.IN_DOUBT) == len(asked) <= 256 + 30
