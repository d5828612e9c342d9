"""Names in a mapping: which columns a rule reads, and what the vendor has against an attribute's name."""

from __future__ import annotations

from string import Formatter
from typing import TYPE_CHECKING

from loader.mapping.fields import MAX_ATTRIBUTE_NAME_LENGTH, RESERVED_ATTRIBUTES
from loader.mapping.rules import ColumnOf, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator


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


def name_problems(name: str) -> list[str]:
    """What the vendor has against an attribute's name."""
    if name in RESERVED_ATTRIBUTES:
        return ["this name is reserved by the vendor. Choose another."]
    if not name:
        return ["an attribute needs a name."]
    if len(name) > MAX_ATTRIBUTE_NAME_LENGTH:
        return [f"the name has {len(name)} characters, {MAX_ATTRIBUTE_NAME_LENGTH} are allowed. Shorten it."]
    return []
