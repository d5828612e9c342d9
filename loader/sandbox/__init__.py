"""A stand-in for the vendor on this machine, beside the loader: it takes, checks and keeps.

* `app`: sends a request to the one that answers it. `server`: the same on a loopback port, in the foreground.
* `vendor`: the API methods: a call is checked, kept, and only then answered. `rules`: what is a choice.
* `checks`: is this body what the vendor's documentation describes? `decoding` reads good calls at full speed,
  `management` those of a server (createEvent and the statistics). Pure.
* `calls`: what was called, as plain records. `labels`: which load a call belongs to, from its path.
* `grouping`: calls that arrive together share a transaction. `replies`: the forms of the answers.
* `store`: the SQLite file of what was taken, and `holdings`, a count of it.
* `faults`: what goes wrong on request, to rehearse a bad day.
* `embedded`: the server in a child process, for the length of one load.

Apart from `faults`, nothing here slows down or fails on purpose. `serve` is imported from
`loader.sandbox.server`, so that a load that only starts the child does not load a web server itself.
"""

from __future__ import annotations

from loader.sandbox.embedded import EmbeddedSandbox
from loader.sandbox.store import EventHoldings, Holdings, count_holdings

__all__ = ["EmbeddedSandbox", "EventHoldings", "Holdings", "count_holdings"]
