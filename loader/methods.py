"""What the API methods are: one frozen record each, and the only place that tells one method from another.

Every room asks the record: whether its rows have a time, whether a call can be repeated, which object of the
request holds values of the user's own. A method that is added here is loaded, checked, proposed and reported
like the others; `CONTRIBUTING.md` says what else it needs. The records restate the vendor's documentation of
the user-centric API 1.3. What the documentation leaves open is not checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping as ReadOnlyDict

MAX_EVENT_LENGTH: Final = 32
MAX_ATTRIBUTE_NAME_LENGTH: Final = 64


class Kind(StrEnum):
    """What is loaded, as the user says it: the command, the mapping's `kind`, the checkpoint's note."""

    USERS = "users"
    EVENTS = "events"
    TAGS = "tags"

    @property
    def method(self) -> Method:
        """The API method that each row of this kind is sent to."""
        return METHODS[self]


class MappedField(StrEnum):
    """A key of the mapping's `[fields]`: what decides how its columns are read."""

    HWID = "hwid"
    USER_ID = "userId"
    EVENT = "event"
    TIMESTAMP = "timestamp"
    DEVICE_TYPE = "device_type"
    TZ_OFFSET = "tz_offset"


class Conversion(StrEnum):
    """How a cell becomes the JSON value of an attribute or a tag."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    LIST = "list"
    TEXTS = "list of texts"
    PRICE = "price"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiField:
    """One key of the `request` object.

    Attributes:
        name: the key.
        json_type: "string", "integer" or "object".
        source: the key of the mapping's `[fields]` that it comes from; None if it comes from elsewhere.
        required: whether the vendor refuses a request without it.
        longest: characters that a string may have, or None.
        holds: what a string with such a limit is, with its article.
    """

    name: str
    json_type: str
    source: MappedField | None
    required: bool = False
    longest: int | None = None
    holds: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A field without which a row cannot be sent, or several of which a row needs at least one.

    Attributes:
        fields: keys of the mapping's `[fields]`, in the order of the body.
        holds: what a column for them holds, in the plural.
        why: why a mapping must name one, as the beginning of a sentence.
        lacking: what is wrong with a row without it; follows "is empty, and".
        remedy: what to do about such a row, a sentence; "" for "Fill it."
        constant: what a mapping writes for one value in every row, if that makes sense.
    """

    fields: tuple[str, ...]
    holds: str
    why: str
    lacking: str
    remedy: str = ""
    constant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """The object of the request that holds values under names of the user's own.

    Attributes:
        name: its key in the request, and the name of its table in the mapping.
        one, many: what its members are called; `a` with the article.
        types: the types that a mapping may say, and how each is converted.
        most: members that one row may have, or None.
        longest_name: characters that a member's name may have, or None.
        reserved: names that the vendor keeps for itself.
        needed: whether a row without any member is of no use.
        left_out: why an export's own columns are not members, for a proposal.
    """

    name: str
    one: str
    many: str
    a: str
    types: ReadOnlyDict[str, Conversion]
    most: int | None
    longest_name: int | None
    reserved: frozenset[str]
    needed: bool
    left_out: str

    def count(self, number: int) -> str:
        """A number of members, in words: ``1 tag``, ``2,000 tags``."""
        return _count(number, self.one, self.many)

    @property
    def texts_only(self) -> bool:
        """Whether the members of a list must be texts."""
        return Conversion.LIST not in self.types.values()

    def type_for(self, conversion: Conversion) -> str:
        """The name of a conversion in a mapping, for example "float" of an attribute."""
        wanted = Conversion.TEXTS if conversion is Conversion.LIST and self.texts_only else conversion
        return next(name for name, known in self.types.items() if known is wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One API method.

    Attributes:
        kind: what the user calls its rows.
        name: of the method, the last part of the URL.
        one, many: its rows, in words.
        fields: the keys of `request`, in the order of the documentation, which is the order in a body.
        needs: what a row must have.
        container: the object with names of the user's own, or None.
        timed: each row has its own time, `timestamp` in the mapping.
        repeatable: the same call again changes nothing, so a row in doubt may be sent again.
        last_wins: a later call undoes an earlier one of the same device or user, so that their order is kept.
        merges: a call changes only what its container names, and undoes others only in names that both have.
        ties_users: a call ties a device to a user, and so decides which users exist.
        deviceless: what it means that a user has no device, as the end of a sentence, or "".
        order_key: fields, of which the first that a row has is what keeps its order.
    """

    kind: Kind
    name: str
    one: str
    many: str
    fields: tuple[ApiField, ...]
    needs: tuple[Need, ...]
    container: Container | None
    timed: bool
    repeatable: bool
    last_wins: bool
    merges: bool
    ties_users: bool
    deviceless: str
    order_key: tuple[str, ...]

    def __post_init__(self) -> None:
        known = {field.source for field in self.fields}
        named = {name for need in self.needs for name in need.fields} | set(self.order_key)
        container = self.container.name if self.container else None
        objects = [field.name for field in self.fields if field.json_type == "object"]
        if not named <= known or self.timed != ("timestamp" in known):
            raise ValueError(f"{self.name}: a need, the order or the time names a field that it lacks")
        if objects != ([container] if container else []):
            raise ValueError(f"{self.name}: its objects {objects} are not its container {container}")
        if self.last_wins and not self.repeatable:
            raise ValueError(f"{self.name}: a call of which the last wins can be repeated")
        if self.merges and not (self.container and self.container.needed):
            raise ValueError(f"{self.name}: a call that merges needs names to merge")

    @property
    def mapped(self) -> tuple[MappedField, ...]:
        """The keys that `[fields]` of a mapping may have, in the order of the body."""
        return tuple(dict.fromkeys(field.source for field in self.fields if field.source))

    @property
    def owner(self) -> str:
        """Whose rows keep their order, in words: ``device``, ``user or device``."""
        return " or ".join(_ID_WORDS[name] for name in self.order_key)

    @property
    def required(self) -> frozenset[str]:
        """The keys that `[fields]` must have, each by itself."""
        return frozenset(need.fields[0] for need in self.needs if len(need.fields) == 1)

    def count(self, number: int) -> str:
        """A number of rows, in words: ``1 user``, ``2,000 users``."""
        return _count(number, self.one, self.many)


_ID_WORDS: Final = MappingProxyType({"hwid": "device", "userId": "user"})


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


_APPLICATION: Final = ApiField(name="application", json_type="string", source=None, required=True)
_HWID: Final = ApiField(name="hwid", json_type="string", source=MappedField.HWID)
_USER_ID: Final = ApiField(name="userId", json_type="string", source=MappedField.USER_ID)
_DEVICE_TYPE: Final = ApiField(name="device_type", json_type="integer", source=MappedField.DEVICE_TYPE)

_ATTRIBUTES: Final = Container(
    name="attributes",
    one="attribute",
    many="attributes",
    a="an attribute",
    types=MappingProxyType(
        {
            "string": Conversion.TEXT,
            "integer": Conversion.INTEGER,
            "float": Conversion.NUMBER,
            "boolean": Conversion.BOOLEAN,
            "date": Conversion.DATE,
            "list": Conversion.LIST,
            "price": Conversion.PRICE,
        }
    ),
    most=None,
    longest_name=MAX_ATTRIBUTE_NAME_LENGTH,
    reserved=frozenset({"msgHash", "richMediaCode", "inAppCode"}),
    needed=False,
    left_out="they say nothing about the event",
)

#: The types of the control panel; a date is text in UTC, and the documentation advises 50 tags a call.
TAGS: Final = Container(
    name="tags",
    one="tag",
    many="tags",
    a="a tag",
    types=MappingProxyType(
        {
            "string": Conversion.TEXT,
            "integer": Conversion.INTEGER,
            "decimal": Conversion.NUMBER,
            "boolean": Conversion.BOOLEAN,
            "date": Conversion.DATE,
            "list": Conversion.TEXTS,
            "version": Conversion.TEXT,
        }
    ),
    most=50,
    longest_name=None,
    reserved=frozenset(),
    needed=True,
    left_out="they are about the device, not the user",
)

REGISTER_USER: Final = Method(
    kind=Kind.USERS,
    name="registerUser",
    one="user",
    many="users",
    fields=(
        _APPLICATION,
        ApiField(name="hwid", json_type="string", source=MappedField.HWID, required=True),
        _USER_ID,
        ApiField(name="tz_offset", json_type="integer", source=MappedField.TZ_OFFSET),
        _DEVICE_TYPE,
    ),
    needs=(
        Need(
            fields=("hwid",),
            holds="device ids",
            why="a user is registered on a device",
            lacking="a user needs a device id (hwid)",
            remedy="Fill it; users without a device cannot be stored.",
        ),
    ),
    container=None,
    timed=False,
    repeatable=True,
    last_wins=True,
    merges=False,
    ties_users=True,
    deviceless=": without one a user cannot be stored",
    order_key=("hwid",),
)

POST_EVENT: Final = Method(
    kind=Kind.EVENTS,
    name="postEvent",
    one="event",
    many="events",
    fields=(
        _APPLICATION,
        ApiField(
            name="event",
            json_type="string",
            source=MappedField.EVENT,
            required=True,
            longest=MAX_EVENT_LENGTH,
            holds="an event name",
        ),
        ApiField(name="attributes", json_type="object", source=None, required=True),
        _HWID,
        _USER_ID,
        ApiField(name="timestampUTC", json_type="integer", source=MappedField.TIMESTAMP),
        ApiField(name="timestampCurrent", json_type="integer", source=MappedField.TIMESTAMP),
        _DEVICE_TYPE,
    ),
    needs=(
        Need(
            fields=("hwid", "userId"),
            holds="user ids or device ids",
            why="an event belongs to a device, a user, or both",
            lacking="an event needs a device id (hwid), a user id (userId), or both",
        ),
        Need(
            fields=("event",),
            holds="event names",
            why="an event needs a name",
            lacking="an event needs a name",
            remedy="Fill it, or set default in the mapping.",
            constant='{ const = "purchase" }',
        ),
        Need(
            fields=("timestamp",),
            holds="times",
            why="without it the vendor would stamp each event with the moment it arrives",
            lacking="an event without a time would be stamped with the moment it arrives",
            remedy="Fill it; the loader never makes up a time.",
        ),
    ),
    container=_ATTRIBUTES,
    timed=True,
    repeatable=False,
    last_wins=False,
    merges=False,
    ties_users=False,
    deviceless=": without one a user enters no journey",
    order_key=("hwid", "userId"),
)

SET_TAGS: Final = Method(
    kind=Kind.TAGS,
    name="setTags",
    one="row of tags",
    many="rows of tags",
    fields=(
        _APPLICATION,
        _HWID,
        _USER_ID,
        ApiField(name="tags", json_type="object", source=None, required=True),
    ),
    needs=(
        Need(
            fields=("hwid", "userId"),
            holds="user ids or device ids",
            why="tags belong to a device, a user, or both",
            lacking="tags need a device id (hwid), a user id (userId), or both",
        ),
    ),
    container=TAGS,
    timed=False,
    repeatable=True,
    last_wins=True,
    merges=True,
    ties_users=False,
    deviceless="",
    order_key=("userId", "hwid"),
)

METHODS: Final[ReadOnlyDict[Kind, Method]] = MappingProxyType(
    {method.kind: method for method in (REGISTER_USER, POST_EVENT, SET_TAGS)}
)
if set(METHODS) != set(Kind):
    raise ValueError(f"no method for {', '.join(set(Kind) - set(METHODS))}")
#: The same records by the name of the API method.
BY_NAME: Final[ReadOnlyDict[str, Method]] = MappingProxyType(
    {method.name: method for method in METHODS.values()}
)
