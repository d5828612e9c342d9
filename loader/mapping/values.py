"""Convert typed cells and texts to the JSON values of attributes and tags, column by column."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, NamedTuple, assert_never

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.mapping import encode, instants, origins
from loader.mapping.cells import as_text, is_moment, is_nested, is_text, plain, present, whole_floats
from loader.mapping.fields import PRICE_AMOUNT, PRICE_CURRENCY
from loader.mapping.findings import Fault, Origin
from loader.mapping.instants import Window
from loader.mapping.nested import keyed
from loader.mapping.nested.members import LACKING
from loader.mapping.number_forms import NumberForm
from loader.mapping.rules import ColumnOf
from loader.methods import Conversion

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loader.mapping.encode import Member
    from loader.mapping.findings import Findings
    from loader.mapping.rules import Rule
    from loader.mapping.table import Table
    from loader.mapping.zones import Mask
    from loader.methods import Container

_INTEGER = r"^-?(?:0|[1-9][0-9]{0,17})$"
# A number that any reader takes unchanged; longer numbers and exponents are checked one by one.
_NUMBER = r"^-?(?:0|[1-9][0-9]{0,30})(?:\.[0-9]{1,30})?$"
_LOOSE_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_TRUE, _FALSE = {"true", "t", "yes", "y", "1"}, {"false", "f", "no", "n", "0"}

_EMPTY = Fault("is empty, and the mapping rejects that", 'Fill it, or set empty = "omit" in the mapping.')
_NOT_FINITE = Fault("is not finite, and JSON has no such number", 'Set type = "string" or leave it out.')
_SET_COMMA = 'Set decimal = "," in the mapping.'
_WRITE_POINT = 'Write it with a point, as other numbers of the column are: decimal = "," would reject those.'
_FIX = "Fix it where it was exported: most texts of the column are numbers."
_NO_CURRENCY = Fault("is empty, and a price needs a currency", "Fill it, or set currency in the mapping.")


def natural_conversion(kind: pa.DataType) -> Conversion:
    """How cells of an Arrow type are converted if the mapping does not say how."""
    if pa.types.is_boolean(kind):
        return Conversion.BOOLEAN
    if pa.types.is_integer(kind):
        return Conversion.INTEGER
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return Conversion.NUMBER
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return Conversion.DATE
    return Conversion.LIST if holds_lists(kind) else Conversion.TEXT


def describe_misfit(kind: pa.DataType, conversion: Conversion, rule: Rule) -> str | None:
    """Why no cell of an Arrow type can be converted so; None if it depends on the cell."""
    moment = is_moment(kind) or pa.types.is_time(kind)
    match conversion:
        case Conversion.INTEGER | Conversion.NUMBER | Conversion.PRICE:
            return "are not numbers" if moment or pa.types.is_boolean(kind) else None
        case Conversion.BOOLEAN:
            return "are neither true nor false" if moment else None
        case Conversion.LIST | Conversion.TEXTS:
            single = not is_text(kind) and not is_nested(kind) and rule.separator is None
            return "are not lists" if single else None
    return None


def holds_lists(kind: pa.DataType) -> bool:
    """Whether cells of an Arrow type are lists."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def convert_member(
    name: str, rule: Rule, container: Container, table: Table, findings: Findings
) -> list[Member]:
    """The members of the container that one rule makes: one, or two for a price."""
    conversion = container.types[rule.type or container.type_for(Conversion.TEXT)]
    if conversion is Conversion.PRICE:
        return _convert_price(rule, table, findings)
    if conversion is Conversion.TEXT and rule.empty == "omit":
        texts = origins.texts(rule, table, findings)
        findings.show(name, texts, text=True, member=True)
        return [encode.text_member(name, texts)]
    values = _convert_values(rule, container, table, findings)
    if rule.empty == "null":
        values = pc.fill_null(values, "null")
    elif rule.empty == "reject":
        _reject_empty(rule, ~present(values), table, findings)
    findings.show(name, values, member=True)
    return [encode.member(name, values)]


