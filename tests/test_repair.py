"""Rows in doubt and rejected rows, from the end of a load to the end of the trouble."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from loader.journal import Checkpoint, Journal
from loader.methods import Kind
from loader.model import Decision, Outcome, State
from loader.planning import identity, prepare
from loader.repair import resolve
from loader.settings import Endpoint, Settings
from tests import faultserver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import CommandLine

HEADER = "user_id,device_id,event,timestamp,timezone,amount\n"
ROWS = [f"{n:04},DEV-{n},purchase,20240229,America/New_York,{n}.00" for n in range(1, 31)]
NO = b'{"status_code":210,"status_message":"not today","response":null}'


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


@pytest.fixture
def vendor() -> Vendor:
    """A vendor."""
    return Vendor()


@pytest.fixture
def server(vendor: Vendor) -> Iterator[faultserver.FaultServer]:
    """Its server."""
    with faultserver.FaultServer(vendor) as running:
        yield running


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


@pytest.fixture
def load(command: CommandLine, server: faultserver.FaultServer) -> Load:
    """The load, at the vendor."""
    return Load(command, server.url)


def counts(account: dict[str, object]) -> tuple[object, ...]:
    """The four states."""
    return tuple(account[name] for name in ("confirmed", "rejected", "in_doubt", "never_sent"))


def times_sent(server: faultserver.FaultServer, user: str) -> int:
    """How often the vendor took the row of a user."""
    return [user_of(body) for body in server.bodies].count(user)


def test_doubts_that_landed_are_confirmed_without_a_request(
    load: Load, vendor: Vendor, server: faultserver.FaultServer
) -> None:
    """`resolve --landed` ends the doubt, and the same load then exits 0 with nothing sent."""
    vendor.cut = {"0003", "0017"}
    assert counts(load.summary()) == (28, 0, 2, 0)
    said = load.run("resolve", "--landed")
    assert said.startswith("2 rows in doubt confirmed: looked up, they had landed.")
    assert counts(load.summary()) == (30, 0, 0, 0)
    assert len(server.bodies) == 30


def test_doubts_are_told_apart_by_what_was_looked_up(
    load: Load, vendor: Vendor, server: faultserver.FaultServer, tmp_path: Path
) -> None:
    """Ids found at the vendor are confirmed, the others sent once more, none marked as a duplicate."""
    vendor.cut = {"0003", "0017"}
    load.summary()
    (tmp_path / "found.csv").write_text("user_id\n0003\n")
    load.run("resolve", "--landed", "--from", "found.csv")
    load.run("resolve", "--dropped")
    vendor.cut = set()
    account = load.summary()
    assert (counts(account), account["possible_duplicates"]) == ((30, 0, 0, 0), 0)
    assert (times_sent(server, "0003"), times_sent(server, "0017")) == (1, 2)


def test_a_resend_is_marked_for_ever(load: Load, vendor: Vendor, server: faultserver.FaultServer) -> None:
    """`resolve --resend` and `retry` send only these rows, and the account calls them possible duplicates."""
    vendor.cut = {"0003"}
    load.summary("--limit", 10)
    load.run("resolve", "--resend")
    vendor.cut = set()
    account = load.command.summary("retry", "events.csv.events.ckpt", "--only", "given-back")
    assert (counts(account), account["possible_duplicates"]) == ((10, 0, 0, 20), 1)
    assert len(server.bodies) == 11
    assert "given back, to be sent again as possible duplicates" in load.run("status")


def test_events_in_doubt_go_again_when_the_same_load_asks_for_it(
    load: Load, vendor: Vendor, server: faultserver.FaultServer
) -> None:
    """`--on-doubt resend` takes in what earlier runs left in doubt; without it nothing is sent again."""
    vendor.cut = {"0003"}
    load.summary()
    vendor.cut = set()
    assert counts(load.summary()) == (29, 0, 1, 0)
    account = load.summary("--on-doubt", "resend")
    assert (counts(account), account["possible_duplicates"]) == ((30, 0, 0, 0), 1)
    assert times_sent(server, "0003") == 2


def test_a_load_that_ends_with_doubts_says_why_and_what_to_do(load: Load, vendor: Vendor) -> None:
    """The end of a load names the number, the reason and the commands that lead on."""
    vendor.cut, vendor.refuse = {"0003", "0017"}, {"0005"}
    ran = load.command.run(*load.arguments)
    assert ran.code == 4
    assert ran.out.endswith(
        """\
1 row rejected:
  1 × not today
