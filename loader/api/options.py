"""The keywords of a load in Python, and the way from them to `Settings`."""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, TypedDict

from loader.api.mapping import Mapping
from loader.claims import Claim, recall_environment, refuse_conflicts
from loader.defaults import NO_APPLICATION, default_checkpoint
from loader.delivery import DRAIN_SECONDS, Brake
from loader.dialect import Dialect
from loader.errors import CheckpointError, ConfigError
from loader.interrupts import brake_on_signals
from loader.journal import CheckpointView
from loader.known_keys import choose_application
from loader.load_options import (
    APPLICATION_VARIABLE,
    CHECKPOINT_DIR_VARIABLE,
    DEFAULT_ENDPOINT,
    ENDPOINT_VARIABLE,
    PROXY_VARIABLE,
    EventKeywords,
    InputKeywords,
    LoadOptions,
    NewestKeywords,
    QueryKeywords,
    QueryOptions,
    SendingKeywords,
    TargetKeywords,
    TargetOptions,
)
from loader.option import FileUse, Option, nested, option
from loader.option_values import require_type, take_proxy, take_text
from loader.rehearsals import rehearse
from loader.settings import Endpoint, Settings, Token
from loader.sources.frames import FrameRecords
from loader.stores import hide_secrets
from loader.tokens import TOKEN_VARIABLE, read_token

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from typing import Unpack

    from requests_futures.sessions import FuturesSession

    from loader.api.given import Given
    from loader.api.sandbox import Sandbox
    from loader.mapping import Mapping as Rules
    from loader.methods import Kind
    from loader.progress import Watch


# What the checkpoint of a table is named after; in a sandbox, digits of its hash follow.
FRAME = "frame"
NAMED_DIGITS = 12


class OwnKeywords(TypedDict, total=False):
    """What only Python can be given."""

    mapping: Mapping | str | os.PathLike[str] | None
    token: str | None
    sandbox: Sandbox | None
    session: FuturesSession | None
    progress: bool


class RetryKeywords(OwnKeywords, SendingKeywords, EventKeywords, total=False):
    """The keywords of `retry`."""


class SharedKeywords(OwnKeywords, QueryKeywords, TargetKeywords, InputKeywords, SendingKeywords, total=False):
    """The keywords of every load."""

    keep: bool
    requery: bool


class UserKeywords(SharedKeywords, NewestKeywords, total=False):
    """The keywords of `load_users` and `load_tags`."""


class EventLoadKeywords(SharedKeywords, EventKeywords, total=False):
    """The keywords of `load_events`."""


