"""Delivery: requests go out through a bounded window and come back as outcomes.

In the order to read:

* `dispatch`: the window, one attempt loop a row, groups of outcomes; `rows`: a row on its way and the order
  of one device; `governor`: what every attempt does to the whole sender; `outbox`: outcomes in groups.
* `verdicts`: what an answer means, pure; `wording`: the vendor's texts made safe to show.
* `limits`: rate, breaker, outage, canary, retry budget; `limits_window`: how many requests go at a time.
  State machines, with time passed in.
* `meter`: what the sender has done, for the samples in the checkpoint.
* `policy`, `clock`, `brake`: what the caller passes in.
* `wire`: what a transport, or a line, must promise; `way`: where and how it sends; `futures`: a transport
  used as a line.
* `transports` opens what is asked for: a line on libcurl, or the transport on requests-futures (`transport`,
  `transport_sockets`), with a session of its own or of the caller's; or several of either, each in a process
  of its own (`transport_processes`, `transport_worker`, `channel`).
* libcurl: `transport_curl_multi` moves handles (`transport_curl_handle`) over a pool (`transport_curl_pool`).
  Attempts of the loader: `transport_curl_line`, `transport_curl_exchange`.
  `CurlSession`, a `FuturesSession` for any requests: `transport_curl_session`, `transport_curl_prepare`,
  `transport_curl_request`, `transport_curl_response`, `transport_curl_thread`.
"""

from loader.delivery.brake import Brake
from loader.delivery.dispatch import Dispatch
from loader.delivery.policy import Policy
from loader.delivery.transports import concurrency_over, library_version, open_transport
from loader.delivery.wire import DRAIN_SECONDS, Session, Transport

__all__ = [
    "DRAIN_SECONDS",
    "Brake",
    "Dispatch",
    "Policy",
    "Session",
    "Transport",
    "concurrency_over",
    "library_version",
    "open_transport",
]
