"""What a comparison found: one list in the manner of `rclone check`, and its totals."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loader.verification.rows import Fate


class Sign(StrEnum):
    """What is wrong with a row, as `rclone check` writes it. `SAME` is only counted."""

    SAME = "="
    MISSING = "-"
    EXTRA = "+"
    DIFFERENT = "*"
    DOUBLED = "2"


class Scope(StrEnum):
    """What was compared: each call that was taken, or what is stored in the end (the last call wins)."""

    CALL = "call"
    STORED = "stored"


class Change(NamedTuple):
    """A key whose two values differ.

    Attributes:
        key: its place in the request, such as ``userId`` or ``attributes.price``.
        expected, landed: the values as JSON; None if the key is not there.
    """

    key: str
    expected: str | None
    landed: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """One line of the list.

    Attributes:
        sign: what is wrong.
        scope: what was compared.
        load: number of the load, from 0; of an extra row that no load explains, the first of its compartment.
        ordinal: the row of the input, from 0; None if no row explains what landed.
        fate: what the checkpoint says of that row; None without one.
        number: what landed, by its number there; None if nothing did.
        changes: of a row that differs, the keys and both values.
        landed: the keys and values of an extra row, as `values.read_form` gives them.
    """

    sign: Sign
    scope: Scope
    load: int
    ordinal: int | None = None
    fate: Fate | None = None
    number: int | None = None
    changes: tuple[Change, ...] = ()
    landed: dict[str, Any] | None = None


@dataclass(slots=True)
class Totals:
    """How many rows are what.

    Attributes:
        expected: confirmed rows, which must be there.
        landed: rows that were found in the compartments of the loads.
        same, missing, extra, different, doubled: of the list.
        doubts_found, doubts_not_found: rows in doubt by what was found. They are not differences.
        repeated: calls that were sent again and changed nothing. They are not differences.
    """

    expected: int = 0
    landed: int = 0
    same: int = 0
    missing: int = 0
    extra: int = 0
    different: int = 0
    doubled: int = 0
    doubts_found: int = 0
    doubts_not_found: int = 0
    repeated: int = 0

    @property
    def differences(self) -> int:
        """Lines of the list."""
        return self.missing + self.extra + self.different + self.doubled


class Doubt(StrEnum):
    """What a comparison says of a row in doubt."""

    LANDED = "landed"
    DROPPED = "dropped"
    UNCLEAR = "unclear"


@dataclass(slots=True)
class Findings:
    """The result of a comparison, before it is shown.

    Attributes:
        totals: the counts.
        differences: lists every difference, those with a row of the input in the order of the input first;
            may be called again, reads input and source again.
        doubts: rows in doubt by load and ordinal.
        same: of each load, how many confirmed rows were found as they are.
        is_paired: whether altered rows were looked for. They are not if both sides have too many rows left:
            each is then missing and extra.
    """

    totals: Totals = field(default_factory=Totals)
    differences: Callable[[], Iterator[Difference]] = field(default=lambda: iter(()))
    doubts: list[dict[int, Doubt]] = field(default_factory=list)
    same: list[int] = field(default_factory=list)
    is_paired: bool = True

    def add(self, more: list[Difference]) -> None:
        """Add differences of another scope."""
        calls = self.differences
        self.differences = lambda: chain(calls(), more)
        names = {Sign.MISSING: "missing", Sign.EXTRA: "extra", Sign.DIFFERENT: "different"}
        for difference in more:
            name = names[difference.sign]
            setattr(self.totals, name, getattr(self.totals, name) + 1)
