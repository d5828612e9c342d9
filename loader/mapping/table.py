"""One chunk's frame by columns. Each column, and each column inside another, is converted once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from loader.mapping.cells import as_text, from_chunks, from_series, plain, unwritable_times, without
from loader.mapping.encode import nulled
from loader.mapping.findings import Fault
from loader.mapping.lookups import NO_LOOKUPS
from loader.mapping.nested import jsontext, paths, steps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import pandas as pd

    from loader.mapping.lookups import LookUps
    from loader.mapping.nested.jsontext import Cells
    from loader.mapping.rules import Join, LookUp
    from loader.mapping.zones import Mask

    Places = np.ndarray[Any, np.dtype[np.int64]]

_NOT_TEXT = Fault("is not text in UTF-8", "Fix the cell where it was exported.")
_NO_TIME = Fault("is a date or time beyond all calendars", "Fix the cell where it was exported.")
_NOT_JSON = Fault(
    "is not a readable JSON object",
    "Fix the cell where it was exported, or do not open this column in the mapping.",
)


_IN_A_LIST = Fault(
    "lies in a list, and the mapping does not say in which of its elements",
    "Name the element in the mapping, as in list.0.member for the first one.",
)


class Broken(NamedTuple):
    """Cells that cannot be read: the rows, the column that holds them, its texts to show, the reason."""

    rows: Mask
    column: str
    texts: pa.Array | None
    fault: Fault


class Table:
    """One frame. A name is the name of a column, or a dotted name for something inside one (see `paths`).

    Cells that cannot be read (bytes that are not UTF-8, lone surrogates, broken JSON) are null here, and
    `broken` lists them.

    Args:
        frame: the rows; an Arrow table if there is no frame of them yet.
        nothing: cells that are exactly one of these texts are null too.
        kept: which rows of the frame these are, by their places in it, ascending; None for all.
        lookups: the tables in which cells are looked up.
    """

    def __init__(
        self,
        frame: pd.DataFrame | pa.Table,
        nothing: Sequence[str] = (),
        kept: Places | None = None,
        *,
        lookups: LookUps = NO_LOOKUPS,
    ) -> None:
        self.rows = len(frame) if kept is None else len(kept)
        self._kept = kept
        self.nothing = tuple(nothing)
        self.lookups = lookups
        self._found: dict[Join, tuple[pa.Array, Places]] = {}
        self._frame = frame
        self._names = frozenset(frame.column_names if isinstance(frame, pa.Table) else frame.columns)
        self._columns: dict[str, pa.Array] = {}
        self._texts: dict[str, pa.Array] = {}
        self._cells: dict[str, Cells] = {}
        self._broken: dict[str, Broken] = {}

    def keep(self, kept: Places) -> Table:
        """Some rows of this table, by their places in it, ascending; a column is cut when it is read."""
        kept = kept if self._kept is None else self._kept[kept]
        return Table(self._frame, self.nothing, kept, lookups=self.lookups)

    def column(self, name: str, nothing: Sequence[str] = ()) -> pa.Array:
        """The cells with their own plain type: no binary, one string type; NaN is null.

        Args:
            name: of the column.
            nothing: more texts that mean nothing, in this use of the column alone.
        """
        if name not in self._columns:
            self._columns[name] = without(self._converted(name), self.nothing)
        return without(self._columns[name], nothing)

    def text(self, name: str, nothing: Sequence[str] = ()) -> pa.Array:
        """The cells as text; an empty cell is null. `nothing` as for `column`."""
        if name not in self._texts:
            texts = as_text(self.column(name))
            empty = pc.equal(texts, "")
            self._texts[name] = nulled(empty, texts) if pc.any(empty).as_py() else texts
        return without(self._texts[name], nothing)

    def cells(self, name: str) -> Cells:
        """A column of JSON text, parsed."""
        if name not in self._cells:
            texts = self.column(name)
            cells = self._cells[name] = jsontext.Cells(texts)
            if cells.wrong.any():
                self._broken[name] = Broken(cells.wrong, name, texts, _NOT_JSON)
        return self._cells[name]

    def broken(self, name: str) -> Iterator[Broken]:
        """The cells that cannot be read in a column, or in those around it."""
        self.column(name)
        for holder, found in self._broken.items():
            if name == holder or steps.lies_in(name, holder):
                yield found

    def look_up(self, join: Join, lookup: LookUp, keys: pa.Array) -> tuple[pa.Array, Places]:
        """Find the row of the look-up that has each key, and read the values there.

        Rules that make the same keys share the search.
        """
        known = self._found.get(join)
        if known is None or not (known[0] is keys or known[0].equals(keys)):
            known = self._found[join] = keys, self.lookups.find(lookup, keys)
        return self.lookups.read(lookup, known[1]), known[1]

    def _converted(self, name: str) -> pa.Array:
        place = steps.split_name(name, self._names)
        if place is None:
            raise KeyError(name)
        top, path = place
        if not path:
            frame = self._frame
            array, unreadable = (
                from_chunks(frame.column(top)) if isinstance(frame, pa.Table) else from_series(frame[top])
            )
            if self._kept is not None:
                array = array.take(pa.array(self._kept))
                unreadable = None if unreadable is None else unreadable[self._kept]
            return self._noted(name, paths.unwrap(array), unreadable)
        array, rest = paths.inside(self.column(top), path)
        if not rest:
            return self._noted(name, *plain(array))
        holder = steps.holder_of(name, rest)
        array, in_a_list = self.cells(holder).texts(rest)
        if in_a_list is not None:
            self._broken[name] = Broken(in_a_list, name, None, _IN_A_LIST)
        return array

    def _noted(self, name: str, array: pa.Array, unreadable: Mask | None) -> pa.Array:
        if unreadable is not None and unreadable.any():
            self._broken[name] = Broken(unreadable, name, None, _NOT_TEXT)
        unwritable = unwritable_times(array)
        if unwritable is not None and unwritable.any():
            self._broken[name] = Broken(unwritable, name, None, _NO_TIME)
        return array
