"""No output takes the place of a file that this command or a later one needs."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import loader
from loader.claims import Claim, find_owner, refuse_conflicts
from loader.errors import ConfigError
from loader.journal.checkpoint_files import Files
from loader.ledger import Bound, Ledger
from loader.option import FileUse
from tests.api.conftest import purchases

if TYPE_CHECKING:
    from collections.abc import Callable

NEEDED = "would be overwritten, and it is needed"

#: The ways to spell one existing file, each from its path.
SPELLINGS: dict[str, Callable[[Path], Path]] = {
    "the same": lambda path: path,
    "by a detour": lambda path: path.parent / "." / ".." / path.parent.name / path.name,
    "a symbolic link": lambda path: _linked(path, os.symlink),
    "a hard link": lambda path: _linked(path, os.link),
    "relative": lambda path: Path(os.path.relpath(path)),
}


def _linked(path: Path, link: Callable[[Path, Path], None]) -> Path:
    there = path.parent / "elsewhere.json"
    link(path, there)
    return there


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """The checkpoint of a load that has ended, under a name that does not say what it is."""
    with loader.Sandbox() as sandbox:
        path = tmp_path / "progress"
        loader.load_events(purchases(3), sandbox=sandbox, checkpoint=path, progress=False)
    return path


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("use", [use for use in FileUse if use is not FileUse.CHECKPOINT])
def test_an_existing_file_is_known_by_every_name(tmp_path: Path, use: FileUse, spelling: str) -> None:
    """A link or another spelling does not hide that the output is the input, a mapping or another output."""
    path = tmp_path / "events.csv"
    path.write_text("rows")
    target = SPELLINGS[spelling](path)
    with pytest.raises(ConfigError, match=NEEDED):
        refuse_conflicts([Claim(FileUse.OUTPUT, str(target), "summary"), Claim(use, str(path))])
    refuse_conflicts([Claim(FileUse.OUTPUT, str(tmp_path / "free"), "summary"), Claim(use, str(path))])


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("part", ["", "-wire"])
def test_a_checkpoint_that_the_command_does_not_name_is_known(
    checkpoint: Path, part: str, spelling: str
) -> None:
    """A summary on the checkpoint of another load is refused, whatever the checkpoint is called."""
    path = checkpoint.with_name(checkpoint.name + part)
    with pytest.raises(ConfigError, match=NEEDED):
        refuse_conflicts([Claim(FileUse.OUTPUT, str(SPELLINGS[spelling](path)))])


@pytest.mark.parametrize("part", [part.name for part in Files(Path("progress")).parts])
def test_parts_that_do_not_exist_yet_are_kept_free(tmp_path: Path, part: str) -> None:
    """An output is not written where this load's own checkpoint will write its log or its slots."""
    named = Claim(FileUse.CHECKPOINT, str(tmp_path / "progress"))
    for name in (part, part.upper()):
        with pytest.raises(ConfigError, match=NEEDED):
            refuse_conflicts([Claim(FileUse.OUTPUT, str(tmp_path / name)), named])


@pytest.mark.parametrize(
    "name", ["a.ckpt", "a.ckpt-wal", "A.CKPT-LOCK", "a.ckpt-wire-new", "a.ckpt.input.csv"]
)
def test_the_usual_names_of_checkpoints_are_kept_for_them(tmp_path: Path, name: str) -> None:
    """The next load finds no foreign file where it wants to put its checkpoint."""
    with pytest.raises(ConfigError, match=r"a part of the checkpoint .*a\.ckpt,"):
        refuse_conflicts([Claim(FileUse.OUTPUT, str(tmp_path / name.lower()))])
    assert find_owner(tmp_path / name) == tmp_path / name[:6]
    refuse_conflicts([Claim(FileUse.OUTPUT, str(tmp_path / "a.ckpt.report.html"))])


def test_a_checkpoint_is_not_put_where_its_parts_would_replace_the_input(tmp_path: Path) -> None:
    """`--checkpoint data` beside the input `data-shm` would delete the input as a left-over part."""
    (tmp_path / "data-shm").write_text("rows")
    with pytest.raises(ConfigError, match=NEEDED):
        refuse_conflicts(
            [
                Claim(FileUse.CHECKPOINT, str(tmp_path / "data")),
                Claim(FileUse.INPUT, str(tmp_path / "data-shm")),
            ]
        )


