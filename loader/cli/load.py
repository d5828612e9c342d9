"""`users` and `events`: the two loads."""

from __future__ import annotations

import signal
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NoReturn

import click

from loader.cli import dry, reporting, show, speech, standard_input
from loader.cli.options import FILES, INPUT_OPTIONS, SENDING_OPTIONS, WHERE_OPTIONS, load_settings
from loader.cli.sections import Sectioned
from loader.errors import ConfigError
from loader.methods import Kind
from loader.settings import refuse_overwriting

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from loader.delivery import Brake
    from loader.model import Result
    from loader.planning import Plan
    from loader.sandbox import EmbeddedSandbox


@click.command(cls=Sectioned)
@FILES
@INPUT_OPTIONS
@WHERE_OPTIONS
@SENDING_OPTIONS
@reporting.REPORT
def users(**options: Any) -> None:
    """Load users: tie user ids to devices with registerUser.

    Rows of one device keep their order. The same command again resumes: it sends only what was never sent.

    FILE is CSV, TSV, JSON Lines, Parquet or Arrow, packed or not; a folder or a pattern of them; or - for
    standard input.

    \b
    Examples:
      pushwoosh-loader users users.csv --sandbox
      pushwoosh-loader users users.csv --app XXXXX-XXXXX --mapping users.toml --summary account.json
    """
    run(Kind.USERS, options)


@click.command(cls=Sectioned)
@FILES
@INPUT_OPTIONS
@WHERE_OPTIONS
@SENDING_OPTIONS
@reporting.REPORT
def events(**options: Any) -> None:
    """Load historical events with postEvent.

    Each goes with the time at which it happened. The same command again resumes: it sends only what was
    never sent. Events can start customer journeys: pause those that must not run for old events.

    FILE is CSV, TSV, JSON Lines, Parquet or Arrow, packed or not; a folder or a pattern of them; or - for
    standard input.

    \b
    Examples:
      pushwoosh-loader events events.parquet --sandbox
      pushwoosh-loader events 2024-*.csv --app XXXXX-XXXXX --mapping events.toml --max-rejected 0.1%
    """
    run(Kind.EVENTS, options)


def run(kind: Kind, options: dict[str, Any]) -> None:
    """One load, from the parsed options to the exit code."""
    if options["dry_run"]:
        dry.run(kind, options)
        return
    from loader import pipeline  # noqa: PLC0415 - `--help` must start without pandas

    say = speech.speaker(quiet=options["quiet"], summary=options["summary"])
    options = standard_input.kept(options)
    speech.refuse_summary(options["summary"], needed_files(options))
    speech.refuse_unwritable(options["report"], [*needed_files(options), options["summary"]], "--report")
    with ExitStack() as cleanup:
        sandbox = cleanup.enter_context(embedded_sandbox(options)) if options["sandbox"] else None
        settings = load_settings(kind, options, sandbox)
        refuse_overwriting(options["report"], [settings.checkpoint])
        watch = speech.watch(options)
        plan = pipeline.prepare(settings, watch=watch)
        show.announce(plan, quiet=options["quiet"])
        say(show.plan_text(plan, sandboxed=sandbox is not None))
        rows = plan.remaining + plan.doubtful
        if rows and not options["yes"]:
            ask(plan, rows, sandboxed=sandbox is not None)
        with brakes() as brake:
            result = pipeline.load(plan, brake=brake, watch=watch)
        show.write_summary(result, options["summary"])
        say(show.result_text(result, settings))
        say(reporting.write_after(result, options["report"]))
        if sandbox is not None:
            say(show.holdings_text(sandbox.holdings(), options["sandbox_store"]))
        say(show.what_next(result, sandboxed=sandbox is not None, limited=settings.limit is not None))
    leave(result, quiet=options["quiet"])


def leave(result: Result, *, quiet: bool) -> NoReturn:
    """End with the exit code; a job that shows nothing still says why it stopped."""
    log = speech.events()
    if result.stopped and (quiet or log is not None):
        speech.complain(f"Stopped: {result.stopped}")
    if log is not None and not quiet:
        log.write("end", **show.summary(result))
    sys.exit(result.exit_code)


def needed_files(options: dict[str, Any]) -> list[Any]:
    """The files that a summary must not take the place of."""
    names = ("mapping", "token_file", "checkpoint", "sandbox_store")
    return [*options["files"], *(options[name] for name in names)]


def embedded_sandbox(options: dict[str, Any]) -> EmbeddedSandbox:
    """The sandbox that `--sandbox` asks for."""
    from loader.sandbox import EmbeddedSandbox  # noqa: PLC0415 - only where it is asked for

    return EmbeddedSandbox(options["sandbox_store"], application=options["application"])


def ask(plan: Plan, rows: int, *, sandboxed: bool) -> None:
    """Name host, application and number of rows; go on with a yes, or where nobody is there to answer."""
    if not sys.stdin.isatty():
        return
    if speech.events() is not None:
        raise ConfigError(
            "Nobody can be asked where programs read what is said: with --log-format json add --yes."
        )
    settings = plan.settings
    where = "the sandbox" if sandboxed else settings.endpoint.host
    question = f"Send {rows:,} {settings.kind} to {where}, application {settings.application}?"
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        raise KeyboardInterrupt from None
    if not agreed:
        click.echo("Nothing was sent.", err=True)
        sys.exit(2)


def brakes() -> AbstractContextManager[Brake]:
    """The first Ctrl-C, SIGTERM or lost terminal lets what is on the wire finish, the second gives it up."""
    from loader import interrupts  # noqa: PLC0415 - `--help` must start without requests

    names = ("SIGINT", "SIGTERM", "SIGHUP")
    return interrupts.brakes((getattr(signal, name) for name in names if hasattr(signal, name)), say_stopping)


def say_stopping() -> None:
    """What the first Ctrl-C is answered with."""
    from loader.delivery import DRAIN_SECONDS  # noqa: PLC0415 - as above

    # Ctrl-C has ended a `| tee` too, and its pipe takes nothing more: no reason to fail in a handler.
    try:
        speech.complain(
            f"\nStopping: up to {DRAIN_SECONDS:.0f} s for answers to what is on the wire.\n"
            "Once more to give it up.\n",
            event="stopping",
        )
    except OSError:
        speech.hush(sys.stderr)
