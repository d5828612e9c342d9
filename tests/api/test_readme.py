"""The README's Python section is run as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import loader
from tests.api.conftest import purchases, ran

README = Path(__file__).parent.parent.parent / "README.md"


def section() -> str:
    """The code of the section "From Python"."""
    text = README.read_text(encoding="utf-8")
    found = re.search(r"## From Python\n.*?```python\n(.*?)```", text, re.DOTALL)
    assert found
    return found[1]


def test_the_section_runs_as_it_stands(tmp_path: Path) -> None:
    """What a newcomer pastes works, and every row of the example arrives."""
    purchases(20).to_parquet(tmp_path / "purchases.parquet")
    assert ran(f"{section()}\nprint(result.account.confirmed, len(sandbox.events()))", tmp_path).split() == [
        "20",
        "20",
    ]


def test_the_names_of_the_section_are_there() -> None:
    """Every `loader.…` and `result.…` that the section mentions exists."""
    text = README.read_text(encoding="utf-8").partition("## From Python")[2].partition("\n## ")[0]
    assert {name for name in re.findall(r"loader\.(\w+)", text) if not hasattr(loader, name)} == set()
    assert {
        name for name in re.findall(r"result\.(\w+)", text) if not hasattr(loader.LoadResult, name)
    } == set()
