"""Runs the notebooks and writes their outputs: `make notebooks`, or `python notebooks/make.py NAME...`.

Each runs in a kernel of its own, in a clean copy of this folder beside the sample data, as in a fresh clone.
What tells of the machine or the moment is not kept.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent
CELL_SECONDS = 120


def names() -> list[str]:
    """The notebooks, without their ending."""
    return sorted(path.stem for path in HERE.glob("*.ipynb"))


def read(path: Path) -> Any:
    """A notebook as it is."""
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call] # has no types


def executed(name: str) -> Any:
    """A notebook as a fresh kernel leaves it, cleaned.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    with TemporaryDirectory() as folder:
        place = Path(folder) / "notebooks"
        shutil.copytree(
            HERE, place, ignore=shutil.ignore_patterns("__pycache__", ".*")
        )
        shutil.copytree(
            HERE.parent / "sample_data", place.parent / "sample_data"
        )
        notebook = read(place / f"{name}.ipynb")
        client = NotebookClient(
            notebook,
            timeout=CELL_SECONDS,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": str(place)}},
        )
        client.execute(env=_environment(Path(folder)))
    return cleaned(notebook)


def cleaned(notebook: Any) -> Any:
    """Without what tells of the machine or the moment."""
    notebook.metadata = {
        "kernelspec": {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata = (
            {"tags": cell.metadata["tags"]} if "tags" in cell.metadata else {}
        )
    return notebook


def _environment(folder: Path) -> dict[str, str]:
    """This process's, without an account, a way to one, or the user's own settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PUSHWOOSH_")
    }
    path = os.pathsep.join(
        filter(None, (str(HERE.parent), os.environ.get("PYTHONPATH")))
    )
    return kept | {
        "PYTHONPATH": path,
        "PUSHWOOSH_ENDPOINT": "http://127.0.0.1:9/",  # nothing listens there
        "IPYTHONDIR": str(folder / "ipython"),
    }


def main() -> None:
    """Run those that are named, or all."""
    for name in sys.argv[1:] or names():
        notebook = executed(name)
        nbformat.write(notebook, HERE / f"{name}.ipynb")  # type: ignore[no-untyped-call] # has no types
        print(f"{name}: {len(notebook.cells)} cells")


if __name__ == "__main__":
    main()
