"""Whether a statement of MySQL or MariaDB only reads.

A read-only transaction keeps tables as they are. It lets through what is not in a table: a file that the
server writes, a setting for all, a log that is purged. The server cannot describe a statement without
running it, so its words are looked at, outside of texts, names and comments.
"""

from __future__ import annotations

import re

from loader.errors import SourceError

# Texts and names in quotes, and comments; but a comment that begins with ! is run.
_QUIET = re.compile(
    r"""
    '(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | `(?:[^`]|``)*`
    | /\*(?!M?!).*?\*/ | \#[^\n]* | --(?=\s|$)[^\n]*
    """,
    re.VERBOSE | re.DOTALL,
)
_FIRST = re.compile(r"[\s(]*(\w*)")
_READING = frozenset({"SELECT", "WITH", "TABLE", "VALUES", "SHOW"})
_TO_FILE = re.compile(r"\bINTO\s+(OUTFILE|DUMPFILE)\b", re.IGNORECASE)


def refuse_writing(text: str) -> None:
    """Refuse a statement that is not one of those that only read, before it is run.

    Raises:
        SourceError: it begins with another word, has a comment that is run, or has the server write a file.
    """
    words = _QUIET.sub(" ", text)
    found = _FIRST.match(words)
    first = found[1] if found else ""
    if "/*" in words:
        why = "it has a comment that is run"
    elif first.upper() not in _READING:
        why = f"it begins with {first or words.strip()[:1]}"
    elif _TO_FILE.search(words):
        why = "it has the server write a file"
    else:
        return
    raise SourceError(f"The query was not run: {why}. A query only reads: give one SELECT.")
