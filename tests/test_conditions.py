"""What is noted of a run, and read again, whatever became of the note."""

from __future__ import annotations

from pathlib import Path

import certifi
import pytest

from loader.addresses import Proxy
from loader.choices import Library, Threshold
from loader.conditions import Conditions, Ending
from loader.load_options import LoadOptions
from loader.methods import Kind
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
