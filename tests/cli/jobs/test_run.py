"""`run` and `check --jobs`: real loads of several jobs, with a summary and an exit code for all."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests import faultserver, warm
from tests.cli.conftest import GOOD, HEADER, NAMELESS
from tests.cli.jobs.conftest import JOBS, USERS, Night

if TYPE_CHECKING:
    from collections.abc import Callable

DONE = ("ended", 0)
NO = b'{"status_code":210,"status_message":"not today","response":null}'
SANDBOX_CHECKPOINTS = {
    "users.csv.users.sandbox.ckpt", "tags.csv.tags.sandbox.ckpt", "events.csv.events.sandbox.ckpt",
}  # fmt: skip


def methods(server: faultserver.FaultServer) -> list[str]:
    """The methods that the vendor was asked for, in order, each once."""
    found = [request.head.split()[1].decode().rpartition("/")[2] for request in server.accepted]
    return list(dict.fromkeys(found))


def test_a_night_runs_users_then_tags_then_events(night: Night) -> None:
    """Each job has its own account, and one summary tells them all."""
    ran = night.run("--sandbox")
    assert ran.code == 0, ran.err
    assert night.ends == {"users": DONE, "tags": DONE, "events": DONE}
    assert list(night.ends) == ["users", "tags", "events"]
    assert {path.name for path in night.folder.glob("*.ckpt")} == SANDBOX_CHECKPOINTS
    summary = night.summary
    assert (summary["exit_code"], summary["state"], summary["error"]) == (0, "ended", None)
    assert [(job["kind"], job["confirmed"], job["read"]) for job in summary["jobs"]] == [
        ("users", 2, 2), ("tags", 2, 2), ("events", 2, 2),
    ]  # fmt: skip
    assert (summary["command"], summary["job_file"], summary["endpoint"]) == ("run", "jobs.toml", None)
    again = night.run("--sandbox")
    assert (again.code, night.command.held("select count(*) from events")) == (0, [(2,)])


def test_a_rehearsal_says_once_how_to_run_the_jobs_for_real(night: Night) -> None:
    """The job file names the application, so no job says to replace the sandbox by one."""
    ran = night.run("--sandbox")
    assert "--app" not in ran.out
    assert ran.out.count("without --sandbox") == 1
    assert ran.out.rstrip().splitlines()[-1] == (
        "The same command without --sandbox sends the rows to the vendor."
    )


def test_the_vendor_sees_users_first(night: Night) -> None:
    """The order on the wire is that of the jobs, to the application of the file and not of the shell."""
    with faultserver.FaultServer(lambda _: faultserver.answer()) as server:
        night.write("jobs.toml", JOBS.replace("[load]", f'[load]\nendpoint = "{server.url}"'))
        ran = night.run(PUSHWOOSH_APPLICATION="OTHER-OTHER")
        assert (ran.code, methods(server)) == (0, ["registerUser", "setTags", "postEvent"]), ran.err
        assert all(b"AAAAA-BBBBB" in body for body in server.bodies)


def test_what_is_typed_counts_more_than_the_file(night: Night) -> None:
    """An option of the command holds for every job."""
    always = faultserver.answer()
    with (
        faultserver.FaultServer(lambda _: always) as server,
        faultserver.FaultServer(lambda _: always) as other,
    ):
        night.write("jobs.toml", JOBS.replace("[load]", f'[load]\nendpoint = "{other.url}"\nlimit = 2'))
        ran = night.run("--endpoint", server.url, "--app", "CCCCC-DDDDD", "--limit", "1", "--order", "device")
        assert ran.code == 0, ran.err
        assert (len(server.bodies), other.bodies) == (3, [])
        assert all(b"CCCCC-DDDDD" in body for body in server.bodies)
    assert [job["not_requested"] for job in night.summary["jobs"]] == [1, 1, 1]


#: What ends the users' job before its end: how the folder is changed, the code, the error.
ENDS: dict[str, tuple[Callable[[Night], object], int, str]] = {
    "no input": (lambda night: (night.folder / "users.csv").unlink(), 6, "input_missing"),
    "damaged": (lambda night: (night.folder / "users.csv").write_bytes(b"\x1f\x8b no"), 2, "input"),
    "no rows": (lambda night: night.write("users.csv", "user_id,device_id\n"), 8, "too_few_rows"),
    "rejected": (lambda night: night.write("users.csv", USERS + ",,\n,,\n"), 5, "too_many_rejected"),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_job_that_fails_stops_only_what_waits_for_it(night: Night, end: str) -> None:
    """Tags wait for users and are not run; events, which wait for nothing here, are."""
    change, code, error = ENDS[end]
    jobs = JOBS.replace('input = "events.csv"', 'input = "events.csv"\nafter = []')
    night.write("jobs.toml", jobs + "min_rows = 1\nmax_rejected = 0\n")
    change(night)
    ran = night.run("--sandbox")
    assert ran.code == code, ran.err
    assert night.ends == {"users": ("ended", code), "tags": ("skipped", None), "events": DONE}
    summary = night.summary
    assert (summary["exit_code"], summary["error"]["code"]) == (code, error)
    assert summary["error"]["message"].startswith("users: ")
    skipped = summary["jobs"][list(night.ends).index("tags")]
    assert skipped["error"]["code"] == "skipped"
    assert f"it waits for users: ended with {code}" in skipped["error"]["message"]
    assert skipped["error"]["message"] in ran.err


def test_a_job_in_the_middle_fails_and_its_dependants_do_not_run(night: Night) -> None:
    """What waits for a job that was not run is not run either."""
    jobs = JOBS.replace('input = "events.csv"', 'input = "events.csv"\nafter = "tags"')
    night.write("jobs.toml", jobs + '[jobs.more]\nkind = "events"\ninput = "more.csv"\nafter = ["events"]\n')
    night.write("more.csv", HEADER + f"{GOOD}\n")
    (night.folder / "tags.csv").unlink()
    assert night.run("--sandbox").code == 6
    assert night.ends == {
        "users": DONE, "tags": ("ended", 6), "events": ("skipped", None), "more": ("skipped", None),
    }  # fmt: skip
    night.write("tags.csv", "user_id,city\n0042,Rome\n")
    assert night.run("--sandbox").code == 0
    assert set(night.ends.values()) == {DONE}
    assert night.command.held("select count(*) from events") == [(3,)]


def test_rejected_rows_stop_nothing(night: Night) -> None:
    """A job that came to its end lets the others begin, and the exit code is the worst."""
    night.write("users.csv", USERS + ",,\n")
    assert night.run("--sandbox").code == 3
    assert night.ends == {"users": ("ended", 3), "tags": DONE, "events": DONE}
    assert night.summary["error"] is None


def test_a_planned_end_stops_what_waits_for_it(night: Night) -> None:
    """After `--max-duration` rows of users are left, so nothing is sent for them; that is no failure."""
    night.write("users.csv", USERS + "".join(f"{n},DEV-{n}\n" for n in range(400)))
    ran = night.run("--sandbox", "--rate", "20", "--max-duration", "2s")
    assert ran.code == 0, ran.err
    assert night.ends == {"users": DONE, "tags": ("skipped", None), "events": ("skipped", None)}


def test_only_named_jobs_run_and_wait_for_nobody(night: Night) -> None:
    """The user who names a job decides that it may run."""
    (night.folder / "users.csv").unlink()
    assert night.run("events", "--sandbox").code == 0
    assert night.ends == {"events": DONE}
    ran = night.run("evnts", "--sandbox")
    assert (ran.code, night.summary["exit_code"]) == (2, 2)
    assert 'there is no job "evnts". Did you mean "events"?' in ran.err


def test_a_locked_job_stops_only_its_dependants(night: Night) -> None:
    """Another load with the users' checkpoint is left alone, and the events of this run are sent."""
    jobs = JOBS.replace('input = "events.csv"', 'input = "events.csv"\nafter = []')
    night.write("jobs.toml", jobs)
    night.write("users.csv", USERS + "".join(f"{n},DEV-{n}\n" for n in range(400)))
    arguments = ("users", "users.csv", "--sandbox", "--app", "AAAAA-BBBBB", "--rate", "10")
    with night.command.start(*arguments) as process:
        while night.command.run("status", "users.csv.users.sandbox.ckpt").code:
            time.sleep(0.05)
        ran = night.run("--sandbox")
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    assert ran.code == 7, ran.err
    assert night.ends == {"users": ("ended", 7), "tags": ("skipped", None), "events": DONE}
    assert night.summary["error"]["code"] == "checkpoint_locked"


