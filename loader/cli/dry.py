"""`check`: the real path with nothing behind it."""

from __future__ import annotations

import sys
from typing import Any

import click

from loader.cli import show, standard_input
from loader.cli.options import FILES, INPUT_OPTIONS, check_settings
from loader.model import Kind


@click.command()
@click.argument("kind", type=click.Choice([kind.value for kind in Kind]), metavar="users|events")
@FILES
@INPUT_OPTIONS
def check(kind: str, **options: Any) -> None:
    """Map every row and send nothing: no socket is opened.

    Shows what was decided about the columns, every reason for which rows would be rejected, and the first
    request bodies exactly as they would be sent. Exits 0, or 3 when some rows would be rejected.

    \b
    Example:
      pushwoosh-loader check events purchases.csv --mapping purchases.toml
    """
    run(Kind(kind), options)


def run(kind: Kind, options: dict[str, Any]) -> None:
    """One check, from the parsed options to the exit code."""
    with standard_input.for_a_look(options) as settled:
        exit_code = look(kind, settled)
    sys.exit(exit_code)


def look(kind: Kind, options: dict[str, Any]) -> int:
    """Check, and show what was found; the exit code."""
    from loader import pipeline  # noqa: PLC0415 - `--help` must start without pandas

    say = show.speaker(quiet=options["quiet"], summary=options["summary"])
    show.refuse_summary(options["summary"], [*options["files"], options["mapping"]])
    plan = pipeline.prepare(check_settings(kind, options))
    say(show.decisions_text(plan))
    profile = pipeline.check(plan)
    say(show.profile_text(profile, kind))
    exit_code = 3 if profile.rejected else 0
    show.write_json(show.profile_record(profile, kind, exit_code), options["summary"])
    return exit_code
