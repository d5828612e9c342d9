"""What a check says of rows whose keys a ledger knows; nothing is written to the ledger."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from loader.known_keys.sifting import Sifter
from loader.ledger import Bound, Ledger
from loader.ledger.ledger import refuse_other
from loader.ledger.sending import Sending
from loader.profile.known import KnownRows
from loader.spill import explaining_disk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loader.ledger import Digests
    from loader.ledger.sending import KeyStates
    from loader.mapping import Mapped
    from loader.model import Chunk
    from loader.planning import Plan

_WHAT = "To compare rows with a ledger takes about 28 bytes for each row"


@contextmanager
def open_checked_keys(plan: Plan) -> Iterator[CheckedKeys | None]:
    """The keys of a check in its ledger, which a load may be writing to; None if there is none.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    path = plan.settings.options.ledger
    if path is None or not path.exists():
        yield None
        return
    with ExitStack() as opened:
        ledger = opened.enter_context(Ledger.read(path))
        with explaining_disk(_WHAT):
            folder = opened.enter_context(tempfile.TemporaryDirectory(prefix="pushwoosh-loader-"))
            # The rows before a row in the check are known too: in a ledger of their own, in bounded memory.
            seen = opened.enter_context(Ledger.open(Path(folder) / "seen", ledger.header.bound))
        yield CheckedKeys(plan, ledger, seen)


class CheckedKeys:
    """The keys of a check.

    Args:
        plan: of the check.
        ledger: open for reading.
        seen: a ledger for the keys of this input, which goes with the check.

    Attributes:
        rows: how many rows are new, and how many have changed.
    """

    def __init__(self, plan: Plan, ledger: Ledger, seen: Ledger) -> None:
        self._own = 1 + max(ledger.loads, default=0)
        self._seen = seen
        self._sending = Sending(ledger, self._own, last_wins=plan.settings.kind.method.last_wins)
        self._sifter = Sifter.of(plan.mapper, ledger, self._own, self._find)
        self.rows = KnownRows(str(ledger.path), len(ledger.loads))

    def sift(self, mapped: Mapped, chunk: Chunk) -> Mapped:
        """Leave out the rows that a load would leave out, and count the others."""
        sifted = self._sifter.sift(mapped, self._sifter.keys.read(mapped, chunk, [mapped.rows]))
        known = self._sending.find(sifted.digests).load > 0
        self.rows.changed += int(known.sum())
        self.rows.new += int((~known).sum())
        self._seen.add_sent(sifted.digests, self._own)
        if self._seen.due:
            self._seen.flush()
        self._seen.tidy()
        return sifted.mapped

    def _find(self, digests: Digests) -> KeyStates:
        """What is known: of an earlier row of this input, else of the ledger."""
        states, seen = self._sending.find(digests), self._seen.find(digests)
        known = seen.known
        states.load[known], states.body[known] = seen.load[known], seen.body[known]
        states.pending[known], states.ordinal[known] = False, -1
        return states


def choose_application(ledger: Path | None, given: str | None) -> str | None:
    """The application of the bodies that a check compares with a ledger: its own, which a load must have.

    Args:
        ledger: its file; there may be none yet.
        given: the application that the user gave.

    Raises:
        LedgerDiffers: the user gave another one.
        LedgerError: the ledger cannot be read.
    """
    if ledger is None or not ledger.exists():
        return given
    with Ledger.read(ledger) as found:
        bound = found.header.bound
    if given is not None:
        refuse_other(ledger, bound, Bound(given, bound.endpoint))
    return bound.application
