"""A load against an export of what landed: exactly what differs is named, in any format."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.errors import ConfigError
from loader.methods import Kind
from loader.model import State
from tests.effort import EFFORT
from tests.verification.exports.landed_files import (
    EVENTS,
    LANDED,
    Row,
    make_load,
    name_differences,
    name_doubts,
    verify,
    write_export,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from loader.verification.verification import Verification

    Draw = Callable[[st.SearchStrategy[Any]], Any]

BEGIN = 1_700_000_000
# No multiple of an hour, so that no event that is moved by an hour is another one.
STEP = 7919
CONFIRMED, REJECTED, IN_DOUBT = State.CONFIRMED, State.REJECTED, State.IN_DOUBT
MAPPED = LANDED.format(device='hwid = "Device"', dollars='dollars = "Dollars"')


def event(number: int) -> Row:
    """An event of the input, as text, unlike those of other numbers."""
    return {
        "customer": f"{number:05}",
        "phone": f"PHONE-{number}",
        "action": "purchase" if number % 2 else "view",
        "second": str(BEGIN + number * STEP),
        "cds": str(number % 7),
        "dollars": f"{number * 3.1:.2f}",
    }


def landed(row: Row, form: str = "csv") -> Row:
    """What an export says of an event."""
    typed = form != "csv"
    return {
        "Event": row["action"],
        "User ID": row["customer"],
        "Device": row["phone"],
        "When": f"{datetime.fromtimestamp(int(row['second']), UTC):%Y-%m-%dT%H:%M:%SZ}",
        "CDs": int(row["cds"]) if typed else row["cds"],
        "Dollars": float(row["dollars"]) if typed else row["dollars"],
    }


def lose_zeros(row: Row) -> Row:
    """The id as a spreadsheet would write it."""
    return row | {"customer": row["customer"].lstrip("0") or "0"}


def move(row: Row, seconds: int) -> Row:
    """The same event at another time."""
    return row | {"second": str(int(row["second"]) + seconds)}


DAMAGE = {
    "lost zeros": ("*", lose_zeros),
    "an hour early": ("*", lambda row: move(row, -3600)),
    "an hour late": ("*", lambda row: move(row, 3600)),
    "another device": ("*", lambda row: row | {"phone": "PHONE-x"}),
    "other attributes": ("*", lambda row: row | {"cds": "99", "dollars": "0.01"}),
}
STRANGERS = (
    {"action": "opened", "second": str(BEGIN + 20 * STEP)},
    {"second": str(BEGIN - 1)},
    {"second": str(BEGIN + 10_000 * STEP)},
)


class Case:
    """An export that was drawn, and what is wrong with it.

    Attributes:
        rows, states: of the load.
        export: rows of the export, in some order.
        expected: the differences.
        doubts: what the export says of the rows in doubt.
        outside: rows of other events and times.
    """

    def __init__(self, draw: Draw, form: str) -> None:
        # The first and the last of each name are left alone, so that all others are within their times.
        inner = draw(st.lists(st.sampled_from([CONFIRMED, REJECTED, IN_DOUBT]), min_size=8, max_size=30))
        self.states = [CONFIRMED, CONFIRMED, *inner, CONFIRMED, CONFIRMED]
        self.rows = [event(number) for number in range(len(self.states))]
        self.expected: list[tuple[str, int | None]] = []
        self.doubts: dict[int, str] = {}
        found: list[Row] = []
        for number, (row, state) in enumerate(zip(self.rows, self.states, strict=True)):
            is_inner = 2 <= number < len(self.states) - 2
            found += self._land(draw, number, row, state, is_inner=is_inner)
        if draw(st.booleans()):
            self.expected.append(("+", None))
            found.append(event(100) | {"second": str(BEGIN + 3 * STEP + 7)})
        self.outside = draw(st.integers(0, 5))
        found += [event(200 + at) | STRANGERS[at % len(STRANGERS)] for at in range(self.outside)]
        self.export = draw(st.permutations([landed(row, form) for row in found]))

    def _land(self, draw: Draw, number: int, row: Row, state: State, *, is_inner: bool) -> list[Row]:
        if state is REJECTED:
            return []
        if state is IN_DOUBT:
            self.doubts[number] = draw(st.sampled_from(["landed", "dropped"]))
            return [row] if self.doubts[number] == "landed" else []
        done = draw(st.sampled_from(["", "", "removed", "doubled", *DAMAGE])) if is_inner else ""
        if done in DAMAGE:
            sign, change = DAMAGE[done]
            self.expected.append((sign, number))
            return [change(row)]
        if done:
            self.expected.append(("-" if done == "removed" else "2", number))
        return {"removed": [], "doubled": [row, row]}.get(done, [row])


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@settings(max_examples=12 * EFFORT, deadline=None)
@given(st.data())
def test_each_altered_removed_and_doubled_row_is_named_and_no_other(form: str, data: st.DataObject) -> None:
    """Whatever happened to a few rows between the load and the export, these are named, and nothing else."""
    case = Case(data.draw, form)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checkpoint = make_load(folder, EVENTS, case.rows, case.states)
        found = verify(checkpoint, write_export(folder, case.export, form), MAPPED)
        assert sorted(name_differences(found), key=str) == sorted(case.expected, key=str)
        # An export that lacks a confirmed row is not complete, so what it does not hold is not settled.
        unfound = "unclear" if found.totals.missing else "dropped"
        doubts = {row: unfound if doubt == "dropped" else doubt for row, doubt in case.doubts.items()}
        assert name_doubts(found) == doubts
        said = [note for note in found.notes if "outside this load" in note]
        assert bool(said) == bool(case.outside)
        if case.outside:
            assert said[0].startswith(f"{case.outside} row")


def load_events(folder: Path, *states: State) -> tuple[Path, list[Row]]:
    """A load of some events, and these."""
    rows = [event(number) for number in range(len(states))]
    return make_load(folder, EVENTS, rows, states), rows


def test_what_the_export_lacks_is_not_compared_and_is_said(tmp_path: Path) -> None:
    """An export without devices and without an attribute still proves the rest."""
    checkpoint, rows = load_events(tmp_path, *[CONFIRMED] * 5)
    export = [landed(row) for row in rows]
    for row in export:
        del row["Device"], row["Dollars"]
    mapping = LANDED.format(device="", dollars="")
    found = verify(checkpoint, write_export(tmp_path, export, "csv"), mapping)
    assert found.ok
    assert found.notes[0] == (
        'Compared by event, user, time and "cds". The export has no device id or "dollars".'
    )


def test_text_is_read_as_the_load_reads_it(tmp_path: Path) -> None:
    """A text file does not tell 1 from "1", and 15.28 from 15.280; the landed mapping need not say types."""
    checkpoint, rows = load_events(tmp_path, *[CONFIRMED] * 11)
    assert any(row["dollars"].endswith("0") for row in rows)
    export = [landed(row) | {"Dollars": str(float(row["dollars"]))} for row in rows]
    assert verify(checkpoint, write_export(tmp_path, export, "csv"), MAPPED).ok


def test_an_id_that_is_a_number_in_the_export_has_lost_its_zeros(tmp_path: Path) -> None:
    """A column of numbers cannot hold 00001, and that is what the user has to see."""
    checkpoint, rows = load_events(tmp_path, *[CONFIRMED] * 4)
    export = [landed(row, "parquet") | {"User ID": int(row["customer"])} for row in rows]
    found = verify(checkpoint, write_export(tmp_path, export, "parquet"), MAPPED)
    changes = [difference.changes for _, difference in found.list_differences()]
    assert [(change.key, change.expected, change.landed) for each in changes for change in each] == [
        ("userId", f'"{number:05}"', f'"{number}"') for number in range(4)
    ]


def test_a_row_that_cannot_be_mapped_is_named_and_the_export_is_not_complete(tmp_path: Path) -> None:
    """It may be the row that is missing, so a row in doubt that is not found is left in doubt."""
    checkpoint, rows = load_events(tmp_path, CONFIRMED, IN_DOUBT, IN_DOUBT, CONFIRMED)
    export = [landed(row) for row in rows[:2] + rows[3:]] + [landed(rows[2]) | {"When": "soon"}]
    mapping = MAPPED.replace('"When"', '{ column = "When", format = "iso" }')
    found = verify(checkpoint, write_export(tmp_path, export, "csv"), mapping)
    assert not found.complete
    assert name_doubts(found) == {1: "landed", 2: "unclear"}
    said = "\n".join(found.notes)
    assert "1 row of the export: cannot be mapped" in said
    assert "landed.csv, row 4" in said
    assert '"soon"' in said


def test_a_row_of_another_load_that_cannot_be_mapped_does_not_matter(tmp_path: Path) -> None:
    """An export of the whole account holds rows that this load knows nothing about."""
    checkpoint, rows = load_events(tmp_path, CONFIRMED, CONFIRMED)
    broken = landed(rows[0]) | {"User ID": "", "Device": "", "Event": "opened"}
    found = verify(checkpoint, write_export(tmp_path, [*map(landed, rows), broken], "csv"), MAPPED)
    assert found.ok
    assert found.complete
    assert any(note.startswith("1 row of the export: outside this load") for note in found.notes)


def test_without_the_word_of_the_user_a_missing_doubt_is_left_open(tmp_path: Path) -> None:
    """Whether an export is complete, no file says."""
    checkpoint, rows = load_events(tmp_path, CONFIRMED, IN_DOUBT, IN_DOUBT)
    export = write_export(tmp_path, [landed(row) for row in rows[:2]], "csv")
    assert name_doubts(verify(checkpoint, export, MAPPED, complete=False)) == {1: "landed", 2: "unclear"}
    assert name_doubts(verify(checkpoint, export, MAPPED)) == {1: "landed", 2: "dropped"}


@pytest.mark.parametrize("landed_too", [0, 1, 2])
def test_doubts_that_only_a_lacking_key_tells_apart_are_not_guessed_at(
    tmp_path: Path, landed_too: int
) -> None:
    """Of two purchases at one second, one arrived: without the amount nobody knows which."""
    twins = [event(1), event(1) | {"dollars": "99.00"}]
    rows = [event(0), *twins, event(2)]
    checkpoint = make_load(tmp_path, EVENTS, rows, [CONFIRMED, IN_DOUBT, IN_DOUBT, CONFIRMED])
    export = [landed(row) for row in [rows[0], *twins[:landed_too], rows[3]]]
    for row in export:
        del row["Dollars"]
    mapping = LANDED.format(device='hwid = "Device"', dollars="")
    found = verify(checkpoint, write_export(tmp_path, export, "csv"), mapping)
    answer = ["dropped", "unclear", "landed"][landed_too]
    assert name_doubts(found) == {1: answer, 2: answer}
    assert found.ok


def test_attributes_that_only_rows_name_are_compared_as_far_as_the_export_names_them(tmp_path: Path) -> None:
    """A load that opens a column of JSON may have any attributes, and not all of them were compared."""
    rows = [
        {**event(number), "props": json.dumps({"cds": number, "other": "x"}), "cds": "", "dollars": ""}
        for number in range(4)
    ]
    mapping = EVENTS.partition("[attributes]")[0] + '[attributes]\nexpand = ["props"]\n'
    checkpoint = make_load(tmp_path, mapping, rows, [CONFIRMED] * 4)
    export = [landed(event(number)) | {"CDs": number} for number in range(4)]
    export[2]["CDs"] = 7
    read = LANDED.format(device="", dollars="").replace('"CDs"', '{ column = "CDs", type = "integer" }')
    found = verify(checkpoint, write_export(tmp_path, export, "csv"), read)
    assert name_differences(found) == [("*", 2)]
    assert found.notes[0].endswith("Other attributes of the load are not compared.")


def test_an_export_in_the_shape_of_the_input_needs_no_mapping(tmp_path: Path) -> None:
    """The load's own mapping reads it, without the columns that it lacks."""
    checkpoint, rows = load_events(tmp_path, *[CONFIRMED] * 4)
    export = [{name: cell for name, cell in row.items() if name != "cds"} for row in rows]
    export[2]["customer"] = "x"
    found = verify(checkpoint, write_export(tmp_path, export, "csv"))
    assert name_differences(found) == [("*", 2)]
    assert 'no "cds"' in found.notes[0]