def start_slow(night: Night, users: int = 60) -> warm.Process:
    """A run whose users take long, 20 of them a second."""
    night.write("users.csv", USERS + "".join(f"{n},DEV-{n}\n" for n in range(users)))
    return night.command.start("run", "jobs.toml", "--sandbox", "--summary", "night.json", "--rate", "20")


def wait_for(night: Night, job: str, state: str) -> None:
    """Until a job is in that state."""
    for _ in range(1200):
        if (night.folder / "night.json").exists() and night.ends.get(job, ("", 0))[0] == state:
            return
        time.sleep(0.05)
    raise AssertionError(f"{job} was never {state}")


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_running_job_and_the_rest(night: Night, number: signal.Signals) -> None:
    """The running job ends with its account, and no other begins, not even one that waits for nothing."""
    night.write("jobs.toml", JOBS.replace('input = "events.csv"', 'input = "events.csv"\nafter = []'))
    with start_slow(night, users=400) as process:
        wait_for(night, "users", "running")
        while night.command.run("status", "users.csv.users.sandbox.ckpt").code:
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(number)
        process.communicate(timeout=60)
        assert process.wait() == 130
    assert night.ends == {"users": ("ended", 130), "tags": ("skipped", None), "events": ("skipped", None)}
    users, summary = night.summary["jobs"][0], night.summary
    assert users["confirmed"] + users["never_sent"] == 402
    assert (summary["exit_code"], summary["error"]["code"]) == (130, "interrupted")
    assert night.run("--sandbox").code == 0
    assert night.command.held("select count(*) from devices") == [(400,)]


