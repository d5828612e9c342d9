"""What need not be given: the place of the checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loader.defaults import default_checkpoint
from loader.methods import Kind

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("first", "name"),
    [
        ("users.csv", "users.csv.users.ckpt"),
        ("data/users.csv", "data/users.csv.users.ckpt"),
        ("data/", "data.users.ckpt"),
        ("data/2024-*.csv", "data/users.ckpt"),
        ("*.csv", "users.ckpt"),
        (".", "users.ckpt"),
    ],
)
def test_the_checkpoint_stands_beside_the_input(first: str, name: str) -> None:
    """Its name does not change when a folder or pattern holds one file more."""
    assert str(default_checkpoint(Kind.USERS, first, sandbox=False)) == name


def test_a_file_in_an_archive_has_its_checkpoint_beside_the_archive(tmp_path: Path) -> None:
    """No file can stand within the archive; two files of one archive have two checkpoints."""
    archive = tmp_path / "export.zip"
    archive.touch()
    names = [
        default_checkpoint(Kind.USERS, f"{archive}/{name}", sandbox=False) for name in ("a/b.csv", "c.csv")
    ]
    assert names == [tmp_path / "export.zip.a-b.csv.users.ckpt", tmp_path / "export.zip.c.csv.users.ckpt"]
