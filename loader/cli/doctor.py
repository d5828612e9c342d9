"""`doctor`: whether this machine and the way to the vendor are ready for a load."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from loader.addresses import SANDBOX
from loader.cli import speech, summary
from loader.cli.loading import choose_token
from loader.cli.options import AccessOptions, OutputOptions
from loader.cli.parsing import takes
from loader.cli.sections import Sectioned
from loader.cli.speech import HANG
from loader.defaults import NO_APPLICATION
from loader.load_options import DEFAULT_ENDPOINT, LoadOptions, TargetOptions
from loader.methods import Kind
from loader.option import Option, Section, nested, option
from loader.settings import Endpoint, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loader.doctor import Examination


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorRequest:
    """What `doctor` takes."""

    target: TargetOptions = nested(TargetOptions, "endpoint", "checkpoint")
    sandbox: bool = option(
        False,  # noqa: FBT003 - the value of a flag that is not set
        Option("Look at a sandbox on this machine instead of the vendor.", Section.PLACE),
    )
    access: AccessOptions = nested(AccessOptions, "token_file", "token_command")
    options: LoadOptions = nested(LoadOptions, "proxy", "ca_bundle")
    output: OutputOptions = nested(OutputOptions, "summary")


@click.command("doctor", cls=Sectioned)
@takes(DoctorRequest)
def doctor_command(request: DoctorRequest) -> None:
    """Check whether this machine and the way to the vendor are ready for a load.

    The command looks at the server's name, the connection, a proxy, the certificate, the answer, the token,
    the clock, the free space and the locks where the checkpoint goes, and the parts of the program. Nothing
    is loaded: one request without content is sent, which names no application. No call of the API proves a
    token without a change, so a token can only be found to be refused.

    It exits with 0, or with 2 if something must be fixed.

    \b
    Examples:
      pushwoosh-loader doctor
      pushwoosh-loader doctor --checkpoint /data/purchases.ckpt --summary doctor.json
      pushwoosh-loader doctor --sandbox
    """
    from loader.doctor import examine  # noqa: PLC0415 - `--help` must start without it

    say = speech.choose_speaker(quiet=False, summary=request.output.summary)
    with ExitStack() as cleanup:
        settings = build_settings(request, cleanup)
        summary.current().know(endpoint=settings.endpoint.name)
        found = examine(settings)
    say("\n".join(describe_checks(found)))
    summary.current().finish({"exit_code": found.exit_code, "checks": found.record})
    sys.exit(found.exit_code)


def build_settings(request: DoctorRequest, cleanup: ExitStack) -> Settings:
    """The settings of the load that is to come; a sandbox ends with the cleanup.

    Raises:
        ConfigError: an option is wrong.
    """
    token = choose_token(request.access, None)
    endpoint, options = Endpoint.parse(request.target.endpoint or DEFAULT_ENDPOINT), request.options
    if request.sandbox:
        endpoint, options, token = begin_sandbox(cleanup), replace(options, proxy=None), None
    return Settings(
        kind=next(iter(Kind)),  # no method is called
        files=(),
        application=NO_APPLICATION,
        endpoint=endpoint,
        checkpoint=request.target.checkpoint,
        token=token,
        options=options,
    )


def begin_sandbox(cleanup: ExitStack) -> Endpoint:
    """A sandbox whose store goes with it."""
    from loader.sandbox import EmbeddedSandbox  # noqa: PLC0415 - only if it is requested

    folder = cleanup.enter_context(TemporaryDirectory(prefix="pushwoosh-sandbox-"))
    sandbox = cleanup.enter_context(EmbeddedSandbox(Path(folder) / "store.sqlite3"))
    return Endpoint(sandbox.endpoint, f"{SANDBOX}{sandbox.store_id}")


def describe_checks(found: Examination) -> Iterator[str]:
    """A line for each check, then how many problems there are."""
    width = max(len(each.name) for each in found.checks)
    for each in found.checks:
        state = each.state.value.replace("_", " ")
        advice = f" {each.advice}" if each.advice else ""
        end = "." if each.advice else ""
        yield f"{each.name:<{width}}  {state:<9}  {HANG}{each.found}{end}{advice}"
    problems = len(found.problems)
    yield ""
    if not problems:
        yield "No problem was found."
    else:
        yield f"{problems} {'problem' if problems == 1 else 'problems'} to fix."
