"""The pages of a file as they were first read, so that each later read can be compared with them.

A file can change while its size and its times stay as they were: if the times are set back, or if the change
is made through mapped pages. Only the bytes themselves tell. XXH3 is used because it costs nothing that could
be measured (50 GB a second on one core, SHA-256 0.8, CRC-32 1.7); the SHA-256 in the checkpoint is what says
which file it is.
"""

from __future__ import annotations

from array import array

from xxhash import xxh3_64_intdigest

#: Bytes. A read looks at the rest of its first and its last page too; 8 bytes a page are kept in memory.
PAGE = 1 << 16

_UNKNOWN = 0


class Pages:
    """The digests of the pages of one file. The first read of a page says what it must stay."""

    def __init__(self) -> None:
        self._digests = array("Q")

    def recognise(self, number: int, content: bytes | memoryview) -> bool:
        """Whether a page is what it was when it was read first; True for a page that was not read before."""
        digest = xxh3_64_intdigest(content) or 1  # 0 stands for none
        if number >= len(self._digests):
            self._digests.frombytes(bytes(self._digests.itemsize * (number + 1 - len(self._digests))))
        if self._digests[number] == _UNKNOWN:
            self._digests[number] = digest
        return self._digests[number] == digest
