"""What a fault spec means, and what is said about one that means nothing."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.errors import ConfigError
from loader.sandbox.faults import PROFILES, Fault, parse_spec
from loader.sandbox.faults.occasions import ALWAYS, Occasion
from loader.sandbox.faults.spec import Capacity, Delay, Evenly, Lognormal, RetryAfter, Rule
from loader.sandbox.faults.spec_text import NAMES


@pytest.mark.parametrize(
    ("value", "occasion"),
    [
        ("0.5%", Occasion(share=0.005)),
        ("100%", Occasion(share=1.0)),
        ("every-9", Occasion(every=9)),
        ("#7", Occasion(calls=(7, 7))),
        ("#100-200", Occasion(calls=(100, 200))),
        ("#100-", Occasion(calls=(100, inf))),
        ("20s-40s", Occasion(seconds=(20, 40))),
        ("1.5m-", Occasion(seconds=(90, inf))),
        ("0s-500ms", Occasion(seconds=(0, 0.5))),
        ("10%@20s-1h", Occasion(share=0.1, seconds=(20, 3600))),
        ("every-3@#10-@5s-6s", Occasion(every=3, calls=(10, inf), seconds=(5, 6))),
    ],
)
def test_which_calls(value: str, occasion: Occasion) -> None:
    """A fault hits a share of calls, every Nth, a time or numbers of calls, or what these have in common."""
    assert parse_spec(f"500={value}").rules == (Rule(Fault.HTTP_500, occasion),)


def test_settings() -> None:
    """Seed, latency, capacity and Retry-After are settings beside the faults."""
    spec = parse_spec(
        "seed=7, latency=20ms, latency=10ms-50ms@20s-, latency=p50:20ms/p99:400ms, 429=500/s, "
        "retry-after=date:2s"
    )
    assert spec.seed == 7
    assert spec.delays == (
        Delay(Evenly(0.02, 0.02), ALWAYS),
        Delay(Evenly(0.01, 0.05), Occasion(seconds=(20, inf))),
        Delay(Lognormal(0.02, 0.4), ALWAYS),
    )
    assert spec.capacities == (Capacity(500, ALWAYS),)
    assert spec.retry_after == RetryAfter(2, as_date=True)
    assert parse_spec("retry-after=off").retry_after is None
    assert parse_spec("429=1%").rules == (Rule(Fault.HTTP_429, Occasion(share=0.01)),)


def test_a_part_takes_the_place_of_what_the_profile_says() -> None:
    """After a profile, a name replaces all that the profile says about this name, and nothing else."""
    usual, changed = parse_spec("flaky"), parse_spec("flaky,500=7%,lost-answer=off,seed=3")
    replaced = {Fault.HTTP_500: Rule(Fault.HTTP_500, Occasion(share=0.07)), Fault.LOST_ANSWER: None}
    expected = [replaced.get(rule.fault, rule) for rule in usual.rules]
    assert set(changed.rules) == {rule for rule in expected if rule}
    assert (changed.delays, changed.seed) == (usual.delays, 3)


def test_a_name_that_stands_twice_holds_twice() -> None:
    """Two windows of one fault are two parts."""
    assert parse_spec("outage=1s-2s,outage=5s-6s").outages == ((1, 2), (5, 6))


@pytest.mark.parametrize("name", PROFILES)
def test_profiles_have_a_meaning(name: str) -> None:
    """Each profile is a spec, and is the same as its text."""
    assert parse_spec(name) == parse_spec(PROFILES[name].text)


SHARES = st.integers(1, 10_000).map(lambda number: f"{number / 100:g}%")
TIMES = st.tuples(st.integers(0, 99), st.integers(1, 99)).map(lambda pair: f"{pair[0]}s-{sum(pair)}s")
CALLS = st.tuples(st.integers(1, 99), st.integers(0, 99)).map(lambda pair: f"#{pair[0]}-{sum(pair)}")
PARTS = st.one_of(
    st.tuples(
        st.sampled_from([fault for fault in Fault if fault is not Fault.OUTAGE]),
        st.one_of(SHARES, TIMES, CALLS),
    ),
    st.tuples(st.just("latency"), st.sampled_from(["20ms", "1s-2s", "p50:3ms/p99:4ms@10%", "off"])),
    st.tuples(st.just("outage"), TIMES),
)


@given(st.sampled_from(["", *PROFILES]), st.lists(PARTS, max_size=6), st.integers(0, 99))
def test_the_text_of_a_spec_is_the_same_spec(profile: str, parts: list[tuple[str, str]], seed: int) -> None:
    """What the sandbox prints can be given to it again, and means the same."""
    pieces = [*filter(None, [profile]), *(f"{name}={value}" for name, value in parts), f"seed={seed}"]
    spec = parse_spec(",".join(pieces))
    assert parse_spec(str(spec)) == spec


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("flakey", r'"flakey" is neither a profile nor a fault\. Did you mean "flaky"\?'),
        ("reset-afer-stored=1%", r'"reset-afer-stored" is not a fault\. Did you mean "reset-after-stored"\?'),
        ("calm,flaky", '"flaky" is a profile: it comes first'),
        ("calm,outage", r"The fault of this name is outage=20s-40s\."),
        ("", "says nothing. Name a profile"),
        (" , ", "says nothing"),
        ("seed=1,seed=2", "seed stands 2 times"),
        ("outage=1%", "refused to all or to none"),
        ("outage=1s-2s@5%", "refused to all or to none"),
        ("500=1%@2%", r"two conditions of one sort\. Give 500=\.\.\. once for each"),
        ("500=1%@20", r'500=1%@20: "20" does not fit 500\. Did you mean "20%"\?'),
        ("500=20-40s", r'Did you mean "20s-40s"\?'),
        ("latency=20", r'Did you mean "20ms"\?'),
        ("429=500", r'Did you mean "500/s"\?'),
        ("500=40s-20s", "The earlier time comes first"),
        ("500=#9-3", "The smaller number comes first"),
        ("latency=50ms-10ms", "The shorter time comes first"),
        ("latency=p50:2s/p99:1s", "The median must be more than 0"),
        ("500=0%", "more than 0% and at most 100%"),
        ("500=101%", "more than 0% and at most 100%"),
        ("500=25h-", "A day is the longest time"),
        ("429=0/s", r"a capacity \(500/s\)"),
    ],
)
def test_what_has_no_meaning_is_named(text: str, message: str) -> None:
    """The message names the part that is wrong, and what was probably meant."""
    with pytest.raises(ConfigError, match=message):
        parse_spec(text)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("piece", ["{}=nonsense", "{}="])
def test_a_value_without_meaning_is_answered_by_those_that_have_one(name: str, piece: str) -> None:
    """For each name the message says which values it takes, with an example that is read."""
    with pytest.raises(ConfigError) as refused:
        parse_spec(piece.format(name))
    examples = (
        str(refused.value)
        .partition("It takes ")[2]
        .replace("(", " ")
        .replace(")", " ")
        .replace(",", " ")
        .split()
    )
    assert [word for word in examples if is_read(f"{name}={word.rstrip('.;:')}")]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in PROFILES])
def test_a_name_alone_is_asked_for_its_value(name: str) -> None:
    """A fault or a setting without a value is no spec; one that is also a profile is that."""
    with pytest.raises(ConfigError, match=f'"{name}" has no value. It takes'):
        parse_spec(name)


def is_read(text: str) -> bool:
    """Whether a spec has a meaning."""
    try:
        return bool(parse_spec(text))
    except ConfigError:
        return False
