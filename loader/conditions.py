"""How a run began and how it ended: notes in the checkpoint, without secrets."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from loader._version import __version__
from loader.delivery import find_library_version
from loader.load_options import LoadOptions
from loader.message import spell_option
from loader.model import StopCode
from loader.option import offered

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from loader.journal.table_rows import Note
    from loader.model import Reject, Stop, Worker
    from loader.settings import Settings

BEGAN, ENDED, REMEDIES, REASONS, WORKER = "began", "ended", "remedies", "reasons", "worker"

MOST_WORKERS = 200
"""Workers of a run that are noted each by itself: a week of a cluster may see thousands."""
_LONGEST_TEXT = 200  # a note has room for 2,000 letters


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a run began with.

    Attributes:
        versions: of this program and of the libraries that it uses, by name.
        options: how it was sent, by the option's name; no token, no address of a proxy.
        label: which load its calls belong to in a sandbox's store; "" if it was not a rehearsal, or if a
            version that knew no labels wrote the note.
    """

    versions: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    label: str = ""

    @classmethod
    def of(cls, settings: Settings) -> Conditions:
        """Those of a run that begins now, in this process."""
        chosen, rehearsal = settings.options, settings.rehearsal
        return cls(
            collect_versions() | find_library_version(chosen.transport),
            note_options(chosen),
            rehearsal.label if rehearsal else "",
        )

    def to_text(self) -> str:
        """The note."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Conditions:
        """Read the note; what cannot be read of it is left out."""
        record = _object(text)
        label = record.get("label")
        return cls(
            _texts(record.get("versions")),
            _texts(record.get("options")),
            label if isinstance(label, str) else "",
        )


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended.

    Attributes:
        stopped: why it ended before its end, or None; may quote a row.
        interrupted: it was asked to end (Ctrl-C, SIGTERM).
        code: a `StopCode`; None if it did not stop, or if a version without codes, or a later one with more
            of them, wrote the note.
        unquoted: the same as `stopped`, without what may quote a row or the vendor.
        sending: whether workers of a cluster had rows that nobody waited for.
    """

    stopped: str | None = None
    interrupted: bool = False
    code: StopCode | None = None
    unquoted: str = ""
    sending: bool = False

    @classmethod
    def of(cls, stop: Stop | None, *, interrupted: bool, sending: bool = False) -> Ending:
        """How a run ends that ends now."""
        if stop is None:
            return cls(interrupted=interrupted, sending=sending)
        unquoted = stop.message.spell(spell_option, quotes=False)
        return cls(stop.reason, interrupted, stop.code, unquoted, sending)

    def to_text(self) -> str:
        """The note."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Ending:
        """Read the note; what cannot be read of it is left out."""
        record = _object(text)
        stopped = record.get("stopped")
        code = record.get("code")
        return cls(
            stopped=str(stopped) if stopped else None,
            interrupted=bool(record.get("interrupted")),
            code=StopCode(code) if isinstance(code, str) and code in set(StopCode) else None,
            unquoted=str(record.get("unquoted", "")),
            sending=bool(record.get("sending")),
        )


@dataclass(frozen=True, slots=True)
class WorkerShare:
    """What one worker of a cluster did in a run.

    Attributes:
        name: of the worker; of the last one, how many others it stands for, if there were too many.
        rows: attempts of it that ended.
        doubts: those without an answer.
        rate: rows a second since it joined; None if nobody knows, or if it stands for several.
        lost: why it did not take part any more at the end; "" if it did.
    """

    name: str
    rows: int
    doubts: int
    rate: float | None
    lost: str = ""

    @classmethod
    def of(cls, worker: Worker) -> WorkerShare:
        """What is noted of a worker."""
        lost = worker.lost[:_LONGEST_TEXT]
        return cls(worker.name[:_LONGEST_TEXT], worker.rows, worker.doubts, round(worker.mean, 1), lost)

    def to_text(self) -> str:
        """The note."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str) -> WorkerShare | None:
        """Read a note; None if it cannot be read."""
        record = _object(text)
        name, rows, doubts, rate = (record.get(key) for key in ("name", "rows", "doubts", "rate"))
        if not isinstance(name, str) or not isinstance(rows, int) or not isinstance(doubts, int):
            return None
        known = float(rate) if isinstance(rate, int | float) else None
        return cls(name, rows, doubts, known, str(record.get("lost") or ""))


def share_out(workers: Sequence[Worker]) -> list[WorkerShare]:
    """What each worker of a run did, the busiest first; the last stands for all beyond `MOST_WORKERS`."""
    each = sorted(map(WorkerShare.of, workers), key=lambda share: -share.rows)
    shown, others = each[:MOST_WORKERS], each[MOST_WORKERS:]
    if others:
        rows, doubts = sum(share.rows for share in others), sum(share.doubts for share in others)
        shown.append(WorkerShare(f"{len(others):,} others", rows, doubts, None))
    return shown


def may_still_send(notes: Sequence[Note]) -> bool:
    """Whether workers of a cluster may still send rows of the last run that sent any.

    They stop by themselves, but later than the coordinator if that was killed, or gave them up.
    """
    began = [note for note in notes if note.what == BEGAN]
    if not began or "cluster" not in Conditions.from_text(began[-1].detail).options:
        return False
    run = began[-1].generation
    ended = [note for note in notes if note.what == ENDED and note.generation == run]
    return not ended or Ending.from_text(ended[-1].detail).sending


class _NotesOfRejects:
    """What is known of the rejects of one run by their reason: noted before the first of them is written.

    Args:
        most: how many reasons are noted, so that a checkpoint stays small whatever the input holds.
    """

    def __init__(self, most: int = 200) -> None:
        self._most = most
        self._noted: set[str] = set()

    def note_new(self, rejects: Iterable[Reject]) -> str:
        """The note for the reasons that were not noted yet; "" if there are none."""
        found: dict[str, str] = {}
        for reject in rejects:
            room = len(self._noted) < self._most
            if room and reject.reason not in self._noted and (known := self._known(reject)):
                self._noted.add(reject.reason)
                found[reject.reason] = known
        return json.dumps(found) if found else ""

    @staticmethod
    def from_text(text: str) -> dict[str, str]:
        """Read a note; what cannot be read of it is left out."""
        return _texts(_object(text))

    @staticmethod
    def _known(reject: Reject) -> str:
        raise NotImplementedError


class Remedies(_NotesOfRejects):
    """What to do about the rejects of one run, by their reason."""

    @staticmethod
    def _known(reject: Reject) -> str:
        return reject.shared_remedy


class ShownReasons(_NotesOfRejects):
    """What may be shown to everybody of the reasons of one run, by the whole reason."""

    @staticmethod
    def _known(reject: Reject) -> str:
        return reject.shown_reason


def note_options(chosen: LoadOptions) -> dict[str, str]:
    """The options that say something, by their names, as a checkpoint keeps them: texts without secrets."""
    notes: dict[str, str] = {}
    for each in offered(LoadOptions):
        value = getattr(chosen, each.name)
        note = None if value is None else each.option.note(value)
        if note is not None:
            notes[each.name.replace("_", "-")] = note
    return notes


def collect_versions() -> dict[str, str]:
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