class AllKeywords(UserKeywords, EventLoadKeywords, total=False):
    """All keywords that there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The keywords of a call, read; the order of the fields is the order in which a notebook shows them."""

    mapping: Mapping | str | os.PathLike[str] | None = option(
        None,
        Option(
            "A `Mapping` or the path of a mapping file. Without one, columns are recognised by their names."
        ),
    )
    asked: QueryOptions = nested(QueryOptions)
    requery: bool = option(
        False,  # noqa: FBT003 - the default of a keyword
        Option("Run the query again, although its result is kept. As long as nothing was sent."),
    )
    target: TargetOptions = nested(TargetOptions)
    token: Token | None = option(
        None,
        Option(
            "API token. It is never shown or stored. PUSHWOOSH_TOKEN_FILE may name a file that holds it, or "
            "PUSHWOOSH_TOKEN_COMMAND a command that prints it.",
            variable=TOKEN_VARIABLE,
        ),
        secret=True,
    )
    sandbox: Sandbox | None = option(
        None,
        Option("A running `Sandbox` to send to instead of the vendor; for a retry, the sandbox of the load."),
    )
    keep: bool = option(
        False,  # noqa: FBT003 - the default of a keyword
        Option(
            "With `sandbox`: refuse a checkpoint of another input or mapping. Without it, such a rehearsal "
            "begins again, and the sandbox forgets what it holds of the earlier one."
        ),
    )
    options: LoadOptions = nested(LoadOptions)
    session: FuturesSession | None = option(
        None,
        Option("Your own requests-futures session, which sends all requests. It stays open."),
        secret=True,
    )
    progress: bool = option(
        True,  # noqa: FBT003 - the default of a keyword
        Option("Show the load while it runs."),
    )

    @classmethod
    def of(cls, **given: Unpack[AllKeywords]) -> Options:
        """Read the keywords.

        Raises:
            ConfigError: one of them is wrong.
        """
        from loader.api.sandbox import Sandbox  # noqa: PLC0415 - only for a call

        usable = "a running loader.Sandbox: `with loader.Sandbox() as sandbox:`"
        return cls(
            mapping=given.get("mapping"),
            asked=QueryOptions(
                query=take_text("query", given.get("query")),
                database=take_text("database", given.get("database")),
            ),
            requery=require_type("requery", given.get("requery", False), (bool,), "a bool"),
            target=TargetOptions.of(given),
            token=read_given_token(given.get("token")),
            sandbox=require_type("sandbox", given.get("sandbox"), (Sandbox, NoneType), usable),
            keep=given.get("keep", False),
            options=LoadOptions.of(given),
            session=given.get("session"),
            progress=given.get("progress", True),
        )

    def rules(self, kind: Kind) -> Rules | None:
        """The mapping, if one or its path was given.

        Raises:
            MappingError: it cannot be read, is for the other kind, or with every mistake in it.
        """
        return None if self.mapping is None else Mapping.taken(self.mapping, kind).rules

    def find_dialect(self, kind: Kind) -> Dialect:
        """How the text files of a query are written, as far as the mapping says.

        Raises:
            MappingError: it cannot be read.
        """
        rules = self.rules(kind)
        return Dialect() if rules is None else rules.source

    def loading(self, kind: Kind, given: Given) -> Settings:
        """The settings of a load.

        Raises:
            ConfigError: one of them is missing or wrong.
        """
        if self.keep and self.sandbox is None:
            raise ConfigError(
                "keep is for a rehearsal in a sandbox. A load to the vendor always refuses a checkpoint of "
                "another input or mapping: leave keep out."
            )
        settings = Settings(
            kind=kind,
            files=given.files,
            application=self._application(),
            endpoint=self._endpoint(),
            checkpoint=self._checkpoint(kind, given),
            token=self._token(),
            options=self._options(),
            memory=given.memory,
        )
        return self._direct(settings, keep=self.keep)

    def checking(self, kind: Kind, given: Given) -> Settings:
        """The settings of a check, which needs no account and saves no progress."""
        return Settings(
            kind=kind,
            files=given.files,
            application=choose_application(self.options.ledger, self.target.application)
            or os.environ.get(APPLICATION_VARIABLE)
            or NO_APPLICATION,
            endpoint=Endpoint.parse(DEFAULT_ENDPOINT),
            options=self.options,
            memory=given.memory,
        )

    def retrying(self, ledger: CheckpointView, given: Given) -> Settings:
        """The settings of a retry: what is sent, and where to, is what the checkpoint says.

        Raises:
            ConfigError: an option is wrong, or the sandbox of a rehearsal is not given.
        """
        of = ledger.identity
        if of.rehearsed and self.sandbox is None:
            raise ConfigError(
                f"{ledger.path} belongs to a rehearsal in a sandbox. Give that sandbox: "
                "sandbox=Sandbox(store), with the same store."
            )
        settings = Settings(
            kind=of.kind,
            files=given.files,
            application=of.application,
            endpoint=self._endpoint() if self.sandbox is not None else Endpoint.parse(of.endpoint),
            checkpoint=ledger.path,
            token=self._token(),
            options=self._options(),
            memory=given.memory,
        )
        return self._direct(settings, keep=True)

    def _direct(self, settings: Settings, *, keep: bool) -> Settings:
        """The settings, to the sandbox if there is one. What would be lost is refused before it is read.

        Raises:
            ConfigError: a file would be lost.
        """
        refuse_conflicts(self._claims(settings))
        return settings if self.sandbox is None else rehearse(settings, self.sandbox, keep=keep)

    def _claims(self, settings: Settings) -> Iterator[Claim]:
        yield from recall_environment()
        yield Claim(FileUse.CHECKPOINT, str(settings.checkpoint), "checkpoint")
        for file in settings.files if settings.memory.table is None else ():
            yield Claim(FileUse.INPUT, file)
        if isinstance(self.mapping, (str, os.PathLike)):
            yield Claim(FileUse.READ, hide_secrets(os.fspath(self.mapping)), "mapping")
        if self.options.ca_bundle is not None:
            yield Claim(FileUse.READ, str(self.options.ca_bundle), "ca_bundle")
        if self.options.report_gone is not None:
            yield Claim(FileUse.OUTPUT, str(self.options.report_gone), "report_gone")
        if self.sandbox is not None:
            yield Claim(FileUse.STORE, str(self.sandbox.store), "sandbox")

    def watch(self) -> Watch:
        """What shows a running load."""
        from loader.progress import choose_watch  # noqa: PLC0415 - not for `import loader`

        return choose_watch(quiet=not self.progress)

    def _application(self) -> str:
        application = self.target.application or os.environ.get(APPLICATION_VARIABLE)
        if self.sandbox is not None:
            return application or self.sandbox.application or NO_APPLICATION
        if not application:
            raise ConfigError(
                'No application code: give application="XXXXX-XXXXX" or set PUSHWOOSH_APPLICATION. '
                "To try the load on this machine first, give sandbox=, within `with loader.Sandbox() as "
                "sandbox:`."
            )
        return application

    def _endpoint(self) -> Endpoint:
        url = None if self.sandbox else self.target.endpoint or os.environ.get(ENDPOINT_VARIABLE)
        return Endpoint.parse(url or DEFAULT_ENDPOINT)

    def _checkpoint(self, kind: Kind, given: Given) -> Path:
        """Where progress is saved: for a real load always under one name, whatever a table holds.

        A table with one more row is refused as changed. Under another name it would be sent from the start.
        In a sandbox, each table has its own checkpoint: nothing is lost there by sending it again.
        """
        if self.target.checkpoint is not None:
            return self.target.checkpoint
        if given.table is None:
            return self.place(kind, given.files[0])
        usual = self.place(kind, FRAME)
        if self.sandbox is None:
            return usual
        content = hash_table(given.table)
        # An earlier version knew one name for all tables.
        is_known = is_checkpoint_of(usual, content)
        return usual if is_known else self.place(kind, f"{FRAME}-{content[:NAMED_DIGITS]}")

    def place(self, kind: Kind, first: str) -> Path:
        """The checkpoint of an input: beside it, or in the folder for all checkpoints or of the sandbox."""
        chosen = self.target.checkpoint_dir or os.environ.get(CHECKPOINT_DIR_VARIABLE) or None
        place = None if chosen is None else Path(chosen)
        path = default_checkpoint(kind, first, sandbox=self.sandbox is not None, folder=place)
        folder = self.sandbox.folder if self.sandbox is not None and place is None else None
        return path if folder is None else folder / path.name

    def _token(self) -> Token | None:
        token = self.token or read_token(warn=warnings.warn)
        return token if self.sandbox is None else None  # a sandbox is never shown it

    def _options(self) -> LoadOptions:
        if self.sandbox is not None:
            return replace(self.options, proxy=None)
        if self.options.proxy is not None or self.session is not None:  # a session has its own
            return self.options
        return replace(self.options, proxy=take_proxy(os.environ.get(PROXY_VARIABLE) or None))


