"""Rejected rows that are sent again, after the data or the mapping were fixed.

plan = prepare_retry(...)      rejected rows and rows given back, mapped again
retry(plan, ...)               sends them, and only them
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from loader.doubts import find_overtaken
from loader.errors import ConfigError, SourceError
from loader.failures import refuse_missing_table, suggest_moved
from loader.fixed_rows import read_fixed_rows
from loader.journal import CheckpointView, collect_ranges
from loader.mapping import parse_mapping, write_mapping
from loader.model import Decision, Phase, State
from loader.pipeline import load, refuse_overtaken
from loader.planning import build_identity, draw_up
from loader.repeats import find_repeats
from loader.sources import FixedRows, FixedSource

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from loader.delivery import Brake, Session
    from loader.fixed_rows import Fixed, FixedInput
    from loader.journal import ExceptionRow, Journal
    from loader.mapping import Mapping
    from loader.model import Result
    from loader.planning import Plan
    from loader.progress import Watch
    from loader.settings import Settings


def prepare_retry(
    settings: Settings,
    *,
    mapping: Mapping | None = None,
    fixed: FixedInput | None = None,
    watch: Watch | None = None,
) -> Plan:
    """Plan to send a checkpoint's rejected rows again, with its own mapping or a fixed one.

    Args:
        settings: what is requested.
        mapping: the fixed mapping, in place of a mapping file.
        fixed: rows with cells that the user fixed; then these are sent, and no other rejected rows.
        watch: shows how far the reading is.

    Raises:
        SourceError, MappingError, ConfigError, CheckpointError: nothing was sent.
    """
    if settings.checkpoint is None:
        raise ConfigError("A retry needs a checkpoint file.")
    ledger = CheckpointView.open(settings.checkpoint)
    stored = ledger.identity.mapping
    refuse_missing_table(ledger, settings.files, settings.memory)
    with suggest_moved(settings.files):
        plan = draw_up(settings, ledger, mapping or parse_mapping(stored, str(ledger.path)), watch=watch)
    changed = stored if write_mapping(plan.mapper.mapping) != stored else None
    if changed:
        refuse_other_rows(plan, ledger, parse_mapping(stored, str(ledger.path)))
        refuse_other_devices(plan, ledger, parse_mapping(stored, str(ledger.path)))
    plan = replace(plan, changed_mapping=changed)
    ledger.refuse_other(build_identity(plan))
    return plan if fixed is None else use_fixed_rows(plan, ledger, fixed, watch)


def use_fixed_rows(plan: Plan, ledger: CheckpointView, given: FixedInput, watch: Watch | None = None) -> Plan:
    """The plan with the cells of rows that the user fixed.

    Raises:
        SourceError: a row of the file is not one that the load rejected, or a cell does not fit, or it has
            the key of another row now.
    """
    stored = FixedRows.unpack(ledger.fixed)
    fixed = read_fixed_rows(given, plan.source, ledger, stored)
    source = FixedSource(plan.source, fixed.rows)
    plan = replace(plan, source=source, fixed=fixed)
    refuse_known_keys(plan, fixed, watch)
    return plan


def refuse_known_keys(plan: Plan, fixed: Fixed, watch: Watch | None = None) -> None:
    """Refuse rows that were fixed to the key of another row of the load: that key would go twice.

    Raises:
        SourceError: there is one.
    """
    # The mapper leaves out the repeats that are known: what it still finds is due to the fixed cells.
    found = find_repeats(plan.source, plan.mapper, plan.survey.rows, watch)
    if not found or not (meant := set(fixed.rows.ordinals.tolist())):
        return
    repeats, originals = (each.tolist() for each in found.within(range(plan.survey.rows)))
    for pair in zip(repeats, originals, strict=True):
        if row := [ordinal for ordinal in pair if ordinal in meant]:
            (other,) = {*pair} - {row[0]}
            raise SourceError(
                f"{fixed.name}: {plan.survey.place(row[0])} repeats {plan.survey.place(other)} with its new "
                "cells, and the mapping sends each key once (unique). Nothing was sent. Remove this row from "
                f"{fixed.name}, or correct its key."
            )


def refuse_other_rows(plan: Plan, ledger: CheckpointView, stored: Mapping) -> None:
    """Refuse a mapping that selects other rows: what was sent and what was left out would not fit it.

    A field may begin to leave out what is not in its values, because until then such rows were rejected.

    Raises:
        ConfigError: the fixed mapping selects other rows.
    """
    moved = list_moved(stored, plan.mapper.mapping)
    if moved:
        what = " and ".join(moved)
        raise ConfigError(
            f"{plan.settings.mapping or 'The mapping'} differs in {what} from the mapping with which "
            f"{ledger.path} was loaded so far, so other rows would be part of the load. Nothing was sent. "
            f"Keep {what} as before. Rows that were left out can be loaded as a separate file."
        )


def list_moved(stored: Mapping, now: Mapping) -> list[str]:
    """The parts of a mapping that select rows and have changed."""
    found = []
    if now.rows != stored.rows:
        found.append("[rows]")
    if now.unique != stored.unique:
        found.append("unique")
    if now.key != stored.key:
        found.append("key")
    found += [
        name
        for name, rule in stored.fields.items()
        if rule.unlisted != "reject" and now.fields.get(name) != rule
    ]
    if stored.unique is not None and not found:
        if not stored.unique.columns:
            found.append("what is sent of a row, by which it is unique,")
        elif list_unlisted(now) != list_unlisted(stored):
            found.append("unlisted")
        elif now.source.null_values != stored.source.null_values:
            found.append("null_values")
    return found


def list_unlisted(mapping: Mapping) -> list[str]:
    """The fields that leave out what is not in their values."""
    return [name for name, rule in mapping.fields.items() if rule.unlisted != "reject"]


def refuse_other_devices(plan: Plan, ledger: CheckpointView, stored: Mapping) -> None:
    """Refuse a mapping that takes devices or users from elsewhere, if rows were sent and the last one wins.

    Which row of a device is the newest at the vendor is known only while devices stay the same.

    Raises:
        ConfigError: the fixed mapping takes an id that keeps the order from elsewhere.
    """
    method, account = ledger.identity.kind.method, ledger.account()
    now = plan.mapper.mapping.fields
    moved = [name for name in method.order_key if stored.fields.get(name) != now.get(name)]
    if method.last_wins and moved and account.confirmed + account.in_doubt:
        ids, was = " and ".join(moved), "it was" if len(moved) == 1 else "they were"
        raise ConfigError(
            f"{plan.settings.mapping or 'The mapping'} takes {ids} from other columns than the mapping with "
            f"which {ledger.path} was loaded so far. Then the order of the rows of a {method.owner} could "
            f"not be kept, and an older row could undo a newer one. Nothing was sent. Keep {ids} as {was} in "
            f"that mapping. Rejected rows whose {method.owner} is in no other row can be loaded as a "
            "separate file."
        )


def count_rows(checkpoint: Path, phases: Collection[Phase], fixed: Fixed | None = None) -> int:
    """Count the rows that a retry would send: the rejected rows that are meant, and those given back."""
    ledger = CheckpointView.open(checkpoint)
    return len(read_rejected(ledger, phases, fixed)) + len(ledger.given_back)


def read_rejected(
    ledger: CheckpointView, phases: Collection[Phase], fixed: Fixed | None = None
) -> list[ExceptionRow]:
    """Read the rejected rows, by who rejected them; of rows that the user fixed, only these."""
    rejected = ledger.exceptions(State.REJECTED)
    if fixed is None:
        return [row for row in rejected if row.phase in phases]
    meant = set(fixed.rows.ordinals.tolist())
    return [row for row in rejected if row.ordinal in meant]


def retry(
    plan: Plan, phases: Collection[Phase], *, brake: Brake, watch: Watch, session: Session | None = None
) -> Result:
    """Send rejected rows again, and rows that `resolve` gave back. No other rows are sent.

    After a crash in the middle, the same call continues: rows that were given back and not yet sent stay so.

    A row that would undo a later one stays rejected, and that is its reason from then on.

    Raises:
        CheckpointError: as `load`.
    """

    def choose(journal: Journal) -> Iterator[range]:
        if plan.changed_mapping is not None:
            journal.remap(write_mapping(plan.mapper.mapping))
        ledger = CheckpointView.open(journal.path)
        rows = read_rejected(ledger, phases, plan.fixed)
        wanted = {row.ordinal for row in rows} | set(journal.given_back)
        doubts = {row.ordinal for row in ledger.exceptions(State.IN_DOUBT)}
        overtaken = find_overtaken(plan.source, plan.mapper, journal, wanted, doubts)
        # Those that were overtaken before stay as they are. The others get their new reason.
        known = {row.ordinal for row in rows if row.phase is Phase.OVERTAKEN} & overtaken.later.keys()
        decided = [row for row in rows if row.ordinal not in known]
        if plan.fixed is None:
            journal.decide(Decision.RETRY, decided)
        else:
            journal.decide(Decision.RETRY, decided, plan.fixed.name, fixed=plan.fixed.pack(wanted))
        refuse_overtaken(plan, journal, overtaken.only(overtaken.later.keys() - known))
        return collect_ranges(journal.given_back)

    return load(plan, brake=brake, watch=watch, choose=choose, session=session)
