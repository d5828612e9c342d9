"""The commands on inputs and outputs that lie elsewhere: loads that are cut, stores that go away, secrets."""

from __future__ import annotations

import signal
import sqlite3
import time
from typing import TYPE_CHECKING

import pytest

from tests.stores.conftest import CREDENTIALS, HEADER, MAPPING, events, held_users, write_mapping

if TYPE_CHECKING:
    from tests.conftest import CommandLine
    from tests.stores.conftest import Bucket
    from tests.stores.objectserver import ObjectServer

SANDBOXED = ("--sandbox", "--yes", "--app", "AAAAA-BBBBB")
SIGNATURE = "SECRETSIGNATURE"


def point_at(command: CommandLine, server: ObjectServer) -> CommandLine:
    """The command line, for which the misbehaving server is S3."""
    command.environment |= CREDENTIALS | {"AWS_ENDPOINT_URL": server.url}
    return command


def count_held(command: CommandLine) -> int:
    """How many events the sandbox holds."""
    try:
        return int(command.held("SELECT count(*) FROM events")[0][0])
    except sqlite3.OperationalError:  # it has none yet
        return 0


def wait_for_rows(command: CommandLine, rows: int) -> None:
    """Return when the sandbox holds so many events."""
    deadline = time.monotonic() + 60
    while count_held(command) < rows:
        assert time.monotonic() < deadline, "no events arrive"
        time.sleep(0.02)


def test_a_load_that_is_killed_continues_where_it_was(stored: CommandLine, bucket: Bucket) -> None:
    """Of an object in a store each row arrives once, also if the load is killed in the middle."""
    mapping = bucket.put("m.toml", MAPPING.encode())
    address = bucket.put("a b.csv", events(0, 1500))
    words = ("events", address, "--mapping", mapping, *SANDBOXED, "--concurrency", "2")
    with stored.start(*words, "--rate", "400") as process:
        wait_for_rows(stored, 100)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert (stored.folder / "a b.csv.events.sandbox.ckpt").is_file()
    summary = stored.summary(*words)
    assert summary["confirmed"] + summary["in_doubt"] == 1500
    users = held_users(stored)
    assert len(users) == len(set(users)) >= summary["confirmed"] > 1400


def test_a_store_that_goes_away_ends_a_load_that_continues_later(
    command: CommandLine, misbehaving_s3: ObjectServer
) -> None:
    """What is on the wire is settled, the code says that it goes on, and the next run sends the rest once."""
    point_at(command, misbehaving_s3)
    rows = [f"u{n},d{n},purchase,2024-01-01T00:00:00Z,1.5,{'x' * 6000}" for n in range(4000)]
    content = "\n".join([f"{HEADER},filling", *rows, ""]).encode()
    behaviour = misbehaving_s3.behaviour
    behaviour.objects["b/a.csv"] = content

    def go_away(_: int) -> int | None:
        """From two thirds on, as soon as rows have been sent."""
        return 503 if behaviour.starts[-1] > len(content) * 2 // 3 and count_held(command) else None

    words = ("events", "s3://b/a.csv", "--mapping", write_mapping(command.folder), *SANDBOXED)
    behaviour.wrong = go_away
    summary = command.summary(*words)
    assert summary["exit_code"] == 5
    assert (summary["in_doubt"], summary["rejected"]) == (0, 0)
    assert 0 < summary["confirmed"] == count_held(command) < summary["read"] == 4000
    behaviour.wrong = lambda _: None
    behaviour.asked.clear()
    assert command.summary(*words)["exit_code"] == 0
    assert sorted(held_users(command)) == sorted(f"u{n}" for n in range(4000))


def test_a_store_that_is_away_before_a_load_is_said_at_once(
    command: CommandLine, misbehaving_s3: ObjectServer
) -> None:
    """Nothing is sent, and what to do is said."""
    point_at(command, misbehaving_s3)
    misbehaving_s3.behaviour.objects["b/a.csv"] = events(0, 3)
    misbehaving_s3.behaviour.wrong = lambda _: 503
    ran = command.run("events", "s3://b/a.csv", *SANDBOXED)
    assert ran.code == 5
    assert "Run the same command again later" in ran.err
    assert not (command.folder / "pushwoosh-sandbox.sqlite3").exists() or not held_users(command)


