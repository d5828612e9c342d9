"""What bytes that are not text in the expected encoding may be, and what to do about them."""

from __future__ import annotations

import codecs
import re
import unicodedata
from typing import TYPE_CHECKING

from loader.encoding import name_encoding
from loader.message import Message, Quote, SourceKey

if TYPE_CHECKING:
    from loader.sources.textfile import NotText

_SIGNS = "€‚„…‘’“”–—°§£«»ºª"
# In a word of a European language at most two letters beside each other have accents.
_NOT_LATIN = re.compile(rb"[\x80-\xff]{3}")
# One byte a character; the loader reads them.
_ALPHABETS = {"windows-1251": "CYRILLIC", "koi8-r": "CYRILLIC", "windows-1253": "GREEK"}
# Several bytes a character, with the beginnings of the characters' names.
_EAST_ASIAN = {
    "cp932": ("CJK UNIFIED", "HIRAGANA", "KATAKANA"),
    "gb18030": ("CJK UNIFIED",),
    "big5": ("CJK UNIFIED",),
    "cp949": ("HANGUL SYLLABLE",),
    "euc_jp": ("CJK UNIFIED", "HIRAGANA", "KATAKANA"),
}
# What programs write under a narrower name.
_WIDER = {
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "cp950": "big5hkscs",
    "euc_kr": "cp949",
}


def advise_encoding(found: NotText) -> Message:
    """What the bytes are and what to do, as the end of a sentence."""
    encoding = name_encoding(found.encoding)
    shown = Quote(
        f"the byte {found.after[:1].hex()} in {ascii(found.before + found.after)[1:]} is not {encoding}"
    )
    if found.encoding == "iso8859-1":
        return Message("{shown} text but a control character; is the encoding windows-1252?", shown=shown)
    if found.encoding == "utf-8" and (latin := _read_as_latin(found)):
        return Message(
            '{shown}; read as Latin-1 (Windows-1252) it would be "{latin}". Export the file as UTF-8, '
            "or if that reading is right, give {encoding}.",
            shown=shown,
            latin=Quote(latin),
            encoding=_name_setting("windows-1252"),
        )
    if found.encoding == "utf-8" and (advice := _advise_scripts(found)):
        return Message("{shown}; {advice}", shown=shown, advice=advice)
    if (wider := _WIDER.get(found.encoding)) and (word := _decode(found.after, wider)):
        return Message(
            '{shown}; in {wider}, which has more characters, it would be "{word}". Give {encoding}.',
            shown=shown,
            wider=wider,
            word=Quote(word),
            encoding=_name_setting(wider),
        )
    return Message(
        "{shown}; the file is damaged or in another encoding. Export it again as UTF-8.", shown=shown
    )


def _name_setting(encoding: str) -> SourceKey:
    return SourceKey("encoding", f'"{encoding}"', encoding, brief=True)


def _advise_scripts(found: NotText) -> Message | None:
    """The readings in other scripts, each with what makes it readable; None if there is none."""
    alphabets = {name: word for name in _ALPHABETS if (word := _read_alphabet(found, name))}
    if alphabets:
        return Message(
            "{ways}. Export the file as UTF-8, or give the encoding that is right: {encoding}.",
            ways=Quote(" or ".join(f'as {name} it would be "{word}"' for name, word in alphabets.items())),
            encoding=_name_setting(next(iter(alphabets))),
        )
    asian = {name: word for name in _EAST_ASIAN if (word := _read_asian(found, name))}
    if not asian:
        return None
    return Message(
        "it may be in an East Asian encoding: {ways}. Export the file as UTF-8, or give the encoding that "
        "is right: {encoding}.",
        ways=Quote(", ".join(f'as {name} it would be "{word}"' for name, word in asian.items())),
        encoding=_name_setting(next(iter(asian))),
    )


def _read_as_latin(found: NotText) -> str | None:
    """The word in Windows-1252, if that makes a plausible word.

    Its characters other than ASCII must be letters or signs used in texts. Bytes 80 to bf right after the
    wrong byte are what follows in UTF-8: then it is UTF-8 that was damaged.
    """
    if _NOT_LATIN.search(found.after):
        return None
    try:
        word = (found.before + found.after).decode("cp1252")
    except UnicodeDecodeError:
        return None
    damaged_utf8 = b"\x80" <= found.after[1:2] <= b"\xbf"
    plausible = all(sign.isalpha() or sign in _SIGNS for sign in word if not sign.isascii())
    return word if plausible and not damaged_utf8 else None


def _read_alphabet(found: NotText, encoding: str) -> str | None:
    """The word in an encoding of another alphabet, if it has a word's letters and capitals."""
    word = _decode(found.after, encoding)
    letters = [sign for sign in word if sign.isalpha()]
    known = all(unicodedata.name(sign, "").startswith(_ALPHABETS[encoding]) for sign in letters)
    regular = word[1:].islower() or word.isupper()
    return word if len(letters) > 2 and known and regular else None


def _read_asian(found: NotText, encoding: str) -> str | None:
    """The word in an East Asian encoding, if it is one."""
    word = _decode(found.after, encoding)
    signs = [sign for sign in word if not sign.isascii()]
    scripts = _EAST_ASIAN[encoding]
    known = all(unicodedata.name(sign, "").startswith(scripts) for sign in signs)
    return word if len(signs) > 1 and known else None


def _decode(word: bytes, encoding: str) -> str:
    """The text, as far as its last character is whole; "" if it is none."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(word)
    except UnicodeDecodeError:
        return ""
