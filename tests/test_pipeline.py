"""The main path, where something goes wrong at its ends."""

from __future__ import annotations

import json
import signal
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from requests.adapters import HTTPAdapter
from requests_futures.sessions import FuturesSession
from urllib3 import Retry

from loader import model
from loader.addresses import Proxy
from loader.choices import Concurrency
from loader.conditions import BEGAN, ENDED, Conditions, Ending
from loader.delivery import Brake, limit_concurrency
from loader.delivery.transports.curl_session.session import CurlSession
from loader.errors import CheckpointError, ConfigError
from loader.journal import CheckpointView, Journal
from loader.load_options import LoadOptions
from loader.message import Message
from loader.methods import Kind
from loader.model import Account, Decision, Result, Stop, StopCode
from loader.pipeline import load, prepare
from loader.planning import build_identity, draw_up
from loader.progress import Silent
from loader.resolution import resolve
from loader.settings import Endpoint, Settings, Token
from tests import faultserver
from tests.test_load import wait_until_held

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import CommandLine

HEADER = "user_id,device_id,event,timestamp,timezone\n"
GOOD = "u{n},D{n},purchase,20240229,UTC\n"
WITHOUT_ID = ",,purchase,20240229,UTC\n"


@pytest.fixture
def settings(tmp_path: Path) -> Callable[[str, int | None], Settings]:
    """Settings of a load of thirty events."""
    source = tmp_path / "events.csv"
    source.write_text(HEADER + "".join(GOOD.format(n=n) for n in range(30)))

    def make(url: str, limit: int | None = None) -> Settings:
        checkpoint = tmp_path / "events.ckpt"
        endpoint = Endpoint.parse(url)
        return Settings(
            Kind.EVENTS, (str(source),), "AAAAA-BBBBB", endpoint, checkpoint, options=LoadOptions(limit=limit)
        )

    return make


