"""A mapper that was bound goes to another process, and makes the same bodies and rejects there."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from loader.mapping import bind, infer, parse_mapping
from loader.methods import Kind
from loader.sources import open_source
from tests.travel import elsewhere as there

if TYPE_CHECKING:
    from loader.mapping import Mapped, Mapper
    from loader.sources import Source
    from tests.travel.conftest import Elsewhere

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
HEADER = "device,user,platform,when,zone,amount,tags,props\n"
GOOD = 'd{n},u{n},{platform},2026-05-{day:02} 10:00,Europe/Berlin,{n}.5,a;b,"{{""k"": {n}}}"\n'
BAD = {
    7: ",,iphone,2026-05-01 10:00,Europe/Berlin,1,a,{}\n",
    8: 'd8,u8,tamagotchi,2026-05-01 10:00,Europe/Berlin,1,a,"{}"\n',
    9: "d9,u9,iphone,yesterday,Europe/Berlin,1,a,{}\n",
    10: "d10,u10,iphone,2026-03-29 02:30,Europe/Berlin,1,a,{}\n",
    11: 'd11,u11,iphone,2026-05-01 10:00,Mars,"12,5",a,{}\n',
    12: "d12,u12,iphone,2026-05-01 10:00,Europe/Berlin\n",
    13: "d13,u13,iphone,2026-05-01 10:00,Europe/Berlin,many,a,[1\n",
}
EVENTS = """
kind = "events"
[fields]
hwid = "device"
userId = { column = "user", default = "", trim = true, case = "lower" }
event = { const = "purchase" }
timestamp = { column = "when", format = "%Y-%m-%d %H:%M", zone = { column = "zone" } }
device_type = { column = "platform", values = { iphone = "ios", droid = 3 } }
[attributes]
amount = { column = "amount", type = "float" }
tags = { column = "tags", type = "list", separator = ";" }
expand = [{ column = "props", prefix = "p_" }]
"""
USERS = """
kind = "users"
[fields]
hwid = "device"
userId = "user"
device_type = { column = "platform", values = { iphone = "ios", droid = 3 } }
tz_offset = { column = "zone", values = { Mars = "UTC" } }
"""
SELECTING = (
    EVENTS
    + """
[rows]
only = { platform = ["iphone"] }
from = 2026-05-05
zone = "Europe/Berlin"
"""
)


def write_rows(name: str = "rows.csv", rows: int = 300) -> Source:
    """An input with good rows, and one of each kind that is rejected."""
    good = (GOOD.format(n=n, platform="iphone" if n % 3 else "droid", day=n % 28 + 1) for n in range(rows))
    Path(name).write_text(HEADER + "".join(BAD.get(n, row) for n, row in enumerate(good)))
    return open_source([name], chunk_rows=100)


def bind_to(source: Source, text: str, **more: object) -> Mapper:
    """The mapping file bound to the source."""
    mapping = parse_mapping(text, "m.toml")
    bound = {"application": "AAAAA-BBBBB", "where": "m.toml", "now": NOW} | more
    return bind(mapping, source.schema, source.sample(), **bound)  # type: ignore[arg-type]  # as they are


def show(mapped: Mapped) -> list[object]:
    """Everything that a load uses of a mapped chunk."""
    return [
        (mapped.first, mapped.count, mapped.ordinals.tolist()),
        (mapped.bodies, mapped.owners),
        (mapped.rejects, dict(mapped.uses), mapped.left_out(mapped.rows)),
    ]


def assert_same(source: Source, mapper: Mapper, elsewhere: Elsewhere, first: int = 0) -> list[Mapped]:
    """Bodies, owners, rejects and rows left out are the same here and there."""
    source.survey()
    here = [there.plain(mapper.map(chunk)) for chunk in source.chunks(first)]
    found = elsewhere(there.map_chunks, (source, mapper), first)
    assert [show(mapped) for mapped in found] == [show(mapped) for mapped in here]
    return here


@pytest.mark.parametrize("first", [0, 150])
@pytest.mark.parametrize("text", [EVENTS, USERS, SELECTING], ids=["events", "users", "selecting"])
def test_each_kind_of_mapping_makes_the_same_elsewhere(text: str, first: int, elsewhere: Elsewhere) -> None:
    """A row goes with the same body, or is rejected with the same words, whichever machine maps it."""
    source = write_rows()
    mapped = assert_same(source, bind_to(source, text), elsewhere, first)
    assert sum(len(each.bodies) for each in mapped) > 20
    assert first or sum(len(each.rejects) for each in mapped) >= 2


def test_a_mapping_that_was_inferred_travels(elsewhere: Elsewhere) -> None:
    """A load without a mapping file is as good on a cluster."""
    Path("users.csv").write_text("device_id,user_id,age\n" + "".join(f"d{n},u{n},{n}\n" for n in range(9)))
    source = open_source(["users.csv"])
    mapping = infer(Kind.USERS, source.schema, source.sample())
    mapper = bind(mapping, source.schema, source.sample(), application="A", where="users.csv", now=NOW)
    assert len(assert_same(source, mapper, elsewhere)[0].bodies) == 9
