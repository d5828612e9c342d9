"""What may be said about a row without its contents."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from loader.message import HIDDEN, Message, Setting
from loader.model import StopCode

if TYPE_CHECKING:
    from loader.message import Spelling

_EXAMPLES = Setting("with_examples")
_UNREADABLE = Message(
    "The input cannot be read as it was loaded. A report made with {examples} says why.", examples=_EXAMPLES
)
_HIDDEN_END = Message(
    "The reason may quote a row. A report made with {examples} shows it.", examples=_EXAMPLES
)
_QUOTED = re.compile(r'"[^"]*"')

# What may be quoted of these ends, once `Ending.unquoted` has left out the words of rows and of the vendor.
# All others, and those of checkpoints without codes, may hold anything.
_QUOTABLE = frozenset(
    {
        StopCode.OUTAGE,
        StopCode.STANDSTILL,
        StopCode.DURATION,
        StopCode.REJECTED_ALIKE,
        StopCode.UNMAPPABLE,
        StopCode.TOO_MANY_REJECTED,
        StopCode.TOO_MANY_IN_DOUBT,
        StopCode.SERVER_REFUSES,
        StopCode.VENDOR_REFUSES,
    }
)


def redact_reason(reason: str, column: str, mapping: str) -> str:
    """A reason that a checkpoint has as text only, without quotes that may be of the row.

    What is quoted stays where the mapping or the header says it. Since 0.2.0 a checkpoint has beside a reason
    what of it may be shown; this is for older ones, and for reasons beyond the number that it keeps.
    """
    known = {f'"{name}"' for name in [column, *column.split(", ")]}

    def shown(match: re.Match[str]) -> str:
        quoted = match.group()
        return quoted if quoted in known or quoted in mapping else HIDDEN

    return _QUOTED.sub(shown, reason)


def redact_error(message: Message, spelling: Spelling) -> str:
    """An error's sentence without what may repeat a row; nobody knows what a finished sentence repeats."""
    shown = message.spell(spelling, quotes=False).strip()
    return shown or _UNREADABLE.spell(spelling)


def redact_end(code: StopCode | None, unquoted: str, spelling: Spelling) -> str:
    """Why a load stopped, as far as everybody may see it.

    Args:
        code: the code of its end; None if the checkpoint has none.
        unquoted: the sentence without the words of rows and of the vendor.
        spelling: how the reader of the report writes a setting.
    """
    if code in _QUOTABLE:
        return unquoted
    if code is StopCode.DISK_FULL:
        return "The disk was full."
    return _HIDDEN_END.spell(spelling)
