"""Look-ups from the first check to the last verification, as a user works with them."""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import loader
from loader.errors import CheckpointDiffers, ConfigError
from loader.journal import CheckpointView

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

MAPPING = """kind = "events"
[fields]
hwid = { column = "user", lookup = "devices.csv", key = "id", value = "hwid" }
event = { const = "buy" }
timestamp = "at"
"""
LOAD = ("events", "events.csv", "--mapping", "maps/m.toml", "--sandbox", "--checkpoint", "c")


@pytest.fixture
def shop(command: CommandLine) -> CommandLine:
    """Four events in a folder, and in another one the mapping beside the devices of two of the users."""
    times = "".join(f"u{at},2024-01-0{at}T00:00:00Z\n" for at in (1, 2, 3, 4))
    (command.folder / "events.csv").write_text(f"user,at\n{times}")
    (command.folder / "maps").mkdir()
    write_devices(command, "devices.csv", 1, 2)
    (command.folder / "maps" / "m.toml").write_text(MAPPING)
    return command


def write_devices(shop: CommandLine, name: str, *users: int) -> None:
    """A look-up with the devices of some users."""
    rows = "".join(f"u{at},D{at}\n" for at in users)
    (shop.folder / "maps" / name).write_text(f"id,hwid\n{rows}")


def list_devices(shop: CommandLine) -> list[str]:
    """The devices that the sandbox has events of."""
    return [hwid for (hwid,) in shop.held("SELECT hwid FROM events ORDER BY hwid")]


def test_a_check_counts_the_keys_that_are_missing(shop: CommandLine) -> None:
    """For the user and for a program, with keys of both sides."""
    ran = shop.run("check", "events", "events.csv", "--mapping", "maps/m.toml", "--summary", "check.json")
    assert (
        'Looked up\n  "user" in "id" of devices.csv, which has 2 keys: hwid\n'
        '  of 4 rows, 2 found their key, 2 did not\n  missing are "u3", "u4"; there are "u1", "u2"\n'
    ) in ran.out
    assert '2 × column "user" is not among the 2 keys in column "id" of devices.csv' in ran.out
    record = json.loads((shop.folder / "check.json").read_text())
    assert record["lookups"] == [
        {
            "lookup": "devices.csv",
            "key": "id",
            "columns": ["user"],
            "fields": ["hwid"],
            "keys": 2,
            "first_keys": ["u1", "u2"],
            "rows_found": 2,
            "rows_missing": 2,
            "rows_empty": 0,
            "missing_keys": ["u3", "u4"],
            "advice": None,
        }
    ]


def test_a_load_is_completed_by_a_longer_look_up(shop: CommandLine) -> None:
    """The changed file is refused; under another name, which the mapping names, `retry` takes it."""
    assert shop.summary(*LOAD)["rejected"] == 2
    write_devices(shop, "devices.csv", 1, 2, 3)
    refused = shop.run(*LOAD, "--keep")
    assert refused.code == 2
    assert (
        "The look-up devices.csv is another one. The content of maps/devices.csv has changed: it had 20 bytes"
        " and 2 rows, and now has 26 bytes and 3 rows." in refused.err
    )
    assert "give the mapping to `retry` with --mapping" in refused.err
    (shop.folder / "maps" / "devices.csv").rename(shop.folder / "maps" / "longer.csv")
    write_devices(shop, "devices.csv", 1, 2)
    (shop.folder / "maps" / "new.toml").write_text(MAPPING.replace("devices.csv", "longer.csv"))
    retried = shop.summary("retry", "c", "--mapping", "maps/new.toml")
    assert (retried["confirmed"], retried["rejected"]) == (3, 1)
    assert list_devices(shop) == ["D1", "D2", "D3"]
    assert [record.name for record in CheckpointView.open(shop.folder / "c").identity.lookups] == [
        "devices.csv",
        "longer.csv",
    ]
    assert shop.run("verify", "c").code == 0


