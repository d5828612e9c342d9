"""The mapping through which an export is read: the user's own, or the load's if the columns fit.

An attribute for which it says no type is read as the load sends it, because a text file does not tell 1 from
"1". What the load does not send is not read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, NoReturn

from loader.errors import ConfigError, MappingError
from loader.lookups import open_lookups
from loader.mapping import bind, read_mapping
from loader.mapping.fields import PRICE_AMOUNT, PRICE_CURRENCY
from loader.mapping.file import no_field
from loader.mapping.names import columns_used
from loader.mapping.nested.paths import Columns
from loader.message import Message, Setting
from loader.methods import Conversion
from loader.sources import open_source
from loader.text.escape import quote_for_shell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from loader.mapping import Mapper, Mapping
    from loader.mapping.rules import Rule
    from loader.methods import Container
    from loader.model import Reject
    from loader.sources import Source
    from loader.stores.address import Address


@dataclass(frozen=True, slots=True)
class OpenedExport:
    """An export that can be read.

    Attributes:
        files: its files, as the user gave them.
        source: their records.
        mapper: bound to their columns.
        own: whether the user gave the mapping; otherwise it is the load's.
    """

    files: tuple[str, ...]
    source: Source
    mapper: Mapper
    own: bool


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """An export, as the user names it.

    Attributes:
        files: its files, in any format that the loader reads; of a table in memory, what it is called.
        mapping_file: how it is read, also how its text is written (`[source]`); None: as the load's input.
        mapping: in place of a mapping file.
        table: a table in memory, in place of files.
        complete: whether it holds everything of the load that landed.
    """

    files: tuple[str, ...]
    mapping_file: Path | Address | None = None
    mapping: Mapping | None = None
    table: object = None
    complete: bool = False


def open_export(request: ExportRequest, mapper: Mapper, *, application: str, now: datetime) -> OpenedExport:
    """Open an export, and bind the mapping to its columns.

    Args:
        request: the export.
        mapper: of the load, with its effective mapping and its look-ups.
        application: application code of the load.
        now: later times are not plausible.

    Raises:
        SourceError: a file cannot be read.
        ConfigError: the mapping does not fit the export; or none was given, and the load's does not.
    """
    load, file, mapping = mapper.mapping, request.mapping_file, request.mapping
    if file is not None:
        mapping = read_mapping(file, load.kind)
    own = mapping is not None
    dialect = mapping.source if mapping else None
    source = open_source(request.files, dialect=dialect, table=request.table)
    where = str(file or ("the landed mapping" if own else request.files[0]))
    given = mapping or cut_to_columns(load, source, request.files)
    lookups = open_lookups(given, where=where, nothing=given.source.null_values) if own else mapper.lookups
    fit = partial(
        bind,
        schema=source.schema,
        sample=source.sample(),
        application=application,
        where=where,
        now=now,
        lookups=lookups,
    )
    try:
        first = fit(given)
        read = adopt_types(given, first.mapping, load)
        fitted = fit(read)
    except MappingError as error:
        if own:
            raise
        refuse_own_mapping(load, request.files, error.problems[0])
    if not own:
        refuse_unfit(load, request.files, source, fitted)
    return OpenedExport(request.files, source, fitted, own)


def cut_to_columns(load: Mapping, source: Source, files: Sequence[str]) -> Mapping:
    """The load's mapping without what the export has no column for.

    Raises:
        ConfigError: then no field is left that a row needs.
    """
    columns = Columns(source.schema)
    fields = {name: rule for name, rule in load.fields.items() if _has(columns, rule)}
    for need in load.method.needs:
        if not set(need.fields) & set(fields):
            refuse_own_mapping(load, files, f"it has {no_field(need)}")
    members = {name: rule for name, rule in load.members.items() if _has(columns, rule)}
    expand = tuple(each for each in load.expand if each.column in columns)
    opened = {each.column for each in expand}
    excluded = tuple(name for name in load.excluded if any(name.startswith(f"{each}.") for each in opened))
    return replace(
        load,
        fields=MappingProxyType(fields),
        members=MappingProxyType(members),
        expand=expand,
        excluded=excluded,
    )


def _has(columns: Columns, rule: Rule) -> bool:
    return all(name in columns for name in columns_used(rule))


def refuse_unfit(load: Mapping, files: Sequence[str], source: Source, mapper: Mapper) -> None:
    """Refuse an export that has the columns of the input, and cells that its mapping cannot read.

    Raises:
        ConfigError: not one row of the sample can be mapped.
    """
    rejects: list[Reject] = []
    for chunk in source.beginning():
        mapped = mapper.map(chunk)
        if len(mapped.ordinals):
            return
        rejects += mapped.rejects
    if rejects:
        refuse_own_mapping(load, files, rejects[0].message)


def refuse_own_mapping(load: Mapping, files: Sequence[str], why: str) -> NoReturn:
    """Say how to write a mapping for an export that has not the shape of the input.

    Raises:
        ConfigError: always.
    """
    file = quote_for_shell(files[0])
    raise ConfigError(
        Message(
            "{file} cannot be read by the load's own mapping: {why} Write a mapping for it:\n"
            "  pushwoosh-loader map {kind} {shell} -o landed.toml\n"
            "Look at the mapping, then give it with {mapping}.",
            file=files[0],
            why=why if why.endswith(".") else f"{why}.",
            kind=load.kind,
            shell=file,
            mapping=Setting("landed_mapping"),
        )
    ) from None


def adopt_types(given: Mapping, effective: Mapping, load: Mapping) -> Mapping:
    """The mapping of an export with only what the load sends, and text read as the load reads it.

    Args:
        given: as the user wrote it.
        effective: the same, with the other columns written out and every type decided.
        load: the effective mapping of the load.
    """
    container = load.method.container
    fields = {name: rule for name, rule in given.fields.items() if name in load.fields}
    ids = {name: rule for name, rule in given.fields.items() if name in _IDS}
    members = {}
    if container is not None:
        types = dict(_list_types(load, container))
        for name, rule in effective.members.items():
            said = given.members.get(name)
            if load.expand or name in types or _makes_price(rule, container, name, types):
                members[name] = said if said and said.type else _adopt(rule, container, types.get(name))
    return replace(
        given,
        fields=MappingProxyType(ids | fields),
        members=MappingProxyType(members),
        others="",
        expand=effective.expand,
        excluded=effective.excluded,
    )


_IDS = frozenset({"hwid", "userId"})


def _list_types(load: Mapping, container: Container) -> Iterable[tuple[str, Rule]]:
    """The names that a load sends, each with a rule of the same type."""
    for name, rule in load.members.items():
        if container.types[str(rule.type)] is Conversion.PRICE:
            yield name, rule
            yield f"{name}{PRICE_AMOUNT}", replace(rule, type=container.type_for(Conversion.NUMBER))
            yield f"{name}{PRICE_CURRENCY}", replace(rule, type=container.type_for(Conversion.TEXT))
        else:
            yield name, rule


def _makes_price(rule: Rule, container: Container, name: str, types: dict[str, Rule]) -> bool:
    return container.types[str(rule.type)] is Conversion.PRICE and f"{name}{PRICE_AMOUNT}" in types


def _adopt(rule: Rule, container: Container, like: Rule | None) -> Rule:
    """A rule with the type of the load's rule, if one of both is of text; otherwise as it is."""
    if like is None or like.type is None:
        return rule
    conversion, own = container.types[like.type], container.types[str(rule.type)]
    # The cells of other formats have types of their own, and 1 of a number is not "1".
    if conversion is Conversion.PRICE or Conversion.TEXT not in {conversion, own}:
        return rule
    if conversion is Conversion.DATE and rule.clock.zone is None:
        # The vendor keeps the dates of attributes in UTC.
        rule = replace(rule, clock=replace(rule.clock, zone="UTC"))
    return replace(rule, type=like.type)
