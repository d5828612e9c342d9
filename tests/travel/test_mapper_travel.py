"""A mapper that was bound goes to another process, and makes the same bodies and rejects there."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.choices import Order
from loader.load_options import LoadOptions
from loader.lookups import open_lookups
from loader.mapping import bind, infer, parse_mapping
from loader.mapping.rules import LookUp
from loader.methods import Kind
from loader.planning import prepare
from loader.repeats import Repeats, find_repeats
from loader.settings import Endpoint, Settings
from loader.sources import open_source
from loader.sources.inputfile import Changed
from tests.mapping.test_presets import CASES, HERE, expected
from tests.travel import elsewhere as there

if TYPE_CHECKING:
    from collections.abc import Callable

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


@pytest.mark.parametrize("keep", ["first", "last"])
def test_repeats_are_left_out_elsewhere_too(keep: str, elsewhere: Elsewhere) -> None:
    """Which rows repeat another one was found over the whole input, of which a worker reads a range."""
    Path("rows.csv").write_text(
        HEADER
        + (
            GOOD.format(n=1, platform="iphone", day=1) * 3
            + "".join(GOOD.format(n=n % 40, platform="iphone", day=1) for n in range(300))
        )
    )
    source = open_source(["rows.csv"], chunk_rows=100)
    text = EVENTS.replace('kind = "events"', f'kind = "events"\nunique = ["device"]\nunique_keep = "{keep}"')
    mapper = bind_to(source, text)
    mapper = replace(mapper, repeats=find_repeats(source, mapper, source.survey().rows))
    mapped = assert_same(source, mapper, elsewhere)
    assert sum(len(each.bodies) for each in mapped) == 40


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 5000)), unique_by=lambda pair: pair[0]))
def test_repeats_arrive_as_they_were(pairs: list[tuple[int, int]]) -> None:
    """Each with the row that goes in its place, wherever they stand, and however many there are."""
    found = Repeats(5001)
    repeats, originals = (np.array([pair[at] for pair in pairs], np.uint64) for at in (0, 1))
    found.add(repeats, originals)
    arrived = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(found, 5)), 5))
    assert arrived.count == len(pairs)
    for rows in (range(5001), range(1000, 1001), range(2500, 4000)):
        here, there_ = found.within(rows), arrived.within(rows)
        assert [each.tolist() for each in here] == [each.tolist() for each in there_]


def test_many_repeats_take_a_few_bytes_each(elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of 3 million rows, in a file on the coordinator's disk."""
    monkeypatch.setattr("loader.repeats._BLOCK", 1 << 18)
    rows = np.arange(10, 3_000_000, 10, dtype=np.uint64)
    found = Repeats(3_000_000)
    found.add(rows, rows - rows % 7)
    assert len(pickle.dumps(found, 5)) < 5 * len(rows)
    for wanted in (range(50), range(1_999_990, 2_500_000), range(2_999_980, 3_000_000)):
        here = [each.tolist() for each in found.within(wanted)]
        assert elsewhere(there.find_repeats, found, wanted) == here
        assert here[0]


LOOKING = EVENTS.replace(
    'hwid = "device"',
    'hwid = { column = "device", lookup = "NAME", key = "id", value = "hwid", required = true }',
)
DEVICES = [{"id": f"d{n}", "hwid": None if n % 11 == 0 else f"H {n} ä", "other": n} for n in range(200)]


def open_looking(name: str, tables: dict[str, object] | None = None) -> tuple[Source, Mapper]:
    """An input, and a mapping of it with a look-up."""
    source = write_rows()
    mapping = parse_mapping(LOOKING.replace("NAME", name), "m.toml").beside(tables or {})
    lookups = open_lookups(mapping, where="m.toml", nothing=("NA",))
    return source, bind(
        mapping, source.schema, source.sample(), application="A", where="m", now=NOW, lookups=lookups
    )


