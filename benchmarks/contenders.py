"""The clients that are compared, each as a process of its own: how it is run, and what it cost."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.requests_futures_script import request

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.answer import Answering

HERE = Path(__file__).parent
WORK = HERE / "work"
SUMMARY = WORK / "summary.json"
COST = WORK / "cost.json"
CHECKPOINT = WORK / "load.ckpt"
APPLICATION = "AAAAA-00001"
WRK_SECONDS = 5
# ru_maxrss counts kilobytes, on macOS bytes (getrusage(2) of either).
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Task:
    """What each client is to do.

    Attributes:
        source: the CSV.
        server: where to post.
        rows: how many rows of it.
        concurrency: requests on the wire at a time, for those that do not find it themselves.
        under: what the client is run under, as the beginning of a command.
    """

    source: Path
    server: Answering
    rows: int
    concurrency: int
    under: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """One client process, from its start to its exit.

    Attributes:
        rows: what it sent.
        seconds: wall time.
        cpu_seconds: user and system time of the client alone.
        peak_bytes: most resident memory of the client.
    """

    rows: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int


class Contender(NamedTuple):
    """A client.

    Attributes:
        run: makes it do a task.
        share: of the rows, which keeps slow ones from taking for ever; rows a second do not depend on it.
        program: what must be installed for it, or "".
    """

    run: Callable[[Task], Run]
    share: float
    program: str = ""

    @property
    def available(self) -> bool:
        """Whether it can be run here."""
        return not self.program or shutil.which(self.program) is not None


def loader(task: Task) -> Run:
    """One load with the command line, from a fresh checkpoint, concurrency found by itself."""
    return _load(task, f"auto:1-{max(256, task.concurrency)}")


def loader_fixed(task: Task) -> Run:
    """The same with the concurrency that the others are told."""
    return _load(task, str(task.concurrency))


def loader_two_processes(task: Task) -> Run:
    """The same over two processes; the CPU time is that of all."""
    return _load(task, str(task.concurrency), "--processes", "2")


def loader_on_requests(task: Task) -> Run:
    """The same over requests-futures."""
    return _load(task, str(task.concurrency), "--transport", "requests")


def _load(task: Task, concurrency: str, *options: str) -> Run:
    for old in [SUMMARY, *WORK.glob(f"{CHECKPOINT.name}*")]:
        old.unlink(missing_ok=True)
    command = [*task.under, sys.executable, "-m", "loader", "events", str(task.source)]
    command += ["--endpoint", task.server.endpoint]
    command += ["--app", APPLICATION, "--mapping", str(HERE / "events.toml"), "--checkpoint", str(CHECKPOINT)]
    command += ["--concurrency", concurrency, "--limit", str(task.rows), "--yes", "--quiet", *options]
    command += ["--ca-bundle", task.server.ca] if task.server.ca else []
    run, _ = measure([*command, "--summary", str(SUMMARY)], task.rows, codes={0, 5})
    expect(task.rows, json.loads(SUMMARY.read_text())["confirmed"])
    return run


def requests_futures(task: Task) -> Run:
    """The same posts by a script with requests-futures."""
    return _script(task, "benchmarks.requests_futures_script")


def curl_session(task: Task) -> Run:
    """The same script with the loader's `CurlSession` in the place of a `FuturesSession`."""
    return _script(task, "benchmarks.curl_session_script")


def line(task: Task) -> Run:
    """The loader's line on libcurl, with nothing mapped and nothing written down."""
    return _script(task, "benchmarks.line_script")


def aiohttp(task: Task) -> Run:
    """The same posts by a script with aiohttp."""
    return _script(task, "benchmarks.aiohttp_script")


def _script(task: Task, module: str) -> Run:
    command = [*task.under, sys.executable, "-m", module, str(task.source), task.server.endpoint, APPLICATION]
    command += [str(task.concurrency), str(task.rows), task.server.ca]
    run, output = measure(command, task.rows)
    expect(task.rows, int(output.split()[0]))
    return run


def curl(task: Task) -> Run:
    """`curl --parallel` from a prepared file: no CSV, no JSON, no look at the answers' bodies."""
    prepared = WORK / f"curl-{task.rows}.txt"
    with task.source.open(newline="", encoding="utf-8") as source, prepared.open("w") as file:
        for number, row in enumerate(islice(csv.DictReader(source), task.rows)):
            body = json.dumps(request(row, APPLICATION), separators=(",", ":"))
            file.write("next\n" if number else "")
            file.write(f'url = "{task.server.endpoint}postEvent"\ndata = {json.dumps(body)}\n')
            file.write('header = "Content-Type: application/json"\noutput = "/dev/null"\n')
            file.write(f'cacert = "{task.server.ca}"\n' if task.server.ca else "")
    command = [*task.under, "curl", "--no-progress-meter", "--parallel"]
    command += ["--parallel-max", str(min(task.concurrency, 300))]
    run, _ = measure([*command, "--config", str(prepared)], task.rows)
    return run


def wrk(task: Task) -> Run:
    """The ceiling: one thread that posts one body for some seconds."""
    script = WORK / "wrk.lua"
    with task.source.open(newline="", encoding="utf-8") as source:
        body = json.dumps(request(next(csv.DictReader(source)), APPLICATION))
    script.write_text(
        f"wrk.method='POST'\nwrk.headers['Content-Type']='application/json'\nwrk.body={json.dumps(body)}\n"
    )
    command = [*task.under, "wrk", "-t1", f"-c{task.concurrency}", f"-d{WRK_SECONDS}s", "-s", str(script)]
    run, output = measure([*command, task.server.endpoint + "postEvent"], 1)
    sent = re.search(r"(\d+) requests in", output)
    if sent is None or "Non-2xx" in output:
        raise SystemExit(f"wrk did not run well:\n{output}")
    return Run(int(sent[1]), run.seconds, run.cpu_seconds, run.peak_bytes)


CONTENDERS = {
    "loader": Contender(loader, 1.0),
    "loader, fixed concurrency": Contender(loader_fixed, 1.0),
    "loader, two processes": Contender(loader_two_processes, 1.0),
    "loader on requests-futures": Contender(loader_on_requests, 0.1),
    "requests-futures script": Contender(requests_futures, 0.1),
    "the same with CurlSession": Contender(curl_session, 0.2),
    "aiohttp script": Contender(aiohttp, 0.4),
    "curl --parallel": Contender(curl, 0.4, "curl"),
    "wrk (ceiling)": Contender(wrk, 0.4, "wrk"),
}


def measure(command: list[str], rows: int, codes: set[int] | None = None) -> tuple[Run, str]:
    """Run a client to its end: what it cost, and what it printed."""
    # No token or endpoint of the person who measures.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PUSHWOOSH_")}
    launch = [sys.executable, str(HERE / "launch.py"), str(COST), *command]
    client = subprocess.run(launch, stdout=subprocess.PIPE, text=True, env=environment, check=False)
    if client.returncode not in (codes or {0}):
        raise SystemExit(f"Exit code {client.returncode} from: {' '.join(command)}")
    cost = json.loads(COST.read_text())
    return Run(rows, cost["seconds"], cost["cpu_seconds"], cost["maxrss"] * MAXRSS_UNIT), client.stdout


def expect(rows: int, confirmed: int) -> None:
    """A client that lost rows has no speed."""
    if confirmed != rows:
        raise SystemExit(f"{confirmed} of {rows} rows were confirmed: there is nothing to compare.")
