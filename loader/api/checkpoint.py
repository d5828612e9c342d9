"""Look at a checkpoint: what became of the rows so far, also while a load runs."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import pandas as pd

from loader.api import page, words
from loader.api.fates import build_failed, build_left_out, build_states
from loader.api.given import Given
from loader.api.mapping import Mapping
from loader.api.pace import build_pace
from loader.api.spelling import spell_in_python
from loader.api.verification import verify_given
from loader.journal import CheckpointView as Ledger
from loader.mapping import parse_mapping
from loader.model import State
from loader.reporting import write_report
from loader.text.escape import escape

if TYPE_CHECKING:
    import os
    from typing import Unpack

    from loader.api.given import LookUps, Source
    from loader.api.sandbox import Sandbox
    from loader.api.verification import ExportKeywords, Verification
    from loader.model import Account
    from loader.stores.address import Address


class Checkpoint:
    """What a checkpoint says at one instant; nothing in it is changed. Open it again for a later look.

    Args:
        path: the checkpoint.
        source: the input, if its rows are wanted and it is a table in memory or has moved.
        lookups: the tables in memory in which the mapping looks up cells: ``{"devices": frame}``, if it
            has such.

    Attributes:
        path: where it is.
        kind: "users", "events" or "tags".
        application: the application code.
        endpoint: where it was sent.
        running: whether a load holds it now.
        account: the counts by state, over all runs.
        mapping: the mapping of the load.

    Raises:
        CheckpointError: it is missing, foreign, newer or damaged.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        source: Source | None = None,
        *,
        lookups: LookUps | None = None,
    ) -> None:
        with spell_in_python():
            self._ledger = Ledger.open(Path(path))
            of = self._ledger.identity
            self._given = Given.again(source, lookups, [file.name for file in of.files])
        self.path = self._ledger.path
        self.kind = of.kind.value
        self.application = of.application
        self.endpoint = of.endpoint
        self.running = self._ledger.running
        self.account: Account = self._ledger.account()
        self.mapping = Mapping.of(parse_mapping(of.mapping, str(path)).beside(self._given.memory.lookups))

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        source: Source | None = None,
        *,
        lookups: LookUps | None = None,
    ) -> Checkpoint:
        """The same as `Checkpoint(path, source, lookups=lookups)`."""
        return cls(path, source, lookups=lookups)

    @cached_property
    @spell_in_python()
    def frame(self) -> pd.DataFrame:
        """What became of every row, as `LoadResult.frame`; of a running load some are "in_flight"."""
        return build_states(self._ledger, self._given)

    @cached_property
    def rejected(self) -> pd.DataFrame:
        """The rejected rows beside their source columns, as `LoadResult.rejected`.

        Of a table in memory that is not given here, only the reasons, under the row from 1.

        Raises:
            SourceError: the input cannot be read, or is not what was loaded.
        """
        with spell_in_python():
            return build_failed(self._ledger, self._given, State.REJECTED)

    @cached_property
    def in_doubt(self) -> pd.DataFrame:
        """The rows in doubt, as `rejected`.

        Raises:
            SourceError: the input cannot be read, or is not what was loaded.
        """
        with spell_in_python():
            return build_failed(self._ledger, self._given, State.IN_DOUBT)

    @cached_property
    def left_out(self) -> pd.DataFrame:
        """The rows that are no part of the load, each with its reason, as `rejected`.

        Raises:
            SourceError: the input cannot be read, or is not what was loaded.
        """
        with spell_in_python():
            return build_left_out(self._ledger, self._given)

    @property
    def runs(self) -> pd.DataFrame:
        """The runs, oldest first.

        Columns: ``started``, ``ended`` (UTC; missing if it runs or died), ``seconds``, ``attempts``
        (requests sent).
        """
        runs = self._ledger.runs
        return pd.DataFrame(
            {
                "started": pd.Series([_moment(run.started) for run in runs], dtype="datetime64[us, UTC]"),
                "ended": pd.Series([_moment(run.ended) for run in runs], dtype="datetime64[us, UTC]"),
                "seconds": [run.elapsed for run in runs],
                "attempts": [run.attempts for run in runs],
            }
        )

    @property
    def pace(self) -> pd.DataFrame:
        """How the runs went over time: a row for each stretch, of 0.2 s at first, longer later.

        Columns: ``run`` (from 1), ``until`` (UTC), ``seconds`` (its length), ``rows`` (settled in it),
        ``attempts`` (requests that ended), ``rows_per_second``, ``in_flight`` (requests on the wire, on the
        mean), ``window`` (how many could be), ``waiting`` (seconds in which nothing could be sent), and the
        times of answers in seconds: ``half`` of them came within, ``p90``, ``p99``; each within 10 %.
        """
        return build_pace(self._ledger)

    def verify(
        self,
        sandbox: Sandbox | Path | str | None = None,
        *,
        settle: bool = False,
        **export: Unpack[ExportKeywords],
    ) -> Verification:
        """Compare the load with what a sandbox's store holds, or an export, row by row: see `loader.verify`.

        Args:
            sandbox: the `Sandbox` that the rows were sent to, or the path of its store; without one,
                pushwoosh-sandbox.sqlite3 in this folder.
            settle: settle the rows in doubt by what was found.
            **export: ``landed``, ``landed_mapping`` and ``complete``, as of `loader.verify`.
        """
        return verify_given(self.path, sandbox, self._given, export, settle=settle)

    @overload
    def report(self, target: os.PathLike[str] | None = None, *, with_examples: bool = False) -> Path: ...
    @overload
    def report(self, target: str, *, with_examples: bool = False) -> Any: ...  # an Address if it is one
    def report(
        self, target: str | os.PathLike[str] | None = None, *, with_examples: bool = False
    ) -> Path | Address:
        """Write a report of the load as one HTML page, which needs no network.

        Args:
            target: where to write; by default beside the checkpoint, ``....report.html``.
            with_examples: quote a few rows for each reason. Without it, the page quotes no value of any row.

        Returns:
            Where it was written.

        Raises:
            ConfigError: it cannot be written there.
        """
        with spell_in_python():
            return write_report(
                self.path,
                target,
                files=self._given.files,
                memory=self._given.memory,
                with_examples=with_examples,
            )

    def _count_rows(self) -> str:
        return self._ledger.identity.kind.method.count(self.account.read)

    def __repr__(self) -> str:
        width = len(f"{self.account.read:,}")
        running = ", a load is running" if self.running else ""
        lines = [f"<Checkpoint {words.format_path(self.path)}: {self._count_rows()}{running}>"]
        lines += [f"  {name:<11}{number:>{width},}" for name, number in words.list_counts(self.account)]
        return escape("\n".join(lines), keep="\n")

    def _repr_html_(self) -> str:
        running = ", a load is running" if self.running else ""
        title = f"{self._count_rows()}{running}"
        place = page.note(f"Checkpoint: {words.say_place(self.path)}")
        return page.render_counts(title, words.list_counts(self.account)) + place


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