def test_an_export_in_another_shape_is_refused_with_the_command_that_helps(tmp_path: Path) -> None:
    """The user learns how to get a mapping for it, and which option takes it."""
    checkpoint, rows = load_events(tmp_path, *[CONFIRMED] * 4)
    export = write_export(tmp_path, [landed(row) for row in rows], "csv")
    with pytest.raises(ConfigError) as refused:
        verify(checkpoint, export)
    assert f"pushwoosh-loader map events {export} -o landed.toml" in str(refused.value)
    assert "--landed-mapping" in str(refused.value)


def test_how_the_text_is_written_stands_in_the_mapping(tmp_path: Path) -> None:
    """An export with semicolons and without a header is read like an input of that kind."""
    checkpoint, rows = load_events(tmp_path, *[CONFIRMED] * 3)
    export = tmp_path / "landed.csv"
    export.write_text(
        "".join(";".join(str(cell) for cell in landed(row).values()) + "\n" for row in rows),
        encoding="utf-16",
    )
    names = ["Event", "User ID", "Device", "When", "CDs", "Dollars"]
    dialect = f'[source]\ndelimiter = ";"\nencoding = "utf-16"\nheader = false\ncolumns = {names}\n'
    assert verify(checkpoint, export, MAPPED + dialect).ok


