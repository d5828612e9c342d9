"""The views as HTML: the templates, and what they call.

What comes from calls is hostile: names, ids and attributes are escaped by the template, characters that do
not print are spelled out, and long texts are cut. JSON and downloads have them whole.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from markupsafe import escape as escape_html

from loader._version import __version__
from loader.look.numbers import number
from loader.mapping.fields import DEVICE_TYPES
from loader.printable import escape
from loader.sandbox.page.drawings import choose_names, draw_course, draw_months

if TYPE_CHECKING:
    from loader.sandbox.page.asked import Asked

LONGEST = 80
"""Characters of a text that a page shows; more where it is told so."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# What stands in the navigation: the name of a view, and its short title.
NAVIGATION = (
    ("live", "Live"),
    ("events", "Events"),
    ("users", "Users"),
    ("devices", "Devices"),
    ("changes", "Changed users"),
    ("catalogue", "Catalogue"),
    ("duplicates", "Duplicates"),
    ("refused", "Refused"),
)

# The views of logs, which know the load of each call.
FILTERED = frozenset({"live", "events", "catalogue", "duplicates", "refused"})


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around a view: which one, of which store, for which load."""

    name: str
    title: str
    store: str
    endpoint: str
    loads: list[str]
    version: str = __version__


class Pages:
    """The pages of a store.

    Args:
        store: the name of its file.
    """

    def __init__(self, store: str) -> None:
        self._store = store
        self._templates = build_environment()

    def render(self, name: str, title: str, record: Any, asked: Asked, loads: list[str]) -> bytes:
        """The page of a view."""
        frame = Frame(name, title, self._store, f"http://{asked.host}/json/1.3/", loads)
        template = self._templates.get_template(f"{name}.html.j2")
        return template.render(frame=frame, it=record, asked=asked).encode()

    def render_missing(self, asked: Asked, loads: list[str]) -> bytes:
        """The page for an address that there is not."""
        return self.render("missing", "No such page", None, asked, loads)

    def read_file(self, name: str) -> bytes:
        """The style sheet or the script; the house's style stands before the page's own."""
        if name.endswith(".css"):
            return self._templates.get_template(name).render().encode()
        return files(__package__).joinpath("templates", name).read_bytes()


def build_environment() -> Environment:
    """The templates, with what they call."""
    found = Environment(
        loader=ChoiceLoader([PackageLoader("loader.sandbox.page"), PackageLoader("loader.look")]),
        autoescape=select_autoescape(enabled_extensions=("j2",), default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=finalize_value,
    )
    found.filters.update(
        number=number,
        short=shorten,
        moment=format_moment,
        clock=format_clock,
        arrival=format_arrival,
        zone=format_offset,
        device=name_device,
        members=read_members,
        raw=escape_html,
    )
    found.globals.update(
        NAVIGATION=NAVIGATION,
        FILTERED=FILTERED,
        choose_names=choose_names,
        draw_course=draw_course,
        draw_months=draw_months,
    )
    return found


def finalize_value(value: object) -> object:
    """What the template writes: text from outside made visible, drawings as they are."""
    return escape(value, keep="\n") if isinstance(value, str) and not isinstance(value, Markup) else value


def shorten(text: str, limit: int = LONGEST) -> str:
    """At most about `limit` characters, with the number of those that are not shown."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text):,} characters)"


def format_moment(seconds: int | None) -> str:
    """Unix seconds as date and time of day; a time beyond the calendar as it is."""
    if seconds is None:
        return ""
    try:
        return f"{EPOCH + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S}"
    except OverflowError:
        return f"{seconds} s"


def format_clock(seconds: int) -> str:
    """The time of day in UTC."""
    return f"{EPOCH + timedelta(seconds=seconds):%H:%M:%S}"


def format_arrival(milliseconds: int | None) -> str:
    """When a call arrived."""
    return "" if milliseconds is None else format_moment(milliseconds // 1000)


def format_offset(seconds: int | None) -> str:
    """An offset from UTC; one that is no offset as it is."""
    if seconds is None:
        return ""
    if abs(seconds) >= 86_400:
        return f"{seconds} s"
    hours, rest = divmod(abs(seconds), 3600)
    sign = "-" if seconds < 0 else "+"
    odd = f":{rest % 60:02}" if rest % 60 else ""
    return f"UTC{sign}{hours:02}:{rest // 60:02}{odd}"


def name_device(number_of_type: int | None) -> str:
    """The name of a type of device."""
    return "" if number_of_type is None else DEVICE_TYPES.get(number_of_type, str(number_of_type))


def read_members(text: str) -> list[tuple[str, str]]:
    """The members of a JSON object, values as JSON; of another text none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return []
    if not isinstance(found, dict):
        return []
    return [(name, json.dumps(value, ensure_ascii=False)) for name, value in found.items()]
