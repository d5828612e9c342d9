"""`--summary`: one JSON object that is true at every moment, from the start of a command to its end.

    begin     "state": "running": nobody reads the success of last night while tonight's job is at work
    finish    the account, at the end of the work
    refuse    why there is none: a refusal, an interrupt, an error that nobody expected

After a kill the file still says "running", with the id of a process that is no more.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from loader._version import __version__
from loader.cli import speech
from loader.errors import ConfigError, LoaderError
from loader.option import FileUse
from loader.text.account import COUNTS, EndError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from types import FrameType

    from loader.journal import CheckpointView
    from loader.monitoring import Monitor
    from loader.progress import Watch
    from loader.settings import Settings

RUNNING, ENDED = "running", "ended"
FLAG = "--summary"

# Where click's context keeps the summary of the command.
KEPT = "loader.summary"


@dataclass(slots=True)
class Summary:
    """The summary of one command.

    Args:
        now: the time of day.

    Attributes:
        command: its name.
        target: where to write; None for nowhere.
        facts: what is known of the job so far.
        record: what was written last.
        cautious: the options are not checked yet: replace only a file that is surely an older summary.
    """

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    command: str = ""
    target: Path | None = None
    facts: dict[str, object] = field(default_factory=dict)
    record: dict[str, object] = field(default_factory=dict)
    cautious: bool = True
    monitor: Monitor | None = None
    started: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.now()

    @property
    def exit_code(self) -> int | None:
        """What the command ends with, if its work is done; else None."""
        code = self.record.get("exit_code")
        return code if isinstance(code, int) else None

    def know(self, **facts: object) -> None:
        """Keep what a command has found out about the job."""
        self.facts |= facts

    def begin(self, target: Path | None) -> None:
        """Replace what an earlier job wrote by a note that this one runs.

        Raises:
            ConfigError: the file cannot be written.
        """
        self.target, self.cautious = target, False
        if target is not None:
            end_as_interrupted()
        speech.refuse_unwritable(target, FLAG)
        self.note_running()

    def note_running(self) -> None:
        """Say in the file that the job runs, with all that is known of it now."""
        target = self.target
        if target is not None and target != speech.STDOUT and (target.is_file() or not target.exists()):
            self._write({"state": RUNNING, "exit_code": None, "error": None})

    def finish(self, record: dict[str, object]) -> None:
        """Write what became of the job."""
        self.record = self._write({"state": ENDED, "error": None, **record})
        self._tell()

    def fail(self, failure: BaseException) -> None:
        """Write what ended the job."""
        self.refuse(*describe_failure(failure))

    def close(self, end: BaseException) -> None:
        """Write what became of a command that ended in any other way; `--help` is no job."""
        if isinstance(end, click.exceptions.Exit):
            return
        if not isinstance(end, SystemExit):
            self.fail(end)
        elif not self.record:  # of the commands with a summary only this one ends so without an account
            message = "The question before the first send was answered with no. Nothing was sent."
            self.refuse("declined", message, end.code if isinstance(end.code, int) else 1)

    def refuse(self, code: str, message: str, exit_code: int) -> None:
        """Write why the job ended without an account; with one, what went wrong after it."""
        told = self.record and self.target == speech.STDOUT  # one object is all that a program can read
        if told or (self.cautious and not is_free(self.target)):
            return
        error = EndError(code, message)
        end = {"state": ENDED, "exit_code": exit_code, "error": asdict(error)}
        self.record = self._write(self.record | end)
        self._tell()

    def tell(self, monitor: Monitor) -> None:
        """Have monitors told how it ends too."""
        self.monitor = monitor
        monitor.begin()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """A part of the work, for monitors."""
        with self.monitor.phase(name) if self.monitor else nullcontext():
            yield

    def watch(self, watch: Watch) -> Watch:
        """The watch, which tells monitors too."""
        return self.monitor.watch(watch) if self.monitor else watch

    def leave(self) -> None:
        """The command is over, its report included."""
        if self.monitor is not None:
            self.monitor.close(self.record)

    def _tell(self) -> None:
        if self.monitor is not None:
            self.monitor.end(self.record)

    def _write(self, record: dict[str, object]) -> dict[str, object]:
        ended = None if record["state"] == RUNNING else format_time(self.now())
        known = {**EMPTY, "command": self.command, **({} if self.command in UNCOUNTED else NO_COUNTS)}
        known |= self.facts | record | {"started": format_time(self.started), "ended": ended}
        known |= {"pid": os.getpid(), "version": __version__}
        speech.write_json(known, self.target)
        return known


# Every summary has these keys, and every one of a load those, so that a program need not ask for them.
_FIRST = ("state", "exit_code", "error", "started", "ended", "command")
EMPTY: dict[str, object] = dict.fromkeys(
    (*_FIRST, "kind", "input", "application", "endpoint", "checkpoint"),
)
NO_COUNTS: dict[str, object] = dict.fromkeys(COUNTS)

# Commands that have no account of their own.
UNCOUNTED = frozenset({"check", "doctor", "run"})


def expect(context: click.Context) -> Summary:
    """The summary that the words of the command line ask for, before they are parsed."""
    summary = context.meta[KEPT] = Summary()
    summary.target = find_target(list(context.args))
    return summary


def current() -> Summary:
    """The summary of the command that runs."""
    context = click.get_current_context(silent=True)
    found: Summary | None = context.meta.get(KEPT) if context else None
    return found or Summary()


@contextmanager
def part(command: str) -> Iterator[Summary]:
    """A summary for one of several jobs: in the `with` block it is the current one, and goes to no file."""
    context, mine = click.get_current_context(), Summary(command=command)
    whole = context.meta[KEPT]
    context.meta[KEPT] = mine
    try:
        yield mine
    finally:
        context.meta[KEPT] = whole


def find_target(words: list[str]) -> Path | None:
    """What `--summary` names among words that click may not understand; None if it is another word's file."""
    named = [second for first, second in pairwise(words) if first == FLAG]
    named += [word.partition("=")[2] for word in words if word.startswith(f"{FLAG}=")]
    if len(set(named)) != 1 or not named[0] or named[0].startswith("--"):
        return None
    target = Path(named[0])
    values = [part for word in words for part in (word, word.partition("=")[2]) if part]
    others = [Path(value) for value in values if value != named[0]]
    taken = values.count(named[0]) > 1 or any(is_near(target, other) for other in others)
    return None if taken and target != speech.STDOUT else target


