"""A rehearsal on workers of other machines, which cannot reach the sandbox of this one."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from loader.cluster.connecting import is_of_this_machine
from loader.cluster.joining import Joining
from loader.methods import Kind
from loader.settings import Endpoint, Rehearsal, Settings

#: Reserved for documentation (RFC 5737, RFC 3849): no machine has them.
ELSEWHERE = ["tcp://192.0.2.1:8786", "tls://203.0.113.7:40001", "tcp://[2001:db8::1]:40001"]
HERE = ["tcp://127.0.0.1:40001", "tls://[::1]:40001", "tcp://localhost:40001", "inproc://10.0.0.1/7/3"]
SETTINGS = Settings(
    Kind.EVENTS, ("e.csv",), "AAAAA-BBBBB", Endpoint.parse("http://127.0.0.1:9/"), Path("e.ckpt")
)
REHEARSAL = replace(SETTINGS, rehearsal=Rehearsal("label", keep=False, forget=lambda _: None))


def list_own_addresses() -> list[str]:
    """Addresses of this machine that are not loopback ones, if it has any."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect(("192.0.2.1", 9))  # chooses the address to send from, and sends nothing
        except OSError:
            return []
        return [f"tcp://{asked.getsockname()[0]}:40001"]


@pytest.mark.parametrize("address", [*HERE, *list_own_addresses()])
def test_a_worker_of_this_machine_is_known_by_its_address(address: str) -> None:
    """Whether it listens on loopback or on an address by which others know this machine."""
    assert is_of_this_machine(address)


@pytest.mark.parametrize("address", ELSEWHERE)
def test_a_worker_of_another_machine_is_known_by_its_address(address: str) -> None:
    """An address that this machine does not have is that of another one."""
    assert not is_of_this_machine(address)


class Cluster:
    """A client of a cluster of some workers, in which nothing can be started."""

    status = "running"

    def __init__(self, addresses: list[str]) -> None:
        self.loop = SimpleNamespace(asyncio_loop=None)
        self.started: list[str] = []
        self._addresses = addresses

    def scheduler_info(self, **_: object) -> dict[str, Any]:
        """The workers."""
        return {"workers": {address: {"name": address[-5:]} for address in self._addresses}}

    def submit(self, *_: object, workers: list[str], **__: object) -> None:
        """Note what is started, and fail."""
        self.started += workers
        raise RuntimeError("not here")


@pytest.mark.parametrize(("settings", "refused"), [(REHEARSAL, ELSEWHERE), (SETTINGS, [])])
def test_a_rehearsal_refuses_workers_that_cannot_reach_its_sandbox(
    settings: Settings, refused: list[str]
) -> None:
    """In words, before anything is started there; a load to the vendor takes them all."""
    cluster = Cluster([*ELSEWHERE, HERE[0]])
    unused: Any = None
    joining = Joining(cluster, settings, (), unused, lambda _: None)
    reasons = [refusal.reason for refusal in joining.open_all()]
    joining.close()
    words = "the sandbox can be reached from this machine alone. Rehearse with workers of this machine"
    assert sum(words in reason for reason in reasons) == len(refused)
    assert sorted(cluster.started) == sorted({*ELSEWHERE, HERE[0]} - set(refused))
