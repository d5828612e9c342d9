"""Which transport a load goes over; only the chosen library is imported."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from loader.errors import ConfigError
from loader.settings import Library

if TYPE_CHECKING:
    from loader.delivery.wire import Line, Transport
    from loader.settings import Settings


def library_version(library: Library) -> dict[str, str]:
    """The version of what the requests go over, by its name; nothing where it cannot be had."""
    if library is Library.REQUESTS:
        return {name: version(name) for name in ("requests", "urllib3")}
    try:
        import pycurl  # noqa: PLC0415 - see above
    except ImportError:
        return {}
    return {"libcurl": str(pycurl.version_info()[1])}


def open_transport(settings: Settings) -> Transport | Line:
    """The transport that a load asks for.

    Raises:
        ConfigError: it cannot be had on this machine.
    """
    url = settings.endpoint.url + settings.kind.method
    ways: dict[str, Any] = {
        "concurrency": settings.concurrency.highest,
        "proxies": {"http": settings.proxy, "https": settings.proxy} if settings.proxy else None,
        "ca_bundle": str(settings.ca_bundle) if settings.ca_bundle else None,
    }
    if settings.transport is Library.REQUESTS:
        from loader.delivery.transport import RequestsTransport  # noqa: PLC0415 - see above

        return RequestsTransport(url, settings.token, **ways)
    try:
        from loader.delivery.transport_curl import open_line  # noqa: PLC0415 - see above
    except ImportError as error:
        raise ConfigError(
            f"The default transport needs pycurl, which cannot be used here: {error}. "
            "Install pycurl 7.45.7 or newer, or add --transport requests, which is slower."
        ) from None
    return open_line(url, settings.token, **ways)
