"""What a checkpoint expects to be there: its rows, mapped again from the input under each of its mappings."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import numpy as np
import pyarrow as pa

from loader.conditions import BEGAN
from loader.errors import CheckpointLocked
from loader.failures import (
    recall_settings,
    refuse_missing_table,
    refuse_other_input,
    refuse_other_lookups,
    suggest_moved,
)
from loader.journal import CheckpointView
from loader.mapping import parse_mapping
from loader.message import Command, Message
from loader.model import State
from loader.planning import draw_up
from loader.sandbox.labels import read_label
from loader.settings import NOTHING_IN_MEMORY, InMemory
from loader.states import States
from loader.verification.rows import ExpectedRows, Fate, LoadSide

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from loader.mapping import Mapped
    from loader.methods import Method
    from loader.model import Chunk
    from loader.planning import Plan
    from loader.verification.rows import Fates, Numbers

    #: Turns bodies into the forms of a source.
    Reform = Callable[[Sequence[bytes]], Sequence[bytes]]

#: The keys that say which row it is, by the name of the API method.
KEYS = {
    "postEvent": ("event", "hwid", "userId", "timestampUTC"),
    "registerUser": ("hwid", "userId"),
    "setTags": ("hwid", "userId"),
}
_FETCHED = 20_000
# After so many chunks Arrow gives back the memory that it keeps for the next ones: 13 MB of 240.
_CHUNKS = 8


@dataclass(frozen=True, slots=True)
class Load:
    """A load whose rows are compared.

    Attributes:
        name: the checkpoint, as the user gave it.
        ledger: the checkpoint, as it was when the verification began.
        plans: the input under each mapping that the load has had, the oldest first.
    """

    name: str
    ledger: CheckpointView
    plans: tuple[Plan, ...]

    @classmethod
    def open(cls, checkpoint: Path, files: Sequence[str] = (), memory: InMemory = NOTHING_IN_MEMORY) -> Load:
        """Open a checkpoint and its input.

        Args:
            checkpoint: the checkpoint; no load may be running with it, because rows would land meanwhile.
            files: where the input is now, if it has moved.
            memory: the tables of the load that are in memory.

        Raises:
            CheckpointLocked: a load is running.
            CheckpointError, SourceError: the checkpoint or its input cannot be read, or is another one.
        """
        ledger = CheckpointView.open(checkpoint)
        if ledger.running:
            raise CheckpointLocked(
                Message(
                    "A load is running with {path}, so rows land while they are looked for. Verify it when "
                    "it has ended; {status} shows how far it is.",
                    path=checkpoint,
                    status=Command.STATUS,
                )
            )
        names = list(files) or [file.name for file in ledger.identity.files]
        return cls(str(checkpoint), ledger, tuple(plan_all(ledger, names, memory)))

    @property
    def method(self) -> Method:
        """The API method of its rows."""
        return self.ledger.identity.kind.method

    @property
    def labels(self) -> frozenset[str]:
        """What its calls are labelled with in the store of a sandbox; "" is what no load named itself for.

        The label of a run is in its note. A load that was given the address of a sandbox has it in its path.
        """
        address = read_label(f"{urlsplit(self.ledger.identity.endpoint).path}{self.method.name}")
        notes = [note.detail for note in self.ledger.notes if note.what == BEGAN]
        found = {read_noted_label(note) or unquote(address) for note in notes}
        return frozenset(found or {unquote(address)})

    def build_side(
        self,
        number: int,
        compartment: int,
        *,
        reform: Reform | None = None,
        keys: tuple[str, ...] | None = None,
        tap: Callable[[ExpectedRows], None] | None = None,
    ) -> LoadSide:
        """The load as it is compared.

        Args:
            number: of the load, from 0.
            compartment: loads of one compartment share what landed.
            reform: turns bodies into forms; None if the bodies are the forms.
            keys: which keys of a form say which row it is; None for those of the method.
            tap: is shown all rows, as they pass by.
        """

        def read(plan: Plan) -> Callable[[], Iterator[ExpectedRows]]:
            return lambda: self._read(plan, number, reform, tap)

        return LoadSide(
            name=self.name,
            confirmed=self.ledger.account().confirmed,
            compartment=compartment,
            repeatable=self.method.repeatable,
            keys=KEYS[self.method.name] if keys is None else keys,
            versions=tuple(map(read, self.plans)),
            fetch=lambda ordinals: self._fetch(ordinals, reform),
        )

    def _read(
        self,
        plan: Plan,
        number: int,
        reform: Reform | None,
        tap: Callable[[ExpectedRows], None] | None,
    ) -> Iterator[ExpectedRows]:
        """All rows under one mapping, with what the checkpoint says of them."""
        states = States(self.ledger)
        resent = np.array([row.ordinal for row in self.ledger.exceptions(State.CONFIRMED)], np.int64)
        for at, chunk in enumerate(plan.source.chunks()):
            mapped = plan.mapper.map(chunk)
            if at % _CHUNKS == 0:
                pa.default_memory_pool().release_unused()
            fates = states.of(chunk.rows)
            here = resent[np.searchsorted(resent, chunk.first) : np.searchsorted(resent, chunk.rows.stop)]
            fates[here - chunk.first] = Fate.RESENT
            bodies = mapped.bodies.to_pylist()
            rows = ExpectedRows(
                number,
                mapped.ordinals,
                fates[mapped.ordinals - chunk.first],
                reform(bodies) if reform else bodies,
                tuple(_list_formless(mapped, fates)),
            )
            if tap is not None:
                tap(rows)
            yield rows

    def _fetch(
        self, ordinals: Sequence[int], reform: Reform | None
    ) -> Iterator[tuple[int, tuple[bytes, ...]]]:
        """The forms of some rows, ascending, under each mapping that gives one."""
        for start in range(0, len(ordinals), _FETCHED):
            wanted = ordinals[start : start + _FETCHED]
            found: dict[int, list[bytes]] = defaultdict(list)
            for plan in self.plans:
                for chunk, rows in read_chunks(plan, wanted):
                    mapped = plan.mapper.map(chunk)
                    chosen = np.isin(mapped.ordinals, rows)
                    bodies = mapped.bodies.filter(chosen).to_pylist()
                    forms = reform(bodies) if reform else bodies
                    for ordinal, form in zip(mapped.ordinals[chosen].tolist(), forms, strict=True):
                        found[ordinal].append(form)
            yield from ((ordinal, tuple(found[ordinal])) for ordinal in wanted)


def read_noted_label(note: str) -> str:
    """The label in the note of how a run began; "" if it has none."""
    try:
        label = json.loads(note).get("label")
    except (ValueError, AttributeError):
        return ""
    return label if isinstance(label, str) else ""


def _list_formless(mapped: Mapped, fates: Fates) -> Iterator[tuple[int, Fate]]:
    """Rows that may be there, and that the mapping rejects."""
    for reject in mapped.rejects:
        fate = Fate(int(fates[reject.ordinal - mapped.first]))
        if fate not in (Fate.REJECTED, Fate.NEVER_SENT, Fate.LEFT_OUT):
            yield reject.ordinal, fate


def read_chunks(plan: Plan, ordinals: Sequence[int]) -> Iterator[tuple[Chunk, Numbers]]:
    """The chunks that hold any of some rows, ascending, each with those rows."""
    if not len(ordinals):
        return
    wanted = np.asarray(ordinals, np.int64)
    for chunk in plan.source.chunks(int(wanted[0])):
        low, high = np.searchsorted(wanted, (chunk.rows.start, chunk.rows.stop)).tolist()
        if low < high:
            yield chunk, wanted[low:high]
        if wanted[-1] < chunk.rows.stop:
            return


def plan_all(ledger: CheckpointView, files: Sequence[str], memory: InMemory) -> Iterator[Plan]:
    """Plan the load again under each of its mappings, the oldest first.

    Raises:
        SourceError, CheckpointError: the input cannot be read, or is another one.
    """
    settings = recall_settings(ledger, files, memory)
    refuse_missing_table(ledger, settings.files, memory)
    for text in list_mappings(ledger):
        with suggest_moved(settings.files):
            plan = draw_up(settings, ledger, parse_mapping(text, str(ledger.path)))
        refuse_other_input(plan.survey, [file.sha256 for file in ledger.identity.files], ledger.path)
        refuse_other_lookups(plan.mapper.lookups.records, ledger)
        yield plan


def list_mappings(ledger: CheckpointView) -> list[str]:
    """The mappings of a load, the oldest first, each once: a retry may have changed it."""
    earlier = [decided.detail for decided in ledger.decisions if decided.what == "mapping"]
    whole = [*earlier, ledger.identity.mapping]
    return [text for at, text in enumerate(whole) if text not in whole[at + 1 :]]
