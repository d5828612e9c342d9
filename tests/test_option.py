"""Records of options: what a front end can learn of them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from loader.choices import Library
from loader.option import Option, nested, offered, option


@dataclass(frozen=True, kw_only=True)
class Inner:
    """Two options."""

    first: int = option(1, Option("The first."))
    second: Library = option(Library.CURL, Option("The second."))


@dataclass(frozen=True, kw_only=True)
class Outer:
    """An option, and a part of another record's."""

    inner: Inner = nested(Inner, "second")
    third: str | None = option(None, Option("The third.", written="here"))
    aside: int = 0


def test_options_are_offered_in_the_order_of_the_fields() -> None:
    """Options of inner records stand in their place, and only those that were taken in."""
    assert [(each.name, each.kind, each.written) for each in offered(Outer)] == [
        ("second", Library, "curl"),
        ("third", str | None, "here"),
    ]
    assert [each.name for each in offered(Inner)] == ["first", "second"]


def test_an_option_that_does_not_exist_cannot_be_taken_in() -> None:
    """A name that was mistyped or renamed is an error at import, not an option that is missing."""
    with pytest.raises(TypeError, match="Inner has no option secnd"):
        nested(Inner, "secnd")


def test_a_default_is_still_a_default() -> None:
    """A record can be made without naming what is usual."""
    assert Inner() == Inner(first=1, second=Library.CURL)
