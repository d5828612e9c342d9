"""What a person decides about rows that are in doubt or rejected, and how it is carried out.

resolve(...)                   rows in doubt become confirmed, or are given back to be sent
plan = prepare_retry(...)      rejected rows and those given back, mapped anew
retry(plan, ...)               sends them, and only them
"""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from loader.doubts import overtaken
from loader.errors import ConfigError
from loader.failures import hint_of_moved, located, of_table, refuse_missing_table, refuse_other_input
from loader.journal import Checkpoint, Journal, runs
from loader.mapping import parse_mapping, write_mapping
from loader.model import OWN_COLUMNS, Chunk, Decision, Phase, State
from loader.pipeline import load, refuse_overtaken
from loader.planning import draw_up, identity
from loader.settings import Endpoint, Settings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from loader.delivery import Brake, Session
    from loader.journal import ExceptionRow
    from loader.mapping import Mapping
    from loader.model import Account, FileRecord, Result
    from loader.planning import Plan
    from loader.progress import Watch

SHOWN = 10  # so many unknown rows or ids are named in an error


@dataclass(frozen=True, slots=True)
class Resolved:
    """What became of a decision.

    Attributes:
        rows: rows that it moved.
        overtaken: rows that stay as they are, each with the later row of its device.
        account: the counts afterwards.
    """

    rows: int
    overtaken: dict[int, int]
    account: Account


def resolve(
    checkpoint: Path,
    decision: Decision,
    *,
    looked_up: Path | Choice | None = None,
    files: Sequence[str] = (),
    table: object = None,
) -> Resolved:
    """Settle rows in doubt as a person decided, in one durable step.

    Args:
        checkpoint: the checkpoint; no load may be running.
        decision: `LANDED`: they are at the vendor. `DROPPED`: they are not. `RESEND`: nobody knows, and they
            shall be sent again; they stay marked as possible duplicates.
        looked_up: what names the rows, or a file that does, see `Choice.read`; None for all rows in doubt.
        files: where the input is now, if it has moved.
        table: the input, where it is a table in memory; needed only where its cells are.

    Raises:
        ConfigError: the file names rows that are not in doubt.
        CheckpointError, SourceError: nothing was changed.
    """
    ledger = Checkpoint.open(checkpoint)
    names = list(files) or [file.name for file in ledger.identity.files]
    doubts = {row.ordinal: row for row in ledger.exceptions(State.IN_DOUBT)}
    choice = Choice.read(looked_up) if isinstance(looked_up, Path) else looked_up
    chosen = doubts if choice is None else named(choice, ledger, doubts, names, table)
    with Journal.open(checkpoint, ledger.identity) as journal:
        later: dict[int, int] = {}
        if decision is Decision.RESEND:
            later = later_rows(ledger, journal, chosen, doubts, settings_of(ledger, names, table))
        # Read anew: opening has written down what a dead run had left.
        found = Checkpoint.open(checkpoint).exceptions(State.IN_DOUBT)
        moved = [row for row in found if row.ordinal in chosen and row.ordinal not in later]
        journal.decide(decision, moved, choice.where if choice else "")
        return Resolved(len(moved), later, journal.account())


def later_rows(
    ledger: Checkpoint,
    journal: Journal,
    rows: Collection[int],
    doubts: Collection[int],
    settings: Settings,
) -> dict[int, int]:
    """Rows of users whose device has a later row at the vendor, or perhaps: sent now they would undo it."""
    if not ledger.identity.kind.method.last_wins or not rows:
        return {}
    refuse_missing_table(ledger, settings.files, settings.table)
    mapping = parse_mapping(ledger.identity.mapping, str(ledger.path))
    plan = draw_up(settings, ledger, mapping)
    refuse_other_input(plan.survey, [file.sha256 for file in ledger.identity.files], ledger.path)
    return overtaken(plan.source, plan.mapper, journal, rows, doubts)


def named(
    choice: Choice,
    ledger: Checkpoint,
    rows: dict[int, ExceptionRow],
    files: Sequence[str],
    table: object,
) -> dict[int, ExceptionRow]:
    """Those of the rows that a person named.

    Raises:
        ConfigError: some names fit none of the rows.
        SourceError: the input is needed, and cannot be read.
    """
    known = ledger.identity.files
    if of_table(ledger) and not choice.column:  # by number alone: nothing of the table is needed
        return choice.of([(Chunk(0, pd.DataFrame(), known[0].name, 1, {}), list(rows.values()))], known)
    return choice.of(located(ledger, rows, files, table), known)


