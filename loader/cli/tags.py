"""`tags`: load tags."""

from __future__ import annotations

import click

from loader.cli.loading import LoadRequest, run_load
from loader.cli.parsing import takes
from loader.cli.sections import Sectioned
from loader.methods import Kind


@click.command("tags", cls=Sectioned)
@takes(LoadRequest, Kind.TAGS.method)
def tags_command(request: LoadRequest) -> None:
    """Load tags: set values on users and devices with setTags.

    Tags that a row does not name stay as they are, and an empty cell sets nothing unless the mapping says
    empty = "null". Rows of one device or user keep their order. Tags must exist in the control panel under
    exactly these names. Run the same command again to resume: it sends only what was never sent.

    FILE is CSV, TSV, JSON Lines, Parquet, Arrow, Avro or Excel (.xlsx), compressed or not. It may be a
    folder, a ZIP archive, a pattern such as tags-*.csv, an address such as s3://BUCKET/KEY, or - for
    standard input. With --query, it is a table of a query, whose result is loaded.

    \b
    Examples:
      pushwoosh-loader map tags users.csv -o tags.toml
      pushwoosh-loader tags users.csv --app XXXXX-XXXXX --mapping tags.toml
    """
    run_load(Kind.TAGS, request)
