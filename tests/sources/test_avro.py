"""Avro files: the types of their schema, block after block, in little memory."""

from __future__ import annotations

import io
import tracemalloc
import uuid
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import fastavro
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loader.errors import SourceError
from loader.sources import avro, open_source
from tests.sources.conftest import cells

if TYPE_CHECKING:
    from tests.sources.conftest import Written

Record = dict[str, Any]
CODECS = ["null", "deflate", "bzip2", "xz"]


def avro_of(fields: Record, records: list[Record], **options: Any) -> bytes:
    """A file of records, with a type for each field."""
    out = io.BytesIO()
    schema = {
        "type": "record",
        "name": "row",
        "namespace": "made.up",
        "fields": [{"name": name, "type": kind} for name, kind in fields.items()],
    }
    fastavro.writer(out, schema, records, **options)
    return out.getvalue()


def logical(stored: str, meaning: str, **more: Any) -> Record:
    """A type with a meaning."""
    return {"type": stored, "logicalType": meaning, **more}


FIXED = {"type": "fixed", "name": "sixteen", "size": 16}
NESTED = {"type": "record", "name": "inner", "fields": [{"name": "a", "type": ["null", "int"]}]}
TREE = {
    "type": "record",
    "name": "tree",
    "fields": [{"name": "n", "type": "int"}, {"name": "next", "type": ["null", "tree"]}],
}
INSTANT = datetime(2024, 3, 4, 21, 37, 41, 123000, UTC)
SOME_UUID = uuid.UUID("0d6c4b0e-8a3e-4b0e-9d6c-4b0e8a3e4b0e")
Case = tuple[Any, pa.DataType, list[Any], list[Any]]
# The schema, the type that it must become, values as fastavro takes them, and as they must come out.
TYPES: dict[str, Case] = {
    "string": ("string", pa.string(), ["", "ä"], ["", "ä"]),
    "boolean": ("boolean", pa.bool_(), [True], [True]),
    "int": ("int", pa.int32(), [-(2**31)], [-(2**31)]),
    "long": ("long", pa.int64(), [2**63 - 1], [2**63 - 1]),
    "float": ("float", pa.float32(), [0.5], [0.5]),
    "double": ("double", pa.float64(), [0.1], [0.1]),
    "bytes": ("bytes", pa.binary(), [b"\xff"], [b"\xff"]),
    "fixed": (FIXED, pa.binary(), [b"0123456789abcdef"], [b"0123456789abcdef"]),
    "null": ("null", pa.null(), [None], [None]),
    "optional": (["null", "string"], pa.string(), [None, "x"], [None, "x"]),
    "optional the other way round": (["string", "null"], pa.string(), [None, "x"], [None, "x"]),
    "int or long": (["null", "int", "long"], pa.int64(), [None, 2**60], [None, 2**60]),
    "float or double": (["float", "double"], pa.float64(), [0.5], [0.5]),
    "text or number": (
        ["null", "string", "long", "boolean"],
        pa.string(),
        ["x", 2**60, True, None],
        ["x", str(2**60), "true", None],
    ),
    "text or record": (["string", NESTED], pa.string(), ["x", {"a": 5}], ["x", '{"a": 5}']),
    "enum": ({"type": "enum", "name": "e", "symbols": ["A", "B"]}, pa.string(), ["B"], ["B"]),
    "uuid": (logical("string", "uuid"), pa.string(), [SOME_UUID], [str(SOME_UUID)]),
    "uuid in bytes": (FIXED | {"logicalType": "uuid"}, pa.string(), [SOME_UUID.bytes], [str(SOME_UUID)]),
    "date": (logical("int", "date"), pa.date32(), [date(1890, 5, 1)], [date(1890, 5, 1)]),
    "time": (logical("int", "time-millis"), pa.time32("ms"), [time(1, 2, 3)], [time(1, 2, 3)]),
    "millis": (logical("long", "timestamp-millis"), pa.timestamp("ms", "UTC"), [INSTANT], [INSTANT]),
    "micros": (logical("long", "timestamp-micros"), pa.timestamp("us", "UTC"), [INSTANT], [INSTANT]),
    "local": (
        logical("long", "local-timestamp-millis"),
        pa.timestamp("ms"),
        [INSTANT.replace(tzinfo=None)],
        [INSTANT.replace(tzinfo=None)],
    ),
    "decimal": (
        logical("bytes", "decimal", precision=30, scale=4),
        pa.decimal128(30, 4),
        [Decimal("-12345678901234567890.1230"), None][:1],
        [Decimal("-12345678901234567890.1230")],
    ),
    "wide decimal": (
        logical("bytes", "decimal", precision=60, scale=2),
        pa.decimal256(60, 2),
        [Decimal("9" * 50 + ".25")],
        [Decimal("9" * 50 + ".25")],
    ),
    "an unknown meaning": (logical("string", "e-mail"), pa.string(), ["x"], ["x"]),
    "list": ({"type": "array", "items": ["null", "int"]}, pa.list_(pa.int32()), [[1, None]], [[1, None]]),
    "map": ({"type": "map", "values": "long"}, pa.map_(pa.string(), pa.int64()), [{"a": 1}], [[("a", 1)]]),
    "record": (NESTED, pa.struct([("a", pa.int32())]), [{"a": None}, {"a": 1}], [{"a": None}, {"a": 1}]),
    "list of times": (
        {"type": "array", "items": logical("long", "timestamp-millis")},
        pa.list_(pa.timestamp("ms", "UTC")),
        [[INSTANT]],
        [[INSTANT]],
    ),
    "record of decimals": (
        {
            "type": "record",
            "name": "d",
            "fields": [{"name": "a", "type": logical("bytes", "decimal", precision=4, scale=2)}],
        },
        pa.struct([("a", pa.decimal128(4, 2))]),
        [{"a": Decimal("1.25")}],
        [{"a": Decimal("1.25")}],
    ),
    "a record in itself": (
        TREE,
        pa.struct([("n", pa.int32()), ("next", pa.string())]),
        [{"n": 1, "next": {"n": 2, "next": None}}],
        [{"n": 1, "next": '{"n": 2, "next": null}'}],
    ),
}


