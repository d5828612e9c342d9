"""`report` and `--report`, by the real command."""

from __future__ import annotations

import html
import json
import os
import re
import select
import shutil
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest

from loader.journal import CheckpointView
from tests import faultserver, warm
from tests.conftest import SAMPLES, CommandLine
from tests.report.test_html import Tags
from tests.test_load import small, wait_until_held

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "user_id,device_id,event,timestamp,timezone,amount\n"
SECRETS = (
    "SECRETUSER",
    "SECRETDEV",
    "SECRETAMOUNT",
    "SECRETZONE",
    "SECRETTIME",
    "SECRETWORD",
    "SECRET-TOKEN",
)
MAPPING = """\
kind = "events"
[fields]
userId = "user_id"
hwid = "device_id"
event = "event"
timestamp = { column = "timestamp", format = "%Y%m%d", zone = { column = "timezone" } }
[attributes]
amount = { column = "amount", type = "float" }
"""


def shown(path: Path) -> str:
    """The text of a page, blanks and line ends as one blank."""
    return " ".join(Tags(path.read_text(encoding="utf-8")).text.split())


def secret_csv(folder: Path) -> Path:
    """Events in which every cell but the event's name is a secret; some cannot be mapped."""
    rows = [f"SECRETUSER{n},SECRETDEV{n},purchase,2024020{1 + n % 5},UTC,1.5" for n in range(20)]
    rows += ["SECRETUSER,SECRETDEV,purchase,20240201,UTC,SECRETAMOUNT"]
    rows += ["SECRETUSER,SECRETDEV,refund,20240301,SECRETZONE,1.5"]
    rows += ["SECRETUSER,SECRETDEV,refund,SECRETTIME,UTC,1.5"]
    path = folder / "events.csv"
    path.write_text(HEADER + "\n".join(rows) + "\n")
    (folder / "events.toml").write_text(MAPPING)
    return path


def vendor(body: bytes) -> faultserver.Behaviour:
    """Refuses one row with a message that quotes it, and loses one answer."""
    if b"SECRETUSER7" in body:
        said = {"status_code": 210, "status_message": "SECRETWORD is wrong, says SECRETUSER7"}
        return faultserver.answer(200, json.dumps(said).encode())
    if b'"SECRETUSER9"' in body:
        return faultserver.close_after_request
    return faultserver.answer()


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a load of secrets in it."""
    folder = tmp_path_factory.mktemp("secrets")
    command, source = CommandLine(folder), secret_csv(folder)
    with faultserver.FaultServer(vendor) as server:
        ran = command.run(
            *("events", source.name, "--mapping", "events.toml", "--app", "AAAAA-BBBBB"),
            *("--endpoint", server.url, "--yes"),
            PUSHWOOSH_API_TOKEN="SECRET-TOKEN",
        )
    assert ran.code == 4, ran.err
    return folder


@pytest.fixture
def loaded(secrets: Path, tmp_path: Path) -> Path:
    """The checkpoint of a load of secrets, in the folder of the command line."""
    shutil.copytree(secrets, tmp_path, dirs_exist_ok=True)
    return tmp_path / "events.csv.events.ckpt"


def test_no_value_of_a_row_stands_in_a_report(command: CommandLine, loaded: Path) -> None:
    """Ids, cells, the vendor's messages and the token are left out; reasons, counts and remedies are told."""
    ran = command.run("report", loaded.name)
    assert (ran.code, ran.out) == (0, "The report is in events.csv.events.report.html.\n\n"), ran.err
    path = loaded.with_name("events.csv.events.report.html")
    text = html.unescape(path.read_text(encoding="utf-8"))
    assert not [secret for secret in SECRETS if secret in text]
    words = shown(path)
    assert 'column "amount" is not a number' in words
    assert 'column "timezone" is not a time zone' in words
    assert "Use an IANA name" in words
    assert "status_code 210, with HTTP 200" in words
    assert "18 confirmed + 4 rejected + 1 in doubt + 0 never sent = 23 rows read" in words