@pytest.mark.parametrize("most", [0, 16 << 20], ids=["read again", "carried"])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_look_up_of_a_file_finds_the_same_elsewhere(
    ending: str, most: int, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that is there, one that is missing and one without a value are mapped alike by any worker."""
    monkeypatch.setattr("loader.lookups.table.MOST_CARRIED", most)
    frame = pd.DataFrame(DEVICES)
    frame.to_csv("devices.csv", index=False) if ending == "csv" else frame.to_parquet("devices.parquet")
    source, mapper = open_looking(f"devices.{ending}")
    if most:  # it need not lie where the worker can read it
        Path(f"devices.{ending}").unlink()
    mapped = assert_same(source, mapper, elsewhere)
    assert sum(len(each.bodies) for each in mapped) > 150
    assert sum(len(each.rejects) for each in mapped) > 100


@pytest.mark.parametrize("make", [pd.DataFrame, pa.Table.from_pylist, pl.DataFrame])
def test_a_look_up_in_memory_travels_with_the_mapper(
    make: Callable[[object], object], elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else can read it, so the columns that are needed go along, and only those."""
    monkeypatch.setattr("loader.lookups.table.MOST_CARRIED", 0)
    source, mapper = open_looking("devices", {"devices": make(DEVICES)})
    assert_same(source, mapper, elsewhere)
    assert b"other" not in pickle.dumps(mapper, 5)


def test_a_large_look_up_stays_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pickle of it has its path, and no key or value."""
    monkeypatch.setattr("loader.lookups.table.MOST_CARRIED", 1000)
    pd.DataFrame(DEVICES).to_csv("devices.csv", index=False)
    _, mapper = open_looking("devices.csv")
    travelling = pickle.dumps(mapper, 5)
    assert str(Path("devices.csv").absolute()).encode() in travelling
    assert "H 5 ä".encode() not in travelling
    assert len(travelling) < 8000


def test_a_look_up_that_differs_elsewhere_is_refused(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other values would go to the vendor for the same rows."""
    monkeypatch.setattr("loader.lookups.table.MOST_CARRIED", 0)
    pd.DataFrame(DEVICES).to_csv("devices.csv", index=False)
    source, mapper = open_looking("devices.csv")
    source.survey()
    path = Path("devices.csv")
    path.write_bytes(path.read_bytes().replace(b"H 190 ", b"H 191 "))
    error = elsewhere(there.read_until_it_fails, (source, mapper), 0)[1]
    assert isinstance(error, Changed)
    path.unlink()
    error = elsewhere(there.read_until_it_fails, (source, mapper), 0)[1]
    assert str(error).startswith(f"{path.absolute()}: there is no such file on ")


@pytest.mark.parametrize("rows", [0, 1, 70_000])
def test_a_look_up_arrives_with_all_its_rows(rows: int, elsewhere: Elsewhere) -> None:
    """However many it has, and which of several rows with one key counts stays the same."""
    ids = [f"d{n // 2}" for n in range(rows)]
    table = pa.table(
        {"id": pa.array(ids, pa.string()), "v": pa.array([f"v{n}" for n in range(rows)], pa.string())}
    )
    lookup = LookUp("t", "id", "v", "last")
    mapping = parse_mapping(
        LOOKING.replace("NAME", "t").replace('"hwid", required = true }', '"v", keep = "last" }'), "m.toml"
    ).beside({"t": table})
    lookups = open_lookups(mapping, where="m.toml")
    keys = [None, "", "d0", "d34999", "nobody"]
    here = lookups.read(lookup, lookups.find(lookup, pa.array(keys, pa.string()))).to_pylist()
    assert elsewhere(there.look_up, lookups, lookup, keys) == here
    assert here[2] == {0: None, 1: "v0", 70_000: "v1"}[rows]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_the_export_of_each_vendor_is_mapped_alike_elsewhere(
    name: str, kind: Kind, elsewhere: Elsewhere
) -> None:
    """With the mapping that is proposed for it, nested parts and lists among it."""
    source = open_source([HERE / name], chunk_rows=3)
    mapper = bind_to(source, expected(name, kind, "toml").read_text("utf-8"))
    assert len(assert_same(source, mapper, elsewhere)[0].bodies)


@pytest.mark.parametrize("order", Order)
def test_what_a_load_has_prepared_travels(order: Order, elsewhere: Elsewhere) -> None:
    """The coordinator sends the source and the mapper of its plan as they are."""
    write_rows()
    Path("m.toml").write_text(EVENTS)
    plan = prepare(
        Settings(
            Kind.EVENTS,
            ("rows.csv",),
            "AAAAA-BBBBB",
            Endpoint.parse("http://127.0.0.1:9/"),
            Path("rows.ckpt"),
            mapping=Path("m.toml"),
            options=LoadOptions(order=order),
        )
    )
    mapped = assert_same(plan.source, plan.mapper, elsewhere, 100)
    assert bool(mapped[0].owners[0].as_py()) == (order is Order.DEVICE)
