"""What `loader` exports, as Markdown: signatures as the source writes them, and docstrings."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

import loader

if TYPE_CHECKING:
    from collections.abc import Callable

STARS = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}
SECTION = re.compile(r"(Args|Attributes|Raises|Returns|Yields):$")
SECTIONS = {
    "Args": "Arguments",
    "Attributes": "Attributes",
    "Raises": "Raises",
    "Returns": "Returns",
    "Yields": "Yields",
}


def python() -> str:
    """What `loader` exports."""
    exported = getattr(loader, "__all__", [])
    return "\n\n".join(
        member_text(name, getattr(loader, name)) for name in exported if not name.startswith("__")
    )


def member_text(name: str, member: Any) -> str:
    """A function, or a class with its public members."""
    if not inspect.isclass(member):
        return f"## `{name}`\n\n{signed(name, member)}{docstring(member)}"
    parts = [f"## `{name}`", f"{constructor(name, member)}{docstring(member)}"]
    for inner, value in vars(member).items():
        if inner.startswith("_") or not documented(value):
            continue
        target = value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
        title = f"### `{name}.{inner}`"
        text = docstring(target)
        parts += [
            title,
            text if isinstance(value, property) else f"{signed(f'{name}.{inner}', target)}{text}",
        ]
    return "\n\n".join(parts)


def documented(value: object) -> bool:
    """A method or a property with a docstring."""
    callable_or_property = isinstance(value, (property, classmethod, staticmethod)) or inspect.isfunction(
        value
    )
    return callable_or_property and bool(inspect.getdoc(value))


def constructor(name: str, member: type) -> str:
    """How an instance is made, where that is for callers."""
    if issubclass(member, (BaseException, str, tuple)):
        return ""
    return signed(name, member)


def signed(name: str, member: Callable[..., object]) -> str:
    """The signature as a block."""
    parameters = [
        parameter
        for parameter in inspect.signature(member).parameters.values()
        if parameter.name not in {"self", "cls"} and not parameter.name.startswith("_")
    ]
    written, starred = [], False
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            written.append("*")
            starred = True
        starred = starred or parameter.kind is parameter.VAR_POSITIONAL
        written.append(parameter_text(parameter))
    returns = inspect.signature(member).return_annotation
    arrow = (
        "" if inspect.isclass(member) or returns is inspect.Signature.empty else f" -> {annotation(returns)}"
    )
    line = f"{name}({', '.join(written)}){arrow}"
    if len(line) > 100:
        line = f"{name}(\n" + "".join(f"    {word},\n" for word in written) + f"){arrow}"
    return f"```py\n{line}\n```\n\n"


def parameter_text(parameter: inspect.Parameter) -> str:
    """One parameter with its type and default."""
    stars = STARS.get(parameter.kind.name, "")
    kind = "" if parameter.annotation is parameter.empty else f": {annotation(parameter.annotation)}"
    if parameter.default is parameter.empty:
        return f"{stars}{parameter.name}{kind}"
    equals = " = " if kind else "="
    return f"{stars}{parameter.name}{kind}{equals}{parameter.default!r}"


def annotation(written: object) -> str:
    """A type as the source writes it."""
    return written if isinstance(written, str) else inspect.formatannotation(written)


def docstring(member: object) -> str:
    """A docstring as Markdown: sections of Google's style become lists."""
    lines = (inspect.getdoc(member) or "").splitlines()
    written: list[str] = []
    inside = False
    for line in lines:
        if section := SECTION.match(line):
            inside = True
            written.append(f"**{SECTIONS[section[1]]}**\n")
        elif inside and re.match(r"    \S", line):
            name, colon, text = line.strip().partition(": ")
            written.append(f"- `{name}`: {text}" if colon else f"- {line.strip()}")
        else:
            inside = inside and (not line or line.startswith(" "))
            written.append(f"  {line.strip()}" if inside and line else line)
    return "\n".join(written)
