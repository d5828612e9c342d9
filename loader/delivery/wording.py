"""Texts of the vendor and of libraries, made safe to show on a terminal and to store."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from loader.model import Answer

if TYPE_CHECKING:
    from loader.model import Attempt

LONGEST_MESSAGE = 300

# Control characters, format characters (bidirectional marks, zero-width ones), lone surrogates,
# private use, unassigned, line and paragraph separators.
_UNFIT = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def plain(text: str, limit: int = LONGEST_MESSAGE) -> str:
    """One line of at most `limit` visible characters; blanks are joined, the unfit become U+FFFD."""
    # Only so much is looked at, so that a megabyte of message costs nothing; blanks may shorten it further.
    head = " ".join(text[: 4 * limit].split())
    shown = "".join("\ufffd" if unicodedata.category(char) in _UNFIT else char for char in head)
    if len(shown) > limit or len(text) > 4 * limit:
        return shown[: limit - 1] + "…"
    return shown


def without(secret: bytes, attempt: Attempt) -> Attempt:
    """The attempt, with a secret that the vendor repeats taken out: its words are stored and shown."""
    if secret and isinstance(attempt, Answer) and secret in attempt.body:
        return attempt._replace(body=attempt.body.replace(secret, b"[the token]"))
    return attempt
