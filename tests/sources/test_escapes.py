r"""Text of databases, with a sign that protects the next one, comes back as it was there."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from loader.dialect import Dialect
from loader.errors import SourceError
from loader.sources import delimited, open_source
from loader.sources.escapes import Escapes
from tests.sources.conftest import cells, unreadable

if TYPE_CHECKING:
    from tests.sources.conftest import Written

REUSES_FOLDER = [HealthCheck.function_scoped_fixture]  # each example writes its file again
SPECIAL = st.sampled_from(
    ["\\", "^", '"', "'", ",", ";", "\t", "|", "\x01", "n", "N", "\r\n", "\x85", "\x80", "A"]
)
CELL = st.lists(SPECIAL | st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), max_size=4)).map(
    "".join
)
TABLES = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width), max_size=15)
)
DIALECTS = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from([",", ";", "\t", "|", "\x01"]),
        "quotechar": st.sampled_from(['"', "'"]),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONE]),
        "doublequote": st.booleans(),
        "escapechar": st.sampled_from([None, "\\", "^"]),
    }
)


@given(
    rows=TABLES,
    written_as=DIALECTS,
    first=st.integers(0, 15),
    block=st.sampled_from([400, 4096]),
    encoding=st.sampled_from(["utf-8", "utf-16-le"]),
)
@settings(suppress_health_check=REUSES_FOLDER, max_examples=200, deadline=None)
def test_every_dialect_comes_back_byte_for_byte(
    written: Written, rows: list[list[str]], written_as: dict[str, Any], first: int, block: int, encoding: str
) -> None:
    """Any table written by Python's csv module, if its dialect is given, wherever reading begins."""
    assume(
        written_as["escapechar"] or (written_as["doublequote"] and written_as["quoting"] != csv.QUOTE_NONE)
    )
    text = io.StringIO(newline="")
    header = [f"c{number}" for number in range(len(rows[0]) if rows else 2)]
    csv.writer(text, **written_as, lineterminator="\r\n").writerows([header, *rows])
    given_dialect = Dialect(
        delimiter=written_as["delimiter"],
        quote="" if written_as["quoting"] == csv.QUOTE_NONE else written_as["quotechar"],
        escape=written_as["escapechar"] or "",
        encoding=encoding,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "BLOCK", block)
        patch.setattr("loader.sources.segments.SHORTEST", 64)
        source = open_source([written(text.getvalue().encode(encoding))], dialect=given_dialect)
        assert source.survey().rows == len(rows)
        assert cells(source, first) == rows[first:]
        assert unreadable(source) == {}


@given(
    rows=st.lists(
        st.lists(CELL | st.sampled_from(["\n", "\r", "a\nb", "\r\r", "\n\x93\x94"]), min_size=3, max_size=3),
        max_size=15,
    ),
    line_end=st.sampled_from([("lf", "\n"), ("crlf", "\r\n")]),
    escape=st.sampled_from(["", "\\"]),
    first=st.integers(0, 15),
    encoding=st.sampled_from(["utf-8", "utf-16-le"]),
)
@settings(suppress_health_check=REUSES_FOLDER, max_examples=100, deadline=None)
def test_only_the_line_end_that_is_given_ends_a_row(
    written: Written, rows: list[list[str]], line_end: tuple[str, str], escape: str, first: int, encoding: str
) -> None:
    """Any other line end belongs to the cell, wherever reading begins."""
    name, sign = line_end
    special = ["|", sign] if not escape else []
    assume(not any(part in cell for row in rows for cell in row for part in special))
    protected = str.maketrans({"\\": "\\\\", "|": "\\|", "\n": "\\\n"} if escape else {})
    lines = ["|".join(cell.translate(protected) for cell in row) for row in [["a", "b", "c"], *rows]]
    given_dialect = Dialect(delimiter="|", quote="", escape=escape, encoding=encoding, line_end=name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "BLOCK", 400)
        patch.setattr("loader.sources.segments.SHORTEST", 64)
        content = "".join(line + sign for line in lines)
        source = open_source([written(content.encode(encoding))], dialect=given_dialect)
        assert source.survey().rows == len(rows)
        assert cells(source, first) == rows[first:]