def _reject_empty(rule: Rule, empty: Mask, table: Table, findings: Findings) -> None:
    origins.reject_missing(rule, empty, table, findings, "the mapping rejects a row without a value")
    findings.add(empty, Origin(origins.columns_of(rule)), None, _EMPTY)


def _convert_values(  # noqa: PLR0911 - one return for each conversion
    rule: Rule, container: Container, table: Table, findings: Findings
) -> pa.Array:
    conversion = container.types[rule.type or container.type_for(Conversion.TEXT)]
    match conversion:
        case Conversion.TEXT:
            return encode.text_json(origins.texts(rule, table, findings))
        case Conversion.INTEGER:
            return _convert_numbers(rule, _wholes(container), table, findings)
        case Conversion.NUMBER | Conversion.PRICE:
            return _convert_numbers(rule, _FRACTIONS, table, findings)
        case Conversion.BOOLEAN:
            return _convert_texts(rule, origins.texts(rule, table, findings), findings, _boolean, _BOOLEAN)
        case Conversion.DATE:
            return _convert_dates(rule, table, findings)
        case Conversion.LIST:
            return _convert_lists(rule, _MIXED, table, findings)
        case Conversion.TEXTS:
            return _convert_lists(rule, _TEXTS, table, findings)
    assert_never(conversion)


_BOOLEAN = Fault(
    "is neither true nor false", "Set values in the mapping, such as { Ja = true, Nein = false }."
)


def _boolean(text: str) -> str | None:
    folded = text.strip().casefold()
    return "true" if folded in _TRUE else "false" if folded in _FALSE else None


def _convert_numbers(rule: Rule, numbers: _Numbers, table: Table, findings: Findings) -> pa.Array:
    """Numbers as JSON. Text that is a JSON number already is sent unchanged: 12.00 stays 12.00."""
    texts = origins.texts(rule, table, findings)
    if rule.direct and not is_text(table.column(rule.direct).type):
        cells = table.column(rule.direct, rule.null_values)
        if pa.types.is_integer(cells.type):
            return texts
        if pa.types.is_floating(cells.type):
            return _convert_floats(rule, numbers, cells, texts, findings)
    if rule.decimal == ",":
        foreign = encode.numpy_mask(pc.match_substring(texts, "."))
        findings.add(foreign, origins.columns_of(rule), texts, numbers.fault)
        texts = pc.replace_substring(texts, ",", ".")
    plain = pc.match_substring_regex(texts, numbers.plain)
    if pc.all(plain).as_py():
        return texts
    odd = encode.nulled(plain, texts)
    values = encode.distinct(odd, numbers.convert)
    bad = present(odd) & ~present(values)
    if bad.any():
        form = NumberForm.of(texts, int(bad.sum()), rule.decimal)
        numbers = numbers.fit(findings.number_forms.get(origins.columns_of(rule)), form)
        if rule.decimal == ".":
            _advise_decimal_comma(rule, odd, findings, numbers)
        findings.add(bad, origins.columns_of(rule), odd, numbers.fault)
    return pc.if_else(plain, texts, values)


def find_number_form(rule: Rule, container: Container, table: Table, findings: Findings) -> NumberForm | None:
    """How the numbers of a column are written; None if it is not one of texts that become numbers."""
    conversion = container.types[str(rule.type)]
    if not rule.column or conversion not in {Conversion.INTEGER, Conversion.NUMBER, Conversion.PRICE}:
        return None
    numbers = _wholes(container) if conversion is Conversion.INTEGER else _FRACTIONS
    texts = origins.texts(rule, table, findings)
    points = pc.replace_substring(texts, ",", ".") if rule.decimal == "," else texts
    bad = present(texts) & ~present(encode.distinct(points, numbers.convert))
    return NumberForm.of(texts, int(bad.sum()), rule.decimal) if present(texts).any() else None


def _advise_decimal_comma(rule: Rule, texts: pa.Array, findings: Findings, numbers: _Numbers) -> None:
    """Reject numbers with a comma, and say how to have them read."""
    comma = encode.numpy_mask(pc.match_substring_regex(texts, r"^[+-]?[0-9]+,[0-9]+$"))
    findings.add(comma, origins.columns_of(rule), texts, Fault(numbers.fault.reason, numbers.for_comma))


