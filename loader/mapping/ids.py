"""What stands in ids that nobody meant: words for nothing, invisible characters, damage by programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.mapping.encode import nulled
from loader.mapping.findings import Fault
from loader.sieve import Pattern, Places, Sieve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loader.sieve import Positions

#: Characters that show nothing, as RE2 lists them: separators, control and format characters (among them the
#: zero-width ones and the byte order mark), and letters and marks that are drawn as blanks.
_INVISIBLE = (
    r"\p{Z}\p{Cc}\p{Cf}\x{034F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{2800}\x{3164}\x{FE00}-\x{FE0F}\x{FFA0}"
)
#: What databases, spreadsheets and programming languages write for nothing, in lower case.
WORDS: Final = (
    r"\n", r"\\n", '"n', "null", "(null)", "<null>", "[null]", "{null}", "#null!", "dbnull", "system.dbnull",
    "none", "(none)", "<none>", "nil", "(nil)", "<nil>", "nan", "-nan", "1.#qnan", "1.#ind", "nat",
    "na", "<na>", "(na)", "n/a", "n.a.", "#n/a", "#na", "#n/a n/a", "undefined", "undef", "nothing",
    "missing", "void", "empty", "(empty)", "(blank)", "(not set)", "(unknown)", "not available",
    "[object object]", "[object null]", "[object undefined]", "#ref!", "#value!", "#name?", "#num!",
    "#div/0!", "#error!",
    "-", "--", "---", "\N{EN DASH}", "\N{EM DASH}", "?", ".", "_", '""', "''",
    "00000000-0000-0000-0000-000000000000",
)  # fmt: skip

#: Bytes that can begin or end a character that is not seen: blanks, controls, and all of more than one byte.
_ODD = (*range(0x21), *range(0x7F, 0x100))
#: Bytes with which a character begins that shows nothing and is no blank.
_UNPRINTABLE = (*range(0x20), 0x7F, *b"\xc2\xe2\xef")
_DIGITS = tuple(b"0123456789")
_SIGNED = (*b"+-", *_DIGITS)


def _find_places(words: tuple[str, ...]) -> tuple[Places, ...]:
    """The bytes of words, in lower, upper and title case: for each length of its own."""
    cases = {case.encode() for word in words for case in (word, word.upper(), word.title())}
    by_length = {length: [case for case in cases if len(case) == length] for length in map(len, cases)}
    return tuple(
        Places(
            first=_find_bytes(same, 0),
            last=_find_bytes(same, -1),
            second=_find_bytes(same, 1),
            second_last=_find_bytes(same, -2),
            third_last=_find_bytes(same, -3),
            fourth_last=_find_bytes(same, -4),
            lengths=(length,),
        )
        for length, same in sorted(by_length.items())
    )


def _find_bytes(texts: list[bytes], at: int) -> frozenset[int]:
    return frozenset(text[at] if -len(text) <= at < len(text) else 0 for text in texts)


@dataclass(frozen=True, slots=True, eq=False)
class Sign(Pattern):
    """Something in an id that nobody meant.

    Attributes:
        says: what is told of such ids, after "ids that".
        remedy: what to do.
        fault: why such rows are rejected; None: they are sent as they are.
    """

    says: str = ""
    remedy: str = ""
    fault: Fault | None = None


UNSEEN: Final = Sign(
    "nothing_visible",
    rf"^[{_INVISIBLE}]+$",
    (Places(first=_ODD, last=_ODD),),
    frozenset(_ODD),
    says="are only blanks or other invisible characters",
    remedy="They count as empty.",
)
WORD: Final = Sign("word_for_nothing", "", _find_places(WORDS), words=pa.array(WORDS, pa.string()))
_AS_TEXT = "Export the ids again as text, not through a program that takes them for numbers."
LOST: Final = Sign(
    "scientific",
    # With a sign or a fraction, because 12e5 may be an id of hexadecimal digits.
    r"^[+-]?\d{1,3}(?:[.,]\d+)?[eE]\+\d{1,3}$|^\d[.,]\d+[eE]\d{1,3}$",
    (
        Places(first=_DIGITS, last=_DIGITS, second=b".,"),
        Places(first=_SIGNED, last=_DIGITS, second_last=b"+"),
        Places(first=_SIGNED, last=_DIGITS, third_last=b"+", fourth_last=b"eE"),
        Places(first=_SIGNED, last=_DIGITS, fourth_last=b"+"),
    ),
    frozenset(b"+.,"),
    says="are written as rounded numbers, so that digits are lost",
    remedy=_AS_TEXT,
    fault=Fault("is written as a rounded number, so that digits of the id are lost", _AS_TEXT),
)
_WIDER = "Make the column wider in the spreadsheet, and export the file again."
HASHES: Final = Sign(
    "hashes",
    r"^#{3,}$",
    (Places(b"#", b"#", b"#", b"#", b"#"),),
    frozenset(b"#"),
    says="are only ####, which a spreadsheet shows if a column is too narrow",
    remedy=_WIDER,
    fault=Fault("is only what a spreadsheet shows of an id if its column is too narrow", _WIDER),
)
_UNMARKED = "Export the ids again without the mark, or translate them with values in the mapping."
MARKED: Final = Sign(
    "spreadsheet_mark",
    r"""^'[-+=@0-9][^']*'?$|^="[^"]*"$""",
    (Places(first=b"'", second=(*b"-+=@", *_DIGITS)), Places(first=b"=", second=b'"', last=b'"')),
    frozenset(b"'="),
    says="have the mark of a spreadsheet before them",
    remedy=_UNMARKED,
    fault=Fault("has the mark of a spreadsheet before the id", _UNMARKED),
)
FRACTION: Final = Sign(
    "fraction_of_nothing",
    r"^[+-]?\d+(?:\.0+|,0{1,2})$",
    (Places(first=_SIGNED, last=b"0", second=(*b".,", *_DIGITS), second_last=b".,0"),),
    frozenset(b".,"),
    says='end in ".0", as if they had been numbers with a fraction',
    remedy='To the vendor "123.0" and "123" are two ids. Export them again as whole numbers or as text.',
)
GROUPED: Final = Sign(
    "grouped",
    r"^[1-9]\d{0,2}(?:[, '\x{A0}\x{202F}]\d{3})+$",
    (Places(_DIGITS, _DIGITS, (*_DIGITS, *b", '\xc2\xe2"), _DIGITS, _DIGITS, b", '\xa0\xaf"),),
    frozenset(b", '\xa0\xaf"),
    says="have their digits in groups of three",
    remedy='To the vendor "1,234" and "1234" are two ids. Export them again as text.',
)
QUOTED: Final = Sign(
    "quotes_around",
    r"""^"[^"]+"$|^'[^']+'$""",
    (Places(first=b'"', last=b'"'), Places(first=b"'", last=b"'")),
    frozenset(b"'\""),
    says="have quotes around them",
    remedy="To the vendor the quotes are part of the id. Export them again without.",
)
AROUND: Final = Sign(
    "invisible_around",
    rf"^[{_INVISIBLE}]|[{_INVISIBLE}]$",
    (Places(first=_ODD), Places(last=_ODD)),
    frozenset(_ODD),
    says="have blanks or other invisible characters around them",
)
WITHIN: Final = Sign(
    "invisible_within",
    r"[\x00-\x1f\x7f\x{80}-\x{9f}\x{ad}\x{200b}\x{2060}\x{feff}]",
    (Places(),),
    frozenset(_UNPRINTABLE),
    says="have an invisible character within them",
    remedy="To the vendor it is part of the id. Remove it where they were exported.",
)

