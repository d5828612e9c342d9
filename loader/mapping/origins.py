"""Where a value comes from: a column, the first of several, a template, a constant; as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from loader.mapping import ids
from loader.mapping.cells import present, without
from loader.mapping.encode import repeated
from loader.mapping.findings import Fault, Origin
from loader.mapping.lookups import Match, build_blank, build_missing
from loader.mapping.names import template_columns, template_pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loader.mapping.findings import Findings
    from loader.mapping.rules import Rule, Scalar
    from loader.mapping.table import Table
    from loader.mapping.zones import Mask

    Clean = Callable[[pa.Array], pa.Array]

_UNLISTED = Fault("is not listed in values", "Add it to values in the mapping.")
_EMPTY = Fault("is empty, and the mapping requires it", "Fill it, or remove required from the mapping.")


def as_they_are(cells: pa.Array) -> pa.Array:
    """The cells."""
    return cells


def columns_of(rule: Rule) -> Origin:
    """The columns that a value is taken from, or by whose cells it is looked up."""
    columns = Origin(rule.column or template_columns(rule.template or ""))
    if rule.lookup is not None:
        columns.found_in = f'"{rule.lookup.value}" of {rule.lookup.lookup}'
    return columns


def texts(
    rule: Rule,
    table: Table,
    findings: Findings,
    clean: Clean = as_they_are,
    *,
    keep_unlisted: bool = False,
) -> pa.Array:
    """Read a rule's value in each row as text; null if a row has none.

    A row is rejected if its cell is not text, is not in the table of values (unless `keep_unlisted`), or is
    empty but required.

    Args:
        rule: where the values come from.
        table: the chunk.
        findings: takes the rejected rows.
        clean: makes cells null that are empty for this use of the column.
        keep_unlisted: whether a cell that is not in the table of values is its own value.
    """
    if rule.const is not None:
        return repeated(scalar_text(rule.const) or None, table.rows)
    columns = columns_of(rule)
    for column in columns:
        for found in table.broken(column):
            findings.add(found.rows, [found.column], found.texts, found.fault)
    found, match = _read_cells(rule, table, clean)
    if match is not None and rule.join is not None:
        findings.matches[rule.join] = match
    if rule.values is not None:
        found = _looked_up(rule, found, findings, keep_unlisted=keep_unlisted)
    if rule.default is not None and rule.default != "":
        found = pc.fill_null(found, scalar_text(rule.default))
    if rule.required:
        reject_missing(rule, ~present(found), table, findings, "the mapping requires a value")
        findings.add(~present(found), columns, None, _EMPTY)
    return found


def before_values(rule: Rule, table: Table) -> pa.Array:
    """The cells of a rule as they are looked up in its table of values; null if a row has none."""
    return _read_cells(rule, table, as_they_are)[0]


def reject_missing(rule: Rule, rows: Mask, table: Table, findings: Findings, because: str) -> None:
    """Reject those of some rows for whose key the look-up of a rule has nothing.

    Args:
        rule: a rule whose texts were read.
        rows: the rows that have no value and need one.
        table: the chunk.
        findings: takes the rejected rows.
        because: why they need one, as the end of a sentence.
    """
    match = findings.matches.get(rule.join) if rule.join is not None else None
    if match is None or rule.lookup is None or not rows.any():
        return
    columns = Origin(columns_of(rule))  # the cell is at fault, not what was found by it
    fault = build_missing(rule.lookup, table.lookups.count_keys(rule.lookup), because)
    findings.add(rows & match.missing, columns, match.keys, fault)
    blank = rows & present(match.keys) & ~match.missing
    findings.add(blank, columns, match.keys, build_blank(rule.lookup, because))


def _read_cells(rule: Rule, table: Table, clean: Clean) -> tuple[pa.Array, Match | None]:
    """The cells of a rule, or what its look-up has for them; then also what became of the keys."""
    cells = _template(rule, table, clean) if rule.template is not None else _first(rule, table, clean)
    cells = _tidied(rule, cells, table.nothing)
    join = rule.join
    if join is None or rule.lookup is None:
        return cells, None
    values, rows = table.look_up(join, rule.lookup, cells)
    values = clean(without(values, (*table.nothing, *rule.null_values)))
    return values, Match(cells, present(cells) & (rows < 0))


def _tidied(rule: Rule, found: pa.Array, nothing: Sequence[str]) -> pa.Array:
    if rule.trim:
        found = ids.trimmed(found)
        # A word for nothing is one with blanks around it too, if the mapping says that blanks do not matter.
        found = without(found, ("", *nothing, *rule.null_values))
    if rule.case is not None:
        found = pc.utf8_lower(found) if rule.case == "lower" else pc.utf8_upper(found)
    return found


def _first(rule: Rule, table: Table, clean: Clean) -> pa.Array:
    cells = [clean(table.text(column, rule.null_values)) for column in rule.column]
    return cells[0] if len(cells) == 1 else pc.coalesce(*cells)


def _template(rule: Rule, table: Table, clean: Clean) -> pa.Array:
    parts: list[pa.Array | str] = []
    for literal, column in template_pieces(rule.template or ""):
        parts += [literal] if literal else []
        parts += [clean(table.text(column, rule.null_values))] if column else []
    return pc.binary_join_element_wise(*parts, "")


def _looked_up(rule: Rule, cells: pa.Array, findings: Findings, *, keep_unlisted: bool) -> pa.Array:
    known = rule.values or {}
    position = pc.index_in(cells, value_set=pa.array(list(known), pa.string()))
    unlisted = present(cells) & ~present(position)
    targets = pa.array([scalar_text(value) or None for value in known.values()], pa.string()).take(position)
    if keep_unlisted:
        return pc.if_else(pa.array(unlisted), cells, targets)
    findings.add(unlisted, columns_of(rule), cells, _UNLISTED)
    return targets


def scalar_text(value: Scalar) -> str:
    """A constant of the mapping as a cell would hold it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