def test_a_checkpoint_that_cannot_be_closed_costs_no_account(
    settings: Callable[[str], Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the last commit fails, the load still tells what was confirmed, and what went wrong."""

    def full(_: Journal) -> None:
        raise CheckpointError("the disk is full")

    monkeypatch.setattr(Journal, "_end", full)
    with faultserver.FaultServer() as server:
        result = load(prepare(settings(server.url)), brake=Brake(), watch=Silent())
    assert (result.account.confirmed, result.account.never_sent) == (30, 0)
    assert result.stopped == "the disk is full"


def test_what_is_left_below_a_limit_is_counted_row_by_row(
    settings: Callable[[str, int | None], Settings],
) -> None:
    """Rows beyond the limit that were sent do not hide rows below it that were given back."""
    with faultserver.FaultServer([faultserver.close_after_request, faultserver.answer()]) as server:
        load(prepare(settings(server.url, None)), brake=Brake(), watch=Silent())
        checkpoint = settings(server.url, None).checkpoint
        assert checkpoint
        in_doubt = CheckpointView.open(checkpoint).account().in_doubt
        assert in_doubt
        resolve(checkpoint, Decision.DROPPED)
        assert prepare(settings(server.url, 30)).remaining == in_doubt
        assert prepare(settings(server.url, 30)).doubtful == 0


@pytest.mark.parametrize(
    ("counts", "not_requested", "interrupted", "code"),
    [
        ({"confirmed": 10}, 0, False, 0),
        ({"confirmed": 4}, 6, False, 0),
        ({"confirmed": 3, "left_out": 7}, 0, False, 0),
        ({"confirmed": 3, "left_out": 6}, 0, False, 5),
        ({"confirmed": 3, "rejected": 1}, 6, False, 3),
        ({"confirmed": 3, "in_doubt": 1}, 6, False, 4),
        ({"confirmed": 3}, 6, False, 5),
        ({"confirmed": 3}, 6, True, 130),
        ({"confirmed": 4}, 6, True, 0),
        ({"confirmed": 4}, 0, False, 5),
    ],
)
def test_a_planned_end_is_no_failure(
    counts: dict[str, int], not_requested: int, code: int, *, interrupted: bool
) -> None:
    """Rows beyond a limit cost no exit code; a row that should have been sent and was not does."""
    left_out = (("selection", counts.pop("left_out", 0)),)
    account = Account(10, **counts, left_out_by=left_out)
    result = Result(Kind.EVENTS, account, "c", None, interrupted, not_requested=not_requested)
    assert result.exit_code == code


def test_a_stop_that_was_planned_ends_as_a_limit_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the user set as an end of the run is no failure; every other stop is one."""
    ends = {}
    monkeypatch.setattr(model, "PLANNED_STOPS", frozenset({StopCode.OUTAGE}))
    for code in (StopCode.OUTAGE, StopCode.DISK_FULL):
        stop = Stop(code, Message("The end."))
        ends[code] = Result(Kind.EVENTS, Account(10, confirmed=4), "c", stop).exit_code
    assert ends == {StopCode.OUTAGE: 0, StopCode.DISK_FULL: 5}


def test_bad_rows_after_good_ones_do_not_stop_a_resumed_load(command: CommandLine, tmp_path: Path) -> None:
    """Rows that a resumed load begins with are not the first rows: that they are bad is no wrong mapping."""
    rows = [GOOD.format(n=n) for n in range(30)] + [WITHOUT_ID] * 30
    (tmp_path / "events.csv").write_text(HEADER + "".join(rows))
    assert command.run("events", "events.csv", "--sandbox", "--limit", "30").code == 0
    account = command.summary("events", "events.csv", "--sandbox")
    assert (account["confirmed"], account["rejected"], account["exit_code"]) == (30, 30, 3)


def test_ctrl_c_drains_also_when_nobody_reads_any_more(command: CommandLine, tmp_path: Path) -> None:
    """Ctrl-C ends the rest of a pipe (`| tee`) too: the load still drains, and its account is written."""
    (tmp_path / "events.csv").write_text(HEADER + "".join(GOOD.format(n=n) for n in range(2000)))
    arguments = ("events", "events.csv", "--sandbox", "--rate", "200", "--summary", "account.json")
    with command.start(*arguments) as process:
        wait_until_held(command, 50)
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        process.stderr.close()
        process.send_signal(signal.SIGINT)
        process.wait(60)
    account = json.loads((tmp_path / "account.json").read_text())
    assert (process.returncode, account["in_doubt"]) == (130, 0)
    assert account["confirmed"] + account["never_sent"] == 2000


def test_a_look_at_a_running_load_adds_up(command: CommandLine, tmp_path: Path) -> None:
    """What `status` says of a running load adds up to the rows read, rows in flight among them."""
    (tmp_path / "events.csv").write_text(HEADER + "".join(GOOD.format(n=n) for n in range(2000)))
    with command.start("events", "events.csv", "--sandbox", "--rate", "100", "--quiet") as process:
        wait_until_held(command, 20)
        seen = json.loads(command.run("status", "events.csv.events.sandbox.ckpt", "--summary", "-").out)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    parts = ("confirmed", "rejected", "in_doubt", "never_sent", "in_flight")
    assert seen["in_flight"] > 0
    assert sum(seen[part] for part in parts) == seen["read"] == 2000


def test_a_load_that_meets_another_at_its_very_first_step_is_planned(
    settings: Callable[[str], Settings],
) -> None:
    """Whoever plans a load while another one creates its checkpoint is told so, and sees no traceback."""
    plan = prepare(wanted := settings("http://127.0.0.1:1/"))
    assert wanted.checkpoint is not None
    with Journal.open(wanted.checkpoint, build_identity(plan)):
        view = CheckpointView.open(wanted.checkpoint)
        # The moment cannot be met on purpose: the identity is written, and the first run is not.
        young = replace(view, _snapshot=replace(view._snapshot, runs=()))
        assert not young.blank
        assert abs((draw_up(wanted, young).mapper.now - datetime.now(UTC)).total_seconds()) < 60


@pytest.mark.parametrize("make", [CurlSession, FuturesSession])
def test_a_load_goes_over_a_session_of_the_callers(
    settings: Callable[[str], Settings], make: Callable[[], FuturesSession]
) -> None:
    """Its headers travel, every row arrives once, no more at a time than it takes, and it stays open."""
    with faultserver.FaultServer() as server, make() as session:
        session.headers["X-Customer"] = "7"
        result = load(prepare(settings(server.url)), brake=Brake(), watch=Silent(), session=session)
        assert result.account.confirmed == 30
        assert len(server.bodies) == len(set(server.bodies)) == 30
        assert {value for request in server.accepted for value in request.header("X-Customer")} == {"7"}
        assert session.get(server.url).result(20).ok


def test_no_more_requests_are_under_way_than_a_session_takes() -> None:
    """What would wait inside a session is not taken for sent, whatever concurrency is asked for."""
    with CurlSession(max_workers=4) as own, FuturesSession(max_workers=5) as stock:
        assert limit_concurrency(own, Concurrency()) == Concurrency(1, 4)
        assert limit_concurrency(stock, Concurrency(16, 16)) == Concurrency(5, 5)
        assert limit_concurrency(stock, Concurrency(2, 3)) == Concurrency(2, 3)


def _retrying() -> FuturesSession:
    session = FuturesSession()
    session.mount("http://", HTTPAdapter(max_retries=Retry(total=3)))
    return session


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (_retrying, "max_retries"),
        (requests.Session, r"FuturesSession\(session="),
        (lambda: FuturesSession(executor=ProcessPoolExecutor(1)), "other processes"),
    ],
    ids=["retries", "not-futures", "processes"],
)
def test_a_session_that_could_break_a_promise_is_refused(
    settings: Callable[[str], Settings], make: Callable[[], FuturesSession], word: str
) -> None:
    """Nothing is sent over a session that retries by itself, blocks, or sends in other processes."""
    with faultserver.FaultServer() as server, make() as session:
        with pytest.raises(ConfigError, match=word):
            load(prepare(settings(server.url)), brake=Brake(), watch=Silent(), session=session)
        assert server.connections == 0


