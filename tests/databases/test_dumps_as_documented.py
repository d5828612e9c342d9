r"""Dumps of warehouses that no test can start, written byte for byte as their documentation says.

`map` proposes a mapping for each, and with it `check` sends what is in the warehouse; or the file is refused,
and the option that the message names reads it. The sources of each form are named in `docs/how-to/dumps.md`.
"""

from __future__ import annotations

import gzip
import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import CommandLine

Files = dict[str, bytes]
NAMES = "--columns device_id,user_id,event,at,ok,note"
IN_UTC = "--zone UTC"
#: What each warehouse holds: a row of which everything is known, and one of which as little as can be.
FULL = {
    "hwid": "d1",
    "userId": "9007199254740993",
    "event": "purchase",
    "timestampUTC": 1709588261,
    "attributes": {"ok": True, "note": 'say "hi", you'},
}
BARE = {"hwid": "d2", "event": "open", "timestampUTC": 1709588261, "attributes": {"ok": False}}
HIVE = 'd1\x019007199254740993\x01purchase\x012024-03-04 21:37:41\x01true\x01say "hi", you\n'
HIVE_BARE = "d2\x01\\N\x01open\x012024-03-04 21:37:41\x01false\x01\\N\n"
BIGQUERY = (
    "device_id,user_id,event,at,ok,note\n"
    'd1,9007199254740993,purchase,2024-03-04 21:37:41 UTC,true,"say ""hi"", you"\n'
    "d2,,open,2024-03-04 21:37:41 UTC,false,\n"
)
BIGQUERY_JSON = (
    '{"device_id":"d1","user_id":"9007199254740993","event":"purchase","at":"2024-03-04 21:37:41 UTC",'
    '"ok":true,"note":"say \\"hi\\", you"}\n'
    '{"device_id":"d2","event":"open","at":"2024-03-04 21:37:41 UTC","ok":false}\n'
)
SNOWFLAKE = (
    '"DEVICE_ID","USER_ID","EVENT","AT","ok","note"\n'
    '"d1",9007199254740993,"purchase",2024-03-04 13:37:41.000 -0800,true,"say ""hi"", you"\n'
)
SNOWFLAKE_BARE = (
    '"DEVICE_ID","USER_ID","EVENT","AT","ok","note"\n'
    '"d2",\\N,"open",2024-03-05 03:07:41.000 +0530,false,\\N\n'
)
REDSHIFT = (
    "device_id,user_id,event,at,ok,note\n"
    'd1,9007199254740993,purchase,2024-03-04 21:37:41+00,t,"say ""hi"", you"\n'
    "d2,,open,2024-03-04 21:37:41+00,f,\n"
)
REDSHIFT_ESCAPED = (
    'd1|9007199254740993|purchase|2024-03-04 21:37:41+00|t|say "hi", you\n'
    "d2||open|2024-03-04 21:37:41+00|f|\n"
    "d3|1|a\\|b\\\nc\\\\d|2024-03-04 21:37:41+00|f|\n"
)
ATHENA = (
    '"device_id","user_id","event","at","ok","note"\n'
    '"d1","9007199254740993","purchase","2024-03-04 21:37:41.000 UTC","true","say ""hi"", you"\n'
    '"d2",,"open","2024-03-04 22:37:41.000 Europe/Berlin","false",\n'
)
BCP = (
    'd1\t9007199254740993\tpurchase\t2024-03-04 22:37:41.0000000 +01:00\ttrue\tsay "hi", you\r\n'
    "d2\t\topen\t2024-03-04 21:37:41.0000000 +00:00\tfalse\t\0\r\n"
)
LONE_FEED = "d3\t\ttwo\nlines\t2024-03-04 21:37:41.0000000 +00:00\tfalse\t\r\n"
SQLCMD = (
    "device_id,user_id,event,at,ok,note\n"
    "---------,-------,-----,--,--,----\n"
    "d1,9007199254740993,purchase,2024-03-04 21:37:41.0000000 +00:00,true,x\n"
    "d2,NULL,open,2024-03-04 21:37:41.0000000 +00:00,false,NULL\n"
    "\n(2 rows affected)\n"
)


def read(command: CommandLine, files: Files, options: str) -> list[dict[str, Any]]:
    """The requests that `check` shows with the mapping that `map` proposes, without the app and the clock."""
    named = write(command, files)
    for file in files:
        proposed = command.run("map", "events", file, *shlex.split(options), "-o", "m.toml")
        assert proposed.code == 0, proposed.err
        break
    dialect = [word for word in shlex.split(options) if word not in shlex.split(IN_UTC)]
    checked = command.run("check", "events", named, "--mapping", "m.toml", *dialect)
    assert checked.code == 0, checked.err
    lines = [line.strip() for line in checked.out.splitlines() if line.strip().startswith('{"request"')]
    requests = [json.loads(line)["request"] for line in lines]
    return [
        {name: each[name] for name in each if name not in {"application", "timestampCurrent"}}
        for each in requests
    ]


def write(command: CommandLine, files: Files) -> str:
    """Write files; the input to name: the one file, or the folder."""
    for name, content in files.items():
        (command.folder / name).parent.mkdir(exist_ok=True)
        (command.folder / name).write_bytes(content)
    first = next(iter(files))
    return first.partition("/")[0] if len(files) > 1 else first


