"""What to do about what the vendor rejected."""

from __future__ import annotations

ARGUMENTS = "An argument is wrong, or an event does not exist in the control panel. Fix it there or here."


def advise_on_rejection(http_status: int | None, code: int | None) -> str:
    """What to do about a rejection, as far as the status of the answer tells it.

    Args:
        http_status: of the answer.
        code: `status_code` in its body, or None.
    """
    if code == 210:
        return ARGUMENTS
    if 413 in {http_status, code}:
        return "The body is too large. Leave out attributes."
    return "The vendor's message says what is wrong. `failures` lists it for each row."
