"""`verify` from Python: what landed, compared with what checkpoints say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

import pandas as pd

from loader.api import page
from loader.api.given import Given
from loader.api.sandbox import Sandbox
from loader.api.spelling import spell_in_python
from loader.text.escape import escape
from loader.text.nouns import count_rows, count_things
from loader.verification import settling
from loader.verification.differences import Sign
from loader.verification.listing import list_frames
from loader.verification.verification import find_store, verify_store

if TYPE_CHECKING:
    from loader.api.given import Path, Source
    from loader.verification.verification import Verification as Found

NAMES = {
    Sign.SAME: "same",
    Sign.MISSING: "missing",
    Sign.EXTRA: "extra",
    Sign.DIFFERENT: "different",
    Sign.DOUBLED: "doubled",
}


def verify(
    checkpoints: Path | Sequence[Path],
    sandbox: Sandbox | Path | None = None,
    *,
    source: Source | None = None,
    settle: bool = False,
) -> Verification:
    """Compare what loads say with what the store of a sandbox holds, row by row. Nothing is sent.

    The rows are mapped again from their input, and each body is compared, key for key, with what was stored:
    a confirmed row must be there once, a row in doubt at most once, any other row not. Of users and tags,
    what is stored in the end is compared too.

    Args:
        checkpoints: one checkpoint, such as `LoadResult.checkpoint`, or several that share a store.
        sandbox: the `Sandbox` that the rows were sent to, or the path of its store; without one,
            pushwoosh-sandbox.sqlite3 in this folder.
        source: the input of one checkpoint, if it is a table in memory or has moved.
        settle: settle the rows in doubt: those that were found count as confirmed, those that were not are
            given back, and the next load sends them. Rows that stay unclear stay in doubt.

    Returns:
        What was found. Each checkpoint keeps a note of it, for the report.

    Raises:
        ConfigError: the store cannot be read, or is not the one that a load was sent to; or `settle` is set,
            and the store has none of the confirmed rows.
        CheckpointError, SourceError: a checkpoint or its input cannot be read, or a load is running with it.
    """
    with spell_in_python():
        several = isinstance(checkpoints, Sequence) and not isinstance(checkpoints, str)
        paths = [FilePath(path) for path in checkpoints] if several else [FilePath(checkpoints)]  # type: ignore[union-attr, arg-type] # as `several` says
        given = Given(()) if source is None else Given.of(source)
        return _verify(paths, sandbox, given, settle=settle)


def verify_given(
    checkpoint: FilePath, sandbox: Sandbox | Path | None, given: Given, *, settle: bool
) -> Verification:
    """Verify one load whose input is known."""
    with spell_in_python():
        return _verify([checkpoint], sandbox, given, settle=settle)


def _verify(
    paths: list[FilePath], sandbox: Sandbox | Path | None, given: Given, *, settle: bool
) -> Verification:
    place = sandbox.store if isinstance(sandbox, Sandbox) else sandbox
    store = find_store(paths, None if place is None else FilePath(place))
    found = verify_store(paths, store, given.files, given.table)
    settled = dict(settling.settle(found)) if settle else {}
    if not settle:
        settling.note(found)
    return Verification(found, {load.name: each for load, each in settled.items()}, keep=sandbox)


class Verification:
    """What a verification found.

    Attributes:
        landed: what the loads were compared with.
        ok: there is not a difference. A row in doubt is not one, whether it was found or not.
        totals: how many rows are what: ``expected`` (confirmed), ``landed``, ``same``, ``missing``,
            ``extra``, ``different``, ``doubled``, ``doubts_found``, ``doubts_not_found``, ``repeated`` (calls
            that were sent again and changed nothing), ``differences``.
        settled: by checkpoint, how many rows in doubt were ``landed``, ``dropped`` or stayed ``unclear``;
            empty if they were only looked at.
    """

    def __init__(self, found: Found, settled: dict[str, settling.Settled], *, keep: object = None) -> None:
        self.landed = found.landed
        self.ok = found.ok
        totals = found.totals
        self.totals: dict[str, int] = asdict(totals) | {"differences": totals.differences}
        self.settled = {name: asdict(each) for name, each in settled.items()}
        self._found = found
        self._keep = keep  # a sandbox whose folder goes when nobody needs it

    @cached_property
    @spell_in_python()
    def differences(self) -> pd.DataFrame:
        """The rows that differ: their source columns, then the loader's, as ``verify --diff`` writes them.

        The loader's columns: ``_loader_sign`` (``-`` missing, ``+`` extra, ``*`` different, ``2`` doubled),
        ``_loader_compared`` (``call`` or ``stored``), ``_loader_checkpoint``, ``_loader_file``,
        ``_loader_row``, ``_loader_state``, ``_loader_number`` (of the call in the store), ``_loader_keys``,
        ``_loader_expected`` and ``_loader_landed`` (the keys that differ with their values, as JSON). They
        are read when they are first asked for.
        """
        return pd.concat(list(list_frames(self._found)), ignore_index=True)

    def _list_counts(self) -> list[tuple[str, int]]:
        counts = [(f"{sign.value} {name}", self.totals[name]) for sign, name in NAMES.items()]
        if self.totals["doubts_found"] or self.totals["doubts_not_found"]:
            counts += [
                ("in doubt, found", self.totals["doubts_found"]),
                ("in doubt, not found", self.totals["doubts_not_found"]),
            ]
        return counts

    def _title(self) -> str:
        differences = count_things(self.totals["differences"], "difference")
        return f"{count_rows(self.totals['expected'])} confirmed, {differences} in {self.landed}"

    def _list_notes(self) -> list[str]:
        return [
            f"{name}: {each['landed']:,} now confirmed, {each['dropped']:,} given back, {each['unclear']:,} "
            "still in doubt."
            for name, each in self.settled.items()
        ]

    def __repr__(self) -> str:
        counts = self._list_counts()
        width = max(len(f"{number:,}") for _, number in counts)
        lines = [f"<Verification: {self._title()}>"]
        lines += [f"  {name:<19} {number:>{width},}" for name, number in counts]
        return escape("\n".join([*lines, *self._list_notes()]), keep="\n")

    def _repr_html_(self) -> str:
        notes = map(page.note, self._list_notes())
        return "".join([page.render_counts(self._title(), self._list_counts()), *notes])
