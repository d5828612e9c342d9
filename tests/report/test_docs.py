"""The report in `docs/`."""

from __future__ import annotations

import re
import socket
from pathlib import Path

from tests.report.test_html import Tags

REPORT = Path(__file__).parent.parent.parent / "docs" / "report-cdnow.html"


def test_the_report_in_the_docs_tells_the_whole_story_and_no_secret() -> None:
    """A kill, an interruption, waits, rejects and settled doubts stand there; no path, host or token does."""
    text = REPORT.read_text(encoding="utf-8")
    words = " ".join(Tags(text).text.split())
    for told in ("was killed", "was interrupted", "was completed", "Retry-After", "status_code 210"):
        assert told in words
    for decided in ("the vendor has them", "the vendor does not have them", "the mapping was changed"):
        assert decided in words
    numbers = re.search(
        r"([\d,]+) confirmed \+ ([\d,]+) rejected \+ ([\d,]+) in doubt \+ ([\d,]+) never", words
    )
    assert numbers
    assert sum(int(number.replace(",", "")) for number in numbers.groups()) == 69_659
    assert not re.search(r"/(?:tmp|home|root|Users|work)/|not-a-real-token", text)
    assert socket.gethostname() not in text
    assert len(text) < 300_000
