"""A comparison of loads with an export, in order: open it, find what both have, read both, compare."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import reduce
from typing import TYPE_CHECKING

from loader.errors import ConfigError
from loader.message import Message, Setting
from loader.settings import NOTHING_IN_MEMORY, InMemory
from loader.states import States
from loader.text.nouns import count_rows, is_or_are
from loader.verification.comparison import compare
from loader.verification.differences import Doubt
from loader.verification.expected import KEYS, Load
from loader.verification.exports.export import Export
from loader.verification.exports.landed_mapping import open_export
from loader.verification.exports.last_calls import Order, OrderReader, keep_standing
from loader.verification.exports.scope import choose_scope
from loader.verification.exports.shape import Keys, Shape
from loader.verification.verification import Part, Verification

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from loader.verification.differences import Findings
    from loader.verification.exports.landed_mapping import ExportRequest, OpenedExport
    from loader.verification.rows import LoadSide


def verify_export(
    checkpoints: Sequence[Path],
    request: ExportRequest,
    files: Sequence[str] = (),
    memory: InMemory = NOTHING_IN_MEMORY,
    *,
    now: datetime | None = None,
) -> Verification:
    """Compare loads of one kind with an export of what landed.

    Args:
        checkpoints: of the loads; all of them are in this export.
        request: the export.
        files: where the input is now, if it has moved; for one checkpoint.
        memory: the tables of the loads that are in memory; the input of one checkpoint.
        now: later times are not plausible in the export; None for the present.

    Raises:
        SourceError: a file cannot be read.
        ConfigError: the mapping does not fit the export, or the loads cannot be compared with one export.
        CheckpointError: a checkpoint cannot be read, or a load is running.
    """
    loads = [Load.open(path, files, memory) for path in checkpoints]
    refuse_together(loads)
    last = loads[-1]
    opened = open_export(
        request,
        last.plans[-1].mapper,
        application=last.ledger.identity.application,
        now=now or datetime.now(UTC),
    )
    export = Export(opened, find_shape(loads, opened), choose_scope(last.method), complete=request.complete)
    orders = [read_order(load, export) for load in loads]
    sides = [build_side(load, number, export, orders[number]) for number, load in enumerate(loads)]
    findings = compare(sides, export, whole=export.shape.whole)
    correct_doubts(findings, orders, complete=export.complete and not findings.totals.missing)
    return Verification(
        export.name,
        complete=export.complete,
        parts=(Part(tuple(loads), findings),),
        notes=(
            *list_notes(export, orders, said_complete=request.complete),
            *list_contradictions(export, findings),
        ),
        places=export.place,
    )


def refuse_together(loads: Sequence[Load]) -> None:
    """Refuse loads that one comparison with an export cannot tell apart.

    Raises:
        ConfigError: they are of several kinds; or of users or tags, and nobody knows which came last.
    """
    kinds = sorted({load.method.many for load in loads})
    if len(kinds) > 1:
        raise ConfigError(
            Message(
                "The checkpoints are of {kinds}, and {mapping} is for one kind. Verify them one by one.",
                kinds=" and ".join(kinds),
                mapping=Setting("landed_mapping"),
            )
        )
    if len(loads) > 1 and loads[0].method.last_wins:
        raise ConfigError(
            Message(
                "An export of {kind} holds only the last call for each {owner}, and the checkpoints do not "
                "say which of the loads was the last one. Verify that one alone.",
                kind=kinds[0],
                owner=loads[0].method.owner,
            )
        )


def find_shape(loads: Sequence[Load], opened: OpenedExport) -> Shape:
    """The keys that the loads and the export have."""
    keys = [Keys.of(plan.mapper.mapping) for load in loads for plan in load.plans]
    return Shape.of(loads[0].method, reduce(Keys.union, keys), Keys.of(opened.mapper.mapping))


def read_order(load: Load, export: Export) -> Order | None:
    """Read a load once, so that the export knows what belongs to it; which of its rows still stand.

    None for events, because each of them stands.
    """
    order = OrderReader(merges=load.method.merges) if load.method.last_wins else None
    for plan in load.plans:
        states = States(load.ledger)
        is_last = plan is load.plans[-1]
        for chunk in plan.source.chunks():
            mapped = plan.mapper.map(chunk)
            export.learn(mapped)
            if order is not None and is_last:
                order.see(mapped, states.of(mapped.rows))
    return order.read() if order is not None else None


def build_side(load: Load, number: int, export: Export, order: Order | None) -> LoadSide:
    """A load, in the form of the export."""
    write, fields = export.shape.write, export.shape.fields
    keys = tuple(name for name in KEYS[load.method.name] if name in fields)
    if order is not None:
        side = load.build_side(number, 0, keys=keys)
        return keep_standing(side, order, load.method.container, write)
    return load.build_side(number, 0, reform=lambda bodies: list(map(write, bodies)), keys=keys)


def correct_doubts(findings: Findings, orders: Sequence[Order | None], *, complete: bool) -> None:
    """Leave open what the export cannot answer.

    Args:
        findings: what was found.
        orders: which rows of each load still stand.
        complete: whether a row that is not in the export certainly did not land. An export that lacks
            confirmed rows is not complete, or its rows were altered, whatever the user says.
    """
    for doubts, order in zip(findings.doubts, orders, strict=True):
        # Confirmed rows that may have been replaced were looked for like rows in doubt, and are none.
        for ordinal in order.open.tolist() if order is not None else ():
            found = doubts.pop(ordinal, None)
            findings.totals.doubts_found -= found is Doubt.LANDED
            findings.totals.doubts_not_found -= found is Doubt.DROPPED
        if not complete:
            doubts |= {at: Doubt.UNCLEAR for at, doubt in doubts.items() if doubt is Doubt.DROPPED}


def list_contradictions(export: Export, findings: Findings) -> Iterator[str]:
    """Why an export that is said to be complete settles no row as not landed."""
    missing, lacking = findings.totals.missing, findings.totals.doubts_not_found
    if export.complete and missing and lacking:
        yield (
            f"{count_rows(missing)} of the load {is_or_are(missing)} confirmed and missing, so the export "
            "does not hold everything, or holds it with other values. The rows in doubt that are not in it "
            "stay in doubt."
        )


def list_notes(export: Export, orders: Sequence[Order | None], *, said_complete: bool) -> Iterator[str]:
    """What was compared, and what was not, a sentence or two each."""
    yield export.shape.describe()
    replaced = sum(order.replaced for order in orders if order is not None)
    if replaced:
        yield f"{count_rows(replaced)} of the load: not looked for, because a later row took their place."
    left = export.left
    if left.outside:
        why = export.describe_scope()
        yield f"{count_rows(left.outside)} of the export: outside this load, because {why}."
    if left.unmapped:
        yield (
            f"{count_rows(left.unmapped)} of the export: cannot be mapped, so the export is not complete, "
            "and a missing row may be one of them:"
        )
        yield from (f"  {reject.message}" for reject in left.rejects)
        hidden = left.unmapped - len(left.rejects)
        if hidden:
            yield f"  … and {hidden:,} more"
    elif not said_complete:
        yield (
            "Whether the export is complete, only you know: a missing row may be outside it. If it holds "
            "everything of this load, give --complete."
        )
