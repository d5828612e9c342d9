"""Objects of S3, Google Cloud Storage and Azure, through pyarrow's file systems."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from loader.stores.access import open_file_system
from loader.stores.stored import Replaced, Seen, name_difference
from loader.stores.trouble import Trouble, describe, explain, explain_failures, sort_failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from loader.stores.address import Address

# Which of the metadata tells versions apart, the surest first. Google's are read by generation.
_VERSIONS = ("VersionId", "generation", "ETag", "etag", "Last-Modified")


class CloudObject:
    """An object of an object store.

    Args:
        address: where it is.
        seen: what it was when it was found, perhaps by another process.
        opened: the object, if this process has it open; else it is opened when it is read.
    """

    def __init__(self, address: Address, seen: Seen, opened: pa.NativeFile | None = None) -> None:
        self.address = address
        self.seen = seen
        self._opened = opened

    def __reduce__(self) -> tuple[type[CloudObject], tuple[Address, Seen]]:
        """How it travels: without a connection; the environment there has the credentials."""
        return CloudObject, (self.address, self.seen)

    @classmethod
    def find(cls, address: Address) -> CloudObject:
        """Look at an object.

        Raises:
            SourceMissing: there is none of this name.
            SourceError: it may not be read, or the store does not answer.
        """
        opened, seen = _look(address)
        return cls(address, seen, opened)

    @property
    def name(self) -> str:
        """Its address."""
        return self.address.name

    @property
    def identity(self) -> str:
        """Its address, however it is spelled."""
        return self.address.identity

    @property
    def ranged(self) -> bool:
        """Every store gives ranges."""
        return True

    def read_range(self, start: int, end: int) -> bytes:
        """The bytes of a range; the store's library tries again if a connection breaks.

        Raises:
            Replaced: the object is not the one that it was.
            SourceError: it cannot be read.
        """
        try:
            content: bytes = self._open().read_at(end - start, start)
        except OSError as failure:
            if sort_failure(failure) not in {Trouble.AWAY, Trouble.EXPIRED, Trouble.DENIED}:
                self._refuse_replaced()
            raise explain(self.address, failure) from None
        if len(content) < end - start:
            self._refuse_replaced()
        return content

    def _open(self) -> pa.NativeFile:
        if self._opened is None:
            opened, now = _look(self.address)
            self._refuse_other(now)
            self._opened = opened
        return self._opened

    def _refuse_replaced(self) -> None:
        self._refuse_other(self.look_again())

    def _refuse_other(self, now: Seen) -> None:
        if difference := name_difference(self.seen, now):
            raise Replaced(difference)

    def rest(self) -> None:
        """There is nothing to let go of: the file system keeps the connections."""

    def look_again(self) -> Seen:
        """What it is now."""
        return _look(self.address)[1]


@contextmanager
def tell_bucket(address: Address) -> Iterator[None]:
    """Tell a bucket that is not there from an object that is not: a store often does not.

    Raises:
        SourceMissing: what was looked for is not there because its bucket is not.
    """
    try:
        yield
    except FileNotFoundError:
        if _lacks_bucket(address):
            raise describe(address, Trouble.NO_BUCKET, "") from None
        raise


def _lacks_bucket(address: Address) -> bool:
    from pyarrow import fs  # noqa: PLC0415 - few loads need it, and it takes long

    try:
        found = open_file_system(address).get_file_info(address.place)
    except OSError:  # it may not be looked at; then the object is what is missing
        return False
    return bool(found.type == fs.FileType.NotFound)


@contextmanager
def tell_reason(address: Address) -> Iterator[None]:
    """Ask S3 again if it refuses without a reason: an answer to HEAD has no body, so it cannot say one.

    Credentials that have expired are refused in this way, with 400.
    """
    try:
        yield
    except OSError as failure:
        if address.scheme == "s3" and sort_failure(failure) is Trouble.OTHER:
            ask_for_list(address)
        raise


def ask_for_list(address: Address) -> None:
    """List what is beside an object: if the store refuses that too, it says why."""
    from pyarrow import fs  # noqa: PLC0415 - few loads need it, and it takes long

    folder = address.path.rpartition("/")[0]
    open_file_system(address).get_file_info(fs.FileSelector(folder, allow_not_found=True))


def _look(address: Address) -> tuple[pa.NativeFile, Seen]:
    with explain_failures(address), tell_bucket(address), tell_reason(address):
        opened = open_file_system(address).open_input_file(address.path)
        found = opened.metadata() or {}
        size = opened.size()
    version = next((found[key] for key in _VERSIONS if found.get(key)), b"")
    return opened, Seen(size, version.decode(errors="replace"))
