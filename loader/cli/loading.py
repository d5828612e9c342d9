"""What the commands that load share: their options, and the steps from there to the last answer."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from loader.cli import asking, check, show, speech, standard_input, summary
from loader.cli.canary import FirstRows, describe_answers, may_ask
from loader.cli.ending import end_load, install_brakes, leave, list_gone_after, list_signals
from loader.cli.faults import ADD_SANDBOX, refuse_faults, say_faults
from loader.cli.memory import choose_memory_pool
from loader.cli.options import FAULTS, KEEP, REQUERY, SANDBOX, AccessOptions, InputOptions, OutputOptions
from loader.defaults import NO_APPLICATION, default_checkpoint
from loader.errors import ConfigError
from loader.load_options import DEFAULT_ENDPOINT, LoadOptions, TargetOptions
from loader.option import Option, Section, nested, option
from loader.settings import Endpoint, Settings
from loader.tokens import read_token

if TYPE_CHECKING:
    from loader.canary import Answered
    from loader.delivery import Brake
    from loader.methods import Kind
    from loader.model import Result
    from loader.planning import Plan
    from loader.progress import Watch
    from loader.queries.query import Query
    from loader.sandbox import EmbeddedSandbox
    from loader.settings import Token
    from loader.text.next_steps import Why


# Where click's context keeps the tokens that were read.
TOKENS = "loader.tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRequest:
    """What a command that loads takes."""

    input: InputOptions = nested(InputOptions)
    requery: bool = option(False, REQUERY)  # noqa: FBT003 - the value of a flag that is not set
    target: TargetOptions = nested(TargetOptions)
    sandbox: bool = option(False, SANDBOX)  # noqa: FBT003 - the value of a flag that is not set
    keep: bool = option(False, KEEP)  # noqa: FBT003 - as above
    faults: str | None = option(None, FAULTS)
    access: AccessOptions = nested(AccessOptions)
    dry_run: bool = option(
        False,  # noqa: FBT003 - as above
        Option("Map every row and send nothing (the same as `check`).", Section.CONTENT),
    )
    options: LoadOptions = nested(LoadOptions)
    output: OutputOptions = nested(OutputOptions)


def run_load(kind: Kind, request: LoadRequest) -> None:
    """One load, from what was given to the exit code."""
    refuse_faults(request.faults, sandboxed=request.sandbox, otherwise=ADD_SANDBOX)
    if request.dry_run:
        check.run_check(build_check(kind, request))
        return
    leave(load_once(kind, request).result, quiet=request.output.quiet)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A load that has come to its end.

    Attributes:
        result: how.
        stopped_by_user: whether the user asked to end, at the latest while the report was written.
    """

    result: Result
    stopped_by_user: bool


def load_once(kind: Kind, request: LoadRequest, *, alone: bool = True) -> Loaded:
    """One load, from what was given to the report; its summary is written.

    Args:
        kind: what is loaded.
        request: what was given.
        alone: whether a rehearsal says how to load for real; after several loads that is said once.
    """
    choose_memory_pool()
    from loader import pipeline  # noqa: PLC0415 - `--help` must start without pandas

    output = request.output
    say = speech.choose_speaker(quiet=output.quiet, summary=output.summary)
    summary.current().know(kind=kind.value)
    refuse_outputs(output)
    speech.refuse_unwritable(request.options.report_gone, "--report-gone")
    refuse_lone_keep(keep=request.keep, sandbox=request.sandbox)
    begin_monitoring(kind, output)
    request, query = place_input(kind, request)
    with ExitStack() as cleanup:
        sandbox = cleanup.enter_context(create_sandbox(request)) if request.sandbox else None
        settings = build_settings(kind, request, sandbox)
        summary.current().know(**summary.describe_load(settings))
        watch = summary.current().watch(speech.choose_watch(output))
        with summary.current().phase("survey"):
            if query is not None:
                again = request.requery
                settings = asking.keep_for_load(query, settings, say, watch, again=again)
            plan = pipeline.prepare(settings, watch=watch)
            first = FirstRows.choose(plan, watch)
        plan = first.plan if first else plan
        show.announce(plan, quiet=output.quiet)
        say_faults(say, sandbox)
        say(show.describe_plan(plan, sandboxed=sandbox is not None, first=first.describe() if first else ""))
        rows = plan.remaining + plan.doubtful
        if rows and not output.yes:
            ask_before_sending(plan, rows, sandboxed=sandbox is not None)
        with install_brakes() as brake:
            plan, result = send_in_turn(plan, first, output, brake, watch)
            result = list_gone_after(plan, result, watch)

            def tell(why: Why) -> None:
                say(show.describe_result(result, plan.settings))
                if sandbox is not None:
                    say(show.describe_holdings(sandbox.holdings(), request.access.sandbox_store))
                cut = show.find_cut(plan.settings)
                rehearsed = sandbox is not None and alone
                store = request.access.sandbox_store if sandbox is not None else None
                say(show.describe_next_steps(result, why, sandboxed=rehearsed, store=store, cut=cut))

            asked = end_load(result, tell, say, output.report)
            return Loaded(result, asked or brake.drained)


