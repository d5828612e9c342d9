"""What the tests of the Python interface share: a frame, a sandbox, a vendor that fails on purpose."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import loader
from tests import faultserver, warm

if TYPE_CHECKING:
    from collections.abc import Iterator

APPLICATION = "AAAAA-BBBBB"
NO = b'{"status_code":210,"status_message":"not today","response":null}'


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder, with nothing said in the environment, and no way beyond this machine."""
    monkeypatch.chdir(tmp_path)
    for name in ("PUSHWOOSH_APPLICATION", "PUSHWOOSH_API_TOKEN", "PUSHWOOSH_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PUSHWOOSH_ENDPOINT", "http://127.0.0.1:9/")


@pytest.fixture(scope="module")
def shared_sandbox() -> Iterator[loader.Sandbox]:
    """One server for the tests of a module."""
    with loader.Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared_sandbox: loader.Sandbox) -> loader.Sandbox:
    """A running sandbox; other tests of the module have left events of other names in it."""
    return shared_sandbox


class Vendor:
    """A vendor that cuts or refuses the rows of some users."""

    def __init__(self) -> None:
        self.cut: set[str] = set()
        self.refuse: set[str] = set()
        self.server = faultserver.FaultServer(self)

    def __call__(self, body: bytes) -> faultserver.Behaviour:
        """What happens to a request."""
        user = user_of(body)
        if user in self.cut:
            return faultserver.close_after_request
        return faultserver.answer(200, NO) if user in self.refuse else faultserver.answer()

    @property
    def account(self) -> dict[str, Any]:
        """The keywords of a load to it."""
        return {"application": APPLICATION, "endpoint": self.server.url}

    def users(self) -> list[str]:
        """The users of the rows that it took, in their order."""
        return [user_of(body) for body in self.server.bodies]


def user_of(body: bytes) -> str:
    """The user of a request."""
    found = re.search(rb'"userId":"([^"]*)"', body)
    return found[1].decode() if found else ""


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    """Such a vendor, serving."""
    vendor = Vendor()
    with vendor.server:
        yield vendor


def purchases(rows: int, *, event: str = "purchase") -> Any:
    """Events with types of their own and an index of their own."""
    return pd.DataFrame(
        {
            "user_id": [f"u{n}" for n in range(rows)],
            "event": event,
            "timestamp": pd.date_range("2024-02-29 23:00", periods=rows, freq="h", tz="Europe/Berlin"),
            "amount": [n + 0.5 for n in range(rows)],
        },
        index=[f"row-{n}" for n in range(rows)],
    )


def counts(account: loader.Account) -> tuple[int, int, int, int]:
    """The four states."""
    return account.confirmed, account.rejected, account.in_doubt, account.never_sent


def python(script: str, folder: Path, **environment: str) -> warm.Process:
    """Start a script in a process of its own."""
    own = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(Path(loader.__file__).parent.parent),
        "PYTHONWARNINGS": "error",
        "PUSHWOOSH_ENDPOINT": "http://127.0.0.1:9/",
    }
    return warm.start(["-c", script], folder=folder, environment=own | environment)


def ran(script: str, folder: Path, **environment: str) -> str:
    """Run a script to its end; what it printed."""
    with python(script, folder, **environment) as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out
