"""An input that has grown continues with what was added; anything else that changed is refused."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import loader
from loader.errors import CheckpointDiffers
from loader.growth import ends_record
from loader.journal import CheckpointView, Journal
from loader.load_options import LoadOptions
from loader.methods import Kind
from loader.model import Outcome, State
from loader.planning import build_identity, prepare
from loader.settings import Endpoint, Settings
from tests.failed_rows import HEADER, ROWS, USERS, Load, Vendor, counts, user_of

if TYPE_CHECKING:
    from tests import faultserver
    from tests.conftest import CommandLine

TEXT = HEADER + "".join(f"{row}\n" for row in ROWS[:5])
MORE = "".join(f"{row}\n" for row in ROWS[5:8])


def write_rows(path: Path, rows: list[str]) -> None:
    """Some rows in the format of the file's ending."""
    names = HEADER.strip().split(",")
    records = [dict(zip(names, row.split(","), strict=True)) for row in rows]
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(records), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    else:
        path.write_text(HEADER + "".join(f"{row}\n" for row in rows))


def load(command: CommandLine, url: str, *arguments: object, code: int = 0) -> dict[str, object]:
    """Load; the account."""
    account = command.summary(
        "events", *arguments, "--app", "AAAAA-BBBBB", "--endpoint", url, "--checkpoint", "c.ckpt"
    )
    assert account["exit_code"] == code
    return account


def refuse(command: CommandLine, server: faultserver.FaultServer, *arguments: object) -> str:
    """A load that is refused, with and without the option; what it says with it. Nothing is sent."""
    sent = len(server.bodies)
    given = ("events", *arguments, "--app", "AAAAA-BBBBB", "--endpoint", server.url, "--checkpoint", "c.ckpt")
    before = command.run("status", "c.ckpt").out
    for more in ((), ("--grown",)):
        ran = command.run(*given, *more, "--yes")
        assert (ran.code, len(server.bodies)) == (2, sent), ran.err
        assert "has grown since" not in ran.err
        assert "Nothing was sent" in ran.err
    assert command.run("status", "c.ckpt").out == before
    return ran.err


GROWN = {
    "appended CSV": (["e.csv"], ["e.csv"]),
    "appended JSON Lines": (["e.jsonl"], ["e.jsonl"]),
    "one more CSV": (["a.csv"], ["a.csv", "b.csv"]),
    "one more Parquet": (["a.parquet"], ["a.parquet", "b.parquet"]),
}


@pytest.mark.parametrize("way", GROWN)
def test_what_was_added_is_sent_and_nothing_else(
    command: CommandLine, server: faultserver.FaultServer, tmp_path: Path, way: str
) -> None:
    """Without the option a grown input is refused and says so; with it, exactly the added rows are sent."""
    first, then = GROWN[way]
    write_rows(tmp_path / first[0], ROWS[:5])
    assert counts(load(command, server.url, *first)) == (5, 0, 0, 0)
    if first == then:
        write_rows(tmp_path / first[0], ROWS[:8])
    else:
        write_rows(tmp_path / then[1], ROWS[5:8])
    ran = command.run(
        "events", *then, "--app", "AAAAA-BBBBB", "--endpoint", server.url, "--checkpoint", "c.ckpt", "--yes"
    )
    assert (ran.code, len(server.bodies)) == (2, 5)
    what = f"{first[0]} was appended to" if first == then else f"{then[1]} was added"
    assert f"has grown since: it has 3 rows more, because {what}. All that was loaded" in ran.err
    assert "To continue with the added rows, give --grown." in ran.err
    account = load(command, server.url, *then, "--grown")
    assert (account["read"], counts(account)) == (8, (8, 0, 0, 0))
    assert sorted(map(user_of, server.bodies)) == [f"{n:04}" for n in range(1, 9)]
    assert (
        "the input has grown by 3 rows, and the load continued with them"
        in command.run("status", "c.ckpt").out
    )
    assert counts(load(command, server.url, *then)) == (8, 0, 0, 0)
    assert counts(load(command, server.url, *then, "--grown")) == (8, 0, 0, 0)
    assert len(server.bodies) == 8