def test_rows_are_quoted_only_where_that_is_asked_for(command: CommandLine, loaded: Path) -> None:
    """With examples the messages stand there, and the page says that it holds personal data."""
    assert command.run("report", loaded.name, "--with-examples", "-o", "r.html").code == 0
    words = shown(loaded.with_name("r.html"))
    assert '"SECRETAMOUNT" is not a number' in words
    assert "SECRETWORD is wrong, says SECRETUSER7" in words
    assert "it holds personal data" in words
    assert "SECRET-TOKEN" not in words


def test_events_are_counted_by_name_month_and_state(command: CommandLine, loaded: Path) -> None:
    """Every row is under its name, and in its month if its time can be read."""
    assert command.run("report", loaded.name, "-o", "r.html").code == 0
    text = loaded.with_name("r.html").read_text(encoding="utf-8")
    rows = [
        " ".join(Tags(row.replace("<td", " <td")).text.split())
        for row in re.findall(r"<tr>.*?</tr>", text, re.DOTALL)
    ]
    assert "purchase 18 2 1 0" in rows
    assert "refund 0 2 0 0" in rows
    assert "From 2024-02 to 2024-02; the most in 2024-02: 21. 2 rows are in no month" in shown(
        loaded.with_name("r.html")
    )


def test_what_a_load_has_counted_is_not_counted_again(command: CommandLine, loaded: Path) -> None:
    """A report of rows that were sent needs their input no more, and says the same without it."""
    assert command.run("report", loaded.name, "-o", "r.html").code == 0
    before = shown(loaded.with_name("r.html"))
    assert "from the checkpoint." in before
    loaded.with_name("events.csv").unlink()
    assert command.run("report", loaded.name, "-o", "r.html").code == 0
    after = shown(loaded.with_name("r.html"))
    moment = re.compile(r"[\d-]+ [\d:]+ UTC from the checkpoint")
    assert moment.sub("", after) == moment.sub("", before)
    assert "From 2024-02 to 2024-02; the most in 2024-02: 21." in after


def test_an_input_that_has_gone_or_changed_costs_only_its_section(
    command: CommandLine, secrets: Path, tmp_path: Path
) -> None:
    """If rows were never sent, the rest of the report is there, and says how to have the events counted."""
    rows = (secrets / "events.csv").read_text().removeprefix(HEADER)
    for number, name in enumerate(("events.csv", "more.csv")):
        (tmp_path / name).write_text(HEADER + (rows if number else rows[: rows.index("\n") + 1]))
    (tmp_path / "events.toml").write_text(MAPPING)
    arguments = ("events.csv", "more.csv", "--mapping", "events.toml", "--sandbox", "--yes", "--limit", 1)
    assert command.run("events", *arguments).code == 0
    loaded = tmp_path / "events.csv.events.sandbox.ckpt"
    source, moved = loaded.with_name("more.csv"), loaded.with_name("moved.csv")
    source.rename(moved)
    assert command.run("report", loaded.name, "-o", "r.html").code == 0
    words = shown(loaded.with_name("r.html"))
    assert "1 confirmed" in words
    assert f"pushwoosh-loader report {loaded.name} --input FILE" in words
    files = ("--input", "events.csv", "--input", moved.name)
    assert command.run("report", loaded.name, "-o", "r.html", *files).code == 0
    words = shown(loaded.with_name("r.html"))
    assert "the most in 2024-02" in words
    assert "from the checkpoint and the input." in words
    source.write_text(HEADER + "u,d,purchase,20240101,UTC,1\n" * 23)
    assert command.run("report", loaded.name, "-o", "r.html").code == 0
    assert "its content has changed" in shown(loaded.with_name("r.html"))