def _convert_texts(
    rule: Rule, texts: pa.Array, findings: Findings, convert: Callable[[str], str | None], fault: Fault
) -> pa.Array:
    """Convert each distinct text."""
    values = encode.distinct(texts, convert)
    findings.add(present(texts) & ~present(values), origins.columns_of(rule), texts, fault)
    return values


def _decimal(text: str) -> Decimal | None:
    stripped = text.strip()
    if not _LOOSE_NUMBER.fullmatch(stripped) or len(stripped) > 400:
        return None
    try:
        number = Decimal(stripped)
    except InvalidOperation:
        return None
    return number if math.isfinite(float(number)) else None


def _integer(text: str) -> str | None:
    number = _decimal(text)
    if number is None or abs(number) >= 2**64 or number != number.to_integral_value():
        return None
    whole = int(number)
    return str(whole) if -(2**63) <= whole < 2**63 else None


def _number(text: str) -> str | None:
    number = _decimal(text)
    if number is None:
        return None
    written = str(number)
    return written.replace("E+", "e+").replace("E-", "e-")


class _Numbers(NamedTuple):
    """How texts are read as numbers.

    Attributes:
        whole: whether fractions are refused.
        plain: a regular expression for texts that are sent as they are.
        convert: reads any other text.
        fault: why a text is rejected.
        for_comma: what to do about a number with a comma.
    """

    whole: bool
    plain: str
    convert: Callable[[str], str | None]
    fault: Fault
    for_comma: str = _SET_COMMA

    def fit(self, sample: NumberForm | None, here: NumberForm) -> _Numbers:
        """With no advice to change a setting that reads most texts of the column as they are meant.

        Args:
            sample: of the column, if the sample has something in it.
            here: of the rows in question, for what the sample leaves open.
        """
        fractions = sample if sample and sample.has_fractions else here
        fault = self.fault if (sample or here).needs_another_type else Fault(self.fault.reason, _FIX)
        return self._replace(fault=fault, for_comma=_SET_COMMA if fractions.has_commas else _WRITE_POINT)


_FRACTIONS = _Numbers(
    False,  # noqa: FBT003 - a field of the record
    _NUMBER,
    _number,
    Fault("is not a number", 'Set type = "string" in the mapping.'),
)


def _wholes(container: Container) -> _Numbers:
    remedy = f'Set type = "string" or "{container.type_for(Conversion.NUMBER)}" in the mapping.'
    return _Numbers(True, _INTEGER, _integer, Fault("is not a whole number of at most 64 bits", remedy))  # noqa: FBT003 - as above


def _convert_floats(
    rule: Rule, numbers: _Numbers, cells: pa.Array, texts: pa.Array, findings: Findings
) -> pa.Array:
    infinite = encode.numpy_mask(pc.is_inf(cells))
    findings.add(infinite, origins.columns_of(rule), texts, _NOT_FINITE)
    texts = encode.where(~infinite, texts)
    if not numbers.whole:  # a number, or the amount of a price
        return texts
    whole = whole_floats(cells)
    whole = whole if whole is not None else encode.repeated(None, len(cells))
    findings.add(present(texts) & ~present(whole), origins.columns_of(rule), texts, numbers.fault)
    return whole


def _convert_dates(rule: Rule, table: Table, findings: Findings) -> pa.Array:
    """Dates in the form that the vendor requires: to the minute, in UTC."""
    found = instants.read_dates(rule, table, findings, Window.wide(rule.clock))
    utc = pa.array(found.utc, mask=~found.known).cast(pa.timestamp("s"))
    # Arrow writes 2024-01-31 10:20:30, `fields.DATE_FORMAT` ends with the minutes; `strftime` is slower.
    return encode.text_json(pc.utf8_slice_codeunits(utc.cast(pa.string()), 0, len("2024-01-31 10:20")))


class _Lists(NamedTuple):
    """Which members a list may have.

    Attributes:
        allowed: the Python types of its members.
        texts: whether each becomes a text, as it is written.
        fault: why another list is rejected.
    """

    allowed: tuple[type, ...]
    texts: bool
    fault: Fault


