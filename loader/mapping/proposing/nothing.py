"""Words for nothing in a sample: which are proposed for the whole file, and which may be data after all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.compute as pc

from loader.mapping.ids import WORD
from loader.sieve import Sieve
from loader.text.escape import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

    from loader.mapping.table import Table

_SIEVE = Sieve([WORD])
# What MySQL has in place of a date that is not known, and bcp in place of an empty text.
_OF_DATABASES = r"^(?:0000-00-00(?:[ T]00:00:00(?:\.0+)?)?|\x00)$"
_JSON = ("{", "[")
#: What begins so is written by a program, and never by someone who fills in a form.
_MARKS = ("\0", "\\", "(", "<", "[", "{", "#")


def find_words(texts: pa.Array) -> tuple[str, ...]:
    """The distinct words for nothing among some texts."""
    values = texts.drop_null().unique()
    words = [values[place].as_py() for _, places in _SIEVE.find(values) for place in places.tolist()]
    return (*words, *values.filter(pc.match_substring_regex(values, _OF_DATABASES)).to_pylist())


def find_marks(table: Table, columns: Iterable[str]) -> tuple[str, ...]:
    r"""The words that mean nothing in every column, because only programs write them.

    They are ``\N`` and ``(null)``; or a word such as NULL among JSON, which it is not.
    """
    found = [word for name in columns for word in _find_marks_in(table.text(name))]
    return tuple(dict.fromkeys(found))


def _find_marks_in(texts: pa.Array) -> list[str]:
    words = find_words(texts)
    among_json = words and _are_json(texts, words)
    return [word for word in words if word.startswith(_MARKS) or (among_json and word != "null")]


def _are_json(texts: pa.Array, words: tuple[str, ...]) -> bool:
    """Whether the texts other than the words, if there are any, are JSON objects or lists."""
    others = [text for text in texts.drop_null().unique().to_pylist() if text and text not in words]
    return bool(others) and all(text.startswith(_JSON) for text in others)


def doubt_words(words: Iterable[str]) -> str:
    """What the user must check about words that may be data, or ""."""
    doubtful = [word for word in words if word.isalpha() or len(word) < len("n/a")]
    if not doubtful:
        return ""
    listed = ", ".join(map(quote, doubtful))
    return f"{listed} is taken for nothing. If it is a value, take it out of null_values."
