"""The notebooks run as they stand, and their outputs are of them, fit to be shown to anybody."""

from __future__ import annotations

import getpass
import re
import socket
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from notebooks.make import HERE, executed, names, read

MAKE = "`make notebooks` writes the outputs again."
MOST_BYTES, MOST_CELLS = 300_000, 25

#: What must stand in no notebook. Application codes and ids of the samples look like none of these.
FORBIDDEN = {
    "a path of a machine": re.compile(r"/(?:tmp|home|root|Users|var|private|work|mnt)/|[A-Z]:\\", re.ASCII),
    "the place of the repository": re.compile(re.escape(str(HERE.parent))),
    "an address of the run": re.compile(r"127\.0\.0\.1|localhost|0x[0-9a-f]{6,}"),
    "a token": re.compile(
        r"\b[A-Za-z0-9]{60,}\b|\b(?:AKIA|ghp_|glpat-|xox[bp]-|sk-)\w{10,}|PRIVATE KEY"
        r"|[Tt]oken\W{1,3}[A-Za-z0-9]{12,}|\"auth\"|Authorization"
    ),
    "the time of a run": re.compile(r"\b20(?:2[5-9]|[3-9]\d)-\d\d-\d\d[T ]\d\d:\d\d:(?!00Z)\d\d"),
}


@cache
def committed(name: str) -> Any:
    """A notebook as it stands in the repository."""
    return read(HERE / f"{name}.ipynb")


@cache
def run(name: str) -> Any:
    """The same, run now by a fresh kernel; one run serves all tests."""
    import matplotlib.font_manager  # noqa: F401, PLC0415 - builds its cache, which a kernel would speak of

    return executed(name)


def code_cells(notebook: Any) -> list[Any]:
    """The cells that are run."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def texts(cell: Any) -> list[str]:
    """What a cell shows in words; numbers are left out where it says that they vary."""
    found = []
    for output in cell.outputs:
        data = output.get("data", {})
        if "image/png" in data:
            found.append("a picture")
            continue
        found += [
            text for text in (output.get("text"), data.get("text/plain"), data.get("text/html")) if text
        ]
    varies = "varies" in cell.metadata.get("tags", ())
    return [re.sub(r"[\d,]+", "N", text) if varies else text for text in found]


def shown(notebook: Any) -> str:
    """All that a reader sees but the pictures, and all that a file tells beside."""
    pieces = [str(notebook.metadata)]
    for cell in notebook.cells:
        pieces += [cell.source, str(cell.metadata)]
        for output in cell.get("outputs", ()):
            pieces.append(str({**output, "data": {**output.get("data", {}), "image/png": ""}}))
    return "\n".join(pieces)


@pytest.mark.parametrize("name", names())
def test_runs_from_top_to_bottom_and_shows_what_is_committed(name: str) -> None:
    """In a fresh kernel and a clean copy each cell says what the file says; numbers vary where marked."""
    for cell, again in zip(code_cells(committed(name)), code_cells(run(name)), strict=True):
        assert texts(again) == texts(cell), f"{name}, cell {cell.id}. {MAKE}"


@pytest.mark.parametrize("name", names())
def test_the_outputs_are_those_of_one_run_in_order(name: str) -> None:
    """All cells were run, one after the other, and none failed or warned."""
    cells = code_cells(committed(name))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1)), MAKE
    for cell in cells:
        assert all(output.output_type != "error" for output in cell.outputs)
        assert "Warning" not in "".join(texts(cell))


@pytest.mark.parametrize("name", names())
def test_tells_nothing_of_the_machine_the_moment_or_a_secret(name: str) -> None:
    """A notebook can be given to anybody; another run changes nothing but numbers and pictures."""
    text = shown(committed(name))
    for what, pattern in FORBIDDEN.items():
        assert not (found := pattern.search(text)), f"{what}: {found}"
    outputs = "\n".join(told for cell in code_cells(committed(name)) for told in texts(cell))
    for own in (socket.gethostname(), getpass.getuser()):
        assert not re.search(rf"\b{re.escape(own)}\b", outputs), own
    kept = [cell.metadata for cell in committed(name).cells]
    assert all(set(metadata) <= {"tags"} for metadata in kept)


@pytest.mark.parametrize(
    "leak",
    [
        "/tmp/pushwoosh-sandbox-1/frame.ckpt",
        "/home/ada/purchases.csv",
        r"C:\Users\ada",
        "<Sandbox at http://127.0.0.1:40111/>",
        "token='uJ4kqLr81mVxZ0pQ'",
        "a" * 72,
        "2026-11-25T03:06:33+00:00",
        str(HERE),
    ],
)
def test_the_search_finds_what_it_looks_for(leak: str) -> None:
    """Each kind of leak would be seen."""
    assert any(pattern.search(f"before {leak} after") for pattern in FORBIDDEN.values())


@pytest.mark.parametrize("name", names())
def test_is_short_and_light(name: str) -> None:
    """Somebody reads it in ten minutes; the repository stays small."""
    assert len(committed(name).cells) <= MOST_CELLS
    assert (HERE / f"{name}.ipynb").stat().st_size < MOST_BYTES


@pytest.mark.parametrize("name", names())
def test_links_lead_somewhere(name: str) -> None:
    """To pages and notebooks of this repository."""
    prose = "\n".join(cell.source for cell in committed(name).cells if cell.cell_type == "markdown")
    for target in re.findall(r"\]\(([^)#]+)", prose):
        assert (HERE / target).exists(), target


def test_there_are_three() -> None:
    """None is missed because it was not found."""
    assert len(names()) == 3
    assert Path(HERE.parent / "loader").is_dir()
