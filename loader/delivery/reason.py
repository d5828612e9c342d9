"""The reason that an answer gives, in whatever form a vendor, a gateway or a proxy on the way writes it.

It is for the user alone: what an answer means is judged without it.

| form | the reason |
| --- | --- |
| ``{"status_code": n, "status_message": ...}`` | the message |
| ``{"message": ...}``, ``{"code": n, "message": ...}`` | the message, else the code |
| ``{"error": ...}``, ``{"errors": ...}`` | what stands in it, the same forms again |
| ``{"title": ..., "detail": ...}`` (RFC 9457) | both |
| HTML, XML | the title, a first heading, or a ``Message`` |
| plain text | the text |
"""

from __future__ import annotations

import json
import re
from html import unescape
from itertools import islice

# The first that is there counts; the gateways' own keys come before those that name a class of errors.
_MESSAGES = ("status_message", "message", "msg", "error_description", "description", "reason", "faultstring")
_INNER = ("error", "errors", "fault")
_HEADINGS = re.compile(r"<(title|h1|message)\b[^>]*>(.*?)</\1\s*>", re.IGNORECASE | re.DOTALL)
_TAGS = re.compile(r"<[^>]*>")
_MOST_ERRORS = 3
_DEEPEST = 4


def find_reason(body: bytes) -> str:
    """The reason as it stands there, neither cleaned nor shortened; "" if there is none."""
    try:
        text = body.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        return ""
    if text.startswith("<"):
        return _read_markup(text)
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return "" if isinstance(answer, int | float) else _read(answer, _DEEPEST)


def _read_markup(text: str) -> str:
    headings = (unescape(_TAGS.sub(" ", found[2])).strip() for found in _HEADINGS.finditer(text))
    return next(filter(None, headings), "")


def _read(value: object, depth: int) -> str:
    """The reason in a part of a JSON answer."""
    if isinstance(value, str):
        return value.strip()
    if depth and isinstance(value, list):
        return "; ".join(islice(filter(None, (_read(each, depth - 1) for each in value)), _MOST_ERRORS))
    return _read_object(value, depth - 1) if depth and isinstance(value, dict) else ""


def _read_object(answer: dict[str, object], depth: int) -> str:
    head = next(filter(None, (_read(answer.get(key), 0) for key in _MESSAGES)), "")
    inner = next(filter(None, (_read_inner(answer.get(key), depth) for key in _INNER)), "")
    if head:
        # A single word such as "Bad Request" beside the message says nothing more.
        return f"{head}: {inner}" if inner and isinstance(answer.get("errors"), list | dict) else head
    problem = ": ".join(filter(None, (_read(answer.get(key), depth) for key in ("title", "detail"))))
    code = answer.get("code")
    return problem or inner or (f"code {code}" if isinstance(code, int | str) and code != "" else "")


def _read_inner(value: object, depth: int) -> str:
    """The errors in a list or an object, by their keys if it has no known form: ``{"hwid": ["missing"]}``."""
    if found := _read(value, depth):
        return found
    if not isinstance(value, dict) or depth < 1:
        return ""
    each = ((key, _read(inner, depth - 1)) for key, inner in value.items())
    return "; ".join(islice((f"{key}: {text}" for key, text in each if text), _MOST_ERRORS))
