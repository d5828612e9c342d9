"""Text in each accepted encoding is read exactly, from each place on; the others are refused by name."""

from __future__ import annotations

import codecs
import encodings
import pkgutil
import random
import re
import shutil
import subprocess
from functools import cache
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.dialect import Dialect, dialect_of
from loader.encoding import MULTI_BYTE, WIDE, find_codec
from loader.errors import MappingError, SourceError
from loader.sources import delimited, jsonlines, open_source, segments
from tests.effort import EFFORT
from tests.sources.conftest import texts


def list_codecs() -> set[str]:
    """The encodings that this Python has, by their names."""
    names = {module.name for module in pkgutil.iter_modules(encodings.__path__)}
    return {codec for name in names if (codec := find_codec(name))}


ACCEPTED = sorted(list_codecs() - {"utf-16"})  # which is one of two others
SHIFTING = {
    "iso2022_jp": "日本語,テスト",
    "iso2022_jp_1": "日本語,テスト",
    "iso2022_jp_2": "日本語,テスト",
    "iso2022_jp_2004": "日本語,テスト",
    "iso2022_jp_3": "日本語,テスト",
    "iso2022_jp_ext": "日本語,ﾃｽﾄ",
    "iso2022_kr": "한국어,시험",
    "hz": "中文,名字",
    "utf-7": "Größe,日本",
}


def test_the_encodings_of_east_asia_are_accepted() -> None:
    """All those of Python's without shift sequences."""
    assert set(ACCEPTED) >= MULTI_BYTE >= {"cp932", "gb18030", "big5", "euc_jp", "euc_kr", "shift_jis", "gbk"}


@cache
def list_characters(codec: str) -> list[bytes]:
    """The ways to write a printable character: all of one to three bytes, some of more."""
    ways = [bytes([byte]) for byte in range(256)]
    if codec in MULTI_BYTE:
        ways += [bytes(pair) for pair in product(range(0x80, 256), range(256))]
    if codec.startswith(("euc_jp", "euc_jis")):
        ways += [bytes([0x8F, *pair]) for pair in product(range(0xA1, 0xFF), repeat=2)]
    ways += [char.encode(codec) for char in map(chr, range(0xA0, 0xFFFF, 37)) if char.encode(codec, "ignore")]
    return [way for way in ways if is_printable(way, codec)]


def is_printable(way: bytes, codec: str) -> bool:
    """Whether the bytes are a character that can stand in a cell."""
    try:
        text = way.decode(codec)
    except UnicodeDecodeError:
        return False
    signs = codec in MULTI_BYTE and len(way) > 1 and len(way[:1].decode(codec, "ignore")) > 0
    return text.isprintable() and not signs and not set(text) & set('",\ufeff') and text.strip() == text != ""


@pytest.mark.parametrize("codec", ACCEPTED)
def test_no_accepted_encoding_has_a_state(codec: str) -> None:
    """What a character means never depends on one before it, so reading can begin at any row."""
    initial = codecs.getincrementaldecoder(codec)().getstate()
    for way in [*list_characters(codec), *(bytes([byte]) for byte in range(128)), b"\n\0", b"\0\n"]:
        decoder = codecs.getincrementaldecoder(codec)("replace")
        decoder.decode(way)
        assert codec in WIDE or decoder.getstate() == initial, way


@pytest.mark.parametrize("codec", sorted(MULTI_BYTE))
def test_a_line_end_is_no_part_of_another_character(codec: str) -> None:
    """So line feeds and returns can be counted in the bytes."""
    assert not [way for way in list_characters(codec) if {0x0A, 0x0D} & set(way)]


def make_rows(codec: str, seed: int) -> list[list[bytes]]:
    """Numbered cells of any characters of an encoding, each in any of the ways to write it."""
    chance, characters = random.Random(seed), list_characters(codec)
    return [
        [str(number).encode(codec), b"".join(chance.choices(characters, k=chance.randrange(1, 20)))]
        for number in range(200)
    ]


def write_table(rows: list[list[bytes]], codec: str, line: str, *, quoted: bool) -> bytes:
    """A CSV file."""
    comma, end, quote = ",".encode(codec), line.encode(codec), '"'.encode(codec) if quoted else b""
    lines = [quote + (quote + comma + quote).join(row) + quote + end for row in rows]
    return "n,x".encode(codec) + end + b"".join(lines)


