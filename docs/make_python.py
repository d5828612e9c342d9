"""What `loader` exports, as Markdown: signatures as the source writes them, and docstrings."""

from __future__ import annotations

import inspect
import re
from functools import cached_property
from types import FunctionType
from typing import TYPE_CHECKING, Any

import loader

if TYPE_CHECKING:
    from collections.abc import Callable

PROPERTIES = (property, cached_property)
DOCUMENTED = (*PROPERTIES, classmethod, staticmethod, FunctionType)
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
    """What `loader` exports: functions, then classes, then errors."""
    exported = [name for name in getattr(loader, "__all__", []) if not name.startswith("__")]
    members = sorted(((name, getattr(loader, name)) for name in exported), key=lambda pair: rank(pair[1]))
    contents = "\n".join(f"- [`{name}`](#{name.lower()}): {summary(member)}" for name, member in members)
    return "\n\n".join([contents, *(member_text(name, member) for name, member in members)])


def rank(member: object) -> int:
    """What a reader looks for first."""
    if not isinstance(member, type):
        return 0
    return 2 if issubclass(member, BaseException) else 1


def summary(member: object) -> str:
    """The first sentence of a docstring."""
    return (inspect.getdoc(member) or "").partition("\n\n")[0].replace("\n", " ")


def member_text(name: str, member: Any) -> str:
    """A function, or a class with its public members."""
    if not inspect.isclass(member):
        return f"## `{name}`\n\n{signed(name, member)}{docstring(member)}"
    public = [
        (inner, value)
        for inner, value in vars(member).items()
        if not inner.startswith("_") and isinstance(value, DOCUMENTED) and inspect.getdoc(value)
    ]
    parts = [f"## `{name}`", f"{constructor(name, member)}{docstring(member)}"]
    for inner, value in public:
        parts += [f"### `{name}.{inner}`", inner_text(f"{name}.{inner}", value)]
    return "\n\n".join(parts)


def inner_text(name: str, value: Any) -> str:
    """A method with its signature, or a property."""
    if isinstance(value, PROPERTIES):
        return docstring(value)
    target = value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
    return f"{signed(name, target)}{docstring(target)}"


def constructor(name: str, member: type) -> str:
    """How an instance is made, where that is for callers: then its docstring tells the arguments."""
    told = "Args:" in (inspect.getdoc(member) or "")
    return signed(name, member) if told and not issubclass(member, BaseException) else ""


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
