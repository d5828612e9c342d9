"""How the commands speak: to a terminal, a pipe or a file, and as JSON for a program."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import textwrap
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loader import stores
from loader.errors import ConfigError
from loader.output_files import write_shared
from loader.stores.address import Address
from loader.text.escape import escape, escape_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from loader.cli.options import OutputOptions
    from loader.progress import EventLog, Watch

STDOUT = Path("-")

# Stands in a line where the rest of it hangs if it is broken, and is itself never shown.
HANG = "\x1f"

# Where click's context keeps the log of JSON lines.
LOG = "loader.log"


def log_for(context: click.Context) -> EventLog | None:
    """Begin the log of JSON lines if the command line requests one; then it is all of standard error.

    The words are looked at before they are parsed, because mistakes in them are reported in that form too.
    """
    words = list(context.args)
    pairs = [f"{first}={second}" for first, second in pairwise(words)]
    asked = [word for word in words + pairs if word.startswith("--log-format=")]
    if "--log-format=json" not in asked or not sys.stderr:  # closed (`2>&-`), it is None
        return None
    from loader.progress import begin_log  # noqa: PLC0415 - only if it is requested

    log = context.meta[LOG] = begin_log(sys.stderr)
    return log


def find_event_log() -> EventLog | None:
    """The log of JSON lines if `--log-format json` requests one; otherwise None."""
    context = click.get_current_context(silent=True)
    log: EventLog | None = context.meta.get(LOG) if context else None
    return log


def complain(text: str, event: str = "error") -> None:
    """Write a sentence to standard error, or an event to the log of JSON lines if there is one."""
    log = find_event_log()
    if log is not None:
        log.write(event, message=" ".join(text.split()))
    # Not by click, which writes past the stand-in that keeps lines out of a live view.
    elif sys.stderr:
        sys.stderr.write(escape(text, keep="\n") + "\n")
        sys.stderr.flush()


def echo(text: str, *, file: TextIO | None = None, err: bool = False, nl: bool = True) -> None:
    """Write text for the user: the one way from a command to a terminal.

    Names of files and columns, cells and answers may hold what steers a terminal or turns a line round.
    """
    click.echo(escape(text, keep="\n"), file=file, err=err, nl=nl)


def ask(question: str) -> bool:
    """Ask a question of yes and no.

    Raises:
        KeyboardInterrupt: it was interrupted.
    """
    try:
        return click.confirm(escape(question), err=True)
    except click.Abort:
        raise KeyboardInterrupt from None


def choose_watch(output: OutputOptions) -> Watch:
    """What shows a running command: a view, lines, events or nothing."""
    from loader import progress  # noqa: PLC0415 - `--help` must start without it

    return progress.choose_watch(quiet=output.quiet, lines=output.log_format == "text", log=find_event_log())


def choose_speaker(*, quiet: bool, summary: Path | None) -> Callable[[str], None]:
    """A function that shows a paragraph: on standard output, or on standard error if the summary has that."""
    out, columns = choose_output(summary), measure_terminal(summary=summary)

    def say(text: str) -> None:
        if not text or quiet:
            return
        if out is sys.stderr and (log := find_event_log()) is not None:
            log.write("note", message=fold_lines(text, None))
            return
        try:
            echo(fold_lines(text, columns) + "\n", file=out)
        except OSError:
            hush(out)

    return say


def choose_output(summary: Path | None) -> TextIO:
    """Where a command writes: standard output, unless the summary goes there."""
    return sys.stderr if summary == STDOUT else sys.stdout


def measure_terminal(*, summary: Path | None) -> int | None:
    """Columns of the terminal on which a command speaks; None if it is not a terminal."""
    return shutil.get_terminal_size().columns if choose_output(summary).isatty() else None


def hush(out: TextIO) -> None:
    """Discard the rest of an output whose reader has gone (`| head`) or whose disk is full.

    Neither must end a load; and Python would flush what is left at its exit, and exit with 120.
    """
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


def fold_lines(text: str, columns: int | None) -> str:
    """Long lines broken at blanks, and indented further, for a terminal of N columns; None breaks none.

    Commands and bodies stay whole, to be copied.
    """
    return "\n".join(fold(line, columns) for line in text.split("\n"))


def fold(line: str, columns: int | None) -> str:
    """One line, broken; what follows stands where the line says (`HANG`), or further in than it begins."""
    before, hang, after = line.partition(HANG)
    whole = before + after
    copied = whole.lstrip().startswith(("pushwoosh-loader ", "{", "curl "))
    if columns is None or len(whole) <= columns or copied:
        return whole
    blanks = len(whole) - len(whole.lstrip())
    indent = len(before) if hang else blanks and blanks + 2
    return textwrap.fill(
        whole,
        width=columns,
        subsequent_indent=" " * min(indent, columns // 2),
        break_long_words=False,
        break_on_hyphens=False,
    )


def refuse_unwritable(target: Path | Address | None, option: str) -> None:
    """Find out before the load whether what an option names can be written at its end.

    Raises:
        ConfigError: it cannot.
    """
    if target is None or target == STDOUT:
        return
    if isinstance(target, Address):
        stores.refuse_unwritable(str(target))
        return
    folder = target.parent
    if (
        target.is_dir()
        or not folder.is_dir()
        or not os.access(target if target.exists() else folder, os.W_OK)
    ):
        raise ConfigError(
            f"{option} {target} cannot be written. Name a file in a folder that can be written to."
        )


def write_json(record: dict[str, object], target: Path | None) -> None:
    """Write one JSON object to a file or to standard output."""
    if target is None:
        return
    unicode = target != STDOUT or sys.stdout.encoding.lower().startswith("utf")
    text = escape_json(json.dumps(record, ensure_ascii=not unicode, indent=2)) + "\n"
    try:
        if target == STDOUT:
            echo(text, nl=False)
        else:
            write_shared(target, text.encode())
    except OSError as error:
        # Too late to refuse anything: the exit code still speaks of the rows.
        if target == STDOUT:
            hush(sys.stdout)
        complain(f"The summary cannot be written to {target}: {error.strerror}.\n{text}")
