"""What the tests of job files share: a folder with inputs and a job file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from tests.cli.conftest import GOOD, HEADER

if TYPE_CHECKING:
    from tests.conftest import CommandLine, Ran

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "docs" / "reference" / "summary.schema.json").read_text("utf-8"))
USERS = "user_id,device_id\n0042,DEV-1\n0043,DEV-2\n"
TAGS = "user_id,city\n0042,Rome\n0043,Oslo\n"
TAGS_MAPPING = 'kind = "tags"\n[fields]\nuserId = "user_id"\n[tags]\ncity = "city"\n'
JOBS = """
[load]
application = "AAAAA-BBBBB"

[jobs.events]
kind = "events"
input = "events.csv"

[jobs.tags]
kind = "tags"
input = "tags.csv"
mapping = "tags.toml"

[jobs.users]
kind = "users"
input = "users.csv"
"""


class Night:
    """A folder with a job file, and runs of it."""

    def __init__(self, command: CommandLine) -> None:
        self.command = command
        self.folder = command.folder
        self.write("users.csv", USERS)
        self.write("tags.csv", TAGS)
        self.write("tags.toml", TAGS_MAPPING)
        self.write("events.csv", HEADER + f"{GOOD}\n" * 2)
        self.write("jobs.toml", JOBS)

    def write(self, name: str, text: str) -> Path:
        """Write a file of the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def run(self, *words: object, **environment: str) -> Ran:
        """Run jobs."""
        return self.command.run("run", "jobs.toml", *words, "--summary", "night.json", **environment)

    @property
    def summary(self) -> dict[str, Any]:
        """The summary, which is as the schema says."""
        record: dict[str, Any] = json.loads((self.folder / "night.json").read_text("utf-8"))
        jsonschema.validate(record, SCHEMA, format_checker=jsonschema.FormatChecker())
        return record

    @property
    def ends(self) -> dict[str, tuple[str, int | None]]:
        """The jobs in the order of the summary, each with its state and exit code."""
        return {job["name"]: (job["state"], job["exit_code"]) for job in self.summary["jobs"]}


@pytest.fixture
def night(command: CommandLine) -> Night:
    """Jobs of a night: users, tags and events."""
    return Night(command)
