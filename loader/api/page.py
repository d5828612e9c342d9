"""How a notebook displays results: small tables, escaped, without their own colours."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from loader.text.escape import escape
from loader.text.next_steps import say_in_a_sentence, write_as_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from loader.text.next_steps import Step

_TABLE = "margin:0 0 .6em 0;border-collapse:collapse"
_NUMBER, _TEXT = "text-align:right;padding:.2em 0 .2em 1.2em", "text-align:left;padding:.2em 1.2em .2em 0"


def render_counts(title: str, numbers: Iterable[tuple[str, int]]) -> str:
    """A table of counts, one a line."""
    lines = "".join(
        f"<tr><td style='{_TEXT}'>{escape_html(name)}</td><td style='{_NUMBER}'>{number:,}</td></tr>"
        for name, number in numbers
    )
    caption = f"<caption style='text-align:left;white-space:nowrap'><b>{escape_html(title)}</b></caption>"
    return f"<table style='{_TABLE}'>{caption}<tbody>{lines}</tbody></table>"


def render_table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table of texts."""
    head = "".join(f"<th style='{_TEXT}'>{escape_html(name)}</th>" for name in heads)
    body = "".join(
        "<tr>" + "".join(f"<td style='{_TEXT}'>{escape_html(cell)}</td>" for cell in line) + "</tr>"
        for line in lines
    )
    return f"<table style='{_TABLE}'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def render_steps(what: Iterable[Step]) -> str:
    """What to do next."""
    return "".join(note(say_in_a_sentence(step)) + _render_code(write_as_code(step)) for step in what)


def _render_code(lines: Sequence[str]) -> str:
    text = escape_html("\n".join(lines))
    return f"<pre style='margin:0 0 .6em 1em'>{text}</pre>" if lines else ""


def note(text: str) -> str:
    """A paragraph."""
    return f"<p style='margin:0 0 .3em 0'>{escape_html(text)}</p>"


def escape_html(text: str) -> str:
    """Text of anybody's in HTML; what would turn the direction of the line is shown, not done."""
    return html.escape(escape(text, keep="\n"))
