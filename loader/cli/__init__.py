"""The commands: parse, make settings, one call, show, exit code.

Nothing heavy is imported before a command runs, so that `--help` answers at once.
"""

from __future__ import annotations

from typing import Any

import click

from loader import __version__
from loader.cli.dry import check
from loader.cli.load import events, users
from loader.cli.look import failures, status
from loader.cli.mend import resolve, retry
from loader.cli.propose import propose
from loader.cli.reporting import report
from loader.cli.standin import sandbox
from loader.errors import LoaderError

EPILOG = """
\b
Exit codes:
  0    all rows confirmed
  1    unexpected error
  2    usage or configuration; nothing was sent
  3    finished, some rows rejected
  4    finished, some rows in doubt (and perhaps rejected)
  5    stopped before the end; run again to resume
  130  interrupted; run again to resume
"""


class Refused(click.ClickException):
    """A `LoaderError`, shown as its sentence."""

    exit_code = 2


class Commands(click.Group):
    """Keeps the commands in the order in which a person meets them, and shows errors as sentences."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        """Commands in the order of their registration."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn an error meant for people into its sentence."""
        try:
            return super().invoke(ctx)
        except LoaderError as error:
            raise Refused(str(error)) from error
        except KeyboardInterrupt:
            click.echo("Interrupted before anything was sent.", err=True)
            ctx.exit(130)


@click.group(
    cls=Commands,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="pushwoosh-loader")
def cli() -> None:
    """Load users and historical events into Pushwoosh: completely, once, and provably.

    Every row of the input ends confirmed, rejected, in doubt or never sent, and the counts add up, at any
    moment and after any crash. An event is never sent twice unless you ask for it.

    \b
    Try it without an account:
      pushwoosh-loader check events purchases.csv
      pushwoosh-loader events purchases.csv --sandbox
    """


for command in (users, events, check, propose, status, report, failures, resolve, retry, sandbox):
    cli.add_command(command)