def hash_table(table: object) -> str:
    """What tells a table by its content: names, types and values, whatever library holds it.

    Raises:
        SourceError: it has columns that cannot be named or sent.
    """
    return FrameRecords(table).survey().sha256


def is_checkpoint_of(path: Path, content: str) -> bool:
    """Whether there is a checkpoint of the table with this content."""
    try:
        ledger = CheckpointView.open(path) if path.exists() else None
    except CheckpointError:
        return False
    return ledger is not None and [file.sha256 for file in ledger.identity.files] == [content]


def read_given_token(given: str | None) -> Token | None:
    """The token as it was given, from here on kept apart from texts.

    Raises:
        ConfigError: it cannot be a token.
    """
    found = take_text("token", given)
    return None if found is None else Token(found)


def catch_interrupts() -> AbstractContextManager[Brake]:
    """The first interrupt of a cell or of Ctrl-C lets the load drain, the second gives up what is sent.

    No interrupt arrives in other threads than the main one, and no handler may be set there.
    """
    if threading.current_thread() is not threading.main_thread():
        return nullcontext(Brake())
    return brake_on_signals([signal.SIGINT], say_stopping)


def say_stopping() -> None:
    """Answer the first interrupt."""
    say(
        f"\nStopping: waiting up to {DRAIN_SECONDS:.0f} s for answers to requests on the wire. "
        "Interrupt again to stop without waiting."
    )


def say(text: str) -> None:
    """Tell the user something while a load runs."""
    if sys.stderr is None:  # a process without a console
        return
    try:
        sys.stderr.write(f"{text}\n")
    except (OSError, RuntimeError, ValueError):  # nobody reads it, it is closed, or in the middle of a line
        return
