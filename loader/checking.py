"""A check: the same way of a row as in a load, with nothing behind it."""

from __future__ import annotations

from collections import deque
from contextlib import closing, nullcontext
from typing import TYPE_CHECKING

from loader.errors import SourceError
from loader.mapping.threaded import map_ahead
from loader.model import Chunk
from loader.profile import Estimate, Profile
from loader.profile.unmatched import UnmatchedValues
from loader.progress import ReadingProgress, Silent
from loader.reading import select_chunks
from loader.repeats import KnownKeys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    import pandas as pd

    from loader.known_keys.checking import CheckedKeys
    from loader.planning import Plan
    from loader.progress import Watch


def check(
    plan: Plan,
    rejects: Callable[[Iterator[pd.DataFrame]], object] | None = None,
    watch: Watch | None = None,
    *,
    changes: Callable[[Iterator[pd.DataFrame]], object] | None = None,
) -> Profile:
    """Map every row and send nothing. A damaged input ends it, and the profile says so.

    Args:
        plan: what to map.
        rejects: takes the frames of rows that would be rejected, the first of them without a row, to its end.
        watch: shows how far it is.
        changes: takes the frames of devices that change users, as `list_changes` gives them, to its end.

    Raises:
        ConfigError: the folder for temporary files is full, or what `rejects` or `changes` raises.
    """
    profile = Profile(plan.mapper, plan.survey)
    frames = check_rows(plan, profile, wanted=rejects is not None)
    with (
        closing(profile),
        (watch or Silent()).reading(lambda: ReadingProgress(profile.rows, plan.rows, "rows", "Checking")),
    ):
        if rejects is not None:
            rejects(frames)
        deque(frames, maxlen=0)
        profile.finish()
        profile.estimate = Estimate.of(plan.settings, profile)
        if changes is not None:
            from loader.user_changes import list_changes  # noqa: PLC0415 - only if it is requested

            changes(list_changes(plan, profile))
    return profile


def check_rows(plan: Plan, profile: Profile, *, wanted: bool) -> Iterator[pd.DataFrame]:
    """Add every row to the profile; yield those that would be rejected, if they are wanted."""
    if wanted:
        from loader.failures import collect_rejects  # noqa: PLC0415 - only if it is requested

        yield collect_rejects(Chunk(0, plan.source.sample(0), "", 1, {}), [])
    keys, unmatched = KnownKeys.of(plan.mapper, plan.source), UnmatchedValues(plan.mapper)
    with open_keys(plan) as known:
        profile.known = known.rows if known else None
        try:
            chunks = select_chunks(plan.source.chunks(), [range(plan.rows)])
            for chunk, _, as_mapped in map_ahead(plan.mapper, chunks):
                mapped = known.sift(as_mapped, chunk) if known else as_mapped
                profile.add(mapped)
                keys.add(chunk)
                unmatched.add(chunk)
                if wanted and mapped.rejects:
                    yield collect_rejects(chunk, mapped.rejects)
        except SourceError as error:
            profile.stopped = str(error)
    if not profile.stopped and profile.rows == plan.survey.rows:  # another row may have it
        profile.unmatched = unmatched.list_remarks()
    profile.key, profile.same_key = keys.column, keys.count_repeats()


def open_keys(plan: Plan) -> AbstractContextManager[CheckedKeys | None]:
    """The keys of a check in its ledger; None if it has none.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    if plan.settings.options.ledger is None:
        return nullcontext()
    from loader.known_keys import open_checked_keys  # noqa: PLC0415 - only if there is a ledger

    return open_checked_keys(plan)
