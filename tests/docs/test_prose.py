"""The advice that a page gives in prose works when it is followed to the letter."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import loader
from loader.cli.jobs.job_keys import list_keys
from loader.mapping import build_mapping
from tests.conftest import SAMPLES
from tests.docs.pages import PAGES, ROOT, blocks, examples

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

HOW_TO = [page for page in PAGES if page.parent.name == "how-to"]
PRESETS = SAMPLES / "presets"
WITHOUT_HWID = [page for page in HOW_TO if re.search(r"remove the\s+line", page.read_text())]
# Commands of other programs, whose options are theirs.
_OTHERS = ("systemctl", "journalctl", "docker", "pip", "iconv", "sudo", "cron", "psql", "mysql", "beeline")
_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_SETTING = re.compile(r"[a-z_]+ = .+")


def read_prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def find_export(page: Path) -> tuple[str, Path]:
    """What the first `map` of a page is called with: kind and file."""
    commands = [example.command for block in blocks(page, "console") for example in examples(block)]
    found = next(
        match for command in commands if (match := re.match(r"pushwoosh-loader map (\w+) (\S+)", command))
    )
    return found[1], ROOT / found[2]


def propose(command: CommandLine, kind: str, export: Path) -> Path:
    """The mapping that `map` writes."""
    zone = () if kind != "events" else ("--zone", "Asia/Kolkata")
    ran = command.run("map", kind, export, "-o", "proposed.toml", *zone)
    assert (command.folder / "proposed.toml").exists(), ran.err
    return command.folder / "proposed.toml"


def change(mapping: Path, name: str, line: str = "") -> Path:
    """Replace the line of a field, or remove it."""
    text, count = re.subn(
        rf"^{name} = .*\n", f"{line}\n" if line else "", mapping.read_text(), flags=re.MULTILINE
    )
    assert count == 1
    mapping.write_text(text)
    return mapping


def check(command: CommandLine, kind: str, export: Path, mapping: Path) -> dict[str, Any]:
    """The summary of a check."""
    return command.summary("check", kind, export, "--mapping", mapping)


@pytest.mark.parametrize("page", WITHOUT_HWID, ids=lambda page: page.stem)
def test_the_line_of_the_device_can_be_removed(page: Path, command: CommandLine) -> None:
    """Rows with a user are loaded by user alone, and others are rejected for lack of one."""
    kind, export = find_export(page)
    kind = "tags" if page.stem == "onesignal" else kind
    found = check(command, kind, export, change(propose(command, kind, export), "hwid"))
    assert found["would_send"] > 0
    assert all("hwid" not in json.loads(body)["request"] for body in found["bodies"])


def test_pages_that_speak_of_it_are_found() -> None:
    """The advice stands on the pages of events, and on that of OneSignal for tags."""
    assert {page.stem for page in WITHOUT_HWID} >= {"amplitude", "clevertap", "ga4", "mixpanel", "segment"}
    prose = " ".join(read_prose(ROOT / "docs/how-to/onesignal.md").split())
    assert "propose a mapping with `map tags`, and remove the line `hwid` from that one" in prose


def test_addresses_of_onesignal_are_loaded_from_a_file_of_their_own(command: CommandLine) -> None:
    """The two lines of the page, in the proposed mapping, with only the rows of type 11 and 14."""
    prose = " ".join(read_prose(ROOT / "docs/how-to/onesignal.md").split())
    advised = re.search(r"map the address: `(hwid = [^`]+)` and `(device_type = [^`]+)`", prose)
    assert advised
    export = PRESETS / "onesignal_users.csv"
    mapping = propose(command, "users", export)
    change(change(mapping, "hwid", advised[1]), "device_type", advised[2])
    table = pd.read_csv(export, dtype="string")
    addresses = command.folder / "addresses.csv"
    table[table["device_type"].isin(["11", "14"])].to_csv(addresses, index=False)
    found = check(command, "users", addresses, mapping)
    assert (found["would_send"], found["would_reject"]) == (1, 0)
    assert json.loads(found["bodies"][0])["request"]["hwid"] == "anna@example.com"


@pytest.mark.parametrize("page", HOW_TO, ids=lambda page: page.stem)
def test_settings_in_prose_are_settings(page: Path) -> None:
    """Each line that a sentence names is taken in some place of a mapping or of a job file."""
    for code in _CODE.findall(read_prose(page)):
        if not _SETTING.fullmatch(code) or code.startswith("frame"):
            continue
        assert is_taken(tomllib.loads(code)) or is_of_a_job(code), f"{page.name}: {code}"


def is_of_a_job(code: str) -> bool:
    """Whether a line can stand in a file of jobs."""
    jobs = (ROOT / "docs/reference/jobs.md").read_text(encoding="utf-8")
    return f"| `{code.partition(' = ')[0]}` |" in jobs


def is_taken(table: dict[str, Any]) -> bool:
    """Whether a line can stand in a mapping: as a field, or in a rule, rows or the source; or in a job."""
    (name, value), *_ = table.items()
    if name in list_keys():
        return True
    events = {"event": "e", "hwid": "h", "timestamp": "t"}
    number = {"column": "a", "type": "float"}
    looked_up = {"column": "a", "lookup": "d.csv", "key": "b", "value": "c"}
    places: list[dict[str, Any]] = [
        {"kind": "events", "fields": events | table},
        {"kind": "users", "fields": {"hwid": "h"} | table},
        {"kind": "users", "fields": {"hwid": looked_up | table}},
        {"kind": "events", "fields": events | {"timestamp": {"column": "t"} | table}},
        {"kind": "events", "fields": events, "attributes": {"a": {"column": "a"} | table}},
        {"kind": "events", "fields": events, "attributes": {"a": number | table}},
        {"kind": "tags", "fields": {"hwid": "h"}, "tags": {"a": {"column": "a"} | table}},
        {"kind": "events", "fields": events, "source": {name: value}},
        {"kind": "events", "fields": events, "rows": {name: value}},
        {"kind": "events", "fields": events, "unique": True} | table,
        {"kind": "events", "fields": events | {"event": {"column": "a", "values": {"b": "c"}} | table}},
    ]
    return any(map(is_mapping, places))


def is_mapping(document: dict[str, Any]) -> bool:
    """Whether it is one."""
    try:
        build_mapping(document, "page")
    except loader.MappingError:
        return False
    return True


@pytest.mark.parametrize("page", HOW_TO, ids=lambda page: page.stem)
def test_commands_and_options_in_prose_exist(page: Path, command: CommandLine) -> None:
    """A reader who looks for an option that a sentence names finds it in the help."""
    known = (ROOT / "docs/reference/command-line.md").read_text(encoding="utf-8")
    for code in _CODE.findall(read_prose(page)):
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", code):
            if not code.startswith(_OTHERS):
                assert f"`{option}" in known or f" {option}" in known, f"{page.name}: {code}"