_EMPTY_LIST = r"^\s*\[\s*\]\s*$"
_LIST_REMEDY = "Write it as a JSON list, or set separator in the mapping."
_MIXED = _Lists(
    (str, int, float, bool, Decimal),
    texts=False,
    fault=Fault("is not a list of texts, numbers and booleans", _LIST_REMEDY),
)
_TEXTS = _Lists((str, int, float, Decimal), texts=True, fault=Fault("is not a list of texts", _LIST_REMEDY))


def _convert_lists(rule: Rule, lists: _Lists, table: Table, findings: Findings) -> pa.Array:
    """Lists as JSON. An empty list counts as empty, like an empty cell: null."""
    columns = origins.columns_of(rule)
    if rule.direct and holds_lists(table.column(rule.direct).type):
        return _write_lists(table.column(rule.direct), lists, columns, findings)
    texts = origins.texts(rule, table, findings)
    separator = rule.separator
    if separator is not None:
        return encode.distinct(texts, lambda text: _write_list(text.split(separator), lists))
    texts = encode.nulled(pc.match_substring_regex(texts, _EMPTY_LIST), texts)
    return _convert_texts(rule, texts, findings, lambda text: _parse_list(text, lists), lists.fault)


def _write_lists(cells: pa.Array, lists: _Lists, columns: Sequence[str], findings: Findings) -> pa.Array:
    """Typed lists as JSON; a member is written as a cell of its type is."""
    members, unreadable = plain(keyed.flat(cells))
    gaps, written = np.zeros(len(cells), dtype=np.bool_), _write_members(members, lists)
    parents = keyed.parents(cells)
    gaps[parents[~present(members)]] = True
    if unreadable is not None:
        gaps[parents[unreadable]] = False
    findings.add(gaps, columns, None, LACKING)
    filled = keyed.lengths(cells) > 0
    values = encode.enclosed("[", pc.binary_join(keyed.listed(written, cells), ","), "]")
    findings.add(filled & ~present(values), columns, None, lists.fault)
    return encode.where(filled, values)


def _write_members(members: pa.Array, lists: _Lists) -> pa.Array:
    """Each member as JSON; null if it cannot be one."""
    kind = members.type
    if pa.types.is_floating(kind):
        members = encode.nulled(pc.invert(pc.is_finite(members)), members)
    if lists.texts and pa.types.is_boolean(kind):
        return encode.repeated(None, len(members))
    texts = as_text(members)
    return encode.text_json(texts) if lists.texts or is_text(kind) else texts


def _parse_list(text: str, lists: _Lists) -> str | None:
    as_written: dict[str, Any] = {"parse_int": str, "parse_float": str} if lists.texts else {}
    try:
        found = json.loads(text, **as_written)
    except (ValueError, RecursionError):
        return None
    return _write_list(found, lists) if isinstance(found, list) else None


def _write_list(cells: list[Any], lists: _Lists) -> str | None:
    if not all(isinstance(cell, lists.allowed) for cell in cells):
        return None
    if lists.texts:
        if not all(map(encode.can_be_text, cells)):
            return None
        plain: list[Any] = [str(cell) for cell in cells]
    else:
        plain = [float(cell) if isinstance(cell, Decimal) else cell for cell in cells]
    try:
        written = json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        written.encode()
    except ValueError:
        return None
    return written


def _convert_price(rule: Rule, table: Table, findings: Findings) -> list[Member]:
    amounts = _convert_numbers(rule, _FRACTIONS, table, findings)
    if rule.empty == "reject":
        _reject_empty(rule, ~present(amounts), table, findings)
    if isinstance(rule.currency, ColumnOf):
        currencies = table.text(rule.currency.column)
        findings.add(present(amounts) & ~present(currencies), [rule.currency.column], None, _NO_CURRENCY)
    else:
        currencies = encode.repeated(rule.currency, table.rows)
    currencies = encode.where(present(amounts), currencies)
    findings.show(PRICE_AMOUNT, amounts, member=True)
    findings.show(PRICE_CURRENCY, currencies, text=True, member=True)
    return [encode.member(PRICE_AMOUNT, amounts), encode.text_member(PRICE_CURRENCY, currencies)]
