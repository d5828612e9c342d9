"""Options that several commands share, and their way into `Settings`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loader.cli.text_options import TEXT_OPTIONS, said_of_text, together
from loader.defaults import (
    APPLICATION_VARIABLE,
    ENDPOINT_VARIABLE,
    NO_APPLICATION,
    TOKEN_VARIABLE,
    default_checkpoint,
    read_token,
)
from loader.errors import ConfigError
from loader.settings import (
    DEFAULT_ENDPOINT,
    Concurrency,
    Endpoint,
    Library,
    OnDoubt,
    Order,
    Settings,
    Threshold,
)

if TYPE_CHECKING:
    from loader.journal import Checkpoint
    from loader.methods import Kind
    from loader.sandbox import EmbeddedSandbox


class ThresholdType(click.ParamType[Threshold]):
    """A number of rows or a percentage."""

    name = "ROWS|PERCENT"

    def convert(
        self, value: str | Threshold, param: click.Parameter | None, ctx: click.Context | None
    ) -> Threshold:
        """Read ``100`` or ``0.5%``."""
        if isinstance(value, Threshold):
            return value
        try:
            return Threshold.parse(value)
        except ConfigError as error:
            self.fail(str(error), param, ctx)


class ConcurrencyType(click.ParamType[Concurrency]):
    """A number, or bounds between which the number is found."""

    name = "N|auto|auto:N-M"

    def convert(
        self, value: str | Concurrency, param: click.Parameter | None, ctx: click.Context | None
    ) -> Concurrency:
        """Read ``auto``, ``auto:4-64`` or ``16``."""
        if isinstance(value, Concurrency):
            return value
        try:
            return Concurrency.parse(value)
        except ConfigError as error:
            self.fail(str(error), param, ctx)


# As text, for a pattern or - is one too; the type has the shell complete names of files.
FILES = click.argument("files", nargs=-1, required=True, type=click.Path(allow_dash=True), metavar="FILE...")

CHECKPOINT = click.argument("checkpoint", type=click.Path(path_type=Path), metavar="CKPT")

SUMMARY = click.option(
    "--summary",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE|-",
    help="Write the account as one JSON object to a file, or to standard output.  [default: nowhere]",
)

QUIET = click.option(
    "-q", "--quiet", is_flag=True, help="No progress and no account; errors are still shown."
)

LOG_FORMAT = click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    help="How progress is told on standard error: a line every 10 seconds, or that and all else there as one "
    "JSON object a line.  [default: a live view on a terminal, else text]",
)

INPUT_OPTIONS = together(
    click.option(
        "--app",
        "application",
        envvar=APPLICATION_VARIABLE,
        show_envvar=True,
        metavar="XXXXX-XXXXX",
        help="Application code, from the control panel. Only a rehearsal or a check needs none.",
    ),
    click.option(
        "--mapping",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Mapping file (TOML). Without one, columns are recognised by their names.",
    ),
    click.option(
        "--limit", type=int, metavar="ROWS", help="Only the first so many rows of the input.  [default: all]"
    ),
    TEXT_OPTIONS,
    SUMMARY,
    QUIET,
)

WHERE_OPTIONS = together(
    click.option(
        "--endpoint",
        envvar=ENDPOINT_VARIABLE,
        show_envvar=True,
        default=DEFAULT_ENDPOINT,
        show_default=True,
        metavar="URL",
        help="Base URL of the API.",
    ),
    click.option(
        "--checkpoint",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Where progress is written down.  "
        "[default: beside the first input, FILE.users.ckpt or FILE.events.ckpt]",
    ),
    click.option("--dry-run", is_flag=True, help="Map every row and send nothing (the same as `check`)."),
    click.option("--sandbox", is_flag=True, help="Send to a sandbox on this machine instead of the vendor."),
)

SENDING_OPTIONS = together(
    click.option(
        "--token-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help=f"File that holds the API token.  [env var of the token itself: {TOKEN_VARIABLE}]",
    ),
    click.option(
        "--concurrency",
        type=ConcurrencyType(),
        default="auto",
        show_default=True,
        help="Requests on the wire at a time: a number, or `auto` to find what the vendor can take, "
        "with bounds as in auto:4-64.",
    ),
    click.option(
        "--processes",
        type=int,
        default=1,
        show_default=True,
        metavar="N",
        help="Spread the requests over so many processes, each on a core of its own; --concurrency is that "
        "of all together. Useful where one core is the limit: above about 10,000 requests a second.",
    ),
    click.option(
        "--rate",
        type=float,
        metavar="N",
        help="At most so many requests a second, retries included.  [default: no limit]",
    ),
    click.option(
        "--transport",
        type=click.Choice([choice.value for choice in Library]),
        default=Library.CURL.value,
        show_default=True,
        help="What the requests go over: libcurl, or the slower requests-futures.",
    ),
    click.option(
        "--ca-bundle",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Certificates to trust (PEM), in place of the usual ones.  [default: those of certifi]",
    ),
    click.option(
        "--proxy",
        metavar="URL",
        help="Send through this proxy; those of the environment are not used.  [default: none]",
    ),
    click.option(
        "--on-doubt",
        type=click.Choice([choice.value for choice in OnDoubt]),
        default=OnDoubt.HOLD.value,
        show_default=True,
        help="An event whose fate is unknown: hold it for your decision, or send it again at once, "
        "which may record it twice. (Users are always sent again: registerUser is repeatable.)",
    ),
    click.option(
        "--order",
        type=click.Choice([choice.value for choice in Order]),
        default=Order.NONE.value,
        show_default=True,
        help="Events of one device (of one user, where no device is known) go one after the other, in the "
        "order of the input. (Users always do.)",
    ),
    click.option(
        "--max-rejected",
        type=ThresholdType(),
        help="Stop when more rows than this are rejected: a number, or a percentage of the input.  "
        "[default: no limit]",
    ),
    click.option(
        "--max-in-doubt",
        type=ThresholdType(),
        help="Stop when more rows than this are in doubt: likewise.  [default: no limit]",
    ),
    click.option(
        "--sandbox-store",
        type=click.Path(path_type=Path),
        default=Path("pushwoosh-sandbox.sqlite3"),
        show_default=True,
        metavar="FILE",
        help="Where the sandbox keeps what it took; several loads can share one.",
    ),
    click.option("-y", "--yes", is_flag=True, help="Do not ask before the first send."),
    LOG_FORMAT,
)

MOVED_INPUT = click.option(
    "--input",
    "files",
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="The input, if it has moved since; once for each file, in the order of the load.  "
    "[default: where it was]",
)


def load_settings(kind: Kind, options: dict[str, Any], sandbox: EmbeddedSandbox | None) -> Settings:
    """The settings of a load.

    Raises:
        ConfigError: an option is missing or wrong.
    """
    application, how = options["application"], sending(options, sandbox)
    if sandbox is not None:
        endpoint = Endpoint(sandbox.endpoint, f"sandbox {sandbox.store_id}")
    else:
        endpoint = Endpoint.parse(options["endpoint"])
        if not application:
            raise ConfigError(
                "No application code: give --app XXXXX-XXXXX or set PUSHWOOSH_APPLICATION. "
                "To try the load on this machine first, add --sandbox."
            )
    files = options["files"]
    return Settings(
        kind=kind,
        files=files,
        application=application or NO_APPLICATION,
        endpoint=endpoint,
        checkpoint=options["checkpoint"] or default_checkpoint(kind, files[0], sandbox=sandbox is not None),
        mapping=options["mapping"],
        dialect=said_of_text(options),
        limit=options["limit"],
        **how,
    )


def retry_settings(ledger: Checkpoint, options: dict[str, Any], sandbox: EmbeddedSandbox | None) -> Settings:
    """The settings of a retry: what is sent, and where to, is what the checkpoint says.

    Raises:
        ConfigError: an option is wrong.
    """
    of = ledger.identity
    if sandbox is not None:
        endpoint = Endpoint(sandbox.endpoint, f"sandbox {sandbox.store_id}")
    else:
        endpoint = Endpoint.parse(of.endpoint)
    return Settings(
        kind=of.kind,
        files=options["files"] or tuple(file.name for file in of.files),
        application=of.application,
        endpoint=endpoint,
        checkpoint=options["checkpoint"],
        mapping=options["mapping"],
        **sending(options, sandbox),
    )


def sending(options: dict[str, Any], sandbox: EmbeddedSandbox | None) -> dict[str, Any]:
    """The settings that say how to send."""
    token = read_token(options["token_file"])
    return {
        # Read in a rehearsal too, for a mistake in it to be found; but it is shown to no stand-in.
        "token": token if sandbox is None else None,
        "concurrency": options["concurrency"],
        "processes": options["processes"],
        "transport": Library(options["transport"]),
        "ca_bundle": options["ca_bundle"],
        "proxy": options["proxy"] if sandbox is None else None,
        "rate": options["rate"],
        "on_doubt": OnDoubt(options["on_doubt"]),
        "order": Order(options["order"]),
        "max_rejected": options["max_rejected"],
        "max_in_doubt": options["max_in_doubt"],
    }


def check_settings(kind: Kind, options: dict[str, Any]) -> Settings:
    """The settings of a check, which needs neither application nor token nor checkpoint."""
    files = options["files"]
    return Settings(
        kind=kind,
        files=files,
        application=options["application"] or NO_APPLICATION,
        endpoint=Endpoint.parse(DEFAULT_ENDPOINT),
        mapping=options["mapping"],
        dialect=said_of_text(options),
        limit=options["limit"],
    )
