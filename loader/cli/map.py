"""`map`: a mapping file to begin with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from loader.cli import asking, speech
from loader.cli.options import InputOptions, TextOptions
from loader.cli.parsing import argument, takes
from loader.cli.sections import Sectioned
from loader.cli.speech import STDOUT
from loader.errors import ConfigError, MappingError
from loader.load_options import QueryOptions
from loader.methods import Kind
from loader.option import FileUse, Option, nested, option
from loader.text.escape import escape_toml
from loader.text.nouns import count_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from loader.mapping import Mapped
    from loader.mapping.proposing.proposal import Proposal
    from loader.model import Reject
    from loader.sources.records import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class MapRequest:
    """What `map` takes."""

    kind: Kind = argument("|".join(Kind))
    files: tuple[str, ...] = argument("FILE", FileUse.INPUT, optional=True)
    asked: QueryOptions = nested(QueryOptions)
    output: Path = option(
        STDOUT,
        Option(
            "Where to write the mapping file. An existing file is never overwritten.",
            flags=("-o", "--output"),
            metavar="FILE|-",
            without="standard output",
            file=FileUse.OUTPUT,
        ),
    )
    zone: str | None = option(
        None,
        Option(
            "Time zone of times that have none: a name such as Europe/Berlin, or an offset such as +05:45.",
            metavar="ZONE",
            without="left open",
        ),
    )
    text: TextOptions = nested(TextOptions)


@click.command("map", cls=Sectioned)
@takes(MapRequest)
def map_command(request: MapRequest) -> None:
    """Propose a mapping file from the columns and a sample of an input.

    Exports of Pushwoosh, OneSignal, Braze, Amplitude, Mixpanel, Segment, GA4 and CleverTap are recognised by
    their columns. Each line of the proposal has its reason, and says if it is unsure. What the input does not
    show is left open. Nothing is sent and nothing is guessed.

    \b
    Examples:
      pushwoosh-loader map events mixpanel.jsonl -o mapping.toml
      pushwoosh-loader check events mixpanel.jsonl --mapping mapping.toml
    """
    refuse_several(request)
    given = InputOptions(files=request.files, asked=request.asked, text=request.text)
    with asking.keep_for_look(given) as placed:
        propose_mapping(request, placed)


def refuse_several(request: MapRequest) -> None:
    """Refuse a command that names no input, or several: only a query is of several.

    Raises:
        ConfigError, click.UsageError: so it is.
    """
    asking.refuse_lone_options(InputOptions(files=request.files, asked=request.asked, text=request.text))
    if request.asked.query is None and len(request.files) > 1:
        raise click.UsageError(
            f"Got unexpected extra argument ({request.files[1]})", click.get_current_context(silent=True)
        )


def propose_mapping(request: MapRequest, given: InputOptions) -> None:
    """Propose a mapping of a file."""
    from loader.mapping.proposing.proposal_text import proposal_text  # noqa: PLC0415 - as below
    from loader.mapping.proposing.propose import propose  # noqa: PLC0415 - `--help` must start without pandas
    from loader.sources import open_source  # noqa: PLC0415 - as above

    refuse_zone(request.zone)
    now, dialect = datetime.now(UTC), given.text.dialect
    source = open_source(given.files, dialect=dialect)
    sample = source.sample()
    proposal = propose(
        request.kind, source.schema, sample, zone=request.zone, now=now, nothing=dialect.null_values
    )
    asked = request.asked.query is not None
    name = "the query" if asked else Path(given.files[0]).name
    look = f"check {request.kind} with the same query, and --mapping THIS_FILE" if asked else ""
    text = escape_toml(proposal_text(proposal, name, look, dialect=dialect))
    write_proposal(text, request.output)
    trial = try_proposal(text, source, sample, now)
    speech.echo(describe_verdict(proposal, trial), err=True)


def refuse_zone(zone: str | None) -> None:
    """Refuse a zone that does not exist, which would otherwise be found only by a load."""
    from loader.mapping.zone_faults import zone_advice  # noqa: PLC0415 - as above
    from loader.mapping.zones import parse_zone  # noqa: PLC0415 - as above

    if zone is not None and parse_zone(zone) is None:
        raise ConfigError(f'--zone "{zone}" is not a time zone. {zone_advice(zone)}')


def write_proposal(text: str, output: Path) -> None:
    """Write the proposal, but never over a file that the user may have worked on."""
    if output == STDOUT:
        speech.echo(text, nl=False)
        return
    try:
        mode = "w" if output.exists() and not output.is_file() else "x"  # a device or a pipe holds no work
        with output.open(mode, encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(f"{output} exists already. Name another file, or remove it first.") from None
    except OSError as error:
        raise ConfigError(f"{output} cannot be written: {error.strerror}.") from None


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of the sample under the proposal.

    Attributes:
        problems: what keeps the proposal from being used at all.
        sent: sampled rows that would be sent.
        rejects: the reasons for which others would be rejected, a sentence each.
    """

    problems: list[str]
    sent: int = 0
    rejects: tuple[str, ...] = ()


def try_proposal(text: str, source: Source, sample: pd.DataFrame, now: datetime) -> Trial:
    """Map the sample by the proposal, as a load would, with the rows that cannot be read."""
    from loader.defaults import NO_APPLICATION  # noqa: PLC0415 - as above
    from loader.mapping import bind, parse_mapping  # noqa: PLC0415 - as above

    try:
        mapping = parse_mapping(text, "proposal")
        mapper = bind(mapping, source.schema, sample, application=NO_APPLICATION, where="it", now=now)
    except MappingError as error:
        return Trial(error.problems)
    mapped = [mapper.map(chunk) for chunk in source.beginning()]
    return Trial([], sum(len(part.ordinals) for part in mapped), tuple(list_reasons(mapped)))


def list_reasons(mapped: Sequence[Mapped]) -> Iterator[str]:
    """The reasons for which rows are rejected, each with their number and the first of them."""
    reasons: dict[str, list[Reject]] = {}
    for reject in (reject for part in mapped for reject in part.rejects):
        reasons.setdefault(reject.reason, []).append(reject)
    count = sum(part.count for part in mapped)
    for rejects in reasons.values():
        yield f"{len(rejects):,} of the first {count_rows(count)}: {rejects[0].message}"


def describe_verdict(proposal: Proposal, trial: Trial) -> str:
    """What was recognised, and whether the proposal can be used as is."""
    known = (
        f"The file looks like an export of {proposal.export}. "
        if proposal.export
        else "No known export format was recognised. "
    )
    count = proposal.unsure
    lines = "line" if count == 1 else f"{count} lines"
    check = f"Check the {lines} marked UNSURE" if count else ""
    unsure = f"{check}. " if check else ""
    if trial.problems:
        verdict = ["Before the mapping can be used:", *trial.problems]
    elif trial.rejects:
        fate = "some" if trial.sent else "all"
        verdict = [f"With the proposed mapping {fate} rows of the sample would be rejected:", *trial.rejects]
    else:
        right = "it is" if count == 1 else "they are"
        usable = "the proposed mapping can be used as is."
        unsure, verdict = "", [f"{check}. If {right} right, {usable}" if check else usable.capitalize()]
    return f"{known}{unsure}" + "\n  ".join(verdict)