USERS = 'kind = "users"\n[fields]\nhwid = "phone"\nuserId = "customer"\n'
LANDED_USERS = 'kind = "users"\n[fields]\nhwid = "Hwid"\nuserId = "User ID"\n'


def verify_users(
    folder: Path, rows: list[tuple[str, str]], states: list[State], stored: dict[str, str]
) -> Verification:
    """A load of users against an export of the devices."""
    given = [{"phone": phone, "customer": customer} for phone, customer in rows]
    checkpoint = make_load(folder, USERS, given, states, Kind.USERS)
    export = [{"Hwid": phone, "User ID": customer, "Type": "3"} for phone, customer in stored.items()]
    return verify(checkpoint, write_export(folder, export, "csv"), LANDED_USERS)


def test_of_a_device_only_its_last_user_must_be_in_an_export(tmp_path: Path) -> None:
    """A later registration replaces an earlier one, and other devices of the account do not matter."""
    rows = [("A", "u1"), ("B", "u2"), ("A", "u3"), ("C", "u4")]
    stored = {"A": "u3", "B": "u2", "C": "u4", "D": "u5"}
    found = verify_users(tmp_path, rows, [CONFIRMED] * 4, stored)
    assert found.ok
    assert found.totals.same == found.totals.expected == 3
    assert "1 row of the load: not looked for, because a later row took their place." in found.notes
    assert any(
        "outside this load, because the load has no row of their device" in note for note in found.notes
    )


