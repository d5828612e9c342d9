"""The calls as an analyst makes them: resumed, interrupted, in a loop, in a thread, over a session."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from requests.adapters import HTTPAdapter
from requests_futures.sessions import FuturesSession

import loader
from loader.api.options import catch_interrupts
from loader.output_files import write_whole
from tests import faultserver
from tests.api.conftest import APPLICATION, Vendor, counts, purchases, python, ran

if TYPE_CHECKING:
    from collections.abc import Callable

FRAME = """
import pandas as pd, loader
frame = pd.DataFrame({
    "user_id": [f"u{n}" for n in range(%d)],
    "event": pd.Categorical(["purchase"] * %d),
    "timestamp": pd.date_range("2024-01-01", periods=%d, freq="s", tz="Europe/Berlin"),
    "amount": pd.array([None if n %% 7 == 0 else n for n in range(%d)], dtype="Int64"),
})
"""


def frame_script(rows: int) -> str:
    """Python that makes the same frame again."""
    return FRAME % ((rows,) * 4)


def test_account_and_token_come_from_the_environment(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the command line takes from the environment, Python does too; the token is never shown."""
    monkeypatch.setenv("PUSHWOOSH_APPLICATION", APPLICATION)
    monkeypatch.setenv("PUSHWOOSH_API_TOKEN", "secret-token")
    monkeypatch.setenv("PUSHWOOSH_ENDPOINT", vendor.server.url)
    vendor.refuse = {"u1"}
    result = loader.load_events(purchases(2), progress=False)
    assert counts(result.account) == (1, 1, 0, 0)
    assert vendor.server.accepted[0].header("Authorization") == ["Token secret-token"]
    shown: list[Any] = [result, result.frame, result.rejected, loader.Checkpoint(result.checkpoint)]
    pages = [thing._repr_html_() for thing in shown]
    assert not [text for text in (*map(repr, shown), *pages) if "secret-token" in text]
    assert b"secret-token" not in result.checkpoint.read_bytes()


def test_without_an_application_it_says_what_to_give() -> None:
    """The first call of a newcomer ends in a sentence about Python, not about options."""
    with pytest.raises(loader.ConfigError, match=r"application=.*PUSHWOOSH_APPLICATION.*sandbox=") as error:
        loader.load_events(purchases(1))
    assert "--" not in str(error.value)


def test_a_proxy_of_ours_in_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, vendor: Vendor) -> None:
    """As the endpoint is; a keyword comes before it, and a session of the caller has its own."""
    with faultserver.FaultServer([faultserver.answer(407, b"")]) as there:
        monkeypatch.setenv("PUSHWOOSH_PROXY", f"http://me:pass-word@127.0.0.1:{there.port}")
        account = {**vendor.account, "endpoint": "http://127.0.0.1:9/"}
        result = loader.load_events(purchases(1), **account)
        assert "407" in str(result.stopped)
        assert "pass-word" not in repr(result)
    monkeypatch.setenv("PUSHWOOSH_PROXY", "socks")
    with pytest.raises(loader.ConfigError, match=r"^proxy is not a URL"):
        loader.load_events(purchases(1), **vendor.account)
    with FuturesSession() as session:
        assert loader.load_events(purchases(1), **vendor.account, session=session).account.confirmed == 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"on_doubt": "retry"}, '"hold" or "resend"'),
        ({"order": "user"}, '"none" or "device"'),
        ({"transport": "aiohttp"}, '"curl" or "requests"'),
        ({"concurrency": 0}, '^concurrency: "0" is not'),
        ({"rate": 0}, "^rate is 0"),
        ({"limit": 0}, "^limit is 0"),
        ({"max_rejected": 0.5}, "a number of rows .100. nor a percentage"),
        ({"proxy": "socks"}, "^proxy is not a URL"),
        ({"token": "a b"}, "The API token"),
        ({"application": "AAAAA"}, "Check application or"),
        ({"mapping": 7}, "mapping is a int"),
        ({"sandbox": True}, "^sandbox is a bool.*with loader.Sandbox"),
        ({"limit": 1.5}, "^limit is a float"),
        ({"rate": "fast"}, '^rate: "fast" is neither a number'),
        ({"checkpoint": 5}, "^checkpoint is a int"),
        ({"ca_bundle": "none.pem"}, "^ca_bundle none.pem"),
    ],
    ids=lambda value: str(next(iter(value))) if isinstance(value, dict) else "",
)
def test_a_wrong_keyword_is_refused_before_anything_is_sent(wrong: Any, words: str, vendor: Vendor) -> None:
    """Each mistake is one sentence that names the keyword; no checkpoint is left behind."""
    with pytest.raises(loader.ConfigError, match=words) as error:
        loader.load_events(purchases(1), **{**vendor.account, **wrong})
    assert "--" not in str(error.value)
    assert not vendor.server.accepted
    assert not list(Path().iterdir())


