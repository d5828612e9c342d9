"""What can be printed of any text. What does not print is spelled out; see `loader.text.escape`."""

from __future__ import annotations


def escape(text: str, keep: str = "") -> str:
    r"""The text with what does not print spelled as in Python: ``\x1b``, ``\u202e``, ``\ud800``.

    Args:
        text: any text.
        keep: characters that stay as they are.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else ascii(char)[1:-1] for char in text)
