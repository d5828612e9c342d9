"""What the documentation shows is what happens."""

from __future__ import annotations

import contextlib
import json
import tomllib
from difflib import unified_diff
from typing import TYPE_CHECKING, Any

import pytest

import loader
from loader.cli.jobs.job_file import read_job_file
from loader.mapping import build_mapping
from tests.docs.pages import PAGES, ROOT, blocks, examples
from tests.docs.session import Session, alike

if TYPE_CHECKING:
    from pathlib import Path

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@each_page
def test_commands_print_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    """A reader who types the commands of a page sees its outputs.

    `python -m tests.docs.update` writes them again.
    """
    with Session(tmp_path) as session:
        for block in blocks(page, "console"):
            for example in examples(block):
                actual = session.run(example.command)
                difference = "\n".join(unified_diff(example.output, actual, "page", "now", lineterm=""))
                assert alike(example.output, actual), f"{block.place}: $ {example.command}\n{difference}"


@each_page
def test_mappings_can_be_copied(page: Path) -> None:
    """Each mapping file, and each line of one, is one that the loader takes."""
    for block in blocks(page, "toml"):
        if "jobs" in tomllib.loads(block.text):
            continue
        assert build_mapping(whole(tomllib.loads(block.text)), block.place)


def whole(document: dict[str, Any]) -> dict[str, Any]:
    """A mapping as it stands, or with what a few lines of one leave out."""
    if "kind" in document:
        return document
    fields = {
        name: value
        for name, value in document.items()
        if name not in {"fields", "attributes", "source", "lookups"}
    }
    fields |= document.get("fields", {})
    tables: dict[str, Any] = {
        name: document[name] for name in ("attributes", "source", "lookups") if name in document
    }
    if "tz_offset" in fields:
        return {"kind": "users", "fields": {"hwid": "device"} | fields, **tables}
    needed = {"hwid": "device", "event": "event", "timestamp": "time"}
    return {"kind": "events", "fields": needed | fields, **tables}


@each_page
def test_job_files_can_be_copied(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each job file is one that the loader takes, with mappings of its kinds beside it."""
    monkeypatch.setenv("DAY", "2024-02-29")
    for block in blocks(page, "toml"):
        document = tomllib.loads(block.text)
        if "jobs" not in document and "load" not in document:
            continue
        for job in document.get("jobs", {}).values():
            needed = NEEDED[job["kind"]]
            (tmp_path / job["mapping"]).write_text(f'kind = "{job["kind"]}"\n[fields]\n{needed}')
        path = tmp_path / "jobs.toml"
        path.write_text(block.text)
        assert read_job_file(path).jobs, block.place


NEEDED = {
    "users": 'hwid = "device"\n',
    "events": 'hwid = "device"\nevent = "event"\ntimestamp = { column = "time", unit = "s" }\n',
}


@each_page
def test_json_is_json(page: Path) -> None:
    """An object that a page shows is one."""
    for block in blocks(page, "json"):
        json.loads(block.text)


@each_page
def test_python_runs(page: Path, tmp_path: Path) -> None:
    """The Python of a page runs from top to bottom; that of the README has a test of its own."""
    names: dict[str, object] = {}
    with Session(tmp_path) as session, contextlib.chdir(session.folder):
        for block in blocks(page, "python"):
            code = compile(block.text, block.place, "exec")
            if hasattr(loader, "load_events") and page.name != "README.md":
                exec(code, names)
