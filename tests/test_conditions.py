"""What is noted of a run, and read again, whatever became of the note."""

from __future__ import annotations

from pathlib import Path

import certifi
import pytest

from loader.addresses import Proxy
from loader.choices import Library, Threshold
from loader.conditions import MOST_WORKERS, Conditions, Ending, WorkerShare, share_out
from loader.journal.table_rows import make_storable
from loader.load_options import LoadOptions
from loader.methods import Kind
from loader.model import Worker
from loader.rates import Rate
from loader.settings import Endpoint, Settings, Token


def test_conditions_are_read_as_they_were_noted() -> None:
    """Options are named as on the command line; where a proxy is, and the token, stays out."""
    settings = Settings(
        Kind.EVENTS,
        ("a.csv",),
        "AAAAA-BBBBB",
        Endpoint.parse("https://api.example.com/"),
        token=Token("SECRET"),
        options=LoadOptions(
            proxy=Proxy.parse("http://user:SECRET@proxy.example:3128"),
            transport=Library.REQUESTS,
            rate=Rate.fixed(50),
            limit=2000,
            max_rejected=Threshold.parse("0.5%"),
            max_in_doubt=Threshold.parse("1000"),
            ca_bundle=Path(certifi.where()),
        ),
    )
    text = Conditions.of(settings).to_text()
    found = Conditions.from_text(text)
    assert "SECRET" not in text
    assert found.options == {
        "concurrency": "auto:1-256",
        "transport": "requests",
        "rate": "50 a second",
        "limit": "2,000 rows",
        "on-doubt": "hold",
        "order": "none",
        "max-rejected": "0.5%",
        "max-in-doubt": "1,000 rows",
        "proxy": "yes",
        "ca-bundle": "yes",
    }
    assert {"pushwoosh-loader", "Python", "pandas", "pyarrow", "requests", "urllib3"} == found.versions.keys()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"versions": 3, "stopped": null}'])
def test_a_note_that_says_nothing_is_no_error(text: str) -> None:
    """A note that was cut, or that another version wrote, leaves the rest of a report whole."""
    assert Conditions.from_text(text) == Conditions()
    assert Ending.from_text(text) == Ending()


def test_an_end_is_read_as_it_was_noted() -> None:
    """Why a run ended, in its own words."""
    ended = Ending('it stopped: "ü"', interrupted=True)
    assert Ending.from_text(ended.to_text()) == ended


def list_workers(number: int) -> list[Worker]:
    """Workers of which each did more than the one before."""
    return [Worker(f"w{row}", row, 9.0, 0, 1, 0.0, "", 2.5) for row in range(number)]


def test_what_a_worker_did_is_read_as_it_was_noted() -> None:
    """Rows, doubts, mean rate, and why it was lost."""
    lost = Worker('"w" ü', 70, 9.0, 0, 3, 12.0, "it does not answer", 6.04)
    (share,) = share_out([lost])
    assert WorkerShare.from_text(share.to_text()) == WorkerShare('"w" ü', 70, 3, 6.0, "it does not answer")


def test_thousands_of_workers_leave_few_notes_that_add_up() -> None:
    """The busiest are noted each; the last note stands for all others, and nothing is lost of the sums."""
    shares = share_out(list_workers(5 * MOST_WORKERS))
    assert len(shares) == MOST_WORKERS + 1
    assert shares[0].name == f"w{5 * MOST_WORKERS - 1}"
    assert shares[-1].name == f"{4 * MOST_WORKERS} others"
    assert shares[-1].rate is None
    assert sum(share.rows for share in shares) == sum(range(5 * MOST_WORKERS))
    assert sum(share.doubts for share in shares) == 5 * MOST_WORKERS
    assert len(share_out(list_workers(MOST_WORKERS))) == MOST_WORKERS


def test_a_long_reason_leaves_a_note_that_can_be_read() -> None:
    """What a worker says at its end may be a page; a note that the checkpoint cuts would be lost."""
    text = WorkerShare.of(Worker("n" * 9000, 1, 0.0, 0, 0, 0.0, 'x"' * 9000)).to_text()
    assert make_storable(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{",
        '{"name": 1, "rows": 2}',
        '{"name": "a", "rows": "2", "doubts": 0}',
        '{"name": "a", "rows": 2}',
    ],
)
def test_a_note_about_a_worker_that_cannot_be_read_is_left_out(text: str) -> None:
    """A later version may write another one."""
    assert WorkerShare.from_text(text) is None
