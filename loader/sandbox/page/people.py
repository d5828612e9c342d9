"""Users and devices: lists with a search, one user's history, devices that changed their user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loader.sandbox.page.timeline import COLUMNS, EventRow, build_row

if TYPE_CHECKING:
    from loader.sandbox.page.asked import Asked
    from loader.sandbox.page.state import StoreState

MOST_DEVICES = 200
MOST_TAGS = 500
MOST_STEPS = 20
INT64_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class User:
    """A user exists through its devices."""

    application: str
    user_id: str
    devices: int


@dataclass(frozen=True, slots=True)
class Device:
    """A device as its last registration left it; `tz_offset` in seconds east of UTC."""

    application: str
    hwid: str
    user_id: str
    tz_offset: int | None
    device_type: int | None
    updated: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list continues: after this entry."""

    application: str
    id: str


@dataclass(frozen=True, slots=True)
class Users:
    """Users whose id, or one of whose devices, has the text; by application and id."""

    search: str
    users: list[User]
    next: Place | None


@dataclass(frozen=True, slots=True)
class Devices:
    """Devices whose id or user has the text; by id and application."""

    search: str
    devices: list[Device]
    next: Place | None


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag with its value as JSON text; `hwid` is "" if it is the user's and not a device's."""

    hwid: str
    tag: str
    value: str


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a history continues: before this event."""

    timestamp_utc: int
    id: int


@dataclass(frozen=True, slots=True)
class OneUser:
    """All that is known of one user.

    Attributes:
        devices: at most 200.
        tags: of the user, and of its devices.
        events: by `timestampUTC`, the latest first: those that name the user, and those that name none and
            come from one of its devices.
        older: where the history continues; None at its end.
        behind: events that were not looked at yet.
    """

    application: str
    user_id: str
    devices: list[Device]
    tags: list[Tag]
    events: list[EventRow]
    older: Moment | None
    behind: int

    @property
    def unknown(self) -> bool:
        """Nothing here has to do with such a user."""
        return not (self.devices or self.tags or self.events)


@dataclass(frozen=True, slots=True)
class Ownership:
    """A registration of a device: from now on it belongs to this user."""

    load: str
    arrived: int | None
    user_id: str


@dataclass(frozen=True, slots=True)
class Change:
    """A device that belonged to several users, with its registrations: at most the first 20."""

    application: str
    hwid: str
    registrations: int
    owners: list[Ownership]

    @property
    def turns(self) -> list[Ownership]:
        """The registrations that changed the user, and the first one."""
        before = [None, *(owner.user_id for owner in self.owners)]
        return [owner for owner, user in zip(self.owners, before, strict=False) if owner.user_id != user]


@dataclass(frozen=True, slots=True)
class Changes:
    """Devices that changed their user, in the order in which that was seen."""

    total: int
    changes: list[Change]
    next: int | None
    behind: int


def like(text: str) -> str:
    r"""The pattern for a part of a text; `\` escapes."""
    escaped = text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{escaped}%"


def gather_users(state: StoreState, asked: Asked) -> Users:
    """A page of users."""
    condition, values = "1", ()
    if asked.search:
        condition = "(user_id LIKE ? ESCAPE '\\' OR hwid LIKE ? ESCAPE '\\')"
        values = (like(asked.search),) * 2  # type: ignore[assignment]
    rows = state.reader.list_rows(
        "SELECT application, user_id, count(*) FROM devices "  # noqa: S608 - the condition is ours
        f"WHERE (application, user_id) > (?, ?) AND {condition} "
        "GROUP BY application, user_id ORDER BY application, user_id LIMIT ?",
        (asked.values.get("application", ""), asked.values.get("after", ""), *values, asked.limit + 1),
    )
    users = [User(*row) for row in rows[: asked.limit]]
    more = len(rows) > asked.limit
    return Users(asked.search, users, Place(users[-1].application, users[-1].user_id) if more else None)


def gather_devices(state: StoreState, asked: Asked) -> Devices:
    """A page of devices."""
    condition, values = "1", ()
    if asked.search:
        condition = "(hwid LIKE ? ESCAPE '\\' OR user_id LIKE ? ESCAPE '\\')"
        values = (like(asked.search),) * 2  # type: ignore[assignment]
    rows = state.reader.list_rows(
        "SELECT application, hwid, user_id, tz_offset, device_type, updated FROM devices "  # noqa: S608 - ours
        f"WHERE (hwid, application) > (?, ?) AND {condition} ORDER BY hwid, application LIMIT ?",
        (asked.values.get("after", ""), asked.values.get("application", ""), *values, asked.limit + 1),
    )
    devices = [Device(*row) for row in rows[: asked.limit]]
    more = len(rows) > asked.limit
    return Devices(asked.search, devices, Place(devices[-1].application, devices[-1].hwid) if more else None)


