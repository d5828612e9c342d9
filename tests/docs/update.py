"""Writes into the pages what their commands print: ``python -m tests.docs.update [PAGE...]``.

An output that is still right, but for what varies, is left as it is.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.docs.pages import PAGES, Example, blocks, examples
from tests.docs.session import Session, alike


def ran(session: Session, example: Example) -> list[str]:
    """The lines of the page for a command, with what it prints now."""
    actual = session.run(example.command)
    return [*example.prompt, *(example.output if alike(example.output, actual) else actual)]


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
