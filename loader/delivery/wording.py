"""Texts of the vendor and of libraries, made safe to show on a terminal and to store."""

from __future__ import annotations

from loader.text.escape import replace_unprintable, shorten

LONGEST_MESSAGE = 300


def clean_line(text: str, limit: int = LONGEST_MESSAGE) -> str:
    """One line of at most `limit` visible characters; blanks are joined, the unfit become U+FFFD."""
    # Only the beginning is read, so that a megabyte of message costs nothing; blanks may shorten it further.
    head = " ".join(text[: 4 * limit].split())
    shown = replace_unprintable(head)
    # A head that was cut is marked as cut, even if its blanks made it short enough.
    return shorten(shown if len(text) <= 4 * limit else f"{shown}…", limit)
