"""`sandbox`: the stand-in for the vendor, in the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from loader.sandbox.server import Serving


@click.command()
@click.option(
    "--store",
    type=click.Path(path_type=Path),
    default=Path("pushwoosh-sandbox.sqlite3"),
    show_default=True,
    metavar="FILE",
    help="SQLite file that keeps what the sandbox takes.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8707, show_default=True, help="0 takes a free port."
)
@click.option("--app", "application", metavar="XXXXX-XXXXX", help="Take only this application code.")
@click.option(
    "--lose-answers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Answer every Nth event with 504, as a gateway does that lost the answer; every other one of these "
    "events was taken. To rehearse rows in doubt.  [default: none is lost]",
)
def sandbox(store: Path, port: int, application: str | None, lose_answers: int | None) -> None:
    """Run a local stand-in for the vendor until Ctrl-C.

    It takes registerUser and postEvent, checks them as the documentation describes and keeps them in a file
    that any SQLite tool can read: tables devices and events, view users.

    \b
    Example:
      pushwoosh-loader sandbox &
      pushwoosh-loader events purchases.csv --endpoint http://127.0.0.1:8707/json/1.3/ --app XXXXX-XXXXX
    """
    from loader.sandbox.checks import Rules  # noqa: PLC0415 - as below
    from loader.sandbox.losses import LostAnswers  # noqa: PLC0415 - as below
    from loader.sandbox.server import serve  # noqa: PLC0415 - only here is a server needed

    def ready(serving: Serving) -> None:
        click.echo(f"Sandbox at {serving.endpoint}, store {store}. Ctrl-C ends it.")

    losses = LostAnswers(lose_answers or 0)
    serve(store, port=port, rules=Rules(application), losses=losses, ready=ready)
