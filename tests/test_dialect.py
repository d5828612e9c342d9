"""What is said of a text file: every mistake is reported, and what is right reads back as it was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.dialect import INPUT_FORMATS, Dialect, dialect_of
from loader.errors import MappingError

SIGN = st.characters(max_codepoint=126, min_codepoint=9, exclude_characters="\r\n")
DIALECTS = st.builds(
    Dialect,
    delimiter=st.none() | SIGN.filter(lambda sign: sign not in "\"'"),
    quote=st.none() | st.sampled_from(['"', "'", ""]),
    encoding=st.none() | st.sampled_from(["utf-8", "utf-16-le", "cp1252", "iso8859-1"]),
    header=st.none() | st.just(value=True),
    columns=st.lists(st.text(min_size=1).filter(str.strip), unique=True).map(tuple),
    null_values=st.lists(st.text()).map(tuple),
)


@given(DIALECTS)
def test_a_dialect_is_read_as_it_was_written(dialect: Dialect) -> None:
    """The checkpoint keeps the text, and a resumed load reads its files by it."""
    try:
        dialect_of(dialect.table)
    except MappingError:  # a control character
        return
    assert Dialect.read(dialect.written) == dialect


def test_every_mistake_is_reported() -> None:
    """In one message, each with what to write instead."""
    with pytest.raises(MappingError) as refusal:
        dialect_of({"delimiter": "||", "quote": "§", "encoding": "utf-9", "header": False})
    assert str(refusal.value) == (
        "[source]:\n"
        '  delimiter is \'||\'; it must be one ASCII character, or "tab", "comma", "semicolon", "pipe" or '
        '"space".\n'
        "  quote is '§'; it must be one ASCII character, or \"\" for none.\n"
        '  the encoding "utf-9" is not known. Known are utf-8, utf-16, utf-16-le, utf-16-be, latin-1, '
        "windows-1252 and others with one byte a character, and shift_jis, cp932, euc_jp, gb18030, big5, "
        "euc_kr and others of East Asia; convert other files to UTF-8 first.\n"
        '  without a header the names must be given: columns = ["user_id", ...].'
    )


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"delimeter": ";"}, '[source]: "delimeter" is not known here. Did you mean "delimiter"?'),
        (
            {"foo": 1},
            '[source]: "foo" is not known here. Known are delimiter, quote, encoding, header, columns, '
            "input_format, null_values, escape, skip_rows, short_rows, line_end.",
        ),
        ({"header": "no"}, "[source]: header is 'no'; it must be true or false."),
        ({"delimiter": 1}, "[source]: delimiter is 1; it must be text."),
        ({"input_format": 1}, "[source]: input_format is 1; it must be text."),
        (
            {"input_format": "xls"},
            f'[source]: input_format is "xls"; it must be one of {", ".join(INPUT_FORMATS)}.',
        ),
        ({"columns": "a,b"}, "[source]: columns is 'a,b'; it must be a list of names."),
        ({"null_values": "NA"}, "[source]: null_values is 'NA'; it must be a list of texts."),
        ({"null_values": [0]}, "[source]: null_values is [0]; it must be a list of texts."),
        ({"columns": ["a", "b", "a"]}, '[source]: columns names "a" twice.'),
        ({"columns": ["a", " "]}, "[source]: columns holds an empty name."),
        (
            {"delimiter": "'", "quote": "'"},
            '[source]: delimiter and quote are both "\'"; they must differ.',
        ),
    ],
)
def test_a_mistake_is_one_sentence(table: dict[str, object], sentence: str) -> None:
    """What is wrong, the value, and what it may be."""
    with pytest.raises(MappingError) as refusal:
        dialect_of(table)
    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    ("spelled", "delimiter"), [("tab", "\t"), ("\\t", "\t"), ("Semicolon", ";"), ("pipe", "|"), (";", ";")]
)
def test_a_delimiter_may_be_spelled(spelled: str, delimiter: str) -> None:
    """A shell makes it hard to type a tab."""
    assert dialect_of({"delimiter": spelled}) == Dialect(delimiter=delimiter)


@pytest.mark.parametrize(
    ("spelled", "encoding"),
    [
        ("UTF8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("Latin-1", "iso8859-1"),
        ("windows-1252", "cp1252"),
        ("UTF-16LE", "utf-16-le"),
        ("koi8-r", "koi8-r"),
    ],
)
def test_an_encoding_may_be_spelled(spelled: str, encoding: str) -> None:
    """As Python knows it."""
    assert dialect_of({"encoding": spelled}).encoding == encoding


@pytest.mark.parametrize(
    "encoding", ["raw_unicode_escape", "unicode_escape", "hex", "rot13", "idna", "punycode", "utf-9", "a\0b"]
)
def test_what_is_not_an_encoding_of_files_is_refused(encoding: str) -> None:
    """Better than text that is wrong here and there."""
    with pytest.raises(MappingError, match=r"is not known\. Known are utf-8, "):
        dialect_of({"encoding": encoding})
