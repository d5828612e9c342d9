"""Objects that are written as a whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, cast

from loader.errors import ConfigError, SourceError
from loader.stores.access import open_file_system
from loader.stores.address import Address
from loader.stores.trouble import advise_access, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

# Bytes that are kept in memory before they go to a nameless file, which only the user can read.
_IN_MEMORY = 32 << 20


def refuse_unwritable(name: str) -> None:
    """Refuse an address that can never be written to.

    Raises:
        ConfigError: it is one.
    """
    address = Address.parse(name)
    if address.is_web:
        raise ConfigError(
            f"{address.name}: nothing can be written to a web server. Name a file, or an address that begins "
            "with s3://, gs:// or az://."
        )
    if not address.key or address.key.endswith("/"):
        raise ConfigError(f"{address.name}: is a folder. Add the name of the object to write.")


@contextmanager
def open_output(name: str) -> Iterator[IO[bytes]]:
    """Open an object to write. It is sent when all is written: a failure leaves the older one as it was.

    Raises:
        ConfigError: it cannot be written.
    """
    refuse_unwritable(name)
    address = Address.parse(name)
    # A stream to a store has no way back: closed after a failure, it would leave half an object.
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as kept:
        yield cast("IO[bytes]", kept)
        kept.seek(0)
        try:
            with open_file_system(address).open_output_stream(address.path) as out:
                shutil.copyfileobj(kept, out, 1 << 20)
        except (OSError, ValueError) as failure:
            raise ConfigError(
                f"{address.name} cannot be written: {shorten(failure)}. {advise_access(address)}"
            ) from None


def refuse_existing(name: str) -> None:
    """Refuse to write over an object.

    Raises:
        ConfigError: there is one of this name.
        SourceError: the store cannot be asked.
    """
    from loader.stores.finding import find_object  # noqa: PLC0415 - few loads need it, and it takes long

    try:
        find_object(name)
    except SourceError as error:
        if error.code == "input_missing":
            return
        raise
    raise ConfigError(f"{name} exists already. Name another file, or remove it first.")
