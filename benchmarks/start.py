"""Processor time of commands that have next to nothing to do: what each start costs.

Run ``python -m benchmarks.start [--rounds N] [--before TREE]``; how to read the table: benchmarks/README.md.
The loads go to a server on this machine, and their files to a temporary folder.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks.answer import only_answers
from benchmarks.contenders import APPLICATION, HERE

TREE = HERE.parent
RESULT = HERE / "results" / "start.txt"
LOADER = (sys.executable, "-m", "loader")
USERS = "user_id,device_id,platform\n" + "".join(f"u{row},device-{row:04},ios\n" for row in range(10))
EVENTS = "user_id,device_id,event,timestamp,timezone,platform,amount\n" + "".join(
    f"u{row},device-{row:04},purchase,2024-03-0{row % 9 + 1} 10:00:00,Europe/Berlin,ios,{row}.50\n"
    for row in range(10)
)
TAGS = "user_id,plan,orders\n" + "".join(f"u{row},gold,{row}\n" for row in range(10))


class Measured(NamedTuple):
    """A command.

    Attributes:
        name: in the table.
        words: of the command line.
        fresh: whether it begins a load, so that what the round before left is removed.
    """

    name: str
    words: tuple[str, ...]
    fresh: bool = False


def main() -> None:
    options = parse()
    trees = [TREE, *([options.before.resolve()] if options.before else [])]
    with TemporaryDirectory() as folder, only_answers() as server:
        place = Path(folder)
        commands = list_commands(place, server.endpoint)
        for _ in range(2):  # the first run writes bytecode, as an installation does
            spend_round(commands, trees, place)
        rounds = [spend_round(commands, trees, place) for _ in range(options.rounds)]
    text = report(commands, trees, rounds)
    print(text)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="runs of each command (default: 20)")
    parser.add_argument("--before", type=Path, metavar="TREE", help="another checkout, measured in turns")
    return parser.parse_args()


def list_commands(place: Path, endpoint: str) -> list[Measured]:
    """The commands, with the files that they need; those that look at a load come after it."""
    for name, text in {"users.csv": USERS, "events.csv": EVENTS, "tags.csv": TAGS}.items():
        (place / name).write_text(text, encoding="utf-8")
    checkpoint = str(place / "load.ckpt")
    to = ("--endpoint", endpoint, "--app", APPLICATION, "--checkpoint", checkpoint, "--yes")
    return [
        Measured("import click", (sys.executable, "-c", "import click")),
        Measured("import pandas, pyarrow", (sys.executable, "-c", "import pandas, pyarrow")),
        Measured("--help", (*LOADER, "--help")),
        Measured("check --help", (*LOADER, "check", "--help")),
        *(
            Measured(f"check {kind}, 10 rows", (*LOADER, "check", kind, str(place / f"{kind}.csv")))
            for kind in ("events", "users", "tags")
        ),
        Measured("load, 10 rows", (*LOADER, "events", str(place / "events.csv"), *to), fresh=True),
        Measured("status", (*LOADER, "status", checkpoint)),
        Measured("report", (*LOADER, "report", checkpoint, "--output", str(place / "report.html"))),
    ]


def spend_round(commands: list[Measured], trees: list[Path], place: Path) -> list[list[float]]:
    """Seconds of each command in each tree, one after the other."""
    return [[spend(command, tree, place) for tree in trees] for command in commands]


def spend(command: Measured, tree: Path, place: Path) -> float:
    """User and system time of one run, with all of its threads."""
    if command.fresh:
        for left in place.glob("load.ckpt*"):
            with suppress(FileNotFoundError):
                left.unlink()
    # No token or endpoint of the person who measures; and bytecode is kept, as it is where pip installs.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PUSHWOOSH_") and name != "PYTHONDONTWRITEBYTECODE"
    }
    with subprocess.Popen(
        command.words,
        cwd=tree,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"Exit code {process.returncode} from: {' '.join(command.words)}\n{said}")
    return usage.ru_utime + usage.ru_stime


def report(commands: list[Measured], trees: list[Path], rounds: list[list[list[float]]]) -> str:
    """The medians as a table, and the two ratios that hold on any machine."""
    medians = [
        [median(each[row][tree] for each in rounds) for tree in range(len(trees))]
        for row in range(len(commands))
    ]
    seconds = {command.name: row[0] for command, row in zip(commands, medians, strict=True)}
    heads = ["processor time in seconds", "now", *(["before", "now / before"] if len(trees) > 1 else [])]
    lines = [f"{heads[0]:<28}" + "".join(f"{head:>14}" for head in heads[1:])]
    for command, row in zip(commands, medians, strict=True):
        cells = [*(f"{each:.3f}" for each in row), *([f"{row[0] / row[1]:.2f}"] if len(row) > 1 else [])]
        lines.append(f"{command.name:<28}" + "".join(f"{cell:>14}" for cell in cells))
    lines += [
        "",
        f"--help is {seconds['--help'] / seconds['import click']:.2f} of importing click alone",
        f"check of events is {seconds['check events, 10 rows'] / seconds['import pandas, pyarrow']:.2f} "
        "of importing pandas and pyarrow alone",
        f"{len(rounds)} rounds, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{platform.system()}",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
