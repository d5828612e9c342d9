"""What `map` proposes: lines of a mapping file, each with its reason and what is unsure about it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loader.mapping.rules import Expand, Rule
    from loader.methods import Kind

NO_ZONE = (
    "the values carry no time zone, and the loader does not guess one. Add the zone to this table, for "
    'example zone = "Europe/Berlin", or propose the mapping again with a zone. Until then the file is '
    "refused."
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the proposal.

    Attributes:
        key: the field, the attribute, or the column to open.
        rule: None if the user must fill in the line.
        why: the reason for it.
        unsure: what the user must check, or "".
    """

    key: str
    rule: Rule | Expand | None
    why: str
    unsure: str = ""


@dataclass(slots=True)
class Proposal:
    """What is proposed; `proposal_text` writes it.

    Attributes:
        kind: what is to be loaded.
        export: the vendor whose export it is, or "".
        rows: the number of sampled rows.
        fields, members, opened: the lines.
        excluded: members that are not sent.
        unused: columns that are not sent, and why.
        null_values: texts that mean nothing in every column, as the sample shows.
        unique: the column of an id of each row; its line is a comment if that is unsure.
        automatic: a column, and events in it that the vendor's library records by itself.
    """

    kind: Kind
    export: str
    rows: int
    fields: list[Line] = field(default_factory=list)
    members: list[Line] = field(default_factory=list)
    opened: list[Line] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)
    unused: dict[str, str] = field(default_factory=dict)
    null_values: tuple[str, ...] = ()
    unique: Line | None = None
    automatic: tuple[str, tuple[str, ...]] = ("", ())

    @property
    def unsure(self) -> int:
        """The number of lines that the user must check."""
        lines = [*self.fields, *self.members, *self.opened, *([self.unique] if self.unique else [])]
        return sum(bool(line.unsure) for line in lines)


def doubting(line: Line, doubt: str) -> Line:
    """The line with one more doubt; one that follows another begins a sentence."""
    if not line.unsure:
        return replace(line, unsure=doubt)
    return replace(line, unsure=f"{line.unsure} {doubt[:1].upper()}{doubt[1:]}")
