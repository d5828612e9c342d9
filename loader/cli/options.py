"""The options that several commands share, beside those of a load (`loader.load_options`)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from loader.cli.parsing import argument
from loader.dialect import INPUT_FORMATS, LINE_ENDS, Dialect, dialect_of
from loader.load_options import QueryOptions
from loader.option import FileUse, Option, Section, nested, option
from loader.stores.address import Address  # noqa: TC001 - the fields' types are read to make options
from loader.tokens import COMMAND_SECONDS, COMMAND_VARIABLE, FILE_VARIABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class TextOptions:
    """How text files are written."""

    delimiter: str | None = option(
        None,
        Option(
            "The character between the cells of a text file: the character itself, its code as in \\x01, or "
            "tab, comma, semicolon, pipe or space.",
            Section.TEXT,
            metavar="CHARACTER",
            without="found from the beginning of the file",
        ),
    )
    quote: str | None = option(
        None,
        Option('The character around cells; "" for none.', Section.TEXT, metavar="CHARACTER", without='"'),
    )
    escape: str | None = option(
        None,
        Option(
            "The character that protects the next one, as databases write it (mostly a backslash); "
            '"" for none.',
            Section.TEXT,
            metavar="CHARACTER",
            without="none, except in tab-separated files that clearly use it",
        ),
    )
    encoding: str | None = option(
        None,
        Option(
            "The encoding of text files.",
            Section.TEXT,
            metavar="NAME",
            without="UTF-8, or UTF-16 with a byte order mark",
        ),
    )
    header: bool | None = option(
        None,
        Option(
            "Whether the first row of a text file holds the names of the columns. If it does not, give "
            "--columns.",
            Section.TEXT,
            flags=("--header/--no-header",),
            without="--header",
        ),
    )
    columns: str | None = option(
        None,
        Option(
            "Names of the columns of a text file. They replace the header, or stand in for a missing one.",
            Section.TEXT,
            metavar="NAME,NAME,...",
            without="the names in the header",
        ),
    )
    null_values: tuple[str, ...] = option(
        (),
        Option(
            "A cell with exactly this text counts as empty, in every column: \\N, NULL or NA, for example. "
            "Give it once for each text.",
            Section.TEXT,
            metavar="TEXT",
            without="only empty cells",
        ),
    )

    input_format: str | None = option(
        None,
        Option(
            "The kind of file, if neither its name nor its first bytes show it.",
            Section.TEXT,
            words=INPUT_FORMATS,
            without="recognised from the content, then from the name",
        ),
    )

    skip_rows: int | None = option(
        None,
        Option(
            "How many lines to skip above the header, or above the first row.",
            Section.TEXT,
            metavar="N",
            without="0",
        ),
    )
    short_rows: str | None = option(
        None,
        Option(
            "With fill, cells that are missing at the end of a row are empty.",
            Section.TEXT,
            words=("fill",),
            without="such rows are rejected",
        ),
    )
    line_end: str | None = option(
        None,
        Option(
            "What alone ends a row; other line ends belong to cells.",
            Section.TEXT,
            words=LINE_ENDS,
            without="any line end, or what text of a database shows",
        ),
    )

    @property
    def dialect(self) -> Dialect:
        """What the options set.

        Raises:
            MappingError: one of them is wrong.
        """
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        given["columns"] = self.columns and self.columns.split(",")
        said = {name: value for name, value in given.items() if value not in (None, ())}
        return dialect_of(said, "The options")


@dataclass(frozen=True, slots=True, kw_only=True)
class InputOptions:
    """What to read, and how."""

    files: tuple[str, ...] = argument("FILE...", FileUse.INPUT, optional=True)
    asked: QueryOptions = nested(QueryOptions)
    mapping: Path | Address | None = option(
        None,
        Option(
            "Mapping file (TOML). Without one, columns are recognised by their names.",
            Section.CONTENT,
            metavar="FILE",
            file=FileUse.READ,
        ),
    )
    text: TextOptions = nested(TextOptions)


DEFAULT_STORE = Path("pushwoosh-sandbox.sqlite3")
SANDBOX = Option("Send to a sandbox on this machine instead of the vendor.", Section.PLACE)
KEEP = Option(
    "With --sandbox: refuse a checkpoint of another input or mapping, as a real load does. Without --keep, "
    "the rehearsal begins again, and the sandbox forgets what it holds of the earlier one.",
    Section.PLACE,
)

REQUERY = Option(
    "Run the query again, although its result is kept. As long as nothing was sent.", Section.CONTENT
)

FAULTS = Option(
    "What goes wrong in the sandbox: a profile (calm, busy, flaky, outage or hostile), faults of your own, "
    "or both, as in flaky,seed=7,429=500/s,outage=20s-40s.",
    Section.PLACE,
    metavar="SPEC",
    without="nothing goes wrong",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """What a command shows and writes besides its result."""

    summary: Path | None = option(
        None,
        Option(
            "Write the account as one JSON object to a file, or to standard output.",
            Section.OUTPUT,
            metavar="FILE|-",
            without="not written",
            file=FileUse.OUTPUT,
        ),
    )
    report: Path | Address | None = option(
        None,
        Option(
            "Write a report as an HTML page when the load ends, even if it was stopped or interrupted.",
            Section.OUTPUT,
            metavar="FILE",
            without="not written",
            file=FileUse.OUTPUT,
        ),
    )
    metrics: Path | None = option(
        None,
        Option(
            "Write metrics for Prometheus's textfile collector to a file, every 5 seconds and at the end.",
            Section.OUTPUT,
            metavar="FILE.prom",
            without="not written",
            file=FileUse.OUTPUT,
        ),
    )
    job: str | None = option(
        None,
        Option(
            "What metrics call this job.",
            Section.OUTPUT,
            metavar="NAME",
            without="the name of the file of metrics, without .prom",
        ),
    )
    quiet: bool = option(
        False,  # noqa: FBT003 - the value of a flag that is not set
        Option(
            "Show neither progress nor account. Errors are still shown.",
            Section.OUTPUT,
            flags=("-q", "--quiet"),
        ),
    )
    log_format: str | None = option(
        None,
        Option(
            "How progress is shown on standard error. text: one line every 10 seconds. json: every line "
            "there, errors included, is a JSON object.",
            Section.OUTPUT,
            words=("text", "json"),
            without="a live view on a terminal, otherwise text",
        ),
    )
    yes: bool = option(
        False,  # noqa: FBT003 - the value of a flag that is not set
        Option("Do not ask before the first send.", Section.OUTPUT, flags=("-y", "--yes")),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessOptions:
    """With which token to send, and where a sandbox keeps what it receives."""

    token_file: Path | None = option(
        None,
        Option(
            "File that holds the API token. The token itself can be in PUSHWOOSH_API_TOKEN, but is never an "
            f"option.  [env var: {FILE_VARIABLE}]",
            Section.PLACE,
            metavar="FILE",
            file=FileUse.READ,
        ),
    )
    token_command: str | None = option(
        None,
        Option(
            "Command that prints the API token, such as a password manager. It runs without a shell, for at "
            f"most {COMMAND_SECONDS:.0f} s.  [env var: {COMMAND_VARIABLE}]",
            Section.PLACE,
            metavar="COMMAND",
        ),
    )
    sandbox_store: Path = option(
        DEFAULT_STORE,
        Option(
            "Where the sandbox keeps what it receives. Several loads can share one store.",
            Section.PLACE,
            metavar="FILE",
            file=FileUse.STORE,
        ),
    )


def files_moved() -> tuple[str, ...]:
    """The field for the input of a load that has moved since."""
    return option(
        (),
        Option(
            "Where the input is now, if it has moved. Give it once for each file, in the order of the load.",
            Section.CONTENT,
            flags=("--input",),
            metavar="FILE",
            without="where it was",
            file=FileUse.INPUT,
        ),
    )
