"""How a text file is written is told from its beginning only where that is clear, shown, and can be said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loader.dialect import Dialect
from loader.errors import SourceError
from loader.sources import delimited, open_source, segments
from tests.sources.conftest import cells

if TYPE_CHECKING:
    from tests.sources.conftest import Written


def form(path: object, dialect: Dialect | None = None) -> str:
    """How a file is read, as it is shown and kept in the checkpoint."""
    return open_source([str(path)], dialect=dialect).survey().files[0].form


def refusal(path: object, dialect: Dialect | None = None) -> str:
    """What the source says to a file, when opened or surveyed."""
    with pytest.raises(SourceError) as refused:
        open_source([str(path)], dialect=dialect).survey()
    return str(refused.value)


@pytest.mark.parametrize(
    ("content", "name", "sign"),
    [
        ("a,b\n1,2\n", "x.csv", ","),
        ("a;b\n1;2,5\n", "x.csv", ";"),
        ("a\tb\n1\t2\n", "x.csv", "\\t"),
        ("a|b\n1|2\n", "x.txt", "|"),
        ("a\tb\n1\t2,3\n", "x.TSV", "\\t"),
        ("a,b\n1,2\n", "x.tsv", ","),
        ('a,"b;c;d"\n1,2\n', "x.csv", ","),
        ("a,b;c\n1,x\n2,y\n", "x.csv", ","),
        ("a\x01b\n1\x012\n", "000000_0", "\\u0001"),
        ("a\x01b, c\n1\x012, 3\n", "x.txt", "\\u0001"),
        ("a,b\n1,2\x013\n", "x.csv", ","),
        ("only\n1\n2\n", "x.csv", ","),
        ("only\n1;2\n", "x.tsv", "\\t"),
        ("sep=;\na;b\n1;2\n", "x.csv", ";"),
        ('\ufeff"sep=|"\r\na|b\r\n1|2\r\n', "x.csv", "|"),
    ],
)
def test_the_delimiter_is_the_one_that_makes_a_table(
    written: Written, content: str, name: str, sign: str
) -> None:
    """Whatever the name of the file promises; and it is shown."""
    assert form(written(content, name)) == (
        f'CSV: delimiter = "{sign}", quote = "\\"", encoding = "utf-8", header = true'
    )


def test_a_delimiter_that_is_not_clear_is_refused(written: Written) -> None:
    """Two readings that both make a table, with another number of columns perhaps: nobody guesses."""
    assert refusal(written("id;price,eur\n1;12,5\n2;13,0\n")) == (
        "export.csv: the delimiter can be comma (2 columns) or semicolon (2 columns). Give the right one: "
        '--delimiter comma, or delimiter = "comma" under [source] in the mapping file.'
    )
    semicolons = open_source(["export.csv"], dialect=Dialect(delimiter=";"))
    assert cells(semicolons) == [["1", "12,5"], ["2", "13,0"]]


def test_a_line_that_says_the_delimiter_is_no_record(written: Written) -> None:
    """Excel reads and writes `sep=;`; the header is the line after it."""
    source = open_source([written("sep=;\r\nid;x\r\n1;2\r\n")])
    assert source.schema.names == ["id", "x"]
    assert cells(source) == [["1", "2"]]


def test_what_is_said_goes_before_what_is_seen(written: Written) -> None:
    """A delimiter, a quote and names, in a file without a header."""
    dialect = Dialect(delimiter="|", quote="'", header=False, columns=("id", "note"))
    source = open_source([written("1|'a|b'\n2|'it''s'\n")], dialect=dialect)
    assert cells(source) == [["1", "a|b"], ["2", "it's"]]
    assert source.survey().files[0].form == (
        'CSV: delimiter = "|", quote = "\'", encoding = "utf-8", header = false, columns = ["id", "note"]'
    )


def test_without_quotes_a_quote_is_a_character(written: Written) -> None:
    """So each line is a record."""
    source = open_source([written('n\tx\n1\t5" pipe\n2\t"a\n')], dialect=Dialect(quote=""))
    assert cells(source) == [["1", '5" pipe'], ["2", '"a']]


def test_names_are_given_to_a_file_without_a_header(written: Written) -> None:
    """Names alone say that there is none, unless the first row is just these names."""
    names = Dialect(columns=("user_id", "device_id"))
    assert cells(open_source([written("00042,b46\n")], dialect=names)) == [["00042", "b46"]]
    assert cells(open_source([written("user_id,device_id\n00042,b46\n")], dialect=names)) == [
        ["00042", "b46"]
    ]
    ragged = open_source([written("1,2,3\n")], dialect=names)
    assert [chunk.unreadable for chunk in ragged.chunks()] == [
        {
            0: 'the row has 3 cells, the header has 2: "1,2,3". '
            "Put cells that contain the delimiter into quotes."
        }
    ]


def test_names_can_take_the_place_of_a_header(written: Written) -> None:
    """One name for each column of it."""
    said = Dialect(header=True, columns=("user_id", "device_id"))
    source = open_source([written("u,u\n1,2\n")], dialect=said)
    assert source.schema.names == ["user_id", "device_id"]
    assert cells(source) == [["1", "2"]]
    assert refusal(written("a,b,c\n1,2,3\n"), said) == (
        "export.csv: the header has 3 columns, and 2 names are given for them. Give a name for each."
    )


@pytest.mark.parametrize(
    "value",
    [
        "00042",
        "1,5",
        "2024-01-31",
        "2024-01-31T10:00:00Z",
        "a@example.com",
        "b0a3e0f2-5a5e-4b1e-9d7e-1f3c2a7b9d10",
    ],
)
def test_a_first_row_of_values_is_not_taken_for_a_header(written: Written, value: str) -> None:
    """It would be lost as a row, and no column would have its name."""
    path = written(f'x;"{value}"\ny;z\n')
    assert refusal(path) == (
        f'export.csv: the first row holds "{value}", which looks like a value and not like the name of a '
        "column. If the file has no header, give the names, for example --columns user_id,device_id. If "
        "that is a "
        "name, give --header (or header = true under [source] in the mapping file)."
    )
    assert open_source([path], dialect=Dialect(header=True)).schema.names == ["x", value]


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "latin-1", "windows-1252", "koi8-r"]
)
@pytest.mark.parametrize("block", [64, 1 << 20])
def test_other_encodings_are_read_when_they_are_known(
    written: Written, encoding: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By their byte order mark, or on request; wherever blocks and segments end, every cell is whole."""
    monkeypatch.setattr(delimited, "BLOCK", block)
    monkeypatch.setattr(segments, "SHORTEST", 100)
    letters = {"koi8-r": "Жуков", "windows-1252": "Zoë – “€”", "latin-1": "Zoë ¿"}.get(
        encoding, "Zoë 東京 😀"
    )
    rows = [[str(number), f'{letters}\r\n"{number}"'] for number in range(50)]
    quoted = [f'{number},"{text.replace(chr(34), chr(34) * 2)}"' for number, text in rows]
    path = written("\r\n".join(["n,x", *quoted]).encode(encoding))
    said = (
        None if encoding == "utf-16" else Dialect(encoding={"latin-1": "iso8859-1"}.get(encoding, encoding))
    )
    source = open_source([path], dialect=said)
    assert cells(source) == rows
    marks = source.survey().files[0].marks
    assert len(marks) > 5
    for mark in marks:
        assert cells(source, mark.row) == rows[mark.row :]
    again = open_source([path], known=source.survey().files)
    assert again.survey() == source.survey()
    assert cells(again, 40) == rows[40:]


