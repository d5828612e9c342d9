"""Which transport a load goes over; only the chosen library is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loader.errors import ConfigError
from loader.settings import Concurrency, Library

if TYPE_CHECKING:
    from loader.delivery.wire import Line, Session, Transport
    from loader.settings import Settings


def open_transport(settings: Settings, session: Session | None = None) -> Transport | Line:
    """The transport that a load asks for, or one over a session of the caller's, who closes that.

    Raises:
        ConfigError: it cannot be had on this machine, or the session could break a promise.
    """
    if session is not None:
        return _over(session, settings)
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


def _over(session: Session, settings: Settings) -> Transport:
    from loader.delivery.transport import RequestsTransport  # noqa: PLC0415 - not imported by every load

    if settings.proxy or settings.ca_bundle:
        raise ConfigError(
            "A proxy or CA bundle was given beside a session, which has its own. "
            "Set session.proxies and session.verify instead."
        )
    return RequestsTransport(settings.endpoint.url + settings.kind.method, settings.token, session=session)


def concurrency_over(session: Session, wanted: Concurrency) -> Concurrency:
    """The concurrency that is wanted, within the session's own: what waits inside it would count as sent."""
    of_executor = getattr(getattr(session, "executor", None), "_max_workers", wanted.highest)
    workers = int(getattr(session, "max_workers", of_executor))
    return Concurrency(min(wanted.lowest, workers), min(wanted.highest, workers))