def test_an_object_that_changed_since_is_refused(stored: CommandLine, bucket: Bucket) -> None:
    """A checkpoint of one version of an object is not continued with another one."""
    address = bucket.put("a.csv", events(0, 30))
    words = ("events", address, "--mapping", write_mapping(stored.folder), *SANDBOXED, "--keep")
    assert stored.run(*words, "--limit", "10").code == 0
    bucket.put("a.csv", events(0, 30).replace(b"u29,", b"u28,"))
    ran = stored.run(*words)
    assert ran.code == 2
    assert f"The content of {address} has changed" in ran.err


def test_what_is_written_can_lie_in_a_store(stored: CommandLine, bucket: Bucket) -> None:
    """Failed rows and reports go to a store; fixed rows, mappings and exports are read from there."""
    content = events(0, 5) + b",,purchase,2024-01-01T00:00:00Z,1.0\n"
    mapping, address = bucket.put("m.toml", MAPPING.encode()), bucket.put("a.csv", content)
    report = bucket.address("out/report.html")
    ran = stored.run("events", address, "--mapping", mapping, *SANDBOXED, "--report", report)
    assert (ran.code, f"The report is in {report}." in ran.out + ran.err) == (3, True)
    assert bucket.get("out/report.html").startswith(b"<!DOCTYPE html>")
    checkpoint = "a.csv.events.sandbox.ckpt"
    rejected = bucket.address("out/rejected.csv")
    assert stored.run("failures", checkpoint, "--rejected", "-o", rejected).code == 0
    written = bucket.get("out/rejected.csv")
    assert written.count(b"\r\n") == 2
    fixed = bucket.put("fixed.csv", written.replace(b",,purchase", b"u9,d9,purchase"))
    ran = stored.run("retry", checkpoint, "--from", fixed, "--yes")
    assert ran.code == 0, ran.err
    assert sorted(held_users(stored)) == ["u0", "u1", "u2", "u3", "u4", "u9"]
    assert stored.run("report", checkpoint, "-o", bucket.address("again.html")).code == 0
    landed = bucket.put("landed.csv", content.replace(b",,purchase", b"u9,d9,purchase"))
    ran = stored.run("verify", checkpoint, "--landed", landed)
    assert ran.code in {0, 3}, ran.err + ran.out
    assert "6" in ran.out


def test_an_output_that_fails_leaves_the_older_object(stored: CommandLine, bucket: Bucket) -> None:
    """No half of an object takes the place of a whole one."""
    address = bucket.put("a.csv", events(0, 3) + b",,x,,\n")
    stored.run("events", address, "--mapping", write_mapping(stored.folder), *SANDBOXED)
    target = bucket.put("rejected.csv", b"older")
    bucket.put("a.csv", events(0, 4))
    assert stored.run("failures", "a.csv.events.sandbox.ckpt", "-o", target).code == 2
    assert bucket.get("rejected.csv") == b"older"


@pytest.mark.parametrize(
    "target", ["{address}", "s3://{bucket}/in/x.csv", "https://127.0.0.1:9/x.csv", "s3://{bucket}/"]
)
def test_an_output_that_cannot_be_is_refused(stored: CommandLine, bucket: Bucket, target: str) -> None:
    """Nothing is written over the input, into its folder, to a web server, or as a folder."""
    address = bucket.put("in/a.csv", events(0, 3))
    folder = bucket.address("in")
    stored.run("events", folder, "--mapping", write_mapping(stored.folder), *SANDBOXED)
    target = target.format(address=address, bucket=bucket.name)
    ran = stored.run("failures", "in.events.sandbox.ckpt", "--input", folder, "-o", target, "--format", "csv")
    assert ran.code == 2, ran.out
    assert bucket.get("in/a.csv") == events(0, 3)


