"""A load that sends a few rows first: which, what became of them, and whether the rest follows."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from loader.cli import speech, summary
from loader.errors import CheckpointError
from loader.model import State

if TYPE_CHECKING:
    from loader.canary import Answered, Canary
    from loader.cli.options import OutputOptions
    from loader.planning import Plan
    from loader.progress import Watch


@dataclass(frozen=True, slots=True)
class FirstRows:
    """The rows that a load sends first.

    Attributes:
        whole: the plan of the whole load.
        plan: the plan of these rows alone.
        canary: which rows they are, and why.
    """

    whole: Plan
    plan: Plan
    canary: Canary

    @classmethod
    def choose(cls, whole: Plan, watch: Watch) -> FirstRows | None:
        """Choose them, if the load asks for them.

        Raises:
            SourceError: the input is damaged.
        """
        rows = whole.settings.options.canary
        if rows is None:
            return None
        from loader.canary import choose_canary  # noqa: PLC0415 - only if it is requested

        canary = choose_canary(whole, rows, watch)
        return cls(whole, replace(whole, chosen=frozenset(canary.ordinals)), canary)

    def describe(self) -> str:
        """What is sent first."""
        from loader.canary.words import describe_canary  # noqa: PLC0415 - as above

        return "\n".join(f"  {line}" for line in describe_canary(self.canary, self.plan))

    def read_answers(self) -> list[Answered]:
        """What became of them, which the summary learns too; nothing if the checkpoint cannot be read."""
        from loader.canary import read_answers  # noqa: PLC0415 - as above
        from loader.canary.words import build_canary_record  # noqa: PLC0415 - as above
        from loader.journal import CheckpointView  # noqa: PLC0415 - as above

        checkpoint = self.plan.settings.checkpoint
        if checkpoint is None:
            raise TypeError("a load without a checkpoint")
        try:
            answers = read_answers(self.canary, CheckpointView.open(checkpoint))
        except CheckpointError:  # the account says more about it
            return []
        summary.current().know(canary=build_canary_record(self.canary, answers, self.plan))
        return answers

    def build_rest(self) -> Plan:
        """The plan of all other rows, after these."""
        from loader.journal import CheckpointView  # noqa: PLC0415 - as above

        settings = self.whole.settings
        options = replace(settings.options, canary=None)
        earlier = CheckpointView.open(settings.checkpoint) if settings.checkpoint else None
        return replace(self.whole, settings=replace(settings, options=options), earlier=earlier)


def describe_answers(answers: list[Answered], plan: Plan) -> str:
    """What became of the rows."""
    from loader.canary import words  # noqa: PLC0415 - as above

    return words.describe_answers(answers, plan) if answers else ""


def may_ask(answers: list[Answered], output: OutputOptions) -> bool:
    """Whether someone is there to be asked for the rest, and nothing speaks against it."""
    somebody = sys.stdin.isatty() and not output.yes and speech.find_event_log() is None
    return somebody and bool(answers) and all(each.state is State.CONFIRMED for each in answers)