def settings_of(ledger: Checkpoint, files: Sequence[str], table: object = None) -> Settings:
    """The settings of the load that a checkpoint is of, as far as they say what its rows are."""
    of, endpoint = ledger.identity, Endpoint("", ledger.identity.endpoint)
    return Settings(of.kind, tuple(files), of.application, endpoint, checkpoint=ledger.path, table=table)


@dataclass(frozen=True, slots=True)
class Choice:
    """Rows that a person named.

    Attributes:
        where: the file, or what else names them.
        column: the column of the input that `names` are values of; "" where they are files and rows.
        names: the values, or (file, row) pairs; a file "" means the only one.
    """

    where: str
    column: str
    names: frozenset[str | tuple[str, int]]

    @classmethod
    def read(cls, path: Path) -> Choice:
        """Read a CSV file with a header, or JSON lines or Parquet with named columns.

        It has one column of the input with the ids that were looked up, or a column "row" with numbers as
        `failures` shows them, or is what `failures` wrote.

        Raises:
            ConfigError: it cannot be read, or says nothing of rows.
        """
        try:
            table = text_table(path)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise ConfigError(f"{path} cannot be read: {error}.") from None
        if table.empty:
            raise ConfigError(f"{path} names no row: it has no line after its header.")
        own_row, own_file = f"{OWN_COLUMNS}row", f"{OWN_COLUMNS}file"
        if own_row in table and own_file in table:
            pairs = zip(table[own_file], table[own_row], strict=True)
            return cls(str(path), "", frozenset((file, row_number(path, row)) for file, row in pairs))
        if list(table) == ["row"]:
            return cls(str(path), "", frozenset(("", row_number(path, row)) for row in table["row"]))
        if len(table.columns) == 1:
            return cls(str(path), str(table.columns[0]), frozenset(table.iloc[:, 0]))
        raise ConfigError(
            f'{path} does not name rows. It needs a column "row", or one column of the input with ids, '
            "or the columns that `failures` writes."
        )

    def of(
        self, chunks: Iterable[tuple[Chunk, list[ExceptionRow]]], known: Sequence[FileRecord] = ()
    ) -> dict[int, ExceptionRow]:
        """Those of the rows that are named; `known` are the files by the names they had in the load.

        Raises:
            ConfigError: some names fit none of the rows.
        """
        ends = list(accumulate(file.rows for file in known))
        chosen: dict[int, ExceptionRow] = {}
        met: set[str | tuple[str, int]] = set()
        for chunk, rows in chunks:
            for row in rows:
                file = known[bisect_right(ends, row.ordinal)].name if known else chunk.file
                for name in self.names_of(chunk, row.ordinal, file):
                    if name in self.names:
                        met.add(name)
                        chosen[row.ordinal] = row
        if unknown := sorted(map(shown, self.names - met)):
            named = ", ".join(unknown[:SHOWN]) + (", …" if len(unknown) > SHOWN else "")
            verb = "is" if len(unknown) == 1 else "are"
            raise ConfigError(
                f"{self.where} names {len(unknown):,} that {verb} not in doubt: {named}. "
                "Nothing was changed. `failures --in-doubt` lists those that are."
            )
        return chosen

    def names_of(self, chunk: Chunk, ordinal: int, file: str) -> Iterator[str | tuple[str, int]]:
        """By what the row may be named; its file was once called `file`."""
        offset = ordinal - chunk.first
        if not self.column:
            number = chunk.first_row + offset
            yield from ((chunk.file, number), (file, number), ("", number))
        elif self.column not in chunk.frame:
            raise ConfigError(
                f'{self.where} has the column "{self.column}", which the input does not have. '
                f"The input has: {', '.join(map(str, chunk.frame))}."
            )
        else:
            yield str(chunk.frame[self.column].iloc[offset])


def shown(name: str | tuple[str, int]) -> str:
    """The name of a row in an error."""
    if isinstance(name, str):
        return name
    file, row = name
    return f"{file}, row {row}" if file else f"row {row}"


