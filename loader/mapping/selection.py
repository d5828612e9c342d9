"""Which rows of a chunk are no part of the load, and why: `[rows]`, and `unlisted` beside `values`.

That depends on the row and the mapping alone, so any later look at the same row gives the same answer. A cell
that cannot be read is compared with nothing: its row stays in the load, and is rejected there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.mapping import instants, origins
from loader.mapping.cells import as_text, present
from loader.mapping.encode import numpy_mask
from loader.mapping.findings import Findings
from loader.mapping.instants import Window
from loader.mapping.zones import locate, parse_zone
from loader.model import LeftOut
from loader.text.escape import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from loader.mapping.rules import Mapping, RowRules, Rule
    from loader.mapping.table import Table
    from loader.mapping.zones import Mask
    from loader.model import Chunk

Ordinals = np.ndarray[Any, np.dtype[np.int64]]

SELECTION = "selection: "
REPEAT = "repeat of another row"


class Repeats(Protocol):
    """Knows which rows of the input repeat another one."""

    def within(self, rows: range) -> tuple[Ordinals, Ordinals]:
        """The repeats among some rows, ascending, and for each the row that goes in its place."""


@dataclass(frozen=True, slots=True)
class Outside:
    """Rows of a chunk that are no part of the load, for one reason.

    Attributes:
        rows: a row of the chunk each.
        reason: why, in words that repeat no cell.
        subject: what is wrong with the cells: ``selection: event_name is``; "" if nothing is.
        texts: the cells that `subject` speaks of.
        column: the column that they are in.
        originals: of repeats, the ordinals of the rows that go in their place.
    """

    rows: Mask
    reason: str
    subject: str = ""
    texts: pa.Array | None = None
    column: str = ""
    originals: Ordinals | None = None

    def explain(self, offset: int, place: Callable[[int], str] = "row {}".format) -> str:
        """Why one row is left out; `place` says where a row is, by its ordinal."""
        if self.originals is not None:
            return f"repeat of {place(int(self.originals[offset]))}"
        if self.texts is None:
            return self.reason
        text = self.texts[offset].as_py()
        return f"{self.subject} {'empty' if text is None else quote(text)}"

    def read_value(self, offset: int) -> str | None:
        """The cell of one row that decided it, or None."""
        return None if self.texts is None else self.texts[offset].as_py()

    def left_out(self, first: int, pieces: Sequence[range]) -> LeftOut | None:
        """The rows among some ascending ranges; `first` is the ordinal of the chunk's first row."""
        low, high = pieces[0].start - first, pieces[-1].stop - first
        rows = self.rows[low:high]
        if len(pieces) > 1:
            wanted = np.zeros(high - low, np.bool_)
            for piece in pieces:
                wanted[piece.start - first - low : piece.stop - first - low] = True
            rows = rows & wanted
        if not rows.any():
            return None
        bits = int.from_bytes(np.packbits(rows, bitorder="little").tobytes(), "little")
        return LeftOut(self.reason, pieces[0].start, bits)


def find_outside(mapping: Mapping, table: Table, chunk: Chunk, now: datetime) -> list[Outside]:
    """Find the rows of a chunk that the mapping leaves out; each is in one of the results.

    Args:
        mapping: an effective one, with zones written out.
        table: the chunk by columns.
        chunk: the chunk; records that cannot be read are not left out.
        now: the start of the load.
    """
    found: list[Outside] = []
    left = np.ones(table.rows, np.bool_)
    left[[*chunk.unreadable, *chunk.no_data]] = False
    for outside in _look(mapping, table, now):
        rows = outside.rows & left
        if rows.any():
            found.append(replace(outside, rows=rows))
            left &= ~rows
    return found


def mark_repeats(repeats: Repeats, chunk: Chunk) -> list[Outside]:
    """Find the rows of a chunk that repeat another row."""
    found, goes = repeats.within(chunk.rows)
    if not len(found):
        return []
    rows, originals = np.zeros(len(chunk.frame), np.bool_), np.zeros(len(chunk.frame), np.int64)
    rows[found - chunk.first] = True
    originals[found - chunk.first] = goes
    return [Outside(rows, REPEAT, originals=originals)]


def join_keys(columns: Sequence[str], table: Table, among: Mask) -> tuple[Mask, pa.Array]:
    """Which of some rows have a key in some columns, and their keys as bytes; empty cells make no key."""
    texts = [read_comparable(column, table) for column in columns]
    known = np.logical_or.reduce([present(each) for each in texts]) & among
    if len(texts) == 1:
        keys = texts[0]
    else:
        # With their lengths, so that no two keys are joined to the same bytes.
        lengths = [pc.binary_length(each).cast(pa.string()) for each in texts]
        sized = map(pc.binary_join_element_wise, lengths, texts, [":"] * len(texts))
        keys = pc.binary_join_element_wise(*(pc.fill_null(each, "-") for each in sized), ",")
    return known, keys.filter(pa.array(known)).cast(pa.binary())


