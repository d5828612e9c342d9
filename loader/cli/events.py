"""`events`: load historical events."""

from __future__ import annotations

import click

from loader.cli.loading import LoadRequest, run_load
from loader.cli.parsing import takes
from loader.cli.sections import Sectioned
from loader.methods import Kind


@click.command("events", cls=Sectioned)
@takes(LoadRequest, Kind.EVENTS.method)
def events_command(request: LoadRequest) -> None:
    """Load historical events with postEvent.

    Each event is sent with the time at which it happened. Run the same command again to resume: it sends
    only what was never sent. Events can start customer journeys: pause journeys that must not run for old
    events.

    FILE is CSV, TSV, JSON Lines, Parquet, Arrow, Avro or Excel (.xlsx), compressed or not. It may be a
    folder, a ZIP archive, a pattern such as 2024-*.csv, an address such as s3://BUCKET/KEY, or - for
    standard input. With --query, it is a table of a query, whose result is loaded.

    \b
    Examples:
      pushwoosh-loader events events.parquet --sandbox
      pushwoosh-loader events --query sales.sql --database postgresql://reader@db/shop --app XXXXX-XXXXX
      pushwoosh-loader events 2024-*.csv --app XXXXX-XXXXX --mapping events.toml --max-rejected 0.1%
    """
    run_load(Kind.EVENTS, request)
