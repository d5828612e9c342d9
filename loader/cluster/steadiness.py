"""Workers that were started for one load end with it, and not by the signals that it is sent.

Ctrl-C in a terminal, and the stop of a service, reach all processes of a group. The coordinator ends in
order, and needs its workers for the answers to what is on the wire.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from distributed import WorkerPlugin

if TYPE_CHECKING:
    from distributed import Worker

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


class Steadiness(WorkerPlugin):
    """Has a worker ignore the signals that ask to end; its nanny ends it by a message."""

    name = "pushwoosh-loader steadiness"

    def setup(self, worker: Worker) -> None:  # noqa: ARG002 - Dask's interface
        """In the main thread of the worker."""
        for name in _NAMES:
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_IGN)
