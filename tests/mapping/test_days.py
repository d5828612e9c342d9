"""Calendar days: the same day in the attribute or tag, whatever zone the event is in."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.mapping.proposing.proposal_text import proposal_text
from loader.mapping.proposing.propose import propose
from loader.methods import Kind
from tests.mapping.samples import NOW, mapped, messages, requests, schema_of, typed_frame

if TYPE_CHECKING:
    from collections.abc import Callable

#: Clocks of an event: far east and west of Greenwich, in the row, in the value itself, and counted.
CLOCKS = {
    'format = "iso", zone = "Pacific/Kiritimati"': "2024-03-04 21:37:41",
    'format = "iso", zone = "Pacific/Pago_Pago"': "2024-03-04 21:37:41",
    'format = "iso", zone = { column = "z" }': "2024-03-04 21:37:41",
    'format = "iso"': "2024-03-04 21:37:41+14:00",
    'unit = "s"': "1709588261",
}
#: How files write a day, and how the mapping reads it.
DAYS: dict[str, Callable[[list[date]], tuple[pa.Array, str]]] = {
    "date32": lambda days: (pa.array(days, pa.date32()), ""),
    "date64": lambda days: (pa.array(days, pa.date64()), ""),
    "ISO text": lambda days: (pa.array([str(day) for day in days]), ""),
    "ISO text, said": lambda days: (pa.array([str(day) for day in days]), ', format = "iso"'),
    "with a zone, as in XML": lambda days: (pa.array([f"{day}+14:00" for day in days]), ', format = "iso"'),
    "YYYYMMDD": lambda days: (pa.array([f"{day:%Y%m%d}" for day in days]), ', format = "%Y%m%d"'),
    "YYYYMMDD number": lambda days: (
        pa.array([int(f"{day:%Y%m%d}") for day in days]), ', format = "%Y%m%d"'
    ),
    "German": lambda days: (pa.array([f"{day:%d.%m.%Y}" for day in days]), ', format = "%d.%m.%Y"'),
    "with a midnight that is no time": lambda days: (
        pa.array([f"{day} 00:00:00" for day in days]), ', format = "%Y-%m-%d 00:00:00"'
    ),
    "spreadsheet": lambda days: (
        pa.array([str((day - date(1899, 12, 30)).days) for day in days]), ', format = "excel"'
    ),
}  # fmt: skip
BIRTHDAYS = st.lists(st.dates(date(1920, 1, 1), date(2020, 1, 1)), min_size=1, max_size=4)


def events(days: pa.Array, clock: str, rule: str) -> list[str]:
    """The attribute "b" of each event."""
    rows = len(days)
    frame = typed_frame(
        h=pa.array(["d"] * rows),
        t=pa.array([CLOCKS[clock]] * rows),
        z=pa.array(["Asia/Tokyo"] * rows),
        b=days,
    )
    toml = (
        'kind = "events"\n[fields]\nhwid = "h"\nevent = { const = "e" }\n'
        f'timestamp = {{ column = "t", {clock} }}\n[attributes]\n{rule}\n'
    )
    result = mapped(toml, frame)
    assert messages(result) == []
    return [one["attributes"]["b"] for one in requests(result)]


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("form", DAYS)
@settings(max_examples=8)
@given(BIRTHDAYS)
def test_a_day_is_sent_as_that_day(clock: str, form: str, days: list[date]) -> None:
    """A birthday never moves, because it is no instant; the vendor's form has a midnight behind it."""
    cells, said = DAYS[form](days)
    found = events(cells, clock, f'b = {{ column = "b", type = "date"{said} }}')
    assert found == [f"{day} 00:00" for day in days]


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64()])
@pytest.mark.parametrize("clock", CLOCKS)
def test_other_columns_of_days_are_sent_as_days(kind: pa.DataType, clock: str) -> None:
    """A column that nobody named keeps its days as well."""
    day = pa.array([date(1990, 5, 1)], kind)
    assert events(day, clock, 'others = true\nexcept = ["z"]') == ["1990-05-01 00:00"]


@pytest.mark.parametrize("form", ["date32", "ISO text", "German"])
def test_tags_keep_their_days(form: str) -> None:
    """A tag of the type date has no event, so there is no zone that could move it."""
    cells, said = DAYS[form]([date(1990, 5, 1)])
    toml = f'kind = "tags"\n[fields]\nhwid = "h"\n[tags]\nb = {{ column = "b", type = "date"{said} }}'
    (one,) = requests(mapped(toml, typed_frame(h=pa.array(["d"]), b=cells)))
    assert one["tags"]["b"] == "1990-05-01 00:00"


def test_a_day_behind_the_sample_is_a_day_and_a_time_there_is_rejected() -> None:
    """What the first rows were decides that no zone is needed; a time without one is still never guessed."""
    cells = pa.array(["1990-05-01", "1991-06-02", "1992-07-03 10:00", "1992-07-03T10:00Z"])
    frame = typed_frame(h=pa.array(["d"] * 4), t=pa.array(["2024-03-04 21:37"] * 4), b=cells)
    toml = (
        'kind = "events"\n[fields]\nhwid = "h"\nevent = { const = "e" }\n'
        'timestamp = { column = "t", zone = "Asia/Tokyo" }\n[attributes]\nb = { column = "b", type = "date" }'
    )
    result = mapped(toml, frame, sampled=1)
    assert [one["attributes"]["b"] for one in requests(result)] == [
        "1990-05-01 00:00", "1991-06-02 00:00", "1992-07-03 10:00",
    ]  # fmt: skip
    assert [reject.ordinal for reject in result.rejects] == [2]
    assert "carries no time zone" in messages(result)[0]


def test_times_in_an_attribute_are_still_instants() -> None:
    """A time of day is read in the event's zone, and a zone of the attribute's own moves its midnights."""
    clock = 'format = "iso", zone = "Pacific/Kiritimati"'
    times = pa.array(["2024-03-04 10:00"])
    assert events(times, clock, 'b = { column = "b", type = "date" }') == ["2024-03-03 20:00"]
    days = pa.array(["2024-03-04"])
    own = 'b = { column = "b", type = "date", zone = "Europe/Berlin" }'
    assert events(days, clock, own) == ["2024-03-03 23:00"]


@pytest.mark.parametrize(
    "cells", [pa.array([date(1990, 5, 1)]), pa.array(["1990-05-01"])], ids=["date32", "text"]
)
@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
@pytest.mark.parametrize("zoned", [True, False])
def test_map_proposes_days_as_they_are(cells: pa.Array, zone: str | None, zoned: bool) -> None:
    """The unedited proposal sends the day, with and without a zone of the event."""
    times = pa.array([datetime(2024, 3, 4, 21, 37, 41)], pa.timestamp("us", tz="UTC" if zoned else None))
    if not zoned and zone is None:
        return
    frame = typed_frame(event=pa.array(["buy"]), hwid=pa.array(["d"]), timestamp=times, birthday=cells)
    text = proposal_text(propose(Kind.EVENTS, schema_of(frame), frame, zone=zone, now=NOW), "t")
    (one,) = requests(mapped(text, frame))
    assert one["attributes"] == {"birthday": "1990-05-01 00:00"}
    assert "# UNSURE" not in text
