"""Prepare a load: a plan, and what speaks against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.errors import SourceEmpty
from loader.mapping.fields import refuse_application
from loader.planning.drawing_up import draw_up
from loader.planning.refusals import refuse_few_rows, refuse_ledger

if TYPE_CHECKING:
    from loader.journal import CheckpointView
    from loader.mapping import Mapping
    from loader.planning.drawing_up import FirstPass
    from loader.planning.plan import Plan
    from loader.progress import Watch
    from loader.settings import Settings


def prepare(
    settings: Settings,
    *,
    mapping: Mapping | None = None,
    watch: Watch | None = None,
    first_pass: FirstPass | None = None,
) -> Plan:
    """Read the whole input once, decide on the mapping, and refuse what cannot go well.

    Args:
        settings: what to load, how and where to.
        mapping: in place of a mapping file.
        watch: shows how far the reading is.
        first_pass: uses the rows while they are read; for a check.

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
        plan = draw_up(settings, checkpoint, known, watch=watch, whole=True, first_pass=first_pass)
    except SourceEmpty:
        refuse_few_rows(settings, 0)
        raise
    refuse_few_rows(settings, plan.survey.rows)
    refuse_ledger(plan, checkpoint)
    if checkpoint is None:
        return plan
    from loader.planning.resuming import resume  # noqa: PLC0415 - only if there is a checkpoint

    return resume(plan, checkpoint, mapping, watch)


def recall_mapping(settings: Settings, checkpoint: CheckpointView | None) -> Mapping | None:
    """The mapping of the checkpoint, if the load continues with more rows and no other one is given."""
    if checkpoint is None or not settings.options.grown or settings.mapping:
        return None
    from loader.mapping import parse_mapping  # noqa: PLC0415 - only if the input has grown

    return parse_mapping(checkpoint.identity.mapping, str(checkpoint.path))


def find_existing(settings: Settings) -> CheckpointView | None:
    """What earlier runs left, if they did anything."""
    if settings.checkpoint is None:
        return None
    from loader.journal import CheckpointView  # noqa: PLC0415 - a check has none

    checkpoint = CheckpointView.find(settings.checkpoint)
    return None if checkpoint is None or checkpoint.blank else checkpoint
