"""Load users and historical events into Pushwoosh: completely, once, and provably.

A map, in the order to read:

* `loader.pipeline`: the main path on one screen.
* `loader.model`: the records that travel along it, and the four states of a row.
* `loader.sources`: the input files as chunks of pandas frames; identity of the input.
* `loader.mapping`: columns to the fields of the two API methods, and to JSON bytes.
* `loader.journal`: the checkpoint file: what may be sent, what was sent, what came of it.
* `loader.delivery`: the bounded window, the transport, the verdicts, the limits.
* `loader.report`: progress, summary, and the page that `loader.reporting` gathers the facts for.
* `loader.cli`: the commands. `loader.sandbox`: a stand-in for the vendor.
"""

__version__ = "0.1.0"
