"""How a sandbox shows itself in a notebook."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from nbclient import NotebookClient

import loader

if TYPE_CHECKING:
    import pytest

SHOW = """
import loader
with loader.Sandbox() as sandbox:
    sandbox.show()
    address = sandbox.page
address
"""


def test_a_notebook_shows_the_page_in_a_frame_below_its_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a real kernel, from within the `with` block; the link and what to do stand above the frame.

    So the user of a notebook on another machine, whose browser can show no such frame, knows the way.
    """
    monkeypatch.setenv("PYTHONPATH", str(Path(loader.__file__).parent.parent))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SHOW)])  # type: ignore[no-untyped-call] # no types
    NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    shown, result = notebook.cells[0].outputs
    address = result["data"]["text/plain"].strip("'")
    html, port = shown["data"]["text/html"], address.rstrip("/").rpartition(":")[2]
    assert shown["data"]["text/plain"] == f"The sandbox shows itself at {address} while it runs."
    assert re.search(rf"<iframe src='{re.escape(address)}'", html)
    assert html.index(f"<a href='{address}'") < html.index("<iframe")
    assert html.index(f"ssh -L {port}:127.0.0.1:{port} HOST") < html.index("<iframe")
