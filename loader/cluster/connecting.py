"""A client of a Dask cluster: one that is there, or one that is started on this machine for the load."""

from __future__ import annotations

import logging
import socket
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from loader.errors import ConfigError
from loader.message import Message, Setting
from loader.settings import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loader.choices import Cluster

_CONNECT_SECONDS = 10
_REACH_SECONDS = 2.0


@contextmanager
def open_client(cluster: Cluster) -> Iterator[Any]:
    """A client, which is closed afterwards unless it is the caller's.

    Raises:
        ConfigError: Dask is not installed, or the cluster cannot be reached or started.
    """
    with ExitStack() as opened:
        if cluster.client is not None:
            if getattr(cluster.client, "asynchronous", False):
                raise ConfigError(
                    Message(
                        "{setting} is an asynchronous Client. Give one that is not asynchronous.",
                        setting=Setting("cluster"),
                    )
                )
            yield cluster.client
            return
        distributed = import_distributed()
        try:
            where: Any = cluster.address
            if cluster.workers:
                where = opened.enter_context(
                    distributed.LocalCluster(
                        n_workers=cluster.workers,
                        threads_per_worker=1,
                        host="127.0.0.1",
                        dashboard_address="127.0.0.1:0",
                        silence_logs=logging.CRITICAL,
                    )
                )
            client = opened.enter_context(_connect(where, direct=True))
            if not _reaches_workers(client):
                client = opened.enter_context(_connect(where, direct=False))
            if cluster.workers:
                from loader.cluster.steadiness import Steadiness  # noqa: PLC0415 - only with Dask

                client.register_plugin(Steadiness())
        except (OSError, TimeoutError) as failure:
            raise ConfigError(
                Message(
                    "The Dask cluster {address} cannot be reached: {why}. Is its scheduler running, and can "
                    "this machine reach it? Check {setting}.",
                    address=str(cluster),
                    why=str(failure).rstrip(".") or type(failure).__name__,
                    setting=Setting("cluster"),
                )
            ) from None
        yield client


def _connect(where: Any, *, direct: bool) -> Any:
    """A client that talks to workers itself, which costs half as much, or through the scheduler.

    Raises:
        OSError, TimeoutError: the scheduler cannot be reached.
    """
    return import_distributed().Client(
        where, timeout=_CONNECT_SECONDS, set_as_default=False, direct_to_workers=direct
    )


def _reaches_workers(client: Any) -> bool:
    """Whether this machine reaches a worker by its address; that of a pod is known in its network alone."""
    addresses = [urlsplit(address) for address in client.scheduler_info(n_workers=1)["workers"]]
    for each in addresses:
        if each.scheme in {"tcp", "tls"}:
            try:
                socket.create_connection((each.hostname or "", each.port or 0), _REACH_SECONDS).close()
            except OSError:
                return False
    return True


def import_distributed() -> Any:
    """The library.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import distributed  # noqa: PLC0415 - only if it is asked for
    except ImportError as error:
        raise ConfigError(
            Message(
                "{setting} needs Dask, which cannot be used here: {error}. Install it: "
                "pip install 'pushwoosh-loader[cluster]'",
                setting=Setting("cluster"),
                error=error,
            )
        ) from None
    return distributed


def is_private(address: str) -> bool:
    """Whether nobody else can read what goes to an address: it is encrypted, or on this machine."""
    parts = urlsplit(address)
    return parts.scheme in {"tls", "wss", "inproc"} or is_loopback(parts.hostname or "")


def is_of_this_machine(address: str) -> bool:
    """Whether a worker with this address runs here: only on its own addresses a machine can listen."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    if parts.scheme == "inproc" or is_loopback(host):
        return True
    try:
        named = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
        return any(_can_listen(family, place) for family, _, _, _, place in named)
    except OSError:
        return False


def _can_listen(family: int, place: Any) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        try:
            listener.bind(place)
        except OSError:
            return False
    return True
