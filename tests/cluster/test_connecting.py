"""How the coordinator reaches a cluster."""

from __future__ import annotations

import socket
from types import SimpleNamespace

import pytest

from loader.choices import Cluster, Concurrency
from loader.cluster.connecting import _reaches_workers, is_private
from loader.errors import ConfigError
from loader.load_options import LoadOptions


def know(*addresses: str) -> SimpleNamespace:
    """A client of a cluster whose workers have these addresses."""
    return SimpleNamespace(scheduler_info=lambda n_workers: {"workers": dict.fromkeys(addresses)})


def test_workers_are_called_directly_only_if_they_can_be_reached() -> None:
    """Through the forwarded port of a scheduler the addresses of its pods lead nowhere."""
    with socket.create_server(("127.0.0.1", 0)) as worker:
        port = worker.getsockname()[1]
        assert _reaches_workers(know(f"tcp://127.0.0.1:{port}"))
    assert not _reaches_workers(know(f"tcp://127.0.0.1:{port}"))
    assert _reaches_workers(know())


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("tcp://127.0.0.1:1", True),
        ("tcp://[::1]:1", True),
        ("tls://10.0.0.5:1", True),
        ("inproc://10.0.0.5/1/2", True),
        ("tcp://10.0.0.5:1", False),
        ("ws://10.0.0.5:1", False),
    ],
)
def test_a_token_travels_only_where_nobody_else_can_read_it(address: str, private: bool) -> None:
    """On this machine, or encrypted."""
    assert is_private(address) is private


@pytest.mark.parametrize(
    "text", ["tcp://h:8786", "tls://10.0.0.5:1", "ws://h:80", "local:4", "tcp://[::1]:1"]
)
def test_a_cluster_is_written_as_it_was_given(text: str) -> None:
    """So that what a checkpoint notes can be given again."""
    assert str(Cluster.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "local", "local:0", "local:65", "h:8786", "tcp://h", "tcp://u:p@h:1", "http://h:1"]
)
def test_what_is_no_cluster_is_refused(text: str) -> None:
    """The error says which forms there are, or how many workers there may be."""
    with pytest.raises(ConfigError, match=r"neither the address of a scheduler|is not 1 to 64 workers"):
        Cluster.parse(text)


def test_a_cluster_may_have_more_on_the_wire_than_one_machine() -> None:
    """The bound of one machine does not hold for many."""
    many = Concurrency(1, 4000)
    assert LoadOptions(concurrency=many, cluster=Cluster("tcp://h:1")).concurrency is many
    with pytest.raises(ConfigError, match="at most 1,024 requests from one machine"):
        LoadOptions(concurrency=many)