@given(
    text=st.text(st.characters(codec="utf-16", exclude_characters='\0\r\n",'), min_size=1, max_size=200),
    block=st.integers(70, 90),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
def test_wide_characters_over_the_end_of_a_block_are_whole(written: Written, text: str, block: int) -> None:
    """A character of two units may begin in one block and end in the next."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "BLOCK", block)
        path = written(f"id,x\n1,{text}\n".encode("utf-16"))
        assert cells(open_source([path])) == [["1", text]]


@pytest.mark.parametrize(
    ("content", "dialect", "sentence"),
    [
        (
            "a,b\n1,2\n".encode("utf-16-be"),
            None,
            "export.csv: the file is UTF-16 without a byte order mark, or not text at all (it begins with "
            "the bytes 00 61 00 2c 00 62 00 0a). If it is text, give the encoding: --encoding utf-16-be, "
            'or encoding = "utf-16-be" under [source] in the mapping file.',
        ),
        (
            "a,b\n1,2\n".encode("utf-16-le"),
            Dialect(encoding="utf-16"),
            "export.csv: has no byte order mark, so the encoding must say which UTF-16 it is: utf-16-le "
            "(from Windows, mostly) or utf-16-be.",
        ),
        (
            "a,b\n1,2\n".encode("utf-32"),
            None,
            "export.csv: the file is UTF-32 (it begins with the bytes ff fe 00 00). "
            "Convert it: iconv -f UTF-32 -t UTF-8.",
        ),
        (
            "a,b\n1,2\n".encode("utf-32-be"),
            None,
            "export.csv: the file is UTF-32 (it begins with the bytes 00 00 00 61). "
            "Convert it: iconv -f UTF-32 -t UTF-8.",
        ),
        (
            "a,b\n1,x\n".encode("utf-16") + b"\x00\xd8\n\x00",
            None,
            "export.csv, row 2, column \"a\": the byte 00 in '\\x00\\x00\\xd8' is not UTF-16-LE; the file is "
            "damaged or in another encoding. Export it again as UTF-8.",
        ),
        (
            b"a,b\n1,it\x92s\n",
            Dialect(encoding="iso8859-1"),
            "export.csv, row 1, column \"b\": the byte 92 in 'it\\x92s' is not Latin-1 text but a control "
            "character; is the encoding windows-1252?",
        ),
        (
            b"a,b\n1,x\x81\n",
            Dialect(encoding="cp1252"),
            "export.csv, row 1, column \"b\": the byte 81 in 'x\\x81' is not Windows-1252; the file is "
            "damaged or in another encoding. Export it again as UTF-8.",
        ),
        (
            b"1,\xfc\n",
            Dialect(header=False, columns=("a", "b")),
            "export.csv, row 1, column \"b\": the byte fc in '\\xfc' is not UTF-8; read as Latin-1 "
            '(Windows-1252) it would be "ü". Export the file as UTF-8, or if that reading is right, give '
            "--encoding windows-1252.",
        ),
    ],
    ids=[
        "unmarked",
        "utf-16 said, unmarked",
        "utf-32",
        "utf-32-be",
        "half",
        "control",
        "undefined",
        "no header",
    ],
)
def test_text_in_another_encoding_is_refused(
    written: Written, content: bytes, dialect: Dialect | None, sentence: str
) -> None:
    """With its place, the byte, and what to say if it is meant."""
    assert refusal(written(content), dialect) == sentence


def test_a_file_is_read_as_it_was_at_first(written: Written) -> None:
    """A resumed load does not look again for what the first one found: its checkpoint holds it."""
    path = written("a;b,c\n1;2,3\n")
    known = open_source([path], dialect=Dialect(delimiter=";")).survey().files
    assert cells(open_source([path], known=known)) == [["1", "2,3"]]
    other = open_source([path], dialect=Dialect(delimiter=","), known=known)
    assert other.survey().files[0].form != known[0].form
