"""How IPython and Jupyter show an error of ours: the sentence first, all of it on request."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbclient import NotebookClient

import loader
from loader import errors
from loader.message import Message, Setting

if TYPE_CHECKING:
    from pathlib import Path

MISSING = 'loader.check_events("nowhere.csv")'
SENTENCE = "SourceMissing: nowhere.csv: there is no such file."
INTERNAL = "pipeline.prepare"


def shown(*cells: str) -> list[str]:
    """What a fresh kernel shows below each cell, without colours; only of errors."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])  # type: ignore[no-untyped-call]
    NotebookClient(notebook, timeout=60, allow_errors=True, kernel_name="python3").execute()
    return [_read_errors(cell) for cell in notebook.cells]


def _read_errors(cell: Any) -> str:
    lines = [line for output in cell.outputs if output.output_type == "error" for line in output.traceback]
    return re.sub(r"\x1b\[[\d;]*m", "", "\n".join(lines))


def test_a_notebook_shows_the_sentence_and_all_of_it_on_request() -> None:
    """Below the cell stand its line and the sentence; `%tb`, `%xmode Verbose`, a variable show all of it."""
    _, first, tb, again, _, verbose, _, variable = shown(
        "import loader, os",
        f"path = 1\n{MISSING}",
        "%tb",
        MISSING,
        "%xmode Verbose",
        MISSING,
        "%xmode Context\nos.environ['PUSHWOOSH_FULL_TRACEBACK'] = '1'",
        MISSING,
    )
    assert first.splitlines() == [f"line 2: {MISSING}", SENTENCE, "", "To see the whole traceback: %tb"]
    assert again.splitlines() == [f"line 1: {MISSING}", *first.splitlines()[1:]]
    for everything in (tb, verbose, variable):
        assert INTERNAL in everything
        assert SENTENCE in everything


def test_a_terminal_of_ipython_shows_the_same(tmp_path: Path) -> None:
    """IPython without a notebook shows the sentence with the lines of the user's own files that led to it."""
    (tmp_path / "nightly.py").write_text(f"import loader\n\n\ndef check():\n    {MISSING}\n")
    script = tmp_path / "script.ipy"
    script.write_text("import nightly\nnightly.check()\n")
    command = [sys.executable, "-m", "IPython", "--no-banner", "--colors=nocolor", str(script)]
    environment = {**os.environ, "IPYTHONDIR": str(tmp_path), "PYTHONPATH": str(tmp_path)}
    out = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert f"nightly.py, line 5: {MISSING}\n{SENTENCE}" in out.stdout
    assert INTERNAL not in out.stdout


@pytest.mark.parametrize(
    "error",
    [
        errors.ConfigError(Message("Set {limit}.", limit=Setting("limit"))),
        errors.MappingError([Message("Set {limit}.", limit=Setting("limit"))], "m.toml"),
        errors.RowsFailed("Set limit.", {}),
        errors.CheckpointLocked(Message("Set {limit}.", limit=Setting("limit"))),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_kind_of_error_is_shown_in_the_words_of_python(error: loader.LoaderError) -> None:
    """Where IPython shows it, an error names keywords, also one that no call has spelled yet."""
    last = error._render_traceback_()[0]
    assert last.startswith(type(error).__name__)
    assert last.endswith("Set limit.")


def test_an_error_that_is_raised_again_is_a_sentence_again() -> None:
    """Only who asks again for the same traceback gets all of it; another raise is another error."""
    error = errors.ConfigError("No.")

    def render() -> str:
        try:
            raise error
        except errors.ConfigError:
            return "\n".join(error._render_traceback_())

    assert "To see the whole traceback" in render()
    assert "To see the whole traceback" in render()
    assert "Traceback (most recent call last)" in "\n".join(error._render_traceback_())
