"""Which call meets which fault."""

from __future__ import annotations

from collections import Counter
from statistics import median, quantiles

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.sandbox.faults import PROFILES, Deal, Dealer, Fault, parse_spec

RATED = "500=5%,502=10%,html=3%,lost-answer=5%,cut-answer=5%,latency=p50:20ms/p99:400ms"


def deal(spec: str, calls: int, *, every: float = 0.0) -> list[Deal]:
    """What happens to the first calls, with seconds between them."""
    dealer = Dealer(parse_spec(spec))
    return [dealer.deal(number * every) for number in range(calls)]


def find(deals: list[Deal], fault: Fault) -> list[int]:
    """The numbers of the calls that meet a fault, from 1."""
    return [number for number, each in enumerate(deals, 1) if each.fault is fault]


@given(
    st.sampled_from([RATED, *PROFILES]),
    st.integers(0, 2**40),
    st.lists(st.floats(0, 100), min_size=1, max_size=60),
)
def test_the_same_seed_and_calls_meet_the_same_faults(text: str, seed: int, times: list[float]) -> None:
    """A rehearsal can be repeated: the same spec deals the same faults and delays to the same calls."""
    one, other = (Dealer(parse_spec(f"{text},seed={seed}")) for _ in range(2))
    assert [one.deal(at) for at in sorted(times)] == [other.deal(at) for at in sorted(times)]


@given(st.integers(0, 2**40), st.lists(st.floats(0, 10), min_size=80, max_size=80))
def test_without_windows_time_changes_nothing(seed: int, times: list[float]) -> None:
    """Shares and numbers of calls depend on the order of calls, and not on how fast they come."""
    spec = parse_spec(f"{RATED},503=#7-9,504=every-11,seed={seed}")
    quick, slow = Dealer(spec), Dealer(spec)
    assert [quick.deal(0.0) for _ in times] == [slow.deal(at) for at in sorted(times)]


def test_another_seed_is_another_day() -> None:
    """Another seed deals the faults to other calls."""
    assert deal(f"{RATED},seed=1", 200) != deal(f"{RATED},seed=2", 200)


def test_a_fault_does_not_move_the_others() -> None:
    """If a fault is added, the calls that met another one still meet it, unless they meet the new one."""
    before, after = deal("502=10%,html=5%", 2000), deal("500=5%,502=10%,html=5%", 2000)
    assert {old.fault for old, new in zip(before, after, strict=True) if old.fault is not new.fault} <= {
        None,
        Fault.HTTP_502,
        Fault.HTML,
    }
    assert all(new.fault in (old.fault, Fault.HTTP_500) for old, new in zip(before, after, strict=True))


@pytest.mark.parametrize("percent", [0.5, 5.0, 60.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_share_is_the_share_of_calls(percent: float, seed: int) -> None:
    """A share of N % hits about N of 100 calls."""
    calls = 40_000
    hit = len(find(deal(f"html={percent}%,seed={seed}", calls), Fault.HTML))
    # Six standard deviations of a binomial distribution.
    assert abs(hit - calls * percent / 100) < 6 * (calls * percent / 100) ** 0.5


def test_faults_are_independent() -> None:
    """Two faults of one share hit different calls."""
    one = set(find(deal("500=10%", 5000), Fault.HTTP_500))
    other = set(find(deal("502=10%", 5000), Fault.HTTP_502))
    assert 20 < len(one & other) < 90  # 50 of 5,000 by chance


def test_every_nth() -> None:
    """every-9 hits calls 9, 18, 27: no chance in it."""
    assert find(deal("html=every-9", 30), Fault.HTML) == [9, 18, 27]


def test_call_numbers() -> None:
    """#4-6 hits calls 4, 5 and 6."""
    assert find(deal("html=#4-6", 30), Fault.HTML) == [4, 5, 6]


def test_window_of_time() -> None:
    """A window begins with its first moment and ends before its last."""
    assert find(deal("html=2s-4s", 10, every=1.0), Fault.HTML) == [3, 4]


def test_conditions_hold_together() -> None:
    """With @ between them, all conditions have to hold."""
    assert find(deal("html=every-2@#4-8@0s-6s", 20, every=1.0), Fault.HTML) == [4, 6]


def test_one_call_meets_one_fault() -> None:
    """Of several faults that hit one call it meets the first in the order of the reference."""
    order = list(Fault)[1:]
    for index, fault in enumerate(order):
        spec = ",".join(f"{each}=#1" for each in reversed(order[index:]))
        assert deal(spec, 1)[0].fault is fault


def test_every_other_lost_answer_is_stored() -> None:
    """Of the calls whose answers are lost the first, third and fifth are stored, and no other."""
    deals = deal("lost-answer=every-2", 12)
    assert [each.stored for each in deals if each.fault] == [True, False] * 3
    assert all(each.stored for each in deals if each.fault is None)


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.LOST_ANSWER])
def test_what_is_stored(fault: Fault) -> None:
    """A call whose answer is damaged is stored, and one that is turned away is not."""
    after = {Fault.RESET_AFTER_STORED, Fault.CUT_ANSWER, Fault.GARBLED_ANSWER, Fault.UNKNOWN_CODE}
    value = "0s-1s" if fault is Fault.OUTAGE else "100%"
    assert [each.stored for each in deal(f"{fault}={value}", 3)] == [fault in after] * 3


def test_capacity() -> None:
    """Of each second's calls the first N are served, and the rest are asked to wait."""
    deals = deal("429=3/s", 12, every=0.2)
    assert find(deals, Fault.HTTP_429) == [4, 5, 9, 10]


def test_capacity_in_a_window() -> None:
    """A capacity can be limited to a time."""
    assert find(deal("429=1/s@1s-2s", 12, every=0.25), Fault.HTTP_429) == [6, 7, 8]


def test_fixed_latency() -> None:
    """A fixed latency is the same for each call."""
    assert {each.seconds for each in deal("latency=20ms", 50)} == {0.02}


def test_even_latency() -> None:
    """Between two times every delay is as likely as any other."""
    seconds = [each.seconds for each in deal("latency=10ms-50ms", 4000)]
    assert 0.01 <= min(seconds) < 0.0101
    assert 0.0499 < max(seconds) <= 0.05
    assert [round(cut, 3) for cut in quantiles(seconds, n=4)] == pytest.approx([0.02, 0.03, 0.04], abs=0.002)


def test_lognormal_latency() -> None:
    """Half of the delays are below the median, and one in a hundred is above the 99th percentile."""
    seconds = [each.seconds for each in deal("latency=p50:20ms/p99:400ms", 20_000)]
    assert median(seconds) == pytest.approx(0.02, rel=0.05)
    assert sum(each > 0.4 for each in seconds) == pytest.approx(200, abs=60)


def test_latencies_add() -> None:
    """Two latencies that hit one call are added; a share of a latency hits that share."""
    deals = deal("latency=20ms,latency=3s@#5,latency=1s@10%", 1000)
    found = Counter(round(each.seconds, 3) for each in deals)
    assert set(found) <= {0.02, 3.02, 1.02, 4.02}
    assert 70 < found[1.02] < 130
    assert round(deals[4].seconds, 3) in (3.02, 4.02)