@pytest.mark.parametrize(
    "words",
    [("verify", "c"), ("report", "c", "-o", "r.html"), ("retry", "c")],
)
def test_what_reads_the_input_again_reads_the_look_up_again(
    shop: CommandLine, words: tuple[str, ...]
) -> None:
    """From where it was, without the mapping file; one that has changed is refused by its name."""
    # A report reads the input only for rows that were never leased.
    shop.run(*LOAD, *(("--limit", "2") if words[0] == "report" else ()))
    (shop.folder / "maps" / "m.toml").unlink()
    ran = shop.run(*words)
    assert ran.code == (3 if words[0] == "retry" else 0), ran.err
    write_devices(shop, "devices.csv", 1, 3)
    changed = shop.run(*words)
    shown = (shop.folder / "r.html").read_text() if "r.html" in words else changed.err
    assert "The look-up devices.csv is " in shown
    (shop.folder / "maps" / "devices.csv").unlink()
    assert "there is no file maps/devices.csv" in shop.run("verify", "c").err


def test_failed_rows_name_the_key_and_need_no_look_up(shop: CommandLine) -> None:
    """The reasons are in the checkpoint, so the list can be made when the look-up is gone."""
    shop.run(*LOAD)
    (shop.folder / "maps" / "devices.csv").unlink()
    shop.run("failures", "c", "--rejected", "-o", "f.csv")
    failed = pd.read_csv(shop.folder / "f.csv", dtype=str)
    assert failed["user"].tolist() == ["u3", "u4"]
    assert failed["_loader_column"].tolist() == ["user"] * 2
    assert failed["_loader_message"].str.contains('"u3" is not among the 2 keys', regex=False).tolist() == [
        True,
        False,
    ]


def test_the_account_and_the_report_name_the_look_up(shop: CommandLine) -> None:
    """Whoever reads them later knows what else the load was made from."""
    shop.run(*LOAD)
    assert "events from events.csv\n  looked up in devices.csv\n" in shop.run("status", "c").out
    shop.run("report", "c", "-o", "r.html")
    page = (shop.folder / "r.html").read_text()
    assert "Looked up in devices.csv" in page
    assert "maps/devices.csv" in page


def test_a_rehearsal_begins_again_with_a_changed_look_up(shop: CommandLine) -> None:
    """And says so: nothing is lost in a sandbox."""
    shop.run(*LOAD)
    write_devices(shop, "devices.csv", 1, 2, 3)
    ran = shop.run(*LOAD)
    assert "This rehearsal begins again" in ran.err + ran.out
    assert "The look-up devices.csv is another one." in ran.err + ran.out
    assert list_devices(shop) == ["D1", "D2", "D3"]


def test_the_same_look_up_elsewhere_is_the_same_load(shop: CommandLine) -> None:
    """A folder that was moved changes nothing: the content counts."""
    shop.summary(*LOAD, "--limit", 1)
    (shop.folder / "maps").rename(shop.folder / "moved")
    words = [word.replace("maps/", "moved/") for word in LOAD]
    assert shop.summary(*words, "--keep")["confirmed"] == 2


def test_a_checkpoint_without_look_ups_has_the_bytes_that_it_had(shop: CommandLine) -> None:
    """The record of the input has no key that an earlier version does not know."""
    (shop.folder / "maps" / "m.toml").write_text(
        MAPPING.replace(', lookup = "devices.csv", key = "id", value = "hwid"', "")
    )
    shop.run(*LOAD)
    row = CheckpointView.open(shop.folder / "c").identity.to_row()
    assert {key for file in json.loads(row[-1]) for key in file} == {
        "name",
        "size",
        "sha256",
        "rows",
        "form",
    }


def test_no_output_takes_the_place_of_a_look_up(shop: CommandLine) -> None:
    """The look-up is input, although only the mapping names it."""
    ran = shop.run(
        "check", "events", "events.csv", "--mapping", "maps/m.toml", "--rejects", "maps/devices.csv"
    )
    assert ran.code == 2
    assert "maps/devices.csv would be overwritten, and it is needed" in ran.err
    assert (shop.folder / "maps" / "devices.csv").read_text().startswith("id,hwid\nu1")


