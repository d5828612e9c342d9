"""How the numbers of a column are written: a setting is advised only if most of them need it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

_POINT, _COMMA = r"[0-9]\.[0-9]", r"^[+-]?[0-9]+,[0-9]+$"


class NumberForm(NamedTuple):
    """The texts of a column by how they are written.

    Attributes:
        points: numbers with a decimal point.
        commas: numbers with a decimal comma.
        readable, unreadable: texts that the mapping reads, and those that it does not, except numbers with a
            comma.
    """

    points: int = 0
    commas: int = 0
    readable: int = 0
    unreadable: int = 0

    @classmethod
    def of(cls, texts: pa.Array, unreadable: int, decimal: str) -> NumberForm:
        """Count texts, a number of which cannot be read with this decimal sign; a null counts for nothing."""
        commas = _count(texts, _COMMA)
        readable = len(texts) - texts.null_count - unreadable
        return cls(_count(texts, _POINT), commas, readable, unreadable - commas * (decimal != ","))

    @property
    def has_fractions(self) -> bool:
        """Whether a number tells how fractions are written."""
        return self.points + self.commas > 0

    @property
    def has_commas(self) -> bool:
        """Whether a decimal comma reads more of them than a decimal point."""
        return self.commas > self.points

    @property
    def needs_another_type(self) -> bool:
        """Whether most of them cannot be read."""
        return self.unreadable >= self.readable


#: By the columns that the numbers are taken from.
NumberForms: TypeAlias = "Mapping[tuple[str, ...], NumberForm]"


def _count(texts: pa.Array, pattern: str) -> int:
    return pc.sum(pc.match_substring_regex(texts, pattern)).as_py() or 0
