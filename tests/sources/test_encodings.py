"""Bytes that are not UTF-8 are shown as what they may be, if that is a plausible word."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from loader.dialect import Dialect, dialect_of
from loader.errors import SourceError
from loader.sources import open_source
from tests.sources.conftest import cells

if TYPE_CHECKING:
    from tests.sources.conftest import Written


def refusal(written: Written, name: str, encoding: str) -> str:
    """What is said of a name in an encoding."""
    with pytest.raises(SourceError) as refused:
        open_source([written(f"hwid,name\nd1,{name}\n".encode(encoding))]).survey()
    return str(refused.value)


@pytest.mark.parametrize(
    ("name", "encoding", "offered"),
    [
        ("Größe", "cp1252", "--encoding windows-1252"),
        ("Ærø", "latin-1", "--encoding windows-1252"),
        ("Привет", "cp1251", "--encoding windows-1251"),
        ("Привет", "koi8-r", "--encoding koi8-r"),
        ("Αθήνα", "cp1253", "--encoding windows-1253"),
    ],
)
def test_an_encoding_is_offered_with_the_word_that_it_makes(
    written: Written, name: str, encoding: str, offered: str
) -> None:
    """The user sees whether the reading is right, and what to give."""
    said = refusal(written, name, encoding)
    assert f'it would be "{name}"' in said
    assert offered in said


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("日本語", "shift_jis"),
        ("東京タワー", "euc_jp"),
        ("中文名", "gb18030"),
        ("中文名", "big5"),
        ("김민준", "cp949"),
    ],
)
def test_east_asian_text_is_not_taken_for_latin(written: Written, name: str, encoding: str) -> None:
    """It is named, with what reads it; Latin letters in its place are not offered."""
    said = refusal(written, name, encoding)
    assert "East Asian" in said
    assert f'it would be "{name}"' in said
    assert "--encoding" in said
    assert "1252" not in said


@pytest.mark.parametrize(
    ("name", "encoding", "said"),
    [
        ("①髙橋", "cp932", "shift_jis"),
        ("镕基", "gbk", "gb2312"),
        ("㐀", "gb18030", "gbk"),
        ("똠방", "cp949", "euc_kr"),
    ],
)
def test_a_wider_encoding_is_offered_and_reads_the_file(
    written: Written, name: str, encoding: str, said: str
) -> None:
    """Programs write more characters than the name that they give the encoding has."""
    path = written(f"hwid,name\nd1,{name}\n".encode(encoding))
    with pytest.raises(SourceError) as refused:
        open_source([path], dialect=Dialect(encoding=said)).survey()
    offered = re.search(r'it would be "([^"]+)"\. Give --encoding (\w+)\.$', str(refused.value))
    assert offered, refused.value
    assert name.endswith(offered[1])
    assert cells(open_source([path], dialect=dialect_of({"encoding": offered[2]}))) == [["d1", name]]


def test_bytes_that_make_no_word_are_not_offered(written: Written) -> None:
    """A wrong encoding that is taken would be worse than none."""
    said = refusal(written, "Łódź", "iso8859-2")
    assert "--encoding" not in said
