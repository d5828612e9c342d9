"""Which keys both sides have, and a row with only these: what is compared with an export.

The local time (`timestampCurrent`) is not compared: an export has the zone of whoever made it. A member with
null is left out, because most formats cannot tell it from an empty cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from loader.mapping.fields import PRICE_AMOUNT, PRICE_CURRENCY
from loader.methods import Conversion

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from loader.mapping import Mapping
    from loader.methods import Method

_NOT_COMPARED = frozenset({"timestampCurrent"})
_WORDS = {
    "hwid": "device",
    "userId": "user",
    "timestampUTC": "time",
    "device_type": "platform",
    "tz_offset": "zone",
}


class _Envelope(msgspec.Struct):
    request: dict[str, msgspec.Raw]


_READ_BODY = msgspec.json.Decoder(_Envelope)
_READ_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of the request that the rows of one side can have.

    Attributes:
        fields: keys of the request, without the container.
        members: names in the container.
        open: there may be other names in the container, which only the rows tell.
    """

    fields: frozenset[str]
    members: frozenset[str] = frozenset()
    open: bool = False

    @classmethod
    def of(cls, mapping: Mapping) -> Keys:
        """Those of an effective mapping, in which the other columns are written out."""
        fields = {
            known.name
            for known in mapping.method.fields
            if known.source in mapping.fields and known.name not in _NOT_COMPARED
        }
        return cls(frozenset(fields), frozenset(list_members(mapping)), bool(mapping.expand))

    def union(self, other: Keys) -> Keys:
        """The keys of either: of a load that was continued with another mapping."""
        return Keys(self.fields | other.fields, self.members | other.members, self.open or other.open)


def list_members(mapping: Mapping) -> Iterator[str]:
    """The names in the container that a mapping gives; a price gives two."""
    container = mapping.method.container
    for name, rule in mapping.members.items():
        if container and rule.type and container.types[rule.type] is Conversion.PRICE:
            yield from (f"{name}{PRICE_AMOUNT}", f"{name}{PRICE_CURRENCY}")
        else:
            yield name


@dataclass(frozen=True, slots=True)
class Shape:
    """The keys that both sides have.

    Attributes:
        method: of the load.
        fields: keys of the request, in the order of the method.
        members: names in the container, in order; None for all, because on both sides only the rows tell.
        lacking: what the load has and the export does not.
        unnamed: whether the load may have other members, which only its rows name, and the export has none.
    """

    method: Method
    fields: tuple[str, ...]
    members: tuple[str, ...] | None
    lacking: tuple[str, ...]
    unnamed: bool = False

    @property
    def whole(self) -> bool:
        """Whether rows that are the same in these keys are the same."""
        return not self.lacking and not self.unnamed

    @classmethod
    def of(cls, method: Method, load: Keys, export: Keys) -> Shape:
        """What two sides have in common."""
        names = [known.name for known in method.fields]
        return cls(
            method,
            tuple(name for name in names if name in load.fields & export.fields),
            _find_common(load, export),
            (
                *(name for name in names if name in load.fields - export.fields),
                *(() if export.open else sorted(load.members - export.members)),
            ),
            load.open and not export.open,
        )

    def write(self, body: bytes) -> bytes:
        """The form of a row: its compared keys in order, each value as it is written in the body."""
        request = _READ_BODY.decode(body).request
        parts = [b'"%b":%b' % (name.encode(), request[name]) for name in self.fields if name in request]
        container = self.method.container
        if container is not None and self.members != () and container.name in request:
            members = b",".join(self._write_members(_READ_MEMBERS.decode(request[container.name])))
            parts.append(b'"%b":{%b}' % (container.name.encode(), members))
        return b'{"request":{%b}}' % b",".join(parts)

    def _write_members(self, given: dict[str, msgspec.Raw]) -> Iterator[bytes]:
        for name in sorted(given) if self.members is None else self.members:
            raw = given.get(name)
            if raw is not None and (value := bytes(raw)) != b"null":
                yield b"%b:%b" % (msgspec.json.encode(name), drop_zeros(value))

    def describe(self) -> str:
        """What is compared, and what cannot be, in one line."""
        words = [_WORDS.get(name, name) for name in self.fields]
        if self.method.container is not None:
            words += self._describe_members(self.method.container.many)
        sentences = [f"Compared by {join_words(words)}."]
        if self.lacking:
            sentences.append(f"The export has no {join_words(map(self._name_lacking, self.lacking), 'or')}.")
        if self.unnamed and self.method.container is not None:
            sentences.append(f"Other {self.method.container.many} of the load are not compared.")
        return " ".join(sentences)

    def _describe_members(self, many: str) -> list[str]:
        if self.members is None:
            return [f"all {many}"]
        if len(self.members) > _MOST_NAMED:
            return [f"{len(self.members)} {many}"]
        return [f'"{name}"' for name in self.members]

    def _name_lacking(self, name: str) -> str:
        words = {"hwid": "device id", "userId": "user id", "device_type": "platform", "tz_offset": "zone"}
        return words.get(name, f'"{name}"')


_MOST_NAMED = 8


def drop_zeros(value: bytes) -> bytes:
    """A decimal without zeros at its end, as most exports write it: 15.28 for 15.280. Other JSON stays."""
    if value.endswith(b"0") and b"." in value and value[:1] in b"-0123456789" and value.isascii():
        return value.rstrip(b"0").rstrip(b".") if b"e" not in value.lower() else value
    return value


def _find_common(load: Keys, export: Keys) -> tuple[str, ...] | None:
    match load.open, export.open:
        case True, True:
            return None
        case True, False:
            return tuple(sorted(export.members))
        case False, True:
            return tuple(sorted(load.members))
        case _:
            return tuple(sorted(load.members & export.members))


def join_words(words: Iterable[str], last: str = "and") -> str:
    """A list in a sentence: ``event, user and time``."""
    *most, end = words
    return f"{', '.join(most)} {last} {end}" if most else end
