"""An input that has grown since its checkpoint was made: continued if the user says so, else refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.errors import CheckpointDiffers
from loader.growth import Growth, find_growth
from loader.message import Message, Setting
from loader.model import State
from loader.repeats import list_replaced
from loader.states import ORDER, States

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.journal import CheckpointView
    from loader.planning.plan import Plan

SHOWN = 3  # at most this many added rows are named in an error
_SENT = {ORDER.index(State.CONFIRMED), ORDER.index(State.IN_DOUBT)}


def prove_growth(plan: Plan, checkpoint: CheckpointView) -> Growth | None:
    """What was added to the input since; None if it is the same, or another one.

    Raises:
        CheckpointDiffers: nobody can know.
    """
    found = find_growth(plan.source, checkpoint.identity.files)
    if isinstance(found, Message):
        raise CheckpointDiffers(
            Message(
                "The input of {path} has changed, and it cannot be continued with what may have been added: "
                "{why} Nothing was sent. Restore the input as it was, and load the added rows as a file of "
                "their own.",
                path=checkpoint.path,
                why=found,
            )
        )
    return found


def refuse_later_repeats(plan: Plan, checkpoint: CheckpointView) -> bool:
    """Refuse added rows that would go in place of one that was sent: of rows with one key the last goes.

    Returns:
        Whether added rows may go in place of earlier ones that were not sent.

    Raises:
        CheckpointDiffers: there is such a row. Its key would go twice.
    """
    unique, repeats = plan.mapper.mapping.unique, plan.mapper.repeats
    if unique is None or unique.keep != "last" or repeats is None:
        return False
    states, loaded = States(checkpoint), checkpoint.identity.rows
    replaced = [
        (row, other)
        for rows, others in list_replaced(repeats, loaded)
        for row, other in zip(rows.tolist(), others.tolist(), strict=True)
        if states.of(range(row, row + 1))[0] in _SENT
    ]
    if replaced:
        raise explain_later_repeats(plan, checkpoint, replaced)
    return True


def explain_later_repeats(
    plan: Plan, checkpoint: CheckpointView, replaced: Sequence[tuple[int, int]]
) -> CheckpointDiffers:
    """Say which added rows have the keys of rows that were sent."""
    place = plan.survey.place
    shown = [f"{place(other)} has the key of {place(row)}" for row, other in replaced[:SHOWN]]
    return CheckpointDiffers(
        Message(
            "The input of {path} has grown, and of rows with one key its mapping sends the last "
            '(unique_keep = "last"). {count} of the added rows would go in place of rows that were sent '
            "before: {shown}{more}. Nothing was sent. Load the added rows as a file of their own. To leave "
            "out those whose key was sent, take this load over into a ledger first (ledger import), and give "
            "that with {ledger}.",
            path=checkpoint.path,
            count=f"{len(replaced):,}",
            shown="; ".join(shown),
            more="; …" if len(replaced) > SHOWN else "",
            ledger=Setting("ledger"),
        )
    )


def refuse_growth(plan: Plan, checkpoint: CheckpointView) -> None:
    """Refuse an input that has grown, if nobody said that this is meant.

    Raises:
        CheckpointDiffers: it has grown.
    """
    found = find_growth(plan.source, checkpoint.identity.files)
    if isinstance(found, Growth):
        raise CheckpointDiffers(
            Message(
                "The input of {path} has grown since: it has {words}. All that was loaded before is "
                "unchanged. Nothing was sent. To continue with the added rows, give {grown}.",
                path=checkpoint.path,
                words=found.words,
                grown=Setting("grown"),
            )
        )
