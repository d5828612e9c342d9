"""The steps of a path: ``a.b`` by name, ``devices.0`` by place, ``devices[os=ios]`` the first that fits.

A name may hold dots itself, so at each step the longest name that exists is taken. What stands in brackets
ends with the bracket; its text is compared with the member as a cell would hold it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_ENDS = re.compile(r"[.\[]")
_PLACE = re.compile(r"(\d{1,9})(?=[.\[]|$)")
_MATCH = re.compile(r"\[([^=\]]+)=([^\]]*)\]")


@dataclass(frozen=True, slots=True)
class Element:
    """Which element of a list is meant.

    Attributes:
        place: counted from 0; None if it is found by a member.
        member: the path of the member that is compared.
        text: what it must be.
    """

    place: int | None
    member: str = ""
    text: str = ""


def split_name(path: str, known: Collection[str]) -> tuple[str, str] | None:
    """The longest known name that the path begins with, and the rest of the path; None if there is none."""
    if path in known:
        return path, ""
    for end in reversed([match.start() for match in _ENDS.finditer(path)]):
        if path[:end] in known:
            return path[:end], _drop_dot(path[end:])
    return None


def split_element(path: str) -> tuple[Element, str] | None:
    """The element of a list that the path begins with, and the rest; None if it names none."""
    if found := _PLACE.match(path):
        return Element(int(found[1])), _drop_dot(path[found.end() :])
    if found := _MATCH.match(path):
        return Element(None, found[1], found[2]), _drop_dot(path[found.end() :])
    return None


def lies_in(name: str, holder: str) -> bool:
    """Whether a name begins with the path of what holds it."""
    return name.startswith((f"{holder}.", f"{holder}["))


def holder_of(name: str, rest: str) -> str:
    """The name without the rest of its path."""
    return name[: -len(rest)].removesuffix(".")


def _drop_dot(rest: str) -> str:
    return rest.removeprefix(".")
