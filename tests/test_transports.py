"""Whole loads over each transport: with certificates and a way out of one's own, and without libcurl."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from tests.faultserver import FaultServer, tunnel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

ROWS = 30
LOAD = ("events", "events.csv", "--app", "AAAAA-AAAAA", "--yes")


@pytest.fixture
def command(command: CommandLine) -> CommandLine:
    """The command line, with a small input."""
    rows = "".join(f"d{row},Buy,{1_700_000_000 + row}\n" for row in range(ROWS))
    (command.folder / "events.csv").write_text("device_id,event_name,timestampUTC\n" + rows)
    return command


@pytest.mark.parametrize("transport", ["curl", "requests"])
def test_a_load_goes_through_a_proxy_to_a_server_of_ones_own(
    command: CommandLine, tmp_path: Path, transport: str
) -> None:
    """With the given certificates and the given proxy every row arrives once, over either transport."""
    authority, bundle = trustme.CA(), tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    with FaultServer(tls=tls) as server, FaultServer([tunnel]) as proxy:
        ways = ("--ca-bundle", bundle, "--proxy", f"http://127.0.0.1:{proxy.port}", "--transport", transport)
        account = command.summary(*LOAD, "--endpoint", server.url, *ways)
        assert account["confirmed"] == ROWS
        assert len(server.bodies) == len(set(server.bodies)) == ROWS
        assert proxy.connections > 0


def test_without_libcurl_the_load_says_what_to_do(command: CommandLine, tmp_path: Path) -> None:
    """Where pycurl cannot be imported nothing is sent, and the other transport is named; it works."""
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "pycurl.py").write_text('raise ImportError("libcurl.so.4: cannot open shared object file")')
    with FaultServer() as server:
        load = (*LOAD, "--endpoint", server.url)
        ran = command.run(*load, PYTHONPATH=str(broken))
        assert ran.code == 2
        assert "set --transport to requests" in " ".join(ran.err.split())
        assert "Traceback" not in ran.err
        assert server.bodies == []
        again = command.summary(*load, "--transport", "requests", PYTHONPATH=str(broken))
        assert again["confirmed"] == ROWS
