"""The page in a real browser: live, by keyboard, at three widths, light and dark."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from loader.sandbox.calls import Answered, Refused, Registration, TagValues
from loader.sandbox.page.routes import VIEWS
from tests.sandbox.conftest import EVENT, call
from tests.sandbox.page.conftest import (
    APP,
    HOSTILE,
    LONG,
    NIGHTLY,
    answered,
    event,
    fill,
    wait_until,
)
from tests.sandbox.test_server import served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from loader.sandbox.calls import Call

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")

WIDTHS = (400, 800, 1400)
TARGETS = [
    "/",
    *(f"/{name}" for name in VIEWS if name not in ("live", "user")),
    f"/user?application={APP}&id=U1",
]
# What is wider than the window, apart from what is there for screen readers alone.
BEYOND = """() => [...document.querySelectorAll("body *")]
    .filter((each) => each.checkVisibility() && each.getBoundingClientRect().width > 1)
    .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
    .filter((each) => !each.closest(".unseen, .skip, thead"))
    .map((each) => each.outerHTML.slice(0, 200))"""
# The contrast of each text with what stands behind it (WCAG 2.1, 1.4.3).
CONTRASTS = """() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (each) => {
    for (let at = each; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll("body *")]
    .filter((each) => each.checkVisibility())
    .filter((each) => [...each.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
    .map((each) => {
      const drawn = each instanceof SVGElement;
      const ink = parse(getComputedStyle(each)[drawn ? "fill" : "color"]);
      const [a, b] = [light(ink), light(behind(each))].sort((x, y) => y - x);
      return [(a + 0.05) / (b + 0.05), each.outerHTML.slice(0, 120)];
    })
    .filter(([contrast]) => contrast < 4.5);
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium, without a window."""
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A sandbox with some of everything, long and hostile texts among it."""
    store = tmp_path_factory.mktemp("store") / "store.sqlite3"
    calls: list[Call] = [
        Registration(APP, "D1", "U1", 25_200, 3),
        Registration(APP, "D2", "U2", None, 1),
        Registration(APP, "D2", LONG, -2_917, 1),
        Registration(APP, LONG, HOSTILE, 0, 1),
        TagValues(APP, "", "U1", f'{{"plan": "{LONG}"}}'),
        *(event(86_400 * 9 * number, event=f"name {number % 8}") for number in range(60)),
        event(),
        event(),
        event(user_id=LONG, hwid=LONG, event=HOSTILE[:32], attributes=f'{{"cds": "{LONG}"}}'),
        event(user_id="", hwid="nobody", timestamp_utc=None),
    ]
    fill(store, calls, NIGHTLY)
    second = int(time.time())
    refused = Refused(second * 1000, NIGHTLY, "postEvent", 200, 210, HOSTILE, LONG)
    verdicts = ("ok", "refused 210", "answer cut in the middle of its body", LONG)
    counts = {Answered(second - n, NIGHTLY, "postEvent", verdicts[n % 4]): 20 + n for n in range(200)}
    answered(store, counts, [refused])
    with served(store) as serving:
        yield serving.endpoint.removesuffix("/json/1.3/")


class Visit:
    """A page that is looked at, and what went wrong or elsewhere meanwhile."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def wait_for_news(self) -> None:
        """Wait until the page was brought up to date twice: the second began after this call."""
        seen = "Number(document.querySelector('.live').dataset.updated || 0)"
        until = self.page.evaluate(seen) + 2
        # Not by a function in the page: its policy forbids to make one of a text.
        assert wait_until(lambda: bool(self.page.evaluate(seen) >= until), 30)


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """A window of 800 pixels."""
    context = browser.new_context(viewport={"width": 800, "height": 700})
    yield Visit(context.new_page())
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_fits_and_can_be_read(browser: Browser, base: str, scheme: Any) -> None:
    """At no width has a view to be moved sideways, each text stands out, and nothing comes from elsewhere."""
    context = browser.new_context(color_scheme=scheme)
    visit = Visit(context.new_page())
    for target in TARGETS:
        visit.page.goto(base + target)
        for width in WIDTHS:
            visit.page.set_viewport_size({"width": width, "height": 900})
            assert visit.page.evaluate("innerWidth") == width
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= width, (target, width)
            assert visit.page.evaluate(BEYOND) == [], (target, width)
            assert visit.page.evaluate(CONTRASTS) == [], (target, width)
    context.close()
    assert visit.complaints == []
    assert {urlsplit(url).netloc for url in visit.requests} == {urlsplit(base).netloc}


def test_dark_and_light_are_the_systems(browser: Browser, base: str) -> None:
    """The page is dark if the system is, and light if not."""
    found = {}
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)
        page = context.new_page()
        page.goto(base)
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        found[scheme] = sum(int(part) for part in colour[4:-1].split(","))
        context.close()
    assert found["light"] > 700
    assert found["dark"] < 150


def test_the_page_is_up_to_date_while_calls_arrive(visit: Visit, base: str) -> None:
    """What is sent while somebody looks is shown without a click, and the focus and the place stay."""
    visit.page.goto(f"{base}/events")
    before = visit.page.inner_text("#events-sum")
    link = visit.page.locator("#events-latest tbody tr:nth-child(3) th a")
    key = visit.page.locator("#events-latest tbody tr:nth-child(3)").get_attribute("data-key")
    link.focus()
    where = link.bounding_box()
    for number in range(5):
        assert (
            call(f"{base}/json/1.3/", "postEvent", EVENT, timestampUTC=1_435_228_403 + number).status == 200
        )
    visit.wait_for_news()
    assert visit.page.inner_text("#events-sum") != before
    focused = visit.page.evaluate("document.activeElement.closest('tr').dataset.key")
    assert focused == key
    same = visit.page.locator(f"#events-latest tr[data-key='{key}'] th a").bounding_box()
    assert where
    assert same
    assert abs(same["y"] - where["y"]) < 2
    assert visit.complaints == []


def test_a_selection_is_left_alone(visit: Visit, base: str) -> None:
    """A text that is selected to be copied is not exchanged under the hand; afterwards the news come."""
    visit.page.goto(f"{base}/events")
    select = "getSelection().selectAllChildren(document.querySelector('#events-sum .verdict'))"
    visit.page.evaluate(select)
    before = visit.page.evaluate("getSelection().toString()")
    assert before
    call(f"{base}/json/1.3/", "postEvent", EVENT)
    visit.wait_for_news()
    assert visit.page.evaluate("getSelection().toString()") == before
    visit.page.evaluate("getSelection().removeAllRanges()")
    visit.wait_for_news()
    assert visit.page.inner_text("#events-sum .verdict").strip() != before.strip()


def test_the_page_can_be_paused_by_keyboard(visit: Visit, base: str) -> None:
    """Paused, it asks for nothing; resumed, it does."""
    visit.page.goto(base)
    visit.page.get_by_role("button", name="Pause").focus()
    visit.page.keyboard.press("Enter")
    visit.page.get_by_text("Paused at").wait_for()
    visit.page.wait_for_load_state("networkidle")
    asked = len(visit.requests)
    visit.page.wait_for_timeout(2_500)  # longer than the pause between two requests
    assert len(visit.requests) == asked
    visit.page.keyboard.press("Enter")
    visit.wait_for_news()
    assert len(visit.requests) > asked


def test_a_page_says_when_the_sandbox_is_gone(visit: Visit, tmp_path: Path) -> None:
    """After the sandbox has ended, the page keeps what it showed and says so."""
    with served(tmp_path / "s") as serving:
        visit.page.goto(serving.endpoint.removesuffix("json/1.3/"))
        visit.wait_for_news()
    visit.page.get_by_text("The sandbox does not answer").wait_for(timeout=20_000)
    assert "Nothing was sent here yet" in visit.page.inner_text("main")


def test_the_first_call_fills_an_empty_page(visit: Visit, tmp_path: Path) -> None:
    """A page that was opened before anything came shows what comes, with its chart and tables."""
    with served(tmp_path / "s") as serving:
        visit.page.goto(serving.endpoint.removesuffix("json/1.3/"))
        assert call(serving.endpoint, "postEvent", EVENT).status == 200
        visit.page.locator("#live-loads table").wait_for(timeout=20_000)
        assert "1" in visit.page.inner_text(".tiles .count >> nth=0")
        visit.wait_for_news()
    assert [each for each in visit.complaints if "Failed to load" not in each] == []


def test_a_user_is_found_by_keyboard_alone(visit: Visit, base: str) -> None:
    """From the first view to one user's history: only Tab, letters and Enter; the focus can be seen."""
    visit.page.goto(base)
    press_until(visit.page, "document.activeElement.textContent === 'Users'")
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_url("**/users")
    press_until(visit.page, "document.activeElement.id === 'q'")
    visit.page.keyboard.type("u1")
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_url("**/users?q=u1")
    press_until(visit.page, "document.activeElement.textContent === 'U1'")
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_url("**/user?*")
    assert visit.page.inner_text("h1") == "User U1"
    history = visit.page.inner_text("#user-history")
    assert "2016-12-07 10:33:23" in history  # UTC
    assert "2016-12-07 17:33:23" in history  # local


def press_until(page: Page, met: str) -> None:
    """Press Tab until a condition is met; each stop on the way can be seen."""
    for _ in range(40):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", page.evaluate("document.activeElement.outerHTML")
        if page.evaluate(met):
            return
    pytest.fail(f"Tab does not lead to where {met}")


def test_a_page_without_scripts_is_whole(browser: Browser, base: str) -> None:
    """Where scripts are off, everything is there, and a reload shows the news."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{base}/events")
    assert page.locator("table").count() == 3
    assert page.locator("svg.chart.wide").count() == 1
    before = page.inner_text("#events-sum")
    call(f"{base}/json/1.3/", "postEvent", EVENT)
    page.reload()
    assert page.inner_text("#events-sum") != before
    context.close()


def test_hostile_texts_do_nothing(visit: Visit, base: str) -> None:
    """A user whose id is a script has a page, also after it was brought up to date by our own script."""
    visit.page.goto(f"{base}/users?q=pwned")
    visit.page.locator("#users-list tbody a").first.click()
    visit.page.wait_for_url("**/user?*")
    visit.wait_for_news()
    assert "pwned" in visit.page.inner_text("h1")
    assert visit.page.title().endswith("· sandbox")
    assert visit.complaints == []
