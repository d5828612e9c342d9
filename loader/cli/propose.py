"""`map`: a mapping file to begin with."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loader.cli.sections import Sectioned
from loader.cli.speech import STDOUT
from loader.cli.text_options import TEXT_OPTIONS, said_of_text
from loader.errors import ConfigError, MappingError
from loader.methods import Kind

if TYPE_CHECKING:
    from loader.dialect import Dialect
    from loader.mapping.proposing.proposal import Proposal


@click.command("map", cls=Sectioned)
@click.argument("kind", type=click.Choice([kind.value for kind in Kind]), metavar="|".join(Kind))
@click.argument("file", type=click.Path(), metavar="FILE")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    default=STDOUT,
    metavar="FILE|-",
    help="Where to write the mapping file; one that exists is left alone.  [default: standard output]",
)
@click.option(
    "--zone",
    metavar="ZONE",
    help="Time zone of the times that carry none: a name such as Europe/Berlin, or an offset such as "
    "+05:45.  [default: left open]",
)
@TEXT_OPTIONS
def propose(kind: str, file: str, output: Path, zone: str | None, **how_written: Any) -> None:
    """Propose a mapping file from the columns and a sample of an input.

    Exports of Pushwoosh, OneSignal, Braze, Amplitude, Mixpanel, Segment, GA4 and CleverTap are recognised by
    their columns. Each line says why it is so, and what it is unsure of. What the input does not say is left
    open; nothing is sent and nothing is guessed.

    \b
    Examples:
      pushwoosh-loader map events mixpanel.jsonl -o mapping.toml
      pushwoosh-loader check events mixpanel.jsonl --mapping mapping.toml
    """
    from loader.mapping.proposing.proposal_text import proposal_text  # noqa: PLC0415 - as above
    from loader.mapping.proposing.propose import propose as proposed  # noqa: PLC0415 - `--help` must start without pandas
    from loader.sources import open_source  # noqa: PLC0415 - as above

    refuse_zone(zone)
    now = datetime.now(UTC)
    dialect = said_of_text(how_written)
    source = open_source((file,), dialect=dialect)
    sample = source.sample()
    proposal = proposed(Kind(kind), source.schema, sample, zone=zone, now=now)
    text = proposal_text(proposal, Path(file).name) + source_text(dialect)
    write(text, output)
    problems = open_problems(text, source.schema, sample, now)
    click.echo(verdict(proposal, problems), err=True)


def source_text(dialect: Dialect) -> str:
    """How the file is written, as far as the options said; the rest is told from the file each time."""
    from loader.mapping.file import toml  # noqa: PLC0415 - as above

    lines = [f"{name} = {toml(value)}" for name, value in dialect.table.items()]
    return "\n".join(["", "[source]", *lines, ""]) if lines else ""


def refuse_zone(zone: str | None) -> None:
    """A zone that is none would only be found when the file is loaded."""
    from loader.mapping.zones import parse_zone, zone_advice  # noqa: PLC0415 - as above

    if zone is not None and parse_zone(zone) is None:
        raise ConfigError(f'--zone "{zone}" is no time zone. {zone_advice(zone)}')


def write(text: str, output: Path) -> None:
    """Write the proposal, and never over a file that a person may have worked on."""
    if output == STDOUT:
        click.echo(text, nl=False)
        return
    try:
        mode = "w" if output.exists() and not output.is_file() else "x"  # a device or a pipe holds no work
        with output.open(mode, encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(f"{output} exists already. Name another file, or remove it first.") from None
    except OSError as error:
        raise ConfigError(f"{output} cannot be written: {error.strerror}.") from None


def open_problems(text: str, schema: object, sample: object, now: datetime) -> list[str]:
    """What keeps the proposal from being loaded as it is."""
    from loader.defaults import NO_APPLICATION  # noqa: PLC0415 - as above
    from loader.mapping import bind, parse_mapping  # noqa: PLC0415 - as above

    try:
        bind(parse_mapping(text, "proposal"), schema, sample, application=NO_APPLICATION, where="it", now=now)  # type: ignore[arg-type] # what the source gave
    except MappingError as error:
        return error.problems
    return []


def verdict(proposal: Proposal, problems: list[str]) -> str:
    """One paragraph for the person who asked."""
    known = (
        f"It looks like an export of {proposal.export}. "
        if proposal.export
        else "It is no export that is known. "
    )
    count = proposal.unsure
    unsure = f"Check what is marked UNSURE ({count} line{'s' if count > 1 else ''}). " if count else ""
    if not problems:
        return f"{known}{unsure}The proposal can be loaded as it is."
    return "\n  ".join([f"{known}{unsure}Before it can be loaded:", *problems])
