"""What is said of a row without saying what stands in it."""

from __future__ import annotations

import pytest

from loader.report.privacy import HIDDEN, plain_end, plain_error, plain_reason, plain_remedy

MAPPING = 'timestamp = { column = "day", format = "%Y%m%d" }'


@pytest.mark.parametrize(
    ("reason", "column", "shown"),
    [
        ('column "amount" is not a number', "amount", 'column "amount" is not a number'),
        (
            'column "day" is not a real time in the format "%Y%m%d"',
            "day",
            'column "day" is not a real time in the format "%Y%m%d"',
        ),
        (
            'column "props" has a member "jo@example.com" that is empty, and the mapping rejects that',
            "props",
            f'column "props" has a member {HIDDEN} that is empty, and the mapping rejects that',
        ),
        ("the row has 5 cells, the header has 4", "", "the row has 5 cells, the header has 4"),
        (
            'columns "a", "b" both give an attribute "secret"',
            "a, b",
            f'columns "a", "b" both give an attribute {HIDDEN}',
        ),
    ],
)
def test_a_reason_keeps_what_the_header_and_the_mapping_say(reason: str, column: str, shown: str) -> None:
    """Columns and formats are shown; names that come out of a cell are not."""
    assert plain_reason(reason, column, MAPPING) == shown


@pytest.mark.parametrize(
    ("message", "reason", "value", "remedy"),
    [
        (
            'a.csv, row 2, column "amount": "12,5" is not a number. Set decimal = "," in the mapping.',
            'column "amount" is not a number',
            "12,5",
            'Set decimal = "," in the mapping.',
        ),
        (
            'a.csv, row 2, column "tz": "Berlin" is no time zone. Did you mean "Europe/Berlin"? Use it.',
            'column "tz" is no time zone',
            "Berlin",
            "Use it.",
        ),
        ('a.csv, row 2, column "x": "omit" is bad. Set empty = "omit".', 'column "x" is bad', "omit", ""),
        ("a.csv, row 2, the row has 5 cells", "the row has 5 cells", "", ""),
        (
            "a.csv, row 2, the mapping is empty, and an event needs a name. Fill it.",
            "the mapping is empty, and an event needs a name",
            "",
            "Fill it.",
        ),
    ],
)
def test_a_remedy_says_nothing_of_the_row(message: str, reason: str, value: str, remedy: str) -> None:
    """What to do is told; where it would repeat the cell, it is left out."""
    assert plain_remedy(message, reason, value) == remedy


@pytest.mark.parametrize(
    ("stopped", "shown"),
    [
        (
            "No usable answer for 15 minutes; the last failure: HTTP 500 secret.",
            "No usable answer for 15 minutes.",
        ),
        (
            'The server forbids the request. Check the API token. It answered HTTP 403: "secret".',
            "The server forbids the request. Check the API token. It answered HTTP 403.",
        ),
        (
            "More than the 5 rows that --max-rejected accepts are rejected.",
            "More than the 5 rows that --max-rejected accepts are rejected.",
        ),
        (
            'The first 20 records were all rejected alike: "secret".',
            "The first 20 records were all rejected alike.",
        ),
        ("The vendor refuses with status_code 403: secret.", "The vendor refuses with status_code 403."),
        ("/data/x.ckpt: the disk is full. Make room.", "The disk was full."),
    ],
)
def test_an_end_is_told_without_its_quotes(stopped: str, shown: str) -> None:
    """Why a load stopped can be shown to anybody."""
    assert plain_end(stopped) == shown


def test_an_unknown_end_is_not_told() -> None:
    """A sentence that nobody has looked at may quote anything."""
    assert "secret" not in plain_end('orders.csv, row 3: "secret" is not what it was.')


def test_an_error_keeps_its_words_and_loses_its_quotes() -> None:
    """Why the input cannot be read is told; a cell that is quoted, with marks of its own in it, is not."""
    assert plain_error("a.csv: there is no such file.") == "a.csv: there is no such file."
    message = 'a.csv, column "t": "SECRET" is not like "2024", "SECRET "quoted"" neither. Mend it.'
    assert plain_error(message) == f"a.csv, column {HIDDEN} neither. Mend it."
    assert plain_error('one " alone') == f"one {HIDDEN} alone"
