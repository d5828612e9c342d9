"""JSON Lines: every value is text as it was written, every line keeps its number, nothing is left out."""

from __future__ import annotations

import gzip
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loader.dialect import Dialect, dialect_of
from loader.errors import SourceError
from loader.sources import jsonlines, open_source, segments
from tests.effort import EFFORT
from tests.sources.conftest import texts, unreadable

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sources.conftest import Written

NAME = "export.jsonl"
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


@given(
    rows=st.lists(st.fixed_dictionaries({"a": VALUES, "b": VALUES}), min_size=1, max_size=30),
    ascii_only=st.booleans(),
    block=st.integers(64, 200),
)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60 * EFFORT, deadline=None
)
def test_values_arrive_as_they_were_written(
    written: Written, rows: list[dict[str, object]], ascii_only: bool, block: int
) -> None:
    """Text and null are what they are, the rest is the JSON that the file has, wherever reading begins."""

    def cell(value: object) -> str | None:
        if value is None or isinstance(value, str):
            return value
        return json.dumps(value, ensure_ascii=False)

    lines = [json.dumps(row, ensure_ascii=ascii_only) for row in rows]
    path = written("\n".join(lines).encode("utf-8", "surrogatepass"), NAME)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "SHORTEST", 50)
        source = open_source([path], dialect=Dialect(columns=("a", "b")))
        patch.setattr(jsonlines, "BLOCK", block)
        expected = [[cell(row["a"]), cell(row["b"])] for row in rows]
        assert texts(source) == expected
        for mark in source.survey().files[0].marks:
            assert texts(source, mark.row) == expected[mark.row :]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("9007199254740993", "9007199254740993"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("12.10", "12.10"),
        ("1e5", "1e5"),
        ("-0.0", "-0.0"),
        ('"00123"', "00123"),
        ('" 42 "', " 42 "),
        ('"2024-01-31T10:00:00Z"', "2024-01-31T10:00:00Z"),
        ("true", "true"),
        ('"true"', "true"),
        ("null", None),
        ('""', ""),
        ('{"n": 1.50, "m": [9007199254740993, "x"]}', '{"n": 1.50, "m": [9007199254740993, "x"]}'),
        ('"\\ud83d\\ude00"', "😀"),
    ],
)
def test_no_value_is_interpreted(written: Written, value: str, text: str | None) -> None:
    """Ids and amounts keep their digits, text is never taken for a time."""
    assert texts(open_source([written(f'{{"id": {value}, "x": 1}}\n', NAME)])) == [[text, "1"]]


def test_a_column_may_change_its_type(written: Written) -> None:
    """In the middle of the file too; a missing key and null are both empty."""
    lines = ['{"a": 1, "b": "x"}', '{"a": "1"}', '{"b": null, "a": [1]}', "", '{"a": true, "b": 2}\r']
    source = open_source([written("\ufeff" + "\n".join(lines), NAME)])
    assert texts(source) == [["1", "x"], ["1", None], ["[1]", None], ["true", "2"]]
    assert source.survey().files[0].form == 'JSON Lines: columns = ["a", "b"]'


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"a": 1', 'the row is not JSON (Expecting \',\' delimiter at character 8): "{\\"a\\": 1".'),
        ("[1]", 'the row is not a JSON object with keys but a value: "[1]".'),
        ('{"a": NaN}', 'the row has NaN in "a", and JSON has no such number: "{"a": NaN}".'),
        (
            '{"b": {"c": [1, -Infinity]}}',
            'the row has -Infinity in "b.c.1", and JSON has no such number: "{"b": {"c": [1, -Infinity]}}".',
        ),
        ("{'a': None}", "the row is written as Python shows a dict, and not as JSON: \"{'a': None}\"."),
        ('{"a": 1},', 'the row has a comma after its end: "{"a": 1},".'),
        ('{"a": 1}]', 'the row is not JSON (Extra data at character 9): "{"a": 1}]".'),
        ('{"a": 1, "a": 2}', 'the row has the key "a" twice: "{"a": 1, "a": 2}".'),
        (
            '{"a": "\\ud800"}',
            'the row has half a character (a lone surrogate) in "a": "{"a": "\\ud800"}".',
        ),
        (
            '{"\\ud800": 1}',
            'the row has half a character (a lone surrogate) in "\\ud800": "{"\\ud800": 1}".',
        ),
        ('{"a": ' + "[" * 100_000 + "}", f'the row is nested too deeply: "{{"a": {"[" * 53}…".'),
    ],
    ids=[
        "cut",
        "no object",
        "NaN",
        "an infinity within",
        "Python",
        "comma",
        "end of a list",
        "twice",
        "half a character",
        "half a character in a key",
        "deep",
    ],
)
def test_a_line_that_is_no_record_keeps_its_place(written: Written, line: str, reason: str) -> None:
    """It is listed with the reason; the lines around it are read."""
    source = open_source([written(f'{{"a": 1}}\n{line}\n{{"a": 3}}\n', NAME)])
    assert texts(source) == [["1"], [None], ["3"]]
    assert unreadable(source) == {1: reason.replace('\\"', '"')}


