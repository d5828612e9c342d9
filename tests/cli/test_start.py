"""What a command imports before it can do its work: time is not measured here, see `benchmarks/start.py`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import deque
from importlib import import_module
from json.decoder import JSONDecoder
from typing import TYPE_CHECKING, NamedTuple

import pytest

from loader.__main__ import COLLECTED_AT_ONCE
from loader.late_imports import import_on_use
from tests.warm import ROOT

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

# After all other work of the end, because it is registered first.
SCRIPT = """
import atexit, gc, json, os, sys

def tell():
    with open(os.environ["FACTS"], "w") as file:
        json.dump([sorted(sys.modules), gc.get_threshold()[0], gc.get_freeze_count()], file)

atexit.register(tell)
from loader.__main__ import main
main()
"""
# Libraries of which few commands need any; each costs between 5 and 200 ms.
SHOWING = {"IPython", "jinja2", "pygal", "rich.console", "rich.live", "rich.table", "prometheus_client"}
SERVING = {"uvicorn", "httptools", "msgspec", "loader.sandbox"}
SENDING = {
    "pycurl",
    "certifi",
    "requests",
    "urllib3",
    "requests_futures",
    "loader.pipeline",
    "loader.leases",
    "loader.delivery.dispatch",
    "loader.delivery.transports",
    "loader.monitoring",
    "loader.canary",
    "loader.gone",
}
ASKING = {
    "duckdb",
    "sqlalchemy",
    "adbc_driver_manager",
    "pymysql",
    "loader.queries.engines",
    "loader.queries.keeping",
}
STORING = {"sqlite3", "filelock", "loader.journal.journal", "loader.journal.view", "loader.journal.store"}
LEDGER = {"loader.ledger", "loader.known_keys"}
ELSEWHERE = {"pyarrow.fs", "loader.stores.web", "loader.stores.cloud", "loader.sources.storedfile"}
OTHER_FORMATS = {
    "fastavro",
    "python_calamine",
    "pyarrow.parquet",
    "loader.sources.avro",
    "loader.sources.excel",
    "loader.sources.frames",
    "loader.sources.jsonlines",
    "loader.sources.parquet",
}
READING = {
    "numpy",
    "pandas",
    "pyarrow",
    "loader.sources",
    "loader.mapping",
    "loader.profile",
    "loader.planning",
}
OF_A_LOAD = {
    "loader.verification",
    "loader.report.html",
    "loader.reporting",
    "loader.resolution",
    "loader.retries",
}
BESIDE = SHOWING | SERVING | ASKING | ELSEWHERE | OF_A_LOAD

LOOKING = BESIDE | SENDING | LEDGER
CHECKING = LOOKING | STORING | OTHER_FORMATS
# What each command must not import.
UNWANTED = {
    "--help": LOOKING | STORING | READING,
    "check --help": LOOKING | STORING | READING,
    "events --help": LOOKING | STORING | READING,
    "check events events.csv": CHECKING,
    "map events events.csv": CHECKING,
    "status ten.ckpt": LOOKING | READING,
    "status .": LOOKING | READING,
    "prune . --older-than 365d": LOOKING | READING,
}
ROOMS = (
    "delivery",
    "journal",
    "known_keys",
    "ledger",
    "lookups",
    "planning",
    "profile",
    "progress",
    "sources",
    "stores",
)

EVENTS = "user_id,device_id,event,timestamp,timezone,amount\n" + "".join(
    f"u{row},device-{row:04},purchase,2024-03-01 10:00:00,Europe/Berlin,{row}.50\n" for row in range(10)
)


class Start(NamedTuple):
    """What a command had done at its end.

    Attributes:
        modules: that it imported.
        collected_at_once: containers between two looks for garbage.
        frozen: objects that the last look leaves out.
    """

    modules: list[str]
    collected_at_once: int
    frozen: int


def learn_start(folder: Path, *words: str) -> Start:
    """Run a command in an interpreter of its own."""
    facts = folder / "facts.json"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "FACTS": str(facts)}
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    return Start(*json.loads(facts.read_text()))


def find_imported(modules: Sequence[str], unwanted: Collection[str]) -> list[str]:
    """The unwanted modules and packages that were imported, each with what is below it."""
    return [name for name in modules if any(name == each or name.startswith(f"{each}.") for each in unwanted)]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ten events, loaded into a sandbox."""
    folder = tmp_path_factory.mktemp("start")
    (folder / "events.csv").write_text(EVENTS)
    learn_start(folder, "events", "events.csv", "--sandbox", "--yes", "--checkpoint", "ten.ckpt")
    return folder


@pytest.mark.parametrize("command", UNWANTED)
def test_a_command_imports_nothing_that_it_does_not_need(loaded: Path, command: str) -> None:
    """A user who asks for little waits for little: what sends, stores or reads is left alone until then."""
    assert find_imported(learn_start(loaded, *command.split()).modules, UNWANTED[command]) == []


def test_modules_are_not_searched_for_garbage(loaded: Path) -> None:
    """Looking at the objects of all modules would be a sixth of a short check; at the end nobody looks."""
    facts = learn_start(loaded, "check", "events", "events.csv")
    assert facts.collected_at_once == COLLECTED_AT_ONCE
    assert facts.frozen > 10_000


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_numpy_begins_no_threads() -> None:
    """They would cost a tenth of a short check, and no command multiplies matrices."""
    script = (
        "import os; from loader.__main__ import hasten_start_and_end; hasten_start_and_end(); import numpy; "
        "print(len(os.listdir('/proc/self/task')))"
    )
    environment = {name: text for name, text in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=120,
    )
    assert int(done.stdout) == 1


def test_a_package_gives_a_name_on_first_use() -> None:
    """A name comes from the module that defines it; one that nobody defines is refused as Python does it."""
    find = import_on_use("json", {".decoder": "JSONDecoder", "collections": "Counter deque"})
    assert (find("JSONDecoder"), find("deque")) == (JSONDecoder, deque)
    with pytest.raises(AttributeError, match="module 'json' has no attribute 'nothing'"):
        find("nothing")


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_gives_every_name_that_it_lists(room: str) -> None:
    """Whoever reads the list of a room can import each name in it."""
    package = import_module(f"loader.{room}")
    assert package.__all__
    for name in package.__all__:
        assert getattr(package, name) is not None