def grow(folder: Path, way: str) -> list[str]:
    """Add rows to an input; its files now."""
    first, then = GROWN[way]
    write_rows(folder / then[-1], ROWS[:8] if first == then else ROWS[5:8])
    return then


@pytest.mark.parametrize("way", GROWN)
def test_what_was_loaded_can_be_looked_at_although_more_was_added(
    command: CommandLine, server: faultserver.FaultServer, vendor: Vendor, tmp_path: Path, way: str
) -> None:
    """Rows are listed, reported, verified, settled and sent again; the next night continues as ever."""
    vendor.refuse, vendor.cut = {"0002"}, {"0003"}
    first = GROWN[way][0][0]
    write_rows(tmp_path / first, ROWS[:5])
    load(command, server.url, first, code=4)
    listed = command.run("failures", "c.ckpt").out
    assert listed.count("\n") == 3
    (tmp_path / f"landed-{first}").write_bytes((tmp_path / first).read_bytes())
    then = grow(tmp_path, way)
    for files in ((), tuple(word for name in then for word in ("--input", name))):
        assert command.run("failures", "c.ckpt", *files).out == listed
        ran = command.run("verify", "c.ckpt", "--landed", f"landed-{first}", *files)
        assert "= same      3\n" in ran.out, ran.err
        assert command.run("report", "c.ckpt", "-o", "a.html", *files).code == 0
        assert "purchase" in (tmp_path / "a.html").read_text()
    vendor.refuse, vendor.cut = set(), set()
    (tmp_path / "found.csv").write_text("user_id\n0003\n")
    assert command.run("resolve", "c.ckpt", "--landed", "--from", "found.csv").code == 0
    assert counts(command.summary("retry", "c.ckpt", *files)) == (5, 0, 0, 0)
    assert counts(load(command, server.url, *then, "--grown")) == (8, 0, 0, 0)
    assert sorted(map(user_of, server.bodies)) == sorted([f"{n:04}" for n in range(1, 9)] + ["0002"])


def test_the_same_command_loads_the_first_night_and_all_others(
    command: CommandLine, server: faultserver.FaultServer, tmp_path: Path
) -> None:
    """The option may be given from the first load on, when nothing has grown yet."""
    for night in range(1, 5):
        write_rows(tmp_path / "e.csv", ROWS[: 3 * night])
        account = load(command, server.url, "e.csv", "--grown")
        assert (account["read"], counts(account)) == (3 * night, (3 * night, 0, 0, 0))
    assert len(server.bodies) == 12
    assert command.run("status", "c.ckpt").out.count("the input has grown by 3 rows") == 3


def test_folders_and_patterns_grow_at_their_end(
    command: CommandLine, server: faultserver.FaultServer, tmp_path: Path
) -> None:
    """A file that comes after the others in reading order is added; one before them is refused."""
    (tmp_path / "days").mkdir()
    write_rows(tmp_path / "days" / "2024-01-02.csv", ROWS[:5])
    load(command, server.url, "days")
    write_rows(tmp_path / "days" / "2024-01-01.csv", ROWS[5:8])
    refuse(command, server, "days")
    (tmp_path / "days" / "2024-01-01.csv").rename(tmp_path / "days" / "2024-01-03.csv")
    assert counts(load(command, server.url, "days", "--grown")) == (8, 0, 0, 0)
    write_rows(tmp_path / "days" / "2024-01-04.csv", ROWS[8:10])
    assert counts(load(command, server.url, "days/*.csv", "--grown")) == (10, 0, 0, 0)
    assert sorted(map(user_of, server.bodies)) == [f"{n:04}" for n in range(1, 11)]


def test_an_appended_last_file_and_more_files_go_together(
    command: CommandLine, server: faultserver.FaultServer, tmp_path: Path
) -> None:
    """The last file may have grown while others came after it; one in the middle may not."""
    write_rows(tmp_path / "a.csv", ROWS[:3])
    write_rows(tmp_path / "b.csv", ROWS[3:5])
    load(command, server.url, "a.csv", "b.csv")
    write_rows(tmp_path / "b.csv", ROWS[3:7])
    write_rows(tmp_path / "c.csv", ROWS[7:9])
    assert counts(load(command, server.url, "a.csv", "b.csv", "c.csv", "--grown")) == (9, 0, 0, 0)
    write_rows(tmp_path / "a.csv", [*ROWS[:3], ROWS[20]])
    refuse(command, server, "a.csv", "b.csv", "c.csv")