@pytest.mark.parametrize(
    ("files", "options"),
    [
        ({"export-000000000000.csv": BIGQUERY.encode()}, ""),
        ({"export-000000000000.csv.gz": gzip.compress(BIGQUERY.encode())}, ""),
        ({"export-000000000000.json": BIGQUERY_JSON.encode()}, ""),
        (
            {
                "unload/data_0_0_0.csv.gz": gzip.compress(SNOWFLAKE.encode()),
                "unload/data_0_1_0.csv.gz": gzip.compress(SNOWFLAKE_BARE.encode()),
            },
            "--null-values '\\N'",
        ),
        ({"unload_000": REDSHIFT.encode()}, ""),
        ({"unload.000": REDSHIFT.encode()}, ""),
        ({"unload_000.gz": gzip.compress(REDSHIFT.encode())}, ""),
        ({"unload_000": gzip.compress(REDSHIFT.encode())}, ""),
        ({"0f1e.csv": ATHENA.encode()}, ""),
        ({"users.txt": BCP.encode("utf-16")}, NAMES),
        ({"users.txt": BCP.encode()}, NAMES),
        ({"000000_0": (HIVE + HIVE_BARE).encode()}, f"{NAMES} {IN_UTC}"),
        ({"out/000000_0": HIVE.encode(), "out/000001_0": HIVE_BARE.encode()}, f"{NAMES} {IN_UTC}"),
        (
            {
                "out/000000_0": HIVE.encode(),
                "out/000001_0": HIVE_BARE.encode(),
                "out/.000000_0.crc": b"crc\0",
            },
            f"{NAMES} {IN_UTC}",
        ),
        (
            {"20240304_213741_00001_abcde_0f1e": gzip.compress((HIVE + HIVE_BARE).encode())},
            f"{NAMES} {IN_UTC}",
        ),
    ],
    ids=[
        "BigQuery",
        "BigQuery, packed",
        "BigQuery, JSON",
        "Snowflake, two files",
        "Redshift",
        "Redshift, .000",
        "Redshift, packed",
        "Redshift, packed without an ending",
        "Athena",
        "bcp -w",
        "bcp -c",
        "Hive",
        "Hive, a folder",
        "Hive, a folder with checksums",
        "Athena UNLOAD of text",
    ],
)
def test_what_the_warehouse_holds_is_sent(command: CommandLine, files: Files, options: str) -> None:
    """Ids keep their digits, times their instants, texts their signs; what is nothing is not sent."""
    assert read(command, files, options) == [FULL, BARE]


@pytest.mark.parametrize(
    ("files", "given", "advice", "event"),
    [
        ({"unload_000": REDSHIFT_ESCAPED.encode()}, NAMES, "--escape '\\'", "a|b\nc\\d"),
        ({"users.txt": (BCP + LONE_FEED).encode("utf-16")}, NAMES, "--line-end crlf", "two\nlines"),
        ({"users.txt": (BCP + LONE_FEED).encode()}, NAMES, "--line-end crlf", "two\nlines"),
        ({"users.txt": BCP.encode("utf-16-le")}, NAMES, "--encoding utf-16-le", None),
    ],
    ids=["Redshift with ESCAPE", "bcp -w, line feeds", "bcp -c, line feeds", "bcp -w without a mark"],
)
def test_what_is_refused_is_read_with_the_option_that_is_named(
    command: CommandLine, files: Files, given: str, advice: str, event: str | None
) -> None:
    """Nothing torn is sent, and the message's own words load all of it."""
    refused = command.run("check", "events", write(command, files), *shlex.split(given))
    assert refused.code == 2
    assert advice in " ".join(refused.err.split())
    sent = read(command, files, f"{given} {advice}")
    assert sent[:2] == [FULL, BARE]
    assert [request["event"] for request in sent[2:]] == ([] if event is None else [event])


def test_lines_that_sqlcmd_draws_are_rejected_and_no_row_is(command: CommandLine) -> None:
    """The dashes and the count are named; NULL is proposed as nothing."""
    write(command, {"users.csv": SQLCMD.encode()})
    assert command.run("map", "events", "users.csv", "-o", "m.toml").code == 0
    checked = command.run("check", "events", "users.csv", "--mapping", "m.toml")
    assert "2 of 4 events would be sent, 2 would be rejected." in checked.out
    assert '"userId":"NULL"' not in checked.out


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("users.txt", "device_id user_id event\n--------- ------- --------\nd1        42      purchase\n"),
        ("users.txt", " device_id | user_id\n-----------+---------\n d1        | 42\n(1 row)\n"),
        ("users.txt", "+------------+----------+\n| device_id  | user_id  |\n+------------+----------+\n"),
    ],
    ids=["sqlcmd", "psql", "beeline"],
)
def test_a_table_drawn_for_people_is_refused(command: CommandLine, name: str, content: str) -> None:
    """Padded cells would be other ids; the message names commands that pad nothing."""
    refused = command.run("check", "events", write(command, {name: content.encode()}))
    assert refused.code == 2
    assert "psql --csv" in refused.err


def test_the_folder_of_athena_has_a_file_that_is_named(command: CommandLine) -> None:
    """The metadata beside the result is not left out in silence; the message names how to read the rest."""
    files = {"results/0f1e.csv": ATHENA.encode(), "results/0f1e.csv.metadata": b"\n\x0c\x08\x01\x12\x04d\0"}
    refused = command.run("check", "events", write(command, files))
    assert refused.code == 2
    assert "results/0f1e.csv.metadata" in refused.err
    assert "'results/**/*.csv'" in refused.err
    assert read(command, {"results/0f1e.csv": ATHENA.encode()}, "") == [FULL, BARE]
