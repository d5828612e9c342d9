"""Under which conditions a run was made, and how it ended: notes in the checkpoint, without secrets."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from loader._version import __version__
from loader.delivery import library_version
from loader.load_options import LoadOptions
from loader.option import offered

if TYPE_CHECKING:
    from loader.settings import Settings

BEGAN, ENDED = "began", "ended"


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a run was begun with.

    Attributes:
        versions: of this program and of what it rests on, by name.
        options: how it was sent, by the option's name; no token, no address of a proxy.
    """

    versions: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> Conditions:
        """Those of a run that begins now, in this process."""
        chosen = settings.options
        return cls(present_versions() | library_version(chosen.transport), noted(chosen))

    def to_text(self) -> str:
        """The note."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Conditions:
        """Read the note; what cannot be read of it is left out."""
        record = _object(text)
        return cls(_texts(record.get("versions")), _texts(record.get("options")))


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended.

    Attributes:
        stopped: why it ended before its end, or None; may quote a row.
        interrupted: it was asked to end (Ctrl-C, SIGTERM).
    """

    stopped: str | None = None
    interrupted: bool = False

    def to_text(self) -> str:
        """The note."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Ending:
        """Read the note; what cannot be read of it is left out."""
        record = _object(text)
        stopped = record.get("stopped")
        return cls(str(stopped) if stopped else None, bool(record.get("interrupted")))


def noted(chosen: LoadOptions) -> dict[str, str]:
    """The options that say something, by their names, as a checkpoint keeps them: texts without secrets."""
    notes: dict[str, str] = {}
    for each in offered(LoadOptions):
        value = getattr(chosen, each.name)
        note = None if value is None else each.option.note(value)
        if note is not None:
            notes[each.name.replace("_", "-")] = note
    return notes


def present_versions() -> dict[str, str]:
    """Of this program, of Python, and of the libraries that decide what is read and sent."""
    found = {"pushwoosh-loader": __version__, "Python": platform.python_version()}
    for name in ("pandas", "pyarrow"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # it is there, because it is used, but not as a distribution
            continue
    return found


def _object(text: str) -> dict[str, object]:
    try:
        record = json.loads(text)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def _texts(record: object) -> dict[str, str]:
    return {str(name): str(text) for name, text in record.items()} if isinstance(record, dict) else {}
