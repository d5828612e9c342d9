"""The options of a load: both front ends offer the same, and read it alike."""

from __future__ import annotations

import inspect
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING, get_type_hints

import certifi
import click
import pytest

import loader
from loader.addresses import Proxy
from loader.api.spelling import spell_in_python
from loader.choices import Concurrency, Duration, Library, OnDoubt, Order, Threshold
from loader.cli import cli
from loader.errors import ConfigError
from loader.load_options import LoadKeywords, LoadOptions, TargetKeywords, TargetOptions
from loader.methods import Kind
from loader.option import Section, offered
from loader.rates import Rate

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [each.name for each in offered(LoadOptions)]
TARGETS = [each.name for each in offered(TargetOptions)]


def test_every_option_is_offered_by_both_front_ends() -> None:
    """An option of the command line is a keyword of Python under the name of its field, and the reverse."""
    for kind in Kind:
        command = cli.get_command(click.Context(cli), kind.value)
        assert command is not None
        needed = {each.name for each in offered(LoadOptions) if each.option.needed(kind.method)}
        keywords = set(inspect.signature(getattr(loader, f"load_{kind}")).parameters)
        for given in ({param.name for param in command.params}, keywords):
            assert given & {*NAMES, *TARGETS} == {*needed, *TARGETS}


def test_every_field_has_its_keyword() -> None:
    """What can be set in a record can be given in Python."""
    assert set(get_type_hints(LoadKeywords)) == set(NAMES)
    assert set(get_type_hints(TargetKeywords)) == set(TARGETS)


def test_keywords_are_read_into_the_types_of_the_fields(tmp_path: Path) -> None:
    """Words, numbers and percentages as text arrive as what the rest of the loader works with."""
    bundle = tmp_path / "ca.pem"
    shutil.copy(certifi.where(), bundle)
    given: LoadKeywords = {
        "limit": 3,
        "min_rows": 2,
        "fail_if_empty": True,
        "grown": True,
        "concurrency": "auto:2-8",
        "processes": 2,
        "rate": 1.5,
        "rate_zone": "Europe/Berlin",
        "transport": "requests",
        "order": "device",
        "on_doubt": "resend",
        "max_rejected": "0.5%",
        "max_in_doubt": 7,
        "give_up_after": "1h30m",
        "max_duration": timedelta(hours=4),
        "proxy": "http://127.0.0.1:3128",
        "ca_bundle": str(bundle),
    }
    assert LoadOptions.of(given) == LoadOptions(
        limit=3,
        min_rows=2,
        fail_if_empty=True,
        grown=True,
        concurrency=Concurrency(2, 8),
        processes=2,
        rate=Rate.fixed(1.5),
        rate_zone="Europe/Berlin",
        transport=Library.REQUESTS,
        order=Order.DEVICE,
        on_doubt=OnDoubt.RESEND,
        max_rejected=Threshold(percent=0.5),
        max_in_doubt=Threshold(rows=7),
        give_up_after=Duration(5400),
        max_duration=Duration(14_400),
        proxy=Proxy("http://127.0.0.1:3128"),
        ca_bundle=bundle,
    )
    assert LoadOptions.of({}) == LoadOptions()


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, object()) for name in [*NAMES, *TARGETS]]
    + [(name, True) for name in [*NAMES, *TARGETS] if name not in {"fail_if_empty", "grown"}],
)
def test_a_value_of_a_wrong_type_names_its_keyword(name: str, value: object) -> None:
    """What Python cannot check for a caller is a sentence that begins with the keyword; True is no number."""
    record = LoadOptions if name in NAMES else TargetOptions
    with pytest.raises(ConfigError, match=rf"^{name}(:| is) "), spell_in_python():
        record.of({name: value})  # type: ignore[misc] # on purpose


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_rejected", "200%"), ("max_in_doubt", -1), ("concurrency", 0), ("concurrency", "auto:9-3")],
)
def test_a_value_that_cannot_be_read_names_its_keyword(name: str, value: object) -> None:
    """Of two thresholds the sentence says which one is wrong, and names it once."""
    with pytest.raises(ConfigError, match=rf'^{name}: "{value}" is n') as refused, spell_in_python():
        LoadOptions.of({name: value})  # type: ignore[misc] # on purpose
    assert (str(refused.value).count(name), refused.value.settings) == (1, (name,))


@pytest.mark.parametrize("value", [0, -1.5, 2_000_000])
def test_a_rate_out_of_bounds_is_refused_with_both_bounds(value: float) -> None:
    """What is too much is not told that it must be more than nothing."""
    wanted = rf"^rate is {value:g}; it must be more than 0 and at most 1,000,000 requests a second"
    with pytest.raises(ConfigError, match=wanted.replace("+", r"\+")), spell_in_python():
        LoadOptions.of({"rate": value})


def test_a_secret_is_not_shown() -> None:
    """The password in the address of a proxy does not appear when the options are printed."""
    assert "SECRET" not in repr(LoadOptions(proxy=Proxy.parse("http://user:SECRET@proxy.example:3128")))


def test_a_retry_takes_all_but_what_is_loaded() -> None:
    """Which rows a retry sends is what the checkpoint says; how they are sent can be chosen."""
    command = cli.get_command(click.Context(cli), "retry")
    assert command is not None
    taken = {param.name for param in command.params}
    sending = {each.name for each in offered(LoadOptions) if each.option.section is not Section.CONTENT}
    assert set(NAMES) - sending == {"canary", "limit", "min_rows", "fail_if_empty", "grown", "report_gone"}
    assert taken & set(NAMES) == sending


@pytest.mark.parametrize(
    ("text", "seconds", "shown"),
    [
        ("90s", 90, "1m30s"),
        ("30m", 1800, "30m"),
        (" 6h ", 21_600, "6h"),
        ("2d", 172_800, "2d"),
        ("1d12h30m5s", 131_405, "1d12h30m5s"),
        ("1s", 1, "1s"),
    ],
)
def test_a_duration_is_a_number_with_its_unit(text: str, seconds: int, shown: str) -> None:
    """Seconds, minutes, hours and days, alone or together; shown as it is written."""
    assert Duration.parse(text) == Duration(seconds)
    assert str(Duration.parse(text)) == shown


@pytest.mark.parametrize(
    "text", ["", "6", "h", "6 h", "-6h", "6w", "30m6h", "1.5h", "0s", "0h", "367d", "9" * 9 + "d", "\u0663h"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    """A number without a unit may mean anything, and none at all would stop a load at once."""
    with pytest.raises(ConfigError):
        Duration.parse(text)


@pytest.mark.parametrize("value", [timedelta(), timedelta(seconds=-5), "soon"])
def test_a_duration_that_cannot_be_is_refused_by_its_keyword(value: object) -> None:
    """In Python too."""
    with pytest.raises(ConfigError, match=r"^give_up_after: "), spell_in_python():
        LoadOptions.of({"give_up_after": value})  # type: ignore[typeddict-item] # on purpose
