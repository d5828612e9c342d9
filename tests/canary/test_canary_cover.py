"""What is found in real files, and in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from loader.canary import Canary, Thing, ThingKind, choose_canary, cover
from loader.load_options import LoadOptions
from loader.methods import Kind
from loader.pipeline import prepare
from loader.settings import Endpoint, Settings

if TYPE_CHECKING:
    from pathlib import Path

EVENTS = """kind = "events"
[fields]
userId = "user"
hwid = "device"
event = "event"
device_type = { column = "platform", default = "" }
timestamp = { column = "day", format = "%Y%m%d", zone = "UTC" }
[attributes]
"""


class Row(NamedTuple):
    """A row of a CSV of events."""

    device: str = "d"
    event: str = "view"
    platform: str = "ios"
    amount: str = ""

    @property
    def line(self) -> str:
        """It as a line."""
        return f"u,{self.device},{self.event},{self.platform},20240229,{self.amount}\n"


def write_events(folder: Path, rows: list[Row], attributes: str = 'amount = "amount"\n') -> None:
    """A CSV of events and its mapping."""
    (folder / "m.toml").write_text(EVENTS + attributes)
    lines = [row.line for row in rows]
    (folder / "in.csv").write_text("user,device,event,platform,day,amount\n" + "".join(lines))


def choose(folder: Path, rows: int, kind: Kind = Kind.EVENTS, *names: str, **how: object) -> Canary:
    """The canary of some files."""
    settings = Settings(
        kind=kind,
        files=tuple(str(folder / name) for name in names or ("in.csv",)),
        application="AAAAA-BBBBB",
        endpoint=Endpoint.parse("http://127.0.0.1:9/"),
        mapping=folder / "m.toml",
        options=LoadOptions(**how),  # type: ignore[arg-type] # options of all types
    )
    return choose_canary(prepare(settings), rows)


def covered(canary: Canary) -> set[Thing]:
    """All that is covered."""
    return {thing for row in canary.rows for thing in row.covers}


def test_rare_events_platforms_and_attributes_are_found_wherever_they_are(tmp_path: Path) -> None:
    """One row in ten thousand with something of its own is sent first."""
    rows = [Row()] * 10_000
    rows[7000], rows[8000], rows[9000] = Row(event="churn"), Row(platform="huawei"), Row(amount="7")
    write_events(tmp_path, rows)
    canary = choose(tmp_path, 4)
    assert {7000, 8000, 9000} <= set(canary.ordinals)
    assert covered(canary) == {
        Thing(ThingKind.EVENT, "view"),
        Thing(ThingKind.EVENT, "churn"),
        Thing(ThingKind.DEVICE_TYPE, "1"),
        Thing(ThingKind.DEVICE_TYPE, "17"),
        Thing(ThingKind.MEMBER, "amount", "string"),
    }
    assert not canary.missing


def test_rows_that_cannot_be_mapped_are_not_chosen(tmp_path: Path) -> None:
    """A canary is made of rows that are sent: what only rejected rows have counts for nothing."""
    write_events(tmp_path, [Row(device="", event="x" * 40), Row(event="y" * 33), Row(), Row()])
    canary = choose(tmp_path, 3)
    assert canary.ordinals == (2, 3)
    assert Thing(ThingKind.EVENT, "view") in covered(canary)


def test_without_a_row_that_can_be_mapped_the_first_are_tried(tmp_path: Path) -> None:
    """Then the load says why, as without a canary."""
    write_events(tmp_path, [Row(event="y" * 33)] * 30)
    assert choose(tmp_path, 20).ordinals == tuple(range(20))


@pytest.mark.parametrize("rows", [["1", '"a"', "true", "[1]", "2.5"], ["1", "1", '"a"']])
def test_an_attribute_is_covered_with_each_of_its_types(tmp_path: Path, rows: list[str]) -> None:
    """An attribute that is a number here and a text there is refused for one of them: both are sent."""
    (tmp_path / "m.toml").write_text(EVENTS.replace("[attributes]", '[attributes]\nexpand = ["p"]'))
    (tmp_path / "in.jsonl").write_text(
        "".join(
            f'{{"user":"u","device":"d","event":"e","platform":"ios","day":"20240229","p":"{cell}"}}\n'
            for cell in ('{\\"a\\":' + each.replace('"', '\\"') + "}" for each in rows)
        )
    )
    found = {
        thing.type for thing in covered(choose(tmp_path, 5, Kind.EVENTS, "in.jsonl")) if thing.name == "a"
    }
    kinds = {'"': "string", "t": "boolean", "[": "list"}
    assert found == {kinds.get(each[0], "number") for each in rows}


def test_only_rows_within_the_limit_count(tmp_path: Path) -> None:
    """A canary of a load with a limit holds nothing from beyond it."""
    write_events(tmp_path, [Row(), Row(), Row(event="churn")])
    assert covered(choose(tmp_path, 5, limit=2)) == {
        Thing(ThingKind.EVENT, "view"),
        Thing(ThingKind.DEVICE_TYPE, "1"),
    }


USERS = 'kind = "users"\n[fields]\nuserId = "user"\nhwid = "device"\ndevice_type = "platform"\n'


def test_an_ordered_load_chooses_only_the_first_row_of_a_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No row is sent before an earlier row of its device, or far from the beginning."""
    monkeypatch.setattr(cover, "WINDOW", 5)
    (tmp_path / "m.toml").write_text(USERS)
    platforms = [
        ("a", "ios"),
        ("a", "android"),
        ("b", "ios"),
        ("b", "chrome"),
        ("c", "chrome"),
        ("e", "safari"),
    ]
    lines = [f"u{number},{device},{platform}\n" for number, (device, platform) in enumerate(platforms)]
    (tmp_path / "in.csv").write_text("user,device,platform\n" + "".join(lines))
    canary = choose(tmp_path, 6, Kind.USERS)
    assert canary.ordinals == (0, 2, 4)
    assert canary.ordered
    assert canary.missing == (
        (Thing(ThingKind.DEVICE_TYPE, "10"), 1),
        (Thing(ThingKind.DEVICE_TYPE, "3"), 1),
    )


