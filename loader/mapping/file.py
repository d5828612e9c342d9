"""Read a mapping file into a `Mapping`, and report every mistake at once."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from loader import stores
from loader.dialect import Dialect, dialect_of, mistakes_of
from loader.errors import MappingError
from loader.mapping.canonical_text import VERSION, key_text, toml
from loader.mapping.keys import (
    AT_KEYS,
    CLOCK_KEYS,
    EXPAND_KEYS,
    LOOKUP_KEYS,
    MEMBER_KEYS,
    OFFSET_READERS,
    READERS,
    BadValue,
    consistency,
    field_keys,
    type_problems,
)
from loader.mapping.names import name_problems
from loader.mapping.row_rules import OUTSIDE, UNIQUE_KEYS, read_key, read_row_rules, read_unique
from loader.mapping.rules import (
    Clock,
    Expand,
    LookUp,
    Mapping,
    Nearby,
    Rule,
)
from loader.methods import METHODS, Kind
from loader.stores.address import Address, as_place, hide_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from collections.abc import Mapping as ReadOnlyDict
    from pathlib import Path

    from loader.methods import Container, Method, Need

    _Readers = ReadOnlyDict[str, Callable[[object], Any]]

_TOP_KEYS = ("kind", "version", *UNIQUE_KEYS, "fields", "rows", "lookups", "load")
_CONTAINERS = {method.container.name: method for method in METHODS.values() if method.container}
#: The kinds as a sentence lists them.
KINDS = ", ".join(f'"{kind}"' for kind in list(Kind)[:-1]) + f' or "{list(Kind)[-1]}"'


def read_document(path: Path | Address | str) -> str:
    """The text of a mapping file, on this machine or elsewhere.

    Raises:
        UnicodeDecodeError, OSError: it cannot be read.
        SourceError: it lies elsewhere, and cannot be read there.
    """
    place = as_place(path)
    content = stores.read_whole(str(place)) if isinstance(place, Address) else place.read_bytes()
    return content.decode("utf-8-sig")


def read_mapping(path: Path | Address | str, kind: Kind | None = None) -> Mapping:
    """Read a mapping file; with `kind`, it must be for that kind of load.

    Raises:
        MappingError: the file cannot be read, or has mistakes; all of them are listed.
    """
    try:
        text = read_document(path)
    except UnicodeDecodeError as error:
        raise MappingError([f"it is not UTF-8 text ({error}). Save it as UTF-8."], str(path)) from None
    except OSError as error:
        raise MappingError([f"the mapping file cannot be read: {error.strerror}."], str(path)) from None
    mapping = parse_mapping(text, str(path))
    refuse_other_kind(mapping.kind, kind, str(path))
    return replace(mapping, nearby=Nearby(as_place(path).parent))


def parse_mapping(text: str, where: str) -> Mapping:
    """Read the text of a mapping file; `where` names it in messages.

    Raises:
        MappingError: with every mistake in it.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MappingError([f"it is not valid TOML: {error}."], where) from None
    return build_mapping(document, where)


def build_mapping(document: dict[str, Any], where: str = "the mapping") -> Mapping:
    """A mapping from a dictionary that holds what a mapping file would (`docs/reference/mapping.md`).

    For example ``build_mapping({"kind": "users", "fields": {"hwid": "device", "userId": "customer"}})``.

    Raises:
        MappingError: with every mistake in it.
    """
    reading = _Reading()
    mapping = reading.read(document)
    if mapping is None or reading.problems:
        raise MappingError(reading.problems, where)
    return mapping


def refuse_other_kind(given: Kind | str, wanted: Kind | None, where: str) -> None:
    """Refuse a mapping that is for another kind than the load.

    Raises:
        MappingError: it is for another kind.
    """
    if wanted is not None and given != wanted:
        raise MappingError([f'it is for {given} (kind = "{given}"), but this load is for {wanted}.'], where)


