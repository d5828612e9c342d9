"""Where and how requests are sent, with any transport."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loader.delivery.transports.contract import Timeouts

if TYPE_CHECKING:
    from loader.addresses import Proxy
    from loader.choices import Library
    from loader.settings import Settings, Token


@dataclass(frozen=True, slots=True)
class Target:
    """Where and how requests are sent.

    Attributes:
        library: what they go over.
        url: of the API method.
        token: goes into the Authorization header, or None.
        concurrency: the largest number on the wire.
        proxy: the proxy, or None.
        ca_bundle: path of the certificates to trust, or None for the usual ones.
        timeouts: the bounds of one attempt.
    """

    library: Library
    url: str
    token: Token | None
    concurrency: int
    proxy: Proxy | None = None
    ca_bundle: str | None = None
    timeouts: Timeouts = field(default=Timeouts())

    @classmethod
    def of(cls, settings: Settings) -> Target:
        """The target of a load, from its settings."""
        options = settings.options
        return cls(
            options.transport,
            settings.endpoint.url + settings.kind.method.name,
            settings.token,
            options.concurrency.highest,
            options.proxy,
            str(options.ca_bundle) if options.ca_bundle else None,
        )