@pytest.mark.parametrize(
    ("line", "dialect", "row"),
    [
        (r'"d1","a \"big\" TV","x\\"', {}, ["d1", 'a "big" TV', "x\\"]),
        (r'"d1","a \"big, flat\" TV",\N', {}, ["d1", 'a "big, flat" TV', None]),
        ('"d1","two\\\nlines","x"', {}, ["d1", "two\nlines", "x"]),
        (r'd1,"C:\new","\N"', {}, ["d1", r"C:\new", r"\N"]),
        ("d1\ttab\\tand\\nline\t\\N", {"delimiter": "\t"}, ["d1", "tab\tand\nline", None]),
        ("d1\ta\\\tb\tC:\\\\new\\r", {"delimiter": "\t"}, ["d1", "a\tb", "C:\\new\r"]),
        (r"d1|a\|b|\Nix", {"delimiter": "|"}, ["d1", "a|b", "Nix"]),
        ("d1|one\\\r\ntwo|\\0", {"delimiter": "|"}, ["d1", "one\r\ntwo", "\0"]),
        ("d1\x01a\\\x01b\x01\\b\\f\\v\\Z", {"delimiter": "\x01"}, ["d1", "a\x01b", "\b\f\v\x1a"]),
        (r"d1;\x\é;x", {"delimiter": ";", "quote": ""}, ["d1", "xé", "x"]),
        (r'd1;"\;";\"', {"delimiter": ";", "quote": ""}, ["d1", '";"', '"']),
    ],
    ids=[
        "MySQL OUTFILE",
        "MySQL NULL",
        "MySQL line end",
        "letters within quotes",
        "mysql --batch",
        "COPY",
        "Redshift",
        "Redshift line end",
        "Hive",
        "dropped",
        "no quotes",
    ],
)
@pytest.mark.parametrize("block", [24, 1 << 20])
def test_escapes_mean_what_databases_mean(
    written: Written,
    monkeypatch: pytest.MonkeyPatch,
    line: str,
    dialect: dict[str, Any],
    row: list[object],
    block: int,
) -> None:
    """Protected characters, letters for control characters, and nothing; wherever a block ends."""
    monkeypatch.setattr(delimited, "BLOCK", block)
    said = Dialect(**dialect, escape="\\", header=False, columns=("hwid", "note", "user_id"))
    table = open_source([written(f"{line}\n" * 3)], dialect=said)
    found = [chunk.frame.astype(object).where(chunk.frame.notna(), None) for chunk in table.chunks()]
    assert [list(record) for frame in found for record in frame.itertuples(index=False)] == [row] * 3


@given(
    st.lists(st.sampled_from(["\\", "n", "N", ",", '"', "\r\n", "é", "\x85", "\x80", "A", "x"])).map("".join)
)
def test_covering_a_text_can_be_undone(text: str) -> None:
    """The places of marks in a file are found by the text as it was."""
    escapes = Escapes("\\", ",", '"')
    covered = escapes.cover(text.encode())
    if not text.endswith("\\"):
        assert escapes.uncover(covered) == text.encode()


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ('hwid,note\nd1,"a \\"big\\" TV"\nd2,"b \\"flat, wide\\" TV"\n', ()),
        ("d1|one\\\ntwo|u1\nd2|a\\|b|u2\n", ("hwid", "note", "user_id")),
    ],
    ids=["quotes", "line ends and delimiters"],
)
def test_a_file_that_seems_to_escape_is_refused_and_its_advice_works(
    written: Written, content: str, names: tuple[str, ...]
) -> None:
    """Nothing garbled is read; with the escape that the message names, each row is."""
    said = Dialect(columns=names, header=not names)
    with pytest.raises(SourceError, match=r"seems to escape with backslashes.*Give --escape '\\', or escape"):
        open_source([written(content)], dialect=said)
    source = open_source([written(content)], dialect=Dialect(escape="\\").over(said))
    assert source.survey().rows == 2
    assert unreadable(source) == {}


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("hwid\tnote\nd1\t\\N\nd2\ta\\tb\n", True),
        ("hwid\tnote\nd1\t\\N\nd2\tC:\\Users\n", False),
        ("hwid\tnote\nd1\tC:\\new\n", False),
        ("hwid,note\nd1,\\N\nd2,a\\tb\n", False),
    ],
    ids=["text of a database", "a path", "no nothing", "commas"],
)
def test_only_a_surely_escaped_file_is_read_so_unasked(written: Written, content: str, shown: bool) -> None:
    """And then it is shown; a backslash that fits no such dialect decides against it."""
    form = open_source([written(content)]).survey().files[0].form
    assert ('quote = "", encoding' in form and 'escape = "\\\\"' in form) is shown


def test_a_header_with_escapes_names_its_columns(written: Written) -> None:
    """And its columns are text, as all others."""
    source = open_source([written("a\\,b,c\n1,2\n")], dialect=Dialect(escape="\\"))
    assert source.schema.names == ["a,b", "c"]
    assert cells(source) == [["1", "2"]]


def test_a_form_that_a_checkpoint_notes_is_read_as_it_was(written: Written) -> None:
    r"""A load that began before `line_end` was known continues with the same rows: any line end ends one."""
    noted = r'delimiter = "\t", quote = "", encoding = "utf-8", header = true, escape = "\\"'
    file = written("hwid\tnote\nd1\t\\N\nd2\ttwo\rparts\n")
    (record,) = open_source([file], dialect=Dialect.read(noted)).survey().files
    assert (record.rows, record.form) == (3, f"CSV: {noted}")
    (record,) = open_source([file]).survey().files
    assert (record.rows, record.form) == (2, f'CSV: {noted}, line_end = "lf"')