class _Reading:
    """One document on its way to a mapping; collects what is wrong with it."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def read(self, document: dict[str, Any]) -> Mapping | None:
        if document.get("version", VERSION) != VERSION:
            self.problems.append(
                f"version = {document['version']!r} is not known; this loader reads version {VERSION}."
            )
        try:
            method = Kind(document.get("kind", "")).method
        except ValueError:
            self.refuse_unknown("The file", document, (*_TOP_KEYS, *_CONTAINERS, "source"))
            self.problems.append(f"kind must be {KINDS}.")
            return None
        self._refuse_containers(method, document)
        self._table(document, "load")  # how to load, not how to map: `run` reads it
        fields = self._read_fields(method, self._table(document, "fields"))
        members = _Members(method.container, self)
        if method.container is not None:
            members.read(dict(self._table(document, method.container.name)))
            if method.container.needed and not (members.rules or members.others or members.expand):
                self.problems.append(
                    f"[{method.container.name}] names no {method.container.one}, so nothing would be sent. "
                    f"Name the columns of the {method.container.many} there, or write others = true."
                )
        mapping = Mapping(
            method.kind,
            MappingProxyType(fields),
            MappingProxyType(members.rules),
            members.others,
            members.excluded,
            members.expand,
            self._read_source(self._table(document, "source")),
            rows=read_row_rules(self._table(document, "rows"), method, self.problems.append),
            unique=read_unique(document, self.problems.append),
            key=read_key(document, method, self.problems.append),
            lookups=MappingProxyType(self._read_lookups(self._table(document, "lookups"))),
        )
        self._refuse_needless(mapping)
        return mapping

    def _refuse_containers(self, method: Method, document: dict[str, Any]) -> None:
        """Refuse tables that belong to another method, and unknown tables."""
        own = (method.container.name,) if method.container else ()
        for name, home in _CONTAINERS.items():
            if name in document and name not in own:
                instead = f"Write [{own[0]}]." if own else "Remove it."
                self.problems.append(f"[{name}] is for {home.many}; {method.name} takes none. {instead}")
        known = (*_TOP_KEYS, *own, "source")
        self.refuse_unknown("The file", [key for key in document if key not in _CONTAINERS], known)

    def _table(self, document: dict[str, Any], name: str) -> dict[str, Any]:
        table = document.get(name, {})
        if isinstance(table, dict):
            return table
        self.problems.append(f"{name} must be a table: write [{name}] on a line of its own.")
        return {}

    def _read_fields(self, method: Method, table: dict[str, Any]) -> dict[str, Rule]:
        allowed = field_keys(method)
        self.refuse_unknown("[fields]", table, allowed)
        rules = {
            name: rule
            for name in allowed
            if name in table and (rule := self._read_field(name, table[name], allowed[name]))
        }
        self.problems += [
            f"[fields] has {no_field(need)}: {need.why}. {_name_columns(need)}"
            for need in method.needs
            if not set(need.fields) & set(table)
        ]
        return rules

    def _read_field(self, name: str, value: object, allowed: Iterable[str]) -> Rule | None:
        readers = OFFSET_READERS if name == "tz_offset" else READERS
        return self.read_rule(f"[fields] {name}", value, allowed, readers)

    def _read_source(self, table: dict[str, Any]) -> Dialect:
        mistakes = mistakes_of(table)
        self.problems += [f"[source]: {mistake}" for mistake in mistakes]
        return Dialect() if mistakes else dialect_of(table)

    def _read_lookups(self, table: dict[str, Any]) -> dict[str, Dialect]:
        """How the files of look-ups are written, by their names."""
        found: dict[str, Dialect] = {}
        for name, value in table.items():
            where = f"[lookups.{key_text(name)}]"
            if not isinstance(value, dict):
                self.problems.append(f"{where} must be a table: write {where} on a line of its own.")
                continue
            mistakes = mistakes_of(value)
            self.problems += [f"{where}: {mistake}" for mistake in mistakes]
            found[name] = Dialect() if mistakes else dialect_of(value)
        return found

    def _refuse_needless(self, mapping: Mapping) -> None:
        """Refuse to hear how a file is written that no rule names."""
        used = {rule.lookup.lookup for _, rule in mapping.joining if rule.lookup}
        self.problems += [
            f"[lookups.{key_text(name)}]: no rule has lookup = {toml(name)}. Write the same name in both."
            for name in mapping.lookups
            if name not in used
        ]

    def read_rule(
        self, where: str, value: object, allowed: Iterable[str], readers: _Readers = READERS
    ) -> Rule | None:
        if isinstance(value, str):
            value = {"column": value}
        if not isinstance(value, dict):
            self.problems.append(
                f'{where} must be a column\'s name in quotes, or a table such as {{ column = "name" }}; '
                f"for a constant write {{ const = {toml(value)} }}."
            )
            return None
        before = len(self.problems)
        self.refuse_unknown(where, value, allowed)
        known = {
            key: self.read_value(where, key, raw, readers)
            for key, raw in value.items()
            if key in set(allowed)
        }
        if len(self.problems) > before:
            return None
        clock = {key: known.pop(key) for key in CLOCK_KEYS if key in known}
        other = {key: known.pop(key) for key in LOOKUP_KEYS if key in known}
        rule = Rule(**known, clock=Clock(**clock))
        self.refuse_secret(where, str(other.get("lookup", "")))
        if {"lookup", "key", "value"} <= other.keys():
            rule = replace(rule, lookup=LookUp(**other))
        if "type" in allowed and clock and rule.type is None:
            rule = replace(rule, type="date")
        self.problems += [f"{where}: {problem}" for problem in consistency(rule, set(value))]
        return rule

    def refuse_secret(self, where: str, lookup: str) -> None:
        """Refuse the address of a look-up that may hold a secret: a mapping is copied and kept."""
        shown = hide_secrets(lookup)
        if shown != lookup:
            self.problems.append(
                f"{where}: the address of the look-up {shown} may hold a secret, and a mapping is kept in "
                "the checkpoint. Name a file, or an address without a user and without what stands behind "
                "`?`."
            )

    def read_value(self, where: str, key: str, raw: object, readers: _Readers = READERS) -> Any:
        if key == "at" and isinstance(raw, dict):
            return self.read_rule(f"{where} at", raw, AT_KEYS)
        try:
            return readers[key](raw)
        except BadValue as problem:
            self.problems.append(f"{where}: {key} = {toml(raw)} {problem}")
            return None

    def refuse_unknown(self, where: str, keys: Iterable[str], allowed: Iterable[str]) -> None:
        names = list(allowed)
        for key in keys:
            if key not in names:
                near = get_close_matches(key, names, n=1, cutoff=0.6)
                meant = f'Did you mean "{near[0]}"?' if near else f"It takes {', '.join(names)}."
                meant = OUTSIDE if key in UNIQUE_KEYS else meant
                self.problems.append(f'{where} does not take "{key}". {meant}')


class _Members:
    """The table of the container, `[attributes]` or `[tags]`, on its way to rules."""

    def __init__(self, container: Container | None, reading: _Reading) -> None:
        self.rules: dict[str, Rule] = {}
        self.others = ""
        self.excluded: tuple[str, ...] = ()
        self.expand: tuple[Expand, ...] = ()
        self._container = container
        self._reading = reading

    def read(self, table: dict[str, Any]) -> None:
        """Read the table; keys that are not rules of a member are taken out first."""
        container = self._container
        if container is None:
            return
        self.expand = self._read_expand(f"[{container.name}] expand", table)
        self.others = self._read_others(f"[{container.name}] others", table)
        self.excluded = self._read_excluded(f"[{container.name}] except", table)
        for name, value in table.items():
            where = f"[{container.name}] {name}"
            self._reading.problems += [f"{where}: {problem}" for problem in name_problems(container, name)]
            if rule := self._reading.read_rule(where, value, MEMBER_KEYS):
                self.rules[name] = rule
                self._reading.problems += [
                    f"{where}: {problem}" for problem in type_problems(container, rule)
                ]

    def _read_expand(self, where: str, table: dict[str, Any]) -> tuple[Expand, ...]:
        if not isinstance(table.get("expand"), list):
            return ()
        entries = [self._read_entry(where, entry) for entry in table.pop("expand")]
        return tuple(entry for entry in entries if entry is not None)

    def _read_entry(self, where: str, entry: object) -> Expand | None:
        """One column to open: its name, or a table with options."""
        table = {"column": entry} if isinstance(entry, str) else entry
        reading = self._reading
        if not isinstance(table, dict) or not isinstance(table.get("column"), str) or not table["column"]:
            reading.problems.append(
                f"{where} must be a list of columns, each a name in quotes or a table such as "
                '{ column = "name", prefix = "its_" }.'
            )
            return None
        before = len(reading.problems)
        reading.refuse_unknown(where, table, EXPAND_KEYS)
        known = {
            key: reading.read_value(where, key, raw)
            for key, raw in table.items()
            if key in EXPAND_KEYS and key != "column"
        }
        return Expand(table["column"], **known) if len(reading.problems) == before else None

    def _read_others(self, where: str, table: dict[str, Any]) -> str:
        match table.get("others"):
            case bool(wanted):
                del table["others"]
                return "omit" if wanted else ""
            case dict() as others if set(others) == {"empty"}:
                del table["others"]
                return self._reading.read_value(where, "empty", others["empty"]) or "omit"
        return ""

    def _read_excluded(self, where: str, table: dict[str, Any]) -> tuple[str, ...]:
        if not isinstance(table.get("except"), list):
            return ()
        names = table.pop("except")
        if not self.others and not self.expand:
            self._reading.problems.append(f"{where} does nothing without others = true or expand.")
        if all(isinstance(name, str) for name in names):
            return tuple(names)
        self._reading.problems.append(f"{where} must be a list of column names.")
        return ()


def no_field(need: Need) -> str:
    """``no hwid``, ``neither hwid nor userId``."""
    return f"no {need.fields[0]}" if len(need.fields) == 1 else f"neither {' nor '.join(need.fields)}"


def _name_columns(need: Need) -> str:
    """What to write for a field that is missing."""
    if len(need.fields) > 1:
        return "Name at least one column."
    constant = f", or write {need.fields[0]} = {need.constant}" if need.constant else ""
    return f"Name the column of {need.holds}{constant}."
