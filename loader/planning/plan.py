"""A plan: all that is known before the first send."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loader.choices import OnDoubt
from loader.model import State

if TYPE_CHECKING:
    from loader.fixed_rows import Fixed
    from loader.journal import CheckpointView, GrownFrom, Identity
    from loader.mapping import Mapper
    from loader.message import Message
    from loader.model import LookUpRecord
    from loader.profile.suspicion import Suspicion
    from loader.settings import Settings
    from loader.sources import Source, Survey


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is known before the first send.

    Attributes:
        earlier: what earlier runs left in the checkpoint, or None if there is none yet.
        suspicions: what looks wrong about ids, in the order of the fields; nothing of files that an earlier
            run has read.
        chosen: the rows that are loaded, if they are not simply the first; else None.
        changed_mapping: the mapping of the checkpoint, if a retry continues with another one; else None.
        begins_again: why a rehearsal takes the place of the one that the checkpoint is of; else None.
        grown_from: what the checkpoint was made for, if the load continues with rows that were added to that
            input since; else None.
        fixed: rows that a retry sends with cells that the user fixed; they are in `source` too. None if all
            cells are those of the checkpoint and the input.
    """

    settings: Settings
    source: Source
    survey: Survey
    mapper: Mapper
    earlier: CheckpointView | None
    suspicions: tuple[Suspicion, ...] = ()
    chosen: frozenset[int] | None = None
    changed_mapping: str | None = field(default=None, kw_only=True)
    begins_again: Message | None = field(default=None, kw_only=True)
    grown_from: GrownFrom | None = field(default=None, kw_only=True)
    fixed: Fixed | None = field(default=None, kw_only=True)

    @property
    def rows(self) -> int:
        """Rows to be loaded over all runs: the whole input, or the first `limit` of it."""
        limit = self.settings.options.limit
        return self.survey.rows if limit is None else min(limit, self.survey.rows)

    def includes(self, ordinal: int) -> bool:
        """Whether a row is to be loaded."""
        return ordinal < self.rows if self.chosen is None else ordinal in self.chosen

    @property
    def remaining(self) -> int:
        """Rows still to be loaded."""
        if self.chosen is not None:
            return len(self.earlier.list_unsent(self.chosen) if self.earlier else self.chosen)
        return self.earlier.never_sent(self.rows) if self.earlier else self.rows

    @property
    def doubtful(self) -> int:
        """Rows that earlier runs left in doubt and that this one sends again."""
        if self.earlier is None or not is_resent(self.settings):
            return 0
        return sum(self.includes(row.ordinal) for row in self.earlier.exceptions(State.IN_DOUBT))


def build_identity(plan: Plan) -> Identity:
    """What the checkpoint is of: it is refused for anything else."""
    from loader.journal import Identity  # noqa: PLC0415 - a check has none
    from loader.mapping import write_mapping  # noqa: PLC0415 - as above

    return Identity(
        kind=plan.settings.kind,
        application=plan.settings.application,
        endpoint=plan.settings.endpoint.name,
        mapping=plan.changed_mapping or write_mapping(plan.mapper.mapping),
        files=plan.survey.files,
        lookups=list_lookups(plan),
    )


def list_lookups(plan: Plan) -> tuple[LookUpRecord, ...]:
    """The look-ups of the load: those of its mapping now, and of the mappings that it had before a retry."""
    earlier = plan.earlier.identity.lookups if plan.earlier else ()
    found = {record.name: record for record in (*earlier, *plan.mapper.lookups.records)}
    return tuple(found.values())


def is_resent(settings: Settings) -> bool:
    """Whether a row in doubt is sent again: always if the method is repeatable, else on request."""
    return settings.kind.method.repeatable or settings.options.on_doubt is OnDoubt.RESEND
