"""The pages of the documentation, and the fenced blocks in them.

Libraries were looked at first: pytest-examples, mktestdocs and markdown-pytest know Python blocks alone;
pytest-markdown-console and tesh run a shell for each block, and none of them writes outputs back. What is
needed is small: markdown-it-py (which rich brings along) finds the blocks, `session` runs them, `update`
writes their outputs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])

_CONTINUED = re.compile(r"\\\s*$")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: the file.
        language: the first word after the fence.
        line: the line of the page on which its text begins, from 0.
        lines: its text.
    """

    page: Path
    language: str
    line: int
    lines: list[str]

    @property
    def text(self) -> str:
        """Its text as one string."""
        return "".join(f"{line}\n" for line in self.lines)

    @property
    def place(self) -> str:
        """Where it stands, for a person."""
        return f"{self.page.relative_to(ROOT)}, line {self.line + 1}"


@dataclass(frozen=True)
class Example:
    """One command of a console block, with the lines of output that the page shows below it."""

    command: str
    prompt: list[str]
    output: list[str]


def blocks(page: Path, *languages: str) -> Iterator[Block]:
    """The fenced blocks of a page in these languages, in order."""
    lines = page.read_text(encoding="utf-8").splitlines()
    for token in MarkdownIt().parse("\n".join(lines)):
        language = token.info.split()[0] if token.info.split() else ""
        if token.type == "fence" and token.map and language in languages:
            first, stop = token.map
            yield Block(page, language, first + 1, lines[first + 1 : stop - 1])


def examples(block: Block) -> list[Example]:
    """The commands of a console block: lines after ``$``, continued after a backslash."""
    found: list[Example] = []
    open_prompt = False
    for line in block.lines:
        if line.startswith("$ "):
            found.append(Example(line[2:], [line], []))
        elif open_prompt:
            before = found.pop()
            command = f"{_CONTINUED.sub('', before.command)} {line.strip()}"
            found.append(Example(command, [*before.prompt, line], []))
        else:
            assert found, f"{block.place}: output without a command"
            found[-1].output.append(line)
        open_prompt = bool(_CONTINUED.search(line)) and not found[-1].output
    return found
