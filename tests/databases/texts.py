"""Texts that some dump writes in a way of its own, as rows of two cells."""

from __future__ import annotations

import random

_WRITTEN = [
    "plain", "", None, "a,b", "a\tb", "a|b;c", 'say "hi"', '"quoted"', '"', '""', "5'10\"", "'",
    "C:\\new\\N", "\\N", "\\", "ends with \\", "\\x41", "\\.", "a\\\nb", "NULL", "null", "-", "{a,b}",
    '{"k": "a\\nb"}', "two\nlines", "cr\rlf\r\nend", "\n", "\r", "\r\n", "ends with \r", " blanks ",
    "tab at end\t", "naïve 🙂", "—", "\x01\x02", "\x85\x80", "\x92\x93\x94", "\x0b\x0c\x08\x1a",
    "\ufeffmark", "000042", "1e5",
]  # fmt: skip
_SIGNS = ["\\", '"', "'", ",", "\t", "|", "\n", "\r", "\r\n", "N", "n", "t", "0", "a", "é", " ", "\x01"]


def make_rows(more: int = 200) -> list[tuple[str | None, str | None]]:
    """Each text beside another one, and more texts of what is special in them, always the same."""
    dice = random.Random(18)
    drawn = ["".join(dice.choices(_SIGNS, k=dice.randint(1, 6))) for _ in range(more)]
    texts: list[str | None] = [*_WRITTEN, *drawn]
    # A first row that no dump has a question about: what it is to show is not what begins the file.
    return [("first", "first"), *zip(texts, reversed(texts), strict=True)]


def write_rows(rows: list[tuple[str | None, str | None]], decode: str) -> str:
    """The statements that put numbered rows into a new table `texts`.

    Args:
        rows: of two cells.
        decode: SQL that makes a text of its bytes, with `{}` for their digits. What a client does with a line
            end that is typed is not the question here.
    """
    cells = [[_spell(cell, decode) for cell in row] for row in rows]
    values = ",".join(f"({number},{one},{other})" for number, (one, other) in enumerate(cells))
    return f"CREATE TABLE texts (n INT, one TEXT, other TEXT); INSERT INTO texts VALUES {values};"


def _spell(text: str | None, decode: str) -> str:
    return "NULL" if text is None else decode.format(text.encode().hex())
