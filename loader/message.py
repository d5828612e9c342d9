"""Sentences as a template and facts, so that no code has to look into a finished sentence.

A `Setting` in a sentence is written as ``--max-rejected`` on the command line, and as ``max_rejected`` in
Python. A `Command` is written as the command, or as the call that does the same in Python. A `Quote` may
repeat what stands in a row or what the vendor wrote: a text for everybody leaves it out.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Setting(str):
    """What the user can set, by the name of its field in `loader.settings` or `loader.load_options`."""

    __slots__ = ()


class SourceKey(Setting):
    """How text files are written, with the value to give: an option, and a line of the mapping in Python.

    Args:
        name: of the setting.
        value: as TOML.
        typed: as it is typed in a shell, if that differs.
        brief: the option alone is said, without the line of the mapping file that does the same.
    """

    __slots__ = ("_brief", "_typed", "_value")

    def __new__(cls, name: str, value: str, typed: str = "", *, brief: bool = False) -> SourceKey:
        """The setting with its value."""
        made = super().__new__(cls, name)
        made._value, made._typed, made._brief = value, typed or value, brief
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[str, str], dict[str, str]]:
        """What a copy in another process is made of; the rest follows as its state."""
        return (str(self), self._value), {}

    _value: str
    _typed: str
    _brief: bool

    @property
    def option(self) -> str:
        """As the command line has it: ``--quote "", or quote = "" under [source] in the mapping file``."""
        typed = f"--{self.replace('_', '-')} {self._typed}"
        return typed if self._brief else f"{typed}, or {self.line} file"

    @property
    def line(self) -> str:
        """As a mapping has it."""
        return f"{self} = {self._value} under [source] in the mapping"


class Command(StrEnum):
    """What a sentence sends the user to, as the command line has it."""

    STATUS = "status"
    RETRY = "retry"
    MAP = "map"
    FAILURES = "failures"
    REJECTED = "failures --rejected"
    IN_DOUBT = "failures --in-doubt"
    PROFILE = "check --summary"
    VANISHING = "check users --vanishing FILE"
    RECOVER = "resolve --recover"
    RESOLVE = "resolve"


#: Writes a setting or a command as one front end has it.
Spelling: TypeAlias = "Callable[[Setting | Command], str]"

_OPTIONS = {"files": "--input", "application": "--app", "token": "--token-file"}
# Settings whose keyword is not named like the setting.
_KEYWORDS = {"files": "source", "sandbox_store": "Sandbox(store)"}
_CALLS = {
    Command.STATUS: "loader.Checkpoint(path)",
    Command.RETRY: "loader.retry",
    Command.MAP: "loader.Mapping.propose",
    Command.FAILURES: "loader.Checkpoint(path).frame",
    Command.REJECTED: "loader.Checkpoint(path).rejected",
    Command.IN_DOUBT: "loader.Checkpoint(path).in_doubt",
    Command.PROFILE: "loader.CheckResult.profile",
    Command.VANISHING: "loader.CheckResult.vanishing",
    Command.RESOLVE: "loader.resolve",
    Command.RECOVER: 'loader.resolve(path, "recover")',
}


def spell_option(named: Setting | Command) -> str:
    """A setting or a command as the command line writes it: ``--max-rejected``, `` `retry` ``."""
    if isinstance(named, Command):
        return f"`{named}`"
    if isinstance(named, SourceKey):
        return named.option
    return _OPTIONS.get(named, f"--{named.replace('_', '-')}")


def spell_keyword(named: Setting | Command) -> str:
    """A setting or a command as Python writes it: ``max_rejected``, `` `loader.retry` ``."""
    if isinstance(named, Command):
        return f"`{_CALLS[named]}`"
    if isinstance(named, SourceKey):
        return named.line
    return _KEYWORDS.get(named, str(named))


#: What stands in place of a cell in a text for everybody.
HIDDEN = "“…”"


class Quote(str):
    """A part of a sentence that may repeat a row or the vendor's words."""

    __slots__ = ()


class Message:
    """A sentence: a template for `str.format`, and its facts by name.

    Args:
        template: the sentence, with a name in braces for each fact.
        facts: what fills it. A `Setting`, a `Command` and a `Message` are spelled by whoever shows the
            sentence; all else is written as it is, and braces in it mean nothing.
    """

    __slots__ = ("_facts", "_template")

    def __init__(self, template: str, /, **facts: object) -> None:
        self._template = template
        self._facts = facts

    @classmethod
    def of(cls, text: str | Message) -> Message:
        """A message as it is; a finished sentence as a message of which nobody knows what it quotes."""
        return text if isinstance(text, Message) else cls("{text}", text=Quote(text))

    @classmethod
    def join(cls, parts: Iterable[str | Message]) -> Message:
        """Sentences one after the other, with a blank between them."""
        return cls.concatenate(parts, " ")

    @classmethod
    def concatenate(cls, parts: Iterable[str | Message], between: str = "") -> Message:
        """Parts one after the other, with a text between them."""
        facts = {f"part{number}": cls.of(part) for number, part in enumerate(parts)}
        return cls(between.join(f"{{{name}}}" for name in facts), **facts)

    @property
    def facts(self) -> dict[str, object]:
        """What fills the template."""
        return dict(self._facts)

    @property
    def settings(self) -> tuple[Setting, ...]:
        """The settings that the sentence names, those of its parts among them."""
        found: list[Setting] = []
        for fact in self._facts.values():
            if isinstance(fact, Setting):
                found.append(fact)
            elif isinstance(fact, Message):
                found += fact.settings
        return tuple(dict.fromkeys(found))

    def spell(self, spelling: Spelling, *, quotes: bool = True, hidden: str = "") -> str:
        """The finished sentence.

        Args:
            spelling: how a setting and a command are written.
            quotes: False leaves out what may repeat a row or the vendor.
            hidden: what stands in place of what is left out.
        """

        def fill(fact: object) -> object:
            if isinstance(fact, (Setting, Command)):
                return spelling(fact)
            if isinstance(fact, Message):
                return fact.spell(spelling, quotes=quotes, hidden=hidden)
            return hidden if isinstance(fact, Quote) and not quotes else fact

        return self._template.format(**{name: fill(fact) for name, fact in self._facts.items()})

    def __str__(self) -> str:
        return self.spell(spell_option)

    def __repr__(self) -> str:
        return f"Message({self._template!r}, {self._facts!r})"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Message) and self._template == other._template and self._facts == other._facts
        )

    def __hash__(self) -> int:
        return hash(self._template)
