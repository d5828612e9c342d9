"""What stands in ids that nobody meant: words for nothing, invisible characters, what programs did to them.

Each sign is looked for twice: first by six bytes of each text, in numpy, which clears nearly all ids of real
files; then by a regular expression among those that are left. Measured on one core (300,000 ids of 12
characters): 7 ms for all signs together; one of the expressions alone over every id takes 30 ms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.mapping.encode import nulled, numpy_mask
from loader.mapping.findings import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Positions = np.ndarray[Any, np.dtype[np.int64]]
    Bytes = np.ndarray[Any, np.dtype[np.uint8]]

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
_WORDS = pa.array(WORDS, pa.string())
_CASES = [case.encode() for word in WORDS for case in (word, word.upper(), word.title())]

_ANY = range(256)
#: Bytes that can begin or end a character that is not seen: blanks, controls, and all of more than one byte.
_ODD = (*range(0x21), *range(0x7F, 0x100))
_DIGITS = tuple(b"0123456789")
_SIGNED = (*b"+-", *_DIGITS)
_FEW = 8


@dataclass(frozen=True, slots=True)
class Places:
    """Which bytes a text may have in a few places; 0 stands for a place that it does not have."""

    first: Iterable[int] = _ANY
    last: Iterable[int] = _ANY
    second: Iterable[int] = _ANY
    second_last: Iterable[int] = _ANY
    third_last: Iterable[int] = _ANY
    fourth_last: Iterable[int] = _ANY

    @property
    def all(self) -> tuple[Iterable[int], ...]:
        """All of them, in the order of the tables of a sieve."""
        return self.first, self.last, self.second, self.second_last, self.third_last, self.fourth_last


@dataclass(frozen=True, slots=True, eq=False)
class Sign:
    """Something in an id that nobody meant.

    Attributes:
        name: of the sign, for programs.
        pattern: a regular expression (RE2) that finds it; "" for a sign that is one of `WORDS`.
        places: only texts with such bytes can have it; one of these is enough.
        says: what is told of such ids, after "ids that".
        remedy: what to do.
        fault: why such rows are rejected; None: they are sent as they are.
    """

    name: str
    pattern: str
    places: tuple[Places, ...]
    says: str = ""
    remedy: str = ""
    fault: Fault | None = None

    def match(self, texts: pa.Array) -> pa.Array:
        """Whether each text has it."""
        if self.pattern:
            return pc.match_substring_regex(texts, self.pattern)
        # An expression of all words takes longer to compile than a slab of texts to look at.
        return pc.is_in(pc.utf8_lower(texts), value_set=_WORDS)


UNSEEN: Final = Sign(
    "nothing_visible",
    rf"^[{_INVISIBLE}]+$",
    (Places(first=_ODD, last=_ODD),),
    "are only blanks or other invisible characters",
    "They count as empty.",
)
WORD: Final = Sign(
    "word_for_nothing",
    "",
    (
        Places(
            {case[0] for case in _CASES},
            {case[-1] for case in _CASES},
            {case[1] if len(case) > 1 else 0 for case in _CASES},
            {case[-2] if len(case) > 1 else 0 for case in _CASES},
            {case[-3] if len(case) > 2 else 0 for case in _CASES},
            {case[-4] if len(case) > 3 else 0 for case in _CASES},
        ),
    ),
)
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
    "are written as rounded numbers, so that digits are lost",
    _AS_TEXT,
    Fault("is written as a rounded number, so that digits of the id are lost", _AS_TEXT),
)
_WIDER = "Make the column wider in the spreadsheet, and export the file again."
HASHES: Final = Sign(
    "hashes",
    r"^#{3,}$",
    (Places(b"#", b"#", b"#", b"#", b"#"),),
    "are only ####, which a spreadsheet shows if a column is too narrow",
    _WIDER,
    Fault("is only what a spreadsheet shows of an id if its column is too narrow", _WIDER),
)
_UNMARKED = "Export the ids again without the mark, or translate them with values in the mapping."
MARKED: Final = Sign(
    "spreadsheet_mark",
    r"""^'[-+=@0-9][^']*'?$|^="[^"]*"$""",
    (Places(first=b"'", second=(*b"-+=@", *_DIGITS)), Places(first=b"=", second=b'"', last=b'"')),
    "have the mark of a spreadsheet before them",
    _UNMARKED,
    Fault("has the mark of a spreadsheet before the id", _UNMARKED),
)
FRACTION: Final = Sign(
    "fraction_of_nothing",
    r"^[+-]?\d+(?:\.0+|,0{1,2})$",
    (Places(first=_SIGNED, last=b"0", second=(*b".,", *_DIGITS), second_last=b".,0"),),
    'end in ".0", as if they had been numbers with a fraction',
    'To the vendor "123.0" and "123" are two ids. Export them again as whole numbers or as text.',
)
GROUPED: Final = Sign(
    "grouped",
    r"^[1-9]\d{0,2}(?:[, '\x{A0}\x{202F}]\d{3})+$",
    (Places(_DIGITS, _DIGITS, (*_DIGITS, *b", '\xc2\xe2"), _DIGITS, _DIGITS, b", '\xa0\xaf"),),
    "have their digits in groups of three",
    'To the vendor "1,234" and "1234" are two ids. Export them again as text.',
)
QUOTED: Final = Sign(
    "quotes_around",
    r"""^"[^"]+"$|^'[^']+'$""",
    (Places(first=b'"', last=b'"'), Places(first=b"'", last=b"'")),
    "have quotes around them",
    "To the vendor the quotes are part of the id. Export them again without.",
)
AROUND: Final = Sign(
    "invisible_around",
    rf"^[{_INVISIBLE}]|[{_INVISIBLE}]$",
    (Places(first=_ODD), Places(last=_ODD)),
    "have blanks or other invisible characters around them",
)
WITHIN: Final = Sign(
    "invisible_within",
    r"[\x00-\x1f\x7f\x{80}-\x{9f}\x{ad}\x{200b}\x{2060}\x{feff}]",
    (Places(),),
    "have an invisible character within them",
    "To the vendor it is part of the id. Remove it where they were exported.",
)