def test_a_key_that_no_first_record_has_is_refused(written: Written) -> None:
    """Before anything is sent: the column would be left out in silence. The message has the whole option."""
    path = written(f'{{"a": 1{" " * 90}}}\n' * 20_000 + '{"a": 1, "b": 2}\n{"c": 3}\n', NAME)
    with pytest.raises(SourceError) as refusal:
        open_source([path]).survey()
    assert str(refusal.value) == (
        'export.jsonl, row 20,001: has "b", which no record at the beginning of the file has. '
        "All keys must be known from there on: name them, --columns a,b,c"
    )
    source = open_source([path], dialect=Dialect(columns=("a", "b", "c")))
    assert texts(source, 20_000) == [["1", "2", None], [None, None, "3"]]
    assert texts(open_source([path], known=source.survey().files), 20_001) == [[None, None, "3"]]


@pytest.mark.parametrize("before", [0, 1, 99, 100, 101, 5000])
@pytest.mark.parametrize(
    "line", ['{"b": 2, "a": 1}', '{"a": "\\ud800"}\n{"a": 1, "b": 2}'], ids=["whole", "odd"]
)
def test_all_keys_of_the_beginning_are_columns(written: Written, before: int, line: str) -> None:
    """Wherever in the first megabyte a key is met, and whatever line stands before it."""
    path = written('{"a": 0}\n' * before + line, NAME)
    assert sorted(open_source([path]).schema.names) == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "export.jsonl: is empty. Was the export cut off?"),
        (
            b"1\n2\n",
            'export.jsonl: the lines at its beginning are not JSON objects with keys. The first one is "1". '
            "If the file is a table, give --input-format csv.",
        ),
        (
            b'{"a": 1}\n{"a": "M\xfcller"}\n',
            "export.jsonl, after row 0, byte 18: the byte fc in 'M\\xfcller' is not UTF-8; read as Latin-1 "
            '(Windows-1252) it would be "Müller". Export the file as UTF-8, or if that reading is right, '
            "give --encoding windows-1252.",
        ),
        (
            b'{"a": 1}\n{"a": "' + b"x" * 15_000_000,
            "export.jsonl: after row 1 a line is longer than 12 MB; the API would not accept a "
            "request that large. Is the file JSON Lines?",
        ),
        (
            b'{"a": 1}\n' + b"x\n" * 10_001,
            "export.jsonl: 10,000 consecutive lines are not JSON objects. Is the file JSON Lines?",
        ),
    ],
    ids=["empty", "values", "latin-1", "too long", "other"],
)
def test_what_is_no_json_lines_is_refused(written: Written, content: bytes, sentence: str) -> None:
    """Before anything is sent, with what to do."""
    with pytest.raises(SourceError) as refusal:
        open_source([written(content, NAME)]).survey()
    assert str(refusal.value) == sentence


def test_compressed_json_lines_are_read(written: Written) -> None:
    """Unpacked on the way."""
    content = "".join(f'{{"n": {number}}}\n' for number in range(20_000)).encode()
    source = open_source([written(gzip.compress(content), "export.ndjson.gz")])
    assert texts(source, 19_999) == [["19999"]]
    assert source.survey().files[0].form == 'JSON Lines in gzip: columns = ["n"]'