def read_from_each_mark(path: Path, dialect: Dialect, wanted: list[list[str]]) -> None:
    """Read a file from each place at which reading can begin."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "BLOCK", 1 << 10)
        patch.setattr(jsonlines, "BLOCK", 1 << 10)
        patch.setattr(segments, "SHORTEST", 1 << 9)
        source = open_source([path], dialect=dialect)
        assert texts(source) == wanted
        marks = source.survey().files[0].marks
        assert len(marks) > 2
        for mark in marks:
            assert texts(source, mark.row) == wanted[mark.row :]


def decode_rows(rows: list[list[bytes]], codec: str) -> list[list[str]]:
    """What the cells mean."""
    return [[cell.decode(codec) for cell in row] for row in rows]


@pytest.mark.parametrize("codec", ACCEPTED)
@given(seed=st.integers(0, 1 << 32), line=st.sampled_from(["\n", "\r\n"]), quoted=st.booleans())
@settings(max_examples=3 * EFFORT, deadline=None)
def test_each_cell_is_exact_from_each_mark(codec: str, seed: int, line: str, *, quoted: bool) -> None:
    """Whatever stands in the cells, however it is written, and wherever a block ends."""
    rows = make_rows(codec, seed)
    with TemporaryDirectory() as folder:
        path = Path(folder, "a.csv")
        path.write_bytes(write_table(rows, codec, line, quoted=quoted))
        dialect = Dialect(encoding=codec, delimiter=",", quote='"', header=True, escape="")
        read_from_each_mark(path, dialect, decode_rows(rows, codec))


@pytest.mark.parametrize("codec", sorted(MULTI_BYTE))
def test_lines_above_the_header_are_skipped(codec: str, tmp_path: Path) -> None:
    """However their characters are written, the header begins where they end."""
    rows, above = make_rows(codec, 1), b"".join(list_characters(codec)[:3000:7])
    path = tmp_path / "a.csv"
    path.write_bytes(
        b"sep=,\r\n" + above + b"\r" + above + b"\n" + write_table(rows, codec, "\n", quoted=False)
    )
    dialect = Dialect(encoding=codec, quote="", skip_rows=2, escape="")
    read_from_each_mark(path, dialect, decode_rows(rows, codec))


@pytest.mark.parametrize("codec", sorted(MULTI_BYTE | {"cp1251", "utf-16-le"}))
def test_json_lines_are_exact_from_each_mark(codec: str, tmp_path: Path) -> None:
    """The second byte of a character may be a backslash, which means nothing there."""
    rows = make_rows(codec, 2)
    wanted = [row for row in decode_rows(rows, codec) if "\\" not in row[1]]
    rows = [row for row in rows if "\\" not in row[1].decode(codec)]
    start, middle, end = (text.encode(codec) for text in ('{"n":"', '","x":"', '"}\n'))
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"".join(start + number + middle + cell + end for number, cell in rows))
    read_from_each_mark(path, Dialect(encoding=codec), wanted)


@pytest.mark.parametrize("codec", SHIFTING)
def test_an_encoding_with_states_is_refused_and_its_remedy_works(codec: str, tmp_path: Path) -> None:
    """The file that the command writes is read as it was meant."""
    with pytest.raises(MappingError) as refusal:
        dialect_of({"encoding": codec})
    said = str(refusal.value)
    assert f'the encoding "{codec}" cannot be read, because' in said
    command = re.search(r": ((?:iconv|python3) .*)$", said)
    assert command
    if shutil.which(command[1].split()[0]) is None:
        pytest.skip("not on this machine")
    rows = [[str(number), SHIFTING[codec] * 3] for number in range(50)]
    lines = ["n,x\n", *(f'{number},"{text}"\n' for number, text in rows)]
    (tmp_path / "FILE").write_bytes("".join(lines).encode(codec))
    subprocess.run(command[1], shell=True, cwd=tmp_path, check=True, timeout=30)
    assert texts(open_source([tmp_path / "NEW_FILE"], dialect=Dialect(input_format="csv"))) == rows


@pytest.mark.parametrize("codec", [codec for codec in SHIFTING if codec.startswith("iso2022")])
def test_text_with_escape_sequences_is_refused_unasked_and_its_remedy_works(
    codec: str, tmp_path: Path
) -> None:
    """It has no byte beyond ASCII, so it would pass as UTF-8, with other delimiters and other cells."""
    rows = [[str(number), SHIFTING[codec] * 3] for number in range(50)]
    lines = ["n,x\n", *(f'{number},"{text}"\n' for number, text in rows)]
    (tmp_path / "FILE").write_bytes("".join(lines).encode(codec))
    with pytest.raises(SourceError, match="the file is ISO-2022") as refusal:
        open_source([tmp_path / "FILE"], dialect=Dialect(input_format="csv"))
    command = re.search(r"Convert it: (iconv .*)\. If the cells", str(refusal.value))
    assert command
    assert "give --encoding utf-8" in str(refusal.value)
    open_source([tmp_path / "FILE"], dialect=Dialect(input_format="csv", encoding="utf-8"))
    if shutil.which("iconv") is None:
        pytest.skip("not on this machine")
    subprocess.run(command[1], shell=True, cwd=tmp_path, check=True, timeout=30)
    assert texts(open_source([tmp_path / "NEW_FILE"], dialect=Dialect(input_format="csv"))) == rows
