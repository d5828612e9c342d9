"""The README's Python section names what is there; that it runs is tested with all the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import loader

README = Path(__file__).parent.parent.parent / "README.md"


def test_the_names_of_the_section_are_there() -> None:
    """Every `loader.…` and `result.…` that the section mentions exists."""
    text = README.read_text(encoding="utf-8").partition("## From Python")[2].partition("\n## ")[0]
    assert {name for name in re.findall(r"loader\.(\w+)", text) if not hasattr(loader, name)} == set()
    assert {
        name for name in re.findall(r"result\.(\w+)", text) if not hasattr(loader.LoadResult, name)
    } == set()
