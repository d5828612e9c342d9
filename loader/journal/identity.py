"""What a checkpoint was made for. Anything else is refused, with the difference shown."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from difflib import SequenceMatcher, unified_diff
from itertools import zip_longest
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from loader.addresses import SANDBOX
from loader.errors import CheckpointDiffers
from loader.message import Command, Message, Setting
from loader.methods import Kind
from loader.model import FileRecord, LookUpRecord, Mark

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_DIFF_LINES = 12
# The key of a file's record that says which look-up it is.
_LOOKUP = "lookup"
_ANOTHER_LOAD = (
    "{path} was made for another load. {differences} Nothing was sent. To continue that load, give what it "
    "was made for. To begin a new load, name another {checkpoint}: it sends every row, also those that this "
    "checkpoint has settled, unless a ledger knows them."
)


@dataclass(frozen=True, slots=True)
class Identity:
    """What is loaded, how, and where to.

    Attributes:
        kind: users, events or tags.
        application: the application code.
        endpoint: the API's address; user names, passwords and queries in it are dropped, never stored.
        mapping: the effective mapping as text, with all that was inferred written out.
        files: the input, in reading order.
        lookups: the tables in which the mapping looks up cells, or did before a retry.
    """

    kind: Kind
    application: str
    endpoint: str
    mapping: str
    files: tuple[FileRecord, ...]
    lookups: tuple[LookUpRecord, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "endpoint", remove_secrets(self.endpoint))

    @property
    def rows(self) -> int:
        """Records in the whole input."""
        return sum(file.rows for file in self.files)

    @property
    def rehearsed(self) -> bool:
        """Whether it went to a sandbox on this machine: its endpoint is the id of a store."""
        return self.endpoint.startswith(SANDBOX)

    def has_input_of(self, other: Identity) -> bool:
        """Whether both are of the same rows."""
        return [file.content for file in self.files] == [file.content for file in other.files]

    def differs(self, wanted: Identity) -> bool:
        """Whether a checkpoint of this load cannot be continued for `wanted`."""
        return any(_list_differences(self, wanted))

    def goes_elsewhere(self, application: str, endpoint: str) -> bool:
        """Whether a load to that application at that endpoint is another one."""
        return (self.application, self.endpoint) != (application, remove_secrets(endpoint))

    def to_row(self) -> tuple[str, str, str, str, str]:
        """The columns of the checkpoint's identity table."""
        # Beside the files, so that a checkpoint without look-ups is the same as before there were any.
        looked_up = [
            _encode_file(file) | {_LOOKUP: each.name} for each in self.lookups for file in each.files
        ]
        files = json.dumps([*map(_encode_file, self.files), *looked_up])
        return str(self.kind), self.application, self.endpoint, self.mapping, files

    @classmethod
    def from_row(cls, kind: str, application: str, endpoint: str, mapping: str, files: str) -> Identity:
        """The identity that `to_row` wrote."""
        found: dict[str, list[FileRecord]] = {}
        for file in json.loads(files):
            found.setdefault(file.pop(_LOOKUP, ""), []).append(_decode_file(**file))
        records = tuple(found.pop("", []))
        lookups = tuple(LookUpRecord(name, tuple(files)) for name, files in found.items())
        return cls(Kind(kind), application, endpoint, mapping, records, lookups)


@dataclass(frozen=True, slots=True)
class GrownFrom:
    """What a checkpoint was made for before rows were added to its input.

    Attributes:
        identity: what it was made for.
        commits: how many commits it had when the added rows were compared with what became of the others;
            None if that does not matter to them.
    """

    identity: Identity
    commits: int | None = None

    def refuse_continued(self, path: Path, commits: int) -> None:
        """Refuse a checkpoint that was written to since, if that may matter to the added rows.

        Raises:
            CheckpointDiffers: it was.
        """
        if self.commits not in (None, commits):
            raise CheckpointDiffers(
                Message(
                    "{path}: another run has continued this load while the added rows were compared with it. "
                    "Nothing was sent. Run the same command again.",
                    path=path,
                )
            )


