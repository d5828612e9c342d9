"""What the user may choose about a load. Each option is defined here, and nowhere else.

Derived from these records are the options of the commands (`loader.cli.options`), the keywords of Python
(`loader.api.options`), `Settings`, and what a checkpoint notes of a run (`loader.conditions`).

A new option is a field of `LoadOptions`, a key of its keywords and a line in `LoadOptions.of`, all of them
below; then the code that acts on it. If a field is renamed, mypy finds each use that has the old name.
"""

from __future__ import annotations

import os  # noqa: TC003 - the fields' types are read to make options
from dataclasses import dataclass
from datetime import timedelta  # noqa: TC003 - as above
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from loader.addresses import Proxy  # noqa: TC001 - as above
from loader.choices import MAX_CONCURRENCY, Cluster, Concurrency, Duration, Library, OnDoubt, Order, Threshold
from loader.message import Setting
from loader.methods import Kind
from loader.option import FileUse, Option, Section, offered, option
from loader.option_values import (
    refuse,
    refuse_certificates,
    require_type,
    take_cluster,
    take_duration,
    take_parsed,
    take_path,
    take_proxy,
    take_rate,
    take_rows,
    take_text,
    take_threshold,
    take_word,
)
from loader.rates import Rate, parse_zone, read_rate

if TYPE_CHECKING:
    from loader.methods import Method

APPLICATION_VARIABLE = "PUSHWOOSH_APPLICATION"
LEDGER_VARIABLE = "PUSHWOOSH_LEDGER"
CHECKPOINT_DIR_VARIABLE = "PUSHWOOSH_CHECKPOINT_DIR"
ENDPOINT_VARIABLE = "PUSHWOOSH_ENDPOINT"
PROXY_VARIABLE = "PUSHWOOSH_PROXY"
DEFAULT_ENDPOINT = "https://api.pushwoosh.com/json/1.3/"
MAX_PROCESSES = 64
MAX_CANARY = 1000


class TargetKeywords(TypedDict, total=False):
    """The options of `TargetOptions` as they are given in Python."""

    application: str | None
    endpoint: str | None
    checkpoint: str | os.PathLike[str] | None
    checkpoint_dir: str | os.PathLike[str] | None


class SendingKeywords(TypedDict, total=False):
    """The options of `LoadOptions` that every load and every retry takes, as they are given in Python."""

    concurrency: str | int
    processes: int
    cluster: object
    rate: float | str | None
    rate_zone: str | None
    rate_file: str | os.PathLike[str] | None
    max_rejected: str | int | None
    max_in_doubt: str | int | None
    give_up_after: str | timedelta | None
    max_duration: str | timedelta | None
    ledger: str | os.PathLike[str] | None
    ledger_wait: str | timedelta | None
    transport: str
    ca_bundle: str | os.PathLike[str] | None
    proxy: str | None


class EventKeywords(TypedDict, total=False):
    """The options of `LoadOptions` that matter to events alone, as they are given in Python."""

    on_doubt: str
    order: str


class NewestKeywords(TypedDict, total=False):
    """The options of `LoadOptions` that matter to users and tags alone, as they are given in Python."""

    report_gone: str | os.PathLike[str] | None


class InputKeywords(TypedDict, total=False):
    """The options of `LoadOptions` that say what is loaded, as they are given in Python."""

    limit: int | None
    canary: int | None
    min_rows: int | None
    fail_if_empty: bool
    grown: bool


class QueryKeywords(TypedDict, total=False):
    """The options of `QueryOptions` as they are given in Python."""

    query: str | None
    database: str | None


class LoadKeywords(InputKeywords, SendingKeywords, EventKeywords, NewestKeywords, total=False):
    """All options of `LoadOptions`, as they are given in Python."""


