"""The commands: each parses its options, makes one call, shows the result and sets the exit code.

Nothing slow is imported before a command runs, and no command before it is named, so that `--help` and shell
completion answer at once.
"""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from loader._version import __version__
from loader.errors import LoaderError
from loader.message import Setting, spell_option
from loader.printable import escape

if TYPE_CHECKING:
    from typing import IO

    from loader.progress import EventLog

EPILOG = """
\b
Exit codes:
  0    all rows confirmed that were to be sent (--limit and --canary leave others for later)
  1    unexpected error
  2    usage or configuration, or the input is damaged; nothing was sent
  3    finished, some rows rejected
  4    finished, some rows in doubt (and perhaps rejected)
  5    stopped before the end; run again to resume
  6    no such input, or nothing matches; nothing was sent
  7    another load has this checkpoint or ledger right now; nothing was sent
  8    the input has fewer rows than --min-rows or --fail-if-empty allow; nothing was sent
  9    verify: what landed differs from the checkpoint
  130  interrupted; run again to resume
"""

# The commands in the order in which a user meets them, each with the first sentence of its help. The command
# NAME is `NAME_command` in the module of its name.
COMMANDS = {
    "users": "Load users: tie user ids to devices with registerUser.",
    "events": "Load historical events with postEvent.",
    "tags": "Load tags: set values on users and devices with setTags.",
    "run": "Run the loads of a job file, one after the other.",
    "check": "Map every row without sending anything.",
    "map": "Propose a mapping file from the columns and a sample of an input.",
    "status": "Show the account of a load, even while it runs.",
    "report": "Write an HTML report of one load or several, even while they run.",
    "failures": "List the rows that are rejected or in doubt, or left out, with the reason.",
    "resolve": "Settle rows in doubt: say whether the vendor has them.",
    "retry": "Send rejected rows again (and rows that `resolve` gave back).",
    "verify": "Compare what a load says with what landed, row by row.",
    "ledger": "Look at a ledger of sent keys, and take over, forget or verify what is in it.",
    "prune": "Delete checkpoints that nobody needs any more, with all of their parts.",
    "doctor": "Check whether this machine and the way to the vendor are ready for a load.",
    "sandbox": "Run a local stand-in for the vendor until Ctrl-C.",
}


class Refused(click.ClickException):
    """A `LoaderError`, shown as its sentence; as an event in a log of JSON lines."""

    def __init__(self, message: str, log: EventLog | None, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc] # click reads it from the instance
        self._log = log

    def show(self, file: IO[Any] | None = None) -> None:
        """Write it to standard error."""
        if self._log is not None:
            self._log.write("error", message=self.message, exit_code=self.exit_code)
        else:
            super().show(file)


class Commands(click.Group):
    """Imports a command when it is named, and shows errors as sentences."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        """Commands in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"loader.cli.{cmd_name}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names; for an unknown word an error with the nearest, or all."""
        from loader.cli import summary  # noqa: PLC0415 - bare `--help` needs none of it

        name = summary.current().command = args[0]
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            near = get_close_matches(name, COMMANDS, 1)
            advice = f"Did you mean '{near[0]}'?" if near else f"The commands are {', '.join(COMMANDS)}."
            ctx.fail(f"No such command '{name}'. {advice}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """The table, without an import."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; show an error that is meant for the user as its sentence."""
        from loader.cli import speech, summary  # noqa: PLC0415 - bare `--help` needs none of it

        log, mine = speech.log_for(ctx), summary.expect(ctx)
        try:
            return super().invoke(ctx)
        except LoaderError as error:
            mine.fail(error)
            raise Refused(str(error), log, error.exit_code) from error
        except click.UsageError as error:
            told = escape_usage(explain_option(error))
            mine.fail(told)
            if log is None:
                raise told from None
            raise Refused(told.format_message(), log) from error
        except KeyboardInterrupt as error:
            if mine.exit_code is None:
                mine.fail(error)
                speech.complain("Interrupted before anything was sent.")
            ctx.exit(130 if mine.exit_code is None else mine.exit_code)
        except (click.exceptions.Exit, SystemExit, Exception) as end:
            mine.close(end)
            raise
        finally:
            mine.leave()


def explain_option(error: click.UsageError) -> click.UsageError:
    """The error; of an option that only other commands have, that, and none that is spelled alike."""
    from loader.load_options import LoadOptions, say_who_needs  # noqa: PLC0415 - bare `--help` needs none of it
    from loader.option import offered  # noqa: PLC0415 - as above

    if isinstance(error, click.NoSuchOption):
        for each in offered(LoadOptions):
            if each.option.needless and error.option_name == spell_option(Setting(each.name)):
                use = say_who_needs(each.option)
                return click.UsageError(f"No such option '{error.option_name}'. It is {use}.", error.ctx)
    return error


def escape_usage(error: click.UsageError) -> click.UsageError:
    """The error; with what the user typed made visible, if it does not print."""
    said = error.format_message()
    return error if said.isprintable() else click.UsageError(escape(said, keep="\n"), error.ctx)


@click.group(
    cls=Commands,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="pushwoosh-loader")
def cli() -> None:
    """Load users, tags and historical events into Pushwoosh: completely, once, and provably.

    Every row of the input is confirmed, rejected, in doubt or never sent. The counts add up at any moment,
    also after a crash. An event is never sent twice unless you ask for it.

    \b
    Try it without an account:
      pushwoosh-loader check events purchases.csv
      pushwoosh-loader events purchases.csv --sandbox
    """
