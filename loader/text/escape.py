"""Text from outside, made safe to show: on a terminal, in a page, in the middle of a sentence.

What does not print are control characters, format characters (bidirectional marks, zero-width ones), lone
surrogates, private use, unassigned characters, and separators other than the blank. They can steer a
terminal or turn the direction of a line, and a lone surrogate cannot even be written.
"""

from __future__ import annotations

LONGEST_QUOTE = 60
"""Characters of a cell that a sentence quotes."""


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters; an ellipsis at the end tells that some were cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def escape(text: str, keep: str = "") -> str:
    r"""The text with what does not print spelled as in Python: ``\x1b``, ``\u202e``, ``\ud800``.

    Args:
        text: any text.
        keep: characters that stay as they are.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else ascii(char)[1:-1] for char in text)


def replace_unprintable(text: str, by: str = "\N{REPLACEMENT CHARACTER}") -> str:
    """The text with another character in place of each that does not print."""
    return "".join(char if char.isprintable() else by for char in text)


def escape_short(text: str, limit: int = LONGEST_QUOTE) -> str:
    """One line: at most `limit` characters of the text, what does not print escaped."""
    return escape(shorten(text, limit))


def quote(text: str, limit: int = LONGEST_QUOTE) -> str:
    """The same in double quotes, for a sentence."""
    return f'"{escape_short(text, limit)}"'


def join_lines(text: str) -> str:
    """A library's message for the middle of a sentence: one line, without a full stop at its end."""
    return " ".join(replace_unprintable(text, " ").split()).rstrip(".")
