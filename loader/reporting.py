"""A report of a checkpoint: its facts are gathered, and written as one HTML file.

write_report(checkpoint, target)       what `report` and `--report` do
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from loader import conditions
from loader.addresses import SANDBOX
from loader.checkpoint_facts import explain, is_of_table, name_tables
from loader.claims import Claim, list_reads, refuse_conflicts
from loader.conditions import BEGAN, ENDED, REASONS, REMEDIES, WORKER, Conditions, Ending, WorkerShare
from loader.defaults import ENDING
from loader.errors import LoaderError
from loader.event_counts import count_events
from loader.journal import CheckpointView, is_misdirected
from loader.latency import from_text
from loader.message import spell_keyword, spell_option
from loader.model import Phase, State
from loader.option import FileUse
from loader.output_files import write_whole
from loader.own_columns import read_notes_by_reason
from loader.progress import Silent
from loader.report.facts import (
    DecisionFacts,
    Facts,
    Group,
    RunFacts,
    RunStretch,
    VerificationFacts,
    WorkerFacts,
)
from loader.report.privacy import redact_end, redact_error, redact_reason
from loader.report.remedies import UNKNOWN_APPLICATION, advise_on_rejection
from loader.settings import NOTHING_IN_MEMORY, InMemory
from loader.stores import as_place
from loader.text.decisions import describe_decision
from loader.text.next_steps import Left, list_steps, spell_python, spell_settling, spell_shell
from loader.verification.settling import NotedVerification

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from os import PathLike

    from loader.journal import ExceptionRow, Note, Run
    from loader.message import Spelling
    from loader.progress import Watch
    from loader.report.facts import Events
    from loader.stores.address import Address
    from loader.text.next_steps import Step

EXAMPLES = 3


def write_report(
    checkpoint: str | PathLike[str],
    target: str | PathLike[str] | Address | None = None,
    *,
    files: Sequence[str] = (),
    memory: InMemory = NOTHING_IN_MEMORY,
    with_examples: bool = False,
    watch: Watch | None = None,
) -> Path | Address:
    """Write a report of a load, finished, stopped or running, as one HTML file that needs no network.

    Args:
        checkpoint: the checkpoint file.
        target: where to write; by default beside the checkpoint.
        files: where the input is now, if it has moved.
        memory: the tables of the load that are in Python's memory.
        with_examples: whether rows may be quoted: what is wrong with a few of each kind. Personal data.
        watch: shows how far it is, if the input is read.

    Returns:
        Where it was written.

    Raises:
        CheckpointError: the checkpoint cannot be read.
        ConfigError: the target cannot be written, or is needed for something else.
    """
    from loader.report.html import render_page  # noqa: PLC0415 - a load without a report needs no charts

    path = choose_target(checkpoint) if target is None else as_place(target)
    ledger = CheckpointView.open(Path(checkpoint))
    names = list(files) or [file.name for file in ledger.identity.files]
    refuse_conflicts([Claim(FileUse.OUTPUT, str(path)), *list_reads(checkpoint, names)])
    facts = gather(ledger, str(checkpoint), names, memory=memory, with_examples=with_examples, watch=watch)
    write_whole(path, render_page(facts).encode())
    return path


def choose_target(checkpoint: str | PathLike[str]) -> Path:
    """Beside the checkpoint: ``purchases.csv.events.ckpt`` gives ``purchases.csv.events.report.html``."""
    path = Path(checkpoint)
    return path.with_name(f"{path.name.removesuffix(ENDING)}.report.html")


def gather(
    ledger: CheckpointView,
    name: str,
    files: Sequence[str],
    *,
    memory: InMemory = NOTHING_IN_MEMORY,
    with_examples: bool = False,
    watch: Watch | None = None,
) -> Facts:
    """All that a report of a checkpoint says.

    Args:
        ledger: the checkpoint.
        name: what the user calls it.
        files: where its input is.
        memory: the tables of the load that are in Python's memory.
        with_examples: whether rows may be quoted.
        watch: shows how far it is, if the input is read.
    """
    identity, account = ledger.identity, ledger.account()
    events, no_events = tally_events(ledger, files, memory, watch or Silent(), with_examples=with_examples)
    return Facts(
        made=datetime.now(UTC),
        kind=identity.kind,
        where=describe_host(identity.endpoint),
        application=identity.application,
        checkpoint=name,
        running=ledger.running,
        files=identity.files,
        lookups=identity.lookups,
        account=account,
        runs=tuple(list_runs(ledger, with_examples=with_examples)),
        events=events,
        no_events=no_events,
        rejects=group_rows(ledger, State.REJECTED, with_examples=with_examples),
        doubts=group_rows(ledger, State.IN_DOUBT, with_examples=with_examples),
        decisions=tuple(list_decisions(ledger)),
        given_back=len(ledger.given_back),
        mapping=identity.mapping,
        versions=conditions.collect_versions(),
        steps=tuple(plan_steps(ledger, name)),
        with_examples=with_examples,
        tables=name_tables(ledger),
        verification=find_verification(ledger),
    )


def plan_steps(ledger: CheckpointView, name: str) -> list[Step]:
    """What to do next. Reasons are not repeated here: the report lists them all."""
    kind = ledger.identity.kind
    why = replace(explain(ledger), rejected=(), in_doubt=())
    left = Left(kind, ledger.account(), running=ledger.running, why=why)
    if not (tables := name_tables(ledger)):
        spelling = spell_shell(kind, name, again=f"the same command as before (`{kind}`)")
        settle = spell_settling(name)
    else:
        # No command can read a table again that was in Python's memory.
        view = f"loader.Checkpoint({name!r}, {tables})"
        source = "frame" if is_of_table(ledger) else "None"
        again = f"the same call as before (`load_{kind}`)"
        spelling = spell_python(repr(name), view=view, source=source, again=again)
        settle = f"loader.verify({name!r}, sandbox, {tables}, settle=True)"
    return list_steps(left, replace(spelling, settle=settle) if ledger.identity.rehearsed else spelling)


def spelling_of(ledger: CheckpointView) -> Spelling:
    """How the reader writes a setting: with a table in Python's memory, as Python does."""
    return spell_keyword if name_tables(ledger) else spell_option


