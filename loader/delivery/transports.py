"""Which transport a load goes over; only the chosen library is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loader.delivery.clock import SystemClock
from loader.delivery.futures import FutureLine
from loader.delivery.way import Way
from loader.errors import ConfigError
from loader.settings import Library

if TYPE_CHECKING:
    from loader.delivery.wire import Line
    from loader.settings import Settings


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