def test_an_output_is_not_the_input_under_another_spelling(stored: CommandLine, bucket: Bucket) -> None:
    """The object that was loaded is not written over, however it is spelled."""
    address = bucket.put("a.csv", events(0, 3))
    stored.run("events", address, "--mapping", write_mapping(stored.folder), *SANDBOXED)
    ran = stored.run("failures", "a.csv.events.sandbox.ckpt", "-o", address.replace("s3:", "S3:"))
    assert ran.code == 2
    assert f"it is the input {address}" in ran.err
    assert bucket.get("a.csv") == events(0, 3)


@pytest.mark.parametrize("option", ["--checkpoint", "--summary", "--metrics", "--ledger", "--token-file"])
def test_a_file_that_must_be_on_this_machine_is_asked_for(command: CommandLine, option: str) -> None:
    """An address where it has no meaning is refused, and makes no folder called s3:."""
    (command.folder / "a.csv").write_bytes(events(0, 1))
    ran = command.run("events", "a.csv", *SANDBOXED, option, "s3://b/x")
    assert ran.code == 2
    assert "must be on this machine" in ran.err
    assert not (command.folder / "s3:").exists()


def test_a_job_file_names_addresses(stored: CommandLine, bucket: Bucket) -> None:
    """A job's input and mapping may lie elsewhere, and variables stand for parts of addresses."""
    bucket.put("2024.csv", events(0, 4))
    mapping = bucket.put("m.toml", MAPPING.encode())
    (stored.folder / "jobs.toml").write_text(
        f'[jobs.buy]\nkind = "events"\ninput = "s3://${{WHERE}}/*.csv"\nmapping = "{mapping}"\n'
        f'report = "{bucket.address("r.html")}"\n'
    )
    ran = stored.run("run", "jobs.toml", "--sandbox", "--yes", WHERE=bucket.name)
    assert ran.code == 0, ran.err + ran.out
    assert sorted(held_users(stored)) == ["u0", "u1", "u2", "u3"]
    assert bucket.get("r.html").startswith(b"<!DOCTYPE html>")


def test_secrets_are_shown_and_noted_nowhere(command: CommandLine, objects: ObjectServer) -> None:
    """A signature, a user and a password in an address are in no output, file, report, log or checkpoint."""
    objects.behaviour.objects["a.csv"] = events(0, 4) + b",,purchase,2024-01-01T00:00:00Z,1.0\n"
    host = objects.url.removeprefix("http://")
    address = f"http://someone:{SIGNATURE}@{host}/a.csv?X-Amz-Signature={SIGNATURE}&X-Amz-Date=1"
    mapping = write_mapping(command.folder)
    texts = []
    for words in (
        ("check", "events", address, "--mapping", mapping, "--summary", "c.json"),
        ("events", address, "--mapping", mapping, *SANDBOXED, "--summary", "s.json", "--report", "r.html",
         "--metrics", "m.prom", "--log-format", "json"),
        ("status", "a.csv.events.sandbox.ckpt"),
        ("failures", "a.csv.events.sandbox.ckpt", "--input", address),
        ("failures", "a.csv.events.sandbox.ckpt"),
        ("report", "a.csv.events.sandbox.ckpt", "-o", "r2.html", "--input", address),
        ("events", f"{address}#{SIGNATURE}x", "--mapping", f"{address}2", *SANDBOXED),
        ("events", f"http://{host}/none.csv?sig={SIGNATURE}", "--mapping", mapping, *SANDBOXED),
        ("events", f"ftp://someone:{SIGNATURE}@{host}/none.csv", *SANDBOXED),
        ("events", f"s3://key:{SIGNATURE}@bucket/none.csv", *SANDBOXED),
        ("events", f"http://127.0.0.1:1/a.csv?sig={SIGNATURE}", *SANDBOXED),
        ("events", address, "--checkpoint", address, *SANDBOXED),
        ("failures", "a.csv.events.sandbox.ckpt", "--input", address, "-o", address),
    ):  # fmt: skip
        ran = command.run(*words)
        texts.append(ran.out + ran.err)
    written = [path.read_bytes() for path in command.folder.rglob("*") if path.is_file()]
    assert len(written) >= 6
    assert not any(SIGNATURE in text for text in texts), [text for text in texts if SIGNATURE in text]
    assert not any(SIGNATURE.encode() in content for content in written)
    assert sorted(held_users(command)) == ["u0", "u1", "u2", "u3"]


