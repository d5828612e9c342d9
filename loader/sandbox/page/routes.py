"""Which address shows what: a view is a page, and the same record as JSON."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from loader.sandbox.page.asked import read_asked
from loader.sandbox.page.catalogue import gather_catalogue
from loader.sandbox.page.html import Pages
from loader.sandbox.page.live import gather_live, list_loads
from loader.sandbox.page.oddities import gather_duplicates, gather_refused
from loader.sandbox.page.people import gather_changes, gather_devices, gather_user, gather_users
from loader.sandbox.page.replies import HTML, JSON, TEXT, Reply
from loader.sandbox.page.tables import FORMS, TABLES
from loader.sandbox.page.timeline import gather_timeline

if TYPE_CHECKING:
    from collections.abc import Callable

    from loader.sandbox.page.asked import Asked
    from loader.sandbox.page.replies import Request
    from loader.sandbox.page.state import StoreState


@dataclass(frozen=True, slots=True)
class View:
    """A view: its page is at `/NAME`, its JSON at `/api/NAME`; that of the first, `live`, is at `/`."""

    title: str
    gather: Callable[[StoreState, Asked], Any]


VIEWS = {
    "live": View("Live", gather_live),
    "events": View("Events", gather_timeline),
    "users": View("Users", gather_users),
    "devices": View("Devices", gather_devices),
    "changes": View("Devices that changed their user", gather_changes),
    "catalogue": View("Catalogue", gather_catalogue),
    "duplicates": View("Duplicates", gather_duplicates),
    "refused": View("Refused calls", gather_refused),
    "user": View("User", gather_user),
}
FILES = {
    "/page.css": "text/css; charset=utf-8",
    "/page.js": "text/javascript; charset=utf-8",
    "/page.svg": "image/svg+xml",
}


class Routes:
    """The answers to requests for the page.

    Args:
        state: of the store.
    """

    def __init__(self, state: StoreState) -> None:
        self._state = state
        self._pages = Pages(state.reader.path.name)

    def answer(self, request: Request) -> Reply:
        """The answer; a store that cannot be read now is an answer too."""
        try:
            asked = read_asked(*request)
        except ValueError:
            return Reply(400, TEXT, b"The address has more than 50 parameters.\n")
        try:
            return self._route(asked)
        except sqlite3.Error as error:
            return Reply(503, TEXT, f"The store cannot be read now: {error}. Load the page again.\n".encode())

    def _route(self, asked: Asked) -> Reply:
        area, _, name = asked.path.rpartition("/")
        if asked.path in FILES:
            return Reply(200, FILES[asked.path], self._pages.read_file(asked.path[1:]))
        if asked.path == "/api/":
            return reply_json(200, describe_api())
        if area == "/api":
            return self._answer_json(asked, name)
        return self._answer_page(asked, "live" if asked.path == "/" else name if not area else "")

    def _answer_json(self, asked: Asked, name: str) -> Reply:
        if name not in VIEWS:
            return reply_json(404, {"message": "There is no such view. See /api/ for those that there are."})
        return reply_json(200, asdict(VIEWS[name].gather(self._state, asked)))

    def _answer_page(self, asked: Asked, name: str) -> Reply:
        loads = [load.label for load in list_loads(self._state)]
        if name not in VIEWS or (name == "live" and asked.path != "/"):
            return Reply(404, HTML, self._pages.render_missing(asked, loads))
        view = VIEWS[name]
        record = view.gather(self._state, asked)
        return Reply(200, HTML, self._pages.render(name, view.title, record, asked, loads))


def describe_api() -> dict[str, object]:
    """What `/api/` says."""
    return {
        "views": {f"/api/{name}": view.title for name, view in VIEWS.items()},
        "parameters": {
            "load": "only what the load of this label sent; * is all",
            "limit": "entries of a list, at most 1000",
            "q": "text to search for, in users and devices",
            "event": "only events of this name, in events",
            "application, id": "which user, in user",
            "next, older": "where a list continues; see the links of the page",
        },
        "downloads": [f"/download/{table}.{form}" for table in TABLES for form in FORMS],
    }


def reply_json(status: int, record: object) -> Reply:
    """A record as JSON; what is no text of Unicode is escaped."""
    return Reply(status, JSON, json.dumps(record, indent=1).encode() + b"\n")
