"""The list of devices that change users is the same from Python, in batches, and over several files."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import loader
from loader.profile import people

if TYPE_CHECKING:
    from collections.abc import Iterable


def expect(ties: Iterable[tuple[str, str]]) -> list[list[object]]:
    """User, device, new user and whether the user vanishes, by a plain pass over the rows."""
    ties = list(ties)
    last = {device: user for user, device in ties}
    pairs = {(user, device) for user, device in ties if user and user != last[device]}
    return sorted([user, device, last[device] or None, user not in last.values()] for user, device in pairs)


@pytest.mark.parametrize("most", [7, 1 << 18])
def test_the_list_is_that_of_a_plain_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Over two files, with devices that nobody has, whatever fits into memory at a time."""
    monkeypatch.setattr(people, "MOST_CHANGES", most)
    chance = random.Random(7)
    ties = [(chance.choice(["", "A", "B", "C", f"U{n}"]), f"d{chance.randrange(300)}") for n in range(1000)]
    paths = []
    for number, part in enumerate((ties[:600], ties[600:])):
        paths.append(tmp_path / f"{number}.csv")
        paths[-1].write_text("user_id,device_id\n" + "".join(f"{user},{device}\n" for user, device in part))
    checked = loader.check_users(paths)
    listed = checked.vanishing
    assert listed is not None
    found = listed[["user", "device", "new_user", "vanishes"]].astype(object)
    found = found.where(found.notna(), None)
    key = [(row[0], row[1]) for row in found.to_numpy().tolist()]
    assert len(set(key)) == len(key)
    assert sorted(found.to_numpy().tolist(), key=lambda row: row[:2]) == sorted(
        expect(ties), key=lambda row: (str(row[0]), str(row[1]))
    )
    assert checked.profile["devices"]["with_several_users"] == listed["device"].nunique()
    assert checked.profile["devices"]["users_that_vanish"] == listed[listed["vanishes"]]["user"].nunique()
    for row in listed.to_dict("records"):
        for place in (row["row"], row["new_row"]):
            name, line_number = str(place).rsplit(", row ", 1)
            line = Path(name).read_text().splitlines()[int(line_number.replace(",", ""))]
            assert line.endswith(f",{row['device']}")


def test_without_changes_the_list_is_empty() -> None:
    """It has its columns all the same; events have no list."""
    frame = pd.DataFrame({"user_id": ["A", "A"], "device_id": ["d1", "d2"]})
    listed = loader.check_users(frame).vanishing
    assert listed is not None
    assert (len(listed), list(listed)[:3]) == (0, ["user", "device", "new_user"])
    events = pd.DataFrame(
        {"user_id": ["A"], "device_id": ["d1"], "event": ["e"], "timestamp": ["2024-01-01T00:00:00Z"]}
    )
    assert loader.check_events(events).vanishing is None
