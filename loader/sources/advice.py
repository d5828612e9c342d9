"""What to set, in the words of the command line and of a mapping file."""

from __future__ import annotations

from loader.message import Message, SourceKey


def advise(what: str, name: str, value: str, typed: str = "") -> Message:
    """What to set: as an option, and as a line of a mapping file.

    Args:
        what: the words before it, such as "give".
        name: of the setting.
        value: as TOML.
        typed: as it is typed in a shell, if that differs.
    """
    return Message("{what} {key}", what=what, key=SourceKey(name, value, typed))
