"""What may be said of a row without saying what stands in it."""

from __future__ import annotations

import re

HIDDEN = "“…”"
_QUOTED = re.compile(r'"[^"]*"')
_MEANT = re.compile(r'Did you mean "[^"]*"\? ')

# Sentences, or beginnings of them, that say why a load stopped and quote nothing.
_PLAIN_ENDS = re.compile(
    r"""(?:
        (?:No|Too\ few)\ usable\ answers?\ for\ \d+\ minutes
      | More\ than\ the\ [\d,]+\ rows?\ that\ --[a-z-]+\ accepts\ (?:is|are)\ (?:rejected|in\ doubt)
      | A\ row\ is\ (?:rejected|in\ doubt),\ and\ --[a-z-]+\ accepts\ none
      | The\ first\ \d+\ records\ were\ all\ rejected\ alike
      | The\ first\ \d+\ rows\ cannot\ be\ mapped,\ all\ for\ one\ reason
      | The\ vendor\ refuses\ with\ status_code\ 403
      | The\ server\ (?:redirects|does\ not|forbids)[^"]*?\ It\ answered\ HTTP\ \d{3}
    )""",
    re.VERBOSE,
)


def plain_reason(reason: str, column: str, mapping: str) -> str:
    """A reason without quotes from the row: what is quoted stays where the mapping or the header says it."""
    known = {f'"{name}"' for name in [column, *column.split(", ")]}

    def shown(match: re.Match[str]) -> str:
        quoted = match.group()
        return quoted if quoted in known or quoted in mapping else HIDDEN

    return _QUOTED.sub(shown, reason)


def plain_remedy(message: str, reason: str, value: str) -> str:
    """The remedy at the end of a reject's message; "" where none can be told, or it may quote the row."""
    fault = reason.rpartition('" ')[2] if reason.startswith("column") else reason.removeprefix("the mapping ")
    _, found, remedy = message.rpartition(f"{fault}. ")
    remedy = _MEANT.sub("", remedy)
    quotes_row = (len(value) > 1 and value in remedy) or "{ column =" in remedy
    return remedy if found and not quotes_row else ""


def plain_error(message: str) -> str:
    """An error's sentence without what it quotes, from the first mark to the last: a cell may hold marks."""
    first, last = message.find('"'), message.rfind('"')
    return message if first < 0 else message[:first] + HIDDEN + message[max(first, last) + 1 :]


def plain_end(stopped: str) -> str:
    """Why a load stopped, as far as it can be said without quoting a row or the vendor."""
    match = _PLAIN_ENDS.match(stopped)
    if match:
        return f"{match.group()}."
    if "the disk is full" in stopped:
        return "The disk was full."
    return "The reason may quote a row, and is shown in a report made --with-examples."
