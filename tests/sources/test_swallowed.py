"""No row vanishes into a cell: a stray quote is found, and what is meant is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loader.dialect import Dialect
from loader.errors import SourceError
from loader.sources import open_source
from tests.sources.conftest import cells, unreadable

if TYPE_CHECKING:
    from tests.sources.conftest import Written

STRAY = 'n,hwid,item\n1,d1,"TV\n2,d2,x\n3,d3,32" TV\n4,d4,y\n'
REGULAR = 'n,hwid,item\n1,d1,"TV\n2,d2,32"\n3,d3,y\n'
RAGGED = 'n,hwid,item\n"1","N,"2","N\n"2","d2","x"\n"3","d3","y"\n'
LATE = "n,hwid,item\n" + "0,d0,y\n" * 20_000 + '1,d1,"TV\n2,d2,x\n3,d3,32"\n'
LONG = 'n,hwid,item\n1,d1,"TV\n' + "2,d2,x\n" * 30 + 'broken\n3,d3,32"\n'


@pytest.mark.parametrize(
    ("content", "row", "lines"),
    [(STRAY, 1, 3), (REGULAR, 1, 2), (RAGGED, 1, 2), (LATE, 20_001, 3), (LONG, 1, 33)],
    ids=["text behind", "regular", "ragged", "after the sample", "one line is broken"],
)
@pytest.mark.parametrize("delimiter", [",", ";", "|"])
def test_rows_within_a_cell_are_refused(
    written: Written, content: str, row: int, lines: int, delimiter: str
) -> None:
    """With the first such record and its lines; without quotes each line is a row."""
    path = written(content.replace(",", delimiter))
    with pytest.raises(SourceError) as refusal:
        open_source([path]).survey()
    assert f"row {row:,}: a quote takes {lines} lines into one cell" in str(refusal.value)
    assert 'give --quote "", or quote = "" under [source]' in str(refusal.value)
    source = open_source([path], dialect=Dialect(quote=""))
    assert source.survey().rows == content.count("\n") - 1


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        (['1,d1,"TV', "2,d2,x", '3,d3,32"', "4,d4,y"], 3),
        (['1,"d1","TV', '2,d2,32"', '3,"d3","y"'], 2),
        (['"1","d1","x"', '2,d2,"TV', '3,d3,32"'], 2),
    ],
    ids=["numbers and text", "ids in quotes", "from the second row on"],
)
def test_names_in_quotes_do_not_stand_for_quotes_in_each_row(
    written: Written, rows: list[str], lines: int
) -> None:
    """Many programs quote the header, and rows by their types: a stray quote is found there."""
    path = written("\n".join(['"n","hwid","item"', *rows, ""]))
    with pytest.raises(SourceError, match=f"a quote takes {lines} lines into one cell"):
        open_source([path]).survey()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", ""])
def test_a_file_with_quotes_around_all_cells_takes_line_ends_as_they_are(written: Written, end: str) -> None:
    """Nothing can be swallowed there without text behind a closing quote; an empty cell may have none."""
    rows = ['"n","hwid","item"', '"1",,"TV\n2,d2,32"', '"3","d3","y"']
    source = open_source([written((end or "\n").join(rows) + end)])
    assert source.survey().rows == 2
    assert [row[0] for row in cells(source)] == ["1", "3"]


def test_rows_within_the_name_of_a_column_are_refused(written: Written) -> None:
    """A stray quote in the header takes the first rows; a name over two lines does not."""
    content = 'n,hwid,"item\n1,d1,TV\n2,d2,x"\n3,d3,y\n'
    with pytest.raises(SourceError, match="in the header: a quote takes 3 lines into one cell"):
        open_source([written(content)]).survey()
    assert open_source([written(content)], dialect=Dialect(quote="")).survey().rows == 3
    for names in ('n,hwid,"item\n(text)"', '"one\nname"'):
        assert open_source([written(f"{names}\n{names.replace('n', '1')}\n")]).survey().rows == 1


def test_failed_rows_with_a_stray_quote_are_found_by_their_states(written: Written) -> None:
    """Someone who mends a file of failed rows by hand loses none, and each cell that was written loads."""
    names, end = "hwid,item,_loader_state,_loader_row\n", "d4,y,rejected,4\n"
    damaged = f'{names}d1,"TV,rejected,1\nd2,x,in_doubt,2\nd3,32",rejected,3\n{end}'
    with pytest.raises(SourceError, match="a quote takes 3 lines into one cell"):
        open_source([written(damaged)]).survey()
    honest = f'{names}d1,"a,b,c\nd,e,f",rejected,1\n{end}'
    assert cells(open_source([written(honest)]))[0] == ["d1", "a,b,c\nd,e,f", "rejected", "1"]


def test_rows_within_a_cell_are_found_if_text_stands_behind_its_quote(written: Written) -> None:
    """They would be one rejected row; a quote behind the stray one is no sign of a message."""
    rows = "".join(f"{number},d{number},x\n" for number in range(2, 30))
    path = written(f'n,hwid,item\n1,d1,"TV\n{rows}30,d30,"ok"\n')
    with pytest.raises(SourceError, match="a quote takes 30 lines into one cell"):
        open_source([path]).survey()


def test_a_cell_that_is_meant_is_read_if_the_quote_is_given(written: Written) -> None:
    """As the message says: then the user knows."""
    source = open_source([written(REGULAR)], dialect=Dialect(quote='"'))
    assert cells(source) == [["1", "d1", "TV\n2,d2,32"], ["3", "d3", "y"]]


@pytest.mark.parametrize(
    "cell",
    [
        "Main Street 5\nOslo",
        "hello\nbest, wishes",
        'she said ""hi, you""\nand left, at once',
        "a, b, c, d\ne",
        "line\n\n",
    ],
    ids=["address", "prose", "quotes within", "commas in one line", "empty lines"],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_honest_line_ends_are_part_of_a_cell(written: Written, cell: str, line_end: str) -> None:
    """An address or a message is no row of the table."""
    content = f'hwid,note\nd1,"{cell}"\nd2,x\n'.replace("\n", line_end)
    assert len(cells(open_source([written(content)]))) == 2


@pytest.mark.parametrize("name", ["x.tsv", "x.csv"])
@pytest.mark.parametrize(
    ("rows", "quote"),
    [
        (['1\t"TV', '2\t32" TV', "3\tx"], ""),
        (['1\t5" pipe', "2\tx"], ""),
        (['1\t"TV', '2\t32"'], ""),
        (['1\t"a TV"', "2\tx"], '\\"'),
        (['1\t"two', 'lines"', "2\tx"], '\\"'),
        (["1\tx"], '\\"'),
    ],
    ids=["stray", "within", "regular", "quoted", "line end", "none"],
)
def test_tabs_without_proper_quotes_have_no_quotes(
    written: Written, name: str, rows: list[str], quote: str
) -> None:
    """Decided if the sample is clear, and shown."""
    source = open_source([written("\n".join(["n\titem", *rows, ""]), name)])
    assert f'quote = "{quote}"' in source.survey().files[0].form


@pytest.mark.parametrize(
    ("cell", "advice"),
    [
        ('"32" TV"', '(--quote "")'),
        ('"32"x', '(--quote "")'),
        ('""x', '(--quote "")'),
        ('"é"é', '(--quote "")'),
        ('"big\\"', "(--escape '\\')"),
        (' "x"', "Remove the blanks"),
    ],
)
def test_a_quote_where_none_should_stand_rejects_its_row(written: Written, cell: str, advice: str) -> None:
    """Never is a cell sent that is not what the file says; rows before and after are read."""
    rest = "TV" if cell == '"big\\"' else ""
    source = open_source(
        [written(f'hwid,item\nd1,"ok"\nd2,{cell}{rest}\nd3,"ok"\n')], dialect=Dialect(escape="")
    )
    assert list(unreadable(source)) == [1]
    assert advice in unreadable(source)[1]
    assert [row[0] for row in cells(source)][::2] == ["d1", "d3"]


def test_a_quoted_cell_over_the_end_of_the_sample_is_no_stray_quote(written: Written) -> None:
    """What is decided from the beginning does not depend on where the beginning ends."""
    rows = "".join(f'{number}\t"two\n{"x" * 90} lines"\n' for number in range(1500))
    source = open_source([written("n\titem\n" + rows, "x.tsv")])
    assert 'quote = "\\""' in source.survey().files[0].form
    assert source.survey().rows == 1500