To see it with all columns and the reason:
  pushwoosh-loader failures events.csv.events.ckpt --rejected
To send it again when the cause is fixed:
  pushwoosh-loader retry events.csv.events.ckpt --mapping FIXED.toml
2 rows in doubt:
  2 × the server closed the connection without an answer
The vendor may or may not have them. Nothing is sent again unless you say so. You can settle all of them, or \
with --from FILE those that you looked up.
To see them:
  pushwoosh-loader failures events.csv.events.ckpt --in-doubt
If the vendor has them, count them as confirmed:
  pushwoosh-loader resolve events.csv.events.ckpt --landed
If the vendor does not have them, let the next load send them:
  pushwoosh-loader resolve events.csv.events.ckpt --dropped
If nobody knows, let the next load send them, perhaps twice:
  pushwoosh-loader resolve events.csv.events.ckpt --resend

"""
    )


def test_one_row_is_spoken_of_as_one(load: Load, vendor: Vendor) -> None:
    """Words agree in number, and a look at a checkpoint names the load as the command that goes on."""
    vendor.cut = {"0003"}
    load.summary("--limit", 29)
    said = load.run("status")
    assert "1 row never sent. The load command itself (`events`) sends it." in said
    said = load.run("resolve", "--dropped")
    assert said.startswith("1 row in doubt given back: looked up, it had not landed.")
    assert "1 of the rows never sent was given back, to be sent again" in load.run("status")


def test_two_decisions_at_once_are_refused(load: Load, vendor: Vendor) -> None:
    """`resolve --landed --dropped` settles nothing: which of them is meant cannot be told."""
    vendor.cut = {"0003"}
    load.summary()
    said = load.run("resolve", "--landed", "--dropped", code=2)
    assert said.endswith("Say what became of the rows: give --landed, --dropped or --resend.\n")
    assert counts(load.summary()) == (29, 0, 1, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="needs pseudoterminals")
@pytest.mark.parametrize(
    ("more", "answer", "code", "in_doubt"),
    [((), "n", 2, 2), ((), "y", 0, 0), (("--yes",), "", 0, 0), (("--from", "found.csv"), "", 0, 1)],
)
def test_a_person_is_asked_before_all_doubts_are_settled(
    load: Load, vendor: Vendor, more: tuple[str, ...], answer: str, code: int, in_doubt: int
) -> None:
    """On a terminal `resolve` of all rows asks first; --yes or a file of rows needs no answer."""
    vendor.cut = {"0003", "0017"}
    load.summary()
    (load.command.folder / "found.csv").write_text("user_id\n0003\n")
    keyboard, terminal = os.openpty()
    try:
        os.write(keyboard, f"{answer}\n".encode())
        arguments = ("resolve", "events.csv.events.ckpt", "--landed", *more)
        process = load.command.start(*arguments, stdin=terminal)
        _, said = process.communicate(timeout=60)
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert process.returncode == code, said
    assert ("Confirm 2 rows in doubt as landed? [y/N]: " in said) is bool(answer)
    assert counts(load.summary()) == (30 - in_doubt, 0, in_doubt, 0)


def test_rows_that_are_not_in_doubt_cannot_be_resolved(load: Load, vendor: Vendor, tmp_path: Path) -> None:
    """A list with one wrong id changes nothing, and the id is named."""
    vendor.cut = {"0003", "0017"}
    load.summary()
    (tmp_path / "found.csv").write_text("user_id\n0003\n0004\n")
    assert load.run("resolve", "--landed", "--from", "found.csv", code=2).strip() == (
        "Error: found.csv names 1 that is not in doubt: 0004. Nothing was changed. "
        "`failures --in-doubt` lists those that are."
    )
    assert counts(load.summary()) == (28, 0, 2, 0)


@pytest.mark.parametrize("form", ["failures", "rows"])
def test_doubts_can_be_named_by_their_place(load: Load, vendor: Vendor, tmp_path: Path, form: str) -> None:
    """What `failures` wrote, or the row numbers in it, name rows as well as ids do."""
    vendor.cut = {"0003", "0017"}
    load.summary()
    load.run("failures", "--in-doubt", "-o", "doubts.csv")
    doubts = pd.read_csv(tmp_path / "doubts.csv", dtype=str)
    assert list(doubts["_loader_row"]) == ["3", "17"]
    assert list(doubts["user_id"]) == ["0003", "0017"]
    chosen = doubts.iloc[:1]
    if form == "rows":
        chosen = chosen[["_loader_row"]].rename(columns={"_loader_row": "row"})
    chosen.to_csv(tmp_path / "found.csv", index=False)
    load.run("resolve", "--landed", "--from", "found.csv")
    assert counts(load.summary()) == (29, 0, 1, 0)


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_failures_of_every_form_name_their_rows_after_the_input_was_renamed(
    load: Load, vendor: Vendor, form: str
) -> None:
    """What `failures` wrote under the old name of the input settles its rows under the new one."""
    vendor.cut = {"0003", "0017"}
    load.summary()
    load.run("failures", "--in-doubt", "--format", form, "-o", "doubts")
    (load.command.folder / "events.csv").rename(load.command.folder / "moved.csv")
    said = load.run("resolve", "--landed", "--from", "doubts", "--input", "moved.csv")
    assert said.startswith("2 rows in doubt confirmed")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("row\n999\n", "found.csv names 1 that is not in doubt: row 999. "),
        ("_loader_file,_loader_row\ne.csv,9\n", "names 1 that is not in doubt: e.csv, row 9. "),
        ("user_id\n", "found.csv names no row: it has no line after its header."),
    ],
)
def test_what_is_wrong_with_a_list_of_rows_is_said(
    load: Load, vendor: Vendor, text: str, sentence: str
) -> None:
    """A row that is not in doubt is named as people count, and a list without a row is not taken for all."""
    vendor.cut = {"0003"}
    load.summary()
    (load.command.folder / "found.csv").write_text(text)
    assert sentence in load.run("resolve", "--landed", "--from", "found.csv", code=2)


def test_rejects_of_the_vendor_are_sent_again_alone(
    load: Load, vendor: Vendor, server: faultserver.FaultServer
) -> None:
    """`retry` sends the rejected rows and no others; one that is refused again keeps its reason."""
    vendor.refuse = {"0005", "0006"}
    assert counts(load.summary()) == (28, 2, 0, 0)
    vendor.refuse = {"0006"}
    account = load.command.summary("retry", "events.csv.events.ckpt")
    assert counts(account) == (29, 1, 0, 0)
    assert sorted(user_of(body) for body in server.bodies[30:]) == ["0005", "0006"]
    assert "not today" in load.run("failures", "--rejected")


def test_a_mended_mapping_brings_in_what_it_rejected(
    command: CommandLine, server: faultserver.FaultServer, tmp_path: Path
) -> None:
    """`retry --mapping` maps rejected rows anew; the load goes on with that mapping, not with the old one."""
    rows = [*ROWS[:10], ROWS[10].replace("purchase", "a name of more than thirty-two characters"), *ROWS[11:]]
    load = Load(command, server.url, *rows)
    assert counts(load.summary("--limit", 20)) == (19, 1, 0, 10)
    (tmp_path / "mended.toml").write_text(
        'kind = "events"\n[fields]\nuserId = "user_id"\nhwid = "device_id"\nevent = { const = "purchase" }\n'
        'timestamp = { column = "timestamp", format = "%Y%m%d", zone = { column = "timezone" } }\n'
    )
    mended = ("--mapping", "mended.toml")
    assert counts(command.summary("retry", "events.csv.events.ckpt", *mended)) == (20, 0, 0, 10)
    assert user_of(server.bodies[-1]) == "0011"
    refused = command.run(*load.arguments)
    assert refused.code == 2
    assert "The mapping has changed" in refused.err
    assert "`retry` with --mapping brings in a fixed mapping" in refused.err
    assert counts(load.summary(*mended)) == (30, 0, 0, 0)
    status = load.run("status")
    assert ' UTC: another mapping\n    -event = { column = "event" }\n' in status
    assert '\n    +event = { const = "purchase" }\n' in status


def test_a_retry_of_a_rehearsal_goes_to_its_sandbox(command: CommandLine, tmp_path: Path) -> None:
    """Where a retry sends is what the checkpoint says: a sandbox's rows never leave the machine."""
    (tmp_path / "events.csv").write_text(
        HEADER + ROWS[0] + "\n" + ROWS[1].replace("20240229", "20240230") + "\n"
    )
    assert command.run("events", "events.csv", "--sandbox", "--yes").code == 3
    assert command.run("retry", "events.csv.events.sandbox.ckpt", "--yes").code == 3
    assert command.held("select count(*) from events") == [(1,)]