#: The signs for which rows are rejected.
DAMAGE: Final = (LOST, HASHES, MARKED)
#: All signs, in the order in which an id that has several is counted: for the first alone.
ID_SIGNS: Final = (UNSEEN, *DAMAGE, WORD, FRACTION, GROUPED, QUOTED, AROUND)
#: The signs that a name can have too, for example of an event.
NAME_SIGNS: Final = (UNSEEN, WORD, QUOTED, AROUND)


class Sieve:
    """Looks for some signs in texts.

    Args:
        signs: at most 16 alternatives of bytes together.
    """

    def __init__(self, signs: Iterable[Sign]) -> None:
        self._signs = tuple(signs)
        rarest = [min(map(frozenset, each.all), key=len) for sign in self._signs for each in sign.places]
        # Bytes of which a text with any of the signs has one, if they are few enough to look for each.
        needed = frozenset().union(*rarest)
        few = len(needed) <= _FEW and 0 not in needed
        self._needed = [bytes([byte]) for byte in needed] if few else []
        self._bits: list[int] = []
        self._tables = np.zeros((6, 256), np.uint16)
        bit = 1
        for sign in self._signs:
            self._bits.append(0)
            for each in sign.places:
                for table, allowed in zip(self._tables, each.all, strict=True):
                    table[list(allowed)] |= bit
                self._bits[-1] |= bit
                bit <<= 1

    def find(self, texts: pa.Array) -> Iterator[tuple[Sign, Positions]]:
        """Each sign that is found, with the positions of its texts; each text is only in the first of its."""
        if self._needed and not self._has_needed(texts):
            return
        bits = self._sift(texts)
        worth = np.flatnonzero(bits)
        if not len(worth):
            return
        chosen, bits = texts.take(pa.array(worth)), bits[worth]
        present = int(np.bitwise_or.reduce(bits))
        for sign, mask in zip(self._signs, self._bits, strict=True):
            places = np.flatnonzero(bits & mask) if present & mask else worth[:0]
            if len(places):
                places = places[numpy_mask(sign.match(chosen.take(pa.array(places))))]
                bits[places] = 0
            if len(places):
                yield sign, worth[places]

    def _has_needed(self, texts: pa.Array) -> bool:
        content = _content(texts)[0][4:-4].tobytes()
        return any(byte in content for byte in self._needed)

    def _sift(self, texts: pa.Array) -> np.ndarray[Any, np.dtype[np.uint16]]:
        """For each text a bit for each alternative that its bytes allow; 0 for an empty text and null."""
        content, starts, stops = _content(texts)
        length = stops - starts
        ways = (
            *((starts, 1), (stops - 1, 1)),
            *((starts + 1, 2), (stops - 2, 2), (stops - 3, 3), (stops - 4, 4)),
        )
        bits = np.full(len(texts), 0xFFFF, np.uint16)
        for table, (places, _) in zip(self._tables, ways, strict=True):
            bits &= table.take(content.take(places))
            if not bits.any():
                break
        # A short text does not have all of the places.
        short = np.flatnonzero(length < 4)
        bits[short] = np.where(length[short] > 0, 0xFFFF, 0)
        for table, (places, needed) in zip(self._tables, ways, strict=True):
            bits[short] &= table[np.where(length[short] < needed, 0, content[places[short]])]
        return bits


def _content(texts: pa.Array) -> tuple[Bytes, Any, Any]:
    """The bytes of an Arrow string array, and where each text begins and ends in them.

    A few bytes stand before and behind them, so that the places beside a short text can be looked at.
    """
    _, bounds, content = texts.buffers()
    # As wide as numpy wants positions, or it would make them so for each use.
    ends = np.frombuffer(bounds, np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.intp)
    low, high = (int(ends[0]), int(ends[-1])) if len(texts) else (0, 0)
    found = np.zeros(high - low + 8, np.uint8)
    if high > low:
        found[4:-4] = np.frombuffer(content, np.uint8)[low:high]
    return found, ends[:-1] - low + 4, ends[1:] - low + 4


def show_all(texts: pa.Array) -> bool:
    """Whether no byte of the texts can be of an invisible character but the blank: most files are so."""
    characters = _content(texts)[0][4:-4]
    return not len(characters) or bool(characters.min() >= 0x20 and characters.max() < 0x7F)


_DAMAGE_SIEVE, _UNSEEN_SIEVE, _AROUND_SIEVE = Sieve(DAMAGE), Sieve([UNSEEN]), Sieve([AROUND])


def find_damage(texts: pa.Array) -> Iterator[tuple[Fault, Positions]]:
    """The texts that visibly are not the ids that they were, and why."""
    for sign, places in _DAMAGE_SIEVE.find(texts):
        if sign.fault is not None:
            yield sign.fault, places


def seen(texts: pa.Array) -> pa.Array:
    """The texts, null where there is nothing to be seen: blanks, NULs, zero-width characters."""
    characters = _content(texts)[0][4:-4]
    if not len(characters) or (characters.min() > 0x20 and characters.max() < 0x7F):
        return texts
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