def test_what_was_decided_is_told(command: CommandLine, loaded: Path) -> None:
    """Doubts that were settled, with the file they were settled from."""
    assert command.run("resolve", loaded.name, "--landed", "--yes").code == 0
    assert command.run("report", loaded.name, "-o", "r.html").code == 0
    words = shown(loaded.with_name("r.html"))
    assert "No row is in doubt any more." in words
    assert "1 row in doubt confirmed, because the vendor has it" in words


@pytest.mark.parametrize("target", ["events.csv", "events.csv.events.ckpt"])
def test_a_report_takes_the_place_of_nothing_that_is_needed(
    command: CommandLine, loaded: Path, target: str
) -> None:
    """Neither `report -o` nor `--report` overwrites the input or the checkpoint."""
    before = loaded.with_name(target).read_bytes()
    for arguments in (
        ("report", loaded.name, "-o", target),
        ("events", "events.csv", "--app", "AAAAA-BBBBB", "--report", target),
        ("retry", loaded.name, "--report", target),
    ):
        ran = command.run(*arguments)
        assert ran.code == 2
        assert "would be overwritten" in ran.err
    assert loaded.with_name(target).read_bytes() == before


def test_a_report_takes_the_place_of_no_part_of_a_checkpoint(command: CommandLine, loaded: Path) -> None:
    """What lies beside a checkpoint belongs to it: with its slots gone nobody knows what was on the wire."""
    slots = loaded.with_name(f"{loaded.name}-wire")
    before = slots.read_bytes()
    ran = command.run("report", loaded.name, "-o", slots.name)
    assert (ran.code, "would be overwritten" in ran.err) == (2, True)
    assert slots.read_bytes() == before


def test_a_report_that_cannot_be_written_is_refused_before_the_load(
    command: CommandLine, tmp_path: Path
) -> None:
    """Nobody loads for three hours to learn that the folder does not exist."""
    source = small(tmp_path / "few.csv", "events.csv", 5)
    ran = command.run("events", source, "--sandbox", "--yes", "--report", tmp_path / "no" / "report.html")
    assert ran.code == 2
    assert f"--report {tmp_path / 'no' / 'report.html'} cannot be written" in ran.err
    assert not (tmp_path / "pushwoosh-sandbox.sqlite3").exists()


def test_a_load_writes_its_report_at_its_end(command: CommandLine, tmp_path: Path) -> None:
    """One command loads, reports, and keeps its exit code; also of users."""
    for kind, sample in (("events", "events.csv"), ("users", "users.csv")):
        source = small(tmp_path / sample, sample, 40)
        ran = command.run(kind, source, "--sandbox", "--yes", "--report", f"{kind}.html", "--limit", 30)
        assert ran.code == 0, ran.err
        assert f"The report is in {kind}.html." in ran.out
        words = shown(tmp_path / f"{kind}.html")
        assert "30 confirmed + 0 rejected + 0 in doubt + 10 never sent = 40 rows read" in words
        assert "a rehearsal: nothing reached the vendor" in words


def test_a_retry_writes_the_report_anew(command: CommandLine, loaded: Path, tmp_path: Path) -> None:
    """After the mending the page is of the whole load, counted from the input where it is now."""
    (tmp_path / "moved").mkdir()
    source = (tmp_path / "events.csv").rename(tmp_path / "moved" / "events.csv")
    assert command.run("events", source, "--mapping", "events.toml", "--sandbox", "--yes").code == 3
    (tmp_path / "elsewhere.csv").write_bytes(source.read_bytes())
    source.unlink()
    arguments = ("retry", tmp_path / "moved" / "events.csv.events.sandbox.ckpt", "--input", "elsewhere.csv")
    ran = command.run(*arguments, "--yes", "--report", "r.html")
    assert (ran.code, "The report is in r.html." in ran.out) == (3, True), ran.err
    words = shown(tmp_path / "r.html")
    assert "20 confirmed + 3 rejected + 0 in doubt + 0 never sent = 23 rows read" in words
    assert "the most in 2024-02" in words


