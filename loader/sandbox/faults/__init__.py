"""What the sandbox does wrong on request: `--faults SPEC`.

* `kinds`: each fault, what the caller sees of it, and whether the call is stored.
* `occasions`: which calls a fault hits: a share of them, every Nth, a window of time, numbers of calls.
* `spec`: what a text asks for, as records. `spec_text` reads the text, `profiles` are texts with names.
* `dealer`: what happens to the next call. Seeded, so that the same calls meet the same faults again.
* `misbehaviour`: an ASGI application around another one, which carries out what was dealt.
* `connection`, `outages`: the TCP side: a connection that is reset, a port that refuses connections.
"""

from __future__ import annotations

from loader.sandbox.faults.dealer import Deal, Dealer
from loader.sandbox.faults.kinds import Fault
from loader.sandbox.faults.profiles import PROFILES
from loader.sandbox.faults.spec import FaultSpec
from loader.sandbox.faults.spec_text import parse_spec

__all__ = ["PROFILES", "Deal", "Dealer", "Fault", "FaultSpec", "parse_spec"]
