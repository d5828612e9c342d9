"""Which checkpoints there are, and which may be deleted."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

from loader.errors import ConfigError
from loader.housekeeping import Standing, Wanted, find_checkpoints, look_at
from loader.model import Account

PATH = Path("a.ckpt")


@pytest.mark.parametrize(
    ("account", "wanted", "kept"),
    [
        (Account(3, confirmed=3), Wanted(), ""),
        (Account(3, confirmed=2, rejected=1), Wanted(), ""),
        (Account(3, confirmed=2, rejected=1), Wanted(confirmed=True), "1 row rejected"),
        (Account(3, confirmed=2, in_doubt=1), Wanted(), "1 row in doubt"),
        (Account(3, confirmed=2, in_doubt=1), Wanted(unsent=True), "1 row in doubt"),
        (Account(3, confirmed=2, in_doubt=1), Wanted(doubts=True), ""),
        (Account(3, confirmed=2), Wanted(doubts=True), "1 row never sent"),
        (Account(3, confirmed=2), Wanted(unsent=True), ""),
        (Account(3, confirmed=3), Wanted(before=100.0), "not old enough"),
        (Account(3, confirmed=3), Wanted(before=101.0), ""),
        (None, Wanted(doubts=True, unsent=True), "cannot be read"),
    ],
)
def test_what_is_still_needed_is_kept(account: Account | None, wanted: Wanted, kept: str) -> None:
    """Doubts and unsent rows keep a checkpoint unless each is named; age and rejects as the user says."""
    reason = wanted.keep(Standing(PATH, "events", account, last=100.0, problem="it is torn"))
    assert (kept in reason, bool(reason)) == (True, bool(kept))


def test_a_checkpoint_in_use_is_always_kept() -> None:
    """No flag deletes what a load writes right now."""
    standing = Standing(PATH, "events", Account(3, confirmed=3), running=True)
    assert "running" in Wanted(doubts=True, unsent=True).keep(standing)


def test_checkpoints_are_found_by_their_names(tmp_path: Path) -> None:
    """Under the usual name, or under any other by the slot file beside it; parts are none."""
    for name in ("b.ckpt", "b.ckpt-wire", "mine", "mine-wire", "events.csv", "a.ckpt", "a.ckpt-lock"):
        (tmp_path / name).touch()
    names = [path.name for path in find_checkpoints([tmp_path, tmp_path / "events.csv"])]
    assert names == ["a.ckpt", "b.ckpt", "mine", "events.csv"]
    with pytest.raises(ConfigError, match=r"nowhere: there is no such checkpoint or folder"):
        list(find_checkpoints([tmp_path / "nowhere"]))


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    """One damaged checkpoint does not hide the others."""
    (tmp_path / "a.ckpt").write_bytes(b"no database")
    found = look_at(tmp_path / "a.ckpt")
    assert (found.account, "is not a checkpoint" in found.problem) == (None, True)


@pytest.mark.skipif(sys.platform == "win32", reason="needs file modes")
def test_a_checkpoint_of_another_user_is_not_called_damaged() -> None:
    """Who looks at a folder without the right to read a file is told that, and not to begin again."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.ckpt"
        path.write_bytes(b"SQLite format 3\0" + bytes(4080))
        path.chmod(0o000)
        Path(folder).chmod(0o755)
        user = os.geteuid()
        try:
            if user == 0:
                os.seteuid(65534)
            problem = look_at(path).problem
        finally:
            os.seteuid(user)
    assert problem == f"{path} cannot be opened. Check that this user may read it and the files beside it."