def test_a_signed_address_is_asked_for_again(command: CommandLine, objects: ObjectServer) -> None:
    """The checkpoint does not keep the signature, so later commands ask for the address, and then take it."""
    objects.behaviour.objects["a.csv"] = events(0, 1) + b",,purchase,2024-01-01T00:00:00Z,1.0\n"
    address = f"{objects.url}/a.csv?sig={SIGNATURE}"
    command.run("events", address, "--mapping", write_mapping(command.folder), *SANDBOXED)
    ran = command.run("failures", "a.csv.events.sandbox.ckpt")
    assert ran.code == 2
    assert "was not noted, because it may hold a signature" in ran.err
    assert "--input" in ran.err
    ran = command.run("failures", "a.csv.events.sandbox.ckpt", "--input", address)
    assert (ran.code, ran.out.count("purchase")) == (0, 1)


@pytest.mark.parametrize(
    ("environment", "address", "said"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "s3://b/a.csv", "does not answer as it should"),
        ({}, "az://c/a.csv", "Set AZURE_STORAGE_CONNECTION_STRING"),
        ({}, "ftp://h/a.csv", "addresses of this kind are not read"),
        ({}, "s3a://b/a.csv", "write s3:// and the bucket instead"),
        ({}, "abfss://b/a.csv", "write az:// and the container instead"),
        ({}, "file:///tmp/a.csv", "name a file on this machine by its path"),
        ({}, "s3:///a.csv", "names no bucket"),
        ({}, "https:///a.csv", "names no host"),
    ],
)
def test_an_address_that_cannot_be_read_says_what_to_do(
    stored: CommandLine, environment: dict[str, str], address: str, said: str
) -> None:
    """Each mistake has its own sentence; none of them ends in a trace."""
    ran = stored.run("check", "events", address, **environment)
    assert ran.code in {2, 5}
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_a_look_up_lies_beside_its_mapping(stored: CommandLine, bucket: Bucket) -> None:
    """The path of a look-up is relative to the mapping, also if that lies in a store; or it is an address."""
    devices = b"user,device\n" + b"".join(b"u%d,D%d\n" % (n, n) for n in range(4))
    bucket.put("maps/devices.csv", devices)
    other = bucket.put("devices.csv", devices)
    address = bucket.put("a.csv", events(0, 4))
    for name in ("devices.csv", other):
        rule = f'{{ column = "user_id", lookup = "{name}", key = "user", value = "device" }}'
        mapping = bucket.put("maps/m.toml", MAPPING.replace('"device_id"', rule).encode())
        assert stored.run("events", address, "--mapping", mapping, *SANDBOXED).code == 0
        assert sorted(stored.held("SELECT hwid FROM events")) == [("D0",), ("D1",), ("D2",), ("D3",)]


def test_a_mapping_names_no_secret(command: CommandLine, objects: ObjectServer) -> None:
    """A mapping is kept in the checkpoint, so a look-up in it whose address is signed is refused, unseen."""
    (command.folder / "a.csv").write_bytes(events(0, 1))
    name = f"{objects.url}/d.csv?sig={SIGNATURE}"
    rule = f'{{ column = "user_id", lookup = "{name}", key = "user", value = "device" }}'
    (command.folder / "m.toml").write_text(MAPPING.replace('"device_id"', rule))
    ran = command.run("events", "a.csv", "--mapping", "m.toml", *SANDBOXED)
    assert ran.code == 2
    assert "and a mapping is kept in the checkpoint" in ran.err
    assert SIGNATURE not in ran.err + ran.out
