"""Delivery: requests go out through a bounded window and come back as outcomes.

In the order to read:

* `dispatch`: the window, one attempt loop a row, groups of outcomes; `rows`: a row on its way and the order
  of one device; `governor`: what every attempt does to the whole sender; `outbox`: outcomes in groups.
* `verdicts`: what an answer means, pure; `wording`: the vendor's texts made safe to show.
* `limits`: rate, breaker, outage, canary, retry budget; `limits_window`: how many requests go at a time.
  State machines, with time passed in.
* `meter`: what the sender has done, for the samples in the checkpoint.
* `policy`, `clock`, `brake`: what the caller passes in.
* `wire`: what a transport, or a line, must promise; `futures`: a transport used as a line.
* `transports` opens what is asked for: a line on libcurl (`transport_curl`, `transport_curl_line`,
  `transport_curl_exchange`), or the transport on requests-futures (`transport`, `transport_sockets`).
"""

from loader.delivery.brake import Brake
from loader.delivery.dispatch import Dispatch
from loader.delivery.policy import Policy
from loader.delivery.transports import library_version, open_transport
from loader.delivery.wire import DRAIN_SECONDS, Transport

__all__ = ["DRAIN_SECONDS", "Brake", "Dispatch", "Policy", "Transport", "library_version", "open_transport"]
