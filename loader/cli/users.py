"""`users`: load users."""

from __future__ import annotations

import click

from loader.cli.loading import LoadRequest, run_load
from loader.cli.parsing import takes
from loader.cli.sections import Sectioned
from loader.methods import Kind


@click.command("users", cls=Sectioned)
@takes(LoadRequest, Kind.USERS.method)
def users_command(request: LoadRequest) -> None:
    """Load users: tie user ids to devices with registerUser.

    Rows of one device keep their order. Run the same command again to resume: it sends only what was never
    sent.

    FILE is CSV, TSV, JSON Lines, Parquet, Arrow, Avro or Excel (.xlsx), compressed or not. It may be a
    folder, a ZIP archive, a pattern such as users-*.csv, an address such as s3://BUCKET/KEY, or - for
    standard input. With --query, it is a table of a query, whose result is loaded.

    \b
    Examples:
      pushwoosh-loader users users.csv --sandbox
      pushwoosh-loader users users.csv --app XXXXX-XXXXX --mapping users.toml --summary account.json
    """
    run_load(Kind.USERS, request)
