"""`check`: the real path with nothing behind it."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loader.cli import show, speech, standard_input
from loader.cli.options import FILES, INPUT_OPTIONS, check_settings
from loader.cli.sections import Sectioned
from loader.errors import ConfigError
from loader.methods import Kind
from loader.settings import refuse_overwriting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

FORMS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet", ".pq": "parquet"}


@click.command(cls=Sectioned)
@click.argument("kind", type=click.Choice([kind.value for kind in Kind]), metavar="users|events")
@FILES
@INPUT_OPTIONS
@click.option(
    "--rejects",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write every row that would be rejected, with its source columns, reason and remedy.  "
    "[default: nowhere]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(sorted(set(FORMS.values()))),
    help="Form of the rejects.  [default: by the file's ending, .csv, .jsonl or .parquet]",
)
def check(kind: str, **options: Any) -> None:
    """Map every row and send nothing: no socket is opened.

    Shows what was decided about the columns, every reason for which rows would be rejected, what the values
    are, when the events happened, which users would be overwritten, and the first request bodies exactly as
    they would be sent. Exits 0, or 3 when some rows would be rejected.

    FILE is CSV, TSV, JSON Lines, Parquet or Arrow, packed or not; a folder or a pattern of them; or - for
    standard input.

    The file of rejects loads again as it is once its cells are mended: columns that begin with "_loader_" are
    ignored.

    \b
    Examples:
      pushwoosh-loader check events purchases.csv --mapping purchases.toml
      pushwoosh-loader check users users.csv --rejects rejects.csv --summary check.json
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
    from loader.cli.show_check import curl, profile_text  # noqa: PLC0415
    from loader.profile import profile_record  # noqa: PLC0415

    summary, needed = options["summary"], [*options["files"], options["mapping"]]
    say = speech.speaker(quiet=options["quiet"], summary=summary)
    speech.refuse_summary(summary, needed)
    rejects = rejects_writer(options, [*needed, summary])
    watch = speech.watch(options)
    plan = pipeline.prepare(check_settings(kind, options), watch=watch)
    say(show.decisions_text(plan))
    profile = pipeline.check(plan, rejects, watch)
    say(profile_text(plan, profile, speech.terminal_width(summary=summary)))
    record = profile_record(profile)
    record["curl"] = curl(plan, profile.bodies[0]) if profile.bodies else None
    speech.write_json(record, summary)
    return profile.exit_code


def rejects_writer(
    options: dict[str, Any], needed: list[Any]
) -> Callable[[Iterator[pd.DataFrame]], object] | None:
    """Writes the frames of rejected rows to where `--rejects` says; None where it says nothing.

    Raises:
        ConfigError: the form cannot be told, or a file that is needed would be overwritten.
    """
    target = options.get("rejects")
    if target is None:
        return None
    form = options["form"] or FORMS.get(target.suffix.lower())
    if form is None:
        raise ConfigError(
            f"--rejects {target}: the ending does not say which form to write. Name the file .csv, .jsonl or "
            ".parquet, or give --format."
        )
    refuse_overwriting(target, needed)
    from loader.failures import write_rows  # noqa: PLC0415 - `--help` must start without pandas

    return partial(write_rows, form=form, target=target)
