"""What can go wrong, ordered by what the caller can do about it.

    LoaderError
    ├── ConfigError        a setting, option or environment variable is wrong: change it, nothing was sent
    │   └── MappingError   the mapping file or the columns do not fit: every mistake is listed
    ├── SourceError        the input cannot be read, or not at this place: fix it or export it again
    │   ├── SourceMissing      there is no such file, or nothing matches: perhaps it is not there yet
    │   ├── SourceEmpty        a file holds nothing, not even a header
    │   ├── StoreAway          the store, server or database that has it does not answer: run again later
    │   └── TooFewRows         the input has fewer rows than the user expects of it
    ├── CheckpointError    the checkpoint cannot be used
    │   ├── CheckpointLocked   another process is loading into it: wait for that one
    │   └── CheckpointDiffers  it belongs to another input, mapping, application or endpoint
    ├── VendorError        the vendor gave no usable answer to a question about its counts: try again later
    └── RowsFailed         raised only by `LoadResult.raise_for_failures`: not every row is confirmed

Each message is a whole sentence for the user: what, where, the value, and what to do next.
A run that stops half-way (a revoked token, an outage) is not an exception: it ends with a true account
and a reason, see `loader.model.Stop`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from loader.message import Message, Quote, spell_keyword, spell_option
from loader.printable import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType

    from loader.message import Setting, Spelling


class LoaderError(Exception):
    """Base of every error that the loader raises on purpose; its text is meant for the user.

    Args:
        message: the sentence. A `Message` can name settings, which each front end spells its own way.

    Attributes:
        spelling: how the front end that shows the error writes a setting and a command.
        code: which class of error it is, for programs. It never changes.
        exit_code: what a command ends with; `docs/reference/exit-codes.md` lists them.
    """

    spelling: Spelling = staticmethod(spell_option)
    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 2

    def __init__(self, message: str | Message) -> None:
        super().__init__(message)
        self._message = Message.of(message)
        self._rendered: TracebackType | None = None

    def __reduce__(self) -> tuple[Callable[..., LoaderError], tuple[object, ...]]:
        """How it travels from a worker: with its facts, and without the traceback that was shown of it."""
        return _restore, (type(self), self.args, self.__dict__ | {"_rendered": None})

    @property
    def message(self) -> Message:
        """The sentence, before its settings are spelled."""
        return self._message

    @property
    def settings(self) -> tuple[Setting, ...]:
        """The settings that the error is about."""
        return self._message.settings

    def __str__(self) -> str:
        # Names and cells in it may hold what steers a terminal, and Python shows an error as it is.
        return escape(self._message.spell(self.spelling), keep="\n")

    def _render_traceback_(self) -> list[str]:
        """The lines that IPython shows: at first the sentence, and all of it if asked again (`%tb`)."""
        from loader import notebook_errors  # noqa: PLC0415 - bare `--help` needs no tracebacks

        again = self._rendered is not None and self._rendered is self.__traceback__
        self._rendered = self.__traceback__
        if again or notebook_errors.wants_everything():
            return notebook_errors.render_everything(self)
        return notebook_errors.render_sentence(self, escape(self._message.spell(spell_keyword), keep="\n"))


def _restore(kind: type[LoaderError], args: tuple[object, ...], state: dict[str, object]) -> LoaderError:
    """Make an error as it was, whatever its class takes to make one."""
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigError(LoaderError):
    """A setting is missing or wrong; nothing was sent."""

    code = "config"


class ProblemCode(StrEnum):
    """Mistakes in a mapping for which a front end can give its own advice."""

    NO_COLUMN = "no_column"
    NO_ZONE = "no_zone"
    TYPE = "type"


class MappingError(ConfigError):
    """The mapping, or its fit to the columns of the input, is wrong.

    Args:
        problems: one sentence for each mistake; all are reported at once.
        where: the mapping file, or what else the problems were found in.
        codes: kinds of mistakes for which a front end can give its own advice.
    """

    code = "mapping"

    def __init__(
        self, problems: Sequence[str | Message], where: str, codes: Iterable[ProblemCode] = ()
    ) -> None:
        self.where = where
        self.codes = frozenset(codes)
        self._mistakes = tuple(problems)
        between = Quote(" " if len(problems) == 1 else "\n  ")
        parts = [part for problem in problems for part in (between, problem)]
        super().__init__(Message.concatenate([Quote(f"{where}:"), *parts]))

    @property
    def mistakes(self) -> tuple[str | Message, ...]:
        """One sentence for each mistake, before settings and commands in it are spelled."""
        return self._mistakes

    @property
    def problems(self) -> list[str]:
        """One sentence for each mistake."""
        return [Message.of(mistake).spell(self.spelling) for mistake in self._mistakes]


class SourceError(LoaderError):
    """The input is missing, not in the declared format or encoding, or changed while it was read."""

    code = "input"


class SourceMissing(SourceError):
    """There is no such file, or nothing matches a pattern: perhaps it is not there yet."""

    code = "input_missing"
    exit_code = 6


class SourceEmpty(SourceError):
    """A file holds nothing, not even a header."""

    code = "input_empty"


class StoreAway(SourceError):
    """The store, server or database that holds the input does not answer. The input may be as it was."""

    code = "store_away"
    exit_code = 5


class TooFewRows(SourceError):
    """The input has fewer rows than it should have."""

    code = "too_few_rows"
    exit_code = 8


class WorkersLost(LoaderError):
    """The workers of a cluster cannot continue a load. What was sent stands."""


class CheckpointError(LoaderError):
    """The checkpoint file cannot be created, read or trusted."""

    code = "checkpoint"


class CheckpointLocked(CheckpointError):
    """Another process holds the checkpoint."""

    code = "checkpoint_locked"
    exit_code = 7


class CheckpointDiffers(CheckpointError):
    """The checkpoint was made for another load than this one."""

    code = "checkpoint_differs"


class VendorError(LoaderError):
    """The vendor gave no usable answer to a question, and in good time; nothing was changed."""

    code = "vendor"
    exit_code = 5


class RowsFailed(LoaderError):
    """A load ended, and not every row that it was asked to send is confirmed.

    Args:
        message: the counts, the first reasons, and what to do.
        counts: rows by state.
    """

    code = "rows_failed"

    def __init__(self, message: str, counts: dict[str, int]) -> None:
        self.counts = counts
        super().__init__(message)
