"""What puts requests on the wire: which transport a load goes over; only the chosen library is imported.

* `contract`: what every transport, or line, promises; `target`: where and how it sends; `future_line`: a
  transport used as a line.
* `curl`: the default, a line on libcurl.
* `requests`: the transport on requests-futures, with its own session, or the caller's.
* `processes`: several lines, each in its own process.
* `curl_session`: `CurlSession`, a `FuturesSession` on libcurl for any requests.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from loader.choices import Concurrency, Library
from loader.delivery.clock import SystemClock
from loader.delivery.transports.future_line import FutureLine
from loader.delivery.transports.target import Target
from loader.errors import ConfigError
from loader.message import Message, Setting

if TYPE_CHECKING:
    from collections.abc import Callable

    from loader.delivery.transports.contract import PolledLine, Session
    from loader.settings import Settings


def open_transport(settings: Settings, session: Session | None = None) -> PolledLine:
    """Open the line that a load asks for, or a line over a session that the caller closes.

    Raises:
        ConfigError: it cannot be had on this machine, or the session could break a promise.
    """
    if session is not None:
        return _open_over(session, settings)
    target = Target.of(settings)
    if settings.options.processes == 1:
        return open_line_in_process(target)
    from loader.delivery.transports.processes.process_line import ProcessLine  # noqa: PLC0415 - only if it is asked for

    return ProcessLine(target, settings.options.processes)


def open_line_in_process(target: Target, may_send: Callable[[], bool] | None = None) -> PolledLine:
    """Open a line in this process.

    Args:
        target: where and how to send.
        may_send: asked right before a body leaves, whether it may, in the thread that sends; None for always.

    Raises:
        ConfigError: it cannot be had on this machine.
    """
    options: dict[str, Any] = {
        "concurrency": target.concurrency,
        "proxy": target.proxy,
        "ca_bundle": target.ca_bundle,
        "timeouts": target.timeouts,
        "may_send": may_send,
    }
    if target.library is Library.REQUESTS:
        from loader.delivery.transports.requests.requests_transport import RequestsTransport  # noqa: PLC0415 - see above

        return FutureLine(RequestsTransport(target.url, target.token, **options), SystemClock())
    try:
        from loader.delivery.transports.curl.curl_line import open_line  # noqa: PLC0415 - see above
    except ImportError as error:
        raise ConfigError(
            Message(
                "The default transport needs pycurl, which cannot be used here: {error}. "
                "Install pycurl 7.45.7 or newer, or set {transport} to requests, which is slower.",
                error=error,
                transport=Setting("transport"),
            )
        ) from None
    return open_line(target.url, target.token, **options)


def find_library_version(library: Library) -> dict[str, str]:
    """The version of what the requests go over, by its name; nothing if it cannot be had."""
    if library is Library.REQUESTS:
        return {name: version(name) for name in ("requests", "urllib3")}
    try:
        import pycurl  # noqa: PLC0415 - see above
    except ImportError:
        return {}
    return {"libcurl": str(pycurl.version_info()[1])}


def _open_over(session: Session, settings: Settings) -> PolledLine:
    from loader.delivery.transports.requests.requests_transport import RequestsTransport  # noqa: PLC0415 - not imported by every load

    if settings.options.proxy or settings.options.ca_bundle:
        raise ConfigError(
            "A proxy or a CA bundle was given together with a session, which has its own. "
            "Set session.proxies and session.verify instead."
        )
    if settings.options.processes > 1:
        raise ConfigError(
            "A session belongs to this process alone. Leave processes at 1 if you pass a session."
        )
    target = Target.of(settings)
    return FutureLine(RequestsTransport(target.url, target.token, session=session), SystemClock())


def limit_concurrency(session: Session, wanted: Concurrency) -> Concurrency:
    """Limit the wanted concurrency to the session's own, because what waits inside it would count as sent."""
    of_executor = getattr(getattr(session, "executor", None), "_max_workers", wanted.highest)
    workers = int(getattr(session, "max_workers", of_executor))
    return Concurrency(min(wanted.lowest, workers), min(wanted.highest, workers))
