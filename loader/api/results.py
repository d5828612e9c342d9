"""What a load and a check give back."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import pandas as pd

from loader.api import page, words
from loader.api.check_page import render_findings
from loader.api.fates import build_failed, build_left_out, build_reasons, build_states
from loader.api.mapping import Mapping
from loader.api.pace import build_pace
from loader.api.sandbox import Sandbox
from loader.api.spelling import spell_in_python
from loader.api.verification import verify_given
from loader.canary import read_answers
from loader.canary.words import describe_things
from loader.checkpoint_facts import explain_result
from loader.errors import RowsFailed
from loader.journal import CheckpointView as Ledger
from loader.message import spell_keyword
from loader.model import State
from loader.profile import build_record
from loader.profile.findings import tally_rejects
from loader.profile.plain_text import describe_findings
from loader.reporting import write_report
from loader.text.account import build_summary
from loader.text.escape import escape
from loader.text.next_steps import say_in_a_sentence, write_as_code
from loader.text.nouns import count_rows

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator
    from typing import Unpack

    from loader.api.given import Given
    from loader.api.verification import ExportKeywords, Verification
    from loader.canary import Canary
    from loader.model import Account, Result
    from loader.planning import Plan
    from loader.profile import Profile
    from loader.stores.address import Address
    from loader.text.next_steps import Step


def list_decisions(plan: Plan, given: Given) -> tuple[str, ...]:
    """What was decided about the columns, and what is worth a warning, a line each."""
    return (*plan.mapper.decisions, *list_notes(list_notices(plan, given)))


def list_notices(plan: Plan, given: Given) -> tuple[str, ...]:
    """What is worth a warning about the input and how it is read."""
    suspicions = [found.message.spell(spell_keyword) for found in plan.suspicions]
    return (*plan.source.notices, *plan.mapper.notices, *suspicions, *find_number_ids(plan, given))


def list_notes(notices: Iterable[str]) -> list[str]:
    """What is worth a warning, a line each."""
    return [f"note: {notice}" for notice in notices]


def find_number_ids(plan: Plan, given: Given) -> Iterator[str]:
    """Ids that are numbers in a frame: most often `read_csv` made them so, and zeros in front are gone."""
    if not isinstance(given.table, pd.DataFrame):
        return
    for field in ("hwid", "userId"):
        rule = plan.mapper.mapping.fields.get(field)
        for column in rule.column if rule else ():
            if column in given.table and pd.api.types.is_any_real_numeric_dtype(given.table[column].dtype):
                yield (
                    f'"{column}" holds numbers ({given.table[column].dtype}). If these ids had '
                    "leading zeros, they are lost: read them as text, "
                    f'read_csv(..., dtype={{"{column}": str}}).'
                )


class LoadResult:
    """How a load ended. The counts add up to the rows read, over all runs of its checkpoint.

    The frames are read when they are first asked for, from the checkpoint as it is then.

    Attributes:
        kind: "users", "events" or "tags".
        account: `read`, `confirmed`, `rejected`, `in_doubt`, `never_sent`, `left_out`; also
            `left_out_by` (why, with counts), `possible_duplicates`, `attempts` (requests) and
            `elapsed_seconds`.
        checkpoint: the file in which all of that stands; the same call again resumes from it.
        stopped: why the load ended before its end, or None.
        interrupted: it was asked to end (Ctrl-C, the stop button of a notebook).
        exit_code: 0 all confirmed that were to be sent (rows that `limit` or `canary` leaves out are
            not), 3 some rejected, 4 some in doubt, 5 stopped before the end, 130 interrupted.
        gone: how many keys the ledger knows that the input does not have any more; None if `report_gone` was
            not given, or the list could not be written.
        decisions: what was decided about the columns, a line each.
        mapping: the mapping in effect, with every format, zone and type written out.
    """

    def __init__(
        self,
        result: Result,
        plan: Plan,
        given: Given,
        *,
        keep: object = None,
        canary: Canary | None = None,
    ) -> None:
        self.kind = result.kind.value
        self._method = result.kind.method
        self.account: Account = result.account
        self.checkpoint = Path(result.checkpoint).absolute()
        self.stopped = result.stopped
        self.interrupted = result.interrupted
        self.exit_code = result.exit_code
        self.gone = result.gone and result.gone.keys
        self.decisions = list_decisions(plan, given)
        self.mapping = Mapping.of(plan.mapper.mapping)
        self._lossy = list_notes(find_number_ids(plan, given))
        self._again = plan.begins_again.spell(spell_keyword) if plan.begins_again else ""
        self._result = result
        self._given = given.beside(plan.mapper.mapping.nearby.tables)
        self._cut = "canary" if canary else "limit" if plan.settings.options.limit else ""
        self._canary = canary
        self._plan = plan
        self._keep = keep  # a sandbox whose folder goes when nobody needs it

    @cached_property
    @spell_in_python()
    def frame(self) -> pd.DataFrame:
        """What became of every row, under your own index (of files: row from 1, or file and row).

        Columns: ``state`` ("confirmed", "rejected", "in_doubt", "never_sent", "left_out"), ``code`` (the
        vendor's status_code), ``message``, ``attempts`` (requests sent for the row), ``http_status``.
        Of a plainly confirmed row only the state was kept.
        """
        return build_states(Ledger.open(self.checkpoint), self._given)

    @cached_property
    @spell_in_python()
    def rejected(self) -> pd.DataFrame:
        """The rejected rows under your own index: all source columns, and why, in columns ``_loader_...``.

        Fix cells in them, and give them to `loader.retry` as ``rows``: they go back to their places. Or load
        them as they are, with a checkpoint of their own: those columns are ignored.

        Raises:
            SourceError: the input was changed since.
        """
        return build_failed(Ledger.open(self.checkpoint), self._given, State.REJECTED)

    @cached_property
    @spell_in_python()
    def in_doubt(self) -> pd.DataFrame:
        """The rows in doubt, as `rejected`. `loader.resolve` takes it, or a part of it, as ``rows``."""
        return build_failed(Ledger.open(self.checkpoint), self._given, State.IN_DOUBT)

    @cached_property
    @spell_in_python()
    def left_out(self) -> pd.DataFrame:
        """The rows that are no part of the load, as `rejected`, each with its reason.

        Raises:
            SourceError: the input was changed since.
        """
        return build_left_out(Ledger.open(self.checkpoint), self._given)

    @property
    def summary(self) -> dict[str, object]:
        """The account as one record for a program: what `--summary` says of the load, not of its command."""
        return build_summary(self._result, explain_result(self._result))

    @cached_property
    @spell_in_python()
    def pace(self) -> pd.DataFrame:
        """How the load went over time, in all its runs; the columns are those of `loader.Checkpoint.pace`."""
        return build_pace(Ledger.open(self.checkpoint))

    @cached_property
    @spell_in_python()
    def reasons(self) -> pd.DataFrame:
        """Why rows are rejected, in doubt or left out, however many that are: the most frequent reason first.

        Columns: ``state`` ("rejected", "in_doubt" or "left_out"), ``rows``, ``reason``.
        """
        return build_reasons(Ledger.open(self.checkpoint))

    @cached_property
    def canary(self) -> pd.DataFrame:
        """The rows that ``canary`` sent first, in the order of their choice; empty without one.

        Columns: ``row`` (its place in the input), ``covers`` (what it has that no row above has), ``state``,
        ``message``.
        """
        columns = ["row", "covers", "state", "message"]
        if self._canary is None:
            return pd.DataFrame(columns=columns, dtype=str)
        return pd.DataFrame(
            [
                (
                    self._plan.survey.place(each.row.ordinal),
                    describe_things(each.row.covers, self._method),
                    each.state.value,
                    each.message,
                )
                for each in read_answers(self._canary, Ledger.open(self.checkpoint))
            ],
            columns=columns,
        )

    def verify(
        self,
        sandbox: Sandbox | Path | str | None = None,
        *,
        settle: bool = False,
        **export: Unpack[ExportKeywords],
    ) -> Verification:
        """Compare the load with what a sandbox's store holds, or an export, row by row: see `loader.verify`.

        Args:
            sandbox: the `Sandbox` that the rows were sent to, or the path of its store; without one, the
                sandbox of this load.
            settle: settle the rows in doubt by what was found.
            **export: ``landed``, ``landed_mapping`` and ``complete``, as of `loader.verify`.
        """
        given = self._given
        if sandbox is None and export.get("landed") is None and isinstance(self._keep, Sandbox):
            sandbox = self._keep
        return verify_given(self.checkpoint, sandbox, given, export, settle=settle)

    @overload
    def report(self, target: os.PathLike[str] | None = None, *, with_examples: bool = False) -> Path: ...
    @overload
    def report(self, target: str, *, with_examples: bool = False) -> Any: ...  # an Address if it is one
    @spell_in_python()
    def report(
        self, target: str | os.PathLike[str] | None = None, *, with_examples: bool = False
    ) -> Path | Address:
        """Write a report of the load as one HTML page: see `loader.Checkpoint.report`."""
        given = self._given
        return write_report(
            self.checkpoint, target, files=given.files, memory=given.memory, with_examples=with_examples
        )

    def raise_for_failures(self) -> None:
        """Raise unless every row that the load was asked to send is confirmed.

        Rows that `limit` or `canary` left out do not count as failed.

        Raises:
            RowsFailed: with the counts, the first reasons, and what to do.
        """
        result = self._result
        cut_short = self.interrupted or (result.stop is not None and not result.stop.code.planned)
        if self.account.rejected or self.account.in_doubt or cut_short or not result.complete:
            raise RowsFailed(self._sentence(), {state.value: getattr(self.account, state) for state in State})

    def _sentence(self) -> str:
        stopped = f"Stopped: {self.stopped} " if self.stopped else "Interrupted. " if self.interrupted else ""
        others = f", {self.account.left_out:,} left out" if self.account.left_out else ""
        total = f"{self.account.confirmed:,} of {count_rows(self.account.read)} confirmed{others}. {stopped}"
        return total + " ".join(
            f"{say_in_a_sentence(step)} {'; '.join(way.line for way in step.ways)}".rstrip()
            for step in self._steps()
        )

    def _steps(self) -> list[Step]:
        rehearsed = self._keep is not None
        return words.list_next_steps(self._result, cut=self._cut, rehearsed=rehearsed)

    def _notes(self) -> list[str]:
        ended = f"Stopped: {self.stopped}" if self.stopped else "Interrupted." if self.interrupted else ""
        repeated = self.account.possible_duplicates
        doubled = f"{count_rows(repeated)} sent again after a doubt: possible duplicates." if repeated else ""
        failed = self.account.rejected or self.account.in_doubt
        rows = words.list_row_notes(self._given.table) if failed else []
        return [note for note in (self._again, ended, doubled, *self._lossy, *rows) if note]

    def __repr__(self) -> str:
        width = len(f"{self.account.read:,}")
        lines = [f"<LoadResult: {self._method.count(self.account.read)}>"]
        lines += [f"  {name:<11}{number:>{width},}" for name, number in words.list_counts(self.account)]
        lines += [f"  checkpoint {words.say_place(self.checkpoint)}", *self._notes()]
        for step in self._steps():
            lines += [say_in_a_sentence(step), *(f"  {line}" for line in write_as_code(step))]
        return escape("\n".join(lines), keep="\n")

    def _repr_html_(self) -> str:
        title = self._method.count(self.account.read)
        parts = [
            page.render_counts(title, words.list_counts(self.account)),
            *map(page.note, self._notes()),
            page.render_reasons(explain_result(self._result), self.account.left_out_by),
        ]
        return "".join(
            [
                *parts,
                page.render_steps(self._steps()),
                page.note(f"Checkpoint: {words.say_place(self.checkpoint)}"),
            ]
        )


class CheckResult:
    """What a load would send; nothing was sent.

    Attributes:
        kind: "users", "events" or "tags".
        ok: every row would be sent.
        read, would_send, would_reject, would_leave_out: counts of rows; the first is the sum of the others.
        stopped: why the input ended before its end, or None.
        exit_code: 0 all would be sent, 3 some would be rejected, 5 the input is damaged from some row on.
        estimate: what the load would take: `requests`, `bytes`, and `find_seconds(rate)`.
        profile: all that was found, as `check --summary` writes it; its keys: docs/reference/summary.md.
        rejected: the rows that would be rejected, under your own index: all source columns, and why, in
            columns ``_loader_...``.
        vanishing: of users, the devices that change users: `user`, `device`, `new_user`, whether the user
            `vanishes` by it, and the two rows; None for events and tags.
        decisions: what was decided about the columns, a line each.
        mapping: the mapping in effect, with every format, zone and type written out.
    """

    def __init__(
        self,
        profile: Profile,
        plan: Plan,
        given: Given,
        rejected: pd.DataFrame,
        vanishing: pd.DataFrame | None = None,
    ) -> None:
        self.kind = profile.kind.value
        self.vanishing = vanishing
        self._method = profile.kind.method
        self.read = profile.rows
        self.would_reject = profile.rejected
        self.would_send = profile.sent
        self.would_leave_out = profile.outside
        self.stopped = profile.stopped
        self.exit_code = profile.exit_code
        self.ok = not self.exit_code
        self.estimate = profile.estimate
        self.profile: dict[str, Any] = build_record(profile, plan.suspicions)
        self._profile = profile
        self.rejected = rejected
        self.decisions = list_decisions(plan, given)
        self.mapping = Mapping.of(plan.mapper.mapping)
        self._notices = list_notes(list_notices(plan, given))
        self._rows = words.list_row_notes(given.table)

    @property
    def bodies(self) -> list[str]:
        """The first request bodies, exactly as they would be sent."""
        return list(self.profile["bodies"])

    def _counts(self) -> list[tuple[str, int]]:
        left_out = [("would be left out", self.would_leave_out)] if self.would_leave_out else []
        return [
            ("read", self.read),
            ("would be sent", self.would_send),
            ("would be rejected", self.would_reject),
            *left_out,
        ]

    @property
    def reasons(self) -> pd.DataFrame:
        """Why rows would be rejected, the most frequent reason first.

        Columns: ``rows``, ``reason``, ``example`` (what is wrong with the first of them).
        """
        found = [(tally.rows, tally.what, tally.examples[0]) for tally in tally_rejects(self._profile)]
        return pd.DataFrame(found, columns=["rows", "reason", "example"])

    def __repr__(self) -> str:
        width = len(f"{self.read:,}")
        lines = [f"<CheckResult: {self._method.count(self.read)}>", *(f"  {line}" for line in self.decisions)]
        lines += [f"  {name:<18}{number:>{width},}" for name, number in self._counts()]
        lines += ["", *self._rows, *([""] if self._rows else [])]
        lines += [describe_findings(self._profile, spell_keyword)]
        return escape("\n".join(lines), keep="\n")

    def _repr_html_(self) -> str:
        title = f"{self._method.count(self.read)}: a check, nothing was sent"
        ended = [f"The input ends early: {self.stopped}"] if self.stopped else []
        return "".join(
            [
                page.render_counts(title, self._counts()),
                *map(page.note, [*ended, *self._notices, *self._rows]),
                *render_findings(self._profile),
            ]
        )