INTERRUPTED = """
import os, signal, sys
signal.signal({number}, signal.default_int_handler)  # nohup, under which tests may run, has SIGHUP ignored
from loader.cli import cli
from loader import pipeline
def stop(*_, **__):
    os.kill(os.getpid(), {number})
    signal.pause()
pipeline.prepare = stop
sys.argv[1:] = ["run", "jobs.toml", "--sandbox", "--summary", "night.json"]
cli()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_outside_of_a_load_stops_the_run_too(night: Night, number: signal.Signals) -> None:
    """While nothing is on the wire, a signal ends the run with its summary, and not without a word."""
    night.write("jobs.toml", JOBS.replace('input = "events.csv"', 'input = "events.csv"\nafter = []'))
    words = ["-c", INTERRUPTED.format(number=int(number))]
    with warm.start(words, folder=night.folder, environment=night.command.environment) as process:
        _, errors = process.communicate(timeout=60)
        assert process.wait() == 130, errors
    first, *rest = night.ends.values()
    assert (first, set(rest)) == (("ended", 130), {("skipped", None)})
    assert night.summary["error"]["code"] == "interrupted"


@pytest.mark.parametrize("job", ["users", "tags"])
def test_after_a_kill_the_summary_tells_where_it_was(night: Night, job: str) -> None:
    """Killed within a job or between two, the same command does the rest, and no event twice."""
    night.write("tags.csv", "user_id,city\n" + "".join(f"{n},Rome\n" for n in range(60)))
    with start_slow(night) as process:
        wait_for(night, job, "running")
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    summary = night.summary
    assert (summary["state"], summary["exit_code"], summary["ended"]) == ("running", None, None)
    assert night.ends[job] == ("running", None)
    assert night.ends["events"] == ("waiting", None)
    with pytest.raises(ProcessLookupError):
        os.kill(summary["pid"], 0)
    assert night.run("--sandbox").code == 0
    assert night.command.held("select count(*) from events") == [(2,)]


def test_a_mapping_file_with_load_is_run(night: Night) -> None:
    """The mapping and how it is loaded stand in one file, which is still a mapping for other commands."""
    text = 'summary = "night.json"\n'
    night.write("tags.toml", f'{(night.folder / "tags.toml").read_text()}[load]\ninput = "tags.csv"\n{text}')
    ran = night.command.run("run", "tags.toml", "--sandbox")
    assert (ran.code, night.ends) == (0, {"tags": DONE}), ran.err
    plain = ("tags", "tags.csv", "--mapping", "tags.toml", "--sandbox")
    assert night.command.run(*plain).code == 0


def test_a_wrong_file_sends_nothing_and_says_so(night: Night) -> None:
    """All mistakes are on standard error and in the summary, although it is named in the same file."""
    night.write("jobs.toml", JOBS.replace("[load]", '[load]\nrat = 5\nsummary = "mine.json"') + "limt = 5\n")
    ran = night.command.run("run", "jobs.toml", "--sandbox")
    record = json.loads((night.folder / "mine.json").read_text())
    assert (ran.code, record["exit_code"], record["error"]["code"]) == (2, 2, "config")
    for told in ('Did you mean "rate"?', 'Did you mean "limit"?'):
        assert told in ran.err
        assert told in record["error"]["message"]
    assert not list(night.folder.glob("*.ckpt"))


@pytest.mark.parametrize("victim", ["users.csv", "tags.toml", "jobs.toml", "events.csv.events.ckpt"])
def test_no_summary_replaces_what_a_job_needs(night: Night, victim: str) -> None:
    """What stands in the file is protected as what is typed."""
    before = (night.folder / victim).read_bytes() if (night.folder / victim).exists() else None
    for words in (("run", "jobs.toml", "--sandbox"), ("check", "--jobs", "jobs.toml")):
        ran = night.command.run(*words, "--summary", victim)
        assert (ran.code, "would be overwritten" in ran.err) == (2, True), ran.err
        after = (night.folder / victim).read_bytes() if (night.folder / victim).exists() else None
        assert after == before


def test_an_application_and_a_token_are_found_missing_before_the_first_job(night: Night) -> None:
    """No job fails at midnight for what could be known before."""
    night.write("jobs.toml", JOBS.replace("application", "# application") + 'token_file = "no"\n')
    ran = night.run()
    assert ran.code == 2
    assert ran.err.count("it has no application code") == 3
    night.write("jobs.toml", JOBS + 'token_command = "no-such-program"\n')
    ran = night.run()
    assert (ran.code, "[jobs.users] The token command" in ran.err) == (2, True), ran.err
    assert not list(night.folder.glob("*.ckpt"))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('checkpoint_dir = "no"', "there is no folder"),
        ('report = "no/page.html"', "page.html cannot be written"),
        ('metrics = "no/job.prom"', "job.prom cannot be written"),
    ],
)
def test_a_missing_folder_is_found_before_the_first_job(night: Night, line: str, sentence: str) -> None:
    """The last job does not fail after hours because nobody made a folder for what it writes."""
    last = JOBS.replace('kind = "events"', f'kind = "events"\n{line}')
    night.write("jobs.toml", last)
    ran = night.run("--sandbox")
    assert (ran.code, "[jobs.events]" in ran.err, sentence in ran.err) == (2, True, True), ran.err
    assert not list(night.folder.glob("*.ckpt"))
    (night.folder / "no").mkdir()
    assert night.run("--sandbox").code == 0


def test_a_token_command_runs_once_for_all_jobs(night: Night) -> None:
    """A password manager asks once."""
    night.write("token.sh", "echo called >> calls\necho SECRET\n")
    with faultserver.FaultServer(lambda _: faultserver.answer()) as server:
        load = f'[load]\nendpoint = "{server.url}"\ntoken_command = "sh token.sh"'
        night.write("jobs.toml", JOBS.replace("[load]", load))
        ran = night.run()
        assert ran.code == 0, ran.err
        assert {head for each in server.accepted for head in each.header("authorization")} == {"Token SECRET"}
    assert (night.folder / "calls").read_text() == "called\n"
    assert "SECRET" not in ran.out + ran.err + (night.folder / "night.json").read_text()


def test_the_file_may_stand_elsewhere(night: Night) -> None:
    """Cron stands in another folder: the paths are those from the file."""
    (night.folder / "cron").mkdir()
    night.command.folder = night.folder / "cron"
    ran = night.command.run("run", "../jobs.toml", "--sandbox", DAY="x")
    assert ran.code == 0, ran.err
    assert {path.name for path in night.folder.glob("*.ckpt")} == SANDBOX_CHECKPOINTS


def test_a_rehearsal_has_its_own_checkpoint(night: Night) -> None:
    """After `--sandbox` the real run begins at the first row, although the file names the checkpoint."""
    night.write(
        "jobs.toml", JOBS + 'checkpoint = "mine.ckpt"\nreport = "users.html"\nmetrics = "users.prom"\n'
    )
    assert night.run("users", "--sandbox").code == 0
    with faultserver.FaultServer(lambda _: faultserver.answer()) as server:
        ran = night.run("users", "--endpoint", server.url)
        assert (ran.code, len(server.bodies)) == (0, 2), ran.err
    assert {path.name for path in night.folder.glob("*.ckpt")} == {"mine.ckpt", "mine.sandbox.ckpt"}
    assert (night.folder / "users.html").is_file()
    assert 'job_name="users"' in (night.folder / "users.prom").read_text()


def test_one_folder_for_checkpoints_is_checked(night: Night) -> None:
    """Two inputs of one name would share a checkpoint there, and are refused before anything is sent."""
    night.write("b/users.csv", USERS)
    night.write("jobs.toml", JOBS + '[jobs.b]\nkind = "users"\ninput = "b/users.csv"\n')
    (night.folder / "c").mkdir()
    ran = night.run("--sandbox", "--checkpoint-dir", "c")
    assert (ran.code, "have the same checkpoint" in ran.err) == (2, True), ran.err
    assert night.run("users", "--sandbox", "--checkpoint-dir", "c").code == 0
    assert [path.name for path in (night.folder / "c").glob("*.ckpt")] == ["users.csv.users.sandbox.ckpt"]


@pytest.mark.parametrize("words", [("check", "--jobs", "jobs.toml"), ("run", "jobs.toml", "--dry-run")])
def test_all_jobs_are_checked(night: Night, words: tuple[str, ...]) -> None:
    """Nothing is sent, no job waits for another, and the exit code is the worst."""
    night.write("jobs.toml", JOBS.replace('tags.csv"', 'tags.csv"\nrejects = "bad.csv"'))
    night.write("tags.csv", "user_id,city\n,Rome\n0042,Oslo\n")
    (night.folder / "users.csv").unlink()
    ran = night.command.run(*words, "--summary", "night.json")
    assert ran.code == 6, ran.err
    assert night.ends == {"users": ("ended", 6), "tags": ("ended", 3), "events": DONE}
    assert [job.get("would_send") for job in night.summary["jobs"]] == [None, 1, 2]
    assert "Rome" in (night.folder / "bad.csv").read_text()
    assert not list(night.folder.glob("*.ckpt*"))
    named = night.command.run(*words, "events", "--summary", "night.json")
    assert (named.code, night.ends) == (0, {"events": DONE}), named.err


def test_a_log_of_json_lines_tells_each_job(night: Night) -> None:
    """A collector reads which job begins, and the end of them all."""
    night.write("users.csv", USERS + ",,\n")
    ran = night.command.run("run", "jobs.toml", "--sandbox", "--log-format", "json")
    events = [json.loads(line) for line in ran.err.splitlines()]
    assert [each["name"] for each in events if each["event"] == "job"] == ["users", "tags", "events"]
    assert [each["exit_code"] for each in events if each["event"] == "end"] == [3]


def test_quiet_shows_only_what_failed(night: Night) -> None:
    """Cron sends a mail only if there is something to read."""
    assert night.run("--sandbox", "--quiet").out == ""
    night.write("events.csv", HEADER + f"{NAMELESS}\n" * 2)
    ran = night.run("--sandbox", "--keep", "--quiet")
    assert (ran.code, ran.out) == (2, "")
    assert "The job events failed: " in ran.err


def test_the_names_of_jobs_are_completed(night: Night) -> None:
    """The shell knows the jobs of the file, also of one that has mistakes."""
    night.write("jobs.toml", JOBS + "limt = 5\n")
    for words, offered in {
        "pushwoosh-loader run jobs.toml us": ["plain,users"],
        "pushwoosh-loader run jobs.toml users ": ["plain,events", "plain,tags", "plain,users"],
        "pushwoosh-loader run jo": ["file,jo"],
        "pushwoosh-loader check --jobs jobs.toml ev": ["plain,events"],
        "pushwoosh-loader run no.toml us": [],
    }.items():
        ran = night.command.run(
            _PUSHWOOSH_LOADER_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(words.count(" "))
        )
        assert ran.out.split() == offered, words