def wait_until_measured(command: CommandLine) -> None:
    """Wait until two samples of the traffic of a load are written, of which a chart is drawn."""
    wait_until_held(command, 20)
    (checkpoint,) = command.folder.glob("*.ckpt")
    for _ in range(600):
        if len(CheckpointView.open(checkpoint).samples) > 1:
            return
        time.sleep(0.05)
    raise AssertionError("no traffic was measured")


def test_an_interrupted_load_reports_too(command: CommandLine, tmp_path: Path) -> None:
    """After Ctrl-C the report says so, and how to continue."""
    source = small(tmp_path / "events.csv", "events.csv", 5000)
    arguments = ("events", source, "--sandbox", "--yes", "--rate", 200, "--report", "r.html")
    with command.start(*arguments) as process:
        wait_until_measured(command)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
    words = shown(tmp_path / "r.html")
    assert "It was interrupted." in words
    assert "never sent. The same command as before (events) sends them." in words.replace("`", "")
    assert "because of the rate limit" in words
    assert "Marked: interrupted" in (tmp_path / "r.html").read_text()


def test_a_killed_load_is_marked_in_the_charts(command: CommandLine, tmp_path: Path) -> None:
    """After a real kill the report names it where the run ends."""
    source = small(tmp_path / "events.csv", "events.csv", 5000)
    with command.start("events", source, "--sandbox", "--yes", "--rate", 200) as process:
        wait_until_measured(command)
        process.kill()
        process.communicate(timeout=60)
    (checkpoint,) = command.folder.glob("*.ckpt")
    assert command.run("report", checkpoint, "--output", "r.html").code == 0
    assert "Marked: killed" in (command.folder / "r.html").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="needs a small pipe with a name")
@pytest.mark.parametrize("form", ["text", "json"])
def test_an_interrupt_of_the_report_alone_is_none_of_the_load(
    command: CommandLine, tmp_path: Path, form: str
) -> None:
    """Ctrl-C while the report is made leaves the exit code of the rows, and says what there is not."""
    import fcntl  # noqa: PLC0415 - not on Windows

    source, target = small(tmp_path / "events.csv", "events.csv", 50), tmp_path / "pipe"
    os.mkfifo(target)
    pipe = os.open(target, os.O_RDWR)
    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
    arguments = ("events", source, "--sandbox", "--yes", "--report", target, "--log-format", form)
    with command.start(*arguments) as process:
        assert select.select([pipe], [], [], 60)[0]  # the report has begun to be written, and cannot end
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    os.close(pipe)
    assert process.returncode == 0, err
    assert "No report was written: you interrupted it." in err
    assert form == "text" or all(json.loads(line)["event"] for line in err.splitlines())


@pytest.mark.skipif(sys.platform != "linux", reason="needs a small pipe with a name")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_way_on_comes_before_the_report_and_a_second_signal_skips_it(
    command: CommandLine, tmp_path: Path, number: signal.Signals
) -> None:
    """Nobody waits for the report to learn how to continue; whoever does not want it keeps the account."""
    import fcntl  # noqa: PLC0415 - not on Windows

    source, target = small(tmp_path / "events.csv", "events.csv", 5000), tmp_path / "pipe"
    os.mkfifo(target)
    pipe = os.open(target, os.O_RDWR)
    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
    arguments = ("events", source, "--sandbox", "--yes", "--rate", 200, "--report", target)
    with command.start(*arguments, "--summary", "s.json") as process:
        wait_until_held(command, 20)
        process.send_signal(number)
        assert select.select([pipe], [], [], 60)[0]  # the report has begun to be written, and cannot end
        before = json.loads((tmp_path / "s.json").read_text())
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    os.close(pipe)
    assert process.returncode == 130, err
    places = [
        out.find(words) for words in ("Interrupted.", "The same command again sends", "Writing the report")
    ]
    assert places == sorted(places), out
    assert -1 not in places, out
    assert "Press Ctrl-C to skip it." in out
    assert f"`pushwoosh-loader report {source}.events.sandbox.ckpt` can write it" in err
    assert json.loads((tmp_path / "s.json").read_text()) == before
    assert (before["exit_code"], before["state"]) == (130, "ended")
    assert command.run("report", f"{source}.events.sandbox.ckpt", "-o", "r.html").code == 0


