"""The picture of the live view in the README."""

from __future__ import annotations

import re

import pytest

from loader.progress.terminal import build_columns
from tests.conftest import SAMPLES
from tests.progress.moments import moment

PICTURE = (SAMPLES.parent / "docs" / "terminal.svg").read_text()
TEXT = " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", PICTURE)).replace("&#160;", " ")


def test_the_picture_is_of_the_present_view() -> None:
    """Each name in the view is in the picture; if not, docs/make_terminal_picture.py makes it again."""
    names = [name for column in build_columns(moment()) for name, _, _ in column]
    assert not [name for name in names if name not in TEXT]


@pytest.mark.parametrize("trace", ["/tmp", "/home", "/root", "/work", "url(http", "@import", "@font-face"])
def test_the_picture_tells_nothing_of_a_machine_and_loads_nothing(trace: str) -> None:
    """It can be shown anywhere, and nothing in it is of the machine that made it."""
    assert trace not in PICTURE
