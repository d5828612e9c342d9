"""A check: the same way of a row as in a load, with nothing behind it."""

from __future__ import annotations

from collections import deque
from contextlib import closing, nullcontext
from itertools import chain
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
    from loader.settings import Settings
    from loader.sources import Source
    from loader.sources.records import Onlooker


#: Rejected rows that are kept in memory while an input is surveyed.
MOST_REJECTS = 10_000


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
        settings: of the check.
        rejects: whether rows that would be rejected are wanted; if they are many, the counting here ends.
    """

    def __init__(self, settings: Settings, *, rejects: bool) -> None:
        self._possible = settings.options.limit is None and settings.options.ledger is None
        self._wanted = rejects
        self._mapper: Mapper | None = None
        self._counting: Counting | None = None
        self._frames: list[pd.DataFrame] = []

    def survey(self, source: Source, mapper: Mapper, onlooker: Onlooker) -> None:
        """Survey the input, and map and count its rows on the way."""
        if not self._possible or mapper.mapping.selects or mapper.mapping.unique:
            source.survey(onlooker)  # which rows count is known afterwards
            return
        self._mapper, self._counting = mapper, Counting(mapper, source)
        with closing(MapAhead(mapper)) as ahead:

            def take(chunk: Chunk) -> None:
                if self._counting is not None:
                    self._add(ahead.put(chunk, None))

            whole = source.survey_with_chunks(onlooker, take)
            self._add(ahead.finish())
        if not whole:
            self.close()

    def _add(self, mapped: Iterator[tuple[Chunk, None, Mapped]]) -> None:
        for chunk, _, each in mapped:
            if self._counting is None:
                return
            self._counting.add(chunk, each)
            if self._wanted and each.rejects:
                self._keep(chunk, each)

    def _keep(self, chunk: Chunk, mapped: Mapped) -> None:
        from loader.failures import collect_rejects  # noqa: PLC0415 - only if it is requested

        self._frames.append(collect_rejects(chunk, mapped.rejects))
        if sum(map(len, self._frames)) > MOST_REJECTS:
            self.close()

    def close(self) -> None:
        """Forget what was counted, if nobody took it over."""
        self._frames.clear()
        if self._counting is not None:
            self._counting.close()
            self._counting = None

    def take_over(self, plan: Plan) -> tuple[Counting, list[pd.DataFrame]] | None:
        """What was counted, and the frames of the rejects, if the plan is of that; it is given once."""
        counting, self._counting = self._counting, None
        if counting is None or self._mapper is not plan.mapper:
            return None
        return counting, self._frames


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
    counting, kept = counted or (Counting(plan.mapper, plan.source), None)
    profile = counting.profile
    profile.survey = plan.survey
    with (
        closing(counting),
        (watch or Silent()).reading(lambda: ReadingProgress(profile.rows, plan.rows, "rows", "Checking")),
    ):
        frames = check_rows(plan, counting, wanted=rejects is not None) if kept is None else iter(kept)
        if rejects is not None:
            from loader.failures import collect_rejects  # noqa: PLC0415 - only if it is requested

            rejects(chain([collect_rejects(Chunk(0, plan.source.sample(0), "", 1, {}), [])], frames))
        deque(frames, maxlen=0)
        counting.finish(whole=not profile.stopped and profile.rows == plan.survey.rows)
        profile.estimate = Estimate.of(plan.settings, profile)
        if changes is not None:
            from loader.user_changes import list_changes  # noqa: PLC0415 - only if it is requested

            changes(list_changes(plan, profile))
    return profile


def check_rows(plan: Plan, counting: Counting, *, wanted: bool) -> Iterator[pd.DataFrame]:
    """Count every row; yield those that would be rejected, if they are wanted."""
    with open_keys(plan) as known:
        counting.profile.known = known.rows if known else None
        try:
            chunks = select_chunks(plan.source.chunks(), [range(plan.rows)])
            for chunk, _, as_mapped in map_ahead(plan.mapper, chunks):
                mapped = known.sift(as_mapped, chunk) if known else as_mapped
                counting.add(chunk, mapped)
                if wanted and mapped.rejects:
                    from loader.failures import collect_rejects  # noqa: PLC0415 - only if it is requested

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