def send_in_turn(
    plan: Plan, first: FirstRows | None, output: OutputOptions, brake: Brake, watch: Watch
) -> tuple[Plan, Result]:
    """Send the rows of a plan; after a canary show its answers, and send the rest if the user wants that.

    Returns:
        The plan that was carried out last, and how it ended.
    """
    result = send_rows(plan, brake, watch)
    if first is None:
        return plan, result
    answers = first.read_answers()
    say = speech.choose_speaker(quiet=output.quiet, summary=output.summary)
    say(describe_answers(answers, plan))
    if brake.drained or not may_ask(answers, output):
        return plan, result
    rest = first.build_rest()
    if not ask_for_the_rest(answers, rest):
        return plan, result
    return rest, send_rows(rest, brake, watch)


def send_rows(plan: Plan, brake: Brake, watch: Watch) -> Result:
    """Send the rows of a plan, until the brake is pulled."""
    from loader import pipeline  # noqa: PLC0415 - `--help` must start without pandas

    with summary.current().phase("delivery"):
        return pipeline.load(plan, brake=brake, watch=watch)


def ask_for_the_rest(answers: list[Answered], rest: Plan) -> bool:
    """Whether the rest is to be sent, now that every row of the canary is confirmed."""
    from loader import interrupts  # noqa: PLC0415 - only if it is requested
    from loader.canary.words import word_question  # noqa: PLC0415 - as above

    rows = rest.remaining + rest.doubtful
    try:
        with interrupts.interrupt_on_signals(list_signals()):
            return bool(rows) and speech.ask(word_question(answers, rest.settings.kind.method.count(rows)))
    except KeyboardInterrupt:  # the canary has ended as planned, and is told as such
        return False


def build_check(kind: Kind, request: LoadRequest) -> check.CheckRequest:
    """The check that a dry run is."""
    return check.CheckRequest(
        kind=kind,
        input=request.input,
        target=request.target,
        options=request.options,
        of_jobs=check.JobsOption(),
        output=request.output,
    )


def build_settings(kind: Kind, request: LoadRequest, sandbox: EmbeddedSandbox | None) -> Settings:
    """The settings of a load.

    Raises:
        ConfigError: an option is missing or wrong.
    """
    given, target = request.input, request.target
    if sandbox is None and not target.application:
        raise ConfigError(
            "No application code: give --app XXXXX-XXXXX or set PUSHWOOSH_APPLICATION. "
            "To try the load on this machine first, add --sandbox."
        )
    beside = default_checkpoint(
        kind, given.files[0], sandbox=sandbox is not None, folder=target.checkpoint_dir
    )
    settings = Settings(
        kind=kind,
        files=given.files,
        application=target.application or NO_APPLICATION,
        endpoint=choose_endpoint(target, sandbox),
        checkpoint=target.checkpoint or beside,
        token=choose_token(request.access, sandbox),
        mapping=given.mapping,
        dialect=given.text.dialect,
        options=adapt_options(request.options, sandbox),
    )
    return settings if sandbox is None else send_to_sandbox(settings, sandbox, keep=request.keep)


def choose_endpoint(target: TargetOptions, sandbox: EmbeddedSandbox | None) -> Endpoint:
    """Where to send, if there is no sandbox that takes its place.

    Raises:
        ConfigError: the URL is wrong.
    """
    url = None if sandbox else target.endpoint
    return Endpoint.parse(DEFAULT_ENDPOINT if url is None else url)


def send_to_sandbox(settings: Settings, sandbox: EmbeddedSandbox, *, keep: bool) -> Settings:
    """The settings of a rehearsal.

    Raises:
        CheckpointError: the checkpoint that is there cannot be read.
    """
    from loader.rehearsals import rehearse  # noqa: PLC0415 - bare `--help` needs no SQL

    return rehearse(settings, sandbox, keep=keep)


