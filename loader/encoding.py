"""Which encodings of text files are read, and how bytes are counted in them.

A text is read in parts, and reading can begin again at the end of a row. So what a byte means must not depend
on what stood before its character, as it does where shift sequences switch between sets of characters.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass

WIDE = ("utf-16", "utf-16-le", "utf-16-be")
#: Up to four bytes a character, and none but a line feed has the byte 0x0A, nor any but a return 0x0D (the
#: codecs of Python's standard library, "Standard Encodings"). The second byte can be a backslash, a pipe or a
#: letter.
MULTI_BYTE = frozenset(
    {
        *("shift_jis", "shift_jisx0213", "shift_jis_2004", "cp932"),
        *("euc_jp", "euc_jisx0213", "euc_jis_2004"),
        *("gb2312", "gbk", "gb18030"),
        *("big5", "big5hkscs", "cp950"),
        *("euc_kr", "cp949", "johab"),
    }
)
# With their names for iconv, and "" where that of GNU has none.
_SHIFTING = {
    "iso2022_jp": "ISO-2022-JP",
    "iso2022_jp_1": "ISO-2022-JP-2",
    "iso2022_jp_2": "ISO-2022-JP-2",
    "iso2022_jp_2004": "ISO-2022-JP-3",
    "iso2022_jp_3": "ISO-2022-JP-3",
    "iso2022_jp_ext": "",
    "iso2022_kr": "ISO-2022-KR",
    "hz": "",
    "utf-7": "UTF-7",
}
_FOUR_BYTES = {"utf-32": "UTF-32", "utf-32-le": "UTF-32LE", "utf-32-be": "UTF-32BE"}
_ALL_BYTES = bytes(range(256))
_OF_PYTHON = {"unicode-escape", "raw-unicode-escape", "punycode", "idna"}  # for source code and host names
_NAMES = {"utf-8": "UTF-8", "iso8859-1": "Latin-1", "cp1252": "Windows-1252"}


def name_encoding(encoding: str) -> str:
    """The encoding's usual name."""
    return _NAMES.get(encoding, encoding.upper() if encoding in WIDE else encoding)


def find_codec(name: str) -> str | None:
    """Python's name of an encoding that can be read block by block, or None."""
    try:
        found = codecs.lookup(name).name
        if found in {"utf-8", "utf-8-sig", "ascii"}:
            return "utf-8"
        if found in _OF_PYTHON or found in _SHIFTING:
            return None
        readable = found in WIDE or found in MULTI_BYTE or _is_single_byte(found)
    except (LookupError, UnicodeError, ValueError):
        return None
    return found if readable else None


def _is_single_byte(codec: str) -> bool:
    """Whether there are as many characters as bytes, whatever they are."""
    return len(_ALL_BYTES.decode(codec, "replace")) == len(_ALL_BYTES)


def explain_refusal(name: str) -> str:
    """Why an encoding cannot be read, and what to do."""
    try:
        codec = codecs.lookup(name).name
    except (LookupError, ValueError):
        codec = ""
    if codec in _SHIFTING:
        why = "its bytes mean one thing or another, depending on what stood before them"
        return f'the encoding "{name}" cannot be read, because {why}. {_advise_conversion(codec)}'
    if codec in _FOUR_BYTES:
        return f'the encoding "{name}" cannot be read. {_advise_conversion(codec)}'
    return (
        f'the encoding "{name}" is not known. Known are utf-8, utf-16, utf-16-le, utf-16-be, latin-1, '
        "windows-1252 and others with one byte a character, and shift_jis, cp932, euc_jp, gb18030, big5, "
        "euc_kr and others of East Asia; convert other files to UTF-8 first."
    )


def _advise_conversion(codec: str) -> str:
    known = _SHIFTING.get(codec) or _FOUR_BYTES.get(codec)
    command = f"iconv -f {known} -t UTF-8 FILE > NEW_FILE"
    if not known:
        source, target = f"'FILE', encoding='{codec}'", "'NEW_FILE', 'w', encoding='utf-8'"
        command = f"python3 -c \"open({target}, newline='').write(open({source}, newline='').read())\""
    return f"Convert the file to UTF-8 and give no encoding for the new one: {command}"


@dataclass(slots=True)
class ByteCount:
    """Finds the place in a file at which a text made of its bytes ends, if it ends with a line feed.

    A character of several bytes may be written in more than one way (in EUC-JP with two bytes or with three),
    so writing it again does not count them. There the line feeds are counted.

    Attributes:
        encoding: Python's name.
        ahead: by how much the bytes that were taken are ahead of the texts; in line feeds, or in bytes.
    """

    encoding: str
    ahead: int = 0

    def take(self, raw: bytes, text: bytes) -> None:
        """Note bytes that were read, and the text in UTF-8 that was given out meanwhile."""
        taken = raw.count(b"\n") if self.encoding in MULTI_BYTE else len(raw)
        self.ahead += taken - self._measure(text)

    def find_end(self, raw: bytes, text: bytes) -> int:
        """Where in the next bytes the next text ends."""
        length = self._measure(text) - self.ahead
        return find_line(raw, length) if self.encoding in MULTI_BYTE else length

    def _measure(self, text: bytes) -> int:
        if self.encoding in MULTI_BYTE:
            return text.count(b"\n")
        if self.encoding == "utf-8":
            return len(text)
        return len(text.decode()) if self.encoding not in WIDE else len(text.decode().encode(self.encoding))


def find_line(raw: bytes, lines: int, sign: bytes = b"\n") -> int:
    """The place after a number of line ends."""
    at = 0
    for _ in range(lines):
        at = raw.index(sign, at) + 1
    return at


def count_bytes(text: str, encoding: str, raw: bytes) -> int:
    """How many of the bytes `raw` the text takes that they begin with, up to a line end."""
    if encoding in MULTI_BYTE and text[-1:] in {"\r", "\n"}:
        return find_line(raw, text.count(text[-1]), text[-1].encode())
    return len(text.encode(encoding))