IMPATIENT = """
import os, signal, sys
from loader import checkpoint_facts
from loader.cli import cli
before = checkpoint_facts.explain_result
def explain(result):
    for _ in range(3):
        os.kill(os.getpid(), signal.{name})
    return before(result)
checkpoint_facts.explain_result = explain
sys.argv[1:] = {arguments}
cli()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_while_the_account_is_told_costs_the_report_alone(
    command: CommandLine, tmp_path: Path, name: str
) -> None:
    """Whenever it comes, the summary is whole, the account is shown, and the exit code is right."""
    source = small(tmp_path / "events.csv", "events.csv", 50)
    arguments = ["events", str(source), "--sandbox", "--yes", "--report", "r.html", "--summary", "s.json"]
    script = IMPATIENT.format(name=name, arguments=arguments)
    with warm.start(["-c", script], folder=tmp_path, environment=command.environment) as process:
        out, err = process.communicate(timeout=60)
        assert process.wait() == 0, err
    assert "confirmed  50" in out
    assert "No report was written: you interrupted it." in err
    assert json.loads((tmp_path / "s.json").read_text())["exit_code"] == 0
    assert not (tmp_path / "r.html").exists()


def test_a_load_that_was_stopped_says_why(command: CommandLine, tmp_path: Path) -> None:
    """The reason is told as far as it quotes nobody."""
    source = small(tmp_path / "events.csv", "events.csv", 50)
    refusal = faultserver.answer(401, b'{"status_code":401,"status_message":"SECRETWORD"}')
    with faultserver.FaultServer([refusal]) as server:
        ran = command.run(
            *("events", source, "--app", "AAAAA-BBBBB", "--yes", "--report", "r.html"),
            PUSHWOOSH_ENDPOINT=server.url,
        )
    assert ran.code == 5
    words = shown(tmp_path / "r.html")
    assert "The server does not accept the API token." in words
    assert "SECRETWORD" not in words


def test_a_report_of_nothing_is_an_error(command: CommandLine, tmp_path: Path) -> None:
    """A name that is no checkpoint, and a folder that is not there, are told in a sentence."""
    ran = command.run("report", "none.ckpt")
    assert (ran.code, ran.err) == (
        2,
        f"Error: {tmp_path / 'none.ckpt'}: there is no such checkpoint. "
        "Check the name. A load creates the file.\n",
    )


def test_the_report_goes_into_a_pipe(command: CommandLine, loaded: Path) -> None:
    """`-o -` writes the page and nothing else."""
    ran = command.run("report", loaded.name, "-o", "-")
    assert ran.out.startswith("<!DOCTYPE html>")
    assert ran.out.rstrip().endswith("</html>")


def test_a_sample_of_the_vendors_own_time(command: CommandLine, tmp_path: Path) -> None:
    """Throughput, percentiles and concurrency of the README's first load are there."""
    ran = command.run("events", SAMPLES / "events.parquet", "--sandbox", "--yes", "--checkpoint", "c.ckpt")
    assert ran.code == 0, ran.err
    assert command.run("report", "c.ckpt").code == 0
    words = shown(tmp_path / "c.report.html")
    assert "Complete: the vendor confirmed all 6,937 rows." in words
    assert re.search(r"Half of all answers came within [\d.]+ m?s", words)
    assert re.search(r"At most \d+ were allowed at a time", words)
    assert "the most in 1997-03: 1,176" in words