def test_a_device_with_another_user_is_named_and_a_device_that_is_gone_too(tmp_path: Path) -> None:
    """The registration that is still there is not the one that was sent last."""
    rows = [("A", "u1"), ("B", "u2"), ("A", "u3")]
    found = verify_users(tmp_path, rows, [CONFIRMED] * 3, {"A": "u1"})
    assert sorted(name_differences(found)) == [("*", 2), ("-", 1)]


@pytest.mark.parametrize(
    ("stored", "doubts"), [("u1", {1: "dropped"}), ("u2", {1: "landed"})], ids=["dropped", "landed"]
)
def test_a_registration_in_doubt_may_have_taken_the_place_of_a_confirmed_one(
    tmp_path: Path, stored: str, doubts: dict[int, str]
) -> None:
    """Whichever of both is there, nothing is missing, and the doubt has its answer."""
    found = verify_users(tmp_path, [("A", "u1"), ("A", "u2")], [CONFIRMED, IN_DOUBT], {"A": stored})
    assert found.ok
    assert name_doubts(found) == doubts


def test_a_doubt_that_was_overtaken_has_no_answer(tmp_path: Path) -> None:
    """A later confirmed row hides what became of it."""
    found = verify_users(tmp_path, [("A", "u1"), ("A", "u2")], [IN_DOUBT, CONFIRMED], {"A": "u2"})
    assert found.ok
    assert name_doubts(found) == {}


TAGS = (
    'kind = "tags"\n[fields]\nuserId = "customer"\n[tags]\nCity = "city"\nAge = {{ column = "age", {age} }}\n'
)
LANDED_TAGS = 'kind = "tags"\n[fields]\nuserId = "User ID"\n[tags]\nCity = "City"\nAge = "Age"\n'


def verify_tags(folder: Path, rows: list[Row], stored: list[Row]) -> Verification:
    """A load of tags against an export of the users."""
    mapping = TAGS.format(age='type = "integer"')
    checkpoint = make_load(folder, mapping, rows, [CONFIRMED] * len(rows), Kind.TAGS)
    return verify(checkpoint, write_export(folder, stored, "csv"), LANDED_TAGS)


def test_tags_of_several_rows_are_merged(tmp_path: Path) -> None:
    """An export has one row for each user, with the last value of each tag."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    rows = [
        {"customer": "u1", "city": "Riga", "age": "30"},
        {"customer": "u2", "city": "Oslo", "age": "40"},
        {"customer": "u1", "city": "Bonn", "age": ""},
        {"customer": "u1", "city": "", "age": "31"},
    ]
    stored = [
        {"User ID": "u1", "City": "Bonn", "Age": "31"},
        {"User ID": "u2", "City": "Oslo", "Age": "40"},
        {"User ID": "u3", "City": "Oslo", "Age": "40"},
    ]
    assert verify_tags(first, rows, stored).ok
    stored[0]["City"] = "Riga"
    found = verify_tags(second, rows, stored)
    assert name_differences(found) == [("*", 3)]
    ((_, difference),) = found.list_differences()
    assert [change.key for change in difference.changes] == ["tags.City"]


def test_the_columns_of_the_input_with_other_times_are_refused_too(tmp_path: Path) -> None:
    """The same names do not make the same file: what does not fit is said, with the command that helps."""
    checkpoint, rows = load_events(tmp_path, *[CONFIRMED] * 4)
    export = write_export(tmp_path, [row | {"second": landed(row)["When"]} for row in rows], "csv")
    with pytest.raises(ConfigError) as refused:
        verify(checkpoint, export)
    assert 'landed.csv, row 1, column "second": "2023-11-14T22:13:20Z"' in str(refused.value)
    assert "pushwoosh-loader map events" in str(refused.value)
