"""Sentences as a template and facts, so that no code has to look into a finished sentence.

A `Setting` in a sentence is written as ``--max-rejected`` on the command line, and as ``max_rejected`` in
Python. A `Quote` may repeat what stands in a row or what the vendor wrote: a text for everybody leaves it
out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Setting(str):
    """What the user can set, by the name of its field in `loader.settings` or `loader.load_options`."""

    __slots__ = ()


_OPTIONS = {"files": "--input", "application": "--app", "token": "--token-file"}


def spell_option(setting: Setting) -> str:
    """A setting as the command line writes it: ``--max-rejected``."""
    return _OPTIONS.get(setting, f"--{setting.replace('_', '-')}")


class Quote(str):
    """A part of a sentence that may repeat a row or the vendor's words."""

    __slots__ = ()


class Message:
    """A sentence: a template for `str.format`, and its facts by name.

    Args:
        template: the sentence, with a name in braces for each fact.
        facts: what fills it. A `Setting` is spelled by whoever shows the sentence, a `Message` likewise; all
            else is written as it is, and braces in it mean nothing.
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
        facts = {f"part{number}": cls.of(part) for number, part in enumerate(parts)}
        return cls(" ".join(f"{{{name}}}" for name in facts), **facts)

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

    def spell(self, spelling: Callable[[Setting], str], *, quotes: bool = True) -> str:
        """The finished sentence.

        Args:
            spelling: how a setting is written.
            quotes: False leaves out what may repeat a row or the vendor.
        """

        def fill(fact: object) -> object:
            if isinstance(fact, Setting):
                return spelling(fact)
            if isinstance(fact, Message):
                return fact.spell(spelling, quotes=quotes)
            return "" if isinstance(fact, Quote) and not quotes else fact

        return self._template.format(**{name: fill(fact) for name, fact in self._facts.items()})

    def __str__(self) -> str:
        return self.spell(spell_option)

    def __repr__(self) -> str:
        return f"Message({self._template!r}, {self._facts!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(self._template)
