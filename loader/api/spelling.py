"""The words of Python in errors: a keyword in place of an option, a call in place of a command."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from loader.errors import LoaderError
from loader.message import spell_keyword

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def spell_in_python() -> Iterator[None]:
    """Let errors name keywords of Python instead of options of the command line."""
    try:
        yield
    except LoaderError as error:
        error.spelling = spell_keyword
        raise
