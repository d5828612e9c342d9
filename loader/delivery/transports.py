"""Which transport a load goes over; only the chosen library is imported."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from loader.delivery.clock import SystemClock
from loader.delivery.futures import FutureLine
from loader.delivery.wire import Timeouts
from loader.errors import ConfigError
from loader.settings import Library

if TYPE_CHECKING:
    from loader.delivery.wire import Line
    from loader.settings import Settings, Token


@dataclass(frozen=True, slots=True)
class Way:
    """Where and how requests are sent.

    Attributes:
        library: what they go over.
        url: of the API method.
        token: goes into the Authorization header, or None.
        concurrency: the largest number on the wire.
        proxy: URL of a proxy, or None.
        ca_bundle: path of the certificates to trust, or None for the usual ones.
        timeouts: the bounds of one attempt.
    """

    library: Library
    url: str
    token: Token | None
    concurrency: int
    proxy: str | None = None
    ca_bundle: str | None = None
    timeouts: Timeouts = field(default=Timeouts())

    @classmethod
    def of(cls, settings: Settings) -> Way:
        """The way that a load asks for."""
        return cls(
            settings.transport,
            settings.endpoint.url + settings.kind.method,
            settings.token,
            settings.concurrency.highest,
            settings.proxy,
            str(settings.ca_bundle) if settings.ca_bundle else None,
        )


def open_transport(settings: Settings) -> Line:
    """The line that a load asks for.

    Raises:
        ConfigError: it cannot be had on this machine.
    """
    way = Way.of(settings)
    if settings.processes == 1:
        return line_over(way)
    from loader.delivery.transport_processes import ProcessLine  # noqa: PLC0415 - only where it is asked for

    return ProcessLine(way, settings.processes)


def line_over(way: Way) -> Line:
    """A line in this process.

    Raises:
        ConfigError: it cannot be had on this machine.
    """
    ways: dict[str, Any] = {
        "concurrency": way.concurrency,
        "proxies": {"http": way.proxy, "https": way.proxy} if way.proxy else None,
        "ca_bundle": way.ca_bundle,
        "timeouts": way.timeouts,
    }
    if way.library is Library.REQUESTS:
        from loader.delivery.transport import RequestsTransport  # noqa: PLC0415 - see above

        return FutureLine(RequestsTransport(way.url, way.token, **ways), SystemClock())
    try:
        from loader.delivery.transport_curl import open_line  # noqa: PLC0415 - see above
    except ImportError as error:
        raise ConfigError(
            f"The default transport needs pycurl, which cannot be used here: {error}. "
            "Install pycurl 7.45.7 or newer, or add --transport requests, which is slower."
        ) from None
    return open_line(way.url, way.token, **ways)
