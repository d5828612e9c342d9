"""How a notebook displays results: small tables, escaped, without their own colours."""

from __future__ import annotations

import html
from dataclasses import replace
from typing import TYPE_CHECKING

from loader.text.escape import escape
from loader.text.next_steps import say_in_a_sentence
from loader.text.nouns import add_plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from loader.text.next_steps import Step, Why

MOST_REASONS = 10

_TABLE = "margin:0 0 .6em 0;border-collapse:collapse"
_CELL = "padding:.2em 1.2em .2em 0;vertical-align:top"
_NUMBER, _TEXT = f"text-align:right;{_CELL}", f"text-align:left;{_CELL}"
# Exported pages have their own fonts for <pre>, and what stands beyond the edge of a page is lost in print.
_CODE = "margin:0 0 .6em 1em;font-family:monospace;white-space:pre-wrap;overflow-wrap:anywhere"


def render_counts(title: str, numbers: Iterable[tuple[str, int]]) -> str:
    """A table of counts, one a line."""
    lines = "".join(
        f"<tr><td style='{_TEXT}'>{escape_html(name)}</td><td style='{_NUMBER}'>{number:,}</td></tr>"
        for name, number in numbers
    )
    caption = f"<caption style='text-align:left;white-space:nowrap'><b>{escape_html(title)}</b></caption>"
    return f"<table style='{_TABLE}'>{caption}<tbody>{lines}</tbody></table>"


def render_table(heads: Sequence[str], lines: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """A table of texts and numbers, which are aligned to the right.

    Args:
        heads: of the columns; ``>`` marks a column of numbers. Without one, the table has no head.
        lines: the cells.
        numbers: further columns of numbers, by position.
    """
    right = {*numbers, *(place for place, name in enumerate(heads) if name.startswith(">"))}
    head = "".join(
        _render_cell("th", name.removeprefix(">"), place in right) for place, name in enumerate(heads)
    )
    body = "".join(
        f"<tr>{''.join(_render_cell('td', cell, place in right) for place, cell in enumerate(line))}</tr>"
        for line in lines
    )
    top = f"<thead><tr>{head}</tr></thead>" if heads else ""
    return f"<table style='{_TABLE}'>{top}<tbody>{body}</tbody></table>"


def _render_cell(tag: str, text: str, number: bool) -> str:  # noqa: FBT001 - of this module alone
    return f"<{tag} style='{_NUMBER if number else _TEXT}'>{escape_html(text)}</{tag}>"


def heading(text: str) -> str:
    """A line above what belongs together."""
    return f"<p style='margin:.6em 0 .2em 0'><b>{escape_html(text)}</b></p>"


def render_steps(what: Iterable[Step]) -> str:
    """What to do next; reasons have a table of their own."""
    return "".join(note(say_in_a_sentence(replace(step, reasons=()))) + _render_ways(step) for step in what)


def _render_ways(step: Step) -> str:
    """What to type, each with what it does above it: beside it, both would be wrapped."""
    return render_code([f"# {way.words[:1].lower()}{way.words[1:]}\n{way.line}" for way in step.ways])


def render_reasons(why: Why, left_out: Sequence[tuple[str, int]] = ()) -> str:
    """Why rows are not confirmed or left out, the most frequent reasons first; "" if none is."""
    found = [
        (f"{rows:,}", state, reason.rstrip("."))
        for state, reasons in (("rejected", why.rejected), ("in doubt", why.in_doubt), ("left out", left_out))
        for reason, rows in reasons
    ]
    if not found:
        return ""
    table = render_table((">rows", "state", "because"), found[:MOST_REASONS])
    others = len(found) - MOST_REASONS
    more = f"and {others:,} other {add_plural(others, 'reason')}; result.reasons lists them all"
    return table + (note(more) if others > 0 else "")


def render_code(lines: Sequence[str]) -> str:
    """Lines of code."""
    text = escape_html("\n".join(lines))
    return f"<pre style='{_CODE}'>{text}</pre>" if lines else ""


def note(text: str) -> str:
    """A paragraph."""
    return f"<p style='margin:0 0 .3em 0'>{escape_html(text)}</p>"


def escape_html(text: str) -> str:
    """Text of anybody's in HTML; what would turn the direction of the line is shown, not done."""
    return html.escape(escape(text, keep="\n"))
