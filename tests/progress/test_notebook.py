"""The view of a notebook, in a real kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import loader
from tests.conftest import SAMPLES

LOAD = f"""
from pathlib import Path
from loader import pipeline
from loader.delivery import Brake
from loader.methods import Kind
from loader.progress import choose_watch
from loader.sandbox import EmbeddedSandbox
from loader.load_options import LoadOptions
from loader.rates import Rate
from loader.settings import Endpoint, Settings

with EmbeddedSandbox(Path("store.sqlite3"), application=None) as sandbox:
    settings = Settings(
        kind=Kind.EVENTS,
        files=({str(SAMPLES / "events.parquet")!r},),
        application="XXXXX-XXXXX",
        endpoint=Endpoint(sandbox.endpoint, "sandbox"),
        checkpoint=Path("checkpoint"),
        options=LoadOptions(limit=150, rate=Rate.fixed(100)),
    )
    watch = choose_watch()
    result = pipeline.load(pipeline.prepare(settings, watch=watch), brake=Brake(), watch=watch)
"""


class Recording(NotebookClient):
    """Runs a notebook and keeps what its kernel showed on the way."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.shown: list[dict[str, str]] = []

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        """As the client does, and remember it."""
        if msg["msg_type"] in {"display_data", "update_display_data"}:
            self.shown.append(msg["content"]["data"])
        return super().process_message(msg, cell, cell_index)


@pytest.fixture(autouse=True)
def _same_loader(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel imports what the tests import."""
    monkeypatch.setenv("PYTHONPATH", str(Path(loader.__file__).parent.parent))


def run(folder: Path, code: str) -> tuple[list[Any], list[dict[str, str]]]:
    """The outputs that a cell leaves, and all that was shown on the way."""
    v4: Any = nbformat.v4
    notebook = v4.new_notebook(cells=[v4.new_code_cell(code)])
    client = Recording(notebook, timeout=120, resources={"metadata": {"path": str(folder)}})
    client.execute()
    return notebook.cells[0].outputs, client.shown


def test_a_cell_shows_the_load_and_keeps_only_the_counts(tmp_path: Path) -> None:
    """While it runs there are rate and time left, as text and HTML; what stays is one line without times."""
    (output,), shown = run(tmp_path, LOAD)
    assert dict(output.data) == {
        "text/plain": "6,937 rows: 150 confirmed, 6,787 never sent",
        "text/html": "<div>6,937 rows: 150 confirmed, 6,787 never sent</div>",
    }
    assert any("of 150 rows, " in each["text/plain"] and "confirmed" in each["text/plain"] for each in shown)
    assert any("<progress" in each["text/html"] and "in flight" in each["text/html"] for each in shown)
    assert "execution_count" not in output


def test_a_refusal_leaves_no_view_behind(tmp_path: Path) -> None:
    """A load that is refused shows its sentence, and no empty bar above it."""
    code = f"try:\n{LOAD.replace('events.parquet', 'nothing').replace(chr(10), chr(10) + '    ')}\n"
    outputs, _ = run(tmp_path, code + "except Exception as error:\n    print(error)")
    assert [output.output_type for output in outputs] == ["stream"]