#: The signs for which rows are rejected.
DAMAGE: Final = (LOST, HASHES, MARKED)
#: All signs, in the order in which an id that has several is counted: for the first alone.
ID_SIGNS: Final = (UNSEEN, *DAMAGE, WORD, FRACTION, GROUPED, QUOTED, AROUND)
#: The signs that a name can have too, for example of an event.
NAME_SIGNS: Final = (UNSEEN, WORD, QUOTED, AROUND)


_DAMAGE_SIEVE, _UNSEEN_SIEVE, _AROUND_SIEVE = Sieve(DAMAGE), Sieve([UNSEEN]), Sieve([AROUND])


def find_damage(texts: pa.Array) -> Iterator[tuple[Fault, Positions]]:
    """The texts that visibly are not the ids that they were, and why."""
    for sign, places in _DAMAGE_SIEVE.find(texts):
        if sign.fault is not None:
            yield sign.fault, places


def seen(texts: pa.Array) -> pa.Array:
    """The texts, null where there is nothing to be seen: blanks, NULs, zero-width characters."""
    for _, places in _UNSEEN_SIEVE.find(texts):
        return nulled(_mask(places, len(texts)), texts)
    return texts


def trimmed(texts: pa.Array) -> pa.Array:
    """The texts without blanks and other invisible characters around them."""
    found = pc.utf8_trim_whitespace(texts)
    for _, places in _AROUND_SIEVE.find(found):
        mask, pattern = _mask(places, len(texts)), rf"^[{_INVISIBLE}]+|[{_INVISIBLE}]+$"
        bare = pc.replace_substring_regex(found.filter(mask), pattern, "")
        found = pc.replace_with_mask(found, mask, bare)
    return found


def _mask(places: Positions, length: int) -> pa.Array:
    mask = np.zeros(length, np.bool_)
    mask[places] = True
    return pa.array(mask)
