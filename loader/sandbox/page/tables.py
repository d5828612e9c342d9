"""The tables of the store that can be downloaded: their columns and order."""

from __future__ import annotations

from dataclasses import dataclass, field

TEXT, NUMBER, FLAG = "text", "number", "flag"
FORMS = ("csv", "parquet")


@dataclass(frozen=True, slots=True)
class Table:
    """A table that can be downloaded.

    Attributes:
        columns: their names and types (text, number or flag), in order; times are as in the store.
        key: the columns that it is ordered by, which together are unique.
        source: what stands behind FROM, if that is not the table's name.
        by_load: whether it has a column `load`.
    """

    columns: dict[str, str]
    key: tuple[str, ...]
    source: str = ""
    by_load: bool = field(default=False)


TABLES = {
    "events": Table(
        {
            "id": NUMBER,
            "load": TEXT,
            "arrived": NUMBER,
            "application": TEXT,
            "event": TEXT,
            "hwid": TEXT,
            "user_id": TEXT,
            "timestamp_utc": NUMBER,
            "stamped": FLAG,
            "timestamp_current": NUMBER,
            "device_type": NUMBER,
            "attributes": TEXT,
            "matched": FLAG,
        },
        ("id",),
        by_load=True,
    ),
    "registrations": Table(
        {
            "id": NUMBER,
            "load": TEXT,
            "arrived": NUMBER,
            "application": TEXT,
            "hwid": TEXT,
            "user_id": TEXT,
            "tz_offset": NUMBER,
            "device_type": NUMBER,
        },
        ("id",),
        by_load=True,
    ),
    "tag_calls": Table(
        {
            "id": NUMBER,
            "load": TEXT,
            "arrived": NUMBER,
            "application": TEXT,
            "user_id": TEXT,
            "hwid": TEXT,
            "tags": TEXT,
        },
        ("id",),
        by_load=True,
    ),
    "users": Table({"application": TEXT, "user_id": TEXT, "devices": NUMBER}, ("application", "user_id")),
    "devices": Table(
        {
            "hwid": TEXT,
            "application": TEXT,
            "user_id": TEXT,
            "tz_offset": NUMBER,
            "device_type": NUMBER,
            "updated": NUMBER,
        },
        ("hwid", "application"),
    ),
    "tags": Table(
        {"application": TEXT, "user_id": TEXT, "hwid": TEXT, "tag": TEXT, "value": TEXT, "updated": NUMBER},
        ("application", "user_id", "hwid", "tag"),
    ),
    "event_types": Table(
        {"application": TEXT, "name": TEXT, "description": TEXT, "declared": FLAG, "arrived": NUMBER},
        ("application", "name"),
    ),
    "event_attributes": Table(
        {"application": TEXT, "event": TEXT, "name": TEXT, "type": NUMBER, "declared": FLAG},
        ("application", "event", "name"),
    ),
    "violations": Table(
        {
            "event_id": NUMBER,
            "load": TEXT,
            "application": TEXT,
            "event": TEXT,
            "attribute": TEXT,
            "declared": TEXT,
            "found": TEXT,
        },
        ("event_id", "attribute"),
        source="(SELECT event_id, load, application, event, attribute, declared, found "
        "FROM violations JOIN events ON events.id = event_id)",
        by_load=True,
    ),
    "answers": Table(
        {"second": NUMBER, "load": TEXT, "method": TEXT, "verdict": TEXT, "count": NUMBER},
        ("second", "load", "method", "verdict"),
        by_load=True,
    ),
    "refusals": Table(
        {
            "id": NUMBER,
            "arrived": NUMBER,
            "load": TEXT,
            "method": TEXT,
            "http_status": NUMBER,
            "status_code": NUMBER,
            "message": TEXT,
            "body": TEXT,
        },
        ("id",),
        by_load=True,
    ),
}


@dataclass(frozen=True, slots=True)
class Download:
    """A table in a form, as an address names it."""

    table: str
    form: str


def find_download(path: str) -> Download | None:
    """What `/download/TABLE.FORM` names, or None."""
    name, _, form = path.removeprefix("/download/").rpartition(".")
    return Download(name, form) if name in TABLES and form in FORMS else None
