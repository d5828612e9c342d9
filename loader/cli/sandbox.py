"""`sandbox`: the stand-in for the vendor, in the foreground."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loader.cli import speech
from loader.cli.faults import read_faults
from loader.cli.options import FAULTS
from loader.cli.parsing import takes
from loader.cli.sections import Sectioned
from loader.option import FileUse, Option, option

if TYPE_CHECKING:
    from loader.sandbox.server import Serving


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxRequest:
    """What `sandbox` takes."""

    store: Path = option(
        Path("pushwoosh-sandbox.sqlite3"),
        Option("SQLite file that keeps what the sandbox receives.", metavar="FILE", file=FileUse.STORE),
    )
    port: int = option(
        8707,
        Option(
            "Port on this machine to listen on. 0 chooses a free port.", metavar="PORT", bounds=(0, 65535)
        ),
    )
    application: str | None = option(
        None,
        Option(
            "Accept only this application code.", flags=("--app",), metavar="XXXXX-XXXXX", without="any code"
        ),
    )
    faults: str | None = option(None, FAULTS)


@click.command("sandbox", cls=Sectioned)
@takes(SandboxRequest)
def sandbox_command(request: SandboxRequest) -> None:
    """Run a local stand-in for the vendor until Ctrl-C.

    It receives registerUser, postEvent and setTags, checks them as the vendor's documentation describes, and
    keeps them in a file that any SQLite tool can read: tables devices, events and tags, view users. A load
    with --sandbox starts a sandbox by itself.

    \b
    Examples:
      pushwoosh-loader sandbox &
      pushwoosh-loader sandbox --faults flaky,seed=7 &
      pushwoosh-loader events purchases.csv --endpoint http://127.0.0.1:8707/json/1.3/ --app XXXXX-XXXXX
    """
    from loader.sandbox.faults.misbehaviour import Faults  # noqa: PLC0415 - as below
    from loader.sandbox.rules import Rules  # noqa: PLC0415 - as below
    from loader.sandbox.server import serve  # noqa: PLC0415 - only here is a server needed

    def announce(serving: Serving) -> None:
        misbehaving = "" if spec is None else f", faults {spec}"
        speech.echo(
            f"Sandbox at {serving.endpoint}, store {request.store}{misbehaving}. Press Ctrl-C to end it."
        )

    spec, rules = read_faults(request.faults), Rules(request.application)
    faults = None if spec is None else Faults(spec)
    serve(request.store, port=request.port, rules=rules, faults=faults, ready=announce)