def _encode_file(file: FileRecord) -> dict[str, object]:
    # What is empty is left out, as versions that did not know of it did: a row is removed by its checksum.
    record: dict[str, object] = {
        "name": file.name,
        "size": file.size,
        "sha256": file.sha256,
        "rows": file.rows,
    }
    return record | {name: value for name, value in (("marks", file.marks), ("form", file.form)) if value}


def _decode_file(marks: Sequence[Sequence[Any]] = (), **record: Any) -> FileRecord:
    return FileRecord(**record, marks=tuple(Mark(*mark) for mark in marks))


def remove_secrets(endpoint: str) -> str:
    """The address without user, password, query and fragment."""
    parts = urlsplit(endpoint)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def verify(path: Path, stored: Identity, wanted: Identity) -> Identity:
    """The identity to continue with: the stored one, with the files' present names.

    Raises:
        CheckpointDiffers: the checkpoint at `path` was made for something else; says for what.
    """
    refuse_other_kind(path, stored.kind, wanted.kind)
    differences = list(_list_differences(stored, wanted))
    if differences:
        raise CheckpointDiffers(
            Message(
                _ANOTHER_LOAD,
                path=path,
                differences=Message.join(differences),
                checkpoint=Setting("checkpoint"),
            )
        )
    return replace(stored, files=wanted.files, lookups=wanted.lookups)


def refuse_other_kind(path: Path, stored: Kind, wanted: Kind) -> None:
    """Refuse a checkpoint of another kind: it was named by mistake, and what else differs tells nothing.

    Raises:
        CheckpointDiffers: it is of another kind.
    """
    if stored != wanted:
        raise CheckpointDiffers(
            Message(
                "{path} is a checkpoint of {stored}, and this load is of {wanted}. Nothing was sent. Name "
                "another checkpoint with {checkpoint}.",
                path=path,
                stored=stored,
                wanted=wanted,
                checkpoint=Setting("checkpoint"),
            )
        )


def _list_differences(stored: Identity, wanted: Identity) -> Iterator[str | Message]:
    for what, then, now in (
        ("The application", stored.application, wanted.application),
        ("The endpoint", stored.endpoint, wanted.endpoint),
    ):
        if then.startswith(SANDBOX) and now.startswith(SANDBOX) and then != now:
            yield Message(
                "The endpoint was a sandbox with another store, which was deleted or moved ({store}).",
                store=Setting("sandbox_store"),
            )
        elif then != now:
            yield f'{what} was "{then}", and is now "{now}".'
    yield from _compare_files(stored.files, wanted.files)
    yield from _compare_forms(stored.files, wanted.files)
    for name, changes in find_other_lookups(stored.lookups, wanted.lookups):
        yield Message(
            "The look-up {name} is another one. {changes} Restore it as it was. To use the new one from here "
            "on, save it under another name, name that in the mapping, and give the mapping to {retry} with "
            "{mapping}.",
            name=name,
            changes=changes,
            retry=Command.RETRY,
            mapping=Setting("mapping"),
        )
    if stored.mapping != wanted.mapping:
        yield Message(
            "The mapping has changed (- then, + now):\n{changes}\n"
            "To use the new mapping, give it to {retry} with {mapping}; the load then keeps it.",
            changes=_diff(stored.mapping, wanted.mapping),
            retry=Command.RETRY,
            mapping=Setting("mapping"),
        )


def list_changes(stored: Identity, wanted: Identity) -> list[str]:
    """What makes a rehearsal another one, as sentences of one line."""
    changes = [
        f'The application was "{stored.application}", and is now "{wanted.application}".'
        if stored.application != wanted.application
        else "",
        "The sandbox has another store." if stored.endpoint != wanted.endpoint else "",
        *_compare_files(stored.files, wanted.files),
        *_compare_forms(stored.files, wanted.files),
        *(
            f"The look-up {name} is another one. {how}"
            for name, how in find_other_lookups(stored.lookups, wanted.lookups)
        ),
        _compare_mappings(stored.mapping, wanted.mapping),
    ]
    return [change for change in changes if change]


