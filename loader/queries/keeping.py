"""When a query runs, and when the result that is kept beside the checkpoint is used again.

A load continues with the result that it began with, also after a crash: another answer to the same question
would be another input. As long as nothing was sent, a query may change, and `requery` runs it once more.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from loader.defaults import RESULT_ENDING
from loader.errors import CheckpointDiffers, ConfigError
from loader.journal import CheckpointView
from loader.journal.checkpoint_files import Files
from loader.journal.lock import Lock
from loader.message import Message, Setting
from loader.progress import ReadingProgress, Silent
from loader.queries.engines import open_result
from loader.queries.query import list_changes
from loader.queries.spool import Count, read_kept, write_spool
from loader.queries.streams import has_same_rows, open_stream
from loader.text.nouns import count_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loader.progress import Watch
    from loader.queries.query import Query
    from loader.queries.spool import Kept

#: What a pass over the result is called while it runs.
_RUNNING = "Running the query"


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where the result of a query is kept, and what may take its place.

    Attributes:
        checkpoint: of the load.
        again: run the query although its result is kept.
        rehearsed: the load is a rehearsal that may begin again, whatever was sent to the sandbox.
    """

    checkpoint: Path
    again: bool = False
    rehearsed: bool = False


def name_kept(checkpoint: Path) -> Path:
    """The file beside a checkpoint that keeps the result of its query."""
    return checkpoint.with_name(checkpoint.name + RESULT_ENDING)


def keep_result(query: Query, keeping: Keeping, watch: Watch | None = None) -> Message:
    """Run a query once and keep its result; or use the one that is kept.

    Returns:
        What was done, for the user.

    Raises:
        SourceError: the query failed, or its result cannot be sent. Nothing is kept.
        ConfigError: the kept file is not of a query, or `again` is set and rows were sent.
        CheckpointDiffers: rows were sent, and the query is another one now, or its result is gone.
        CheckpointLocked: a load is running with the checkpoint.
    """
    target, checkpoint = name_kept(keeping.checkpoint), keeping.checkpoint
    Files(checkpoint).refuse_unusable_folder()
    free = keeping.rehearsed or not has_sent(checkpoint)
    kept = find_kept(target)
    if kept is not None and not keeping.again:
        if kept.query == query:
            return describe_reuse(target, kept)
        if not free:
            raise explain_change(checkpoint, target, kept, query)
    if not free:
        raise refuse_again(checkpoint) if keeping.again else explain_loss(checkpoint, target)
    with holding(checkpoint):
        return describe_run(run_query(query, target, watch))


def keep_stream(stream: object, keeping: Keeping, watch: Watch | None = None) -> None:
    """Keep the rows of a table that can be read only once; if it was kept before, they must be the same.

    Raises:
        SourceError: it cannot be read to its end, or a column cannot be sent.
        ConfigError: something else is kept there.
        CheckpointDiffers: rows were sent, and the table is another one now.
        CheckpointLocked: a load is running with the checkpoint.
    """
    target, checkpoint = name_kept(keeping.checkpoint), keeping.checkpoint
    Files(checkpoint).refuse_unusable_folder()
    free, kept = keeping.rehearsed or not has_sent(checkpoint), find_kept(target)
    if kept is None and not free:
        raise explain_loss(checkpoint, target)
    with holding(checkpoint):
        unsettled = target.with_name(f"{target.name}.new")
        write_stream(stream, unsettled, watch)
        if kept is not None and has_same_rows(unsettled, target):
            unsettled.unlink()
        elif free:
            unsettled.replace(target)
        else:
            unsettled.unlink()
            raise explain_other_rows(checkpoint, target)


def write_stream(stream: object, target: Path, watch: Watch | None = None) -> Kept:
    """Write the rows of a table that can be read only once to a file.

    Raises:
        SourceError: it cannot be read to its end, or a column cannot be sent.
        ConfigError: there is no room.
    """
    count, watch = Count(), watch or Silent()
    with watch.reading(lambda: ReadingProgress(count.rows, 0, "rows", "Reading the table")):
        return write_spool(target, partial(open_stream, stream), None, count)


def run_query(query: Query, target: Path, watch: Watch | None = None) -> Kept:
    """Run a query and write its result to a file.

    Raises:
        SourceError: it failed, or its result cannot be sent.
        ConfigError: a package is missing, or there is no room.
    """
    count, watch = Count(), watch or Silent()
    with watch.reading(lambda: ReadingProgress(count.rows, 0, "rows", _RUNNING)):
        return write_spool(target, partial(open_result, query), query, count)


