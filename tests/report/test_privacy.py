"""What is said of a row without saying what stands in it."""

from __future__ import annotations

import json

import pytest

from loader.conditions import Ending
from loader.message import Message, Quote
from loader.model import Stop, StopCode
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


def test_an_end_is_told_without_its_quotes() -> None:
    """Why a load stopped can be shown to everybody if its code says that nothing else is quoted."""
    quote = Quote(': "secret"')
    message = Message("The first {rows} records were all rejected alike{quote}.", rows=20, quote=quote)
    ended = Ending.of(Stop(StopCode.REJECTED_ALIKE, message), interrupted=False)
    assert ended.stopped == 'The first 20 records were all rejected alike: "secret".'
    kept = Ending.from_text(ended.to_text())
    assert plain_end(kept.code, kept.unquoted) == "The first 20 records were all rejected alike."


def test_a_full_disk_is_told() -> None:
    """The place of the checkpoint is not."""
    message = Message("/data/secret.ckpt: the disk is full. Make room.")
    ended = Ending.of(Stop(StopCode.DISK_FULL, message), interrupted=False)
    assert plain_end(ended.code, ended.unquoted) == "The disk was full."


@pytest.mark.parametrize("code", [None, StopCode.INPUT, StopCode.CHECKPOINT, StopCode.CERTIFICATE])
def test_an_end_that_may_quote_anything_is_not_told(code: StopCode | None) -> None:
    """Neither is the end of a run by a version without codes."""
    assert "secret" not in plain_end(code, 'orders.csv, row 3: "secret" is not what it was.')


@pytest.mark.parametrize("code", [{}, {"code": None}, {"code": "of a later version"}, {"code": ["outage"]}])
def test_an_end_without_a_known_code_still_reads(code: dict[str, object]) -> None:
    """Notes of older and of later versions are read; what may be quoted of them is not known."""
    note = {"stopped": "No usable answer for 15 minutes.", "interrupted": False, **code}
    ended = Ending.from_text(json.dumps(note))
    assert (ended.stopped, ended.code) == ("No usable answer for 15 minutes.", None)


def test_an_error_keeps_its_words_and_loses_its_quotes() -> None:
    """Why the input cannot be read is told; a cell that is quoted, with marks of its own in it, is not."""
    assert plain_error("a.csv: there is no such file.") == "a.csv: there is no such file."
    message = 'a.csv, column "t": "SECRET" is not like "2024", "SECRET "quoted"" neither. Mend it.'
    assert plain_error(message) == f"a.csv, column {HIDDEN} neither. Mend it."
    assert plain_error('one " alone') == f"one {HIDDEN} alone"
