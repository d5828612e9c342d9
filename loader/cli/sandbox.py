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
from loader.errors import ConfigError
from loader.message import Message, Setting
from loader.option import FileUse, Option, option
from loader.tokens import read_file

if TYPE_CHECKING:
    from loader.sandbox.rules import Rules
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
    token_file: Path | None = option(
        None,
        Option(
            "File that holds the device API token. Calls with another token, or without one, are answered "
            "403.",
            metavar="FILE",
            without="any token, or none",
            file=FileUse.READ,
        ),
    )
    server_token_file: Path | None = option(
        None,
        Option(
            "File that holds the server token, for createEvent, getEventStatistics and getResults. In the "
            "place of the device token it is answered 403.",
            metavar="FILE",
            without="any token",
            file=FileUse.READ,
        ),
    )
    strict: bool = option(
        False,  # noqa: FBT003 - the value of a flag that is not set
        Option(
            "Refuse events and attributes that createEvent has not created. Otherwise the first one creates "
            "them, with the type of its value.",
        ),
    )
    event_limit: int | None = option(
        None,
        Option(
            "Events that an application may have. createEvent answers 403 when there are N.",
            metavar="N",
            bounds=(0, None),
            without="any number",
        ),
    )
    argument_errors: str = option(
        "200",
        Option(
            "HTTP status of an argument error (status_code 210): 200 as documented, or 400 as the live "
            "service answers.",
            words=("200", "400"),
        ),
    )
    statistics_by: str = option(
        "timestamp",
        Option(
            "Time by which getResults counts events: their timestampUTC, or their arrival. The vendor does "
            "not document which.",
            words=("timestamp", "arrival"),
        ),
    )


@click.command("sandbox", cls=Sectioned)
@takes(SandboxRequest)
def sandbox_command(request: SandboxRequest) -> None:
    """Run a local stand-in for the vendor until Ctrl-C.

    It receives registerUser, postEvent and setTags, checks them as the vendor's documentation describes, and
    keeps them in a file that any SQLite tool can read: tables devices, events and tags, view users. It also
    answers createEvent, getEventStatistics and getResults. A load with --sandbox starts a sandbox by itself.
    Its page, which any browser on this machine opens, shows what arrives, events over time, users with their
    history, and duplicates.

    \b
    Examples:
      pushwoosh-loader sandbox &
      pushwoosh-loader sandbox --faults flaky,seed=7 &
      pushwoosh-loader events purchases.csv --endpoint http://127.0.0.1:8707/json/1.3/ --app XXXXX-XXXXX
    """
    from loader.sandbox.faults.misbehaviour import Faults  # noqa: PLC0415 - as below
    from loader.sandbox.server import serve  # noqa: PLC0415 - only here is a server needed

    def announce(serving: Serving) -> None:
        misbehaving = "" if spec is None else f", faults {spec}"
        # In one write, so that who starts it and waits for its address reads all of it.
        speech.echo(
            f"Sandbox at {serving.endpoint}, store {request.store}{misbehaving}. Press Ctrl-C to end it.\n"
            f"Its page, with what it receives: {serving.page}"
        )

    spec, rules = read_faults(request.faults), build_rules(request)
    faults = None if spec is None else Faults(spec)
    serve(request.store, port=request.port, rules=rules, faults=faults, ready=announce)


def build_rules(request: SandboxRequest) -> Rules:
    """How the sandbox is to behave.

    Raises:
        ConfigError: a token file cannot be read, both hold the same token, or no application has such a code.
    """
    from loader.mapping.fields import refuse_application  # noqa: PLC0415 - as above
    from loader.sandbox.rules import HoursOf, Rules  # noqa: PLC0415 - only here is a server needed

    if request.application is not None:
        refuse_application(request.application)
    token, server_token = read_secret(request.token_file), read_secret(request.server_token_file)
    if token is not None and token == server_token:
        raise ConfigError(
            Message(
                "{token} and {server_token} hold the same token. The vendor's two tokens differ: give each "
                "file its own.",
                token=Setting("token_file"),
                server_token=Setting("server_token_file"),
            )
        )
    return Rules(
        request.application,
        token,
        server_token,
        strict=request.strict,
        event_limit=request.event_limit,
        argument_errors=int(request.argument_errors),
        hours_of=HoursOf(request.statistics_by),
    )


def read_secret(file: Path | None) -> str | None:
    """The token in a file; None without a file.

    Raises:
        ConfigError: the file cannot be read, or its text cannot be a token.
    """
    return (
        None
        if file is None
        else read_file(file, lambda text: speech.complain(text, event="warning")).reveal()
    )
