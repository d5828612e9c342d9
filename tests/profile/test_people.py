"""Devices, users and repetitions, against an independent count in pandas."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.profile import people
from loader.profile.people import Bodies, Found, People
from loader.profile.sketch import hash_values
from loader.spill import Spill

Tie = tuple[str, str]


@pytest.fixture(params=[4, 100_000], ids=["on disk", "in memory"])
def buffered(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Few records in memory, so that the rest goes to disk; and all of them."""
    size: int = request.param
    monkeypatch.setattr(people, "Spill", lambda width: Spill(width, buffered=size))
    return size


def counted(ties: list[Tie], loose: list[str], *, last_wins: bool) -> Found:
    """The same ties through the code, a few rows a chunk."""
    ours = People(last_wins=last_wins)
    for start in range(0, len(ties), 3):
        part = ties[start : start + 3]
        devices, users = (hash_values(pa.array([tie[side] for tie in part])) for side in (0, 1))
        ours.tie(devices, users, np.arange(start, start + len(part)))
    if loose:
        ours.without_device(hash_values(pa.array(loose)))
    with closing(ours):
        return ours.found()


def in_pandas(ties: list[Tie], loose: list[str]) -> tuple[int, int, int, int, int]:
    """Devices, users, devices with several users, users that vanish, users without any device."""
    frame = pd.DataFrame(ties, columns=["device", "user"])
    left = set(frame.groupby("device")["user"].last())
    tied = set(frame["user"])
    several = int((frame.groupby("device")["user"].nunique() > 1).sum())
    return (
        frame["device"].nunique(),
        len(tied | set(loose)),
        several,
        len(tied - left),
        len(set(loose) - tied),
    )


TIES = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("ABCDEF")), max_size=40)


@pytest.mark.usefixtures("buffered")
@settings(deadline=None)
@given(ties=TIES, loose=st.lists(st.sampled_from("ABCXYZ"), max_size=5))
def test_counts_are_those_of_pandas(ties: list[Tie], loose: list[str]) -> None:
    """Whatever the order of the rows, each count is exact, in memory and on disk."""
    found = counted(ties, loose, last_wins=True)
    assert (
        found.devices,
        found.users,
        found.several_users,
        found.vanishing_users,
        found.users_without_device,
    ) == in_pandas(ties, loose)


@pytest.mark.usefixtures("buffered")
def test_of_a_device_with_several_users_the_first_and_the_last_row_are_named() -> None:
    """The row that wins and the one that is overwritten first can be looked up."""
    ties = [("d", "A"), ("e", "B"), ("d", "C"), ("f", "D"), ("d", "A"), ("e", "B")]
    found = counted(ties, [], last_wins=True)
    assert (found.several_users, found.examples) == (1, [(0, 4)])


@pytest.mark.usefixtures("buffered")
def test_events_overwrite_nobody() -> None:
    """A device that several users share in events makes none of them vanish."""
    found = counted([("d", "A"), ("d", "B"), ("d", "A")], [], last_wins=False)
    assert (found.users, found.several_users, found.vanishing_users) == (2, 1, 0)


@pytest.mark.usefixtures("buffered")
@settings(deadline=None)
@given(bodies=st.lists(st.integers(0, 30).map(str), max_size=60))
def test_repetitions_are_those_of_pandas(bodies: list[str]) -> None:
    """Every row but the first of its kind is counted, and examples are the first two of a kind."""
    ours = Bodies()
    for start in range(0, len(bodies), 7):
        part = bodies[start : start + 7]
        ours.add(hash_values(pa.array(part)), np.arange(start, start + len(part)))
    found = ours.repeated()
    assert found.rows == int(pd.Series(bodies, dtype=object).duplicated().sum())
    assert len(found.examples) == min(3, len({body for body in bodies if bodies.count(body) > 1}))
    for first, again in found.examples:
        assert bodies.index(bodies[first]) == first
        assert bodies.index(bodies[first], first + 1) == again


FATES = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["A", "B", "C", "D", ""])), max_size=40
)


def tied(ties: list[Tie]) -> People:
    """The same ties, a few rows a chunk; a device without a user is its own."""
    ours = People(last_wins=True)
    for start in range(0, len(ties), 3):
        part = ties[start : start + 3]
        devices = hash_values(pa.array([device for device, _ in part]))
        users = hash_values(pa.array([user or device for device, user in part]))
        own = np.array([not user for _, user in part])
        ours.tie(devices, users, np.arange(start, start + len(part)), own)
    return ours


@pytest.mark.usefixtures("buffered")
@settings(deadline=None)
@given(ties=FATES)
def test_a_device_without_a_user_is_no_user(ties: list[Tie]) -> None:
    """It is counted as a device, it makes users vanish, and it never vanishes itself."""
    with closing(tied(ties)) as ours:
        found = ours.found()
    last = dict(ties)
    users = {user for _, user in ties if user}
    assert (found.devices, found.users) == (len(last), len(users))
    assert found.devices_without_user == list(last.values()).count("")
    assert found.vanishing_users == len(users - set(last.values()))
    assert found.several_users == len({device for device, user in ties if user and user != last[device]})


@pytest.mark.usefixtures("buffered")
@pytest.mark.parametrize("most", [2, 1000])
@given(ties=FATES)
@settings(deadline=None)
def test_each_user_that_loses_a_device_is_listed_once(most: int, ties: list[Tie]) -> None:
    """With the last row that gave it the device, the row that decides, and whether it has none left."""
    last = dict(ties)
    rows = {tie: row for row, tie in enumerate(ties)}
    deciding = {device: row for row, (device, _) in enumerate(ties)}
    expected = sorted(
        (row, deciding[device], user not in last.values())
        for (device, user), row in rows.items()
        if user and user != last[device]
    )
    with closing(tied(ties)) as ours, pytest.MonkeyPatch.context() as patch:
        ours.found()
        patch.setattr(people, "MOST_CHANGES", most)
        parts = list(ours.changes())
    assert all(len(part.rows) <= most for part in parts)
    listed = [
        (int(row), int(later), bool(vanishes))
        for part in parts
        for row, later, vanishes in zip(part.rows, part.later, part.vanishing, strict=True)
    ]
    assert sorted(listed) == expected
