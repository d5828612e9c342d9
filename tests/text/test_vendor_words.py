"""What the vendor's words mean if its codes do not tell."""

from __future__ import annotations

import pytest

from loader.text.vendor_words import is_application_unknown


@pytest.mark.parametrize(
    ("message", "unknown"),
    [
        ("Application not found", True),
        ("application AAAAA-BBBBB not found.", True),
        ("Unknown application", True),
        ("No such application: AAAAA-BBBBB", True),
        ("Application code is invalid", True),
        ("Application does not exist", True),
        ("", False),
        ("Event not found", False),
        ("Argument error: hwid is invalid", False),
        ("The quota of the application is used up", False),
    ],
)
def test_a_vendor_that_does_not_know_the_application_is_recognised(message: str, unknown: bool) -> None:
    """Only a reason that says so lets the user correct the application in the same checkpoint."""
    assert is_application_unknown(message) is unknown
