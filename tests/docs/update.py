"""Writes into the pages what their commands print: ``python -m tests.docs.update [PAGE...]``.

An output that is still right, but for what varies, is left as it is. What a page leaves out (``...``) stays
left out where the lines around it are still there; look at the difference before you commit it.
"""

from __future__ import annotations

import re
import sys
import tempfile
from itertools import groupby
from pathlib import Path

from tests.docs.pages import PAGES, Example, blocks, examples
from tests.docs.session import ELISION, Session, alike


def ran(session: Session, example: Example) -> list[str]:
    """The lines of the page for a command, with what it prints now."""
    actual = session.run(example.command)
    right = alike(example.output, actual)
    return [*example.prompt, *(example.output if right else shortened(example.output, actual))]


def shortened(shown: list[str], actual: list[str]) -> list[str]:
    """The new output without what the page left out; all of it where that cannot be found again."""
    written: list[str] = []
    rest = actual
    for left_out, lines in groupby(shown, key=lambda line: line == ELISION):
        part = list(lines)
        if left_out:
            written.append(ELISION)
            continue
        alike_ones = [worded(line) for line in rest]
        if worded(part[0]) not in alike_ones or worded(part[-1]) not in alike_ones:
            return actual
        first, last = alike_ones.index(worded(part[0])), alike_ones.index(worded(part[-1]))
        written += rest[first : last + 1]
        rest = rest[last + 1 :]
    return written if alike(written, actual) else actual


def worded(line: str) -> list[str]:
    """A line without its numbers, to find it again."""
    return re.sub(r"[\d,.:]+", "", line).split()


def update(page: Path, folder: Path) -> bool:
    """Run the commands of a page and write their output into it; whether it changed."""
    text = page.read_text(encoding="utf-8")
    lines = text.splitlines()
    found = list(blocks(page, "console"))
    with Session(folder) as session:
        new = [[line for example in examples(block) for line in ran(session, example)] for block in found]
    for block, output in reversed(list(zip(found, new, strict=True))):
        lines[block.line : block.line + len(block.lines)] = output
    changed = "\n".join(lines) + "\n"
    page.write_text(changed, encoding="utf-8")
    return changed != text


def main() -> None:
    """Update the pages named on the command line, or all."""
    for page in [Path(name).resolve() for name in sys.argv[1:]] or PAGES:
        with tempfile.TemporaryDirectory() as folder:
            print(f"{page}: {'changed' if update(page, Path(folder)) else 'as it was'}")  # noqa: T201 - a tool


if __name__ == "__main__":
    main()
