"""Lines of JSON that are read at once give what they give one by one, or are left to be read one by one."""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.errors import SourceError
from loader.sources import jsonrecords
from loader.sources.jsonblocks import BlockReader
from loader.sources.jsonrecords import RecordReader
from tests.effort import EFFORT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.model import Unreadable

COLUMNS = ("a", "b", "ü")
NUMBERS = ["0", "-0", "-1", "1.0", "12.10", "1e3", "1E+5", "1e-07", "1e999", "9007199254740993", "1" * 400]
NO_NUMBERS = ["01", "1.", ".5", "-", "+1", "1e", "0x1", "1_0", "٣", "NaN", "-Infinity", "nan"]
PLAIN = ['""', '"x"', '"ü😀\u2028\ufeff"', '"\x7f"', '": "', '", "', '"}"', '"{"', '"[1"', '"null"']
ESCAPED = [r'"\/"', r'"\""', r'"\\"', r'"\\\""', r'"\u00fc\n"', r'"\u0000"', r'"\ud83d\ude00"']
HALVES = [r'"\ud800"', r'"\udc00"', r'"\ud800\u0041"', r'"\udc00\ud800"', r'"\ud800\ud800\udc00"']
NO_TEXTS = [*HALVES, r'"\x"', r'"\u12"', '"\x01"', '"\t"', '"a', "'a'"]
WORDS = ["true", "false", "null"]
NO_WORDS = ["True", "nul", "nulll", "undefined", ""]
DEEP = ["[" * 150 + "]" * 150, '{"k":' * 150 + "1" + "}" * 150]
NO_RECORDS = [
    "{}",
    "{ }",
    "",
    " ",
    "\x0b",
    "1",
    "[1]",
    "\ufeff{}",
    r'{"\u0061": 1}',
    r'{"a": 1, "\u0061": 2}',
]

good = st.sampled_from(NUMBERS + PLAIN + ESCAPED + WORDS) | st.text(max_size=3).map(json.dumps)
bad = st.sampled_from(NO_NUMBERS + NO_TEXTS + NO_WORDS + DEEP)
blanks = st.sampled_from(["", " ", "\t", "\r", "  "])


def write_list(values: list[str], blank: str) -> str:
    """A list with this blank in it."""
    return f"[{f',{blank}'.join(values)}]"


def write_object(members: list[tuple[str, str]], before: str, behind: str) -> str:
    """An object with these blanks before and behind each comma and colon."""
    texts = [f"{json.dumps(key, ensure_ascii=False)}{before}:{behind}{value}" for key, value in members]
    return "{" + f"{before},{behind}".join(texts) + "}"