def test_a_name_with_dashes_stays_what_it_is() -> None:
    """Only options of the command line are called otherwise in Python, not what looks like them."""
    for name in ("my--limit.csv", "a --limits b.csv"):
        with pytest.raises(loader.SourceError, match=name):
            loader.check_events(name)


def test_files_load_as_from_the_command_line(vendor: Vendor, tmp_path: Path) -> None:
    """Paths, one or several: the checkpoint lies beside the first, and rows are found by file and row."""
    for name, user in (("a.csv", "x"), ("b.csv", "y")):
        (tmp_path / name).write_text(
            f"user_id,event,timestamp\n{user},e,2024-01-01T00:00:00Z\n,e,2024-01-01T00:00:00Z\n"
        )
    result = loader.load_events([tmp_path / "a.csv", "b.csv"], **vendor.account, progress=False)
    assert (counts(result.account), result.checkpoint.name) == ((2, 2, 0, 0), "a.csv.events.ckpt")
    assert list(result.frame.index) == [
        (str(tmp_path / "a.csv"), 1),
        (str(tmp_path / "a.csv"), 2),
        ("b.csv", 1),
        ("b.csv", 2),
    ]
    assert list(result.rejected.index) == [(str(tmp_path / "a.csv"), 2), ("b.csv", 2)]
    alone = loader.check_events("a.csv")
    assert list(alone.rejected.index) == [2]


def test_a_new_process_with_the_same_frame_goes_on(vendor: Vendor, tmp_path: Path) -> None:
    """A restarted kernel that makes the frame again sends exactly what was never sent."""
    call = f'loader.load_events(frame, **{vendor.account!r}, checkpoint="c", progress=False'
    script = frame_script(60)
    ran(f"{script}\n{call}, limit=25)", tmp_path)
    said = ran(f"{script}\nprint({call}).account.confirmed)", tmp_path)
    assert said.strip() == "60"
    assert sorted(vendor.users()) == sorted(f"u{n}" for n in range(60))


@pytest.mark.parametrize(
    "same",
    [
        lambda frame: frame.set_axis(range(60)),
        lambda frame: frame.astype({"user_id": object}),
        lambda frame: frame.astype({"event": "category", "user_id": "string"}),
        lambda frame: frame.assign(timestamp=frame["timestamp"].dt.as_unit("ns")),
        lambda frame: pd.concat([frame[:20], frame[20:]]),
        lambda frame: frame[::-1][::-1],
        lambda frame: frame.convert_dtypes(dtype_backend="pyarrow").assign(timestamp=frame["timestamp"]),
    ],
    ids=["another index", "object", "category", "another unit", "in pieces", "strided", "Arrow"],
)
def test_the_same_content_is_the_same_input(
    same: Callable[[pd.DataFrame], pd.DataFrame], sandbox: loader.Sandbox
) -> None:
    """What only pandas can tell apart is no other input: the load continues."""
    frame = purchases(60)
    loader.load_events(frame, sandbox=sandbox, checkpoint="c", limit=1, progress=False)
    loader.load_events(same(frame), sandbox=sandbox, checkpoint="c", limit=2, progress=False)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (
            lambda frame: frame.assign(amount=frame["amount"].where(frame["user_id"] != "u9000", 0)),
            "first difference is in rows 8,193 to 9,001",
        ),
        (lambda frame: frame[::-1], "first difference is in rows 1 to 8,192"),
        (
            lambda frame: pd.concat([frame, frame[:1]]),
            "it had .* 9,001 rows, and now has .* 9,002 rows.*first 8,192 rows are the same",
        ),
        (lambda frame: frame.rename(columns={"amount": "price"}), "first difference is in rows 1"),
        (lambda frame: frame.assign(amount=frame["amount"].astype(str)), "first difference is in rows 1"),
    ],
    ids=["a cell", "another order", "a row more", "a name", "a type"],
)
def test_another_content_is_refused_with_the_place(
    other: Callable[[pd.DataFrame], pd.DataFrame], words: str, vendor: Vendor
) -> None:
    """A frame that was fixed between the runs is refused, before anything is sent, and it says where."""
    frame = purchases(9001)
    loader.load_events(frame, **vendor.account, checkpoint="c", limit=1, progress=False)
    with pytest.raises(loader.CheckpointDiffers, match=words):
        loader.load_events(other(frame), **vendor.account, checkpoint="c", progress=False)
    assert len(vendor.server.accepted) == 1