def refuse_lone_keep(*, keep: bool, sandbox: bool) -> None:
    """Refuse --keep for a load to the vendor, which is refused without it too.

    Raises:
        ConfigError: it was given alone.
    """
    if keep and not sandbox:
        raise ConfigError(
            "--keep is for a rehearsal with --sandbox. A load to the vendor always refuses a checkpoint of "
            "another input or mapping: leave --keep out."
        )


def choose_token(access: AccessOptions, sandbox: EmbeddedSandbox | None) -> Token | None:
    """The token; a sandbox is never shown it, but it is read for a rehearsal too, to find a mistake in it.

    Raises:
        ConfigError: its file cannot be read, or its text cannot be a token.
    """
    token = recall_token(access)
    return token if sandbox is None else None


def recall_token(access: AccessOptions) -> Token | None:
    """The token; a command that prints it runs once, although several jobs of one file may name it.

    Raises:
        ConfigError: it cannot be read.
    """
    context = click.get_current_context(silent=True)
    kept: dict[object, Token | None] = context.meta.setdefault(TOKENS, {}) if context else {}
    place = (access.token_file, access.token_command)
    if place not in kept:
        kept[place] = read_token(*place, warn=warn_of_token)
    return kept[place]


def warn_of_token(text: str) -> None:
    """Say what is no failure about the place of the token."""
    speech.complain(text, event="warning")


def adapt_options(options: LoadOptions, sandbox: EmbeddedSandbox | None) -> LoadOptions:
    """The options; the way to a sandbox on this machine leads over no proxy."""
    return options if sandbox is None else replace(options, proxy=None)


def place_input(kind: Kind, request: LoadRequest) -> tuple[LoadRequest, Query | None]:
    """The request with a file for its input: that of standard input, or the one that a query will write.

    Raises:
        ConfigError, CheckpointError: see `asking.read_query` and `keep_standard_input`.
    """
    asking.refuse_lone_options(request.input, again=request.requery)
    query = asking.read_query(request.input)
    if query is None:
        return keep_standard_input(request), None
    target, sandboxed = request.target, request.sandbox
    checkpoint = asking.choose_checkpoint(kind, query, target, sandboxed=sandboxed)
    files = (str(asking.name_kept(checkpoint)),)
    target = replace(target, checkpoint=checkpoint)
    return replace(request, target=target, input=replace(request.input, files=files)), query


def keep_standard_input(request: LoadRequest) -> LoadRequest:
    """The request, with a file beside the checkpoint in the place of standard input.

    Raises:
        ConfigError: there is no checkpoint to keep it beside, or it is not what the load was begun with; a
            rehearsal begins again then.
        CheckpointError: the checkpoint of a rehearsal is in use, or cannot be read.
    """
    checkpoint, begins = request.target.checkpoint, False
    if standard_input.STDIN in request.input.files and checkpoint and request.sandbox and not request.keep:
        from loader.rehearsals import may_replace  # noqa: PLC0415 - bare `--help` needs no SQL

        begins = may_replace(checkpoint)
    files = standard_input.keep_input(request.input.files, checkpoint, replacing=begins)
    return replace(request, input=replace(request.input, files=files))


def refuse_outputs(output: OutputOptions) -> None:
    """Find out before a load whether its report can be written.

    Raises:
        ConfigError: it cannot.
    """
    speech.refuse_unwritable(output.report, "--report")
    speech.refuse_unwritable(output.metrics, "--metrics")


def begin_monitoring(kind: Kind, output: OutputOptions) -> None:
    """Tell monitors that a load begins, if there are any."""
    from loader.monitoring import Monitor  # noqa: PLC0415 - `--help` must start without it

    summary.current().tell(Monitor(kind.value, output.metrics, output.job))


def create_sandbox(request: LoadRequest) -> EmbeddedSandbox:
    """The sandbox that `--sandbox` asks for."""
    from loader.sandbox import EmbeddedSandbox  # noqa: PLC0415 - only if it is requested

    return EmbeddedSandbox(
        request.access.sandbox_store, application=request.target.application, faults=request.faults
    )


def ask_before_sending(plan: Plan, rows: int, *, sandboxed: bool) -> None:
    """Name host, application and number of rows; continue after a yes, or if there is nobody to ask."""
    if not sys.stdin.isatty():
        return
    if speech.find_event_log() is not None:
        raise ConfigError(
            "--log-format json cannot ask before the first send. Add --yes to send without being asked."
        )
    settings = plan.settings
    where = "the sandbox" if sandboxed else settings.endpoint.host
    question = f"Send {settings.kind.method.count(rows)} to {where}, application {settings.application}?"
    if not speech.ask(question):
        speech.echo("Nothing was sent.", err=True)
        sys.exit(2)
