"""One page with the figures that users wait for, beside those of a build before: `make bench-short`.

Run ``python -m benchmarks.page`` to collect the tables in `results/`, and those that git has of a revision
before; or with ``--short`` to measure both builds now, in less than 15 minutes. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.contenders import HERE, WORK
from benchmarks.sandbox import Build, prepare_previous

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    #: The table that a benchmark wrote, by its name; None if there is none.
    Tables = Callable[[str], str | None]

RESULTS = HERE / "results"
PAGE = RESULTS / "page.txt"
SHORT_PAGE = WORK / "page.txt"
#: The last build before the work on these figures began.
BEFORE = "e34db16"
# Two builds, eight benchmarks each: what is still running then is ended, and missing on the page.
LONGEST_SECONDS = 14 * 60.0
GRACE_SECONDS = 5.0


class Figure(NamedTuple):
    """A number in the table of a benchmark.

    Attributes:
        name: on the page.
        goal: what is aimed at, with its unit.
        table: the benchmark that writes it.
        pattern: finds it as its only group; or finds two numbers, of which the quotient is meant.
        beside: finds that of the build before, in the table of a benchmark that measures both.
    """

    name: str
    goal: str
    table: str
    pattern: str
    beside: str = ""


def after(start: str, *columns: str) -> str:
    """A pattern of a column in the line that begins with `start`, behind other columns."""
    return rf"(?m)^ *{re.escape(start)}" + "".join(rf"\s+{column}" for column in columns)


NUMBER, ANY = r"([\d.,]+)", r"\S+"

FIGURES = (
    *(
        Figure(
            f"check, {form}, rows/s",
            f">= {goal}",
            "looks",
            after(f"check, {form}", ANY, ANY, NUMBER),
            after(f"check, {form} before", ANY, ANY, NUMBER),
        )
        for form, goal in {"CSV": "400,000", "Parquet": "600,000"}.items()
    ),
    Figure("check / pandas.read_csv", "<= 0.8", "looks", after("check / pandas", NUMBER)),
    Figure(
        "first request, all quoted, s",
        "<= 8",
        "looks",
        after("first request", NUMBER),
        after("first request before", NUMBER),
    ),
    Figure("check, CSV, peak MB", "<= 250", "check", after("peak memory, MB", NUMBER)),
    Figure(
        "check, CSV, 10 times the rows, memory", "<= 1.15", "check", after("memory, longer / shorter", NUMBER)
    ),
    Figure(
        "check, JSON Lines, rows/s",
        ">= 200,000",
        "jsonlines",
        after("9 columns", "this", NUMBER),
        rf"(?m)^ *9 columns.*\n *previous\s+{NUMBER}",
    ),
    Figure(
        "check of 10 rows, CPU s",
        "<= 0.6",
        "start",
        after("check events, 10 rows", NUMBER),
        after("check events, 10 rows", ANY, NUMBER),
    ),
    Figure("--help / importing click", "<= 1.3", "start", r"--help is ([\d.]+) of"),
    Figure(
        "report, s",
        "<= 10",
        "report",
        after("every row confirmed", NUMBER),
        after("every row confirmed", ANY, ANY, ANY, NUMBER),
    ),
    *(
        Figure(
            f"TLS, {course}, of curl",
            ">= 0.95",
            "tls",
            rf"(?s)\n{re.escape(course)}: .*?\nloader\s+{NUMBER}.*?\ncurl --parallel\s+{NUMBER}",
        )
        for course in (
            f"{version}, {place}"
            for place in ("from memory", "50 ms away")
            for version in ("HTTP/1.1", "HTTP/2")
        )
    ),
    Figure("memory, CPU us/row", "", "load", after("loader, fixed concurrency", ANY, ANY, NUMBER)),
    Figure("memory, wrk, CPU us/row", "", "load", after("wrk (ceiling)", ANY, ANY, NUMBER)),
    *(
        Figure(
            f"auto, {place}, worst of best fixed",
            ">= 0.95",
            "auto",
            after(place, ANY, ANY, ANY, NUMBER),
        )
        for place in (
            f"{distance}, {kind}"
            for kind in ("plain", "TLS")
            for distance in ("memory", "5 ms", "50 ms", "200 ms")
        )
    ),
)

#: A short form of each benchmark, the quick ones first.
SHORT = {
    "start": ("--rounds", "3"),
    "check": ("--rows", "100000"),
    "jsonlines": ("--rows", "100000", "--rounds", "1", "--previous", ""),
    "looks": ("--rows", "200000", "--quoted", "500000", "--rounds", "1"),
    "report": ("--rows", "300000", "--rounds", "1"),
    "load": (
        *("--rows", "20000", "--rounds", "1"),
        *("--clients", "loader, fixed concurrency", "curl --parallel", "wrk (ceiling)"),
    ),
    "tls": ("--rows", "20000", "--rounds", "1"),
    "auto": ("--rounds", "3", "--share", "0.15", "--only", "memory", "50 ms"),
}


def main() -> None:
    options = parse()
    WORK.mkdir(exist_ok=True)
    page = measure_short(options) if options.short else collect(options)
    print(page)
    path = SHORT_PAGE if options.short else PAGE
    path.parent.mkdir(exist_ok=True)
    path.write_text(page + "\n", encoding="utf-8")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__)
    parser.add_argument("--short", action="store_true", help="measure both builds now, with few rows")
    parser.add_argument("--before", default=BEFORE, help="a revision of git, or a folder with a .venv")
    return parser.parse_args()


def collect(options: argparse.Namespace) -> str:
    """The page of the tables that the long benchmarks left."""
    title = f"The last table of each benchmark, and that of {options.before}, perhaps of another machine."
    return write_page(title, read_from(RESULTS), read_from_git(options.before))


def measure_short(options: argparse.Namespace) -> str:
    """The page of short benchmarks of both builds, each with the benchmarks of this tree."""
    deadline = time.monotonic() + LONGEST_SECONDS
    this = Build("this build", Path(sys.executable), HERE.parent)
    with prepare_previous(options.before) as before, desk() as now_folder, desk() as before_folder:
        for name in SHORT:
            run(name, this, now_folder, deadline)
            if before is not None:
                run(name, before, before_folder, deadline)
        title = f"Short runs by turns, with few rows: {options.before} is the build before."
        return write_page(title, read_from(now_folder / "results"), read_from(before_folder / "results"))


@contextmanager
def desk() -> Iterator[Path]:
    """A copy of the benchmarks, in which another build can run them, and whose tables are its own."""
    with TemporaryDirectory(dir=WORK) as folder:
        copy = Path(folder, HERE.name)
        shutil.copytree(HERE, copy, ignore=shutil.ignore_patterns("work", "results", "__pycache__"))
        (copy / "work").mkdir()
        (copy / "results").mkdir()
        yield copy


def run(name: str, build: Build, folder: Path, deadline: float) -> None:
    """Run a short benchmark with a build; what does not exist, fails or is late writes no table."""
    left = deadline - time.monotonic()
    if left <= 0 or not (folder / f"{name}.py").exists():
        return
    print(f"{name}, {build.name} ...", file=sys.stderr, flush=True)
    command = [str(build.python), "-m", f"benchmarks.{name}", *SHORT[name]]
    environment = {key: text for key, text in os.environ.items() if not key.startswith("PUSHWOOSH_")}
    said = folder / "work" / f"{name}.log"
    with (
        said.open("w") as log,
        subprocess.Popen(
            command, cwd=folder.parent, env=environment, stdout=log, stderr=log, start_new_session=True
        ) as process,
    ):
        try:
            process.wait(left)
        except subprocess.TimeoutExpired:
            end(process)
    if process.returncode:
        last = (said.read_text().strip().splitlines() or [""])[-1]
        print(f"{name}, {build.name}: exit code {process.returncode}: {last}", file=sys.stderr)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a benchmark that is late, with the server and the client that it has started."""
    os.killpg(process.pid, signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def read_from(folder: Path) -> Tables:
    """The tables in a folder."""

    def read(name: str) -> str | None:
        path = folder / f"{name}.txt"
        return path.read_text(encoding="utf-8") if path.exists() else None

    return read


def read_from_git(revision: str) -> Tables:
    """The tables that a revision of this repository has."""

    def read(name: str) -> str | None:
        command = ["git", "-C", str(HERE), "show", f"{revision}:./results/{name}.txt"]
        shown = subprocess.run(command, check=False, capture_output=True, text=True)
        return None if shown.returncode else shown.stdout

    return read


def write_page(title: str, now: Tables, before: Tables) -> str:
    """The figures side by side, and the tables that they are taken from."""
    lines = [
        title,
        f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores.",
        "",
        f"{'':<40}{'goal':>12}{'now':>12}{'before':>12}{'now / before':>14}",
    ]
    lines += [write_line(figure, *find_both(figure, now, before)) for figure in FIGURES]
    for name in dict.fromkeys(figure.table for figure in FIGURES):
        lines += ["", f"== {name}", now(name) or "missing: no such table"]
    return "\n".join(lines).rstrip()


def find_both(figure: Figure, now: Tables, before: Tables) -> tuple[float | None, float | None]:
    """A figure of both builds; None if it is missing."""
    text = now(figure.table)
    earlier = find(figure.beside, text) if figure.beside else None
    return find(figure.pattern, text), find(
        figure.pattern, before(figure.table)
    ) if earlier is None else earlier


def find(pattern: str, text: str | None) -> float | None:
    """A figure in a table; None if it is missing there."""
    found = re.search(pattern, text or "")
    if found is None:
        return None
    numbers = [float(text.replace(",", "")) for text in found.groups()]
    return numbers[0] / numbers[1] if len(numbers) == 2 else numbers[0]


def write_line(figure: Figure, now: float | None, before: float | None) -> str:
    """One line of the page."""
    ratio = f"{now / before:.2f}" if now is not None and before else ""
    return f"{figure.name:<40}{figure.goal:>12}{write(now):>12}{write(before):>12}{ratio:>14}".rstrip()


def write(number: float | None) -> str:
    """A number as it is read best."""
    if number is None:
        return "missing"
    return f"{number:,.0f}" if number >= 100 else f"{number:.2f}"


if __name__ == "__main__":
    main()
