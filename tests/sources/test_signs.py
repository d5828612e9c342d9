"""What a file seems to be is said with the setting that reads it, and that setting does."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import pytest

from loader.dialect import Dialect
from loader.errors import SourceError
from loader.sources import open_source
from tests.sources.conftest import cells, texts, unreadable

if TYPE_CHECKING:
    from tests.conftest import CommandLine
    from tests.sources.conftest import Written

ROWS = [["d1", "u1"], ["d2", "u2"]]


def refusal(path: object, **said: object) -> str:
    """What the source says to a file."""
    with pytest.raises(SourceError) as refused:
        open_source([str(path)], dialect=Dialect(**said)).survey()  # type: ignore[arg-type]
    return str(refused.value)


@pytest.mark.parametrize(
    ("content", "option"),
    [
        ('"Report of 2024-03-04"\nhwid,user_id\nd1,u1\nd2,u2\n', "--skip-rows 1"),
        ("Report\n\nof all, users\nhwid,user_id\nd1,u1\nd2,u2\n", "--skip-rows 3"),
        ("hwid,user_id\nd1,u1,\nd2,u2,\n", "--columns hwid,user_id,rest --header"),
        ("hwid;user_id\nd1;u1;\nd2;u2;\n", "--columns hwid,user_id,rest --header"),
        ("hwid\tuser_id\r\nd1\tu1\t\r\nd2\tu2\t\r\n", "--columns hwid,user_id,rest --header"),
        ('n,hwid,user_id\n1,d1,"u1\n2,d2,u2"\n', '--quote ""'),
        ('hwid,user_id\nd1,"a\\"b"\nd2,"c\\"d"\n', "--escape '\\'"),
        ("hwid\tuser_id\nd1\ttwo\\nlines\nd2\tu2\n", "--escape '\\'"),
        ("hwid|user_id\nd1|\\N\nd2|u2\n", "--escape '\\'"),
        ("hwid\tuser_id\r\nd1\ttwo\nlines\r\nd2\tu2\r\n", "--line-end crlf"),
        ("hwid,user_id\nd1,two\rlines\nd2,u2\n", "--line-end lf"),
    ],
    ids=[
        "banner",
        "banner of 3 lines",
        "trailing",
        "semicolon",
        "tab",
        "stray quotes",
        "escapes",
        "line ends of mysql",
        "nothing of COPY",
        "line feeds in cells",
        "returns in cells",
    ],
)
def test_the_option_that_a_refusal_names_reads_the_file(
    written: Written, command: CommandLine, content: str, option: str
) -> None:
    """Typed as it stands in the message, it gives both rows."""
    path = written(content)
    refused = command.run("check", "users", path)
    assert refused.code == 2
    assert option in " ".join(refused.err.split())
    read = command.run("check", "users", path, *shlex.split(option))
    assert read.code == 0, read.err
    assert "2 users in" in read.out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("Report\nhwid,user_id\nd1,u1\nd2,u2\n", {"skip_rows": 1}),
        ("\ufeffReport\r\n\r\nhwid,user_id\r\nd1,u1\r\nd2,u2\r\n", {"skip_rows": 2}),
        ("Report\nd1,u1\nd2,u2\n", {"skip_rows": 1, "header": False, "columns": ("hwid", "user_id")}),
        ("sep=;\nReport\nhwid;user_id\nd1;u1\nd2;u2\n", {"skip_rows": 1}),
        ("Page\f1\u2028of\x1c2\x852\nhwid,user_id\nd1,u1\nd2,u2\n", {"skip_rows": 1}),
        ("Report\r\rhwid,user_id\rd1,u1\rd2,u2\r", {"skip_rows": 2}),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_lines_above_the_table_are_skipped(
    written: Written, content: str, said: dict[str, Any], encoding: str
) -> None:
    """Whatever they hold; and the first row is the first after the header."""
    path = written(content.encode(encoding))
    assert cells(open_source([path], dialect=Dialect(encoding=encoding, **said))) == ROWS


def test_more_lines_than_there_are_cannot_be_skipped(written: Written) -> None:
    """Then nothing is left that can be a header."""
    assert "nothing that can be a header is left after the 9 lines" in refusal(
        written("a,b\n1,2\n"), skip_rows=9
    )


@pytest.mark.parametrize(
    ("content", "asks"),
    [
        ("device,customer\nd1,u1\nd2,u2\n", True),
        ("device,customer\n", True),
        ("alice,oslo\nbob,paris\n", False),
        ("d0,u0\nd1,u1\n", False),
        ("hwid,user_id\nd1,u1\n", False),
    ],
)
def test_names_over_what_looks_like_a_header_are_asked_about(
    written: Written, content: str, asks: bool
) -> None:
    """Neither is a header sent as a user, nor a user taken for a header."""
    path, names = written(content), ("hwid", "user_id")
    if asks:
        assert "looks like a header" in refusal(path, columns=names)
    rows = content.count("\n")
    assert open_source([path], dialect=Dialect(columns=names, header=True)).survey().rows == rows - 1
    assert open_source([path], dialect=Dialect(columns=names, header=False)).survey().rows == rows


@pytest.mark.parametrize(
    ("row", "advice"),
    [
        ("d2,u2,", "Name all columns"),
        ("2,d2,u2", "Name all columns"),
        ("d2,u,2", "Put cells that contain the delimiter into quotes"),
        ("d2", 'short_rows = "fill"'),
        ("d2,a\\,b", 'escape = "\\\\"'),
    ],
)
def test_the_reason_of_a_ragged_row_fits_its_cause(written: Written, row: str, advice: str) -> None:
    """By what the row itself shows."""
    before = "".join(
        f"d{number},u{number}\n" for number in range(9000)
    )  # longer than what is looked at first
    source = open_source([written(f"hwid,user_id\n{before}{row.replace('2,d2', '9001,d2')}\nd3,u3\n")])
    ((number, reason),) = unreadable(source).items()
    assert number == 9000
    assert advice in reason


@pytest.mark.parametrize("block", [40, 1 << 20])
@pytest.mark.parametrize("escape", ["", "\\"])
def test_short_rows_are_filled_at_their_places(
    written: Written, monkeypatch: pytest.MonkeyPatch, block: int, escape: str
) -> None:
    """Only cells at the end of a row can be missing; a row with too many is rejected as ever."""
    monkeypatch.setattr("loader.sources.delimited.BLOCK", block)
    rows = ["d1,u1,ios", "d2,u2", "d3", 'd4,"u,4"', "d5,u5,ios,x", "d6", "d7,u7,android"]
    source = open_source(
        [written("\n".join(["hwid,user_id,platform", *rows]))],
        dialect=Dialect(short_rows="fill", escape=escape),
    )
    assert list(unreadable(source)) == [4]
    assert texts(source) == [
        ["d1", "u1", "ios"],
        ["d2", "u2", ""],
        ["d3", "", ""],
        ["d4", "u,4", ""],
        [None, None, None],
        ["d6", "", ""],
        ["d7", "u7", "android"],
    ]


@pytest.mark.parametrize(
    ("header", "advice"),
    [
        ('"hwid" "user_id"', "delimiter space"),
        ('hwid, "user_id"', "Remove the blanks"),
        ('"hwid"x,user_id', "quote"),
    ],
)
def test_a_header_with_a_stray_quote_is_refused(written: Written, header: str, advice: str) -> None:
    """Its columns would have names that nobody gave them."""
    said = refusal(written(f"{header}\n{'d1,u1' if ',' in header else 'd1 u1'}\n"))
    assert "in the header a quote stands where none should" in said
    assert advice in said


def test_the_delimiter_that_the_message_names_reads_the_file(written: Written) -> None:
    """Blanks between cells are not looked for, because words have them too."""
    source = open_source([written('"hwid" "user_id"\n"d1" "u1"\n')], dialect=Dialect(delimiter=" "))
    assert cells(source) == [["d1", "u1"]]


@pytest.mark.parametrize("text", ["hwid,user_id\n'd1','u,1'\n'd2','u2'\n", "hwid,user_id\nd1,'u,1'\nd2,u2\n"])
def test_single_quotes_are_named_with_the_option_that_reads_them(
    written: Written, command: CommandLine, text: str
) -> None:
    """A row whose cells have ' around them is not told to have quotes put around its cells."""
    path = written(text)
    named = command.run("check", "users", path)
    assert named.code == 3
    assert """(--quote "'")""" in " ".join(named.out.split())
    read = command.run("check", "users", path, "--quote", "'")
    assert read.code == 0, read.err