def test_a_retry_that_confirms_all_does_not_speak_of_an_option_that_it_has_not(
    command: CommandLine, tmp_path: Path
) -> None:
    """How to go on from a rehearsal is said by a load, which has --sandbox; and one request is one."""
    (tmp_path / "events.csv").write_text(HEADER + ROWS[0] + "\n")
    (tmp_path / "wrong.toml").write_text(
        'kind = "events"\n[fields]\nuserId = "user_id"\nevent = { const = "purchase" }\n'
        'timestamp = { column = "timestamp", format = "%Y%m%d", zone = "UTC", earliest = 2050-01-01 }\n'
    )
    (tmp_path / "right.toml").write_text(
        (tmp_path / "wrong.toml").read_text().replace(", earliest = 2050-01-01", "")
    )
    load = ("events", "events.csv", "--sandbox", "--yes")
    assert command.run(*load, "--mapping", "wrong.toml").code == 3
    again = command.run("retry", "events.csv.events.sandbox.ckpt", "--yes", "--mapping", "right.toml")
    assert (again.code, "--sandbox" in again.out) == (0, False)
    assert "\n  1 request in " in again.out
    assert "--sandbox" in command.run(*load, "--mapping", "right.toml").out


def test_an_input_that_has_moved_is_asked_for(load: Load, vendor: Vendor, tmp_path: Path) -> None:
    """From where the input is not, each command says how to name it; where no row failed nobody needs it."""
    vendor.cut, vendor.refuse = {"0003"}, {"0005"}
    load.summary()
    (tmp_path / "events.csv").rename(tmp_path / "moved.csv")
    gone = (
        "Error: events.csv: there is no such file. If the input has moved, or this is another folder, name it"
    )
    for command in (["failures"], ["retry"], ["resolve", "--dropped", "--from", "found.csv"]):
        (tmp_path / "found.csv").write_text("row\n3\n")
        assert load.run(*command, code=2).startswith(f"{gone} with --input."), command
    vendor.refuse = set()
    load.run("retry", "--input", "moved.csv", code=4)
    load.run("resolve", "--landed")
    assert load.run("failures").endswith("0 rows.\n")


