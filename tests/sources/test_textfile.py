"""Text that is not UTF-8 is refused before the first send, with its place and what to do."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loader.errors import SourceError
from loader.sources import delimited, open_source
from loader.sources.textfile import NotText, TextFile
from tests.sources.conftest import cells

if TYPE_CHECKING:
    from tests.sources.conftest import Written


def refusal(path: object) -> str:
    """What the source says to a file, when opened or surveyed."""
    with pytest.raises(SourceError) as refused:
        open_source([str(path)]).survey()
    return str(refused.value)


def test_latin1_is_named_with_row_column_and_byte(written: Written) -> None:
    """The user sees the word as it was probably meant, and the command that converts the file."""
    content = 'id,name\n1,"two\nlines"\n\n2\n3,Müller\n'.encode("latin-1")
    assert refusal(written(content)) == (
        "export.csv, row 3, column \"name\": the byte fc in 'M\\xfcller' is not UTF-8; read as Latin-1 "
        '(Windows-1252) it would be "Müller". Export the file as UTF-8, or if that reading is right, '
        "give --encoding windows-1252."
    )


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"id,na\xefve\n1,2\n", "in the header"),
        (b"\xfc,b\n1,2\n", "in the header"),
        (b"id,name\n\xfc,2\n", 'row 1, column "id"'),
        (b"id,name\n1,2,\xfc\n", "row 1"),
        (b'id,name\n1,2\n"a,b\n\xfc",2\n', 'row 2, column "id"'),
        (b"id,name\n" + b"1,2\n3\n" * 10_000 + b"4,\xfc", 'row 20,001, column "name"'),
    ],
    ids=["header", "first byte", "first cell", "ragged row", "in quotes", "after many blocks"],
)
def test_the_place_of_the_byte_is_exact(
    written: Written, content: bytes, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the byte stands, the message leads there."""
    monkeypatch.setattr(delimited, "BLOCK", 1 << 12)
    assert refusal(written(content)).startswith(f"export.csv, {place}: the byte ")


@pytest.mark.parametrize("shift", range(8))
def test_the_place_is_exact_over_the_end_of_a_block(
    written: Written, shift: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A character that begins in one block and turns out wrong in the next is found where it begins."""
    monkeypatch.setattr(delimited, "BLOCK", 100)
    content = b"id,name\n" + b"x" * (80 + shift) + b",ok\n2,\xf0\x9f\x98(\n3,4\n"
    assert refusal(written(content)).startswith('export.csv, row 2, column "name": the byte f0 in ')


def test_half_a_character_before_plain_text_is_refused() -> None:
    """A block of plain text is taken as it is, but not where the rest of a character should stand."""
    text = TextFile(BytesIO(b"abc\xc3defg"))
    assert text.read(5) == b"abc\xc3"
    with pytest.raises(NotText) as refused:
        text.read(5)
    assert (refused.value.offset, refused.value.after) == (3, b"\xc3defg")


@pytest.mark.parametrize(
    "cell",
    [b"\xe2\x82", b"\xed\xa0\x80", b"\x81", b"\xf4\x90\x80\x80", b"\xc0\xaf"],
    ids=["cut in a character", "lone surrogate", "not in Windows-1252", "beyond Unicode", "overlong"],
)
def test_damaged_utf8_is_not_taken_for_latin1(written: Written, cell: bytes) -> None:
    """What cannot be Latin-1 text is called damaged, and no conversion is advised."""
    message = refusal(written(b"id,name\n1,x" + cell + b"\n"))
    assert message.startswith('export.csv, row 1, column "name": the byte ')
    assert message.endswith("the file is damaged or in another encoding. Export it again as UTF-8.")


@given(
    text=st.text(st.characters(codec="utf-8", exclude_characters='\0\r\n",'), max_size=300),
    block=st.integers(70, 90),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
def test_characters_over_the_end_of_a_block_are_whole(written: Written, text: str, block: int) -> None:
    """Wherever blocks end, a character of several bytes is neither refused nor changed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "BLOCK", block)
        assert cells(open_source([written(f"id,x\n1,{text}\n")])) == [["1", text]]