@pytest.mark.parametrize("case", TYPES.values(), ids=TYPES)
def test_each_type_has_one_meaning_and_keeps_its_values(written: Written, case: Case) -> None:
    """Every digit and every instant, whatever the type; it is known before the first row."""
    schema, kind, given, wanted = case
    content = avro_of({"x": schema, "n": "int"}, [{"x": value, "n": at} for at, value in enumerate(given)])
    source = open_source([written(content, "export.avro")])
    assert source.schema.field("x").type == kind
    (chunk,) = source.chunks()
    assert pa.array(chunk.frame["x"]).to_pylist() == wanted
    assert chunk.frame["n"].tolist() == list(range(len(given)))


@given(numbers=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@pytest.mark.parametrize("unit", ["millis", "micros"])
def test_no_time_is_too_early_or_too_late(written: Written, unit: str, numbers: list[int]) -> None:
    """A time is the number that the file has, in its unit."""
    schema = {"x": logical("long", f"timestamp-{unit}")}
    path = written(avro_of(schema, [{"x": number} for number in numbers]), "export.avro")
    (chunk,) = open_source([path]).chunks()
    assert pa.array(chunk.frame["x"]).cast(pa.int64()).to_pylist() == numbers


def test_a_name_can_be_used_again(written: Written) -> None:
    """With and without its namespace."""
    content = avro_of(
        {"a": NESTED, "b": "inner", "c": ["null", "made.up.inner"]},
        [{"a": {"a": 1}, "b": {"a": 2}, "c": {"a": 3}}],
    )
    assert cells(open_source([written(content, "export.avro")])) == [[{"a": 1}, {"a": 2}, {"a": 3}]]


@pytest.mark.parametrize("codec", CODECS)
def test_each_codec_is_read(written: Written, codec: str) -> None:
    """Whatever the blocks are packed with, from the middle too."""
    records = [{"n": number} for number in range(50_000)]
    path = written(avro_of({"n": "int"}, records, codec=codec), "export.avro")
    source = open_source([path])
    assert [row[0] for row in cells(source)] == list(range(50_000))
    assert [row[0] for row in cells(source, 30_001)] == list(range(30_001, 50_000))


@pytest.mark.parametrize("codec", ["snappy", "zstandard"])
def test_codecs_of_others_are_read(written: Written, codec: str) -> None:
    """Written block by block, as is specified, because fastavro needs more libraries to write them."""
    records = [{"n": number} for number in range(50_000)]
    content = avro_of({"n": "int"}, records, sync_marker=b"s" * 16)
    path = written(repack(content, codec), "export.avro")
    assert [row[0] for row in cells(open_source([path]))] == list(range(50_000))


def repack(content: bytes, codec: str) -> bytes:
    """The same blocks, packed with Arrow's compressors."""
    import zlib  # noqa: PLC0415

    head, *blocks = content.split(b"s" * 16)
    out = head.replace(b"\x08null", bytes([len(codec) * 2]) + codec.encode()) + b"s" * 16
    for block in filter(None, blocks):
        source = avro._Bytes(io.BytesIO(block))
        rows, size = source.read_number(), source.read_number()
        plain = source.read(size)
        packed = pa.compress(plain, codec="snappy" if codec == "snappy" else "zstd", asbytes=True)
        packed += zlib.crc32(plain).to_bytes(4) if codec == "snappy" else b""
        out += number(rows) + number(len(packed)) + packed + b"s" * 16
    return out


def number(value: int) -> bytes:
    """As Avro writes it."""
    out, value = b"", value << 1
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def test_blocks_before_the_first_row_are_not_decoded(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A load that is resumed late does not decode what was loaded."""
    path = written(
        avro_of({"n": "int"}, [{"n": n} for n in range(50_000)], sync_interval=4000), "export.avro"
    )
    source = open_source([path])
    source.survey()
    decoded = 0
    reader = fastavro.schemaless_reader

    def counted(*given: Any) -> Any:
        nonlocal decoded
        decoded += 1
        return reader(*given)

    monkeypatch.setattr(avro, "schemaless_reader", counted)
    assert sum(len(chunk.frame) for chunk in source.chunks(49_000)) == 1000
    assert decoded < 4000


def test_memory_does_not_grow_with_the_file(written: Written) -> None:
    """Neither over many blocks, nor over one block with all the rows."""
    for interval in (16_000, 1 << 30):
        records = ({"n": n, "x": "some text"} for n in range(300_000))
        path = written(avro_of({"n": "int", "x": "string"}, records, sync_interval=interval), "export.avro")  # type: ignore[arg-type]
        source = open_source([path])
        tracemalloc.start()
        assert source.survey().rows == 300_000
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 24 << 20


GOOD = avro_of({"n": "int"}, [{"n": n} for n in range(1000)], sync_interval=500, sync_marker=b"s" * 16)


@pytest.mark.parametrize("cut", range(1, 120))
def test_a_cut_file_is_refused_or_ends_with_a_block(written: Written, cut: int) -> None:
    """Wherever it is cut: a file that ends with a whole block is a whole file."""
    content = GOOD[:-cut]
    path = written(content, "export.avro")
    if content.endswith(b"s" * 16):
        assert 0 < open_source([path]).survey().rows < 1000
        return
    with pytest.raises(
        SourceError, match=r"^export.avro: after row [\d,]+ it cannot be read \(.*\)\. Was the"
    ):
        open_source([path]).survey()


def test_a_block_that_does_not_end_where_it_should_is_refused(written: Written) -> None:
    """Behind each block stand the bytes that the header names; the message has the row before it."""
    at = GOOD.rindex(b"s" * 16)
    content = GOOD[:at] + b"t" + GOOD[at + 1 :]
    with pytest.raises(SourceError, match=r"after row [\d,]+ it cannot be read \(the end of a block is not"):
        open_source([written(content, "export.avro")]).survey()


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
def test_damage_is_a_sentence(written: Written, data: st.DataObject) -> None:
    """Whatever byte is another: never a traceback."""
    at = data.draw(st.integers(4, len(GOOD) - 1))
    content = bytearray(GOOD)
    content[at] ^= data.draw(st.integers(1, 255))
    message = "export.avro: a digit or a letter is another one"
    try:
        open_source([written(bytes(content), "export.avro")]).survey()
    except SourceError as failure:
        message = str(failure)
    assert message.startswith("export.avro: ")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"x": ["null", logical("long", "timestamp-millis"), "long"]},
            'column "x" holds timestamp[ms, tz=UTC] or int64, a mixture that has no type. Export it as one '
            "of them.",
        ),
        (
            {"x": {"type": "fixed", "name": "d", "size": 12, "logicalType": "duration"}},
            'column "x" holds durations, which cannot be sent. Export it as a number or as text.',
        ),
    ],
)
def test_a_column_without_a_type_is_refused_at_once(written: Written, fields: Record, sentence: str) -> None:
    """Not in the middle of a load."""
    with pytest.raises(SourceError) as refusal:
        open_source([written(avro_of(fields, []), "export.avro")])
    assert str(refusal.value) == f"export.avro: {sentence}"


def test_other_files_of_avro_are_refused(written: Written) -> None:
    """Values without names, and a codec that nobody knows."""
    out = io.BytesIO()
    fastavro.writer(out, "string", ["a"])
    with pytest.raises(SourceError, match="its records have no named fields"):
        open_source([written(out.getvalue(), "export.avro")])
    content = GOOD.replace(b"\x08null", b"\x08lzo!")
    with pytest.raises(
        SourceError, match=r'its blocks are packed with "lzo!"; known are null, deflate, snappy'
    ):
        open_source([written(content, "export.avro")])
