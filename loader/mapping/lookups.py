"""What the mapping asks of look-ups, and what becomes of the keys of one chunk. `loader.lookups` answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn, Protocol

import numpy as np
import pyarrow as pa

from loader.mapping.findings import Fault
from loader.mapping.names import template_columns
from loader.text.escape import quote
from loader.text.nouns import count_things

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from collections.abc import Mapping as ReadOnlyDict

    from loader.mapping.rules import Join, LookUp, Mapping
    from loader.mapping.zones import Mask
    from loader.model import LookUpRecord

Places = np.ndarray[Any, np.dtype[np.int64]]


class LookUps(Protocol):
    """The tables in which the rules of a mapping look up keys."""

    @property
    def records(self) -> tuple[LookUpRecord, ...]:
        """Which tables these are, by their content."""

    def find(self, lookup: LookUp, keys: pa.Array) -> Places:
        """The row that has each key; -1 if none has it, or the key is null."""

    def read(self, lookup: LookUp, rows: Places) -> pa.Array:
        """The values in some rows; null if a row is -1 or its value is empty."""

    def find_type(self, lookup: LookUp) -> pa.DataType:
        """The type that the values have in their table."""

    def count_keys(self, lookup: LookUp) -> int:
        """How many keys there are."""

    def list_keys(self, lookup: LookUp, count: int) -> list[str]:
        """The first of the keys."""


class NoLookUps:
    """The look-ups of a mapping that has none."""

    records: tuple[LookUpRecord, ...] = ()

    def find(self, lookup: LookUp, *_: object) -> NoReturn:
        """There is none to find a key in."""
        raise KeyError(lookup.lookup)

    read = find_type = count_keys = list_keys = find


NO_LOOKUPS = NoLookUps()


#: How many missing keys, and keys of the look-up beside them, are shown.
EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Match:
    """The keys of one chunk, and which of them the look-up has.

    Attributes:
        keys: a key for each row; null if its cell is empty.
        missing: the rows whose key the look-up does not have.
    """

    keys: pa.Array
    missing: Mask


class Matched(NamedTuple):
    """How the keys of some rows were found.

    Attributes:
        found, missing, empty: rows whose key is in the look-up, is not in it, is empty.
        examples: a few of the keys that are missing.
    """

    found: int = 0
    missing: int = 0
    empty: int = 0
    examples: tuple[str, ...] = ()

    @classmethod
    def of(cls, match: Match) -> Matched:
        """Count the keys of a chunk."""
        missing, empty = int(match.missing.sum()), match.keys.null_count
        first = match.keys.take(pa.array(np.flatnonzero(match.missing)[: 50 * EXAMPLES])).unique()
        return cls(len(match.keys) - missing - empty, missing, empty, tuple(first.to_pylist()[:EXAMPLES]))

    def add(self, other: Matched) -> Matched:
        """The counts of both."""
        examples = tuple(dict.fromkeys((*self.examples, *other.examples)))[:EXAMPLES]
        found, missing, empty = (
            self.found + other.found,
            self.missing + other.missing,
            self.empty + other.empty,
        )
        return Matched(found, missing, empty, examples)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.found + self.missing + self.empty


class LookedUp(NamedTuple):
    """How the keys of the input were found in one look-up.

    Attributes:
        lookup: the file, or the name of a table, as the mapping writes it.
        key: its column of keys.
        columns: the columns of the input whose cells are the keys.
        fields: the fields, attributes and tags that are looked up by it.
        keys: how many keys the look-up has.
        first_keys: the first of its keys.
        matched: the rows of the input.
        advice: what is the matter with keys that are missing, if that is known; else "".
    """

    lookup: str
    key: str
    columns: tuple[str, ...]
    fields: tuple[str, ...]
    keys: int
    first_keys: tuple[str, ...]
    matched: Matched
    advice: str


def list_looked_up(
    mapping: Mapping, lookups: LookUps, matched: ReadOnlyDict[Join, Matched]
) -> list[LookedUp]:
    """How the keys were found, for each column of keys and each way to make them."""
    found = []
    for join in dict.fromkeys(rule.join for _, rule in mapping.joining):
        users = [(name, rule) for name, rule in mapping.joining if rule.join == join]
        lookup = users[0][1].lookup
        if join is None or lookup is None:
            continue
        here, first = matched.get(join, Matched()), tuple(lookups.list_keys(lookup, EXAMPLES))
        found.append(
            LookedUp(
                join.lookup,
                join.key,
                join.columns or tuple(template_columns(join.template or "")),
                tuple(name for name, _ in users),
                lookups.count_keys(lookup),
                first,
                here,
                advise(lookup, lookups, here.examples, first),
            )
        )
    return found


def advise(lookup: LookUp, lookups: LookUps, missing: Sequence[str], there: Sequence[str]) -> str:
    """How keys that are missing are written in the look-up, if they are in it in another form.

    Args:
        lookup: the look-up.
        lookups: all of them.
        missing: a few keys that are missing.
        there: a few of its own keys.
    """
    for change, advice in _CHANGES:
        changed = [change(text, there) for text in missing]
        for text, other in zip(missing, changed, strict=True):
            if text != other and lookups.find(lookup, pa.array([other], pa.string()))[0] >= 0:
                return f"{quote(text)} is {quote(other)} there. {advice}"
    return ""


_AS_TEXT = "Export both again as text, not through a program that takes ids for numbers."
_IN_CASE = "changes the cells of the input, if the look-up has no other letters."
#: How one id is written twice: from the form in the input to that in the look-up, and what to do.
_CHANGES: Final[tuple[tuple[Callable[[str, Sequence[str]], str], str], ...]] = (
    (lambda text, _: text.strip(), "trim = true removes the blanks around the cells of the input."),
    (lambda text, _: text.lower(), f'case = "lower" {_IN_CASE}'),
    (lambda text, _: text.upper(), f'case = "upper" {_IN_CASE}'),
    (lambda text, _: text.lstrip("0"), _AS_TEXT),
    (lambda text, there: text.zfill(max(map(len, there), default=0)), _AS_TEXT),
    (lambda text, _: text.removesuffix(".0"), _AS_TEXT),
    (lambda text, _: f"{text}.0", _AS_TEXT),
    (lambda text, _: text.strip("\"'"), "Export the ids of the input again without quotes around them."),
    (lambda text, _: text.replace("-", ""), "Export both in the same form."),
)


# Another content under the same name would be another load.
_COPY = " (if rows were loaded with it, in a copy that the mapping then names)"


def build_missing(lookup: LookUp, keys: int, because: str) -> Fault:
    """Why a row is rejected whose key is missing.

    Args:
        lookup: where it was looked up.
        keys: how many keys there are.
        because: why the row needs a value, as the end of the sentence.
    """
    among = f'is not among the {count_things(keys, "key")} in column "{lookup.key}" of {lookup.lookup}'
    return Fault(
        f"{among}, and {because}",
        f"Add it to {lookup.lookup}{_COPY}, correct the cell, or set default in the mapping.",
    )


def build_blank(lookup: LookUp, because: str) -> Fault:
    """Why a row is rejected whose key has no value; `because` as for `build_missing`."""
    return Fault(
        f'has nothing in column "{lookup.value}" of {lookup.lookup}, and {because}',
        f"Fill it in {lookup.lookup}{_COPY}, correct the cell, or set default in the mapping.",
    )