def gather_user(state: StoreState, asked: Asked) -> OneUser:
    """The page of the user that `application` and `id` name."""
    behind = state.catch_up(state.owners)
    application, user_id = asked.values.get("application", ""), asked.values.get("id", "")
    devices = list_devices(state, application, user_id)
    events = list_history(state, asked, application, user_id, devices)
    shown = events[: asked.limit]
    return OneUser(
        application,
        user_id,
        devices,
        list_tags(state, application, user_id, devices),
        shown,
        Moment(shown[-1].timestamp_utc, shown[-1].id) if len(events) > asked.limit else None,
        behind,
    )


def list_devices(state: StoreState, application: str, user_id: str) -> list[Device]:
    """The devices of a user, the last registered first."""
    rows = state.reader.list_rows(
        "SELECT application, hwid, user_id, tz_offset, device_type, updated FROM devices "
        "WHERE application = ? AND user_id = ? ORDER BY updated DESC LIMIT ?",
        (application, user_id, MOST_DEVICES),
    )
    return [Device(*row) for row in rows]


def list_tags(state: StoreState, application: str, user_id: str, devices: list[Device]) -> list[Tag]:
    """The tags of a user, then those of its devices."""
    owners = [(user_id, ""), *(("", device.hwid) for device in devices)]
    found: list[Tag] = []
    for user, hwid in owners:
        rows = state.reader.list_rows(
            "SELECT hwid, tag, value FROM tags WHERE application = ? AND user_id = ? AND hwid = ? LIMIT ?",
            (application, user, hwid, MOST_TAGS - len(found)),
        )
        found += [Tag(*row) for row in rows]
    return found


def list_history(
    state: StoreState, asked: Asked, application: str, user_id: str, devices: list[Device]
) -> list[EventRow]:
    """A page of a user's events, and one more if there is one."""
    before = (asked.read_int("before"), asked.read_int("before_id"))
    start = (INT64_MAX, INT64_MAX) if None in before else before
    marks: set[tuple[Any, ...]] = set()
    for kind, owner in [("user", user_id), *(("device", device.hwid) for device in devices)]:
        marks.update(
            state.reader.list_rows(
                "SELECT timestamp_utc, id FROM owners WHERE owner = digest(?, ?, ?) "
                "AND (timestamp_utc, id) < (?, ?) ORDER BY timestamp_utc DESC, id DESC LIMIT ?",
                (kind, application, owner, *start, asked.limit + 1),
            )
        )
    ids = [number for _, number in sorted(marks, reverse=True)[: asked.limit + 1]]
    hwids = {device.hwid for device in devices}
    rows = [build_row(row) for row in fetch_events(state, ids)]
    # Digests may collide.
    return [row for row in rows if row.user_id == user_id or (not row.user_id and row.hwid in hwids)]


def fetch_events(state: StoreState, ids: list[int]) -> list[tuple[Any, ...]]:
    """Events by their ids, in that order."""
    places = ", ".join("?" * len(ids))
    rows = state.reader.list_rows(f"SELECT {COLUMNS} FROM events WHERE id IN ({places})", ids)  # noqa: S608 - ours
    found = {row[0]: row for row in rows}
    return [found[number] for number in ids if number in found]


def gather_changes(state: StoreState, asked: Asked) -> Changes:
    """A page of the devices that changed their user."""
    behind = state.catch_up(state.moves)
    rows = state.reader.list_rows(
        "SELECT number, device FROM moved WHERE number > ? ORDER BY number LIMIT ?",
        (asked.read_int("after") or 0, asked.limit + 1),
    )
    found = [change for _, device in rows[: asked.limit] if (change := find_change(state, device))]
    return Changes(
        total=state.reader.fetch_row("SELECT count(*) FROM moved")[0],
        changes=found,
        next=rows[asked.limit - 1][0] if len(rows) > asked.limit else None,
        behind=behind,
    )


def find_change(state: StoreState, device: int) -> Change | None:
    """The registrations of the device with this mark."""
    rows = state.reader.list_rows(
        "SELECT application, hwid, load, arrived, coalesce(nullif(user_id, ''), hwid) "
        "FROM moves JOIN registrations USING (id) WHERE device = ? ORDER BY id LIMIT ?",
        (device, MOST_STEPS),
    )
    if len({row[-1] for row in rows}) < 2:
        # Digests may collide; or the first 20 registrations all name one user.
        rows += state.reader.list_rows(
            "SELECT application, hwid, load, arrived, coalesce(nullif(user_id, ''), hwid) "
            "FROM moves JOIN registrations USING (id) WHERE device = ? ORDER BY id DESC LIMIT 1",
            (device,),
        )
    if not rows:
        return None
    count = state.reader.fetch_row("SELECT count(*) FROM moves WHERE device = ?", (device,))[0]
    return Change(rows[0][0], rows[0][1], count, [Ownership(*row[2:]) for row in rows])