def test_a_session_has_its_own_proxy(settings: Callable[[str], Settings]) -> None:
    """A proxy that is given beside a session would not be used, so it is refused."""
    with CurlSession() as session:
        plan = prepare(
            replace(
                settings("http://127.0.0.1:9/"), options=LoadOptions(proxy=Proxy.parse("http://127.0.0.1:9"))
            )
        )
        with pytest.raises(ConfigError, match=r"session\.proxies"):
            load(plan, brake=Brake(), watch=Silent(), session=session)


def test_a_load_leaves_how_it_went(settings: Callable[[str], Settings]) -> None:
    """Samples, the conditions of the run and its end stand in the checkpoint; a token stands nowhere."""
    with faultserver.FaultServer() as server:
        given = replace(settings(server.url), token=Token("SECRET-TOKEN"))
        load(prepare(given), brake=Brake(), watch=Silent())
    ledger = CheckpointView.open(given.checkpoint or Path())
    assert sum(sample.confirmed for sample in ledger.samples) == 30
    assert sum(sample.attempts for sample in ledger.samples) == 30
    notes = {note.what: note.detail for note in ledger.notes}
    began = Conditions.from_text(notes[BEGAN])
    assert began.versions["pushwoosh-loader"]
    assert began.versions["libcurl"]
    assert began.options["concurrency"] == "auto:1-256"
    assert Ending.from_text(notes[ENDED]) == Ending()
    assert "SECRET" not in str(ledger.notes)


def test_a_load_that_stops_notes_why(settings: Callable[[str], Settings]) -> None:
    """The reason can be read afterwards, not only on the terminal it was shown on."""
    with faultserver.FaultServer([faultserver.answer(401)]) as server:
        result = load(prepare(settings(server.url)), brake=Brake(), watch=Silent())
    ended = {note.what: note.detail for note in CheckpointView.open(Path(result.checkpoint)).notes}[ENDED]
    assert Ending.from_text(ended).stopped == result.stopped
