"""Which objects an address means: one, all below a folder, or those that match a pattern."""

from __future__ import annotations

from fnmatch import fnmatchcase
from glob import has_magic
from itertools import takewhile
from typing import TYPE_CHECKING

from loader.errors import ConfigError, SourceError, SourceMissing
from loader.stores.access import open_file_system
from loader.stores.address import Address
from loader.stores.cloud import CloudObject, tell_bucket, tell_reason
from loader.stores.trouble import explain_failures
from loader.stores.web import WebFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.stores.stored import Stored


def find_object(name: str) -> Stored:
    """Look at one object.

    Raises:
        SourceMissing: there is none at this address.
        SourceError: it cannot be read, or the store does not answer.
    """
    address = parse(name)
    return WebFile(address) if address.is_web else CloudObject.find(address)


def parse(name: str) -> Address:
    """Read the address of an input.

    Raises:
        SourceError: it is of a kind that is not read.
    """
    try:
        return Address.parse(name)
    except ConfigError as error:
        raise SourceError(error.message) from None


def is_folder(name: str) -> bool:
    """Whether an address of an object store is that of a folder: there are objects below it, and none at it.

    Raises:
        SourceError: the store cannot be asked.
    """
    from pyarrow import fs  # noqa: PLC0415 - few loads need it, and it takes long

    address = parse(name)
    if address.is_web:
        return False
    if not address.key:
        return True
    with explain_failures(address), tell_reason(address):
        found = open_file_system(address).get_file_info(address.path)
    return bool(found.type == fs.FileType.Directory)


def exists(name: str) -> bool:
    """Whether there is an object at an address.

    Raises:
        SourceError: the store cannot be asked.
    """
    try:
        find_object(name)
    except SourceMissing:
        return False
    return True


def has_pattern(name: str) -> bool:
    """Whether an address can be a pattern: a web server lists nothing."""
    address = parse(name)
    return not address.is_web and has_magic(address.key)


def list_folder(name: str, *, deep: bool = True) -> Sequence[tuple[str, bool]]:
    """What is below a folder: addresses in their order, each with whether it is an object (or a folder).

    Args:
        name: the address of the folder.
        deep: whether to list what is in its folders too.

    Raises:
        SourceMissing: there is no such bucket or folder.
        SourceError: it may not be listed.
    """
    from pyarrow import fs  # noqa: PLC0415 - few loads need it, and it takes long

    address = parse(name)
    with explain_failures(address), tell_bucket(address):
        found = open_file_system(address).get_file_info(fs.FileSelector(address.path, recursive=deep))
    listed = [(address.join(entry.path).name, entry.type == fs.FileType.File) for entry in found]
    return sorted(listed)


def match_pattern(pattern: str) -> Sequence[tuple[str, bool]]:
    """What there is at or beside what a pattern matches: all that was listed, in its order.

    Each address comes with whether it is an object that matches. `*` and `?` stay within a folder, `**` goes
    into all folders, as in patterns of paths.

    Raises:
        SourceMissing: there is no such bucket or folder.
        SourceError: it may not be listed, or it is on a web server, which lists nothing.
    """
    address = parse(pattern)
    parts = address.key.split("/")
    plain = list(takewhile(lambda part: not has_magic(part), parts))
    deep = len(parts) - len(plain) > 1
    base = "/".join([f"{address.scheme}://{address.place}", *plain])
    try:
        listed = list_folder(base, deep=deep)
    except SourceMissing as error:
        raise SourceMissing(f"{pattern}: no object matches this pattern. {error}") from None
    wanted = f"{address.place}/{address.key}".split("/")
    return [(name, is_object and _matches(parse(name).path.split("/"), wanted)) for name, is_object in listed]


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether the parts of a path match those of a pattern, as `glob` has them: hidden ones only if named."""
    if not pattern:
        return not parts
    first, *rest = pattern
    if first == "**":
        visible = takewhile(lambda part: not part.startswith("."), parts)
        return any(_matches(parts[depth:], rest) for depth in range(len(list(visible)) + 1))
    if not parts or (parts[0].startswith(".") and not first.startswith(".")):
        return False
    return fnmatchcase(parts[0], first) and _matches(parts[1:], rest)
