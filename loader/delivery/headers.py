"""What stands in the head of each request: a load sends it, and a check measures it."""

from __future__ import annotations

from loader._version import __version__

HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": f"pushwoosh-loader/{__version__}",
    "no-auto-tags": "true",  # as the vendor's own bulk tools send
}
"""Headers of every request, beside Authorization."""