ADVICE = re.compile(r"(jq -c .*|tr -d \S+|sed '[^']*'|iconv -f \S+ -t UTF-8)\.?$")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[{"a": 1}, {"a": 2}]', "export.jsonl: is one JSON list, not one record a line."),
        ('[\n{"a": 1},\n{"a": 2}\n]\n', "export.jsonl: is one JSON list, not one record a line."),
        ('{\n"a": 1\n}\n{\n"a": 2\n}', "export.jsonl: is JSON over several lines, not one record a line."),
        ('{"a": 1}{"a": 2}', "export.jsonl, row 1: the line holds several records, one behind the other."),
        ('{"a": 1} {"a": 2}\n', "export.jsonl, row 1: the line holds several records, one behind the other."),
        (
            '{"to do": [{"a": 1}, {"a": 2}]}',
            'export.jsonl: is one JSON object that holds records under "to do", not one record a line.',
        ),
        (
            '{\n  "users": [\n    {"a": 1}, {"a": 2}]\n}',
            'export.jsonl: is one JSON object that holds records under "users", not one record a line.',
        ),
        ('{"a": 1, "a": 1}\n{"a": 2, "a": 2}\n', 'export.jsonl, row 1: the row has the key "a" twice: '),
        ('{"a": 1},\n{"a": 2},\n', "export.jsonl, row 1: the row has a comma after its end: "),
        (
            '\x1e{"a": 1}\n\x1e{"a": 2}\n',
            "export.jsonl, row 1: the row begins with the control character 1e: ",
        ),
    ],
    ids=[
        "list",
        "list in lines",
        "in lines",
        "joined",
        "blank",
        "held",
        "held in lines",
        "twice",
        "comma",
        "1e",
    ],
)
def test_each_other_shape_of_json_has_a_way_out_that_works(
    written: Written, text: str, sentence: str
) -> None:
    """It is refused before the first row with one sentence; the command in it gives a file that is read."""
    with pytest.raises(SourceError) as refusal:
        open_source([written(text, NAME)]).survey()
    message = str(refusal.value)
    assert message.startswith(sentence)
    command = ADVICE.search(message)
    assert command is not None
    words = command[1].split(" > ")[0].removesuffix(NAME)
    if words.startswith("jq") and shutil.which("jq") is None:
        pytest.skip("there is no jq on this machine")
    with Path(NAME).open("rb") as file:
        lines = subprocess.run(shlex.split(words), stdin=file, capture_output=True, check=True).stdout
    assert texts(open_source([written(lines, "records.jsonl")])) == [["1"], ["2"]]


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "packed"])
def test_records_without_line_ends_are_refused_anywhere(
    written: Written, pack: Callable[[bytes], bytes]
) -> None:
    """Two rows would be one, so the account would be wrong: nothing is read, wherever it is."""
    content = b'{"a": 1}\n' * 70_000 + b'{"a": 2}{"a": 3}\n'
    with pytest.raises(SourceError, match=r"^export\.json\.gz, row 70,001: the line holds several records"):
        open_source([written(pack(content), "export.json.gz")]).survey()


@pytest.mark.parametrize(
    ("value", "key", "name"),
    [("NaN", "s", "NaN"), ("-Infinity", "s", "-Infinity"), ("[1, Infinity]", "s.1", "Infinity")],
)
def test_numbers_that_json_does_not_have_are_named(written: Written, value: str, key: str, name: str) -> None:
    """If no row can be read for them; what pandas writes instead is read."""
    with pytest.raises(SourceError) as refusal:
        open_source([written(f'{{"a": 1, "s": {value}}}\n' * 3, NAME)])
    assert str(refusal.value).startswith(
        f'export.jsonl, row 1: the row has {name} in "{key}", and JSON has no'
    )
    assert str(refusal.value).endswith(f"If it means nothing here, give --null-values {name}.")
    source = open_source([NAME], dialect=Dialect(null_values=(name,)))
    assert texts(source) == [["1", "[1, null]" if value[0] == "[" else None]] * 3
    frame = pd.DataFrame({"a": [1], "s": [float(value) if value[0] != "[" else float("nan")]})
    frame.to_json(NAME, orient="records", lines=True)
    assert texts(open_source([NAME])) == [["1", None]]


def test_what_python_prints_is_named(written: Written) -> None:
    """With what to write instead."""
    with pytest.raises(SourceError, match=r"row 1: the row is written as Python shows a dict.* json\.dumps"):
        open_source([written("{'a': None}\n", NAME)])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "latin-1", "windows-1252"])
def test_other_encodings_are_read(written: Written, encoding: str) -> None:
    """UTF-16 is known by its first bytes; others are read if they are given, as the refusal says."""
    lines = "".join(f'{{"a": "{number}", "b": "Müller"}}\n' for number in range(30_000))
    path = written(lines.encode(encoding), NAME)
    said = Dialect()
    if not encoding.startswith("utf"):
        with pytest.raises(SourceError, match="give --encoding windows-1252"):
            open_source([path]).survey()
        said = dialect_of({"encoding": encoding})
    source = open_source([path], dialect=said)
    assert texts(source, 29_999) == [["29999", "Müller"]]
    survey = source.survey()
    assert "encoding = " in survey.files[0].form
    again = open_source([path], known=survey.files)
    assert again.survey() == survey
    assert texts(again, 20_000) == [[str(number), "Müller"] for number in range(20_000, 30_000)]


def test_utf_32_is_refused(written: Written) -> None:
    """With the command that converts it."""
    with pytest.raises(SourceError, match=r"the file is UTF-32\. Convert it: iconv -f UTF-32 -t UTF-8\.$"):
        open_source([written('{"a": 1}\n'.encode("utf-32"), NAME)])
