"""Workers come: each gets an actor that reads, maps and sends. While a load runs, new ones are looked for."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from loader.cluster.connecting import is_private
from loader.cluster.messages import Secrets
from loader.cluster.sender import Sender
from loader.cluster.station import Station
from loader.errors import ConfigError
from loader.stores import find_hidden

if TYPE_CHECKING:
    from collections.abc import Callable

    from loader.cluster.messages import Assignment
    from loader.cluster.station import Heard, Lost
    from loader.settings import Settings

_LOOK_SECONDS = 1.0
_OPEN_SECONDS = 60.0
_AT_A_TIME = 16


_EXPOSED = (
    "the way to it is not encrypted, and the address of the proxy or of the input holds a secret. Use a "
    "cluster with TLS (tls://)."
)


class Refusal(NamedTuple):
    """A worker that cannot take part, and why."""

    name: str
    reason: str


class Joining:
    """Opens an actor in each worker of a cluster, and lets it take part.

    Args:
        client: of the cluster, synchronous.
        settings: of the load, for its secrets.
        assignment: what each worker is told.
        tell: takes new stations, and what they say; from any thread.
    """

    def __init__(
        self,
        client: Any,
        settings: Settings,
        assignment: Assignment,
        tell: Callable[[Heard | Lost | Station], None],
    ) -> None:
        self._client = client
        self._settings = settings
        self._addresses = find_hidden(settings.files)
        self._assignment = assignment
        self._tell = tell
        self._loop: asyncio.AbstractEventLoop = client.loop.asyncio_loop
        self._known: set[str] = set()
        self._kept: list[tuple[Station, Any]] = []  # a future that is dropped takes its actor with it
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._look, name="pushwoosh-loader workers", daemon=True)

    def open_all(self) -> list[Refusal]:
        """Let all workers that are there join, and look for more from then on; those that cannot, and why."""
        refusals = self._admit_new()
        self._thread.start()
        return refusals

    def close(self) -> None:
        """Let all workers stop, as far as they hear it."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        stopping = [
            asyncio.run_coroutine_threadsafe(_close(station), self._loop) for station, _ in self._kept
        ]
        for each in stopping:
            each.exception()
        self._kept.clear()

    def _look(self) -> None:
        while not self._closing.wait(_LOOK_SECONDS):
            with suppress(
                Exception
            ):  # the scheduler is away; whether its workers are heard is seen elsewhere
                self._admit_new()

    def _admit_new(self) -> list[Refusal]:
        workers = self._client.scheduler_info(n_workers=-1)["workers"]
        new = {address: info for address, info in workers.items() if address not in self._known}
        self._known |= set(new)
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            found = pool.map(self._admit, new, [name_worker(*each) for each in new.items()])
            return [each for each in found if each is not None]

    def _admit(self, address: str, name: str) -> Refusal | None:
        try:
            future = self._client.submit(
                Sender,
                actor=True,
                pure=False,
                retries=0,
                key=f"pushwoosh-loader-{uuid4().hex[:12]}",
                workers=[address],
                allow_other_workers=False,
            )
            actor = future.result(timeout=_OPEN_SECONDS)
            with self._client.as_current():  # an actor calls over the client that is the current one
                opened = actor.open(self._assignment, self._hand_secrets(address))
            stamp, refusal = opened.result(_OPEN_SECONDS)
            heard_at = time.monotonic()
        except ConfigError as error:
            return Refusal(name, str(error))
        except Exception as failure:  # noqa: BLE001 - a worker without this package, or one that has gone
            return Refusal(name, f"{type(failure).__name__}: {failure}")
        if refusal is not None:
            return Refusal(name, str(refusal))
        station = Station(
            name,
            actor,
            stamp,
            heard_at=heard_at,
            permit_seconds=self._assignment.permit_seconds,
            tell=self._tell,
        )
        self._kept.append((station, future))
        self._tell(station)
        asyncio.run_coroutine_threadsafe(station.serve(), self._loop)
        return None

    def _hand_secrets(self, address: str) -> Secrets:
        """The secrets for one worker: a token goes only where nobody else can read it."""
        token, proxy = self._settings.token, self._settings.options.proxy
        private = is_private(address) and is_private(self._client.scheduler.address)
        if not private and (self._addresses or (proxy is not None and proxy.secrets)):
            raise ConfigError(_EXPOSED)
        return Secrets(
            token.reveal() if token and private else None,
            proxy.reveal() if proxy else None,
            {shown: whole.reveal() for shown, whole in self._addresses.items()},
            withheld=token is not None and not private,
        )


async def _close(station: Station) -> None:
    try:
        async with asyncio.timeout(2.0):
            await station.close()
    except Exception:  # noqa: BLE001 - its permit runs out by itself
        return


def name_worker(address: str, info: dict[str, Any]) -> str:
    """What the user calls a worker: its name and its host, or its address."""
    name = str(info.get("name", ""))
    return address.partition("://")[2] if not name or "://" in name else name