@pytest.fixture
def night(command: CommandLine, tmp_path: Path) -> Path:
    """A folder with the checkpoints of a load of users and a load of events."""
    (tmp_path / "night").mkdir()
    for kind, sample in (("users", "users.csv"), ("events", "events.csv")):
        source = small(tmp_path / sample, sample, 40)
        ran = command.run(kind, source, "--sandbox", "--yes", "--limit", 30, "--checkpoint-dir", "night")
        assert ran.code == 0, ran.err
    return tmp_path / "night"


def test_a_folder_of_checkpoints_is_one_page(command: CommandLine, night: Path) -> None:
    """The page lies in the folder, sums up the loads and has the report of each; a new one replaces it."""
    for _ in range(2):
        ran = command.run("report", night)
        assert (ran.code, ran.out) == (0, f"The report is in {night / 'loads.report.html'}.\n\n"), ran.err
    words = shown(night / "loads.report.html")
    assert "60 confirmed + 0 rejected + 0 in doubt + 20 never sent = 80 rows read" in words
    assert "Of 2 loads, 2 are not finished." in words
    assert words.count("Requests on the wire") == 2
    assert "by month, on the user’s clock" in words.lower()


def test_checkpoints_that_are_named_are_one_page(command: CommandLine, night: Path) -> None:
    """The page lies beside the first; a checkpoint that is named twice counts once."""
    names = sorted(path for path in night.iterdir() if path.name.endswith(".ckpt"))
    assert command.run("report", *names, names[0], night).code == 0
    assert "= 80 rows read" in shown(night / "loads.report.html")
    assert command.run("report", *names, "-o", "-").out.startswith("<!DOCTYPE html>")


def test_one_checkpoint_that_cannot_be_read_does_not_hide_the_others(
    command: CommandLine, night: Path
) -> None:
    """The page is written without it and names it, and so do the error and the exit code."""
    (night / "bad.ckpt").write_text("no checkpoint")
    ran = command.run("report", night, "none.ckpt", "-o", "r.html")
    assert (ran.code, ran.out) == (2, "The report is in r.html.\n\n")
    assert ran.err.startswith("Error: 2 of 4 checkpoints cannot be read.\n")
    assert "bad.ckpt is not a checkpoint" in ran.err
    words = shown(command.folder / "r.html")
    assert "Of 4 loads, 2 cannot be read and 2 are not finished." in words
    assert "bad.ckpt is not a checkpoint" in words
    assert "none.ckpt: there is no such checkpoint." in words
    assert "= 80 rows read" in words


def test_without_a_checkpoint_there_is_no_page(command: CommandLine, tmp_path: Path) -> None:
    """An empty folder, and names of which none can be read, are told in a sentence."""
    (tmp_path / "empty").mkdir()
    ran = command.run("report", "empty")
    assert (ran.code, ran.err) == (
        2,
        "Error: empty: there is no checkpoint in this folder. A load creates one.\n",
    )
    ran = command.run("report", "a.ckpt", "b.ckpt")
    assert (ran.code, "2 of 2 checkpoints cannot be read." in ran.err) == (2, True)
    assert not list(tmp_path.rglob("*.html"))


def test_a_page_of_several_loads_takes_the_place_of_nothing_that_is_needed(
    command: CommandLine, night: Path
) -> None:
    """It is no part of any of the checkpoints, and none of their inputs."""
    slots = next(path for path in night.iterdir() if path.name.endswith("-wire"))
    for target in (slots, command.folder / "users.csv", command.folder / "events.csv"):
        before = target.read_bytes()
        ran = command.run("report", night, "-o", target)
        assert (ran.code, "would be overwritten" in ran.err) == (2, True)
        assert target.read_bytes() == before


def test_the_place_of_an_input_is_that_of_one_load(command: CommandLine, night: Path) -> None:
    """`--input` with several checkpoints is refused, because nobody can know whose it is."""
    ran = command.run("report", night, "--input", "users.csv")
    assert (ran.code, ran.err) == (
        2,
        "Error: --input says where the input of one load is. With it, name one checkpoint.\n",
    )
