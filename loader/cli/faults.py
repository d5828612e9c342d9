"""What a rehearsal may add to a load: faults of the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.errors import ConfigError
from loader.message import Message, Setting
from loader.option_values import take_parsed

if TYPE_CHECKING:
    from collections.abc import Callable

    from loader.sandbox import EmbeddedSandbox
    from loader.sandbox.faults import FaultSpec

ADD_SANDBOX = "Add --sandbox, or leave the faults out."
NO_REHEARSAL = "This load went to the vendor, and so does its retry: leave the faults out."


def read_faults(text: str | None) -> FaultSpec | None:
    """The faults that a spec asks for; None if there is none.

    Raises:
        ConfigError: it has no meaning.
    """
    from loader.sandbox.faults import parse_spec  # noqa: PLC0415 - only if faults are requested

    return None if text is None else take_parsed("faults", parse_spec, text)


def refuse_faults(text: str | None, *, sandboxed: bool, otherwise: str) -> None:
    """Refuse faults that have no meaning, or no sandbox to happen in.

    Args:
        text: the spec, or None.
        sandboxed: whether there is a sandbox.
        otherwise: what to do to get one, as a sentence.

    Raises:
        ConfigError: they do not, or there is none.
    """
    read_faults(text)
    if text is not None and not sandboxed:
        raise ConfigError(
            Message(
                "{faults} is for rehearsals: only a sandbox can be told to fail. {otherwise}",
                faults=Setting("faults"),
                otherwise=otherwise,
            )
        )


def say_faults(say: Callable[[str], None], sandbox: EmbeddedSandbox | None) -> None:
    """Say what goes wrong in a sandbox, if anything does: with this text it goes wrong again."""
    if sandbox is not None and sandbox.faults is not None:
        say(f"Faults of the sandbox: {sandbox.faults}")