def test_a_frame_that_is_changed_while_it_is_loaded_sends_no_changed_row() -> None:
    """What is written into the frame meanwhile never reaches the vendor: it is not seen, or ends the load."""
    frame = purchases(9000)

    def change_then_answer(visit: faultserver.Visit) -> None:
        if not any(frame["amount"] < 0):
            frame.loc["row-8500", "amount"] = -1.0
        faultserver.answer()(visit)

    with faultserver.FaultServer([change_then_answer, faultserver.answer()]) as server:
        result = loader.load_events(
            frame, application=APPLICATION, endpoint=server.url, checkpoint="c", progress=False
        )
    assert frame.loc["row-8500", "amount"] == -1.0
    assert not [body for body in server.bodies if b'"amount":-1' in body]
    if result.stopped:  # pandas before 3 has no copy on write
        assert "was changed while it was loaded, in rows 8,193 to 9,000" in result.stopped
    else:
        assert counts(result.account) == (9000, 0, 0, 0)


def test_a_cell_that_is_changed_while_it_is_loaded_ends_the_load(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No copy protects a dictionary in a cell: rows that are no longer those of the check are not sent.

    Two chunks have been read when the first row is answered, so the change is in the third.
    """
    monkeypatch.setattr("loader.sources.frames.reader.BLOCK", 1000)
    monkeypatch.setattr("loader.sources.files.CHUNK_ROWS", 1000)
    cells = [{"n": n} for n in range(2500)]
    frame = purchases(2500).assign(amount=cells)

    def change_then_answer(visit: faultserver.Visit) -> None:
        cells[2400]["n"] = -1
        faultserver.answer()(visit)

    with faultserver.FaultServer([change_then_answer]) as server:
        where: dict[str, Any] = {"application": APPLICATION, "endpoint": server.url, "progress": False}
        result = loader.load_events(frame, **where)
        assert counts(result.account) == (2000, 0, 0, 500)
        assert result.stopped
        assert "was changed while it was loaded, in rows 2,001 to 2,500" in result.stopped
        with pytest.raises(loader.CheckpointDiffers, match="first difference is in rows 2,001 to 2,500"):
            loader.load_events(frame, **where)
    assert not [body for body in server.bodies if b"-1" in body]


def test_it_works_in_a_running_event_loop(sandbox: loader.Sandbox) -> None:
    """A notebook's cell runs inside a loop: the call is an ordinary one there."""

    async def cell() -> loader.LoadResult:
        return loader.load_events(purchases(5), sandbox=sandbox, checkpoint="c", progress=False)

    assert counts(asyncio.run(cell()).account) == (5, 0, 0, 0)


def test_it_works_in_a_thread(sandbox: loader.Sandbox) -> None:
    """In another thread than the main one it loads all the same, and touches no signal handler."""
    before, results = signal.getsignal(signal.SIGINT), []
    seen = []

    def work() -> None:
        results.append(loader.load_events(purchases(5), sandbox=sandbox, checkpoint="c", progress=False))
        seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert counts(results[0].account) == (5, 0, 0, 0)
    assert seen == [before]


def test_a_cell_that_is_run_again_while_the_first_still_runs_is_refused() -> None:
    """The second call says that a load is running with this checkpoint, and harms nothing."""
    going, end = threading.Event(), threading.Event()

    def slow(visit: faultserver.Visit) -> None:
        going.set()
        assert end.wait(30)
        faultserver.answer()(visit)

    with faultserver.FaultServer([slow, faultserver.answer()]) as server:
        ways: dict[str, Any] = {
            "application": APPLICATION,
            "endpoint": server.url,
            "checkpoint": "c",
            "progress": False,
        }
        results: list[loader.LoadResult] = []
        first = threading.Thread(target=lambda: results.append(loader.load_events(purchases(3), **ways)))
        first.start()
        assert going.wait(30)
        with pytest.raises(loader.CheckpointLocked, match="this very process is loading"):
            loader.load_events(purchases(3), **ways)
        end.set()
        first.join(30)
    assert counts(results[0].account) == (3, 0, 0, 0)
    assert len(server.bodies) == 3


@pytest.mark.skipif(os.name != "posix", reason="needs signals of POSIX")
@pytest.mark.parametrize(
    "within",
    ["{call}", "import asyncio\nasync def cell(): return {call}\nasyncio.run(cell())"],
    ids=["plain", "in a loop"],
)
def test_an_interrupt_drains_and_returns_a_true_account(within: str, tmp_path: Path) -> None:
    """The stop button: what is on the wire is answered, nothing is in doubt, the rest was never sent."""
    due = threading.Event()
    taken = iter(range(10**6))

    def counting(visit: faultserver.Visit) -> None:
        faultserver.answer()(visit)
        if next(taken) == 20:
            due.set()

    with faultserver.FaultServer([counting]) as server:
        where = f'application="{APPLICATION}", endpoint="{server.url}"'
        call = f"show(loader.load_events(frame, {where}, rate=100))"
        script = f"""{frame_script(5000)}
import signal
import sys
def show(result):
    a = result.account
    print(result.interrupted, result.exit_code, a.confirmed, a.in_doubt, a.never_sent, flush=True)
    counts = result.frame["state"].value_counts()
    print((counts["confirmed"], counts["never_sent"], counts.sum()) == (a.confirmed, a.never_sent, a.read))
before = signal.getsignal(signal.SIGINT)
{within.format(call=call)}
print(signal.getsignal(signal.SIGINT) is before)
"""
        with python(script, tmp_path) as process:
            assert due.wait(60)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    interrupted, code, confirmed, in_doubt, never_sent, adds_up, restored = out.split()
    assert (interrupted, code, in_doubt, adds_up, restored) == ("True", "130", "0", "True", "True")
    assert int(confirmed) == len(server.bodies)
    assert int(confirmed) + int(never_sent) == 5000
    assert "Stopping" in err
    assert "Traceback" not in err


@pytest.mark.skipif(os.name != "posix", reason="needs signals of POSIX")
def test_a_second_interrupt_gives_up_what_is_on_the_wire(tmp_path: Path) -> None:
    """With a vendor that never answers, the second interrupt ends at once: those rows are in doubt."""
    with faultserver.FaultServer([faultserver.hang]) as server:
        script = f"""{frame_script(100)}
where = dict(application="{APPLICATION}", endpoint="{server.url}")
a = loader.load_events(frame, **where, concurrency=4).account
print(a.in_doubt, a.never_sent)
"""
        with python(script, tmp_path) as process:
            server.await_accepted(4, 60)
            process.send_signal(signal.SIGINT)
            assert process.stderr is not None
            while "Interrupt again" not in process.stderr.readline():
                assert process.poll() is None
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
    assert (process.returncode, out.split()) == (0, ["4", "96"]), err


@pytest.mark.skipif(os.name != "posix", reason="needs signals of POSIX")
def test_an_interrupt_before_the_first_send_is_an_ordinary_one(tmp_path: Path) -> None:
    """While the input is read, an interrupt is a KeyboardInterrupt as anywhere, and no checkpoint is left."""
    script = f"""{frame_script(10)}
import os, signal
from loader import pipeline
ready = pipeline.prepare
def prepare(*given, **named):
    os.kill(os.getpid(), signal.SIGINT)
    return ready(*given, **named)
pipeline.prepare = prepare
try:
    loader.load_events(frame, application="{APPLICATION}", checkpoint="c")
except KeyboardInterrupt:
    print("interrupted", os.path.exists("c"))
"""
    assert ran(script, tmp_path).split() == ["interrupted", "False"]


def test_a_session_of_the_callers_is_used_and_stays_open(vendor: Vendor) -> None:
    """All requests go over the session, with what was set on it, and it can be used afterwards."""
    with FuturesSession(max_workers=4) as session:
        session.mount("http://", HTTPAdapter(max_retries=0))
        session.headers["X-Ours"] = "yes"
        result = loader.load_events(
            purchases(6), **vendor.account, session=session, checkpoint="c", progress=False
        )
        assert counts(result.account) == (6, 0, 0, 0)
        assert {tuple(request.header("X-Ours")) for request in vendor.server.accepted} == {("yes",)}
        assert session.post(vendor.server.url, data=b"{}").result().status_code == 200


def test_a_session_that_sends_again_by_itself_is_refused(vendor: Vendor) -> None:
    """Retries of the session's own could send an event twice."""
    with FuturesSession() as session:
        session.mount("http://", HTTPAdapter(max_retries=3))
        with pytest.raises(loader.ConfigError, match="max_retries"):
            loader.load_events(
                purchases(1), **vendor.account, session=session, checkpoint="c", progress=False
            )
    assert not vendor.server.accepted


def test_progress_is_shown_or_not(sandbox: loader.Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """With progress=False a load prints nothing at all."""
    loader.load_events(purchases(3), sandbox=sandbox, checkpoint="c", progress=False)
    assert capsys.readouterr() == ("", "")


def test_states_of_many_rows_come_by_columns(sandbox: loader.Sandbox) -> None:
    """The frame of states does not walk over the rows one by one."""
    rows = 300_000
    frame = pd.DataFrame(
        {"user_id": np.arange(rows), "event": "e", "timestamp": pd.Timestamp("2024-01-01", tz="UTC")}
    )
    result = loader.load_events(frame, sandbox=sandbox, checkpoint="c", limit=10, progress=False)
    assert result.frame["state"].value_counts().to_dict() == {
        "confirmed": 10,
        "never_sent": rows - 10,
        "rejected": 0,
        "in_doubt": 0,
        "left_out": 0,
    }


def test_users_load_too(vendor: Vendor) -> None:
    """RegisterUser is called for each row, in the order of each device."""
    frame = pd.DataFrame({"hwid": ["d1", "d2", "d1"], "user_id": ["a", "b", "c"]})
    result = loader.load_users(frame, **vendor.account, progress=False)
    assert (counts(result.account), result.checkpoint.name) == ((3, 0, 0, 0), "frame.users.ckpt")
    assert [user for user in vendor.users() if user != "b"] == ["a", "c"]


@pytest.mark.parametrize("closed", [False, True])
def test_an_interrupt_is_one_also_where_nothing_can_be_said(
    monkeypatch: pytest.MonkeyPatch, *, closed: bool
) -> None:
    """Without a standard error (a process without a console) the load is not ended in its middle."""
    out = io.StringIO()
    out.close()
    monkeypatch.setattr(sys, "stderr", out if closed else None)
    with catch_interrupts() as brake:
        signal.raise_signal(signal.SIGINT)
    assert brake.drained


def test_users_that_are_gone_are_listed(
    sandbox: loader.Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result says how many they are; a list that fails costs a warning, and never the account."""
    users = pd.DataFrame({"hwid": ["d1", "d2"], "userId": ["u1", "u2"]})
    given = {"sandbox": sandbox, "ledger": "all.ledger", "progress": False}
    assert loader.load_users(users, **given).gone is None  # type: ignore[arg-type] # as a notebook has them
    listing = {**given, "report_gone": "gone.csv"}
    assert loader.load_users(users[1:], **listing).gone == 1  # type: ignore[arg-type]
    assert pd.read_csv("gone.csv")["_loader_state"].tolist() == ["sent"]
    monkeypatch.setattr("loader.gone.listing.write_rows", lambda *_: open_target_of(tmp_path))
    with pytest.warns(UserWarning, match=r"^No list of gone keys was written: .* cannot be written"):
        result = loader.load_users(users[:1], **listing)  # type: ignore[arg-type]
    assert (result.gone, result.account.left_out) == (None, 1)


def open_target_of(folder: Path) -> None:
    """Write where nobody can."""
    write_whole(folder / "nowhere" / "gone.csv", b"")
