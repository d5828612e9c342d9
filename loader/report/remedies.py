"""What to do about what the vendor rejected."""

from __future__ import annotations

from loader.message import Command, Message, Setting

UNKNOWN_APPLICATION = Message(
    "The vendor does not know the application. Check {application}.", application=Setting("application")
)
ARGUMENTS = "An argument is wrong, or an event does not exist in the control panel. Fix it there or here."


def advise_on_code(http_status: int | None, code: int | None) -> Message | None:
    """What to do about a rejection, if the status of the answer tells it; else None.

    Args:
        http_status: of the answer.
        code: `status_code` in its body, or None.
    """
    if code == 210:
        return Message(ARGUMENTS)
    if 413 in {http_status, code}:
        return Message("The body is too large. Leave out attributes.")
    return None


def advise_on_rejection(http_status: int | None, code: int | None) -> Message:
    """What to do about a rejection; at least where to look."""
    return advise_on_code(http_status, code) or Message(
        "The vendor's message says what is wrong. {failures} lists it for each row.",
        failures=Command.FAILURES,
    )
