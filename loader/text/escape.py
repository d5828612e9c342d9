"""Text from outside, made safe to show: on a terminal, in a page, in the middle of a sentence.

What does not print are control characters, format characters (bidirectional marks, zero-width ones), lone
surrogates, private use, unassigned characters, and separators other than the blank. They can steer a
terminal or turn the direction of a line, and a lone surrogate cannot even be written.
"""

from __future__ import annotations

import json
import shlex

from loader.printable import escape

__all__ = [
    "LONGEST_QUOTE",
    "escape",
    "escape_json",
    "escape_short",
    "escape_toml",
    "join_lines",
    "quote",
    "quote_for_shell",
    "replace_unprintable",
    "shorten",
]

LONGEST_QUOTE = 60
"""Characters of a cell that a sentence quotes."""


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters; an ellipsis at the end tells that some were cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def escape_json(text: str) -> str:
    r"""JSON that means the same, with what does not print spelled as JSON does: ``\u202e``.

    Outside of its strings JSON has nothing to spell but line ends, which stay.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text)


def escape_toml(text: str) -> str:
    r"""A TOML file that means the same, with what does not print spelled as TOML does: ``\u202e``.

    What is written here has no literal strings, in which nothing could be spelled.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\n" else _spell_toml(ord(char)) for char in text)


def _spell_toml(code: int) -> str:
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def quote_for_shell(text: str) -> str:
    """A word for a shell that stands for exactly this text: a command that is shown can be copied.

    A word with characters that do not print is written as ``$'...'`` (POSIX.1-2024, section 2.2.4), byte by
    byte for those characters; bash, zsh and ksh read it.
    """
    if text.isprintable():
        return shlex.quote(text)
    return f"$'{''.join(map(_spell_shell, text))}'"


def _spell_shell(char: str) -> str:
    if char.isprintable():
        return f"\\{char}" if char in "\\'" else char
    return "".join(f"\\{byte:03o}" for byte in char.encode("utf-8", "surrogateescape"))


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
