"""Words for nothing in a sample: which are proposed for the whole file, and which may be data after all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.mapping.ids import WORD
from loader.sieve import Sieve
from loader.text.escape import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

    from loader.mapping.table import Table

_SIEVE = Sieve([WORD])
#: What begins so is written by a program, and never by someone who fills in a form.
_MARKS = ("\\", "(", "<", "[", "{", "#")


def find_words(texts: pa.Array) -> tuple[str, ...]:
    """The distinct words for nothing among some texts."""
    values = texts.drop_null().unique()
    return tuple(values[place].as_py() for _, places in _SIEVE.find(values) for place in places.tolist())


def find_marks(table: Table, columns: Iterable[str]) -> tuple[str, ...]:
    r"""The words that mean nothing in every column, because only programs write them: ``\N``, ``(null)``."""
    found = [word for name in columns for word in find_words(table.text(name)) if word.startswith(_MARKS)]
    return tuple(dict.fromkeys(found))


def doubt_words(words: Iterable[str]) -> str:
    """What the user must check about words that may be data, or ""."""
    doubtful = [word for word in words if word.isalpha() or len(word) < len("n/a")]
    if not doubtful:
        return ""
    listed = ", ".join(map(quote, doubtful))
    return f"{listed} is taken for nothing. If it is a value, take it out of null_values."
