"""The text of a part of a JSON document, exactly as it was written. Pure."""

from __future__ import annotations

import json
import re

DECODER = json.JSONDecoder()
SPACE = re.compile(r"[ \t\n\r]*")
COLON = re.compile(r"[ \t\n\r]*:[ \t\n\r]*")


def extract_text(text: str, *path: str) -> str:
    """The text of a member of a member of the outermost object, as written in valid JSON `text`."""
    start, end = SPACE.match(text).end(), len(text)  # type: ignore[union-attr]  # matches the empty text
    for name in path:
        start, end = find_member(text, start, name)
    return text[start:end]


def find_member(text: str, start: int, name: str) -> tuple[int, int]:
    """Where the value of `name` begins and ends in the object that begins at `start`; the last of equals."""
    found, position = (start, start), start
    while text[position] != "}":
        position = SPACE.match(text, position + 1).end()  # type: ignore[union-attr]  # matches the empty text
        key, position = DECODER.raw_decode(text, position)
        begin = COLON.match(text, position).end()  # type: ignore[union-attr]  # a colon follows a key
        _, end = DECODER.raw_decode(text, begin)
        if key == name:
            found = (begin, end)
        position = SPACE.match(text, end).end()  # type: ignore[union-attr]  # matches the empty text
    return found
