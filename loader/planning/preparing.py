"""Prepare a load: a plan, and what speaks against it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from loader.errors import SourceEmpty
from loader.journal import CheckpointView, GrownFrom, Identity, list_changes
from loader.mapping import parse_mapping
from loader.mapping.fields import refuse_application
from loader.message import Message, Setting
from loader.planning.drawing_up import draw_up
from loader.planning.growing import prove_growth, refuse_growth, refuse_later_repeats
from loader.planning.plan import Plan, build_identity
from loader.planning.refusals import refuse_few_rows, refuse_ledger

if TYPE_CHECKING:
    from loader.mapping import Mapping
    from loader.progress import Watch
    from loader.settings import Settings


def prepare(settings: Settings, *, mapping: Mapping | None = None, watch: Watch | None = None) -> Plan:
    """Read the whole input once, decide on the mapping, and refuse what cannot go well.

    Args:
        settings: what to load, how and where to.
        mapping: in place of a mapping file.
        watch: shows how far the reading is.

    Raises:
        SourceError, MappingError, ConfigError, CheckpointError: nothing was sent.
    """
    refuse_application(settings.application, "Check {application} or PUSHWOOSH_APPLICATION.")
    checkpoint = find_existing(settings)
    if checkpoint:
        checkpoint.refuse_other_kind(settings.kind)
        if checkpoint.may_go_elsewhere(settings.application, settings.endpoint.name):
            checkpoint = None
    try:
        known = mapping or recall_mapping(settings, checkpoint)
        plan = draw_up(settings, checkpoint, known, watch=watch, whole=True)
    except SourceEmpty:
        refuse_few_rows(settings, 0)
        raise
    refuse_few_rows(settings, plan.survey.rows)
    refuse_ledger(plan, checkpoint)
    if checkpoint is None:
        return plan
    wanted = build_identity(plan)
    if settings.options.grown and prove_growth(plan, checkpoint):
        later_goes = refuse_later_repeats(plan, checkpoint)
        checkpoint.refuse_other(wanted, grown=True)
        grown_from = GrownFrom(checkpoint.identity, checkpoint.commits if later_goes else None)
        return replace(plan, earlier=checkpoint.grow(wanted), grown_from=grown_from)
    if replaces(settings, checkpoint, wanted):
        checkpoint.refuse_unusable()
        # Without the checkpoint: what it knows of the input and of its beginning is of the earlier rehearsal.
        again = draw_up(settings, None, mapping, watch=watch)
        return replace(again, begins_again=explain_beginning(checkpoint.identity, wanted))
    refuse_growth(plan, checkpoint)
    checkpoint.refuse_other(wanted)
    return plan


def recall_mapping(settings: Settings, checkpoint: CheckpointView | None) -> Mapping | None:
    """The mapping of the checkpoint, if the load continues with more rows and no other one is given."""
    if checkpoint is None or not settings.options.grown or settings.mapping:
        return None
    return parse_mapping(checkpoint.identity.mapping, str(checkpoint.path))


def find_existing(settings: Settings) -> CheckpointView | None:
    """What earlier runs left, if they did anything."""
    checkpoint = CheckpointView.find(settings.checkpoint) if settings.checkpoint else None
    return None if checkpoint is None or checkpoint.blank else checkpoint


def replaces(settings: Settings, checkpoint: CheckpointView, wanted: Identity) -> bool:
    """Whether a rehearsal takes the place of another one: the user has changed what is rehearsed."""
    rehearsal = settings.rehearsal
    return rehearsal is not None and not rehearsal.keep and checkpoint.is_replaceable(wanted)


def explain_beginning(stored: Identity, wanted: Identity) -> Message:
    """Say that a rehearsal begins again, and why."""
    return Message(
        "This rehearsal begins again, and the sandbox forgets what it holds of the one before. {changes} "
        "To have this refused, give {keep}.",
        keep=Setting("keep"),
        changes=" ".join(list_changes(stored, wanted)),
    )
