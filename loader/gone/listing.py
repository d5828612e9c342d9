"""Which keys are gone: those that the ledger knows, and that no row of the input has.

What is compared are digests: all keys of the input, whatever became of their rows, with all keys of the
ledger. So a row that is rejected, was never sent or is left out is not gone, because it is in the input.
The ids of keys that are gone are those that were kept beside the ledger by earlier loads with a list.
"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from loader.errors import ConfigError
from loader.gone.input_keys import InputKeys
from loader.gone.known import Known, KnownOfLedger
from loader.journal import CheckpointView
from loader.known_keys import find_ledger
from loader.known_keys.keys import read_all_owners
from loader.ledger import Ledger
from loader.ledger.kept_ids import BUCKETS, IdsWriter, KeptIds, NamedKeys, find_named, name_ids
from loader.ledger.records import format_digest
from loader.model import OWN_COLUMNS, Gone
from loader.output_files import ENDINGS
from loader.planning import say_no_ledger
from loader.progress import ReadingProgress, Silent
from loader.row_files import write_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loader.ledger.records import Places
    from loader.model import Result
    from loader.planning import Plan
    from loader.progress import Watch

_TEXT = pd.ArrowDtype(pa.string())
_DAY = 86400
# The columns of the ids, and how a user is told from a device in a key.
OWNERS, USER = ("hwid", "userId"), "user "
SENT, IN_DOUBT = "sent", "in doubt"


def report_gone(
    plan: Plan, result: Result, watch: Watch | None = None, now: Callable[[], float] = time.time
) -> Gone | None:
    """List the keys that are gone, and keep the ids of those that are there, if the user asked for it.

    Not after an interrupt: the user wants it to end. The same load again writes the list.

    Args:
        plan: of the load, which has ended.
        result: how.
        watch: shows how far it is.
        now: the time, in seconds since 1970.

    Raises:
        SourceError: the input cannot be read to its end, or has changed.
        CheckpointError: the ledger or the ids cannot be used.
        ConfigError: the list cannot be written, or there is no ledger.
    """
    target = plan.settings.options.report_gone
    if target is None or result.interrupted:
        return None
    ledger = find_ledger(plan.settings, CheckpointView.open(Path(result.checkpoint)))
    if ledger is None:
        raise ConfigError(say_no_ledger())
    return list_gone(plan, ledger, target, watch or Silent(), int(now() // _DAY))


def list_gone(plan: Plan, ledger: Path, target: Path, watch: Watch, today: int) -> Gone:
    """As `report_gone`, with a ledger and a day that are known."""
    with Ledger.read(ledger) as found, closing(InputKeys()) as keys:
        comparison = Comparison(plan, found, keys, today)
        comparison.read_input(watch)
        write_rows(comparison.frames(), ENDINGS.get(target.suffix.lower(), "csv"), target)
        return comparison.result(target)


@dataclass(slots=True)
class Comparison:
    """The comparison of one input with a ledger.

    Args:
        plan: of the load.
        ledger: open for reading.
        keys: takes the keys of the input.
        today: the day, in days since 1970.
    """

    plan: Plan
    ledger: Ledger
    keys: InputKeys
    today: int
    counts: Counter[str] = field(default_factory=Counter)
    new: bool = False

    @property
    def kind(self) -> str:
        """What the rows are."""
        return self.plan.settings.kind.value

    def read_input(self, watch: Watch) -> None:
        """Read all keys of the input."""
        plan, digester, seen = self.plan, self.ledger.digester(self.kind), 0

        def progress() -> ReadingProgress:
            return ReadingProgress(seen, plan.survey.rows, "rows", "Looking for keys that are gone")

        with watch.reading(progress):
            for chunk in plan.source.chunks():
                known, keys = read_all_owners(plan.mapper, chunk)
                self.counts["keyless"] += len(known) - len(keys) - len(chunk.no_data)
                self.keys.add(*digester.digest_keys(keys), keys)
                seen = chunk.rows.stop

    def frames(self) -> Iterator[pd.DataFrame]:
        """The keys that are gone, the first frame without one. At the end the ids are kept."""
        yield self._describe(Known.none(), NamedKeys.none(), np.empty(0, np.intp))
        digester, known = self.ledger.digester(self.kind), KnownOfLedger(self.ledger)
        with KeptIds(self.ledger.path, self.kind) as kept, IdsWriter(kept.path) as writer:
            self.new = not kept.kept
            for bucket in range(BUCKETS):
                there, mine = self.keys.read(bucket), self._choose(known.read(bucket))
                hits, places = find_named(there, mine.high, mine.low)
                missing = np.ones(len(mine), np.bool_)
                missing[hits] = False
                gone, earlier = mine.take(missing), kept.read(bucket, digester)
                named, names = find_named(earlier, gone.high, gone.low)
                found = earlier.take(names).gone_from(self.today)
                writer.write(NamedKeys.join(there.take(places), found))
                self.counts["gone"] += len(gone)
                self.counts["unnamed"] += len(gone) - len(named)
                if len(gone):
                    yield self._describe(gone, found, named)
            writer.finish()

    def result(self, target: Path) -> Gone:
        """What was found, and is listed in a file."""
        ids, counts = str(name_ids(self.ledger.path, self.kind)), self.counts
        return Gone(
            counts["gone"],
            counts["unnamed"],
            counts["keyless"],
            target=str(target),
            ids=ids,
            new=self.new,
        )

    def _choose(self, known: Known) -> Known:
        """The keys of the same kind of rows."""
        numbers = [load.number for load in self.ledger.loads.values() if load.kind == self.kind]
        return known.take(np.isin(known.load, numbers))

    def _describe(self, gone: Known, found: NamedKeys, named: Places) -> pd.DataFrame:
        """Rows of the list.

        Args:
            gone: the keys.
            found: the ids of some of them.
            named: which of them these are, by their places.
        """
        cells: list[list[str | None]] = [[None] * len(OWNERS) for _ in range(len(gone))]
        since = [format_day(self.today)] * len(gone)
        for place, key, day in zip(
            named.tolist(), found.keys.to_pylist(), found.gone_since.tolist(), strict=True
        ):
            cells[place] = split_owner(key)
            since[place] = format_day(day)
        loads = [self.ledger.loads[number] for number in gone.load.tolist()]
        own = {
            "state": [IN_DOUBT if doubtful else SENT for doubtful in gone.doubtful.tolist()],
            "load": [load.name for load in loads],
            "day": [load.day for load in loads],
            "gone_since": since,
            "key_digest": [
                format_digest(*halves) for halves in zip(gone.high.tolist(), gone.low.tolist(), strict=True)
            ],
        }
        ids = {name: [row[place] for row in cells] for place, name in enumerate(OWNERS)}
        columns = ids | {f"{OWN_COLUMNS}{name}": values for name, values in own.items()}
        return pd.DataFrame({name: pd.Series(values, dtype=_TEXT) for name, values in columns.items()})


def split_owner(key: bytes) -> list[str | None]:
    """The cells of a key under `OWNERS`."""
    text = key.decode()
    return [None, text.removeprefix(USER)] if text.startswith(USER) else [text, None]


def format_day(days: int) -> str:
    """A day, given in days since 1970."""
    return time.strftime("%Y-%m-%d", time.gmtime(days * _DAY))
