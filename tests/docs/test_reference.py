"""The reference says what the code says, and links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest
from markdown_it import MarkdownIt

from docs.make_commands import exit_codes
from loader.cli import cli
from loader.methods import Kind
from loader.model import Account, Result
from loader.text.account import build_summary
from tests.docs.pages import PAGES, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REFERENCE = ROOT / "docs" / "reference"


def test_the_reference_is_what_the_code_says() -> None:
    """Nobody reads an option, a default or a field that is not so; `make docs` writes it again."""
    ran = subprocess.run(
        [sys.executable, "-m", "docs.make_reference", "--check"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_every_key_of_the_summary_is_told() -> None:
    """A program can be written against the page."""
    page = (REFERENCE / "summary.md").read_text("utf-8").partition("## Of a check")[0]
    keys = build_summary(Result(Kind.USERS, Account(0), ""))
    assert [key for key in keys if f"`{key}`" not in page] == []


def test_the_readme_names_every_command() -> None:
    """Who reads one page knows what there is."""
    table = (ROOT / "README.md").read_text("utf-8").partition("## Commands")[2].partition("\n## ")[0]
    assert [name for name in cli.list_commands(click.Context(cli)) if f"`{name}" not in table] == []


def test_the_readme_has_every_exit_code() -> None:
    """A script that is written from the first page knows all codes, in the words of `--help`."""
    assert exit_codes() in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """No link of a page is broken, to a file or to a heading in one."""
    assert [target for target in links(page) if not found(page, target)] == []


def links(page: Path) -> Iterator[str]:
    """The links of a page within the repository."""
    for token in MarkdownIt().enable("table").parse(page.read_text("utf-8")):
        for inner in token.children or []:
            target = str(inner.attrs.get("href") or inner.attrs.get("src") or "")
            if target and not re.match(r"\w+:", target):
                yield target


def found(page: Path, target: str) -> bool:
    """Whether the file is there, and has the heading."""
    name, _, heading = target.partition("#")
    path = (page.parent / name) if name else page
    return path.exists() and (not heading or heading in anchors(path))


def anchors(page: Path) -> set[str]:
    """The names by which a forge lets one link to the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
