"""Names in a mapping: the columns that a rule reads, and names that the vendor does not allow."""

from __future__ import annotations

from string import Formatter
from typing import TYPE_CHECKING, NamedTuple

from loader.mapping.rules import ColumnOf, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loader.methods import Container


def columns_used(rule: Rule) -> Iterator[str]:
    """Every column that a rule reads."""
    yield from rule.column or template_columns(rule.template or "")
    for other in (rule.clock.zone, rule.currency):
        if isinstance(other, ColumnOf):
            yield other.column
    if isinstance(rule.at, Rule):
        yield from columns_used(rule.at)


def template_pieces(text: str) -> list[tuple[str, str | None]]:
    """A template as pairs of literal text and the column that follows it."""
    return [(literal, name) for literal, name, _, _ in Formatter().parse(text)]


def template_columns(text: str) -> list[str]:
    """The columns that a template names."""
    return [name for _, name in template_pieces(text) if name]


class NameProblem(NamedTuple):
    """Why the vendor does not allow a name, and what to do about it."""

    reason: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.reason}. {self.remedy}".rstrip()


def name_problems(container: Container, name: str) -> list[NameProblem]:
    """Why the vendor does not allow the name of an attribute or a tag; empty if it does."""
    if name in container.reserved:
        return [NameProblem("this name is reserved by the vendor", "Choose another.")]
    if not name:
        return [NameProblem(f"{container.a} needs a name")]
    longest = container.longest_name
    if longest is not None and len(name) > longest:
        reason = f"the name has {len(name)} characters, {longest} are allowed"
        return [NameProblem(reason, "Shorten it.")]
    return []
