"""A load whose checkpoint exists: continued if it is still the same load, else refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from loader.journal import GrownFrom, list_changes
from loader.message import Message, Setting
from loader.planning.drawing_up import draw_up
from loader.planning.growing import prove_growth, refuse_growth, refuse_later_repeats
from loader.planning.plan import build_identity

if TYPE_CHECKING:
    from loader.journal import CheckpointView, Identity
    from loader.mapping import Mapping
    from loader.planning.plan import Plan
    from loader.progress import Watch
    from loader.settings import Settings


def resume(plan: Plan, checkpoint: CheckpointView, mapping: Mapping | None, watch: Watch | None) -> Plan:
    """The plan with what earlier runs left.

    Args:
        plan: of the input as it is now.
        checkpoint: of the load.
        mapping: the one that was given in place of a mapping file.
        watch: shows how far another reading is, if there has to be one.

    Raises:
        SourceError, MappingError, CheckpointError: nothing was sent.
    """
    settings = plan.settings
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
