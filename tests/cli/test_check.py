"""`check`: what it tells about an input, and that it sends nothing."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests import warm
from tests.cli.conftest import GOOD as PURCHASE
from tests.cli.conftest import NAMELESS as NAMELESS_PURCHASE
from tests.cli.conftest import events_csv
from tests.conftest import SAMPLES, CommandLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

EVENTS = "user_id,device_id,event,timestamp,timezone,amount\n"
ZONE = "America/New_York"
GOOD = f"0042,DEV-1,purchase,2024-02-29 10:00:00,{ZONE},12.00"
NAMELESS = f",,purchase,2024-02-29 10:00:00,{ZONE},12.00"


def saved(path: Path, header: str, rows: Iterable[str]) -> Path:
    """A CSV file."""
    path.write_text(header + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def checked(command: CommandLine, kind: str, *arguments: object) -> dict[str, Any]:
    """The summary of a check."""
    return command.summary("check", kind, *arguments)


def sample_rows() -> list[dict[str, str]]:
    """The purchases of the sample data, read by another reader."""
    with (SAMPLES / "events.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_sample_is_profiled_as_python_counts_it(command: CommandLine) -> None:
    """Months, names, devices, users, values and repetitions are those of a plain count over the file."""
    rows = sample_rows()
    found = checked(command, "events", SAMPLES / "events.csv")
    assert found["times"]["by_month"] == dict(
        sorted(Counter(f"{row['timestamp'][:4]}-{row['timestamp'][4:6]}" for row in rows).items())
    )
    assert found["times"]["without_zone"] == {ZONE: len(rows)}
    assert found["events"]["names"] == {"purchase": len(rows)}
    assert found["devices"]["devices"] == len({row["device_id"] for row in rows})
    assert found["devices"]["users"] == len({row["user_id"] for row in rows})
    assert found["duplicates"]["rows"] == len(rows) - len({tuple(row.values()) for row in rows})
    (dollars,) = (column for column in found["attributes"] if column["name"] == "dollar_value")
    values = [row["dollar_value"] for row in rows]
    assert (dollars["values"], dollars["distinct"]) == (len(values), len(set(values)))
    assert (dollars["shortest"], dollars["longest"]) == (min(map(len, values)), max(map(len, values)))


@pytest.mark.skipif("CDNOW" not in os.environ, reason="`make cdnow` makes the whole file first")
def test_the_whole_file_has_its_months(command: CommandLine) -> None:
    """All 69,659 purchases fall into the months in which the source says they were made."""
    source = Path(os.environ["CDNOW"]) / "events.csv"
    with source.open(newline="", encoding="utf-8") as file:
        months = Counter(f"{row['timestamp'][:4]}-{row['timestamp'][4:6]}" for row in csv.DictReader(file))
    found = checked(command, "events", source)
    assert found["times"]["by_month"] == dict(sorted(months.items()))
    assert sum(months.values()) == found["would_send"] == 69_659


def test_users_are_counted_exactly_in_a_file_that_goes_to_disk(command: CommandLine, tmp_path: Path) -> None:
    """Of 200,000 rows with shared devices each count is that of a plain pass over the rows."""
    ties = [(f"U{number * 7919 % 90_000}", f"D{number % 70_001}") for number in range(200_000)]
    path = saved(tmp_path / "users.csv", "user_id,device_id\n", (",".join(tie) for tie in ties))
    of_device: dict[str, list[str]] = defaultdict(list)
    for user, device in ties:
        of_device[device].append(user)
    several = sum(len(set(users)) > 1 for users in of_device.values())
    left = {users[-1] for users in of_device.values()}
    found = checked(command, "users", path)["devices"]
    assert found["devices"] == len(of_device)
    assert found["users"] == len({user for user, _ in ties})
    assert found["with_several_users"] == several > 0
    assert found["users_that_vanish"] == len({user for user, _ in ties} - left) > 0


def test_users_and_devices_in_small(command: CommandLine, tmp_path: Path) -> None:
    """The last row of a device wins, a user without a device is named, a row without a user is its own."""
    rows = ["A,d1", "B,d1", "A,d2", "C,d3", "D,d3", "E,", "D,d3", ",d9"]
    path = saved(tmp_path / "users.csv", "user_id,device_id\n", rows)
    found = checked(command, "users", path)
    assert found["devices"] == {
        "devices": 4,
        "users": 5,
        "devices_without_user": 1,
        "with_several_users": 2,
        "users_that_vanish": 1,
        "users_without_device": 1,
        "rows_without_device": None,
        "examples": [
            {"first": f"{path}, row 1", "last": f"{path}, row 2"},
            {"first": f"{path}, row 4", "last": f"{path}, row 7"},
        ],
    }
    assert found["duplicates"] == {
        "rows": 1,
        "examples": [{"first": f"{path}, row 5", "again": f"{path}, row 7"}],
    }


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet", ""])
def test_who_vanishes_is_listed(command: CommandLine, tmp_path: Path, ending: str) -> None:
    """Each device that changes users, with the user that loses it, the one that has it then, and the rows."""
    rows = ["A,d1", "B,d1", "A,d2", "C,d3", ",d1", "D,d3", "E,", "D,d3", ",d9", "F,d9"]
    path = saved(tmp_path / "users.csv", "user_id,device_id\n", rows)
    target = tmp_path / f"vanishing{ending}"
    ran = command.run("check", "users", path, "--vanishing", target)
    assert "4 devices, 6 users\n  1 device without a user: each is its own user" in ran.out
    assert "2 devices that change users: the last row of each wins" in ran.out
    assert "2 users would vanish, because later rows take all their devices away" in ran.out
    readers: dict[str, Callable[[Path], pd.DataFrame]] = {
        ".jsonl": lambda path: pd.read_json(path, lines=True),
        ".parquet": pd.read_parquet,
    }
    listed = readers.get(ending, pd.read_csv)(target)
    assert list(listed) == ["user", "device", "new_user", "vanishes", "row", "new_row"]
    listed = listed.astype(object).where(listed.notna(), None)
    place = f"{path}, row "
    assert sorted(listed.to_numpy().tolist()) == [
        ["A", "d1", None, False, f"{place}1", f"{place}5"],
        ["B", "d1", None, True, f"{place}2", f"{place}5"],
        ["C", "d3", "D", True, f"{place}4", f"{place}8"],
    ]


def test_who_vanishes_is_asked_of_users_alone(command: CommandLine, tmp_path: Path) -> None:
    """An event ties no device: the message names the command that answers."""
    path = saved(tmp_path / "e.csv", EVENTS, [GOOD])
    ran = command.run("check", "events", path, "--vanishing", tmp_path / "v.csv")
    assert ran.code == 2
    assert "check users FILE --vanishing FILE" in ran.err
    assert not (tmp_path / "v.csv").exists()


def test_names_that_make_trouble_are_listed(command: CommandLine, tmp_path: Path) -> None:
    """Events by count, names that are too long though their rows are rejected, names that differ by case."""
    names = ["purchase"] * 3 + ["Purchase"] + ["x" * 33] * 2
    rows = [GOOD.replace("purchase", name) for name in names]
    found = checked(command, "events", saved(tmp_path / "e.csv", EVENTS, rows))
    assert found["events"] == {
        "names": {"purchase": 3, "Purchase": 1},
        "too_long": {"x" * 33: 2},
        "alike": [["Purchase", "purchase"]],
        "rows_beyond": 0,
    }
    assert found["exit_code"] == 3


def test_clock_changes_and_the_future_are_counted(command: CommandLine, tmp_path: Path) -> None:
    """Times that were skipped or came twice are counted, also when their rows are rejected for it."""
    times = ["2024-03-10 02:30:00", "2024-11-03 01:30:00", "2024-11-03 01:45:00", "2024-03-09 10:00:00"]
    rows = [GOOD.replace("2024-02-29 10:00:00", time) for time in times]
    found = checked(command, "events", saved(tmp_path / "e.csv", EVENTS, rows))
    assert (found["times"]["in_gap"], found["times"]["in_fold"], found["would_reject"]) == (1, 2, 3)
    assert (found["times"]["first"], found["times"]["last"]) == ("2024-03-09T15:00:00Z",) * 2
    assert found["times"]["without_zone"] == {ZONE: 4}


def test_months_are_those_of_the_users_clock(command: CommandLine, tmp_path: Path) -> None:
    """The first minute of a month east of Greenwich is of that month, though it is still the last in UTC."""
    rows = [GOOD.replace("2024-02-29 10:00:00", "2024-03-01 00:00:01").replace(ZONE, "Asia/Kolkata")]
    found = checked(command, "events", saved(tmp_path / "e.csv", EVENTS, rows))["times"]
    assert (found["by_month"], found["first"]) == ({"2024-03": 1}, "2024-02-29T18:30:01Z")


def test_events_without_device_or_user(command: CommandLine, tmp_path: Path) -> None:
    """Events of a user without a device are counted, and the users that have one nowhere."""
    rows = [GOOD, GOOD.replace("DEV-1", ""), GOOD.replace("0042,DEV-1", "0043,"), GOOD.replace("0042", "")]
    found = checked(command, "events", saved(tmp_path / "e.csv", EVENTS, rows))
    devices = found["devices"]
    assert (devices["rows_without_device"], devices["users_without_device"]) == (2, 1)
    assert (devices["devices"], devices["users"], devices["users_that_vanish"]) == (1, 2, None)
    by_name = {column["name"]: column for column in found["fields"]}
    assert (by_name["hwid"]["empty"], by_name["userId"]["empty"], by_name["event"]["empty"]) == (2, 1, 0)


def test_the_request_can_be_sent_by_hand(command: CommandLine, tmp_path: Path) -> None:
    """The curl line holds the body as it is, also one with quotes, and only the name of the token."""
    path = saved(tmp_path / "e.csv", EVENTS, [GOOD.replace("12.00", '"it\'s ""new"""')])
    ran = command.run("check", "events", path, "--app", "AAAAA-00001", PUSHWOOSH_API_TOKEN="secret-token")
    assert "secret-token" not in ran.out + ran.err
    (line,) = (line for line in ran.out.splitlines() if line.lstrip().startswith("curl "))
    words = subprocess.run(
        ["/bin/sh", "-c", f"curl() {{ printf '%s\\n' \"$@\"; }}\n{line}"],
        env={"PUSHWOOSH_API_TOKEN": "T"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout.splitlines()
    assert "https://api.pushwoosh.com/json/1.3/postEvent" in words
    assert "Authorization: Token T" in words
    found = checked(command, "events", path, "--app", "AAAAA-00001")
    assert words[-1] == found["bodies"][0]
    assert json.loads(words[-1])["request"]["attributes"]["amount"] == 'it\'s "new"'


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_the_file_of_rejects_loads_again(command: CommandLine, tmp_path: Path, form: str) -> None:
    """Every rejected row is in it with its cells; checked again it is rejected alike, fixed it would go."""
    path = saved(tmp_path / "e.csv", EVENTS, [GOOD, NAMELESS, GOOD, GOOD.replace("2024-02", "2024-13")])
    rejects = tmp_path / f"rejects.{form}"
    assert checked(command, "events", path, "--rejects", rejects)["would_reject"] == 2
    again = tmp_path / f"again.{form}"
    found = checked(command, "events", rejects, "--rejects", again)
    assert (found["read"], found["would_reject"]) == (2, 2)
    assert [column["name"] for column in found["attributes"]] == ["amount"]
    assert rows_of(again) == rows_of(rejects)
    fixed = tmp_path / "fixed.csv"
    rows = [row | {"user_id": "7", "timestamp": "2024-02-29 10:00:00"} for row in rows_of(rejects)]
    with fixed.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    found = checked(command, "events", fixed)
    assert (found["would_send"], found["exit_code"]) == (2, 0)


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a file of rejects, without what depends on where they stood."""
    if path.suffix == ".parquet":
        rows = pq.read_table(path).to_pylist()
    else:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    places = {"_loader_file", "_loader_row", "_loader_message"}
    return [{name: str(cell or "") for name, cell in row.items() if name not in places} for row in rows]


def test_a_rejected_row_comes_with_reason_and_remedy(command: CommandLine, tmp_path: Path) -> None:
    """Cells byte for byte, then where the row stood, which column is wrong, why, and what to do."""
    path = saved(tmp_path / "e.csv", EVENTS, [GOOD, NAMELESS.replace("12.00", '" 0012 "')])
    rejects = tmp_path / "rejects.jsonl"
    assert command.run("check", "events", path, "--rejects", rejects).code == 3
    (row,) = map(json.loads, rejects.read_text().splitlines())
    assert (row["amount"], row["timezone"], row["_loader_state"]) == (" 0012 ", ZONE, "rejected")
    assert (row["_loader_file"], row["_loader_row"]) == (str(path), 2)
    assert (row["_loader_column"], row["_loader_remedy"]) == ("device_id, user_id", "Fill at least one.")
    assert row["_loader_message"].startswith(f'{path}, row 2, columns "device_id", "user_id" are empty')


def test_rejects_of_a_clean_file_are_an_empty_table(command: CommandLine, tmp_path: Path) -> None:
    """No row is rejected: the file has its header, and checks as 0 rows."""
    path = saved(tmp_path / "e.csv", EVENTS, [GOOD])
    assert checked(command, "events", path, "--rejects", tmp_path / "r.csv")["exit_code"] == 0
    assert checked(command, "events", tmp_path / "r.csv")["read"] == 0


def test_rejects_do_not_take_the_place_of_the_input(command: CommandLine, tmp_path: Path) -> None:
    """The file of rejects is refused where the input stands, and where its form cannot be told."""
    path = saved(tmp_path / "e.csv", EVENTS, [NAMELESS])
    ran = command.run("check", "events", path, "--rejects", path)
    assert (ran.code, path.read_text()) == (2, f"{EVENTS}{NAMELESS}\n")
    assert "would be overwritten" in ran.err
    ran = command.run("check", "events", path, "--rejects", tmp_path / "r.xlsx")
    assert (ran.code, "Use .csv, .jsonl or .parquet, or give --format." in ran.err) == (2, True)


def test_a_damaged_file_is_told_as_far_as_it_goes(command: CommandLine) -> None:
    """What stands before the damage is profiled, the place is named, and it exits as the load would."""
    found = checked(command, "users", SAMPLES / "broken" / "damaged.parquet")
    assert (found["read"], found["devices"]["devices"], found["exit_code"]) == (50, 50, 5)
    assert "from row 51 on" in found["stopped"]


def test_several_files_are_told_apart(command: CommandLine, tmp_path: Path) -> None:
    """A repetition across files names both."""
    first, second = (saved(tmp_path / f"{n}.csv", EVENTS, [GOOD.replace("0042", str(n)), GOOD]) for n in "ab")
    (example,) = checked(command, "events", first, second)["duplicates"]["examples"]
    assert example == {"first": f"{first}, row 2", "again": f"{second}, row 2"}


def test_every_parquet_type_is_told(command: CommandLine, tmp_path: Path) -> None:
    """Typed columns are profiled by their values after the conversion."""
    table = pa.table(
        {
            "device_id": ["a", "b"],
            "event": ["e", "e"],
            "timestamp": pa.array([1, 2], pa.timestamp("us", "UTC"))
            .cast(pa.int64())
            .cast(pa.timestamp("s", "UTC")),
            "count": pa.array([1, None], pa.int32()),
            "share": [0.5, 0.25],
            "gift": [True, False],
        }
    )
    pq.write_table(table, tmp_path / "e.parquet")
    mapping = tmp_path / "m.toml"
    mapping.write_text(
        'kind = "events"\n[fields]\nhwid = "device_id"\nevent = "event"\n'
        'timestamp = { column = "timestamp", earliest = 1970-01-01 }\n[attributes]\nothers = true\n'
    )
    found = checked(command, "events", tmp_path / "e.parquet", "--mapping", mapping)
    told = {
        column["name"]: (column["type"], column["empty"], column["distinct"])
        for column in found["attributes"]
    }
    assert told == {"count": ("integer", 1, 1), "share": ("float", 0, 2), "gift": ("boolean", 0, 2)}


# What a check must not do is told by the interpreter itself: every socket that Python makes raises an event.
WATCHED = """
import sys
sockets = []
sys.addaudithook(lambda event, _: sockets.append(event) if event.startswith("socket.") else None)
from loader.cli import cli
try:
    cli(sys.argv[1:])
except SystemExit:
    pass
print(len(sockets), file=sys.stderr)
"""


@pytest.mark.parametrize("way", [["check", "events"], ["events", "--dry-run"], ["events", "--sandbox", "-y"]])
def test_no_socket_is_opened(command: CommandLine, tmp_path: Path, way: list[str]) -> None:
    """`check` and `--dry-run` make no socket of any kind; a load does, so the watch would see one."""
    path = saved(tmp_path / "e.csv", EVENTS, [GOOD, NAMELESS])
    arguments = ["-c", WATCHED, *way, str(path)]
    with warm.start(arguments, folder=command.folder, environment=command.environment) as process:
        out, err = process.communicate(timeout=120)
    assert "purchase" in out
    assert (int(err.splitlines()[-1]) > 0) is ("--sandbox" in way)


def keys_of(record: Any) -> set[str]:
    """The names of a record and of the records in it, where names are fixed."""
    if isinstance(record, list):
        return set().union(*map(keys_of, record))
    if not isinstance(record, dict):
        return set()
    fixed = {key for key in record if key not in {"purchase", "2024-02", ZONE}}
    return fixed.union(*map(keys_of, record.values()))


@pytest.mark.parametrize("kind", ["users", "events"])
def test_the_reference_names_every_key(command: CommandLine, tmp_path: Path, kind: str) -> None:
    """Each key of the summary is documented, so that a program can be written against it."""
    path = saved(tmp_path / "e.csv", EVENTS, [GOOD, GOOD, GOOD.replace("0042", "43"), NAMELESS])
    page = (SAMPLES.parent / "docs" / "reference" / "summary.md").read_text(encoding="utf-8")
    table = page.partition("## Of every command")[2]
    keys = keys_of(checked(command, kind, path))
    assert {"read", "alike" if kind == "events" else "users_that_vanish", "first", "again"} <= keys
    assert [key for key in sorted(keys) if f"`{key}`" not in table] == []


def test_check_sends_nothing_and_shows_bodies(command: CommandLine, tmp_path: Path) -> None:
    """`check` shows the exact bodies and the decisions, makes no checkpoint, and exits 0."""
    source = events_csv(tmp_path, PURCHASE)
    ran = command.run("check", "events", source)
    assert ran.code == 0, ran.err
    assert '"userId":"0042"' in ran.out
    assert '"timestampUTC":1709182800,"timestampCurrent":1709164800' in ran.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.csv"]


def test_check_names_each_reject(command: CommandLine, tmp_path: Path) -> None:
    """A row that cannot be mapped is named with file, row, reason and remedy; `check` exits 3."""
    source = events_csv(tmp_path, PURCHASE, NAMELESS_PURCHASE, PURCHASE)
    ran = command.run("check", "events", source, "--summary", "-")
    found = json.loads(ran.out)
    assert ran.code == 3
    assert (found["read"], found["would_send"], found["would_reject"]) == (3, 2, 1)
    assert f"{source}, row 2" in found["rejects"][0]["examples"][0]


def test_dry_run_is_check(command: CommandLine, tmp_path: Path) -> None:
    """`--dry-run` goes the way of `check`: no application is needed and nothing is written."""
    source = events_csv(tmp_path, PURCHASE)
    assert command.run("events", source, "--dry-run").out == command.run("check", "events", source).out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.csv"]


def broken_samples() -> Iterator[tuple[str, ...]]:
    """The rows of the table in the README of the sample data: file, how to load it, what the loader does."""
    for line in (SAMPLES / "README.md").read_text().splitlines():
        if match := re.fullmatch(
            r"\| `(.+?)` \| (users|events)(.*?) \| .+ \| (no error|refuses|rejects|loads).* \|", line
        ):
            yield match.groups()


def test_every_broken_sample_is_in_the_readme() -> None:
    """The README of the sample data speaks of each broken file."""
    inputs = {path.name for path in (SAMPLES / "broken").iterdir() if path.suffix != ".toml"}
    assert {name for name, *_ in broken_samples()} == inputs


@pytest.mark.parametrize(("name", "kind", "options", "verdict"), list(broken_samples()))
def test_broken_samples_get_what_the_readme_says(
    command: CommandLine, name: str, kind: str, options: str, verdict: str
) -> None:
    """A broken sample is refused or has rows rejected, as its README says, named and without traceback."""
    mapping = ["--mapping", SAMPLES / "broken" / "not_a_number.toml"] if options else []
    ran = command.run("check", kind, SAMPLES / "broken" / name, *mapping)
    assert ran.code == {"no error": 0, "refuses": 2, "rejects": 3, "loads": 5}[verdict], ran.out + ran.err
    assert name in ran.err + ran.out
    assert "Traceback" not in ran.err
