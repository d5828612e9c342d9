"""The same rows in two files: equal bytes under two names, packed and unpacked, a copy by its name."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from loader.errors import SourceError
from loader.text.nouns import count_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from loader.model import FileRecord

# What browsers and file managers put into the name of a second download or a copy; (2024) is a year.
_WORD = "(?:copy|kopie|copie|c[oó]pia)"
_COPY = re.compile(
    rf"(?P<before>.+?)(?: ?\(\d{{1,3}}\)| - {_WORD}(?: \(\d+\))?|[_-]{_WORD}| {_WORD}(?: \d+)?"
    rf"| \((?:another |\d+\w\w )?{_WORD}(?: \d+)?\))(?P<after>(?:\.[^.]+)*)",
    re.IGNORECASE,
)
_COPY_OF = re.compile(r"Copy of (?P<before>.+?)(?P<after>(?:\.[^.]+)*)", re.IGNORECASE)


def refuse_same_rows(records: Sequence[FileRecord]) -> None:
    """Refuse files that hold the same rows, whatever they are called.

    Files without a row are let pass: the days of an export on which nothing happened are all alike.

    Raises:
        SourceError: with the first two of them, and how many more there are.
    """
    alike: defaultdict[str, list[FileRecord]] = defaultdict(list)
    for record in records:
        if record.rows:
            alike[record.rows_hash or record.sha256].append(record)
    groups = [group for group in alike.values() if len(group) > 1]
    if groups:
        raise SourceError(_describe_copies(groups))


def _describe_copies(groups: list[list[FileRecord]]) -> str:
    original, copy = groups[0][:2]
    unpacked = "" if copy.sha256 == original.sha256 else ", unpacked,"
    more = sum(len(group) - 1 for group in groups) - 1
    others = f" {more:,} more {'file is' if more == 1 else 'files are'} such a copy." if more else ""
    return (
        f"{copy.name}: holds{unpacked} the same bytes as {original.name}, so "
        f"{count_rows(copy.rows)} would be loaded twice.{others} Remove one of the two, or name only "
        "the files to load. If the rows are meant twice, put them into one file."
    )


def refuse_copied_names(names: Collection[str], packings: Collection[str]) -> None:
    """Refuse a file of a folder or pattern whose name says that it is another one again.

    Their bytes may differ: a later download holds the rows of an earlier one and more.

    Args:
        names: all files that were found.
        packings: endings of packed files.

    Raises:
        SourceError: with both names.
    """
    known = {str(Path(name)): name for name in names}  # an address loses a slash there, in all names alike
    for name in names:
        originals = map(known.get, _list_originals(name, packings))
        original = next((each for each in originals if each is not None), None)
        if original is not None:
            raise SourceError(
                f"{name}: is {original} again, by its name, so its rows could be loaded twice. Remove one of "
                "the two. If they hold different rows, give both by their names instead of a folder or a "
                "pattern."
            )


def _list_originals(name: str, packings: Collection[str]) -> list[str]:
    """The names of what the file would be a copy of."""
    path = Path(name)
    found = [_COPY.fullmatch(path.name), _COPY_OF.fullmatch(path.name)]
    originals = [str(path.with_name(match["before"] + match["after"])) for match in found if match]
    return originals + ([str(path.with_suffix(""))] if path.suffix.lower() in packings else [])
