"""The table of Arrow types: which plain type each is read as, and which are refused.

A form of a type (a view, a dictionary, runs, an extension that is known) is read as the type that it is a
form of. A type without a meaning that is known here is refused: also one that a later version of Arrow adds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable

    Fits = Callable[[pa.DataType], bool]
    Of = Callable[[pa.DataType], pa.DataType]

_EXTENSION_NAME = b"ARROW:extension:name"
_LEAVE_OUT = "or leave it out in a mapping file"
_UUID, _BOOL8 = "arrow.uuid", "arrow.bool8"
#: Extensions whose cells mean what their storage says, in the list of canonical extensions of Arrow.
_AS_STORED = frozenset(
    {"arrow.json", "arrow.opaque", "arrow.fixed_shape_tensor", "arrow.timestamp_with_offset"}
)


class Refusal(NamedTuple):
    """Why the cells of a type cannot be sent.

    Attributes:
        holds: completes ``column "x" holds ...``.
        remedy: what to do, as a sentence.
    """

    holds: str
    remedy: str


class Foreign(pa.ExtensionType):  # type: ignore[misc] # pyarrow ships no types
    """An extension type of another library, which nobody registered here: a name over a storage type."""

    def __init__(self, name: str, storage: pa.DataType) -> None:
        super().__init__(storage, name)

    def __arrow_ext_serialize__(self) -> bytes:
        """The name: Arrow keeps nothing else of the object."""
        return bytes(self.extension_name.encode())

    @classmethod
    def __arrow_ext_deserialize__(cls, storage: pa.DataType, serialized: bytes) -> Foreign:
        """The same type again."""
        return cls(serialized.decode(), storage)


def plain_field(field: pa.Field) -> pa.Field:
    """A column with the type that it is read as; the names of extensions stand in its metadata."""
    return pa.field(field.name, plain_type(_named_type(field)))


def plain_type(kind: pa.DataType) -> pa.DataType:
    """The type that the cells of a column are read as. A type that is refused stays as it is."""
    for fits, wanted in _FORMS:
        if fits(kind):
            return wanted(kind)
    return kind


def carried_type(kind: pa.DataType) -> pa.DataType:
    """The type in which the cells travel; null if they do not.

    It is the plain type, except for types that are refused. Their cells are never sent, but may be listed
    beside a row that failed.
    """
    kind = plain_type(kind)
    if pa.types.is_fixed_size_binary(kind):
        return pa.binary()
    if _names_twice(kind):  # Arrow hands over no such cell as a Python object
        return pa.null()
    for fits, rebuilt in _NESTED:
        if fits(kind):
            return rebuilt(kind, carried_type)
    return kind if _is_known(kind) or pa.types.is_duration(kind) else pa.null()


def find_refusal(kind: pa.DataType) -> Refusal | None:
    """Why no cell of the type can be sent; None if they can, or if something inside them can be."""
    kind = plain_type(kind)
    for fits, refuse in _REFUSALS:
        if fits(kind):
            return refuse(kind)
    return None if _is_known(kind) or pa.types.is_nested(kind) else _refuse_unknown(kind)


def is_list(kind: pa.DataType) -> bool:
    """Whether cells of the type are lists, of any form."""
    return bool(
        pa.types.is_list(kind)
        or pa.types.is_large_list(kind)
        or pa.types.is_fixed_size_list(kind)
        or pa.types.is_list_view(kind)
        or pa.types.is_large_list_view(kind)
    )


def _named_type(field: pa.Field) -> pa.DataType:
    """The type of a field; an extension that is not registered stands in its metadata alone."""
    name = (field.metadata or {}).get(_EXTENSION_NAME, b"").decode("utf-8", "replace")
    if not name or isinstance(field.type, pa.BaseExtensionType):
        return field.type
    return _plain_extension(name, field.type, Foreign(name, field.type))


def _of_extension(kind: pa.BaseExtensionType) -> pa.DataType:
    return _plain_extension(kind.extension_name, kind.storage_type, kind)


def _plain_extension(name: str, storage: pa.DataType, kind: pa.DataType) -> pa.DataType:
    """The type behind the name of an extension.

    Arrow's rule for a name that is not known is to read the storage. Only text is safe to read so: a number
    may count months since 1970 (``pandas.period``), and bytes may be anything.
    """
    if name == _UUID and storage == pa.binary(16):
        return pa.string()
    if name == _BOOL8 and storage == pa.int8():
        return pa.bool_()
    plain = plain_type(storage)
    return plain if name in _AS_STORED or pa.types.is_string(plain) else kind


def _rebuild_list(kind: pa.DataType, of: Of) -> pa.DataType:
    value = of(_named_type(kind.value_field))
    if value == kind.value_type and (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        return kind
    large = pa.types.is_large_list(kind) or pa.types.is_large_list_view(kind)
    return pa.large_list(value) if large else pa.list_(value)


def _rebuild_struct(kind: pa.StructType, of: Of) -> pa.DataType:
    members = [pa.field(field.name, of(_named_type(field))) for field in kind]
    same = all(member.type == field.type for member, field in zip(members, kind, strict=True))
    return kind if same else pa.struct(members)


def _rebuild_map(kind: pa.MapType, of: Of) -> pa.DataType:
    key, value = of(_named_type(kind.key_field)), of(_named_type(kind.item_field))
    same = key == kind.key_type and value == kind.item_type
    return kind if same else pa.map_(key, value)


_NESTED: tuple[tuple[Fits, Callable[..., pa.DataType]], ...] = (
    (is_list, _rebuild_list),
    (pa.types.is_struct, _rebuild_struct),
    (pa.types.is_map, _rebuild_map),
)


def _rebuild(kind: pa.DataType) -> pa.DataType:
    """A nested type whose members are plain."""
    return next(rebuilt(kind, plain_type) for fits, rebuilt in _NESTED if fits(kind))


#: Types that are a form of another one.
_FORMS: tuple[tuple[Fits, Callable[..., pa.DataType]], ...] = (
    (lambda kind: isinstance(kind, pa.BaseExtensionType), _of_extension),
    (pa.types.is_dictionary, lambda kind: plain_type(kind.value_type)),
    (pa.types.is_run_end_encoded, lambda kind: plain_type(kind.value_type)),
    (lambda kind: pa.types.is_large_string(kind) or pa.types.is_string_view(kind), lambda _: pa.string()),
    (lambda kind: pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind), lambda _: pa.binary()),
    (
        lambda kind: pa.types.is_decimal32(kind) or pa.types.is_decimal64(kind),
        lambda kind: pa.decimal128(kind.precision, kind.scale),
    ),
    (pa.types.is_date64, lambda _: pa.date32()),
    (lambda kind: any(fits(kind) for fits, _ in _NESTED), _rebuild),
)


def _is_known(kind: pa.DataType) -> bool:
    """Whether a cell of the type is one value with a known meaning."""
    return bool(
        pa.types.is_null(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_date(kind)
        or pa.types.is_time(kind)
        or pa.types.is_timestamp(kind)
    )


def _is_member(kind: pa.DataType) -> bool:
    """Whether cells of the type can be members of a list: texts, numbers, booleans."""
    return _is_known(kind) and not pa.types.is_temporal(kind)


def _names_twice(kind: pa.DataType) -> bool:
    return bool(pa.types.is_struct(kind)) and len({field.name for field in kind}) < kind.num_fields


def _refuse_unknown(kind: pa.DataType) -> Refusal:
    # By its own name: which class stands for it depends on what else this process has imported.
    name = f"extension<{kind.extension_name}>" if isinstance(kind, pa.BaseExtensionType) else kind
    return Refusal(f"{name}, a type that the loader does not know", f"Export it as text, {_LEAVE_OUT}.")


def _refuse_list(kind: pa.DataType) -> Refusal:
    return Refusal(
        f"lists of {kind.value_type}, and the members of a list must be texts, numbers or booleans",
        f"Export them as lists of texts, {_LEAVE_OUT}.",
    )


def _refuse_union(kind: pa.DataType) -> Refusal:
    return Refusal(
        f"cells of several types ({kind})",
        f"Export each type as a column of its own or all of them as text, {_LEAVE_OUT}.",
    )


def _refuse_bytes(kind: pa.FixedSizeBinaryType) -> Refusal:
    uuid = " UUIDs are read from text or from a column with the type UUID." if kind.byte_width == 16 else ""
    return Refusal(
        f"{kind.byte_width} bytes in each cell, which are not text",
        f"Export it as text, {_LEAVE_OUT}.{uuid}",
    )


_REFUSALS: tuple[tuple[Fits, Callable[..., Refusal]], ...] = (
    (pa.types.is_union, _refuse_union),
    (pa.types.is_fixed_size_binary, _refuse_bytes),
    (
        pa.types.is_duration,
        lambda kind: Refusal(
            f"{kind}, which has no form in JSON", f"Export it as a number or as text, {_LEAVE_OUT}."
        ),
    ),
    (
        _names_twice,
        lambda kind: Refusal(f"{kind}, which names a member twice", f"Rename one of them, {_LEAVE_OUT}."),
    ),
    (
        lambda kind: (
            is_list(kind) and not pa.types.is_nested(kind.value_type) and not _is_member(kind.value_type)
        ),
        _refuse_list,
    ),
)