@pytest.mark.parametrize("given", [".", "*.json", "[s]ummary.*"])
def test_an_output_is_no_input_of_the_next_night(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    """What is written into a folder that is loaded, or matches the pattern, would be read as rows."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.json").write_text("{}")
    for target in ("summary.json", str(tmp_path / "summary.json")):
        with pytest.raises(ConfigError, match="the next load would read this one too"):
            refuse_conflicts([Claim(FileUse.OUTPUT, target), Claim(FileUse.INPUT, given)])
    refuse_conflicts(
        [Claim(FileUse.OUTPUT, "_summary.json" if given == "." else "sum.txt"), Claim(FileUse.INPUT, given)]
    )


def test_a_file_that_a_folder_links_to_is_its_input_too(tmp_path: Path) -> None:
    """The folder holds a link; the output is the file behind it."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "events.csv").write_text("rows")
    (tmp_path / "folder" / "link.csv").symlink_to(tmp_path / "events.csv")
    with pytest.raises(ConfigError, match="it is the input"):
        refuse_conflicts(
            [
                Claim(FileUse.OUTPUT, str(tmp_path / "events.csv")),
                Claim(FileUse.INPUT, str(tmp_path / "folder")),
            ]
        )


def test_an_archive_is_needed_as_a_whole(tmp_path: Path) -> None:
    """The input is a file in an archive; the output would replace the archive."""
    (tmp_path / "export.zip").write_bytes(b"PK")
    with pytest.raises(ConfigError, match=NEEDED):
        refuse_conflicts(
            [
                Claim(FileUse.OUTPUT, str(tmp_path / "export.zip")),
                Claim(FileUse.INPUT, str(tmp_path / "export.zip" / "events.csv")),
            ]
        )


LEDGER_PARTS = ("-wal", "-shm", "-lock", "-keys-000001", "-keys-000002-new", "-ids-users", "-ids-tags-new")


@pytest.mark.parametrize("part", LEDGER_PARTS)
def test_the_parts_of_a_ledger_are_kept(tmp_path: Path, part: str) -> None:
    """Those of a ledger that is there, and of the one that this command creates; other names are free."""
    path = tmp_path / "night.ledger"
    output = Claim(FileUse.OUTPUT, str(tmp_path / f"night.ledger{part}"), "report_gone")
    refuse_conflicts([output])
    with pytest.raises(ConfigError, match=f"{NEEDED}: it is a part of the ledger"):
        refuse_conflicts([output, Claim(FileUse.READ, str(path), "ledger")])
    with Ledger.open(path, Bound("AAAAA-BBBBB", "here")):
        pass
    for name in (part, part.upper()):
        with pytest.raises(ConfigError, match=f"{NEEDED}: it is a part of the ledger"):
            refuse_conflicts([Claim(FileUse.OUTPUT, str(tmp_path / f"night.ledger{name}"))])
    refuse_conflicts([Claim(FileUse.OUTPUT, str(tmp_path / "night.ledger-gone.csv"))])


def test_what_has_no_content_to_lose_may_be_named_twice(tmp_path: Path) -> None:
    """Standard output and devices are no files that could be lost."""
    refuse_conflicts(
        [Claim(FileUse.OUTPUT, "/dev/null", "summary"), Claim(FileUse.OUTPUT, "/dev/null", "report")]
    )
    refuse_conflicts([Claim(FileUse.OUTPUT, "-"), Claim(FileUse.INPUT, "-")])


def _write_report(target: Path, checkpoint: Path) -> None:
    loader.Checkpoint(checkpoint).report(target)


def _write_mapping(target: Path, checkpoint: Path) -> None:
    with loader.Sandbox() as sandbox:
        result = loader.load_events(purchases(1), sandbox=sandbox, progress=False)
    result.mapping.write(target, overwrite=True)


def _keep_store(target: Path, checkpoint: Path) -> None:
    loader.Sandbox(target).start()


@pytest.mark.parametrize("write", [_write_report, _write_mapping, _keep_store])
def test_python_keeps_to_the_same_rule(checkpoint: Path, write: Callable[[Path, Path], None]) -> None:
    """A path given in Python takes the place of no checkpoint either."""
    before = checkpoint.read_bytes()
    with pytest.raises(loader.LoaderError):
        write(checkpoint, checkpoint)
    assert checkpoint.read_bytes() == before


def test_a_load_in_python_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    """The store of the sandbox and the checkpoint cannot be one file."""
    with loader.Sandbox(tmp_path / "one") as sandbox, pytest.raises(ConfigError, match=NEEDED):
        loader.load_events(purchases(2), sandbox=sandbox, checkpoint=tmp_path / "one", progress=False)


def test_a_look_does_not_open_a_file_that_may_be_locked_under_another_name(checkpoint: Path) -> None:
    """A descriptor that is closed drops all locks of this process on the file, so none is opened."""
    other = checkpoint.parent / "other"
    os.link(checkpoint, other)
    opened: list[str] = []

    def see(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and threading.get_ident() == me and watching:
            opened.append(str(arguments[0]))

    me, watching = threading.get_ident(), [1]
    sys.addaudithook(see)
    with pytest.raises(ConfigError, match=NEEDED):
        refuse_conflicts([Claim(FileUse.OUTPUT, str(other))])
    with pytest.raises(ConfigError, match=NEEDED):
        refuse_conflicts([Claim(FileUse.OUTPUT, str(checkpoint))])
    watching.clear()
    assert not [name for name in opened if name in {str(other), str(checkpoint)}]
