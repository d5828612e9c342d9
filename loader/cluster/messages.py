"""What the coordinator and a worker say to each other. Dask carries it."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from loader.model import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loader.delivery.transports.target import Target
    from loader.mapping.selection import Ordinals
    from loader.message import Message
    from loader.model import Attempt
    from loader.reading import Piece

_REFERENCE = np.dtype([("part", "<u4"), ("ordinal", "<i8")])
_PACKED = struct.Struct("<Iq")
_SIZE = _REFERENCE.itemsize


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a worker is told first.

    Attributes:
        version: of this package.
        work: the source, the mapper and what reads keys, pickled, so that a worker with another version can
            say so before it reads them.
        target: where and how to send, without the secrets.
        permit_seconds: how long it may send after its newest report that was heard.
    """

    version: str
    work: bytes = field(repr=False)
    target: Target
    permit_seconds: float


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets of a load as texts. They travel in a call to an actor, which Dask does not keep as a task.

    Attributes:
        token: of the API; None if the load has none, or if it is not to travel.
        proxy: the parts of the proxy, or None.
        addresses: whole addresses of the input of which a part is hidden, by what is shown of them.
        withheld: whether the worker has to take the token from its own environment.
    """

    token: str | None = field(repr=False)
    proxy: tuple[str, str, str] | None = field(repr=False)
    addresses: dict[str, str] = field(repr=False)
    withheld: bool


class Orders(NamedTuple):
    """What a worker is to do next.

    Attributes:
        number: of the exchange, from 1; one that comes again is answered again and not carried out.
        heard: the stamp of its newest report that was heard.
        patience: seconds that it waits for something to report.
        rows: references, one after the other, to the bodies that are to be sent now.
        parts: numbers and rows of parts to be read.
        done: numbers of parts whose bodies may be forgotten.
    """

    number: int
    heard: float
    patience: float
    rows: bytes = b""
    parts: tuple[tuple[int, tuple[range, ...]], ...] = ()
    done: tuple[int, ...] = ()


class ReadPart(NamedTuple):
    """A part that a worker has read and mapped.

    Attributes:
        number: of the part.
        pieces: its rows; in the place of each body stands a reference to it.
        digest: of the bodies: whoever reads the part again must find the same.
        failure: why the input ends here, before the end of the part; None if it does not.
    """

    number: int
    pieces: tuple[Piece, ...]
    digest: int
    failure: Message | None


class Report(NamedTuple):
    """What a worker has done since its last report.

    Attributes:
        stamp: when it was written, on the worker's clock.
        ordinals: int64 ordinals, as bytes, of rows whose attempts ended.
        kinds: for each of them, which of the attempts it was; int32, as bytes.
        attempts: each attempt that occurs, without its time.
        times: for each of the rows, how many seconds its attempt took; float32, as bytes.
        parts: parts that were read.
        over: why the worker will do nothing more for this load; "" if it will.
        lapsed: whether the reason is that it was not heard for a while.
    """

    stamp: float
    ordinals: bytes = b""
    kinds: bytes = b""
    attempts: tuple[Attempt, ...] = ()
    times: bytes = b""
    parts: tuple[ReadPart, ...] = ()
    over: str = ""
    lapsed: bool = False

    def list_attempts(self) -> list[tuple[int, Attempt]]:
        """The rows whose attempts ended, and how; an answer with the time that it took."""
        kinds = np.frombuffer(self.kinds, np.int32).tolist()
        times = np.frombuffer(self.times, np.float32).tolist()
        ended = map(_add_time, map(self.attempts.__getitem__, kinds), times)
        return list(zip(np.frombuffer(self.ordinals, np.int64).tolist(), ended, strict=True))


def _add_time(attempt: Attempt, seconds: float) -> Attempt:
    return Answer(*attempt[:4], seconds) if isinstance(attempt, Answer) else attempt


def pack_attempts(
    ended: Sequence[tuple[int, Attempt, float]],
) -> tuple[bytes, bytes, tuple[Attempt, ...], bytes]:
    """Ordinals, kinds, attempts and times of a report: nearly all answers are alike but for their times."""
    numbers: dict[Attempt, int] = {}
    kinds = [numbers.setdefault(attempt, len(numbers)) for _, attempt, _ in ended]
    ordinals = np.array([ordinal for ordinal, _, _ in ended], np.int64)
    times = np.array([seconds for _, _, seconds in ended], np.float32)
    return ordinals.tobytes(), np.array(kinds, np.int32).tobytes(), tuple(numbers), times.tobytes()


def make_references(part: int, ordinals: Ordinals) -> pa.Array:
    """An Arrow binary array of references, each to the body of a row."""
    references = np.empty(len(ordinals), _REFERENCE)
    references["part"], references["ordinal"] = part, ordinals
    width = pa.binary(_SIZE)
    packed = pa.Array.from_buffers(width, len(ordinals), [None, pa.py_buffer(references.tobytes())])
    return packed.cast(pa.binary())


def read_references(references: bytes) -> Iterator[tuple[int, int]]:
    """The part and the ordinal of each row of some references, one after the other."""
    return _PACKED.iter_unpack(references)
