"""A verification: several loads against one source of what landed, and what was found.

verification = verify_store([Path("purchases.csv.events.ckpt")], Path("pushwoosh-sandbox.sqlite3"))
verification.ok, verification.totals
for load, difference in verification.list_differences(): ...
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from loader.addresses import SANDBOX
from loader.errors import ConfigError
from loader.journal import CheckpointView
from loader.message import Message, Setting
from loader.progress import ReadingProgress, Silent
from loader.sandbox.store.bodies import keeps_log, read_store_id
from loader.settings import NOTHING_IN_MEMORY, InMemory
from loader.verification.comparison import compare
from loader.verification.differences import Totals
from loader.verification.expected import Load
from loader.verification.matching import MOST_LOADS
from loader.verification.standing import Listing, Standing
from loader.verification.stored import StoredCalls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from loader.progress import Watch
    from loader.verification.differences import Difference, Doubt, Findings
    from loader.verification.rows import ExpectedRows

DEFAULT_STORE = Path("pushwoosh-sandbox.sqlite3")


@dataclass(frozen=True, slots=True)
class Part:
    """The loads of one kind, and what was found of them."""

    loads: tuple[Load, ...]
    findings: Findings


@dataclass(frozen=True, slots=True)
class Verification:
    """What a verification found.

    Attributes:
        landed: what the loads were compared with, for the user.
        complete: whether a row that was not found is certainly not there.
        parts: by kind.
        notes: what the user should know before the list: what was compared, and what was not.
        places: says where what landed stands, by its number; None if the number says it.
        is_store: whether it is the store of a sandbox.
    """

    landed: str
    complete: bool
    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()
    places: Callable[[int], str] | None = None
    is_store: bool = False

    @property
    def totals(self) -> Totals:
        """The counts of all loads."""
        whole = Totals()
        for part in self.parts:
            for each in fields(Totals):
                more = getattr(part.findings.totals, each.name)
                setattr(whole, each.name, getattr(whole, each.name) + more)
        return whole

    @property
    def ok(self) -> bool:
        """Whether there is not a difference. A row in doubt is not one, whether it was found or not."""
        return not self.totals.differences

    @property
    def is_paired(self) -> bool:
        """Whether altered rows were looked for: not if too many rows are left on both sides."""
        return all(part.findings.is_paired for part in self.parts)

    def list_differences(self) -> Iterator[tuple[Load, Difference]]:
        """Every difference, each with its load; those with a row of the input in its order."""
        for part in self.parts:
            for difference in part.findings.differences():
                yield part.loads[difference.load], difference

    def list_found(self) -> Iterator[tuple[Load, dict[int, Doubt], int]]:
        """The loads with their rows in doubt, and how many of their confirmed rows were found as they are."""
        for part in self.parts:
            yield from zip(part.loads, part.findings.doubts, part.findings.same, strict=True)

    def list_doubts(self) -> Iterator[tuple[Load, dict[int, Doubt]]]:
        """The rows in doubt of each load, with what was found of them."""
        for part in self.parts:
            yield from zip(part.loads, part.findings.doubts, strict=True)


def verify_store(
    checkpoints: Sequence[Path],
    store: Path,
    files: Sequence[str] = (),
    memory: InMemory = NOTHING_IN_MEMORY,
    *,
    watch: Watch | None = None,
) -> Verification:
    """Compare loads with what a sandbox's store holds, row by row.

    Args:
        checkpoints: of the loads.
        store: the store.
        files: where the input is now, if it has moved; for one checkpoint.
        memory: the tables of the loads that are in memory; the input of one checkpoint.
        watch: shows how far it is.

    Raises:
        ConfigError: the store cannot be read, or is not the one that a load was sent to.
        CheckpointError, SourceError: a checkpoint or its input cannot be read.
    """
    if files and len(checkpoints) > 1:
        raise ConfigError(
            Message("{files} says where the input of one checkpoint is. Name one.", files=Setting("files"))
        )
    if len(checkpoints) > MOST_LOADS:
        raise ConfigError(f"At most {MOST_LOADS:,} checkpoints can be verified together; name fewer of them.")
    refuse_no_store(store)
    store_id = read_store_id(store)
    known = {path.resolve(): path for path in reversed(checkpoints)}  # a pattern may name one twice
    loads = [Load.open(path, files, memory) for path in reversed(known.values())]
    for load in loads:
        refuse_other_store(load, store, store_id)
    progress = Progress(sum(load.ledger.identity.rows * (1 + len(load.plans)) for load in loads))
    with (watch or Silent()).reading(progress.show):
        parts = tuple(verify_kind(group, store, progress.count) for group in group_by_method(loads))
    return Verification(f"the sandbox's store {store}", complete=True, parts=parts, is_store=True)


def find_store(checkpoints: Sequence[Path], given: Path | None) -> Path:
    """The store to compare with: the one that is named, or the one that `--sandbox` takes by default.

    Raises:
        ConfigError: none is named, and a load was not sent with `--sandbox`.
    """
    if given is not None:
        return given
    for path in checkpoints:
        endpoint = CheckpointView.open(path).identity.endpoint
        if not endpoint.startswith(SANDBOX):
            raise ConfigError(
                Message(
                    "{path} was sent to {endpoint}. If a sandbox listened there, name its store with "
                    "{store}.",
                    path=path,
                    endpoint=endpoint,
                    store=Setting("sandbox_store"),
                )
            )
    return DEFAULT_STORE


def refuse_no_store(store: Path) -> None:
    """Refuse a store that is not there.

    Raises:
        ConfigError: it is not.
    """
    if not store.exists():
        raise ConfigError(
            Message(
                "There is no store {store}. If you are in another folder, or the store was moved, name it "
                "with {setting}. If it was deleted, what the sandbox received is gone. Then rehearse again.",
                store=store,
                setting=Setting("sandbox_store"),
            )
        )


def refuse_other_store(load: Load, store: Path, store_id: str) -> None:
    """Refuse a store that a rehearsal was not sent to.

    Raises:
        ConfigError: it is another one.
    """
    endpoint = load.ledger.identity.endpoint
    if endpoint.startswith(SANDBOX) and endpoint != f"{SANDBOX}{store_id}":
        raise ConfigError(
            Message(
                "{path} was sent to a sandbox with another store than {store}. Name that store with "
                "{setting}. If it was deleted, what it held is gone. Then rehearse again.",
                path=load.ledger.path,
                store=store,
                setting=Setting("sandbox_store"),
            )
        )


def group_by_method(loads: Sequence[Load]) -> list[tuple[Load, ...]]:
    """The loads of each API method together."""

    def name(load: Load) -> str:
        return load.method.name

    return [tuple(group) for _, group in groupby(sorted(loads, key=name), key=name)]


@dataclass(slots=True)
class Progress:
    """How many rows of both sides were read.

    Attributes:
        total: about how many there are: nobody knows yet how many landed.
        done: how many were read.
    """

    total: int
    done: int = 0

    def count(self, rows: int) -> None:
        """Some more rows were read."""
        self.done += rows

    def show(self) -> ReadingProgress:
        """For a watch."""
        return ReadingProgress(min(self.done, self.total), self.total, "rows", "Verifying")


def verify_kind(loads: tuple[Load, ...], store: Path, count: Callable[[int], None]) -> Part:
    """Compare the loads of one kind with the store: every call, and what is stored in the end."""
    labels, method = join_labels(loads), loads[0].method
    if method.last_wins and not keeps_log(store):
        raise ConfigError(
            f"{store} was made by an earlier version, which kept only the last call of each device. Rehearse "
            f"again to verify {method.many}."
        )
    places = [next(at for at, names in enumerate(labels) if load.labels <= names) for load in loads]
    standing = Standing(method) if method.last_wins else None

    def tap(rows: ExpectedRows) -> None:
        count(len(rows.ordinals))
        if standing is not None:
            standing.expect(rows)

    sides = [load.build_side(number, places[number], tap=tap) for number, load in enumerate(loads)]
    findings = compare(sides, StoredCalls(store, method.name, labels, count))
    if standing is not None:
        standing.take(store, labels)
        listing = Listing(standing, sides, store, labels)
        findings.add(listing.list_differences(standing.compare(places)))
    return Part(loads, findings)


def join_labels(loads: Sequence[Load]) -> tuple[frozenset[str], ...]:
    """The labels of each compartment: loads with a label in common are compared together."""
    joined: list[frozenset[str]] = []
    for load in loads:
        labels = load.labels
        for names in [names for names in joined if names & labels]:
            joined.remove(names)
            labels |= names
        joined.append(labels)
    return tuple(joined)
