"""What the vendor's words mean if its codes do not tell."""

from __future__ import annotations

import re

# The vendor answers 210 and "Application not found"; other versions may say it in other words.
_UNKNOWN = re.compile(
    r"\bapplication\b.*\b(not\s+found|not\s+exist|unknown|invalid|not\s+valid)\b"
    r"|\b(no\s+such|unknown|invalid)\s+application\b",
    re.IGNORECASE | re.DOTALL,
)


def is_application_unknown(message: str) -> bool:
    """Whether a vendor's reason says that it does not know the application."""
    return _UNKNOWN.search(message) is not None
