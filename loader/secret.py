"""Texts that nobody may see: kept apart from all others by their type.

A `Secret` shows itself nowhere and is written nowhere. `reveal` is called where it goes onto the wire, and
where a text from outside is searched for it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable

HIDDEN = "***"


class Secret:
    """A token or a password.

    Args:
        text: the secret itself.

    Attributes:
        shown: what takes its place where a text from outside repeats it.
    """

    __slots__ = ("_text",)
    shown = "[the password]"

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself."""
        return self._text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({HIDDEN})"

    def __str__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return format(HIDDEN, spec)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is not written anywhere")


def hide_secrets(text: str, secrets: Iterable[Secret]) -> str:
    """A text from outside with every secret replaced that it repeats."""
    shown = {secret.reveal(): secret.shown for secret in secrets}
    found = sorted(filter(None, shown), key=len, reverse=True)
    if not any(secret in text for secret in found):
        return text
    # In one pass, because a secret may occur in what takes the place of another.
    return re.sub("|".join(map(re.escape, found)), lambda match: shown[match[0]], text)


def hide_credentials(url: str) -> str:
    """What may be shown of a text that should have been a URL: no user, password, query or fragment.

    It need not be a URL: a password may hold what divides one, so all up to the last ``@`` is hidden.
    """
    scheme, divider, rest = url.partition("://")
    if not divider:
        scheme, rest = "", url
    _, at, place = rest.rpartition("@")
    place = re.sub(r"[?#].*", f"?{HIDDEN}", place, count=1, flags=re.DOTALL)
    return f"{scheme}{divider}{HIDDEN}@{place}" if at else f"{scheme}{divider}{place}"