def text_table(path: Path) -> pd.DataFrame:
    """A small table as text, told from its first bytes: Parquet, JSON lines, or else CSV."""
    with path.open("rb") as file:
        head = file.read(64).lstrip()
    if head.startswith(b"PAR1"):
        records = pq.read_table(path).to_pylist()
    elif head.startswith(b"{"):
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
        if not all(isinstance(record, dict) for record in records):
            raise ValueError("a line of it is no JSON object")
    else:
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    return pd.DataFrame([{name: str(cell) for name, cell in record.items()} for record in records]).fillna("")


def row_number(path: Path, text: str) -> int:
    """The number of a row.

    Raises:
        ConfigError: it is none.
    """
    if not (text.isascii() and text.isdigit()):
        raise ConfigError(f'{path}: "{text}" is not the number of a row.')
    return int(text)


def prepare_retry(settings: Settings, *, mapping: Mapping | None = None, watch: Watch | None = None) -> Plan:
    """The plan to send a checkpoint's rejected rows again, with its mapping or a mended one.

    Args:
        settings: what is asked.
        mapping: the mended one, in place of a mapping file.
        watch: shows how far the reading is.

    Raises:
        SourceError, MappingError, ConfigError, CheckpointError: nothing was sent.
    """
    if settings.checkpoint is None:
        raise ConfigError("A retry needs a checkpoint file.")
    ledger = Checkpoint.open(settings.checkpoint)
    stored = ledger.identity.mapping
    refuse_missing_table(ledger, settings.files, settings.table)
    with hint_of_moved(settings.files):
        plan = draw_up(settings, ledger, mapping or parse_mapping(stored, str(ledger.path)), watch=watch)
    mended = stored if write_mapping(plan.mapper.mapping) != stored else None
    if mended:
        refuse_other_devices(plan, ledger, parse_mapping(stored, str(ledger.path)))
    plan = replace(plan, mended=mended)
    ledger.refuse_other(identity(plan))
    return plan


def refuse_other_devices(plan: Plan, ledger: Checkpoint, stored: Mapping) -> None:
    """Which row of a device is the newest at the vendor is only known while devices stay the same.

    Raises:
        ConfigError: the mended mapping takes a user's device from elsewhere, and rows were sent.
    """
    before, now = stored.fields.get("hwid"), plan.mapper.mapping.fields.get("hwid")
    account = ledger.account()
    if ledger.identity.kind.method.last_wins and before != now and account.confirmed + account.in_doubt:
        raise ConfigError(
            f"{plan.settings.mapping or 'The mapping'} takes hwid from elsewhere than the mapping with which "
            f"{ledger.path} was loaded so far. Which row of a device came last would not be known any more. "
            "Nothing was sent. Keep hwid as it was, or load the mended rows as a file of their own "
            "(`failures --rejected`)."
        )


def to_retry(checkpoint: Path, phases: Collection[Phase]) -> int:
    """How many rows a retry would send: those rejected (in those phases), and those given back before."""
    ledger = Checkpoint.open(checkpoint)
    return len(rejected(ledger, phases)) + len(ledger.given_back)


def rejected(ledger: Checkpoint, phases: Collection[Phase]) -> list[ExceptionRow]:
    """The rejected rows, by who rejected them."""
    return [row for row in ledger.exceptions(State.REJECTED) if row.phase in phases]


def retry(
    plan: Plan, phases: Collection[Phase], *, brake: Brake, watch: Watch, session: Session | None = None
) -> tuple[Result, dict[int, int]]:
    """Send rejected rows again, and those that `resolve` gave back; only those.

    After a crash in the middle the same again goes on: what is given back and not yet sent stays so.

    Returns:
        How it ended; and the users' rows that stay rejected, each with the later row of its device.

    Raises:
        CheckpointError: as `load`.
    """
    later: dict[int, int] = {}

    def choose(journal: Journal) -> Iterator[range]:
        if plan.mended is not None:
            journal.remap(write_mapping(plan.mapper.mapping))
        ledger = Checkpoint.open(journal.path)
        rows = rejected(ledger, phases)
        if plan.settings.kind.method.last_wins:
            given_back = set(journal.given_back)
            wanted = {row.ordinal for row in rows} | given_back
            doubts = {row.ordinal for row in ledger.exceptions(State.IN_DOUBT)}
            later.update(overtaken(plan.source, plan.mapper, journal, wanted, doubts))
            refuse_overtaken(plan, journal, {row: later[row] for row in later if row in given_back})
        journal.decide(Decision.RETRY, [row for row in rows if row.ordinal not in later])
        return runs(journal.given_back)

    return load(plan, brake=brake, watch=watch, choose=choose, session=session), later