def has_sent(checkpoint: Path) -> bool:
    """Whether rows of the load were sent or rejected.

    Raises:
        CheckpointError: the checkpoint cannot be read.
    """
    view = CheckpointView.find(checkpoint)
    return view is not None and not view.blank


def find_kept(target: Path) -> Kept | None:
    """What is kept at a place; None if nothing is.

    Raises:
        ConfigError: something else is there.
    """
    if not target.exists():
        return None
    kept = read_kept(target)
    if kept is None:
        raise ConfigError(
            Message(
                "{target} is not the result of a query; another input was kept there. Name another "
                "{checkpoint}; or remove that file, if nobody needs it.",
                target=target,
                checkpoint=Setting("checkpoint"),
            )
        )
    return kept


@contextmanager
def holding(checkpoint: Path) -> Iterator[None]:
    """Keep other loads with the checkpoint out while a query runs: it would be written twice.

    Raises:
        CheckpointLocked: one is running.
    """
    lock = Lock(Files(checkpoint.absolute()).lock)
    lock.take(checkpoint)
    try:
        yield
    finally:
        lock.release()


def describe_run(kept: Kept) -> Message:
    """Say what came of a query."""
    return Message(
        "The query gave {rows} in {seconds:.1f} s.", rows=count_rows(kept.rows), seconds=kept.seconds
    )


def describe_origin(file: str) -> str:
    """Of which query a file is the kept result, and when that ran; "" if it is another file, or gone."""
    kept = read_kept(Path(file)) if file.endswith(RESULT_ENDING) else None
    if kept is None or kept.query is None:
        return ""
    return f"the result of a query of {kept.query.where}, run on {describe_begin(kept)}"


def describe_begin(kept: Kept) -> str:
    """When a query ran, for people."""
    return kept.begun.replace("T", " ").replace("+00:00", " UTC")


def describe_reuse(target: Path, kept: Kept) -> Message:
    """Say that a query was not run, and how it can be."""
    return Message(
        "The query was not run again: its result of {begun} is the input of this load ({rows}, kept in "
        "{target}). For newer rows, give another {checkpoint}; as long as nothing was sent, {requery} is "
        "enough.",
        begun=describe_begin(kept),
        rows=count_rows(kept.rows),
        target=target,
        checkpoint=Setting("checkpoint"),
        requery=Setting("requery"),
    )


def explain_change(checkpoint: Path, target: Path, kept: Kept, query: Query) -> CheckpointDiffers:
    """The error for another query than the one that the load began with."""
    changes = list(list_changes(kept.query, query)) if kept.query else ["It was not of a query."]
    return CheckpointDiffers(
        Message(
            "{path} was made for another query. {changes}\nNothing was sent now. To continue that load, give "
            "its query again, or name {target} in its place. To load the result of another query, name "
            "another {checkpoint}: it sends every row.",
            path=checkpoint,
            changes=" ".join(changes).strip(),
            target=target,
            checkpoint=Setting("checkpoint"),
        )
    )


def explain_other_rows(checkpoint: Path, target: Path) -> CheckpointDiffers:
    """The error for a table with other rows than the one that the load began with."""
    return CheckpointDiffers(
        Message(
            "The table is not what it was when {path} was begun: it has other rows, or the same in another "
            "order. Nothing was sent now. To continue with the earlier one, load {target} in its place. To "
            "load this one, name another {checkpoint}.",
            path=checkpoint,
            target=target,
            checkpoint=Setting("checkpoint"),
        )
    )


def refuse_again(checkpoint: Path) -> ConfigError:
    """The error for a query that is to run again after rows of its result were sent."""
    return ConfigError(
        Message(
            "{requery} begins a load again, and rows of {path} were sent already. Leave {requery} out to "
            "continue with the result that is kept; or name another {checkpoint} for the newer rows.",
            requery=Setting("requery"),
            path=checkpoint,
            checkpoint=Setting("checkpoint"),
        )
    )


def explain_loss(checkpoint: Path, target: Path) -> CheckpointDiffers:
    """The error for a load whose input is gone: another answer to the query would be another input."""
    return CheckpointDiffers(
        Message(
            "{path} is of a load that has sent rows, and the result of its query is not there: {target}. "
            "Nothing was sent now. Put that file back, or name the input that the load was begun with. To "
            "begin a new load, name another {checkpoint}.",
            path=checkpoint,
            target=target,
            checkpoint=Setting("checkpoint"),
        )
    )
