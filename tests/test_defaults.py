"""What need not be given: the place of the checkpoint."""

from __future__ import annotations

import pytest

from loader.defaults import default_checkpoint
from loader.methods import Kind


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