def _compare_mappings(then: str, now: str) -> str:
    """The first change of a mapping, and how many more there are; "" if there is none."""
    if then == now:
        return ""
    changes = list(_pair_lines(then.splitlines(), now.splitlines()))
    old, new = changes[0] if changes else ("", "")
    first = f"`{old}` is now `{new}`" if old and new else f"`{old}` is gone" if old else f"`{new}` is new"
    more = f", and {len(changes) - 1} more" if len(changes) > 1 else ""
    return f"The mapping has changed: {first}{more}."


def _pair_lines(then: list[str], now: list[str]) -> Iterator[tuple[str, str]]:
    """The lines that differ, each beside the one in its place; "" if there is none."""
    for same, first, stop, begin, end in SequenceMatcher(None, then, now, autojunk=False).get_opcodes():
        if same != "equal":
            yield from zip_longest(then[first:stop], now[begin:end], fillvalue="")


def _compare_files(then: tuple[FileRecord, ...], now: tuple[FileRecord, ...]) -> Iterator[str]:
    old, new = [file.content for file in then], [file.content for file in now]
    if old == new:
        return
    if sorted(old) == sorted(new):
        yield f"The order of the files has changed from {_list_names(then)} to {_list_names(now)}."
        return
    if len(old) != len(new):
        yield f"The input was {_list_names(then)}, and is now {_list_names(now)}."
        return
    for before, after in zip(then, now, strict=True):
        if before.content != after.content:
            yield _describe_change(before, after)


def _compare_forms(then: tuple[FileRecord, ...], now: tuple[FileRecord, ...]) -> Iterator[str]:
    """Of files whose bytes are the same: those that are read in another way, so that rows may differ."""
    for before, after in zip(then, now, strict=False):
        if before.sha256 == after.sha256 and before.form and before.form != after.form:
            yield f"{after.name} was read as {before.form}, and is now read as {after.form}."


def find_other_lookups(
    then: Sequence[LookUpRecord], now: Sequence[LookUpRecord]
) -> Iterator[tuple[str, str]]:
    """The look-ups that have another content, each with what has changed.

    Of those that both name: a mapping that names other ones has changed itself.
    """
    present = {record.name: record.files for record in now}
    for record in then:
        files = present.get(record.name, record.files)
        changes = [*_compare_files(record.files, files), *_compare_forms(record.files, files)]
        if changes:
            yield record.name, " ".join(changes)


def _describe_change(then: FileRecord, now: FileRecord) -> str:
    name = now.name if now.name == then.name else f"{now.name} (formerly {then.name})"
    if then.size != now.size or then.rows != now.rows:
        change = (
            f"it had {then.size:,} bytes and {then.rows:,} rows, "
            f"and now has {now.size:,} bytes and {now.rows:,} rows"
        )
    else:
        change = f"the length is the same, but SHA-256 was {then.sha256[:16]}… and is now {now.sha256[:16]}…"
    return f"The content of {name} has changed: {change}.{_locate_change(then, now)}"


def _locate_change(then: FileRecord, now: FileRecord) -> str:
    """Between which rows two files first differ, as far as the marks tell."""
    marks = {mark.offset: mark for mark in now.marks}
    common = [(old, marks[old.offset]) for old in then.marks if old.offset in marks]
    same = 0
    for old, new in common:
        if old.digest != new.digest:
            return f" The first difference is in rows {same + 1:,} to {old.row:,}."
        same = old.row
    return f" The first {same:,} rows are the same." if same else ""


def _list_names(files: tuple[FileRecord, ...]) -> str:
    return ", ".join(file.name for file in files) or "no file"


def _diff(then: str, now: str) -> str:
    lines = [
        line
        for line in unified_diff(then.splitlines(), now.splitlines(), lineterm="", n=0)
        if not line.startswith(("---", "+++", "@@"))
    ]
    more = len(lines) - _DIFF_LINES
    return "\n".join(lines[:_DIFF_LINES] + ([f"… and {more} more lines"] if more > 0 else []))
