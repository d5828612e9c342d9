"""A mapping as the user makes it in Python: the same keys, checks and sentences as the mapping file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loader.api import page
from loader.api.given import Given, take_named, take_tables
from loader.api.spelling import spell_in_python
from loader.claims import Claim, refuse_conflicts
from loader.errors import ConfigError
from loader.load_options import QueryOptions
from loader.mapping import Mapping as Rules
from loader.mapping import build_mapping, infer, parse_mapping, read_mapping, write_mapping
from loader.mapping.file import KINDS, refuse_other_kind
from loader.mapping.rules import Nearby
from loader.methods import Kind
from loader.option import FileUse
from loader.sources import open_source
from loader.stores import as_place
from loader.text.escape import escape_toml

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping as ReadOnlyDict
    from collections.abc import Sequence

    from loader.api.given import Source, Tables


class Mapping:
    """Which columns become which fields, attributes and tags.

    The keys are those of the mapping file (docs/reference/mapping.md), as keyword and dictionary:

        Mapping(
            "events",
            fields={
                "userId": "customer",
                "event": {"const": "purchase"},
                "timestamp": {"column": "day", "format": "%Y%m%d", "zone": "America/New_York"},
            },
            attributes={"cds": {"column": "cds", "type": "integer"}, "others": True},
        )

    Args:
        kind: "users", "events" or "tags".
        fields: a column's name, or a dictionary that says more, for each field.
        attributes: the same for each attribute of an event; also "expand", "others" and "except".
        tags: the same for each tag of a user or device.
        source: how text files are written: "delimiter", "quote", "encoding", "header", "columns"; and which
            texts mean nothing in every column, "null_values".
        rows: which rows are part of the load: "only", "except", "from", "until", "zone".
        unique: columns whose repeats are left out, or True for all that is sent.
        unique_keep: which of the rows with one key goes, "first" or "last".
        key: columns by which a ledger knows a row again.
        lookups: tables in memory that fields, attributes or tags look up cells in, by the name that they
            have there: {"devices": frame}. Other names are the paths of files; how one is written can be said
            as for `source`: {"devices.csv": {"encoding": "latin-1"}}.

    Raises:
        MappingError: with every mistake in it.
    """

    @spell_in_python()
    def __init__(  # noqa: PLR0913 - the tables and keys of a mapping file
        self,
        kind: str,
        *,
        fields: ReadOnlyDict[str, Any],
        attributes: ReadOnlyDict[str, Any] | None = None,
        tags: ReadOnlyDict[str, Any] | None = None,
        source: ReadOnlyDict[str, Any] | None = None,
        rows: ReadOnlyDict[str, Any] | None = None,
        unique: Sequence[str] | bool | None = None,
        unique_keep: str | None = None,
        key: Sequence[str] | None = None,
        lookups: ReadOnlyDict[str, object] | None = None,
    ) -> None:
        given: dict[str, Any] = {
            "fields": fields,
            "attributes": attributes,
            "tags": tags,
            "source": source,
            "rows": rows,
        }
        forms, tables = split_lookups(lookups)
        given |= {"lookups": forms or None}
        given |= {"unique": unique, "unique_keep": unique_keep, "key": key}
        document = {"kind": str(kind)} | {name: value for name, value in given.items() if value is not None}
        self._rules = replace(build_mapping(_as_toml(document)), nearby=Nearby(None, take_tables(tables)))

    @classmethod
    def of(cls, rules: Rules) -> Mapping:
        """One that the loader has made."""
        mapping = cls.__new__(cls)
        mapping.__dict__["_rules"] = rules
        return mapping

    @classmethod
    @spell_in_python()
    def infer(cls, kind: str, source: Source) -> Mapping:
        """What a load without a mapping would use: the columns that are named like the API's fields.

        Raises:
            MappingError: a field that is needed has no column.
            SourceError: the input cannot be read.
        """
        given = Given.of(source)
        opened = open_source(given.files, table=given.table)
        return cls.of(infer(_kind(kind), opened.schema, opened.sample(), where=given.files[0]))

    @classmethod
    @spell_in_python()
    def propose(
        cls,
        kind: str,
        source: Source | Tables | None = None,
        *,
        zone: str | None = None,
        query: str | None = None,
        database: str | None = None,
    ) -> str:
        """The text of a mapping file to begin with, with the reason for each line, as `map` writes it.

        Exports of other vendors are recognised by their columns. Lines marked UNSURE want a decision; then
        `Mapping.parse` reads the text.

        Args:
            kind: "users", "events" or "tags".
            source: the input; only its first rows are read.
            zone: of times that carry none, if it is known.
            query: propose a mapping of the result of this query, as for `load_events`.
            database: the URL of a database, in which the query runs.

        Raises:
            SourceError: the input cannot be read.
        """
        from loader.api.asking import place_for_look  # noqa: PLC0415 - seldom needed
        from loader.api.proposing import propose_mapping  # noqa: PLC0415 - as above

        given = place_for_look(source, QueryOptions(query=query, database=database))
        return propose_mapping(_kind(kind), given, zone)

    @classmethod
    @spell_in_python()
    def read(
        cls, path: str | os.PathLike[str], *, lookups: ReadOnlyDict[str, object] | None = None
    ) -> Mapping:
        """Read a mapping file.

        Args:
            path: of the file; the paths of look-ups in it are relative to its folder.
            lookups: tables in memory, in place of the look-ups with these names.

        Raises:
            MappingError: it cannot be read, or with every mistake in it.
        """
        rules = read_mapping(as_place(path))
        return cls.of(replace(rules, nearby=replace(rules.nearby, tables=take_tables(lookups))))

    @classmethod
    @spell_in_python()
    def parse(cls, text: str) -> Mapping:
        """Read the text of a mapping file.

        Raises:
            MappingError: with every mistake in it.
        """
        return cls.of(parse_mapping(text, "the mapping"))

    @classmethod
    def taken(cls, mapping: Mapping | Rules | str | os.PathLike[str], kind: Kind) -> Mapping:
        """What was given as a mapping: one, or the path of a file.

        Raises:
            MappingError: it cannot be read, or is for the other kind.
        """
        if isinstance(mapping, Rules):
            mapping = cls.of(mapping)
        if not isinstance(mapping, Mapping):
            if not isinstance(mapping, (str, Path)) and not hasattr(mapping, "__fspath__"):
                raise ConfigError(
                    f"mapping is a {type(mapping).__qualname__}. Give a loader.Mapping, or the path of a "
                    "mapping file."
                )
            return cls.of(read_mapping(as_place(mapping), kind))
        refuse_other_kind(mapping.kind, kind, "the mapping")
        return mapping

    @property
    def kind(self) -> str:
        """What it is for: "users", "events" or "tags"."""
        return str(self._rules.kind)

    @property
    def rules(self) -> Rules:
        """The loader's own record of it."""
        return self._rules

    def to_toml(self) -> str:
        """The text of a mapping file that says the same."""
        return escape_toml(write_mapping(self._rules))

    @spell_in_python()
    def write(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write a mapping file, and never over one that the user may have worked on, unless asked.

        Raises:
            ConfigError: the file exists, or cannot be written.
        """
        target = Path(path)
        refuse_conflicts([Claim(FileUse.OUTPUT, str(target))])
        try:
            with target.open("w" if overwrite else "x", encoding="utf-8", newline="\n") as file:
                file.write(self.to_toml())
        except FileExistsError:
            raise ConfigError(
                f"{target} exists already. Name another file, or give overwrite=True."
            ) from None
        except OSError as error:
            raise ConfigError(f"{target} cannot be written: {error.strerror}.") from None

    def __eq__(self, other: object) -> bool:
        return self._rules == other._rules if isinstance(other, Mapping) else NotImplemented

    __hash__ = None  # type: ignore[assignment] # its rules hold dictionaries

    def __repr__(self) -> str:
        return f"<Mapping of {self.kind}>\n{self.to_toml()}"

    def _repr_html_(self) -> str:
        return page.render_code([self.to_toml()])


def split_lookups(
    lookups: ReadOnlyDict[str, object] | None,
) -> tuple[dict[str, object], dict[str, object]]:
    """How the files of some look-ups are written, and the tables that others are.

    Raises:
        ConfigError: they have no names.
    """
    given = take_named(lookups)
    forms: dict[str, object] = {name: each for name, each in given.items() if isinstance(each, dict)}
    return forms, {name: each for name, each in given.items() if name not in forms}


def _kind(text: str) -> Kind:
    try:
        return Kind(text)
    except ValueError:
        raise ConfigError(f"kind is {text!r}; it must be {KINDS}.") from None


def _as_toml(value: Any) -> Any:
    """Tuples and dictionary-likes as TOML would give them."""
    if isinstance(value, (list, tuple)):
        return [_as_toml(member) for member in value]
    if hasattr(value, "items"):
        return {str(key): _as_toml(member) for key, member in value.items()}
    return value