def describe_host(endpoint: str) -> str:
    """The host that was sent to; of a sandbox, that it was one."""
    if endpoint.startswith(SANDBOX):
        return "a sandbox on this machine (a rehearsal: nothing reached the vendor)"
    return urlsplit(endpoint).netloc or endpoint


def tally_events(
    ledger: CheckpointView, files: Sequence[str], memory: InMemory, watch: Watch, *, with_examples: bool
) -> tuple[Events | None, str]:
    """Events by name and by month; or why they cannot be counted."""
    if not ledger.identity.kind.method.timed:
        return None, ""
    try:
        return count_events(ledger, files, memory, watch), ""
    except LoaderError as error:
        spelling = spelling_of(ledger)
        return None, error.message.spell(spelling, quotes=True) if with_examples else redact_error(
            error.message, spelling
        )


def list_runs(ledger: CheckpointView, *, with_examples: bool) -> Iterable[RunFacts]:
    """The runs that sent, or were about to; not those that only carried out a decision."""
    notes: dict[tuple[int, str], Note] = {(note.generation, note.what): note for note in ledger.notes}
    number = 0
    for run in ledger.runs:
        began, ended = notes.get((run.generation, BEGAN)), notes.get((run.generation, ENDED))
        if began is None and not run.attempts:
            continue
        number += 1
        running = ledger.running and run is ledger.runs[-1]
        end, reason = describe_ending(ledger, run, ended, with_examples=with_examples)
        begun = Conditions.from_text(began.detail) if began else Conditions()
        yield RunFacts(
            number=number,
            started=read_moment(run.started),
            ended=read_moment(run.ended or run.started + run.elapsed),
            seconds=run.elapsed,
            attempts=run.attempts,
            end="is running" if running else end,
            reason=reason,
            options=begun.options,
            versions=begun.versions,
            stretches=list_stretches(ledger, run.generation, number),
            mark="" if running else name_ending(run, ended),
            workers=tuple(list_workers(ledger, run, with_examples=with_examples)),
        )


def list_workers(ledger: CheckpointView, run: Run, *, with_examples: bool) -> Iterable[WorkerFacts]:
    """What the workers of a run did; why one was lost may quote anything."""
    for note in ledger.notes:
        if (note.generation, note.what) != (run.generation, WORKER):
            continue
        if (share := WorkerShare.from_text(note.detail)) is not None:
            reason = share.lost if with_examples else ""
            yield WorkerFacts(share.name, share.rows, share.doubts, share.rate, bool(share.lost), reason)


def name_ending(run: Run, note: Note | None) -> str:
    """The name of an end that was not planned, for charts."""
    if run.ended is None:
        return "killed"
    ended = Ending.from_text(note.detail) if note is not None else None
    if ended is None:
        return ""
    return "stopped" if ended.stopped else "interrupted" if ended.interrupted else ""


