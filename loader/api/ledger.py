"""A ledger as an analyst uses it: look at it, take over a load, forget, verify, list its keys."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from loader import bookkeeping
from loader.api.given import Given
from loader.api.spelling import spell_in_python
from loader.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.api.given import LookUps, Source
    from loader.bookkeeping import Forgotten, Imported

_LOADS = ("checkpoint", "kind", "key", "began", "at", "sent", "in_doubt")
_KEYS = ("key_digest", "body_digest", "state", "load", "day")


class Ledger:
    """A ledger of sent keys. A load with `ledger=` writes it; each look here reads it as it is then.

    Args:
        path: the ledger. Only `take_over` creates one.

    Attributes:
        path: where it is.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()

    @property
    @spell_in_python()
    def loads(self) -> pd.DataFrame:
        """The loads that it knows, the oldest first.

        Columns: ``checkpoint``, ``kind``, ``key`` (columns of the key), ``began`` and ``at`` (its first
        start, and when it wrote last), ``sent`` and ``in_doubt`` (keys).

        Raises:
            CheckpointError: it is missing, or cannot be read.
        """
        rows = [
            (
                each.load.path,
                each.load.kind,
                each.load.key,
                each.load.began,
                each.load.at,
                each.sent,
                each.in_doubt,
            )
            for each in bookkeeping.describe_ledger(self.path).loads
        ]
        found = pd.DataFrame(rows, columns=list(_LOADS))
        for name in ("began", "at"):
            found[name] = pd.to_datetime(found[name], unit="s", utc=True)
        return found

    @property
    @spell_in_python()
    def keys(self) -> pd.DataFrame:
        """Its keys, as `ledger export` writes them: digests, state, load, and the day on which it wrote last.

        Raises:
            CheckpointError: it is missing, or cannot be read.
        """
        return pd.DataFrame(list(bookkeeping.export_rows(self.path)), columns=list(_KEYS), dtype="str")

    @spell_in_python()
    def take_over(
        self,
        checkpoint: str | os.PathLike[str],
        *,
        key: str | Sequence[str] = (),
        source: Source | None = None,
        lookups: LookUps | None = None,
    ) -> Imported:
        """Take over what a load has sent, as if it had been made with this ledger; the load then keeps it.

        Args:
            checkpoint: the checkpoint of the load, which may not be running.
            key: the columns of the key, if the mapping of the load names none.
            source: the input, if it is a table in memory or has moved.
            lookups: the tables in memory in which the mapping looks up cells: ``{"devices": frame}``.

        Returns:
            How many keys are new in the ledger, as `sent` and as `in_doubt`, and how many rows are `keyless`.

        Raises:
            ConfigError: no key is known.
            CheckpointError, SourceError: the checkpoint, the input or the ledger cannot be used.
        """
        given = Given.again(source, lookups)
        columns = (key,) if isinstance(key, str) else tuple(key)
        return bookkeeping.import_load(
            self.path, Path(checkpoint), key=columns, files=given.files, memory=given.memory
        )

    @spell_in_python()
    def forget(self, older_than: timedelta) -> int:
        """Forget the loads that wrote last longer ago, with all keys that they sent last; how many loads.

        A row with one of these keys is sent again if it comes once more.

        Args:
            older_than: such as `timedelta(days=400)`.

        Raises:
            CheckpointError: the ledger cannot be used; it is as it was.
        """
        if not isinstance(older_than, timedelta):
            raise ConfigError(
                f"older_than is a {type(older_than).__qualname__}. "
                "Give a timedelta, such as timedelta(days=400)."
            )
        return bookkeeping.forget(self.path, before=time.time() - older_than.total_seconds())

    @spell_in_python()
    def forget_keys(self, keys: pd.DataFrame | str | os.PathLike[str]) -> Forgotten:
        """Forget keys that are gone, with their ids; those in doubt stay.

        Args:
            keys: the list that `report_gone` wrote, or a frame of it, or a part of its rows.

        Returns:
            How many `keys` are forgotten, and how many stay because they are `in_doubt`.

        Raises:
            ConfigError: the list names no keys.
            CheckpointError: the ledger cannot be used; what is not forgotten is known as before.
        """
        if isinstance(keys, (str, os.PathLike)):
            return bookkeeping.forget_keys(self.path, Path(keys))
        if isinstance(keys, pd.DataFrame):
            return bookkeeping.forget_keys(self.path, keys)
        raise ConfigError(f"keys is a {type(keys).__qualname__}. Give the path of a list, or a frame of it.")

    @spell_in_python()
    def verify(self) -> int:
        """Read all of it and compare it with its checksums; how many keys it knows.

        Raises:
            ConfigError: a part is damaged.
            CheckpointError: it cannot be read.
        """
        return bookkeeping.verify_ledger(self.path)

    def __repr__(self) -> str:
        return f"Ledger({str(self.path)!r})"
