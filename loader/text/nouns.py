"""Numbers with their nouns, and the words that follow them."""

from __future__ import annotations


def count_things(number: int, noun: str) -> str:
    """A number and its noun: ``1 device``, ``2,000 devices``.

    Args:
        number: how many.
        noun: the word for one of them; its plural adds an "s".
    """
    return f"{number:,} {add_plural(number, noun)}"


def count_rows(number: int) -> str:
    """A number of rows: ``1 row``, ``2 rows``."""
    return count_things(number, "row")


def format_bytes(number: int) -> str:
    """Bytes as a user reads them: ``812 bytes``, ``1.4 MB``."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return count_things(number, "byte")


def add_plural(number: int, noun: str) -> str:
    """The noun alone, as it follows the number."""
    return noun if number == 1 else f"{noun}s"


def is_or_are(number: int) -> str:
    """The verb after a number."""
    return "is" if number == 1 else "are"


def was_or_were(number: int) -> str:
    """The verb after a number, in the past."""
    return "was" if number == 1 else "were"


def it_or_them(number: int) -> str:
    """The pronoun for an object."""
    return "it" if number == 1 else "them"


def it_or_they(number: int) -> str:
    """The pronoun for a subject."""
    return "it" if number == 1 else "they"