def objects(keys: Sequence[str], values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Objects, most of them with each key at most once."""
    member = st.tuples(st.sampled_from(keys), values)
    unlike = st.lists(member, max_size=3, unique_by=lambda member: member[0])
    return st.builds(write_object, unlike | unlike | st.lists(member, max_size=3), blanks, blanks)


def open_once(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """The values, and lists and objects of them."""
    lists = st.builds(write_list, st.lists(values, max_size=2), blanks)
    return values | values | lists | objects(["k", "l", "a", 'q"', "\\"], values)


@st.composite
def broken(draw: st.DrawFn) -> str:
    """A record with something wrong around it."""
    line = draw(usual)
    end = draw(st.integers(0, len(line)))
    return draw(st.sampled_from([line * 2, f"[{line}]", line[1:], line[:end], f"{line},", f"{line}\x0c"]))


usual = objects(COLUMNS, open_once(open_once(good)))
odd = objects([*COLUMNS, "more"], open_once(good | bad)) | broken() | st.sampled_from(NO_RECORDS)
lines = st.builds("{}{}{}".format, blanks, usual | usual | odd, blanks)


class OneByOne(BlockReader):
    """Reads nothing at once."""

    def read(self, block: bytes) -> None:
        """No block is read at once."""

    def accepts(self, line: bytes) -> bool:
        """No line is read with others."""
        return False


def read(blocks: list[bytes], nothing: Sequence[str]) -> tuple[list[object], dict[str, int]]:
    """What a reader gives for blocks of a file, one after the other, with all that it says of them."""
    reader = RecordReader("export.jsonl", nothing, packed=False)
    reader.use_columns(COLUMNS)
    found: list[object] = []
    row = 0
    try:
        for block in blocks:
            table, unreadable = reader.read(block, row)
            table.validate(full=True)
            row += table.num_rows
            found += [
                table.to_pydict(),
                {at: (why, getattr(why, "reason", None)) for at, why in unreadable.items()},
            ]
    except SourceError as failure:
        found.append(str(failure))
    return found, reader.unknown


@given(
    files=st.lists(st.lists(lines, max_size=4), min_size=1, max_size=2),
    nothing=st.sampled_from([(), ("NaN",)]),
)
@settings(max_examples=150 * EFFORT, deadline=None)
def test_lines_read_at_once_give_what_they_give_one_by_one(
    files: list[list[str]], nothing: tuple[str, ...]
) -> None:
    """Cell for cell, with the same reasons for the same rows, the same unknown keys and the same refusals."""
    blocks = ["\n".join(block).encode() for block in files]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonrecords, "MAX_RUN", 3)
        at_once = read(blocks, nothing)
        patch.setattr(jsonrecords, "BlockReader", OneByOne)
        assert read(blocks, nothing) == at_once


def test_each_number_keeps_how_it_is_written_and_nothing_else_is_one() -> None:
    """Of all words of the signs that numbers are made of, exactly those are accepted that JSON has."""
    words = ["".join(signs) for length in range(1, 6) for signs in product("01-+.eE", repeat=length)]
    reader = BlockReader(["a"])
    numbers = [word for word in words if reader.accepts(f'{{"a": {word}}}'.encode())]
    assert numbers == [word for word in words if is_number(word)]
    found = reader.read("\n".join(f'{{"a": {number}}}' for number in numbers).encode())
    assert found is not None
    assert found.columns[0].to_pylist() == numbers


def is_number(word: str) -> bool:
    """Whether it is one in JSON."""
    try:
        json.loads(word)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    "records",
    [
        [{"a": "x", "b": 1, "ü": True}, {"a": "y", "b": 2.5, "ü": None}],
        [{"b": "x"}, {"ü": "", "a": "x"}, {"a": None, "b": 9007199254740993}],
        [{"a": 'Müller "x" \\ /\n', "b": {"k": "ü", "l": [1, {"m": None}]}, "ü": [{"n": {}}, []]}],
    ],
    ids=["plain", "missing", "nested and escaped"],
)
@pytest.mark.parametrize(
    "separators", [(", ", ": "), (",", ":"), (" , ", " : ")], ids=["usual", "none", "wide"]
)
@pytest.mark.parametrize("ascii_only", [True, False], ids=["ascii", "utf-8"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_what_programs_write_is_read_at_once(
    records: list[dict[str, object]], separators: tuple[str, str], end: str, *, ascii_only: bool
) -> None:
    """So the time that a file takes does not depend on which program wrote it."""
    written = [json.dumps(record, separators=separators, ensure_ascii=ascii_only) for record in records]
    found = BlockReader(COLUMNS).read(end.join(written).encode())
    assert found is not None
    assert not len(found.doubtful)
    assert len(found.columns[0]) == len(records)


@pytest.mark.parametrize(
    "odd", ["x", '{"a": NaN}', '{"a": "\\ud800"}', '{"a": {"k": 1, "k": 2}}', '{"a": 1, "a": 2}']
)
def test_an_odd_line_does_not_slow_down_the_others(odd: str) -> None:
    """Only that line is read by itself."""
    reader = Noting("export.jsonl", (), packed=False)
    reader.use_columns(COLUMNS)
    table, unreadable = reader.read("\n".join(['{"a": 1}', odd, '{"a": {"k": 3}}']).encode(), 0)
    assert reader.alone == [odd.encode()]
    assert table["a"].to_pylist() == ["1", None, '{"k": 3}']
    assert list(unreadable) == [1]


class Noting(RecordReader):
    """Notes the lines that it reads one by one."""

    def __init__(self, name: str, nothing: Sequence[str], *, packed: bool) -> None:
        super().__init__(name, nothing, packed=packed)
        self.alone: list[bytes] = []

    def read_cells(self, line: bytes, row: int) -> tuple[str | None, ...] | Unreadable:
        """As always."""
        self.alone.append(line)
        return super().read_cells(line, row)


@pytest.mark.parametrize(
    "block",
    [
        '{"a": {"k": 1}\n, "b": 2}\n{"a": 3}{"a": 4}',
        '{"a": 3}{"a": 4}\n{"a": {"k": 1}\n, "b": 2}',
        '{"a": 3} {"a": 4}\n{"a":\n{"k": 1}}',
        '{"a": 3}\r{"a": 4}\n{"a": [{}\n]}',
        '\n{"a": 3}{"a": 4}',
    ],
)
def test_as_many_records_as_lines_are_not_enough(block: str) -> None:
    """If a line has two records and another one none, no row is counted for another."""
    found, _ = read([block.encode()], ())
    assert str(found[-1]).endswith("jq -c . export.jsonl > records.jsonl")


@pytest.mark.parametrize("signs", ["[]", '{"k":}', '[{"ü" : }]'], ids=["lists", "objects", "both"])
def test_any_depth_is_read_or_refused(signs: str) -> None:
    """Never does it end the load, and it does not matter whether a line is read with others."""
    middle = len(signs) // 2 if signs == "[]" else signs.index(":") + 1
    depths = [*range(1, 1100, 11), 50_000]
    block = "\n".join(f'{{"a": {signs[:middle] * depth}1{signs[middle:] * depth}}}' for depth in depths)
    with pytest.MonkeyPatch.context() as patch:
        at_once, unknown = read([block.encode()], ())
        patch.setattr(jsonrecords, "BlockReader", OneByOne)
        assert read([block.encode()], ()) == (at_once, unknown)
    assert any("nested too deeply" in str(reason) for reason in at_once)


@pytest.mark.parametrize(
    ("blocks", "refused"),
    [
        (["xxx.xxx"], False),
        (["xxx", ".", "xxx"], False),
        (["xxx.", "xxx"], False),
        (["xxx", ".xxx"], False),
        (["xx", "xx"], True),
        (["...", ".xxxx."], True),
        ([".x", "xx", "x."], True),
    ],
)
def test_a_run_of_damaged_lines_ends_with_a_record(
    blocks: list[str], monkeypatch: pytest.MonkeyPatch, *, refused: bool
) -> None:
    """Wherever the lines are cut into blocks: only as many in a row as are allowed are another format."""
    monkeypatch.setattr(jsonrecords, "MAX_RUN", 3)
    lines = [["x" if sign == "x" else '{"a": 1}' for sign in block] for block in blocks]
    found, _ = read(["\n".join(block).encode() for block in lines], ())
    assert isinstance(found[-1], str) == refused


@pytest.mark.parametrize("column", ['q"', "\\", "\n", ""])
def test_a_key_of_any_name_is_read(column: str) -> None:
    """Also one that no reader of many lines takes."""
    reader = RecordReader("export.jsonl", (), packed=False)
    reader.use_columns([column])
    table, unreadable = reader.read(json.dumps({column: 1}).encode(), 0)
    assert not unreadable
    assert table.columns[0].to_pylist() == ["1"]