def test_a_table_in_memory_is_a_look_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is loaded, resumed with the same content, and refused with another one."""
    monkeypatch.chdir(tmp_path)
    events = pd.DataFrame({"user": ["u1", "u2"], "at": ["2024-01-01T00:00:00Z"] * 2})
    devices = pd.DataFrame({"id": ["u1", "u2"], "hwid": ["D1", "D2"]})

    def mapping(table: pd.DataFrame) -> loader.Mapping:
        hwid = {"column": "user", "lookup": "devices", "key": "id", "value": "hwid"}
        fields = {"hwid": hwid, "event": {"const": "buy"}, "timestamp": "at"}
        return loader.Mapping("events", fields=fields, lookups={"devices": table})

    assert "2 found their key" in str(loader.check_events(events, mapping=mapping(devices)))
    with loader.Sandbox(tmp_path / "s.sqlite3") as sandbox:

        def load(table: pd.DataFrame, limit: int | None = None) -> int:
            loaded = loader.load_events(
                events,
                mapping=mapping(table),
                sandbox=sandbox,
                checkpoint="c",
                keep=True,
                progress=False,
                limit=limit,
            )
            return loaded.account.confirmed

        assert (load(devices, 1), load(devices.copy())) == (1, 2)
        with pytest.raises(CheckpointDiffers, match="The look-up devices is another one"):
            load(devices.assign(hwid="D3"))
    with pytest.raises(ConfigError, match="the look-up devices is a table in Python's memory"):
        loader.verify("c", source=events, sandbox=sandbox)


def test_a_frame_takes_the_place_of_a_file_that_the_mapping_names(tmp_path: Path) -> None:
    """By the name in the mapping, which is read from a file."""
    (tmp_path / "m.toml").write_text(MAPPING)
    events = pd.DataFrame({"user": ["u1"], "at": ["2024-01-01T00:00:00Z"]})
    devices = pd.DataFrame({"id": ["u1"], "hwid": ["D1"]})
    mapping = loader.Mapping.read(tmp_path / "m.toml", lookups={"devices.csv": devices})
    assert "1 found" in str(loader.check_events(events, mapping=mapping))
    with pytest.raises(ConfigError, match=r'lookups\["d"\] is a str'):
        loader.Mapping.read(tmp_path / "m.toml", lookups={"d": "devices.csv"})


@pytest.mark.parametrize("in_memory", [False, True], ids=["file", "frame"])
def test_a_command_says_how_python_gives_a_table_again(shop: CommandLine, *, in_memory: bool) -> None:
    """No command can read it: the call that each one names, followed to the letter, can."""
    file = shop.folder / "maps" / "m.toml"
    file.write_text(f'{MAPPING}[rows]\nexcept = {{ user = ["u4"] }}\n')
    events = pd.read_csv(shop.folder / "events.csv", dtype=str)
    devices = pd.read_csv(shop.folder / "maps" / "devices.csv", dtype=str)
    path, store = shop.folder / "c", shop.folder / "pushwoosh-sandbox.sqlite3"
    with loader.Sandbox(store) as sandbox:
        loader.load_events(
            events if in_memory else shop.folder / "events.csv",
            mapping=loader.Mapping.read(file, lookups={"devices.csv": devices}),
            sandbox=sandbox,
            checkpoint=path,
            progress=False,
        )
    shop.run("report", "c", "--with-examples", "-o", "r.html")
    calls = {
        name: re.findall(r"loader\.Checkpoint\([^()]*\)", " ".join(html.unescape(shown).split()))
        for name, shown in {
            "report": (shop.folder / "r.html").read_text(),
            "status": shop.run("status", "c").out,
            "verify": shop.run("verify", "c").err,
            "failures": shop.run("failures", "c", "--left-out").err,
            "retry": shop.run("retry", "c").err,
            "ledger": shop.run("ledger", "import", "l", "c", "--key", "user").err,
        }.items()
    }
    assert all(calls.values()), calls
    names = {"loader": loader, "frame": events, "table": devices, "path": path, "c": path}
    for call in {call for found in calls.values() for call in found}:
        checkpoint = eval(call.replace("'c'", "c"), names)
        assert checkpoint.verify(store).ok
        assert list(checkpoint.left_out["user"]) == ["u4"]
        assert "cannot be read" not in checkpoint.report(shop.folder / "again.html").read_text()


@pytest.mark.parametrize("words", [(), ("--landed-mapping", "maps/m.toml")], ids=["of the load", "its own"])
def test_an_export_of_what_landed_is_read_through_the_look_up(
    shop: CommandLine, words: tuple[str, ...]
) -> None:
    """An export with the columns of the input has the key, and not what is looked up."""
    shop.run(*LOAD)
    (shop.folder / "landed.csv").write_text("user,at\nu1,2024-01-01T00:00:00Z\n")
    ran = shop.run("verify", "c", "--landed", "landed.csv", *words, "--complete")
    assert ran.code == 9, ran.err
    assert "= same      1" in ran.out
    assert "- missing   1" in ran.out
