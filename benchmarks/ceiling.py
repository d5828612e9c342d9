"""What a row costs, in calls of the system and in time by its libraries, beside wrk: `make bench-ceiling`.

How to read the table: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.answer import answers_encrypted, only_answers
from benchmarks.contenders import WORK, Run, Task, curl, line, loader_fixed, wrk
from benchmarks.load import RESULTS, Course, events, heading

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.answer import Answering

CLIENTS: dict[str, Callable[[Task], Run]] = {
    "loader, fixed concurrency": loader_fixed,
    "its line on libcurl alone": line,
    "curl --parallel": curl,
    "wrk": wrk,
}
MICROSECONDS = 500  # of CPU for each sample of perf
CALLS = {
    "send": {"sendto", "sendmsg", "write", "writev"},
    "receive": {"recvfrom", "recvmsg", "read"},
    "wait": {"select", "pselect6", "poll", "ppoll", "epoll_wait", "epoll_pwait", "epoll_ctl"},
}
NOTHING = "in vain"
LIBRARIES = {
    "kernel": re.compile(r"\[k|\[vdso"),
    "libcurl": re.compile(r"curl|nghttp"),
    "TLS": re.compile(r"libssl|libcrypto"),
    "Python": re.compile(r"python"),
}


class Costs(NamedTuple):
    """Of one row: calls of the system by what they do, and microseconds by where they go."""

    calls: dict[str, float]
    times: dict[str, float]


def main() -> None:
    options = parse()
    for tool in ("strace", "perf", "wrk", "curl", "nginx"):
        if not shutil.which(tool):
            raise SystemExit(f"It needs {tool}.")
    RESULTS.mkdir(exist_ok=True)
    sections = [heading(options)]
    with ExitStack() as servers:
        for course in open_courses(servers):
            sections.append(report(course, measure_all(course, options)))
            print(sections[-1], flush=True)
            (RESULTS / "ceiling.txt").write_text("\n\n".join(sections) + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ceiling", description=__doc__)
    parser.add_argument("--rows", type=int, default=40_000, help="events to load (default: 40000)")
    parser.add_argument(
        "--rounds", type=int, default=3, help="runs of each client for the times (default: 3)"
    )
    return parser.parse_args()


def open_courses(servers: ExitStack) -> list[Course]:
    """Servers that answer from memory."""
    found: list[tuple[str, Answering | None]] = [
        ("plain", servers.enter_context(only_answers())),
        ("TLS, HTTP/1.1", servers.enter_context(answers_encrypted())),
        ("TLS, HTTP/2", servers.enter_context(answers_encrypted(http_2=True))),
    ]
    return [Course(name, server, 32) for name, server in found if server]


def measure_all(course: Course, options: argparse.Namespace) -> dict[str, Costs]:
    """What a row costs each client that speaks this version of HTTP."""
    clients = [name for name in CLIENTS if not ("HTTP/2" in course.name and name == "wrk")]
    task = Task(events(2 * options.rows), course.server, options.rows, course.concurrency)
    return {
        name: Costs(count_calls(CLIENTS[name], task), sample(CLIENTS[name], task, options))
        for name in clients
    }


def count_calls(client: Callable[[Task], Run], task: Task) -> dict[str, float]:
    """Calls of the system for one row more, because a start makes thousands."""
    written = WORK / "strace.txt"
    under = ("strace", "-f", "-qq", "-c", "-o", str(written))
    return compare(client, replace(task, rows=task.rows // 2, under=under), lambda: read_calls(written))


def sample(client: Callable[[Task], Run], task: Task, options: argparse.Namespace) -> dict[str, float]:
    """Microseconds of CPU for one row more, by library; the least of several rounds, by their sums."""
    written = WORK / "perf.data"
    under = (
        "perf",
        "record",
        "-q",
        "-e",
        "cpu-clock",
        "-F",
        str(1_000_000 // MICROSECONDS),
        "-o",
        str(written),
        "--",
    )
    rounds = [
        compare(client, replace(task, under=under), lambda: read_samples(written))
        for _ in range(options.rounds)
    ]
    return min(rounds, key=lambda costs: sum(costs.values()))


def compare(client: Callable[[Task], Run], task: Task, read: Callable[[], Counter[str]]) -> dict[str, float]:
    """What one more row adds, by a run with twice as many."""
    less = client(task).rows, read()
    more = client(replace(task, rows=2 * task.rows)).rows, read()
    if more[0] < 1.5 * less[0]:  # wrk runs for seconds, not for rows, and hardly has a start
        less = 0, Counter()
    rows = more[0] - less[0]
    return {name: (count - less[1][name]) / rows for name, count in more[1].items()}


def read_calls(written: Path) -> Counter[str]:
    """Calls by what they do, from the summary of strace; those to receive that found nothing are apart."""
    found: Counter[str] = Counter()
    for row in written.read_text().splitlines():
        _, _, _, calls, *errors, name = row.split()
        if calls.isdigit() and name != "total":
            kind = next((kind for kind, names in CALLS.items() if name in names), "other")
            nothing = int(errors[0]) if errors and kind == "receive" else 0
            found[kind] += int(calls) - nothing
            found[NOTHING] += nothing
    return found


def read_samples(written: Path) -> Counter[str]:
    """Microseconds by library, from the samples of perf."""
    command = ["perf", "report", "-i", str(written), "--sort", "dso", "-F", "sample,dso", "--stdio"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: Counter[str] = Counter()
    for samples, library in re.findall(r"^\s*(\d+)\s+(\S+)\s*$", listed, re.MULTILINE):
        kind = next((kind for kind, names in LIBRARIES.items() if names.search(library)), "other")
        found[kind] += int(samples) * MICROSECONDS
    return found


def report(course: Course, costs: dict[str, Costs]) -> str:
    """The table of one course."""
    calls, times = ["send", "receive", NOTHING, "wait", "other"], [*LIBRARIES, "other", "all"]
    lines = [
        f"{course.name}: {course.server.name}, concurrency {course.concurrency}",
        f"{'':<28}{'calls of the system a row':<44}CPU µs a row",
        f"{'':<28}"
        + "".join(f"{name:>8}" for name in calls)
        + "    "
        + "".join(f"{name:>8}" for name in times),
    ]
    for name, cost in costs.items():
        counted = "".join(f"{cost.calls.get(kind, 0.0):>8.2f}" for kind in calls)
        cost.times["all"] = sum(cost.times.values())
        lines.append(
            f"{name:<28}{counted}    " + "".join(f"{cost.times.get(kind, 0.0):>8.1f}" for kind in times)
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