def describe_ending(
    ledger: CheckpointView, run: Run, note: Note | None, *, with_examples: bool
) -> tuple[str, str]:
    """How a run ended, and why."""
    if ledger.running and run.generation == ledger.runs[-1].generation:
        return "is running", ""
    if run.ended is None:
        return "was killed", "The process or the machine died. Rows that were on the wire are in doubt."
    if note is None:
        return "ended", ""
    ended = Ending.from_text(note.detail)
    if ended.stopped:
        return "stopped", ended.stopped if with_examples else redact_end(
            ended.code, ended.unquoted, spelling_of(ledger)
        )
    if ended.interrupted:
        return "was interrupted", "It was ended with Ctrl-C or a signal."
    return "was completed", ""


def list_stretches(ledger: CheckpointView, generation: int, number: int) -> tuple[RunStretch, ...]:
    """The samples of a run."""
    return tuple(
        RunStretch(
            run=number,
            at=sample.at,
            seconds=sample.seconds,
            rows=sample.confirmed + sample.rejected + sample.in_doubt,
            attempts=sample.attempts,
            window=sample.window,
            wire_seconds=sample.wire_seconds,
            waited=sample.waits,
            times=from_text(sample.times),
        )
        for sample in ledger.samples
        if sample.generation == generation
    )


@dataclass(slots=True)
class _Gathered:
    rows: int = 0
    remedy: str = ""
    examples: tuple[str, ...] = ()


def group_rows(ledger: CheckpointView, state: State, *, with_examples: bool) -> tuple[Group, ...]:
    """Rows in a state by why they are in it, the most frequent first."""
    found: dict[tuple[str, str], _Gathered] = {}
    mapping, spelling = ledger.identity.mapping, spelling_of(ledger)
    remedies, reasons = read_notes_by_reason(ledger, REMEDIES), read_notes_by_reason(ledger, REASONS)
    for row in ledger.exceptions(state):
        group = found.setdefault(describe_row(row, mapping, reasons), _Gathered())
        group.rows += 1
        group.remedy = group.remedy or find_remedy(row, remedies, spelling)
        if with_examples and len(group.examples) < EXAMPLES:
            group.examples += (row.message,)
    ranked = sorted(found.items(), key=lambda entry: -entry[1].rows)
    return tuple(
        Group(reason, by, group.rows, group.remedy, group.examples) for (reason, by), group in ranked
    )


def describe_row(row: ExceptionRow, mapping: str, reasons: dict[str, str]) -> tuple[str, str]:
    """Why a row is where it is, without a value of it, and who said so."""
    if row.phase is Phase.LOCAL:
        shown = reasons.get(row.reason) or redact_reason(row.reason, row.column, mapping)
        return shown, "the mapping"
    if row.phase is Phase.OVERTAKEN:
        return row.reason, "the loader"
    if row.code is not None:
        return f"status_code {row.code}, with HTTP {row.http_status}", "the vendor"
    if row.state is State.REJECTED:
        return f"HTTP {row.http_status}", "the vendor"
    return redact_reason(row.reason or row.message, "", ""), "the loader"


def find_remedy(row: ExceptionRow, remedies: dict[str, str], spelling: Spelling) -> str:
    """What to do about a row."""
    if row.state is not State.REJECTED:
        return ""
    if row.phase is Phase.OVERTAKEN:
        return ""
    if row.phase is Phase.LOCAL:
        return remedies.get(row.reason, "")
    if is_misdirected(row):
        return UNKNOWN_APPLICATION.spell(spelling)
    return advise_on_rejection(row.http_status, row.code).spell(spelling)


def list_decisions(ledger: CheckpointView) -> Iterable[DecisionFacts]:
    """What users decided, oldest first; retries and doubts sent again by a load among them."""
    for decided in ledger.decisions:
        detail = "" if decided.what in ("mapping", "grown") else decided.detail
        yield DecisionFacts(read_moment(decided.at), describe_decision(decided.what, decided.rows), detail)


def find_verification(ledger: CheckpointView) -> VerificationFacts | None:
    """The last verification that the checkpoint keeps."""
    noted = NotedVerification.last(ledger.notes)
    if noted is None:
        return None
    totals, settled = noted.totals, noted.settled
    counts = [(name, getattr(totals, name)) for name in ("same", "missing", "extra", "different", "doubled")]
    counts += [
        ("in doubt, found", totals.doubts_found),
        ("in doubt, not found", totals.doubts_not_found),
    ]
    words = settled and (
        f"{settled.landed:,} in doubt confirmed, {settled.dropped:,} given back, {settled.unclear:,} left in "
        "doubt"
    )
    return VerificationFacts(
        read_moment(noted.at), noted.landed, noted.loads, tuple(counts), totals.differences, words or ""
    )


def read_moment(seconds: float) -> datetime:
    """Seconds since 1970 as a time in UTC."""
    return datetime.fromtimestamp(seconds, UTC)
