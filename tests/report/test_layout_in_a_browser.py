"""The page in a real browser, at the widths of a telephone, a window and a large screen."""

from __future__ import annotations

import html
import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from loader.report.html import render_page
from tests.report.conftest import troubled

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")

WIDTHS = (400, 800, 1400)
MEASURE = """
const page = document.querySelector("iframe").contentDocument;
const all = (what) => [...page.querySelectorAll(what)];
const box = (each) => { const r = each.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
const shown = (each) => each.checkVisibility() && each.getBoundingClientRect().width > 0;
// Of a narrow page, the heads of tables are there for screen readers alone.
const clipped = (each) => innerWidthOfPage < 640 && each.closest("thead");
const beyond = (each) => box(each)[2] > innerWidthOfPage + 1 && !clipped(each);
document.body.textContent = JSON.stringify({
  width: page.documentElement.scrollWidth,
  beyond: all("body *").filter(shown).filter(beyond).map((each) => each.outerHTML.slice(0, 200)),
  scrolled: all("pre").filter((each) => each.scrollWidth > each.clientWidth).length,
  code: box(page.querySelector("h1 .whole")),
  line: parseFloat(getComputedStyle(page.querySelector("h1")).lineHeight),
  names: all(".incidents text").filter(shown).map((each) => [each.textContent, ...box(each)]),
  files: all(".files tr").filter(shown).length,
});
"""


@pytest.fixture(scope="module", params=WIDTHS)
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a browser measures of the page at a width."""
    folder = tmp_path_factory.mktemp("page")
    return {"asked": request.param, **measure(folder, request.param, render_page(troubled()))}


def measure(folder: Path, width: int, text: str) -> dict[str, Any]:
    """Lay a page out in a frame; the page forbids itself scripts, so the frame around it measures."""
    inner = html.escape(text, quote=True)
    frame = f'<iframe width="{width}" height="900" frameborder="0" srcdoc="{inner}"></iframe>'
    script = f"<script>onload = () => {{ const innerWidthOfPage = {width}; {MEASURE} }}</script>"
    target = folder / "outer.html"
    target.write_text(f"<!DOCTYPE html><meta charset=utf-8><body>{frame}{script}")
    command = [
        "chromium",
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={folder / 'profile'}",
    ]
    ran = subprocess.run(
        [*command, "--dump-dom", target.as_uri()], check=True, capture_output=True, text=True, timeout=60
    )
    told = ran.stdout[ran.stdout.index("{") : ran.stdout.rindex("}") + 1]
    found: dict[str, Any] = json.loads(html.unescape(told))
    return found


def test_nothing_is_wider_than_the_window(page: dict[str, Any]) -> None:
    """Nothing has to be moved sideways to be read: no part of the page, and no long command."""
    assert page["width"] <= page["asked"]
    assert page["beyond"] == []
    assert page["scrolled"] == 0


def test_a_heading_does_not_break_inside_a_code(page: dict[str, Any]) -> None:
    """The application code stands on one line of the heading."""
    _, top, _, bottom = page["code"]
    assert bottom - top < 1.5 * page["line"]


def test_a_folder_is_one_line_until_it_is_opened(page: dict[str, Any]) -> None:
    """Of forty files, none takes room on the page before somebody wants to see them."""
    assert page["files"] == 0


def test_what_happened_can_be_read_at_every_width(page: dict[str, Any]) -> None:
    """Each chart names outage, kill, wait and interrupt, and no name lies over another."""
    names = page["names"]
    for what in ("outage", "killed", "interrupted", "vendor asked to wait"):
        assert sum(name == what for name, *_ in names) == 3
    for number, (_, left, top, right, bottom) in enumerate(names):
        for _, *other in names[number + 1 :]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] + 2 or other[3] <= top + 2
