"""The command line, with shorter permits: `python -m tests.crash.cluster.coordinator SECONDS COMMAND ...`.

A user cannot set them, because a permit has to outlive the pauses of any network. A lost worker costs one, so
here they are over sooner, and a load can lose many. What is shorter is the waiting, and nothing else.
"""

from __future__ import annotations

import sys
import warnings

from loader.__main__ import main
from loader.cluster import permit


def shorten_permits(seconds: float) -> None:
    """Let workers send without being heard for this long, and the load wait for workers ten times as long."""
    permit.PERMIT_SECONDS = seconds
    permit.MARGIN_SECONDS = seconds / 4
    permit.ALONE_SECONDS = 10 * seconds


if __name__ == "__main__":
    warnings.resetwarnings()
    shorten_permits(float(sys.argv.pop(1)))
    main()
