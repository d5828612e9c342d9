"""Which transport a load goes over; only the chosen library is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loader.errors import ConfigError
from loader.settings import Library

if TYPE_CHECKING:
    from requests_futures.sessions import FuturesSession

    from loader.delivery.wire import Line, Transport
    from loader.settings import Settings


def open_transport(settings: Settings, session: FuturesSession | None = None) -> Transport | Line:
    """The transport that a load asks for: over a session of the caller's, where there is one.

    Raises:
        ConfigError: it cannot be had on this machine.
    """
    url = settings.endpoint.url + settings.kind.method
    ways: dict[str, Any] = {
        "concurrency": settings.concurrency.highest,
        "proxies": {"http": settings.proxy, "https": settings.proxy} if settings.proxy else None,
        "ca_bundle": str(settings.ca_bundle) if settings.ca_bundle else None,
    }
    if settings.transport is Library.REQUESTS or session is not None:
        from loader.delivery.transport import RequestsTransport  # noqa: PLC0415 - see above

        return RequestsTransport(url, settings.token, session=session, **ways)
    try:
        from loader.delivery.transport_curl import open_line  # noqa: PLC0415 - see above
    except ImportError as error:
        raise ConfigError(
            f"The default transport needs pycurl, which cannot be used here: {error}. "
            "Install pycurl 7.45.7 or newer, or add --transport requests, which is slower."
        ) from None
    return open_line(url, settings.token, **ways)