def is_near(target: Path, other: Path) -> bool:
    """Whether two paths name one file, or the first would be a part of a checkpoint at the other."""
    if target.parent == other.parent and target.name.startswith(f"{other.name}-"):
        return True
    try:
        return target.samefile(other)
    except (OSError, ValueError):
        return False


def is_free(target: Path | None) -> bool:
    """Whether a file may be written although its options were not checked: none is lost but a summary."""
    from loader.claims import Claim, refuse_conflicts  # noqa: PLC0415 - bare `--help` needs no SQL

    if target is None or target == speech.STDOUT:
        return True
    try:
        refuse_conflicts([Claim(FileUse.OUTPUT, str(target), "summary")])
        speech.refuse_unwritable(target, FLAG)
        return not target.exists() or is_summary(target)
    except ConfigError:
        return False


def is_summary(path: Path) -> bool:
    """Whether a file is a summary that this program wrote, or empty."""
    if not path.is_file() or path.stat().st_size > 1 << 20:
        return False
    with suppress(OSError, ValueError):
        text = path.read_text("utf-8")
        record = json.loads(text) if text.strip() else {"exit_code": None}
        return isinstance(record, dict) and "exit_code" in record
    return False


def describe_load(settings: Settings) -> dict[str, object]:
    """What a load is about."""
    return {
        "kind": settings.kind.value,
        "input": list(settings.files),
        "application": settings.application,
        "endpoint": settings.endpoint.name,
        "checkpoint": None if settings.checkpoint is None else str(settings.checkpoint),
    }


def strip_secrets(url: str) -> str | None:
    """A URL without a user, a password, a query and a fragment; None if it cannot be read."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not parts.scheme or not host:
        return None
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}{parts.path}"


def describe_checkpoint(ledger: CheckpointView) -> dict[str, object]:
    """What the load of a checkpoint is about."""
    identity = ledger.identity
    return {
        "input": [file.name for file in identity.files],
        "application": identity.application,
        "endpoint": identity.endpoint,
    }


def describe_request(values: Mapping[str, Any]) -> dict[str, object]:
    """What is known of a job before its options are understood.

    Args:
        values: the options and arguments of the command by name.
    """
    files, endpoint, checkpoint = values.get("files"), values.get("endpoint"), values.get("checkpoint")
    return {
        "kind": values.get("kind"),
        "input": list(files) if files else None,
        "application": values.get("application"),
        "endpoint": None if endpoint is None else strip_secrets(endpoint),
        "checkpoint": None if checkpoint is None else str(checkpoint),
    }


def end_as_interrupted(signals: Iterable[int] = (signal.SIGTERM,)) -> None:
    """Have a signal end a command as Ctrl-C does, so that it can say so; a load has its own way later."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in signals:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, raise_interrupt)


def raise_interrupt(_: int, __: FrameType | None) -> None:
    """Answer SIGTERM."""
    raise KeyboardInterrupt


def format_time(moment: datetime) -> str:
    """A time in UTC, in ISO 8601."""
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"


def describe_failure(failure: BaseException) -> tuple[str, str, int]:
    """Code, sentence and exit code of what ended a command."""
    match failure:
        case LoaderError():
            return failure.code, str(failure), failure.exit_code
        case click.UsageError():
            return "usage", failure.format_message(), failure.exit_code
        case KeyboardInterrupt():
            return "interrupted", "Interrupted before the end.", 130
        case _:
            name = type(failure).__name__
            return "unexpected", f"Unexpected error: {name}. Standard error has the details.", 1
