"""`verify` from Python: what landed, compared with what checkpoints say."""

from __future__ import annotations

from dataclasses import asdict
from functools import cached_property
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, TypedDict

import pandas as pd

from loader.api import page
from loader.api.given import Given, list_checkpoints
from loader.api.mapping import Mapping
from loader.api.sandbox import Sandbox
from loader.api.spelling import spell_in_python
from loader.errors import ConfigError
from loader.journal import CheckpointView
from loader.text.escape import escape
from loader.text.nouns import count_rows, count_things
from loader.verification import settling
from loader.verification.differences import Sign
from loader.verification.exports.export_comparison import verify_export
from loader.verification.exports.landed_mapping import ExportRequest
from loader.verification.listing import list_frames
from loader.verification.verification import find_store, verify_store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from loader.api.given import LookUps, Path, Source
    from loader.verification.verification import Verification as Found

NAMES = {
    Sign.SAME: "same",
    Sign.MISSING: "missing",
    Sign.EXTRA: "extra",
    Sign.DIFFERENT: "different",
    Sign.DOUBLED: "doubled",
}


class ExportKeywords(TypedDict, total=False):
    """An export of what landed, as it is given in Python."""

    landed: Source | None
    landed_mapping: Mapping | Path | None
    complete: bool


def verify(
    checkpoints: Path | Sequence[Path],
    sandbox: Sandbox | Path | None = None,
    *,
    source: Source | None = None,
    lookups: LookUps | None = None,
    settle: bool = False,
    **export: Unpack[ExportKeywords],
) -> Verification:
    """Compare what loads say with what the store of a sandbox holds, row by row. Nothing is sent.

    The rows are mapped again from their input, and each body is compared, key for key, with what was stored:
    a confirmed row must be there once, a row in doubt at most once, any other row not. Of users and tags,
    what is stored in the end is compared too. With `landed`, they are compared with an export of what landed
    instead, by the keys that both have (docs/reference/verify-landed.md).

    Args:
        checkpoints: one checkpoint, such as `LoadResult.checkpoint`, or several that share a store.
        sandbox: the `Sandbox` that the rows were sent to, or the path of its store; without one,
            pushwoosh-sandbox.sqlite3 in this folder.
        source: the input of one checkpoint, if it is a table in memory or has moved.
        lookups: the tables in memory in which the mapping looks up cells: ``{"devices": frame}``.
        settle: settle the rows in doubt: those that were found count as confirmed, those that were not are
            given back, and the next load sends them. Rows that stay unclear stay in doubt.
        **export: ``landed``: paths of an export of what landed, or a table in memory. ``landed_mapping``: its
            `Mapping`, or the path of a mapping file; without one, the load's own. ``complete``: the export
            holds everything of these loads that landed; only then is a row in doubt that is not in it settled
            as not landed.

    Returns:
        What was found. Each checkpoint keeps a note of it, for the report.

    Raises:
        ConfigError: the store cannot be read, or is not the one that a load was sent to; or `settle` is set,
            and the store has none of the confirmed rows.
        CheckpointError, SourceError: a checkpoint or its input cannot be read, or a load is running with it.
    """
    with spell_in_python():
        paths = list_checkpoints(checkpoints)
        given = Given.again(source, lookups)
        return _verify(paths, sandbox, given, export, settle=settle)


def verify_given(
    checkpoint: FilePath,
    sandbox: Sandbox | Path | None,
    given: Given,
    export: ExportKeywords,
    *,
    settle: bool,
) -> Verification:
    """Verify one load whose input is known."""
    with spell_in_python():
        return _verify([checkpoint], sandbox, given, export, settle=settle)


def _verify(
    paths: list[FilePath],
    sandbox: Sandbox | Path | None,
    given: Given,
    export: ExportKeywords,
    *,
    settle: bool,
) -> Verification:
    place = sandbox.store if isinstance(sandbox, Sandbox) else sandbox
    request = read_export(export, paths[0], has_store=place is not None)
    if request is not None:
        found = verify_export(paths, request, given.files, given.memory)
    else:
        store = find_store(paths, None if place is None else FilePath(place))
        found = verify_store(paths, store, given.files, given.memory)
    settled = settling.settle(found) if settle else []
    if not settle:
        settling.note(found)
    return Verification(found, {load.name: each for load, each in settled}, keep=sandbox)


def read_export(export: ExportKeywords, checkpoint: FilePath, *, has_store: bool) -> ExportRequest | None:
    """The export that the keywords name, or None.

    Raises:
        ConfigError: they contradict each other.
        MappingError: the mapping cannot be read, or is for another kind.
    """
    refuse_unknown_keywords(export)
    landed, mapping = export.get("landed"), export.get("landed_mapping")
    if landed is None:
        for name in ("landed_mapping", "complete"):
            if export.get(name):
                raise ConfigError(f"{name} goes with landed.")
        return None
    if has_store:
        raise ConfigError("sandbox and landed are two sources. Give one of them.")
    given = Given.of(landed)
    kind = CheckpointView.open(checkpoint).identity.kind
    rules = None if mapping is None else Mapping.taken(mapping, kind).rules
    complete = bool(export.get("complete"))
    return ExportRequest(given.files, mapping=rules, table=given.table, complete=complete)


def refuse_unknown_keywords(export: ExportKeywords) -> None:
    """Refuse a keyword that is none of an export, as Python refuses one of a function.

    Raises:
        TypeError: there is one.
    """
    for name in export.keys() - ExportKeywords.__annotations__.keys():
        raise TypeError(f"verify() got an unexpected keyword argument {name!r}")


class Verification:
    """What a verification found.

    Attributes:
        landed: what the loads were compared with.
        ok: there is not a difference. A row in doubt is not one, whether it was found or not.
        totals: how many rows are what: ``expected`` (confirmed), ``landed``, ``same``, ``missing``,
            ``extra``, ``different``, ``doubled``, ``doubts_found``, ``doubts_not_found``, ``repeated`` (calls
            that were sent again and changed nothing), ``differences``.
        notes: with an export, what was compared and what was not.
        settled: by checkpoint, how many rows in doubt were ``landed``, ``dropped`` or stayed ``unclear``;
            empty if they were only looked at.
    """

    def __init__(self, found: Found, settled: dict[str, settling.Settled], *, keep: object = None) -> None:
        self.landed = found.landed
        self.ok = found.ok
        self.notes = list(found.notes)
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
        ``_loader_row``, ``_loader_state``, ``_loader_number`` (of the call in the store, or the place in an
        export), ``_loader_keys``,
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
        settled = [
            f"{name}: {each['landed']:,} now confirmed, {each['dropped']:,} given back, {each['unclear']:,} "
            "still in doubt."
            for name, each in self.settled.items()
        ]
        return [*self.notes, *settled]

    def __repr__(self) -> str:
        counts = self._list_counts()
        width = max(len(f"{number:,}") for _, number in counts)
        lines = [f"<Verification: {self._title()}>"]
        lines += [f"  {name:<19} {number:>{width},}" for name, number in counts]
        return escape("\n".join([*lines, *self._list_notes()]), keep="\n")

    def _repr_html_(self) -> str:
        notes = map(page.note, self._list_notes())
        return "".join([page.render_counts(self._title(), self._list_counts()), *notes])
