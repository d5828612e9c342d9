"""Workers come: each gets an actor that reads, maps and sends. While a load runs, new ones are looked for."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from loader.cluster.connecting import is_of_this_machine, is_private
from loader.cluster.messages import Secrets
from loader.cluster.sender import Sender
from loader.cluster.station import Alone, Station
from loader.errors import ConfigError
from loader.stores import find_hidden

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from loader.cluster.messages import Assignment
    from loader.cluster.station import Heard, Lost
    from loader.settings import Settings

_LOOK_SECONDS = 1.0
_OPEN_SECONDS = 60.0
_CLOSE_SECONDS = 2.0
_SHORT_SECONDS = 0.05
# A worker that answers imports what it needs first.
_ANSWER_SECONDS = 20.0
_AT_A_TIME = 16


_EXPOSED = (
    "the way to it is not encrypted, and the address of the proxy or of the input holds a secret. Use a "
    "cluster with TLS (tls://)."
)


_ELSEWHERE = (
    "it is on another machine, and the sandbox can be reached from this machine alone. Rehearse with workers "
    "of this machine, for example local:4."
)


class Refusal(NamedTuple):
    """A worker that cannot take part, and why."""

    name: str
    reason: str


@dataclass(slots=True)
class Member:
    """A worker that was asked to take part.

    Attributes:
        name: what the user calls the worker.
        asked: is set when it takes part, or when it is known why it does not.
        silent: whether it did not answer: it is asked again.
        station: of it, once it takes part.
        future: of its actor; a future that is dropped takes its actor with it.
        refusal: why it cannot take part.
    """

    name: str
    asked: threading.Event
    silent: bool = False
    station: Station | None = None
    future: Any = None
    refusal: Refusal | None = None


class Joining:
    """Opens an actor in each worker of a cluster, and lets it take part.

    A worker that does not answer keeps nobody waiting: it may join later. So may one that was cut off.

    Args:
        client: of the cluster, synchronous.
        settings: of the load, for its secrets.
        names: of the files that a worker reads; the addresses of some may hold a secret.
        assignment: what each worker is told.
        tell: takes new stations, and what they say; from any thread.
    """

    def __init__(
        self,
        client: Any,
        settings: Settings,
        names: Iterable[str],
        assignment: Assignment,
        tell: Callable[[Heard | Lost | Station | Alone], None],
    ) -> None:
        self._client = client
        self._settings = settings
        self._addresses = find_hidden(names)
        self._assignment = assignment
        self._tell = tell
        self._loop: asyncio.AbstractEventLoop = client.loop.asyncio_loop
        self._members: dict[str, Member] = {}
        self._entrance = threading.Semaphore(_AT_A_TIME)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._look, name="pushwoosh-loader workers", daemon=True)

    def open_all(self) -> list[Refusal]:
        """Let all workers that are there join, and look for more from then on; those that cannot, and why.

        Nobody waits long for a worker that does not answer, if there is another one.
        """
        self._admit_new()
        members = list(self._members.values())
        until = time.monotonic() + _ANSWER_SECONDS
        for member in members:
            member.asked.wait(max(until - time.monotonic(), 0.0))
        until += _OPEN_SECONDS
        while not _settled(members) and time.monotonic() < until:
            self._closing.wait(_SHORT_SECONDS)
        self._thread.start()
        refusals = [member.refusal for member in members if member.refusal is not None]
        if refusals or any(member.station for member in members):
            return refusals
        silent = [member for member in members if member.silent or not member.asked.is_set()]
        return [Refusal(member.name, "it does not answer") for member in silent]

    def close(self) -> None:
        """Let all workers stop, as far as they hear it."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(_LOOK_SECONDS)
        stations = [member.station for member in list(self._members.values()) if member.station is not None]
        stopping = [asyncio.run_coroutine_threadsafe(_close(station), self._loop) for station in stations]
        for each in stopping:
            with suppress(TimeoutError):
                each.exception(2 * _CLOSE_SECONDS)
        self._members.clear()

    def _look(self) -> None:
        while not self._closing.wait(_LOOK_SECONDS):
            if self._client.status == "closed":
                self._tell(Alone("the scheduler cannot be reached any more"))
                return
            with suppress(
                Exception
            ):  # the scheduler is away; whether its workers are heard is seen elsewhere
                self._admit_new()

    def _admit_new(self) -> None:
        workers = self._client.scheduler_info(n_workers=-1)["workers"]
        for address, member in list(self._members.items()):
            cut_off = member.station is not None and member.station.cut_off
            if address not in workers or member.silent or cut_off:
                del self._members[address]
        for address, info in workers.items():
            if address not in self._members:
                member = self._members[address] = Member(name_worker(address, info), threading.Event())
                threading.Thread(
                    target=self._admit, args=(address, member), name="pushwoosh-loader worker", daemon=True
                ).start()

    def _admit(self, address: str, member: Member) -> None:
        try:
            with self._entrance:
                self._open(address, member)
        except ConfigError as error:
            member.refusal = Refusal(member.name, str(error))
        except TimeoutError:
            member.silent = True
        except Exception as failure:  # noqa: BLE001 - a worker without this package, or one that has gone
            if self._is_there(address):
                member.refusal = Refusal(member.name, f"{type(failure).__name__}: {failure}")
        finally:
            member.asked.set()

    def _is_there(self, address: str) -> bool:
        try:
            return address in self._client.scheduler_info(n_workers=-1)["workers"]
        except Exception:  # noqa: BLE001 - nor is the scheduler
            return False

    def _open(self, address: str, member: Member) -> None:
        """Open the actor in a worker.

        Raises:
            ConfigError: the worker cannot take part.
            TimeoutError: it does not answer.
            Exception: whatever else Dask raises.
        """
        if self._settings.rehearsal is not None and not is_of_this_machine(address):
            raise ConfigError(_ELSEWHERE)
        member.future = self._client.submit(
            Sender,
            actor=True,
            pure=False,
            retries=0,
            key=f"pushwoosh-loader-{uuid4().hex[:12]}",
            workers=[address],
            allow_other_workers=False,
        )
        actor = member.future.result(_OPEN_SECONDS)
        with self._client.as_current():  # an actor calls over the client that is the current one
            opened = actor.open(self._assignment, self._hand_secrets(address))
        stamp, refusal = opened.result(_OPEN_SECONDS)
        heard_at = time.monotonic()
        if refusal is not None:
            raise ConfigError(refusal)
        member.station = Station(
            member.name,
            actor,
            stamp,
            heard_at=heard_at,
            permit_seconds=self._assignment.permit_seconds,
            tell=self._tell,
        )
        if self._closing.is_set():
            return  # the load has ended meanwhile; nobody would let the worker go
        self._tell(member.station)
        asyncio.run_coroutine_threadsafe(member.station.serve(), self._loop)

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
        async with asyncio.timeout(_CLOSE_SECONDS):
            await station.close()
    except Exception:  # noqa: BLE001 - its permit runs out by itself
        return


def _settled(members: list[Member]) -> bool:
    """Whether a load can begin, or can never begin: it is known of one worker, or of all."""
    known = [member for member in members if member.asked.is_set()]
    return len(known) == len(members) or any(member.station or member.refusal for member in known)


def name_worker(address: str, info: dict[str, Any]) -> str:
    """What the user calls a worker: its name and its host, or its address."""
    name = str(info.get("name", ""))
    return address.partition("://")[2] if not name or "://" in name else name