REFUSED = {
    "a changed cell": (TEXT, TEXT.replace("3.00", "3.01") + MORE),
    "a row in front": (TEXT, HEADER + f"{ROWS[9]}\n" + TEXT.removeprefix(HEADER)),
    "a row in the middle": (TEXT, TEXT.replace(ROWS[2], f"{ROWS[9]}\n{ROWS[2]}")),
    "fewer rows": (TEXT, HEADER + f"{ROWS[0]}\n"),
    "a last line that was continued": (TEXT.rstrip("\n"), TEXT.rstrip("\n") + f"0\n{MORE}"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_an_input_that_is_not_the_earlier_one_is_refused(
    command: CommandLine, server: faultserver.FaultServer, tmp_path: Path, fault: str
) -> None:
    """Rows that were loaded keep their places and their cells, or nothing is sent."""
    before, after = REFUSED[fault]
    (tmp_path / "e.csv").write_text(before)
    load(command, server.url, "e.csv")
    (tmp_path / "e.csv").write_text(after)
    said = refuse(command, server, "e.csv")
    if "continued" in fault:
        assert "its last line had no end then, and was continued: row 5 is another one now." in said


@pytest.mark.parametrize("between", ["\n", "\r\n"])
def test_a_last_line_without_a_line_end_may_get_one(
    command: CommandLine, server: faultserver.FaultServer, tmp_path: Path, between: str
) -> None:
    """If what was appended begins with a line end, the row before it is what it was."""
    (tmp_path / "e.csv").write_text(TEXT.rstrip("\n"))
    load(command, server.url, "e.csv")
    (tmp_path / "e.csv").write_bytes((TEXT.rstrip("\n") + between + MORE).encode())
    assert counts(load(command, server.url, "e.csv", "--grown")) == (8, 0, 0, 0)


@pytest.mark.parametrize(
    ("last", "following", "encoding", "ends"),
    [
        (b",1\n", b"5,2", "utf-8", True),
        (b",12", b"5,2", "utf-8", False),
        (b",12", b"\n5", "utf-8", True),
        (b",12", b"\r\n5", "utf-8", True),
        (b",12", b"\r5", "utf-8", False),
        (b"1\0\n\0", b"5\0,\0", "utf-16-le", True),
        (b"1\0\n\x0a", b"5\0,\0", "utf-16-le", False),
        (b"1\0002\0", b"\r\0\n\0", "utf-16-le", True),
        (b"\0001\0\n", b"\0005", "utf-16-be", True),
    ],
)
def test_where_a_record_surely_ends(last: bytes, following: bytes, encoding: str, *, ends: bool) -> None:
    """In each encoding, a line end is its own bytes."""
    assert ends_record(last, following, encoding) is ends


def test_utf_16_grows_too(command: CommandLine, server: faultserver.FaultServer, tmp_path: Path) -> None:
    """A text in another encoding that is appended to continues, and its byte order mark stands once."""
    (tmp_path / "e.csv").write_bytes(TEXT.encode("utf-16"))
    load(command, server.url, "e.csv")
    (tmp_path / "e.csv").write_bytes((TEXT + MORE).encode("utf-16"))
    assert counts(load(command, server.url, "e.csv", "--grown")) == (8, 0, 0, 0)


def test_a_compressed_text_is_refused_with_the_reason(
    command: CommandLine, server: faultserver.FaultServer, tmp_path: Path
) -> None:
    """Packed again, its bytes are others from the first on: that only rows were added cannot be proven."""
    (tmp_path / "e.csv.gz").write_bytes(gzip.compress(TEXT.encode()))
    load(command, server.url, "e.csv.gz")
    (tmp_path / "e.csv.gz").write_bytes(gzip.compress((TEXT + MORE).encode()))
    assert "the checkpoint knows only the compressed bytes" in refuse(command, server, "e.csv.gz")


def test_a_copy_of_an_earlier_file_is_not_taken_for_growth(
    command: CommandLine, server: faultserver.FaultServer, tmp_path: Path
) -> None:
    """The same rows under another name would go twice."""
    write_rows(tmp_path / "a.csv", ROWS[:5])
    load(command, server.url, "a.csv")
    (tmp_path / "b.csv").write_bytes((tmp_path / "a.csv").read_bytes())
    given = ("--app", "AAAAA-BBBBB", "--endpoint", server.url, "--checkpoint", "c.ckpt", "--grown", "--yes")
    ran = command.run("events", "a.csv", "b.csv", *given)
    assert (ran.code, len(server.bodies)) == (2, 5)
    assert "b.csv: holds the same bytes as a.csv" in ran.err


def test_the_mapping_stays_that_of_the_load(
    command: CommandLine, server: faultserver.FaultServer, tmp_path: Path
) -> None:
    """Added rows are mapped as the earlier ones, although a new look at the input would decide otherwise."""
    (tmp_path / "e.csv").write_text(TEXT)
    load(command, server.url, "e.csv")
    (tmp_path / "e.csv").write_text(TEXT + ROWS[5].replace("20240229", "29.02.2024") + "\n" + f"{ROWS[6]}\n")
    account = load(command, server.url, "e.csv", "--grown", code=3)
    assert counts(account) == (6, 1, 0, 0)


def test_rows_that_were_left_go_with_the_added_ones(
    load: Load, vendor: Vendor, server: faultserver.FaultServer
) -> None:
    """A load that ended early continues: unsent rows and added rows go, failed ones stay as they were."""
    vendor.refuse, vendor.cut = {"0002"}, {"0003"}
    assert counts(load.summary("--limit", 10)) == (8, 1, 1, 20)
    path = load.command.folder / "events.csv"
    with path.open("a") as file:
        file.write(ROWS[0].replace("0001", "0031") + "\n")
    account = load.summary("--grown")
    assert (account["read"], counts(account)) == (31, (29, 1, 1, 0))
    assert user_of(server.bodies[-1]) in {f"{n:04}" for n in range(11, 32)}
    vendor.refuse = set()
    assert counts(load.command.summary("retry", "events.csv.events.ckpt")) == (30, 0, 1, 0)
    assert ",events.csv,3," in load.run("failures", "--in-doubt")


# Opens the checkpoint for the grown input, and is killed before it sends a row.
KILLED = """
import os, signal, sys
from pathlib import Path
from loader.journal import Journal
from loader.planning import build_identity, prepare
from tests.test_growth import grown_settings

plan = prepare(grown_settings(Path(sys.argv[1]), sys.argv[2]))
assert (plan.remaining, plan.rows) == (3, 8), plan.remaining
journal = Journal.open(plan.settings.checkpoint, build_identity(plan), grown_from=plan.grown_from)
os.kill(os.getpid(), signal.SIGKILL)
"""


def grown_settings(path: Path, url: str) -> Settings:
    """The settings of a load of events that continues with added rows."""
    checkpoint = path.with_name(f"{path.name}.events.ckpt")
    endpoint = Endpoint.parse(url)
    options = LoadOptions(grown=True)
    return Settings(Kind.EVENTS, (str(path),), "AAAAA-BBBBB", endpoint, checkpoint, options=options)


@pytest.mark.skipif(os.name != "posix", reason="needs signals of POSIX")
@pytest.mark.parametrize("option", [(), ("--grown",)])
def test_a_kill_after_the_identity_moved_leaves_a_load_that_continues(
    command: CommandLine, server: faultserver.FaultServer, tmp_path: Path, option: tuple[str, ...]
) -> None:
    """The move is durable before the first row is sent, and then the input is simply that of the load."""
    path = tmp_path / "e.csv"
    path.write_text(TEXT)
    given = ("events", path, "--app", "AAAAA-BBBBB", "--endpoint", server.url)
    command.summary(*given)
    path.write_text(TEXT + MORE)
    root = Path(loader.__file__).parent.parent
    died = subprocess.run([sys.executable, "-c", KILLED, path, server.url], cwd=root, check=False, timeout=60)
    assert died.returncode == -signal.SIGKILL
    account = CheckpointView.open(tmp_path / "e.csv.events.ckpt").account()
    assert (account.read, account.confirmed, account.never_sent) == (8, 5, 3)
    assert counts(command.summary(*given, *option)) == (8, 0, 0, 0)
    assert sorted(map(user_of, server.bodies)) == [f"{n:04}" for n in range(1, 9)]


def test_what_was_proven_of_another_state_moves_no_checkpoint(
    command: CommandLine, server: faultserver.FaultServer, tmp_path: Path
) -> None:
    """If the checkpoint moved on between the proof and the load, the load is refused."""
    path = tmp_path / "e.csv"
    path.write_text(TEXT)
    command.summary("events", path, "--app", "AAAAA-BBBBB", "--endpoint", server.url)
    path.write_text(TEXT + MORE)
    plan = prepare(grown_settings(path, server.url))
    path.write_text(TEXT + f"{ROWS[20]}\n")
    command.summary("events", path, "--app", "AAAAA-BBBBB", "--endpoint", server.url, "--grown")
    with pytest.raises(CheckpointDiffers):
        Journal.open(tmp_path / "e.csv.events.ckpt", build_identity(plan), grown_from=plan.grown_from)


def test_a_grown_input_of_users_keeps_the_order(
    command: CommandLine, server: faultserver.FaultServer, vendor: Vendor, tmp_path: Path
) -> None:
    """A later row of a device whose earlier row was rejected goes; a retry of that one would undo it."""
    (tmp_path / "users.csv").write_text(USERS.replace("old,DEV-1\nnew,DEV-1\n", "0001,DEV-1\n"))
    given = ("users", "users.csv", "--app", "AAAAA-BBBBB", "--endpoint", server.url)
    vendor.refuse = {"0001"}
    assert counts(command.summary(*given)) == (1, 1, 0, 0)
    with (tmp_path / "users.csv").open("a") as file:
        file.write("0002,DEV-1\n")
    assert counts(command.summary(*given, "--grown")) == (2, 1, 0, 0)
    vendor.refuse = set()
    assert counts(command.summary("retry", "users.csv.users.ckpt")) == (2, 1, 0, 0)
    assert (
        "a later row of the same device is at the vendor"
        in command.run("failures", "users.csv.users.ckpt").out
    )


def test_python_continues_a_grown_file(tmp_path: Path) -> None:
    """`grown=True` is what --grown is, and the refusal names it."""
    path = tmp_path / "e.csv"
    path.write_text(TEXT)
    with loader.Sandbox() as sandbox:
        first = loader.load_events(path, sandbox=sandbox, checkpoint=tmp_path / "c.ckpt", progress=False)
        assert first.account.confirmed == 5
        path.write_text(TEXT + MORE)
        grown = loader.load_events(
            path, sandbox=sandbox, checkpoint=tmp_path / "c.ckpt", progress=False, grown=True
        )
        assert (grown.account.read, grown.account.confirmed) == (8, 8)
        assert len(grown.frame) == 8


def test_an_older_checkpoint_that_lacks_the_form_is_refused_with_a_sentence(
    command: CommandLine, server: faultserver.FaultServer, tmp_path: Path
) -> None:
    """A checkpoint of 0.1.0 does not say how its file was read, so its rows may not stay in place."""
    path = tmp_path / "e.csv"
    path.write_text(TEXT)
    settings = replace(
        grown_settings(Path("e.csv"), server.url), files=(str(path),), checkpoint=tmp_path / "c.ckpt"
    )
    identity = build_identity(prepare(settings))
    files = tuple(replace(file, form="") for file in identity.files)
    with Journal.open(tmp_path / "c.ckpt", replace(identity, files=files)) as journal:
        journal.lease(range(1))
        journal.sending(0)
        journal.settle([Outcome(0, State.CONFIRMED)])
    path.write_text(TEXT + MORE)
    assert "version 0.1.0, which did not note how they were read." in refuse(command, server, "e.csv")
