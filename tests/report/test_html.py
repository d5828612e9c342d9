"""The page: needs nothing from outside, lets nothing in, says every number."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from dataclasses import fields, is_dataclass, replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from loader.methods import Kind
from loader.model import Account, FileRecord
from loader.report.facts import Counts, DecisionFacts, Events, Group, WorkerFacts
from loader.report.html import MOST_FILES, MOST_WORKERS, render_page
from loader.text.next_steps import Remains, Step, Way
from tests.report.conftest import BEGAN, facts, run, troubled

if TYPE_CHECKING:
    from pathlib import Path

WORKERS = (
    WorkerFacts("w1", 20_000, 0, 131.4, lost=False),
    WorkerFacts("w2", 9_000, 17, None, lost=True, reason="it does not answer"),
)
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&\x1b[31m\u202egnp.exe\u2028{{ 7 * 7 }}"


class Tags(HTMLParser):
    """All tags with their attributes, and the text in between."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.text += data


def hostile(value: Any) -> Any:
    """The same facts with every text from outside replaced."""
    if is_dataclass(value) and not isinstance(value, type):
        kept = {"kind", "made", "account"} if hasattr(value, "kind") else set()
        changes = {each.name: hostile(getattr(value, each.name)) for each in fields(value) if each.init}
        return replace(value, **{name: found for name, found in changes.items() if name not in kept})
    if isinstance(value, str):
        return value if re.fullmatch(r"\d{4}-\d{2}", value) else HOSTILE
    if isinstance(value, tuple):
        return tuple(hostile(each) for each in value)
    if isinstance(value, dict):
        return {HOSTILE: hostile(next(iter(value.values())))} if value else value
    return value


PAGES = {
    "a load": facts(),
    "workers": facts(runs=(run(1, BEGAN, workers=WORKERS * MOST_WORKERS),)),
    "hostile texts": hostile(
        facts(
            with_examples=True,
            rejects=(Group("a", "b", 1, "c", ("d", "e")),),
            runs=(run(1, BEGAN, workers=WORKERS),),
        )
    ),
    "hostile reasons": hostile(
        facts(events=None, no_events="gone", decisions=(DecisionFacts(BEGAN, "x", "y"),))
    ),
}


@pytest.mark.parametrize("text", [render_page(each) for each in PAGES.values()], ids=list(PAGES))
def test_nothing_is_fetched_and_nothing_runs(text: str) -> None:
    """No script, no address that a browser would open, no import; and the page forbids them all."""
    tags = Tags(text).tags
    active = {"script", "iframe", "object", "embed", "link", "img", "base", "form"}
    assert not active & {tag for tag, _ in tags}
    for _, attributes in tags:
        assert not {"src", "href", "xlink:href", "srcset", "action"} & attributes.keys()
        assert not [name for name in attributes if name.startswith("on")]
        assert "url(" not in (attributes.get("style") or "")
    assert not re.search(r"@import|url\(", text.split("</style>", maxsplit=1)[0])
    policies = [found["content"] for tag, found in tags if tag == "meta" and "http-equiv" in found]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]


@pytest.mark.parametrize("name", ["hostile texts", "hostile reasons"])
def test_texts_from_outside_stay_texts(name: str) -> None:
    """Names, messages and a mapping are shown as they are written; what steers a terminal is spelled out."""
    text = render_page(PAGES[name])
    assert not [c for c in text if not c.isprintable() and c not in "\n\N{FIGURE SPACE}"]
    shown = Tags(text).text
    assert "<script>alert(1)</script>" in shown
    assert "\\x1b[31m\\u202egnp.exe\\u2028{{ 7 * 7 }}" in shown


def test_the_account_is_said_and_adds_up() -> None:
    """The four counts stand there in full, and their sum is the number of rows."""
    shown = " ".join(Tags(render_page(facts())).text.split())
    assert "59,000 confirmed + 700 rejected + 200 in doubt + 100 never sent = 60,000 rows read" in shown
    assert "Not complete: 100 of 60,000 rows were never sent." in shown


@pytest.mark.parametrize(
    ("account", "words"),
    [
        (Account(10, 10), "Complete: the vendor confirmed all 10 rows."),
        (
            Account(10, 7, 2, 1),
            "Finished: 7 of 10 rows are confirmed. Left to decide: 2 rejected and 1 in doubt.",
        ),
        (Account(10, 5, in_flight=5), "The load was still running"),
        (Account(0), "The input holds no rows."),
    ],
)
def test_the_first_sentence_tells_how_it_stands(account: Account, words: str) -> None:
    """A reader in a hurry learns whether anything is left to do."""
    assert words in render_page(facts(account=account, running=bool(account.in_flight)))


def test_charts_have_words_for_those_who_cannot_see_them() -> None:
    """Each drawing has a label, each figure a caption with its numbers."""
    text = render_page(facts())
    tags = Tags(text).tags
    drawings = [found for tag, found in tags if tag == "svg" and "chart" in (found.get("class") or "")]
    assert len(drawings) == 8  # four figures in two widths
    assert all(found.get("aria-label") and found.get("role") == "img" for found in drawings)
    assert [tag for tag, _ in tags].count("figcaption") == 4
    assert "100 rows a second on average" in text
    assert "nothing could be sent for 3.0 s because of an outage" in text


def test_a_load_without_a_sample_has_a_page() -> None:
    """Runs of an older version, and a checkpoint before its first run: the page says so."""
    for runs in ((), (run(1, BEGAN, stretches=(), options={}, versions={}),)):
        assert "Nothing was measured" in render_page(facts(runs=runs))


