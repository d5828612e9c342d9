"""The order of jobs."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.cli.jobs.job import Circle, Job, arrange, list_waits
from loader.methods import Kind


def job(name: str, kind: Kind = Kind.USERS, after: tuple[str, ...] | None = None) -> Job:
    """A job."""
    return Job(name, kind, (f"{name}.csv",), after=after)


def test_users_come_before_tags_and_tags_before_events() -> None:
    """A device is registered before anything is said of it, whatever the order in the file."""
    jobs = [job("e", Kind.EVENTS), job("t", Kind.TAGS), job("u2"), job("u1")]
    assert arrange(jobs) == ["u2", "u1", "t", "e"]
    assert [list_waits(each, jobs) for each in jobs] == [("u2", "u1"), ("u2", "u1"), (), ()]


def test_what_the_file_says_of_waiting_counts_more() -> None:
    """An empty list waits for nothing, and a list for what it names alone."""
    jobs = [job("e", Kind.EVENTS, ()), job("u", Kind.USERS, ("e",)), job("t", Kind.TAGS, ("e",))]
    assert arrange(jobs) == ["e", "u", "t"]
    assert list_waits(jobs[0], jobs) == ()


@pytest.mark.parametrize(
    "jobs",
    [
        [job("a", after=("b",)), job("b", after=("a",))],
        [job("a", after=("b",)), job("b", after=("c",)), job("c", after=("a",)), job("d")],
        [job("u", after=("e",)), job("e", Kind.EVENTS)],
    ],
    ids=["two", "three", "by default"],
)
def test_a_circle_is_named(jobs: list[Job]) -> None:
    """Each job of the circle stands before the one that it waits for."""
    with pytest.raises(Circle) as caught:
        arrange(jobs)
    names, by_name = caught.value.names, {each.name: each for each in jobs}
    assert names[0] == names[-1]
    assert all(other in list_waits(by_name[one], jobs) for one, other in itertools.pairwise(names))


@given(st.lists(st.tuples(st.sampled_from(list(Kind)), st.lists(st.integers(0, 7))), min_size=1, max_size=8))
def test_no_job_runs_before_what_it_waits_for(drawn: list[tuple[Kind, list[int]]]) -> None:
    """Whatever jobs there are, each has its place after those that it waits for."""
    jobs = [
        job(str(number), kind, tuple(str(other) for other in others if other < number))
        for number, (kind, others) in enumerate(drawn)
    ]
    order = arrange(jobs)
    assert sorted(order) == sorted(each.name for each in jobs)
    assert all(order.index(other) < order.index(each.name) for each in jobs for other in each.after or ())
