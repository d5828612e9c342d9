"""Open the look-ups that a mapping names: each table is read once, by the readers of all input."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from loader.dialect import Dialect
from loader.errors import MappingError, SourceError, SourceMissing
from loader.lookups.table import LookUpTable
from loader.mapping.canonical_text import key_text
from loader.mapping.cells import is_nested
from loader.mapping.fields import plain
from loader.mapping.nested.paths import Columns
from loader.model import FRAME_FORM, LookUpRecord
from loader.progress import ReadingProgress, Silent
from loader.sources import Odometer, open_source
from loader.stores import is_address
from loader.text.escape import quote
from loader.text.nouns import count_things

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from loader.lookups.texts import Rows
    from loader.mapping.rules import LookUp, Mapping, Nearby
    from loader.progress import Watch
    from loader.sources import Source, Survey

# Rows of a table that are taken at a time.
_CHUNK_ROWS = 1 << 16
# Columns that are named if none is like the wanted one.
_MOST_NAMES = 20


class OpenLookUps:
    """The look-ups of a mapping, open; they go when nobody holds them any more.

    Attributes:
        records: which tables these are.
    """

    def __init__(self) -> None:
        self.records: tuple[LookUpRecord, ...] = ()
        self._tables: dict[str, LookUpTable] = {}

    def add(self, record: LookUpRecord, table: LookUpTable) -> None:
        """Add one table."""
        self.records += (record,)
        self._tables[record.name] = table

    def find(self, lookup: LookUp, keys: pa.Array) -> Rows:
        """The row that has each key; -1 if none has it, or the key is null."""
        return self._tables[lookup.lookup].index(lookup.key).find(keys)

    def read(self, lookup: LookUp, rows: Rows) -> pa.Array:
        """The values in some rows; null if a row is -1 or its value is empty."""
        return self._tables[lookup.lookup].read(lookup.value, rows)

    def find_type(self, lookup: LookUp) -> pa.DataType:
        """The type that the values have in their table."""
        return self._tables[lookup.lookup].find_type(lookup.value)

    def count_keys(self, lookup: LookUp) -> int:
        """How many keys there are."""
        return len(self._tables[lookup.lookup].index(lookup.key))

    def list_keys(self, lookup: LookUp, count: int) -> list[str]:
        """The first of the keys."""
        table = self._tables[lookup.lookup]
        keys: list[str] = table.read(lookup.key, table.index(lookup.key).list_rows(count)).to_pylist()
        return keys


def open_lookups(
    mapping: Mapping,
    *,
    where: str,
    known: Sequence[LookUpRecord] = (),
    again: str = "",
    nothing: Sequence[str] = (),
    watch: Watch | None = None,
) -> OpenLookUps:
    """Open the look-ups of a mapping.

    Args:
        mapping: names them.
        where: the mapping, for messages.
        known: what they were when the load began.
        again: how Python opens the checkpoint of that load with its tables in memory, for messages.
        nothing: texts that mean nothing in every column.
        watch: shows how far the reading is.

    Raises:
        MappingError: with everything that is wrong with them.
        ConfigError: the folder for temporary files cannot take them.
    """
    lookups, problems = OpenLookUps(), list[str]()
    before = {record.name: record for record in known}
    for name in dict.fromkeys(rule.lookup.lookup for _, rule in mapping.joining if rule.lookup):
        opening = _Opening(name, mapping, before.get(name), again)
        try:
            table = opening.open(nothing, watch or Silent())
        except SourceError as error:
            problems.append(f"{opening.users}: {opening.explain(error)}")
            continue
        problems += opening.problems
        if table is not None:
            lookups.add(opening.record, table)
    if problems:
        raise MappingError(problems, where)
    return lookups


class _Opening:
    """One table on its way to a look-up.

    Attributes:
        users: the fields, attributes and tags that use it.
        problems: what is wrong with it.
    """

    def __init__(self, name: str, mapping: Mapping, known: LookUpRecord | None, again: str) -> None:
        found = [(user, rule.lookup) for user, rule in mapping.joining if rule.lookup is not None]
        self._wanted = [(user, lookup) for user, lookup in found if lookup.lookup == name]
        self.users = ", ".join(dict.fromkeys(user for user, _ in self._wanted))
        self.problems: list[str] = []
        self._name = name
        self._known = known
        self._again = again
        self._nearby = mapping.nearby
        self._dialect = mapping.lookups.get(name, Dialect())
        self._places = find_places(name, mapping.nearby, known)
        self._survey: Survey | None = None

    @property
    def record(self) -> LookUpRecord:
        """Which table it is, after it was opened."""
        return LookUpRecord(self._name, self._survey.files if self._survey else ())

    def open(self, nothing: Sequence[str], watch: Watch) -> LookUpTable | None:
        """Read it; None if there is a problem.

        Raises:
            SourceError: it cannot be read.
        """
        odometer, known = Odometer(), self._known.files if self._known else ()
        source = open_source(
            self._places,
            chunk_rows=_CHUNK_ROWS,
            dialect=self._dialect,
            known=known,
            table=self._nearby.tables.get(self._name),
            odometer=odometer,
        )
        columns = Columns(source.schema)
        for user, lookup in self._wanted:
            self.problems += [
                f"{user}: {problem}"
                for name in (lookup.key, lookup.value)
                if (problem := self._find_problem(name, columns))
            ]
        self._refuse_two_ways()
        if self.problems:
            return None
        with watch.reading(lambda: ReadingProgress(odometer.done, odometer.total)):
            self._survey = source.survey()
        return self._read(source, self._survey, columns, nothing, watch)

    def _read(
        self, source: Source, survey: Survey, columns: Columns, nothing: Sequence[str], watch: Watch
    ) -> LookUpTable | None:
        lookups, seen = [lookup for _, lookup in self._wanted], 0
        types = {each.value: kind for each in lookups if (kind := columns.type_of(each.value)) is not None}
        file = None if self._name in self._nearby.tables else source
        table = LookUpTable(lookups, types, (*nothing, *self._dialect.null_values), file)

        def progress() -> ReadingProgress:
            return ReadingProgress(seen, survey.rows, "rows", f"Reading {self._name}")

        with watch.reading(progress):
            for chunk in source.chunks():
                if unusable := {**chunk.no_data, **chunk.unreadable}:
                    offset = min(unusable)
                    self.problems.append(
                        f"{self.users}: {survey.place(chunk.first + offset)}: {unusable[offset]} A look-up "
                        "must be read as a whole. Fix or remove the row."
                    )
                    return None
                table.add(chunk)
                seen = chunk.rows.stop
            table.finish()
        self._refuse_doubled(table, survey)
        return None if self.problems else table

    def _refuse_doubled(self, table: LookUpTable, survey: Survey) -> None:
        """Refuse keys that stand in several rows, unless the mapping says which row counts."""
        for key in dict.fromkeys(lookup.key for _, lookup in self._wanted if not lookup.keep):
            doubled = table.index(key).doubled
            if doubled is None:
                continue
            more = f"{count_things(doubled.keys - 1, 'other key')}"
            others = f", and {more} also {'stands' if doubled.keys == 2 else 'stand'} in several rows"
            others = others if doubled.keys > 1 else ""
            text = table.read(key, np.array([doubled.first])).to_pylist()[0]
            self.problems.append(
                f'{self.users}: {survey.place(doubled.again)}: the key {quote(text)} in column "{key}" is '
                f"that of {survey.place(doubled.first)} too{others}. Remove all but one of the rows of each "
                'key, or write keep = "first" or keep = "last" beside lookup to say which row counts.'
            )

    def _refuse_two_ways(self) -> None:
        """Refuse two rules that keep different rows of one column of keys."""
        keeps: dict[str, str] = {}
        for user, lookup in self._wanted:
            if keeps.setdefault(lookup.key, lookup.keep) != lookup.keep:
                self.problems.append(
                    f'{user}: another rule looks up the key "{lookup.key}" of {self._name} with another '
                    "keep. Write the same keep in both."
                )

    def _find_problem(self, name: str, columns: Columns) -> str | None:
        kind = columns.type_of(name)
        if kind is None:
            by_name = {plain(known): known for known in [*columns.names(), *columns]}
            near = get_close_matches(plain(name), by_name, n=1, cutoff=0.6)
            listed = ", ".join(f'"{known}"' for known in list(columns)[:_MOST_NAMES])
            meant = f'Did you mean "{by_name[near[0]]}"?' if near else f"Its columns are {listed}."
            return f'the look-up {self._name} has no column "{name}". {meant}'
        if is_nested(kind):
            return (
                f'column "{name}" of the look-up {self._name} holds {kind}, which is more than one value. '
                'Name a member of it ("column.member").'
            )
        return None

    def explain(self, error: SourceError) -> str:
        """Why it cannot be read, and what to do."""
        if self._known is not None and any(file.form == FRAME_FORM for file in self._known.files):
            return (
                f"the look-up {self._name} is a table in Python's memory, which cannot be read from here. "
                f"Create it again in Python, and pass it there: {self._again} shows, reports and "
                "verifies the load. loader.retry, loader.resolve and loader.Ledger.take_over take the same "
                "lookups. To load again, pass it to the mapping: "
                f"loader.Mapping.read(path, lookups={{{self._name!r}: table}})."
            )
        if not isinstance(error, SourceMissing):
            table = f"[lookups.{key_text(self._name)}]"
            how = (
                f" What is set about how a look-up is written belongs under {table} in the mapping file, not "
                "under [source] or into an option."
            )
            return f"the look-up cannot be read. {error}{how if error.settings else ''}"
        where = "of the mapping file" if self._nearby.folder is not None else "in which the load runs"
        return (
            f"the look-up {self._name} was not found: there is no file {self._places[0]}. Its path is "
            f"relative to the folder {where}. Correct it, or put the file there."
        )


def find_places(name: str, nearby: Nearby, known: LookUpRecord | None) -> list[str]:
    """The paths of a look-up: beside the mapping, else where it was when the load began, else as written."""
    if name in nearby.tables or is_address(name):
        return [name]
    if nearby.folder is not None:
        return [str(nearby.folder / name)]
    if known is not None and known.files:
        return [file.name for file in known.files]
    return [str(Path(name))]