@pytest.mark.parametrize("sign", ["~", "^", ":", "#"])
def test_a_character_that_may_divide_the_header_is_named_with_the_option(
    written: Written, command: CommandLine, sign: str
) -> None:
    """A file that nothing known divides is refused with what would divide it, typed as it stands there."""
    path = written("hwid,user_id\nd1,u1\nd2,u2\n".replace(",", sign))
    refused = command.run("check", "users", path)
    assert refused.code == 2
    assert f"--delimiter '{sign}'" in " ".join(refused.err.split())
    read = command.run("check", "users", path, "--delimiter", sign)
    assert read.code == 0, read.err


@pytest.mark.parametrize(
    ("content", "notes"),
    [
        ('hwid\x01note\nd1\x01"hi"\nd2\x01say "hi"\n', ['"hi"', 'say "hi"']),
        ('hwid\x01note\nd1\x01"\nd2\x01"two\n', ['"', '"two']),
        ('"hwid"\x01"note"\n"d1"\x01"hi"\n"d2"\x01"two"\n', ["hi", "two"]),
    ],
    ids=["in some cells", "open", "around all cells"],
)
def test_hive_has_no_quotes(written: Written, content: str, notes: list[str]) -> None:
    """Its delimiter stands in no cell, so quotes are characters, or around all cells by another program."""
    source = open_source([written(content)])
    assert source.survey().rows == 2
    assert [row[1] for row in texts(source)] == notes
