"""Ids beside a ledger, and the keys of an input on disk: nothing is lost, and nothing is half written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from loader.gone.input_keys import InputKeys
from loader.ledger import Digester
from loader.ledger.kept_ids import BUCKETS, IdsWriter, KeptIds, NamedKeys, name_ids

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

DIGESTER = Digester(b"secret", "users")


def name(keys: Iterable[bytes]) -> NamedKeys:
    """Keys with their digests."""
    array = pa.array(list(keys), pa.binary())
    return NamedKeys(*DIGESTER.digest_keys(array), array, np.zeros(len(array), np.int32))


def write(ledger: Path, keys: list[bytes], *, end_at: int = BUCKETS) -> None:
    """Keep keys; fail before a bucket."""
    named = name(keys)
    with IdsWriter(name_ids(ledger, "users")) as writer:
        for bucket in range(BUCKETS):
            if bucket == end_at:
                raise KeyboardInterrupt
            writer.write(named.take(np.flatnonzero(named.high >> np.uint64(56) == bucket)))
        writer.finish()


def read(ledger: Path) -> set[bytes]:
    """The keys that are kept."""
    with KeptIds(ledger, "users") as kept:
        return {key for bucket in range(BUCKETS) for key in kept.read(bucket, DIGESTER).keys.to_pylist()}


@pytest.mark.parametrize("count", [0, 1, 300_000])
def test_the_keys_of_an_input_are_all_found_again(count: int) -> None:
    """Few or many, in memory or on disk, each is under the first byte of its digest, and there once more."""
    keys = InputKeys()
    expected = [f"key {number}".encode() for number in range(count)]
    for start in range(0, count, 8192):
        part = name(expected[start : start + 8192])
        keys.add(part.high, part.low, part.keys)
    found: list[bytes] = []
    for bucket in range(BUCKETS):
        read = keys.read(bucket)
        assert (read.high >> np.uint64(56) == bucket).all()
        found += read.keys.to_pylist()
    keys.close()
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("end_at", [0, 128, BUCKETS - 1])
def test_ids_take_the_place_of_earlier_ones_only_as_a_whole(tmp_path: Path, end_at: int) -> None:
    """Whatever ends the writing, the ids of before stand, and nothing else is left."""
    ledger = tmp_path / "all.ledger"
    write(ledger, [b"a", b"b"])
    with pytest.raises(KeyboardInterrupt):
        write(ledger, [b"c"], end_at=end_at)
    assert read(ledger) == {b"a", b"b"}
    assert {file.name for file in tmp_path.iterdir()} <= {"all.ledger-ids-users", "all.ledger-ids-users-lock"}
    write(ledger, [b"c"])
    assert read(ledger) == {b"c"}