def read_comparable(column: str, table: Table) -> pa.Array:
    """The cells of a column as texts that do not depend on the unit in which a file keeps its times."""
    texts = table.text(column)
    if not pa.types.is_timestamp(table.column(column).type):
        return texts
    short = pc.replace_substring_regex(texts, r"(\.\d*?)0+(Z?)$", r"\1\2")
    return pc.replace_substring_regex(short, r"\.(Z?)$", r"\1")


def _look(mapping: Mapping, table: Table, now: datetime) -> Iterator[Outside]:
    rules = mapping.rows
    for column, texts in rules.only.items():
        yield _compare(column, texts, table, listed=False)
    for column, texts in rules.excluded.items():
        yield _compare(column, texts, table, listed=True)
    for name, rule in mapping.fields.items():
        if rule.unlisted != "reject":
            yield _find_unlisted(name, rule, table)
    if rules.timed:
        yield from _find_outside_period(rules, mapping.fields["timestamp"], table, now)


def _compare(column: str, texts: Sequence[str], table: Table, *, listed: bool) -> Outside:
    cells, kind = read_comparable(column, table), table.column(column).type
    wanted = [spell_value(text, kind) for text in texts if text]
    found = numpy_mask(pc.is_in(cells, value_set=pa.array(wanted, pa.string())))
    if "" in texts:
        found |= numpy_mask(pc.is_null(cells))
    rows = found if listed else ~found
    for broken in table.broken(column):
        rows = rows & ~broken.rows
    reason = f"{SELECTION}{column} is {'listed in except' if listed else 'not listed in only'}"
    return Outside(rows, reason, f"{SELECTION}{column} is", cells, column)


@lru_cache(maxsize=1024)
def spell_value(text: str, kind: pa.DataType) -> str:
    """A listed value as the text of a cell with that value: in a column of numbers 2.00, 2.0 and 2 are one.

    A column of texts has no values: there the text itself is compared.
    """
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        return text
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    if not number.is_finite():
        return text
    if pa.types.is_floating(kind):
        return str(as_text(pa.array([float(number)], pa.float64()).cast(kind, safe=False))[0].as_py())
    if number == number.to_integral_value():
        return format(number.to_integral_value(), "f")
    return format(number.normalize(), "f")


def _find_unlisted(name: str, rule: Rule, table: Table) -> Outside:
    cells = origins.before_values(rule, table)
    known = pa.array(list(rule.values or {}), pa.string())
    rows = numpy_mask(cells.is_valid()) & ~numpy_mask(pc.is_in(cells, value_set=known))
    where = ", ".join(origins.columns_of(rule))
    reason, subject = f"{SELECTION}{name} is not listed in values", f"{SELECTION}{where} is not listed:"
    return Outside(rows, reason, subject, cells, where)


def _find_outside_period(rules: RowRules, rule: Rule, table: Table, now: datetime) -> Iterator[Outside]:
    # A time that cannot be read, or is not plausible, is not outside: the load rejects it, with the reason.
    findings = Findings.of_rows(table.rows)
    found = instants.read(rule, table, findings, Window.of(rule.clock, now))
    texts, columns = origins.texts(rule, table, findings), ", ".join(origins.columns_of(rule))
    start, end = find_bounds(rules)
    if start is not None:
        before = found.known & (found.utc < start)
        reason = f"{SELECTION}before {rules.start}"
        yield Outside(before, reason, f"{reason}:", texts, columns)
    if end is not None:
        after = found.known & (found.utc >= end)
        reason = f"{SELECTION}after the end, {rules.end}"
        yield Outside(after, reason, f"{reason}:", texts, columns)


def find_bounds(rules: RowRules) -> tuple[int | None, int | None]:
    """The first second of a period, and the first one behind it, since 1970.

    The last day belongs to the period as a whole; an instant at its end does not.
    """
    start = None if rules.start is None else _to_seconds(rules.start, rules.zone)
    end = rules.end
    if end is not None and not isinstance(end, datetime):
        end += timedelta(days=1)
    return start, None if end is None else _to_seconds(end, rules.zone)


def _to_seconds(moment: date | datetime, zone: str | None) -> int:
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    if moment.tzinfo is not None:
        return math.ceil(moment.timestamp())
    wall = np.array([np.datetime64(moment, "s").astype(np.int64)])
    known = parse_zone(zone or "Z")
    # If the clocks skipped midnight, the day begins where they were set to.
    located = locate(wall, 0 if known is None else known, ambiguous="earlier", nonexistent="shift")
    return int(located.utc[0])
