"""Files are written as a whole, for their owner alone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from loader.errors import ConfigError
from loader.output_files import open_target, write_whole

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_that_cannot_be_finished_stays_as_it_was(tmp_path: Path) -> None:
    """A failure in the middle leaves the old content, and no unfinished file beside it."""
    target = tmp_path / "rejected.csv"
    target.write_bytes(b"old")
    with pytest.raises(TypeError), open_target(target) as out:
        out.writelines([b"new", None])  # type: ignore[list-item] # fails after the first
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX permissions")
def test_a_file_is_readable_for_its_owner_alone(tmp_path: Path) -> None:
    """No other user of the machine can read the personal data in it."""
    write_whole(tmp_path / "report.html", b"rows")
    assert (tmp_path / "report.html").stat().st_mode & 0o777 == 0o600


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    """A user who links the output to another disk finds it there."""
    (tmp_path / "there.csv").write_bytes(b"old")
    (tmp_path / "here.csv").symlink_to(tmp_path / "there.csv")
    write_whole(tmp_path / "here.csv", b"new")
    assert (tmp_path / "here.csv").is_symlink()
    assert (tmp_path / "there.csv").read_bytes() == b"new"


def test_a_target_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The error names the file and the reason."""
    with pytest.raises(ConfigError, match=r"missing/report\.html cannot be written: No such file"):
        write_whole(tmp_path / "missing" / "report.html", b"rows")
