"""Thirty events, and a vendor that cuts or refuses some of them until it is told otherwise."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from loader.journal import Journal
from loader.methods import Kind
from loader.model import Outcome, State
from loader.planning import build_identity, prepare
from loader.settings import Endpoint, Settings
from tests import faultserver

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

HEADER = "user_id,device_id,event,timestamp,timezone,amount\n"
ROWS = [f"{n:04},DEV-{n},purchase,20240229,America/New_York,{n}.00" for n in range(1, 31)]
NO = b'{"status_code":210,"status_message":"not today","response":null}'
USERS = "user_id,device_id\nold,DEV-1\nnew,DEV-1\nlone,DEV-2\n"


class Vendor:
    """A vendor that cuts or refuses the rows of some users, until it is told otherwise."""

    def __init__(self) -> None:
        self.cut: set[str] = set()
        self.refuse: set[str] = set()

    def __call__(self, body: bytes) -> faultserver.Behaviour:
        """What happens to a request."""
        user = user_of(body)
        if user in self.cut:
            return faultserver.close_after_request
        return faultserver.answer(200, NO) if user in self.refuse else faultserver.answer()


def user_of(body: bytes) -> str:
    """The user of a request."""
    found = re.search(rb'"userId":"(\d+)"', body)
    return found[1].decode() if found else ""


class Load:
    """A load of thirty events."""

    def __init__(self, command: CommandLine, url: str, *rows: str) -> None:
        self.command = command
        (command.folder / "events.csv").write_text(HEADER + "".join(f"{row}\n" for row in rows or ROWS))
        self.arguments = ("events", "events.csv", "--app", "AAAAA-BBBBB", "--endpoint", url)

    def summary(self, *more: object) -> dict[str, object]:
        """Load; its account."""
        return self.command.summary(*self.arguments, *more)

    def run(self, *arguments: object, code: int = 0) -> str:
        """Another command on the checkpoint; what it said."""
        name, *more = arguments
        ran = self.command.run(name, "events.csv.events.ckpt", *more)
        assert ran.code == code, ran.err
        return ran.out + ran.err


def counts(account: dict[str, object]) -> tuple[object, ...]:
    """The four states."""
    return tuple(account[name] for name in ("confirmed", "rejected", "in_doubt", "never_sent"))


def times_sent(server: faultserver.FaultServer, user: str) -> int:
    """How often the vendor took the row of a user."""
    return [user_of(body) for body in server.bodies].count(user)


def left_in_doubt(
    tmp_path: Path,
    endpoint: str,
    *states: State,
    kind: Kind = Kind.USERS,
    rows: str = USERS,
) -> Path:
    """A checkpoint of three users: two in doubt, and between them a confirmed one of the first's device."""
    source = tmp_path / f"{kind}.csv"
    source.write_text(rows)
    checkpoint = tmp_path / f"{kind}.csv.{kind}.ckpt"
    settings = Settings(kind, (str(source),), "AAAAA-BBBBB", Endpoint.parse(endpoint), checkpoint)
    found = states or (State.IN_DOUBT, State.CONFIRMED, State.IN_DOUBT)
    with Journal.open(checkpoint, build_identity(prepare(settings))) as journal:
        journal.lease(range(len(found)))
        journal.sending(*range(len(found)))
        journal.settle([Outcome(ordinal, state) for ordinal, state in enumerate(found)])
    return checkpoint
