"""Text from outside, made safe to show."""

from __future__ import annotations

import json
import subprocess
import tomllib
import unicodedata

from hypothesis import example, given, settings
from hypothesis import strategies as st

from loader.mapping.canonical_text import toml
from loader.text.escape import (
    escape,
    escape_json,
    escape_short,
    escape_toml,
    join_lines,
    quote,
    quote_for_shell,
    replace_unprintable,
    shorten,
)

ANYTHING = st.text(st.characters(codec=None))


@given(ANYTHING)
def test_escaped_text_can_be_written_and_steers_nothing(text: str) -> None:
    """Whatever a cell holds, what is shown of it is printable and can be encoded."""
    for shown in (escape(text), replace_unprintable(text), quote(text), join_lines(text)):
        assert shown.isprintable()
        assert shown.encode().decode() == shown


@given(ANYTHING)
def test_printable_text_stays_as_it_is(text: str) -> None:
    """Only what does not print is replaced."""
    printable = "".join(char for char in text if char.isprintable())
    assert escape(printable) == replace_unprintable(printable) == printable


def test_each_hidden_character_is_spelled() -> None:
    """A cell cannot move the cursor, turn the line round, or hide half a character."""
    assert escape("a\x1b[2J\u202eb\n\ud800") == "a\\x1b[2J\\u202eb\\n\\ud800"
    assert escape("a\n\x1b", keep="\n") == "a\n\\x1b"
    assert all(unicodedata.category(char)[0] in "CZ" for char in "\x1b\u202e\n\ud800")


def test_short_texts_stay_and_long_ones_end_in_an_ellipsis() -> None:
    """A reader sees that a value was cut, and it is never longer than the limit."""
    assert shorten("x" * 10, 10) == "x" * 10
    assert escape_short("x" * 100, 10) == "x" * 9 + "…"
    assert quote("x" * 100) == '"' + "x" * 59 + '…"'


def test_a_librarys_message_fits_a_sentence() -> None:
    """Several lines become one, and no full stop is doubled."""
    assert join_lines("first\n\x00  second...") == "first second"


@given(st.text())
def test_json_and_toml_mean_the_same_when_escaped(text: str) -> None:
    """What is shown of a body, or of a mapping, can be copied and says exactly what it said."""
    body = json.dumps({"x": text}, ensure_ascii=False)
    assert json.loads(escape_json(body)) == {"x": text}
    assert escape_json(body).isprintable()
    mapping = f"x = {toml(text)}"
    assert tomllib.loads(escape_toml(mapping)) == {"x": text}
    assert escape_toml(mapping).isprintable()


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
@example("it's \u202e\\ 7")
@settings(max_examples=30, deadline=None)
def test_a_word_for_a_shell_stands_for_its_text(text: str) -> None:
    """A command that is shown finds the file, whatever its name is."""
    word = quote_for_shell(text)
    assert word.isprintable()
    done = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True)
    assert done.stdout.decode() == text
