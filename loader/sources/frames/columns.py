"""One column of a DataFrame as Arrow arrays of one type, a block at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa

from loader.column_types import plain_type
from loader.model import Unreadable
from loader.sources.frames import objects
from loader.sources.frames.arrow import Unsendable, plain, whole

if TYPE_CHECKING:
    from collections.abc import Callable


class Column(Protocol):
    """A column in memory."""

    @property
    def type(self) -> pa.DataType:
        """The Arrow type of all its blocks; only texts that are no UTF-8 come as bytes."""

    def cells(self, start: int, stop: int) -> pa.Array:
        """The cells of some rows."""

    def unreadable(self, start: int, stop: int) -> dict[int, str]:
        """Of some rows those, by their offset, whose cell must not be sent, each with the reason."""


@dataclass(frozen=True, slots=True)
class Converted:
    """A column whose blocks are converted when they are asked for."""

    type: pa.DataType
    convert: Callable[[int, int], pa.Array]
    refuse: Callable[[int, int], dict[int, str]] = lambda _start, _stop: {}

    def cells(self, start: int, stop: int) -> pa.Array:
        """The cells of some rows."""
        return self.convert(start, stop)

    def unreadable(self, start: int, stop: int) -> dict[int, str]:
        """Of some rows those, by their offset, whose cell must not be sent, each with the reason."""
        return self.refuse(start, stop)


def arrow_column(cells: pa.ChunkedArray, kind: pa.DataType) -> Column:
    """A column of an Arrow table, read as a plain type."""
    return Converted(kind, lambda start, stop: plain(whole(cells.slice(start, stop - start)), kind))


def pandas_column(series: pd.Series[Any], name: str) -> Column:
    """A column of a DataFrame, with the type that it has.

    Raises:
        Unsendable: its type, or that of a cell, has no form in JSON.
    """
    dtype = series.dtype
    _refuse(dtype, name)
    if isinstance(dtype, pd.CategoricalDtype):
        return _categorical(series, name)
    if isinstance(dtype, pd.SparseDtype):
        if dtype.subtype.kind == "O":
            return pandas_column(pd.Series(np.asarray(series.array)), name)
        _refuse(dtype.subtype, name)
        return _typed(series, name, lambda piece: np.asarray(piece.array))
    if getattr(dtype, "kind", "") == "O" and isinstance(dtype, np.dtype):
        return _objects(series.to_numpy(), name)
    return _typed(series, name, lambda piece: piece.array)


def _typed(series: pd.Series[Any], name: str, array: Callable[[pd.Series[Any]], Any]) -> Column:
    """A column whose own type says what its cells are."""
    try:
        kind = plain_type(pa.array(array(series.iloc[:0]), from_pandas=True).type)
    except (pa.ArrowException, TypeError, ValueError):
        raise Unsendable(
            name, f"{series.dtype}, which is not known here", "Make it text or numbers"
        ) from None

    def convert(start: int, stop: int) -> pa.Array:
        cells = array(series.iloc[start:stop])
        try:
            return plain(whole(pa.array(cells, from_pandas=True)), kind)
        except UnicodeEncodeError:  # lone surrogates
            return objects.converted(np.asarray(cells, dtype=object), pa.string())

    return Converted(kind, convert)


def _objects(cells: objects.Objects, name: str) -> Column:
    """A column of Python objects."""
    kind = objects.decide(cells, name)

    def convert(start: int, stop: int) -> pa.Array:
        return objects.converted(cells[start:stop], kind)

    reason = f'column "{name}" holds among texts a floating-point number, which may have lost digits of an id'

    def refuse(start: int, stop: int) -> dict[int, str]:
        return {
            offset: Unreadable.of(reason, f": {float(cells[start + offset])!r}. Make it text or an integer.")
            for offset in objects.inexact(cells[start:stop])
        }

    # Only among texts would an inexact number be taken for what is written.
    mixed = pa.types.is_string(kind) and objects.has_floats(cells)
    return Converted(kind, convert, refuse) if mixed else Converted(kind, convert)


def _categorical(series: pd.Series[Any], name: str) -> Column:
    """The values of a categorical, whatever the order of its categories and those that no row has."""
    categories = pandas_column(pd.Series(series.cat.categories), name)
    values = categories.cells(0, len(series.cat.categories))
    codes = series.cat.codes.to_numpy()

    def convert(start: int, stop: int) -> pa.Array:
        piece = codes[start:stop]
        return values.take(pa.array(piece.astype(np.int64), mask=piece < 0))

    return Converted(categories.type, convert)


def _refuse(dtype: Any, name: str) -> None:
    """Refuse types that have no form in JSON, each with its way out.

    Raises:
        Unsendable: it is one of them.
    """
    column = f'frame["{name}"]'
    if isinstance(dtype, pd.PeriodDtype):
        raise Unsendable(
            name,
            f"periods ({dtype}), and no one instant",
            f"Make them times ({column}.dt.to_timestamp()) or text ({column}.astype(str))",
        )
    if isinstance(dtype, pd.IntervalDtype):
        raise Unsendable(name, f"intervals ({dtype})", f"Make them text ({column}.astype(str))")
    if getattr(dtype, "kind", "") == "c":
        raise Unsendable(name, f"complex numbers ({dtype})", f"Make them numbers ({column}.abs())")