def test_the_first_row_of_a_device_is_its_first_of_all_files(tmp_path: Path) -> None:
    """A device that an earlier file has is not begun with a row of a later one."""
    (tmp_path / "m.toml").write_text(USERS)
    (tmp_path / "1.csv").write_text("user,device,platform\nu1,a,ios\n")
    (tmp_path / "2.csv").write_text("user,device,platform\nu2,a,android\nu3,b,ios\n")
    canary = choose(tmp_path, 3, Kind.USERS, "1.csv", "2.csv")
    assert canary.ordinals == (0, 2)
    assert canary.missing == ((Thing(ThingKind.DEVICE_TYPE, "3"), 1),)


def test_the_memory_for_combinations_is_bounded_and_no_thing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many combinations there are, few are kept, and every thing is still covered."""
    monkeypatch.setattr(cover, "MOST_COMBINATIONS", 2)
    names = [f"event {number}" for number in range(30)]
    write_events(tmp_path, [Row(event=name, amount="1" * (number % 2)) for number, name in enumerate(names)])
    canary = choose(tmp_path, 40)
    assert {thing.name for thing in covered(canary) if thing.kind is ThingKind.EVENT} == set(names)


def test_the_number_of_things_is_bounded_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A column that holds other than names of events fills no memory."""
    monkeypatch.setattr(cover, "MOST_THINGS", 5)
    write_events(tmp_path, [Row(event=f"e{number}") for number in range(30)])
    canary = choose(tmp_path, 3)
    assert canary.overflow
    assert canary.covered + len(canary.missing) == 5


def test_the_choice_is_the_same_for_the_same_input(tmp_path: Path) -> None:
    """A canary that was killed continues with the same rows."""
    rows = [Row(event=f"e{number % 17}", platform=["ios", "android"][number % 2]) for number in range(3000)]
    write_events(tmp_path, rows)
    assert choose(tmp_path, 25) == choose(tmp_path, 25)
