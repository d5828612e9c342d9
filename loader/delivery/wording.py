"""Texts of the vendor and of libraries, made safe to show on a terminal and to store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.model import Answer
from loader.text.escape import replace_unprintable, shorten

if TYPE_CHECKING:
    from loader.model import Attempt

LONGEST_MESSAGE = 300


def clean_line(text: str, limit: int = LONGEST_MESSAGE) -> str:
    """One line of at most `limit` visible characters; blanks are joined, the unfit become U+FFFD."""
    # Only the beginning is read, so that a megabyte of message costs nothing; blanks may shorten it further.
    head = " ".join(text[: 4 * limit].split())
    shown = replace_unprintable(head)
    # A head that was cut is marked as cut, even if its blanks made it short enough.
    return shorten(shown if len(text) <= 4 * limit else f"{shown}…", limit)


def remove_secret(secret: bytes, attempt: Attempt) -> Attempt:
    """Remove a secret from an attempt: the vendor may repeat it, and the answer is stored and shown."""
    if secret and isinstance(attempt, Answer) and secret in attempt.body:
        return attempt._replace(body=attempt.body.replace(secret, b"[the token]"))
    return attempt
