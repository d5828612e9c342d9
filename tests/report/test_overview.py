"""The page over several loads: their sum, a line for each that unfolds, at every width."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loader.methods import Kind
from loader.model import Account
from loader.report.facts import Group, SeveralFacts, Unreadable
from loader.report.overview import join_reasons, render_overview, shorten_names
from tests.report.conftest import BEGAN, facts, troubled
from tests.report.test_html import HOSTILE, Tags, hostile
from tests.report.test_layout_in_a_browser import WIDTHS, measure

if TYPE_CHECKING:
    from pathlib import Path

    from loader.report.facts import Facts

LOST = Unreadable("lost.ckpt", "lost.ckpt: there is no such checkpoint.")


def several(*loads: Facts, unreadable: tuple[Unreadable, ...] = ()) -> SeveralFacts:
    """Facts of some loads."""
    return SeveralFacts(BEGAN, loads, unreadable)


def done(**changes: Any) -> Facts:
    """A load of users without anything left."""
    found = facts(kind=Kind.USERS, account=Account(10, 10), events=None, rejects=(), doubts=(), decisions=())
    return replace(found, **{"checkpoint": "users.csv.users.ckpt", **changes})


def shown(page: SeveralFacts) -> str:
    """The text of the page, with one blank between words."""
    return " ".join(Tags(render_overview(page)).text.split())


def night(count: int) -> SeveralFacts:
    """A night of N loads through outages, kills and interrupts, with long names."""
    long = "purchases-of-all-the-shops-in-all-the-countries-of-the-northern-hemisphere"
    loads = [troubled(checkpoint=f"/var/lib/{long}-{number:02}.csv.events.ckpt") for number in range(count)]
    lost = Unreadable("x", f"/var/lib/{long}{long}.ckpt: there is no such checkpoint.")
    return several(*loads, unreadable=(lost,))


def test_the_sum_of_all_loads_comes_first() -> None:
    """Rows by state, requests, times and applications are those of all loads together."""
    words = shown(several(facts(), done()))
    assert "59,010 confirmed + 700 rejected + 200 in doubt + 100 never sent = 60,010 rows read" in words
    assert words.index("59,010 confirmed") < words.index("purchases.csv.events.ckpt")
    assert "2 loads for AAAAA-BBBBB" in words
    assert "Of 2 loads, 1 is not finished and 1 is complete." in words
    assert "events for AAAAA-BBBBB api.example.com 1 60,000 59,000 700 200 100" in " ".join(
        Tags(render_overview(several(facts(), done())).replace("<td", " <td").replace("<small", " <small"))
        .text.split()
    )  # fmt: skip


def test_loads_for_several_applications_are_told_apart() -> None:
    """The heading counts the applications, and a table has a line for each."""
    words = shown(several(done(), done(application="CCCCC-DDDDD")))
    assert "2 loads for 2 applications" in words
    assert "users for CCCCC-DDDDD" in words
    assert "Complete: the vendor confirmed every row of every load." in words


def test_one_reason_of_many_loads_is_one_line() -> None:
    """It has the rows of all loads, in how many loads it is, and the remedy of the first that knows one."""
    one = Group("HTTP 413", "the vendor", 5)
    other = Group("HTTP 413", "the vendor", 7, "Leave out attributes.")
    more = Group("no user", "the mapping", 8)
    first, second = join_reasons([[one], [more, other], []])
    assert (first.group, first.loads) == (Group("HTTP 413", "the vendor", 12, "Leave out attributes."), 2)
    assert (second.group, second.loads) == (more, 1)


def test_each_load_unfolds_to_its_own_report() -> None:
    """Each line has charts, next steps and mapping of its load inside, and is closed at first."""
    text = render_overview(several(facts(), done()))
    tags = Tags(text).tags
    loads = [found for tag, found in tags if tag == "details" and found.get("class") == "load"]
    assert loads == [{"class": "load"}] * 2
    assert text.count("What to do next</h4>") == text.count("<h5>Mapping</h5>") == 2
    assert text.count('aria-label="Rows a second over time') == 4


def test_a_checkpoint_that_cannot_be_read_is_named_first() -> None:
    """The page says why, that its rows are in no number, and counts it among the loads."""
    words = shown(several(done(), unreadable=(LOST,)))
    assert "Of 2 loads, 1 cannot be read and 1 is complete." in words
    assert "lost.ckpt: there is no such checkpoint." in words
    assert words.index("none of the numbers") < words.index("10 confirmed")


def test_names_are_as_short_as_they_can_be() -> None:
    """The folder is shown only if two files in different folders have one name."""
    assert shorten_names(["a/x.ckpt", "b/y.ckpt"]) == ["x.ckpt", "y.ckpt"]
    assert shorten_names(["a/x.ckpt", "b/x.ckpt"]) == ["a/x.ckpt", "b/x.ckpt"]


def test_nothing_is_fetched_and_texts_from_outside_stay_texts() -> None:
    """The page of several loads keeps to the same rules as that of one."""
    lost = Unreadable(HOSTILE, HOSTILE)
    text = render_overview(several(hostile(facts()), hostile(facts()), unreadable=(lost,)))
    tags = Tags(text).tags
    assert not {"script", "iframe", "object", "embed", "link", "img", "base", "form"} & {
        tag for tag, _ in tags
    }
    assert not [name for _, found in tags for name in found if name in {"src", "href"} or name[:2] == "on"]
    assert not [c for c in text if not c.isprintable() and c not in "\n\N{FIGURE SPACE}"]
    assert "\\x1b[31m\\u202egnp.exe\\u2028{{ 7 * 7 }}" in Tags(text).text


def test_a_page_of_forty_loads_is_small_enough_to_send() -> None:
    """Forty loads with all their charts stay below what a mail takes."""
    assert len(render_overview(night(40)).encode()) < 8_000_000


@pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("unfolded", [False, True], ids=["closed", "unfolded"])
def test_nothing_of_many_loads_is_wider_than_the_window(
    tmp_path: Path,
    width: int,
    unfolded: bool,
) -> None:
    """Whether its lines are closed or unfolded, nothing of the page has to be moved sideways."""
    text = render_overview(night(3))
    if unfolded:
        text = text.replace('<details class="load">', '<details class="load" open>')
    found = measure(tmp_path, width, text)
    assert found["width"] <= width
    assert found["beyond"] == []
    assert found["scrolled"] == 0
    assert bool(found["names"]) == unfolded
