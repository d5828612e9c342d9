"""The ids that belong to digests of a ledger: kept beside it once the user has asked for lists of gone keys.

The ledger is what is true; this file only gives its digests their names. So it may be lost or old: some names
are missing then, and nothing else. It is written as a whole and takes the place of the one before. Each id is
compared with its digest when it is read, so a damaged file never gives a wrong name.

An Arrow file with 256 batches, one for each first byte of the digests.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa

from loader.journal.checkpoint_files import NO_FOLLOW, OWNER_ONLY, sync_folder
from loader.ledger.ledger_lock import LedgerLock
from loader.ledger.records import Digests, Records
from loader.ledger.store import LedgerError, explaining
from loader.message import Message
from loader.methods import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loader.ledger.ledger import Ledger
    from loader.ledger.records import Digester, Mask, Numbers, Places

BUCKETS = 256
_SHIFT = np.uint64(56)
# Another command replaces the file at its end, within seconds.
_PATIENCE_SECONDS = 60.0
SCHEMA = pa.schema(
    [("high", pa.uint64()), ("low", pa.uint64()), ("key", pa.binary()), ("gone_since", pa.int32())]
)

Days = np.ndarray[Any, np.dtype[np.int32]]


@dataclass(frozen=True, slots=True)
class NamedKeys:
    """Keys with their digests.

    Attributes:
        high, low: the halves of each digest.
        keys: the key of each as bytes, an Arrow array.
        gone_since: the day since which an input lacks each, in days since 1970; 0 if it is there.
    """

    high: Numbers
    low: Numbers
    keys: pa.Array
    gone_since: Days

    def __len__(self) -> int:
        return len(self.high)

    @classmethod
    def none(cls) -> NamedKeys:
        """No key."""
        return cls.unpack(
            pa.RecordBatch.from_arrays([pa.array([], each.type) for each in SCHEMA], schema=SCHEMA)
        )

    @classmethod
    def unpack(cls, batch: pa.RecordBatch) -> NamedKeys:
        """The keys of a batch."""
        high, low, keys, days = batch.columns
        return cls(high.to_numpy(), low.to_numpy(), keys, days.to_numpy())

    @classmethod
    def join(cls, one: NamedKeys, other: NamedKeys) -> NamedKeys:
        """Those of both."""
        return cls(
            np.concatenate([one.high, other.high]),
            np.concatenate([one.low, other.low]),
            pa.concat_arrays([one.keys, other.keys]),
            np.concatenate([one.gone_since, other.gone_since]),
        )

    def pack(self) -> pa.RecordBatch:
        """The batch that `unpack` reads."""
        columns = [pa.array(self.high), pa.array(self.low), self.keys, pa.array(self.gone_since)]
        return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)

    def take(self, places: Places | Mask) -> NamedKeys:
        """Some of them."""
        return NamedKeys(
            self.high[places],
            self.low[places],
            self.keys.filter(pa.array(places))
            if places.dtype == np.bool_
            else self.keys.take(pa.array(places)),
            self.gone_since[places],
        )

    def gone_from(self, day: int) -> NamedKeys:
        """The same, gone from a day on those that were there before."""
        days = np.where(self.gone_since, self.gone_since, day).astype(np.int32)
        return NamedKeys(self.high, self.low, self.keys, days)

    def index(self) -> Records:
        """Sorted records of the digests; in place of the digest of a body, the place of the key here."""
        places = np.arange(len(self), dtype=np.uint64)
        return Records.of(Digests(self.high, self.low, places), 1)


def find_named(named: NamedKeys, high: Numbers, low: Numbers) -> tuple[Places, Places]:
    """The keys that have a name, by their places among those asked for, and the places of their names.

    Args:
        named: keys with their digests.
        high: the first halves of digests, ascending.
        low: the second halves.
    """
    hits, rest = named.index().find(high, low)
    order = np.argsort(hits, kind="stable")
    return hits[order], rest["body"][order].astype(np.intp)


def name_ids(ledger: Path, kind: str) -> Path:
    """The file with the ids of one kind of rows, beside the ledger."""
    return ledger.with_name(f"{ledger.name}-ids-{kind}")


class KeptIds:
    """The ids of one kind of rows, as they were kept last.

    Args:
        ledger: the ledger's file.
        kind: of the rows.

    Attributes:
        path: the file.
        kept: whether there is one.
    """

    def __init__(self, ledger: Path, kind: str) -> None:
        self.path = name_ids(ledger, kind)
        self.kept = self.path.exists()
        self._reader: pa.ipc.RecordBatchFileReader | None = None

    def __enter__(self) -> Self:
        if self.kept:
            with explaining(self.path), self._explaining_damage():
                self._reader = pa.ipc.open_file(pa.OSFile(str(self.path)))
                if self._reader.schema != SCHEMA or self._reader.num_record_batches != BUCKETS:
                    raise self._say_damaged()
        return self

    def __exit__(self, *_: object) -> None:
        self._reader = None

    def read(self, bucket: int, digester: Digester) -> NamedKeys:
        """The keys whose digests begin with this byte, each compared with its digest.

        Raises:
            LedgerError: the file is damaged.
        """
        if self._reader is None:
            return NamedKeys.none()
        with explaining(self.path), self._explaining_damage():
            batch = self._reader.get_batch(bucket)
            batch.validate(full=True)
            named = NamedKeys.unpack(batch)
        high, low = digester.digest_keys(named.keys)
        if not (np.array_equal(high, named.high) and np.array_equal(low, named.low)):
            raise self._say_damaged()
        return named

    @contextmanager
    def _explaining_damage(self) -> Iterator[None]:
        try:
            yield
        except pa.ArrowInvalid:
            raise self._say_damaged() from None

    def _say_damaged(self) -> LedgerError:
        return LedgerError(
            Message(
                "{path} is damaged: it is not as it was written. It only holds the ids of keys that are "
                "listed as gone, so no row is sent twice or lost by it. Put it back from a backup; or "
                "delete it, and ids are kept again from the next load on.",
                path=self.path,
            )
        )


class IdsWriter:
    """Writes all ids again; they take the place of the earlier ones only as a whole.

    Use as a context manager, then `write` once for each bucket, then `finish`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unfinished = path.with_name(f"{path.name}-new")
        self._undo = ExitStack()
        self._written = 0

    def __enter__(self) -> Self:
        with explaining(self._path), ExitStack() as undo:
            lock = LedgerLock(self._path)
            lock.take(wait_seconds=_PATIENCE_SECONDS)
            undo.callback(lock.release)
            undo.callback(self._remove_unfinished)
            flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | NO_FOLLOW
            self._file = undo.enter_context(os.fdopen(os.open(self._unfinished, flags, OWNER_ONLY), "r+b"))
            options = pa.ipc.IpcWriteOptions(compression="zstd")
            self._writer = pa.ipc.new_file(self._file, SCHEMA, options=options)
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def write(self, named: NamedKeys) -> None:
        """Write the keys of the next bucket.

        Raises:
            DiskFull, LedgerError: it cannot be written.
        """
        with explaining(self._path):
            self._writer.write_batch(named.pack())
        self._written += 1

    def finish(self) -> None:
        """Put the file in the place of the earlier one, durably.

        Raises:
            DiskFull, LedgerError: it cannot be written; the earlier one stands.
        """
        assert self._written == BUCKETS, self._written  # noqa: S101 - the reader counts on it
        with explaining(self._path):
            self._writer.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._unfinished.replace(self._path)
            sync_folder(self._path.parent)

    def _remove_unfinished(self) -> None:
        with suppress(OSError):
            self._unfinished.unlink(missing_ok=True)


def bound_bucket(bucket: int) -> tuple[int, int | None]:
    """From which first half of digests to which a bucket goes; the last one to the end."""
    return bucket << int(_SHIFT), (bucket + 1) << int(_SHIFT) if bucket + 1 < BUCKETS else None


def list_kept(ledger: Path) -> list[str]:
    """The kinds of rows whose ids are kept beside a ledger."""
    return [kind.value for kind in Kind if name_ids(ledger, kind.value).exists()]


def drop_unknown(ledger: Ledger) -> None:
    """Forget the ids of keys that the ledger has forgotten.

    Raises:
        DiskFull, LedgerError: it cannot be written; the ids stand.
    """
    for kind in list_kept(ledger.path):
        digester = ledger.digester(kind)
        pending = Digests.join([batch.digests for batch in ledger.pending()])
        with KeptIds(ledger.path, kind) as kept, IdsWriter(kept.path) as writer:
            for bucket in range(BUCKETS):
                named = kept.read(bucket, digester)
                records = ledger.slice(*bound_bucket(bucket))
                known = Records.merge([Records.of(pending, 0), records])
                _, places = find_named(named, known.high, known.rest["low"])
                writer.write(named.take(np.sort(places)))
            writer.finish()
