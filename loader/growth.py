"""Has an input grown since it was loaded? Then it begins with exactly the earlier one, which its bytes prove.

find_growth(...)   rows that were added, or why it cannot be known, or None: it is another input
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loader.dialect import Dialect
from loader.message import Message
from loader.sources.copies import refuse_same_rows
from loader.text.nouns import count_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.model import FileRecord
    from loader.sources import Source

_TEXTS = ("CSV", "JSON Lines")


@dataclass(frozen=True, slots=True)
class Growth:
    """What was added to an input.

    Attributes:
        rows: how many rows.
        added: names of the files that were added.
        appended: name of the file that was appended to, or "".
    """

    rows: int
    added: tuple[str, ...]
    appended: str

    @property
    def words(self) -> str:
        """What was added, in words."""
        parts = [f"{self.appended} was appended to"] if self.appended else []
        if self.added:
            more = f" and {len(self.added) - 1:,} more" if len(self.added) > 1 else ""
            parts.append(f"{self.added[0]}{more} {'were' if more else 'was'} added")
        return f"{count_rows(self.rows)} more, because " + " and ".join(parts)


def find_growth(source: Source, then: Sequence[FileRecord]) -> Growth | Message | None:
    """Find out whether an input has grown.

    Args:
        source: the input as it is now.
        then: its files as they were loaded.

    Returns:
        What was added; or why that cannot be proven; None if the input is the same, or another one.

    Raises:
        SourceError: an added file holds the rows of another one again.
    """
    now = source.survey().files
    last = len(then) - 1
    if len(now) < len(then) or not all(map(_is_same, then[:-1], now)):
        return None
    same = _is_same(then[last], now[last])
    proven = same or prove_appended(source, last, then[last], now[last])
    if proven is not True:
        return proven or None
    if same and len(now) == len(then):
        return None
    refuse_same_rows(now)
    return Growth(
        sum(file.rows for file in now) - sum(file.rows for file in then),
        tuple(file.name for file in now[len(then) :]),
        "" if same else now[last].name,
    )


def _is_same(then: FileRecord, now: FileRecord) -> bool:
    """Whether a file has the same rows; version 0.1.0 did not note how it was read."""
    return then.content == now.content and then.form in {"", now.form}


def prove_appended(source: Source, number: int, then: FileRecord, now: FileRecord) -> Message | bool:
    """Whether a file is the earlier one with more rows; or why that cannot be known."""
    if now.size <= then.size or not _is_file(then):
        return False
    beginning = source.read_beginning(number, then.size)
    if beginning.sha256 != then.sha256:
        return _explain_packing(then, now)
    kind, _, form = then.form.partition(": ")
    if not then.form:
        why = "the checkpoint is of version 0.1.0, which did not note how they were read."
    elif kind not in _TEXTS:
        why = f"it is a file of {kind}, and only text files can be appended to."
    elif then.form != now.form:
        why = f"it is now read as {now.form}, and was read as {then.form}."
    elif not ends_record(beginning.last, beginning.following, Dialect.read(form).encoding or "utf-8"):
        why = f"its last line had no end then, and was continued: row {then.rows:,} is another one now."
    else:
        return True
    return Message("{name} begins with the bytes that were loaded, but {why}", name=now.name, why=why)


def _is_file(file: FileRecord) -> bool:
    return file.form != "a table in memory"


def _explain_packing(then: FileRecord, now: FileRecord) -> Message | bool:
    """A packed file that was packed again has other bytes from the first on, whatever was added."""
    if " in " not in then.form.partition(":")[0] or then.form != now.form:
        return False
    return Message(
        "{name} is compressed, and the checkpoint knows only the compressed bytes, which are others now. "
        "Whether only rows were added cannot be proven.",
        name=now.name,
    )


def ends_record(last: bytes, following: bytes, encoding: str) -> bool:
    """Whether a text ended with a line end, or what follows begins with one."""
    end, unit = _encode("\n", encoding), _encode("\r", encoding)
    return last.endswith(end) or following.startswith((end, unit + end))


def _encode(text: str, encoding: str) -> bytes:
    """A character as it stands in the middle of a text, without a byte order mark."""
    mark = "".encode(encoding)
    return text.encode(encoding).removeprefix(mark)