def test_one_short_sample_is_drawn() -> None:
    """A load of a fifth of a second shows a line, not an empty chart."""
    stretch = run(1, BEGAN).stretches[0]
    text = render_page(facts(runs=(run(1, BEGAN, stretches=(replace(stretch, seconds=0.2),)),)))
    assert "seconds of loading" in text
    assert re.search(r'class="line[^"]*" d="|d="M[^"]*" class="line', text)


def test_answers_without_a_time_are_no_error() -> None:
    """A run in which the vendor never answered has throughput, and no chart of latencies."""
    silent = tuple(replace(each, times=(0,) * len(each.times)) for each in run(1, BEGAN).stretches)
    text = render_page(facts(runs=(run(1, BEGAN, stretches=silent),)))
    assert "How long answers took" not in text
    assert "Requests on the wire" in text


def test_users_have_no_events() -> None:
    """The page of a load of users does not speak of events by month."""
    assert "Events by month" not in render_page(facts(kind=Kind.USERS, events=None))


def test_many_months_are_drawn_as_years() -> None:
    """Twenty years are twenty bars."""
    months = tuple((f"{year}-{month:02}", Counts(1)) for year in range(2001, 2021) for month in range(1, 13))
    events = Events((("a", Counts(240)),), Counts(), months, Counts())
    text = render_page(facts(events=events))
    assert ">2002</text>" in text
    assert ">2002-01</text>" not in text


def test_the_way_on_is_a_command_to_be_copied() -> None:
    """Commands stand on lines of their own."""
    command = "pushwoosh-loader status 'a b.ckpt'"
    step = Step(Remains.RUNNING, "A load is running", ways=(Way("To see how far it is", command),))
    shown = render_page(facts(steps=(step,)))
    assert f"<pre>{html.escape(command).replace('&#x27;', '&#39;')}</pre>" in shown


def test_a_report_is_small() -> None:
    """A week in a hundred runs is a page of a few hundred kilobytes."""
    runs = tuple(run(number, BEGAN) for number in range(1, 101))
    files = tuple(FileRecord(f"2024-{number}.csv", 1, "a" * 64, 1) for number in range(30))
    assert len(render_page(facts(runs=runs, files=files))) < 500_000


@pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")
def test_a_browser_opens_it_without_a_complaint(tmp_path: Path) -> None:
    """The page is whole in a real browser: no error on its console, and the charts are laid out."""
    target = tmp_path / "report.html"
    target.write_text(render_page(facts()))
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    options += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    options += [f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr", "--v=0"]
    ran = subprocess.run(
        ["chromium", *options, "--dump-dom", target.as_uri()],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "CONSOLE" not in ran.stderr
    assert ran.stdout.count("<svg") == render_page(facts()).count("<svg")
    assert ran.stdout.rstrip().endswith("</html>")


def test_the_page_names_the_method_as_the_vendor_does() -> None:
    """The reader of a report finds the API method by its name in the vendor's documentation."""
    text = render_page(facts())
    assert "postEvent" in text
    assert "Method(" not in text


def test_zero_is_a_number() -> None:
    """A count of nothing is shown as 0, so that nobody asks whether it was forgotten."""
    rows = re.findall(r'<tr><td class="head"><bdi>refund</bdi>.*?</tr>', render_page(facts()), re.DOTALL)
    assert re.findall(r'data-label="[^"]*">([\d,]*)</td>', rows[0]) == ["9,000", "200", "0", "0"]


@pytest.mark.parametrize(
    ("files", "folded"), [(1, False), (MOST_FILES, False), (MOST_FILES + 1, True), (40, True)]
)
def test_many_files_are_one_line_that_unfolds(files: int, folded: bool) -> None:
    """A folder is its number of files and rows; each file, and its whole SHA-256, is there to be unfolded."""
    records = tuple(FileRecord(f"{number}.csv", 1000, f"{number:064}", 10) for number in range(files))
    text = render_page(facts(files=records))
    assert ('<details class="files">' in text) is folded
    assert (f"{files} input files, {files * 10:,} rows" in text) is folded
    assert all(record.sha256 in text for record in records)


def test_marks_of_a_chart_have_words_for_a_screen_reader() -> None:
    """What is marked is said too: of each chart over time, in the order in which it happened."""
    text = render_page(troubled())
    assert text.count("Marked: outage, killed, vendor asked to wait, interrupted") == 6


def test_a_run_on_a_cluster_shows_its_workers() -> None:
    """What each did, whether it was lost and why stand below the runs; other runs have no such table."""
    shown = " ".join(
        Tags(render_page(facts(runs=(run(1, BEGAN), run(2, BEGAN, workers=WORKERS))))).text.split()
    )
    assert "Workers of run 2 WorkerRequestsA secondWithout an answerAt the end" in shown
    assert "w120,0001310It took part. w29,000–17It was lost.it does not answer" in shown
    assert "Workers of run 1" not in shown
    assert "Without an answer" not in render_page(facts())


def test_many_workers_are_one_line_that_unfolds() -> None:
    """Hundreds of workers do not bury the rest of the page; their sum is said."""
    assert "workers, " not in render_page(facts(runs=(run(1, BEGAN, workers=WORKERS),)))
    many = facts(runs=(run(1, BEGAN, workers=WORKERS * MOST_WORKERS),))
    number = 2 * MOST_WORKERS
    assert (
        f"<summary>{number} workers, {29_000 * MOST_WORKERS:,} requests, {MOST_WORKERS} lost</summary>"
        in (render_page(many))
    )
