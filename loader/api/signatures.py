"""A signature and a docstring that name every keyword, for functions whose keywords are derived."""

from __future__ import annotations

import inspect
import textwrap
from difflib import get_close_matches
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from loader.api.options import Options
from loader.load_options import say_who_needs
from loader.option import offered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loader.option import Offered

P = ParamSpec("P")
R = TypeVar("R")

WIDTH = 104
INDENT = "    "


def with_keywords(keywords: type) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Show the keywords of a call as if they were written out in its definition.

    mypy reads them from ``**options: Unpack[keywords]``. What a notebook shows, and what help() prints, comes
    from the same place as the command line's help: `loader.load_options`. A keyword that the docstring
    explains itself keeps its own explanation.

    Args:
        keywords: the TypedDict of the call's keywords.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        written = inspect.signature(function)
        own = [each for each in written.parameters.values() if each.kind is not each.VAR_KEYWORD]
        signature = written.replace(parameters=[*own, *build_parameters(keywords)])

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            refuse_unknown(function.__name__, kwargs, list(signature.parameters))
            return function(*args, **kwargs)

        call.__signature__ = signature  # type: ignore[attr-defined] # what inspect looks for
        call.__doc__ = explain_docstring(function.__doc__ or "", keywords)
        return call

    return decorate


def list_offered(keywords: type) -> Iterator[tuple[Offered, str]]:
    """The options that a call takes, each with its type as it is written in the TypedDict.

    Raises:
        TypeError: a keyword is not a field of any record of options.
    """
    types = {name: each.__forward_arg__ for name, each in keywords.__annotations__.items()}
    found = [each for each in offered(Options) if each.name in types]
    if unknown := types.keys() - {each.name for each in found}:
        raise TypeError(f"{keywords.__name__} names {', '.join(sorted(unknown))}, which is not an option")
    return ((each, types[each.name]) for each in found)


def build_parameters(keywords: type) -> Iterator[inspect.Parameter]:
    """The keywords as parameters, with types and defaults."""
    for each, kind in list_offered(keywords):
        default = None if each.default is None else each.written
        yield inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def refuse_unknown(function: str, given: dict[str, object], known: list[str]) -> None:
    """Answer a keyword that does not exist as Python does.

    Raises:
        TypeError: there is one; with the name that was probably meant.
    """
    for name in given:
        if name not in known:
            hint = hint_at(name, known)
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}{hint}")


def hint_at(name: str, known: list[str]) -> str:
    """What was probably meant by an unknown keyword: an option of another call, or another name."""
    for each in offered(Options):
        if each.name == name and each.option.needless:
            return f". It is {say_who_needs(each.option)}"
    near = get_close_matches(name, known, 1)
    return f". Did you mean {near[0]!r}?" if near else ""


def explain_docstring(docstring: str, keywords: type) -> str:
    """The docstring, with a line for each keyword at the end of its arguments."""
    cleaned = inspect.cleandoc(docstring)
    before, returns, after = cleaned.partition("\n\nReturns:")
    lines = [
        explain_keyword(each)
        for each, _ in list_offered(keywords)
        if f"\n{INDENT}{each.name}: " not in before
    ]
    return "\n".join([before, *lines]) + returns + after


def explain_keyword(each: Offered) -> str:
    """A keyword with what it does, and what happens without it."""
    described = each.option
    sentences = [begin_small(described.description)]
    if described.variable:
        sentences.append(f"Otherwise taken from {described.variable}.")
    without = described.without or (described.written if each.default is None else "")
    if without:
        sentences.append(f"Default: {without}.")
    return textwrap.fill(
        " ".join(sentences),
        WIDTH,
        initial_indent=f"{INDENT}{each.name}: ",
        subsequent_indent=INDENT * 2,
        break_long_words=False,
        break_on_hyphens=False,
    )


def begin_small(sentence: str) -> str:
    """A sentence as the rest of a line, unless it begins with an abbreviation."""
    return sentence if sentence[1:2].isupper() else sentence[:1].lower() + sentence[1:]
