"""The options of a load from Python, and their way into `Settings`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from loader.api.mapping import Mapping
from loader.defaults import (
    APPLICATION_VARIABLE,
    ENDPOINT_VARIABLE,
    NO_APPLICATION,
    default_checkpoint,
    read_token,
)
from loader.delivery import DRAIN_SECONDS, Brake
from loader.errors import ConfigError, LoaderError
from loader.interrupts import brakes
from loader.message import Setting
from loader.settings import (
    DEFAULT_ENDPOINT,
    Concurrency,
    Endpoint,
    Library,
    OnDoubt,
    Order,
    Settings,
    Threshold,
    Token,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from enum import StrEnum

    from loader.api.given import Given
    from loader.api.sandbox import Sandbox
    from loader.journal import Checkpoint
    from loader.mapping import Mapping as Rules
    from loader.methods import Kind
    from loader.progress import Watch

Choice = TypeVar("Choice", bound="StrEnum")

# Settings whose keyword is not named like the setting.
_KEYWORDS = {Setting.FILES: "source", Setting.SANDBOX_STORE: "Sandbox(store)"}


@dataclass(frozen=True, slots=True)
class Options:
    """The keywords of `load_events`, as they were given; see there."""

    mapping: Any = None
    application: str | None = None
    token: str | None = field(default=None, repr=False)
    endpoint: str | None = None
    checkpoint: Any = None
    sandbox: Sandbox | None = None
    concurrency: str | int = "auto"
    processes: int = 1
    rate: float | None = None
    limit: int | None = None
    on_doubt: str = "hold"
    order: str = "none"
    max_rejected: str | int | None = None
    max_in_doubt: str | int | None = None
    transport: str = "curl"
    session: Any = field(default=None, repr=False)
    proxy: str | None = field(default=None, repr=False)
    ca_bundle: Any = None
    progress: bool = True

    def __post_init__(self) -> None:
        """Refuse what is of a wrong type, in a sentence.

        Raises:
            ConfigError: with the keyword.
        """
        from loader.api.sandbox import Sandbox  # noqa: PLC0415 - only where it is asked for

        expected: tuple[tuple[str, Any, str], ...] = (
            ("sandbox", Sandbox, "a running loader.Sandbox: `with loader.Sandbox() as sandbox:`"),
            ("limit", Integral, "a whole number of rows"),
            ("processes", Integral, "a whole number"),
            ("rate", Real, "a number of requests a second"),
            ("checkpoint", (str, os.PathLike), "the path of a file"),
            ("ca_bundle", (str, os.PathLike), "the path of a file"),
            *((name, str, "text") for name in ("application", "token", "endpoint", "proxy")),
        )
        for name, kinds, wanted in expected:
            value = getattr(self, name)
            if value is not None and not isinstance(value, kinds):
                raise ConfigError(f"{name} is a {type(value).__qualname__}; it must be {wanted}.")

    def rules(self, kind: Kind) -> Rules | None:
        """The mapping, if one or the path of one was given.

        Raises:
            MappingError: it cannot be read, is for the other kind, or with every mistake in it.
        """
        return None if self.mapping is None else Mapping.taken(self.mapping, kind).rules

    def loading(self, kind: Kind, given: Given) -> Settings:
        """The settings of a load.

        Raises:
            ConfigError: one of them is missing or wrong.
        """
        application = self.application or os.environ.get(APPLICATION_VARIABLE)
        if self.sandbox is not None:
            application = application or self.sandbox.application or NO_APPLICATION
        elif not application:
            raise ConfigError(
                'No application code: give application="XXXXX-XXXXX" or set PUSHWOOSH_APPLICATION. '
                "To try the load on this machine first, give sandbox=, within `with loader.Sandbox() as "
                "sandbox:`."
            )
        return Settings(
            kind=kind,
            files=given.files,
            application=application,
            endpoint=self._where(),
            checkpoint=self._checkpoint(kind, given),
            limit=None if self.limit is None else int(self.limit),
            table=given.table,
            **self._sending(),
        )

    def checking(self, kind: Kind, given: Given) -> Settings:
        """The settings of a check, which needs no account and writes nothing down."""
        return Settings(
            kind=kind,
            files=given.files,
            application=self.application or os.environ.get(APPLICATION_VARIABLE) or NO_APPLICATION,
            endpoint=Endpoint.parse(DEFAULT_ENDPOINT),
            limit=self.limit,
            order=chosen(Order, "order", self.order),
            table=given.table,
        )

    def retrying(self, ledger: Checkpoint, given: Given) -> Settings:
        """The settings of a retry: what is sent, and where to, is what the checkpoint says.

        Raises:
            ConfigError: an option is wrong, or the sandbox of a rehearsal is not given.
        """
        of = ledger.identity
        if of.endpoint.startswith("sandbox ") and self.sandbox is None:
            raise ConfigError(
                f"{ledger.path} is of a rehearsal in a sandbox: give that one, sandbox=Sandbox(store) with "
                "its store."
            )
        return Settings(
            kind=of.kind,
            files=given.files,
            application=of.application,
            endpoint=self._where() if self.sandbox is not None else Endpoint.parse(of.endpoint),
            checkpoint=ledger.path,
            table=given.table,
            **self._sending(),
        )

    def watch(self) -> Watch:
        """What shows a running load."""
        from loader.progress import choose_watch  # noqa: PLC0415 - not for `import loader`

        return choose_watch(quiet=not self.progress)

    def _where(self) -> Endpoint:
        if self.sandbox is not None:
            return Endpoint(self.sandbox.endpoint, f"sandbox {self.sandbox.store_id}")
        return Endpoint.parse(self.endpoint or os.environ.get(ENDPOINT_VARIABLE) or DEFAULT_ENDPOINT)

    def _checkpoint(self, kind: Kind, given: Given) -> Path:
        """Where progress is written down: always under one name, whatever a table holds.

        A table with one more row is refused as changed. Under another name it would be sent from the start.
        """
        if self.checkpoint is not None:
            return Path(self.checkpoint)
        first = given.files[0] if given.table is None else "frame"
        path = default_checkpoint(kind, first, sandbox=self.sandbox is not None)
        folder = self.sandbox.folder if self.sandbox is not None else None
        return path if folder is None else folder / path.name

    def _sending(self) -> dict[str, Any]:
        token = Token(self.token) if self.token is not None else read_token()
        return {
            # It is shown to no stand-in.
            "token": token if self.sandbox is None else None,
            "concurrency": Concurrency.parse(str(self.concurrency)),
            "processes": int(self.processes),
            "transport": chosen(Library, "transport", self.transport),
            "ca_bundle": Path(self.ca_bundle) if self.ca_bundle is not None else None,
            "proxy": self.proxy if self.sandbox is None else None,
            "rate": self.rate,
            "on_doubt": chosen(OnDoubt, "on_doubt", self.on_doubt),
            "order": chosen(Order, "order", self.order),
            "max_rejected": threshold(self.max_rejected),
            "max_in_doubt": threshold(self.max_in_doubt),
        }


def chosen(choices: type[Choice], name: str, value: str) -> Choice:
    """One of the words that an option takes.

    Raises:
        ConfigError: it is none of them.
    """
    try:
        return choices(value)
    except ValueError:
        words = " or ".join(f'"{choice}"' for choice in choices)
        raise ConfigError(f"{name} is {value!r}; it is {words}.") from None


def threshold(value: str | int | None) -> Threshold | None:
    """A number of rows, or a percentage as text."""
    return None if value is None else Threshold.parse(str(value))


def stoppable() -> AbstractContextManager[Brake]:
    """The first interrupt of a cell or of Ctrl-C lets the load drain, the second gives up what is sent.

    No interrupt arrives in other threads than the main one, and no handler may be set there.
    """
    if threading.current_thread() is not threading.main_thread():
        return nullcontext(Brake())
    return brakes([signal.SIGINT], say_stopping)


def say_stopping() -> None:
    """What the first interrupt is answered with."""
    if sys.stderr is None:  # a process without a console
        return
    try:
        sys.stderr.write(
            f"\nStopping: up to {DRAIN_SECONDS:.0f} s for answers to what is on the wire. "
            "Interrupt once more to stop at once.\n"
        )
    except (OSError, RuntimeError, ValueError):  # nobody reads it, it is closed, or in the middle of a line
        return


@contextmanager
def in_python() -> Iterator[None]:
    """Let errors name the keywords of Python, and not the options of the command line."""
    try:
        yield
    except LoaderError as error:
        error.spelling = spell_keyword
        raise


def spell_keyword(setting: Setting) -> str:
    """A setting as Python writes it: ``max_rejected``."""
    return _KEYWORDS.get(setting, setting.value)
