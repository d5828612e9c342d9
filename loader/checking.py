"""A check: the same way of a row as in a load, with nothing behind it."""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack, closing, nullcontext
from typing import TYPE_CHECKING

from loader.errors import SourceError
from loader.mapping.threaded import MapAhead, map_ahead
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
    from loader.mapping import Mapped, Mapper
    from loader.planning import Plan
    from loader.progress import Watch
    from loader.sources import Source
    from loader.sources.records import Onlooker


class Counting:
    """What a check counts, chunk by chunk.

    Args:
        mapper: bound to the input.
        source: the input.
    """

    def __init__(self, mapper: Mapper, source: Source) -> None:
        self.profile = Profile(mapper)
        self._keys = KnownKeys.of(mapper, source)
        self._unmatched = UnmatchedValues(mapper)

    def add(self, chunk: Chunk, mapped: Mapped) -> None:
        """Count a chunk.

        Raises:
            ConfigError: the folder for temporary files is full.
        """
        self.profile.add(mapped)
        self._keys.add(chunk)
        self._unmatched.add(chunk)

    def finish(self, *, whole: bool) -> None:
        """Count what needs all rows at once; `whole` says that every row of the input was added."""
        profile = self.profile
        if whole:  # else another row may have it
            profile.unmatched = self._unmatched.list_remarks()
        profile.key, profile.same_key = self._keys.column, self._keys.count_repeats()
        profile.finish()

    def close(self) -> None:
        """Give back what the counting took."""
        self.profile.close()
        self._keys.close()


class FirstPass:
    """Counts the rows while `prepare` surveys the input, so that a check of a clean input reads it once.

    Args:
        rejects: whether rows that would be rejected are wanted; the first one then ends the counting here.
    """

    def __init__(self, *, rejects: bool) -> None:
        self._rejects = rejects
        self._counting: Counting | None = None
        self._mapper: Mapper | None = None

    def survey(self, source: Source, mapper: Mapper, onlooker: Onlooker) -> None:
        """Survey the input, and map and count its rows on the way."""
        if mapper.mapping.selects or mapper.mapping.unique:  # which rows count is known afterwards
            source.survey(onlooker)
            return
        counting = Counting(mapper, source)
        with ExitStack() as stack:
            stack.callback(counting.close)
            ahead = stack.enter_context(closing(MapAhead(mapper)))

            def take(chunk: Chunk) -> None:
                for each, _, mapped in ahead.put(chunk, None):
                    counting.add(each, mapped)

            whole = source.survey_with_chunks(onlooker, take)
            for chunk, _, mapped in ahead.finish():
                counting.add(chunk, mapped)
            if whole and not (self._rejects and counting.profile.rejects):
                self._counting, self._mapper = counting, mapper
                stack.pop_all()
                ahead.close()

    def close(self) -> None:
        """Give back what the counting took, if nobody took it over."""
        if self._counting is not None:
            self._counting.close()

    def take_over(self, plan: Plan) -> Counting | None:
        """What was counted, if that is what the plan is of; it is given once."""
        counting, self._counting = self._counting, None
        if counting is None:
            return None
        same = self._mapper is plan.mapper and plan.rows == plan.survey.rows
        if same and plan.settings.options.ledger is None:
            return counting
        counting.close()
        return None


def check(
    plan: Plan,
    rejects: Callable[[Iterator[pd.DataFrame]], object] | None = None,
    watch: Watch | None = None,
    *,
    changes: Callable[[Iterator[pd.DataFrame]], object] | None = None,
    first_pass: FirstPass | None = None,
) -> Profile:
    """Map every row and send nothing. A damaged input ends it, and the profile says so.

    Args:
        plan: what to map.
        rejects: takes the frames of rows that would be rejected, the first of them without a row, to its end.
        watch: shows how far it is.
        changes: takes the frames of devices that change users, as `list_changes` gives them, to its end.
        first_pass: what was counted while the input was surveyed.

    Raises:
        ConfigError: the folder for temporary files is full, or what `rejects` or `changes` raises.
    """
    counted = first_pass.take_over(plan) if first_pass else None
    counting = counted or Counting(plan.mapper, plan.source)
    profile = counting.profile
    profile.survey = plan.survey
    with (
        closing(counting),
        (watch or Silent()).reading(lambda: ReadingProgress(profile.rows, plan.rows, "rows", "Checking")),
    ):
        frames = check_rows(plan, counting, wanted=rejects is not None, counted=counted is not None)
        if rejects is not None:
            rejects(frames)
        deque(frames, maxlen=0)
        counting.finish(whole=not profile.stopped and profile.rows == plan.survey.rows)
        profile.estimate = Estimate.of(plan.settings, profile)
        if changes is not None:
            from loader.user_changes import list_changes  # noqa: PLC0415 - only if it is requested

            changes(list_changes(plan, profile))
    return profile


def check_rows(plan: Plan, counting: Counting, *, wanted: bool, counted: bool) -> Iterator[pd.DataFrame]:
    """Count every row, unless they are counted; yield those that would be rejected, if they are wanted."""
    if wanted:
        from loader.failures import collect_rejects  # noqa: PLC0415 - only if it is requested

        yield collect_rejects(Chunk(0, plan.source.sample(0), "", 1, {}), [])
    if counted:
        return
    with open_keys(plan) as known:
        counting.profile.known = known.rows if known else None
        try:
            chunks = select_chunks(plan.source.chunks(), [range(plan.rows)])
            for chunk, _, as_mapped in map_ahead(plan.mapper, chunks):
                mapped = known.sift(as_mapped, chunk) if known else as_mapped
                counting.add(chunk, mapped)
                if wanted and mapped.rejects:
                    yield collect_rejects(chunk, mapped.rejects)
        except SourceError as error:
            counting.profile.stopped = str(error)


def open_keys(plan: Plan) -> AbstractContextManager[CheckedKeys | None]:
    """The keys of a check in its ledger; None if it has none.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    if plan.settings.options.ledger is None:
        return nullcontext()
    from loader.known_keys import open_checked_keys  # noqa: PLC0415 - only if there is a ledger

    return open_checked_keys(plan)
