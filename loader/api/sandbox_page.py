"""How a sandbox shows itself: its page in a frame below a cell, or the link to it; and what it holds."""

from __future__ import annotations

import html
from importlib import import_module
from typing import TYPE_CHECKING, Any

from loader.api import page
from loader.progress.choice import is_in_kernel

if TYPE_CHECKING:
    from loader.sandbox import Holdings

FRAME_HEIGHT = 640
# The browser asks for the page, and only on the machine of the notebook does it find it.
_WHERE = (
    "The page is on the machine that runs Python, while the sandbox runs. If nothing is shown below, open "
    "the link in a tab. If Python runs on another machine than your browser, forward the port first:"
)


def show_page(url: str) -> None:
    """Show the page at an address: in a notebook in a frame below the cell, elsewhere as a printed link."""
    text = f"The sandbox shows itself at {url} while it runs."
    if not is_in_kernel():
        print(text)  # noqa: T201 - what the caller asked for
        return
    display: Any = import_module("IPython.display")  # only a notebook has it
    display.display({"text/plain": text, "text/html": render_frame(url)}, raw=True)


def render_frame(url: str) -> str:
    """A link to a page, and below it the page itself, for a browser that can reach and may frame it."""
    link = html.escape(url)
    port = url.rstrip("/").rpartition(":")[2]
    return (
        f"<p style='margin:0 0 .3em 0'><b>Sandbox</b>: "
        f"<a href='{link}' target='_blank' rel='noopener'>{link}</a></p>"
        f"{page.note(_WHERE)}{page.render_code([f'ssh -L {port}:127.0.0.1:{port} HOST'])}"
        f"<iframe src='{link}' title='The page of the sandbox' width='100%' height='{FRAME_HEIGHT}' "
        "style='border:1px solid #8884' loading='lazy'></iframe>"
    )


def list_counts(holdings: Holdings) -> list[tuple[str, int]]:
    """What a sandbox holds, by what it is."""
    return [
        ("devices", holdings.devices),
        ("users", holdings.users),
        ("values of tags", holdings.tags),
        *((f"events {event.event}", event.count) for event in holdings.events),
    ]


def render_sandbox(title: str, holdings: Holdings, notes: list[str]) -> str:
    """A table of what it holds, and where it is."""
    return page.render_counts(title, list_counts(holdings)) + "".join(map(page.note, notes))
