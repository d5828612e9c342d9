"""How long the tests look if looking longer finds more: 1, or EFFORT; `make test-long` takes 5."""

from __future__ import annotations

import os

EFFORT = int(os.environ.get("EFFORT", "1"))
