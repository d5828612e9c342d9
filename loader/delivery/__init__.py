"""Delivery: requests go out through a bounded window and come back as outcomes.

In the order to read:

* `dispatch`: the window, one attempt loop a row, groups of outcomes; `rows`: a row on its way and the order
  of one device; `governor`: what every attempt does to the whole sender; `outbox`: outcomes in groups.
* `verdicts`: what an answer means, pure; `wording`: the vendor's texts made safe to show.
* `limits`: rate, breaker, outage, canary, retry budget: state machines with time passed in.
* `policy`, `clock`, `brake`: what the caller passes in.
* `wire`: what a transport must promise; `transports` opens the one that is asked for:
  `transport_curl` on libcurl (a `transport_curl_line` of many `transport_curl_exchange`s), or `transport` on
  requests-futures, on `transport_sockets`.
"""

from loader.delivery.brake import Brake
from loader.delivery.dispatch import Dispatch
from loader.delivery.policy import Policy
from loader.delivery.transports import open_transport
from loader.delivery.wire import DRAIN_SECONDS, Transport

__all__ = ["DRAIN_SECONDS", "Brake", "Dispatch", "Policy", "Transport", "open_transport"]