@dataclass(frozen=True, slots=True)
class TargetOptions:
    """Where a load goes, as far as the user chose."""

    application: str | None = option(
        None,
        Option(
            "Application code, from the control panel. Checks, and rehearsals in a sandbox, do not need it.",
            Section.PLACE,
            flags=("--app",),
            metavar="XXXXX-XXXXX",
            variable=APPLICATION_VARIABLE,
        ),
    )
    endpoint: str | None = option(
        None,
        Option(
            "Base URL of the API.",
            Section.PLACE,
            metavar="URL",
            variable=ENDPOINT_VARIABLE,
            written=DEFAULT_ENDPOINT,
        ),
    )
    checkpoint: Path | None = option(
        None,
        Option(
            "Where progress is saved.",
            Section.CONTENT,
            metavar="FILE",
            file=FileUse.CHECKPOINT,
            without="beside the first input: FILE.users.ckpt, FILE.events.ckpt or FILE.tags.ckpt",
        ),
    )
    checkpoint_dir: Path | None = option(
        None,
        Option(
            "Save progress in this folder, under the name that it would have beside the first input.",
            Section.CONTENT,
            metavar="DIR",
            without="beside the first input",
            variable=CHECKPOINT_DIR_VARIABLE,
            file=FileUse.READ,
        ),
    )

    @classmethod
    def of(cls, given: TargetKeywords) -> TargetOptions:
        """Read the keywords of Python.

        Raises:
            ConfigError: one of them is of a wrong type.
        """
        return cls(
            application=take_text("application", given.get("application")),
            endpoint=take_text("endpoint", given.get("endpoint")),
            checkpoint=take_path("checkpoint", given.get("checkpoint")),
            checkpoint_dir=take_path("checkpoint_dir", given.get("checkpoint_dir")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryOptions:
    """A query in place of a file."""

    query: str | None = option(
        None,
        Option(
            "Load the result of a query: SQL, or the path of a file that ends in .sql. Without a database it "
            "runs in DuckDB, and each input is a table under the name of its file without endings, or under "
            "NAME if it is given as NAME=PATH. The result is kept beside the checkpoint, and is the input of "
            "this load from then on.",
            Section.CONTENT,
            metavar="SQL|NAME.sql",
            without="the rows of the input",
        ),
    )
    database: str | None = option(
        None,
        Option(
            "Run the query in this database: postgresql://, mysql://, mariadb://, sqlite:///FILE, "
            "duckdb:///FILE, snowflake://, bigquery://, or a URL of SQLAlchemy. The URL holds no password: "
            "that comes from where the database's own tools take it.",
            Section.CONTENT,
            metavar="URL",
            without="none; the query is of the inputs",
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """How to load: all that is passed on as the user chose it."""

    limit: int | None = option(
        None,
        Option(
            "Load only the first N rows. The same load without a limit sends the rest.",
            Section.CONTENT,
            metavar="N",
            without="all rows",
            note=lambda rows: f"{rows:,} rows",
        ),
    )
    canary: int | None = option(
        None,
        Option(
            "Send N rows first, and only them, chosen so that together they have every event name, device "
            "type, and attribute or tag of the input. On a terminal you are then asked whether to send the "
            "rest. The same load without a canary sends it.",
            Section.CONTENT,
            metavar="N",
            without="all rows in their order",
            note=lambda rows: f"{rows:,} rows",
        ),
    )
    min_rows: int | None = option(
        None,
        Option(
            "Refuse an input of fewer rows, before the first is sent.",
            Section.CONTENT,
            metavar="N",
            without="any number of rows",
            note=lambda rows: f"{rows:,} rows",
        ),
    )
    fail_if_empty: bool = option(
        False,  # noqa: FBT003 - the value of a flag that is not set
        Option(
            "Refuse an input without a row. Without this option it is a load that is done.",
            Section.CONTENT,
            note=lambda is_set: "yes" if is_set else None,
        ),
    )
    grown: bool = option(
        False,  # noqa: FBT003 - the value of a flag that is not set
        Option(
            "Continue a load whose input has grown since: text files that were appended to, and files that "
            "were added after the earlier ones. Added rows and rows that were never sent are sent. An input "
            "that does not begin with exactly the earlier one is refused.",
            Section.CONTENT,
            note=lambda is_set: "yes" if is_set else None,
        ),
    )
    concurrency: Concurrency = option(
        Concurrency(),
        Option(
            "How many requests may be on the wire at a time: a number, or auto to find out how many the "
            "vendor can take. auto:4-64 sets bounds.",
            Section.SPEED,
            metavar="N|auto|auto:N-M",
            written="auto",
        ),
    )
    processes: int = option(
        1,
        Option(
            "Send from N processes, each on its own core. They share the limits of concurrency and rate. "
            "Useful if one core is the bottleneck: above about 10,000 requests a second.",
            Section.SPEED,
            metavar="N",
            note=lambda number: str(number) if number > 1 else None,
        ),
    )
    cluster: Cluster | None = option(
        None,
        Option(
            "Read, map and send on the workers of a Dask cluster: the address of its scheduler, or local:N "
            "to start N workers on this machine for the load. Limits, order and checkpoint stay those of one "
            "load. All workers must be able to read the input.",
            Section.SPEED,
            metavar="tcp://HOST:PORT|local:N",
            without="this machine alone",
        ),
    )
    rate: Rate | None = option(
        None,
        Option(
            "Send at most N requests a second, retries included; or a number for each part of the day: "
            "'08:00 100, 22:00 1000'. There, 0 sends nothing until the next time.",
            Section.SPEED,
            metavar="N|TIMETABLE",
            without="no limit",
        ),
    )
    rate_zone: str | None = option(
        None,
        Option(
            "Time zone of the times in a rate, such as Europe/Berlin.",
            Section.SPEED,
            metavar="ZONE",
            without="the zone of this machine",
        ),
    )
    rate_file: Path | None = option(
        None,
        Option(
            "Read the rate from a file, and again whenever the file changes while the load runs. "
            "A 0 in it is a pause.",
            Section.SPEED,
            metavar="FILE",
            without="none",
            file=FileUse.READ,
            note=lambda _: "yes",
        ),
    )
    transport: Library = option(
        Library.CURL,
        Option("The library that sends: libcurl, or requests-futures, which is slower.", Section.SPEED),
    )
    order: Order = option(
        Order.NONE,
        Option(
            "With device, the events of one device are sent one at a time, in the order of the input. Events "
            "without a device are ordered by user.",
            Section.SPEED,
            needed=lambda method: not method.last_wins,
            needless="other rows always keep their order",
        ),
    )
    on_doubt: OnDoubt = option(
        OnDoubt.HOLD,
        Option(
            "What to do with an event if nobody knows whether the vendor received it: hold it until you "
            "decide, or resend it at once, which may record it twice.",
            Section.FAILURE,
            needed=lambda method: not method.repeatable,
            needless="other rows in doubt are always sent again, because their calls are repeatable",
        ),
    )
    max_rejected: Threshold | None = option(
        None,
        Option(
            "Stop when more than this many rows are rejected: a number, or a percentage of the load such "
            "as 0.5%.",
            Section.FAILURE,
            metavar="ROWS|PERCENT",
            without="no limit",
        ),
    )
    max_in_doubt: Threshold | None = option(
        None,
        Option(
            "Stop when more than this many rows are in doubt: a number, or a percentage of the load.",
            Section.FAILURE,
            metavar="ROWS|PERCENT",
            without="no limit",
        ),
    )
    give_up_after: Duration | None = option(
        None,
        Option(
            "Stop after this long without progress, which is a row that the vendor confirms or rejects. The "
            "same load again continues.",
            Section.FAILURE,
            metavar="DURATION",
            without="15m without a usable answer, 6h if the vendor keeps asking to wait",
        ),
    )
    max_duration: Duration | None = option(
        None,
        Option(
            "Stop as planned after this long (90s, 30m, 6h, 2d). Answers to requests on the wire are waited "
            "for. The same load again continues.",
            Section.SPEED,
            metavar="DURATION",
            without="no limit",
        ),
    )
    ledger: Path | None = option(
        None,
        Option(
            "Remember in this file which keys were sent, and leave out rows whose key it knows: each is sent "
            "once over all loads with one ledger. It is created if there is none. Events need key = "
            '["insert_id"] in the mapping; of users and tags, rows that have not changed are left out.',
            Section.PLACE,
            metavar="FILE",
            without="none; a load that has one keeps it",
            variable=LEDGER_VARIABLE,
            file=FileUse.READ,
        ),
    )
    ledger_wait: Duration | None = option(
        None,
        Option(
            "If another load has the ledger, wait for it for at most this long (30m, 2h).",
            Section.PLACE,
            metavar="DURATION",
            without="the load is refused at once",
        ),
    )
    report_gone: Path | None = option(
        None,
        Option(
            "After the load, list the keys that the ledger knows and this input does not have any more, in a "
            "file (CSV, or by its ending). Give it with each full export: so that they can be listed, the "
            "ids of what is there now are kept in a file beside the ledger.",
            Section.CONTENT,
            metavar="FILE",
            without="not written, and no ids are kept",
            note=lambda _: "yes",
            needed=lambda method: method.last_wins,
            needless="a file of events never has the earlier ones",
            file=FileUse.OUTPUT,
        ),
    )
    proxy: Proxy | None = option(
        None,
        Option(
            "Send through this proxy. If its URL holds a password, set the variable instead: other users of "
            "the machine can read a command line. No other proxy of the environment is used.",
            Section.PLACE,
            metavar="URL",
            variable=PROXY_VARIABLE,
            without="none",
            note=lambda _: "yes",
        ),
        secret=True,
    )
    ca_bundle: Path | None = option(
        None,
        Option(
            "PEM file of the certificates to trust, instead of the usual ones.",
            Section.PLACE,
            metavar="FILE",
            without="the certificates of certifi",
            file=FileUse.READ,
            note=lambda _: "yes",
        ),
    )

    def __post_init__(self) -> None:
        if self.ca_bundle is not None:
            refuse_certificates("ca_bundle", self.ca_bundle)
        if not 1 <= self.processes <= MAX_PROCESSES:
            refuse("processes", f"{{setting}} is {{value}}; it must be 1 to {MAX_PROCESSES}.", self.processes)
        if self.cluster is None and self.concurrency.highest > MAX_CONCURRENCY:
            most = f"{MAX_CONCURRENCY:,} requests from one machine"
            refuse(
                "concurrency", f"{{setting}} is {{value}}; at most {most} are on the wire.", self.concurrency
            )
        self._refuse_rate()
        if self.limit is not None and self.limit < 1:
            refuse("limit", "{setting} is {value}; it must be at least 1 row.", self.limit)
        if self.canary is not None and not 1 <= self.canary <= MAX_CANARY:
            refuse("canary", f"{{setting}} is {{value}}; it must be 1 to {MAX_CANARY:,} rows.", self.canary)
        if self.min_rows is not None and self.min_rows < 1:
            refuse("min_rows", "{setting} is {value}; it must be at least 1 row.", self.min_rows)

    def _refuse_rate(self) -> None:
        if self.rate_file is not None and self.rate is not None:
            refuse("rate_file", "{setting} and {value} both give a rate. Give one of them.", Setting("rate"))
        if self.rate_file is not None:
            take_parsed("rate_file", lambda file: read_rate(Path(file)), self.rate_file)
        if self.rate_zone is not None:
            take_parsed("rate_zone", parse_zone, self.rate_zone)

    @classmethod
    def of(cls, given: LoadKeywords) -> LoadOptions:
        """Read the keywords of Python.

        Raises:
            ConfigError: one of them is wrong.
        """
        usual = cls()
        processes = require_type(
            "processes", given.get("processes", usual.processes), (Integral,), "a whole number"
        )
        return cls(
            limit=take_rows("limit", given.get("limit")),
            canary=take_rows("canary", given.get("canary")),
            min_rows=take_rows("min_rows", given.get("min_rows")),
            fail_if_empty=require_type("fail_if_empty", given.get("fail_if_empty", False), (bool,), "a bool"),
            grown=require_type("grown", given.get("grown", False), (bool,), "a bool"),
            concurrency=take_parsed(
                "concurrency", Concurrency.parse, given.get("concurrency", usual.concurrency)
            ),
            processes=int(processes),
            cluster=take_cluster(given.get("cluster")),
            rate=take_rate(given.get("rate")),
            rate_zone=take_text("rate_zone", given.get("rate_zone")),
            rate_file=take_path("rate_file", given.get("rate_file")),
            transport=take_word(Library, "transport", given.get("transport", usual.transport)),
            order=take_word(Order, "order", given.get("order", usual.order)),
            on_doubt=take_word(OnDoubt, "on_doubt", given.get("on_doubt", usual.on_doubt)),
            max_rejected=take_threshold("max_rejected", given.get("max_rejected")),
            max_in_doubt=take_threshold("max_in_doubt", given.get("max_in_doubt")),
            give_up_after=take_duration("give_up_after", given.get("give_up_after")),
            max_duration=take_duration("max_duration", given.get("max_duration")),
            ledger=take_path("ledger", given.get("ledger")),
            ledger_wait=take_duration("ledger_wait", given.get("ledger_wait")),
            report_gone=take_path("report_gone", given.get("report_gone")),
            proxy=take_proxy(given.get("proxy")),
            ca_bundle=take_path("ca_bundle", given.get("ca_bundle")),
        )


# The options that a retry takes too: all that say how to send, and not what.
SENDING = tuple(each.name for each in offered(LoadOptions) if each.option.section is not Section.CONTENT)


def say_who_needs(option: Option) -> str:
    """What an option is for, if not for all kinds: ``for events alone: other rows ...``."""
    kinds = " and ".join(kind for kind in Kind if option.needed(kind.method))
    return f"for {kinds} alone: {option.needless}"


def refuse_needless(method: Method, options: LoadOptions) -> None:
    """Refuse an option that means nothing for a method, instead of ignoring it.

    Raises:
        ConfigError: one was given.
    """
    for each in offered(LoadOptions):
        if not each.option.needed(method) and getattr(options, each.name) != each.default:
            refuse(each.name, f"{{setting}} is {say_who_needs(each.option)}.")
