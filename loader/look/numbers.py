"""Numbers as the pages write them."""

from __future__ import annotations


def number(value: float, digits: int = 0) -> str:
    """A number with its thousands apart; a small one with the digits that it needs."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:,.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:,.1f}"
