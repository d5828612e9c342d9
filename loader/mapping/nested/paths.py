"""Columns by name, and values in them: ``properties.time`` in a struct, map, list or JSON text.

A column of the input comes first, so that a flattened export, whose header *is* ``properties.time``, and a
nested one take the same mapping. The same holds one level down: the longest name that exists is taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from loader.column_types import find_refusal
from loader.mapping.cells import as_text, cell_types, is_nested, is_text
from loader.mapping.encode import numpy_mask
from loader.mapping.nested import jsontext, keyed
from loader.mapping.nested.steps import holder_of, split_element, split_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loader.mapping.nested.steps import Element


class Columns:
    """The columns of an input with their types, and columns inside others by their dotted names."""

    def __init__(self, schema: pa.Schema) -> None:
        self._types = cell_types(schema)

    def __iter__(self) -> Iterator[str]:
        """The columns of the input itself."""
        return iter(self._types)

    def __contains__(self, name: str) -> bool:
        return self.type_of(name) is not None

    def __getitem__(self, name: str) -> pa.DataType:
        kind = self.type_of(name)
        if kind is None:
            raise KeyError(name)
        return kind

    def names(self) -> Iterator[str]:
        """The columns of the input, and what lies in those that are structs."""
        for name, kind in self._types.items():
            yield from (leaf for leaf, _ in leaves(kind, name))

    def json_holder(self, name: str) -> tuple[str, str] | None:
        """The column of JSON text in which a name lies and its path there; None if it lies in none."""
        found = split_name(name, self._types)
        kind, path = (self._types[found[0]], found[1]) if found else (pa.null(), "")
        while path and not is_text(kind := bare(kind)):
            kind, path = _step_into(kind, path) or (kind, "")
        return (holder_of(name, path), path) if path and is_text(kind) else None

    def top(self, name: str) -> str:
        """The column of the input in which a name lies, or the name itself if there is no such column."""
        found = split_name(name, self._types)
        return found[0] if found else name

    def type_of(self, name: str) -> pa.DataType | None:
        """The Arrow type of a column or of what lies inside one; None if there is none of this name."""
        found = split_name(name, self._types)
        if found is None:
            return None
        return type_inside(self._types[found[0]], found[1])

    def list_on_the_way(self, name: str) -> str | None:
        """The list in which a name would lie, if it does not say in which element; None if there is none."""
        found = split_name(name, self._types)
        kind, path = (self._types[found[0]], found[1]) if found else (pa.null(), "")
        while path and (step := _step_into(bare(kind), path)) is not None:
            kind, path = step
        is_plain = keyed.is_list(bare(kind)) and keyed.value_type(bare(kind)) is None
        return holder_of(name, path) if path and is_plain else None


def type_inside(kind: pa.DataType, path: str) -> pa.DataType | None:
    """The type of the value at a path, or of what holds it and is refused.

    A value in JSON text is text unless the mapping gives a type.
    """
    kind = bare(kind)
    if not path or find_refusal(kind) is not None:
        return kind
    if is_text(kind):
        return pa.string()
    if step := _step_into(kind, path):
        return type_inside(*step)
    values = keyed.value_type(kind)
    return keyed.plain_type(values) if values is not None and not path.startswith("[") else None


def _step_into(kind: pa.DataType, path: str) -> tuple[pa.DataType, str] | None:
    """The type of a struct's member or a list's element that the path names, and the rest; None if none."""
    if find_refusal(kind) is not None:
        return None
    if pa.types.is_struct(kind):
        found = split_name(path, [field.name for field in kind])
        return (kind.field(found[0]).type, found[1]) if found else None
    element = _split_list(kind, path)
    if element is None:
        return None
    which, rest = element
    compared = type_inside(kind.value_type, which.member) if which.place is None else pa.null()
    return None if compared is None or is_nested(compared) else (kind.value_type, rest)


def _split_list(kind: pa.DataType, path: str) -> tuple[Element, str] | None:
    """The element that the path names; a place in a list of keys and values is a key."""
    is_pairs = keyed.value_type(kind) is not None and not path.startswith("[")
    return split_element(path) if keyed.is_list(kind) and not is_pairs else None


def bare(kind: pa.DataType) -> pa.DataType:
    """The type without a dictionary, and without structs that only wrap a list."""
    if pa.types.is_dictionary(kind):
        return kind.value_type
    member = _wrapped(kind)
    return kind if member is None else pa.list_(bare(member))


def _wrapped(kind: pa.DataType) -> pa.DataType | None:
    """The members' type if this is ``struct<list: list<struct<element: ...>>>``, a list of BigQuery."""
    if not pa.types.is_struct(kind) or [field.name for field in kind] != ["list"]:
        return None
    lists = kind.field(0).type
    if not keyed.is_list(lists) or not pa.types.is_struct(lists.value_type):
        return None
    names = [field.name for field in lists.value_type]
    return lists.value_type.field(0).type if names in (["element"], ["item"]) else None


def unwrap(array: pa.Array) -> pa.Array:
    """The cells of the `bare` type."""
    if pa.types.is_dictionary(array.type):
        return array.dictionary_decode()
    if _wrapped(array.type) is None:
        return array
    lists = pc.struct_field(array, [0])
    return keyed.listed(unwrap(pc.struct_field(keyed.flat(lists), [0])), lists)


def inside(array: pa.Array, path: str) -> tuple[pa.Array, str]:
    """The value at a path in each cell, and the rest of the path if it continues in JSON text, or ""."""
    array = unwrap(array)
    if not path:
        return array, ""
    if is_text(array.type):
        return array, path
    if pa.types.is_struct(array.type):
        found = split_name(path, [field.name for field in array.type])
        if found is None:
            raise KeyError(path)
        return inside(pc.struct_field(array, [array.type.get_field_index(found[0])]), found[1])
    if element := _split_list(array.type, path):
        return inside(_pick_element(array, element[0]), element[1])
    return keyed.one(array, path), ""


def _pick_element(array: pa.Array, element: Element) -> pa.Array:
    """The element of each list; null where a list has none."""
    if element.place is not None:
        return keyed.at(array, element.place)
    elements = keyed.flat(array)
    compared, rest = inside(elements, element.member)
    texts = jsontext.Cells(compared).texts(rest)[0] if rest else as_text(compared)
    chosen = numpy_mask(pc.equal(texts, element.text))
    return keyed.spread(elements.filter(pa.array(chosen)), keyed.parents(array)[chosen], len(array))


def leaves(kind: pa.DataType, path: str = "") -> Iterator[tuple[str, pa.DataType]]:
    """Everything in a struct, with its dotted name; a struct within it is opened too."""
    kind = bare(kind)
    if not pa.types.is_struct(kind):
        yield path, kind
        return
    for field in kind:
        yield from leaves(field.type, f"{path}.{field.name}" if path else field.name)