def test_failures_can_be_mended_and_loaded(command: CommandLine, tmp_path: Path) -> None:
    """The file of rejected rows, one cell of it mended, loads as it is."""
    (tmp_path / "events.csv").write_text(
        HEADER + ROWS[0] + "\n" + ROWS[1].replace("20240229", "20240230") + "\n"
    )
    command.run("events", "events.csv", "--sandbox", "--yes")
    command.run("failures", "events.csv.events.sandbox.ckpt", "--rejected", "-o", "rejected.csv")
    text = (tmp_path / "rejected.csv").read_text()
    (tmp_path / "rejected.csv").write_text(text.replace(",20240230,", ",20240229,"))
    ran = command.run("events", "rejected.csv", "--sandbox", "--yes")
    assert ran.code == 0, ran.err
    assert command.held("select user_id from events order by user_id") == [("0001",), ("0002",)]


def test_a_spreadsheet_runs_no_cell_and_its_file_is_not_loaded(command: CommandLine, tmp_path: Path) -> None:
    """The form for spreadsheets disarms formulas and leaves numbers alone; the form for machines is exact."""
    cells = ["=1+1", "@x", "-5", "+1,5", "-x", "plain"]
    rows = [f'U{n},D{n},purchase,20240230,America/New_York,"{cell}"\n' for n, cell in enumerate(cells)]
    (tmp_path / "events.csv").write_text(HEADER + ROWS[0] + "\n" + "".join(rows))
    command.run("events", "events.csv", "--sandbox", "--yes")
    listed = ("failures", "events.csv.events.sandbox.ckpt", "--rejected")
    command.run(*listed, "-o", "exact.csv")
    command.run(*listed, "--format", "spreadsheet", "-o", "sheet.csv")
    exact, sheet = (pd.read_csv(tmp_path / name, dtype=str) for name in ("exact.csv", "sheet.csv"))
    assert list(exact["amount"]) == cells
    assert list(sheet["amount"]) == ["'=1+1", "'@x", "-5", "+1,5", "'-x", "plain"]
    assert (tmp_path / "sheet.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    ran = command.run("events", "sheet.csv", "--sandbox", "--yes")
    assert ran.code == 2
    assert ran.err.strip() == (
        "Error: sheet.csv: was written for a spreadsheet, with apostrophes before some cells. "
        "Load a file that `failures` wrote as csv, jsonl or parquet, or the input itself."
    )


USERS = "user_id,device_id\nold,DEV-1\nnew,DEV-1\nlone,DEV-2\n"


def left_in_doubt(
    tmp_path: Path,
    endpoint: str,
    *states: State,
) -> Path:
    """A checkpoint of three users: two in doubt, and between them a confirmed one of the first's device."""
    source = tmp_path / "users.csv"
    source.write_text(USERS)
    checkpoint = tmp_path / "users.csv.users.ckpt"
    settings = Settings(Kind.USERS, (str(source),), "AAAAA-BBBBB", Endpoint.parse(endpoint), checkpoint)
    with Journal.open(checkpoint, identity(prepare(settings))) as journal:
        journal.lease(range(3))
        journal.sending(0, 1, 2)
        found = states or (State.IN_DOUBT, State.CONFIRMED, State.IN_DOUBT)
        journal.settle([Outcome(ordinal, state) for ordinal, state in enumerate(found)])
    return checkpoint


def test_an_old_row_of_a_device_is_not_given_back_over_a_newer_one(tmp_path: Path) -> None:
    """A user's row in doubt stays so when a later row of its device is confirmed; others are given back."""
    checkpoint = left_in_doubt(tmp_path, "http://127.0.0.1:9/")
    resolved = resolve(checkpoint, Decision.RESEND)
    assert (resolved.rows, resolved.overtaken) == (1, {0: 1})
    assert (resolved.account.in_doubt, resolved.account.never_sent) == (1, 1)
    landed = resolve(checkpoint, Decision.LANDED)
    assert (landed.account.confirmed, landed.account.in_doubt) == (2, 0)


def test_users_in_doubt_go_again_on_resume_but_not_over_a_newer_row(
    command: CommandLine, tmp_path: Path
) -> None:
    """The same load again settles users in doubt, except one that would undo a confirmed later row."""
    with faultserver.FaultServer() as server:
        left_in_doubt(tmp_path, server.url)
        arguments = ("users", tmp_path / "users.csv", "--app", "AAAAA-BBBBB", "--endpoint", server.url)
        account = command.summary(*arguments)
        assert counts(account) == (2, 0, 1, 0)
        assert [b"lone" in body for body in server.bodies] == [True]
        assert counts(command.summary(*arguments)) == (2, 0, 1, 0)
        assert len(server.bodies) == 1


def test_an_older_row_that_was_never_sent_is_not_sent_after_a_newer_one(
    command: CommandLine, tmp_path: Path
) -> None:
    """A retry may bring in a device's newer row first; the load then rejects the older one, and says why."""
    source, mapping = tmp_path / "users.csv", tmp_path / "mended.toml"
    source.write_text(USERS)
    checkpoint = tmp_path / "users.csv.users.ckpt"
    with faultserver.FaultServer() as server:
        left_in_doubt(tmp_path, server.url, State.NEVER_SENT, State.REJECTED, State.CONFIRMED)
        assert command.run("retry", checkpoint).code == 5
        arguments = ("users", source, "--app", "AAAAA-BBBBB", "--endpoint", server.url)
        assert counts(command.summary(*arguments)) == (2, 1, 0, 0)
        assert [b"new" in body for body in server.bodies] == [True]
        mapping.write_text('kind = "users"\n[fields]\nhwid = "user_id"\nuserId = "user_id"\n')
        refused = command.run("retry", checkpoint, "--mapping", mapping)
        assert (refused.code, len(server.bodies)) == (2, 1)
    assert "takes hwid from elsewhere than the mapping with which" in refused.err
    (row,) = Checkpoint.open(checkpoint).exceptions(State.REJECTED)
    assert (row.ordinal, row.message) == (
        0,
        f"{source}, row 1: not sent, for a later row of the same device is at the vendor, or may be; "
        f"it would undo that one ({source}, row 2).",
    )


def test_a_rejected_user_is_not_retried_over_a_row_that_may_be_there(
    command: CommandLine, tmp_path: Path
) -> None:
    """A user's row stays rejected when a later row of its device is in doubt; the retry says so."""
    with faultserver.FaultServer() as server:
        checkpoint = left_in_doubt(tmp_path, server.url, State.REJECTED, State.IN_DOUBT, State.REJECTED)
        ran = command.run("retry", checkpoint)
        assert ran.code == 4
        assert "1 row left rejected: a later row of the same device is at the vendor, or may be" in ran.out
        assert [b"lone" in body for body in server.bodies] == [True]
    account = Checkpoint.open(checkpoint).account()
    assert (account.confirmed, account.rejected, account.in_doubt) == (1, 1, 1)
