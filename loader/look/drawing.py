"""pygal, without what it does to the interpreter it is imported into."""

from __future__ import annotations

import sys

import pygal

# For plug-ins with maps pygal adds a finder of a kind that Python 3.12 took away: with it, every import that
# fails warns.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]

from pygal import XY, StackedBar  # noqa: E402 - see above
from pygal.etree import etree  # noqa: E402
from pygal.style import Style  # noqa: E402

__all__ = ["XY", "StackedBar", "Style", "etree"]
