"""The names by which a query calls its inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loader.errors import ConfigError
from loader.queries.tables import name_tables, split_name

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("given", "name", "path"),
    [
        ("purchases.csv", "purchases", "purchases.csv"),
        ("in/purchases.csv.gz", "purchases", "in/purchases.csv.gz"),
        ("in/2024-03-orders.jsonl.zst", "2024-03-orders", "in/2024-03-orders.jsonl.zst"),
        ("folder.v2/", "folder.v2", "folder.v2/"),
        ("day=2024/x.parquet", "day", "2024/x.parquet"),
        ("d=in/devices.csv", "d", "in/devices.csv"),
        ("o=2024-*.csv", "o", "2024-*.csv"),
        ("https://example.com/a%20b.csv?sig=x=y", "a b", "https://example.com/a%20b.csv?sig=x=y"),
        ("s3://bucket/in/users.csv.gz", "users", "s3://bucket/in/users.csv.gz"),
        ("u=s3://bucket/users.parquet", "u", "s3://bucket/users.parquet"),
        (".csv", ".csv", ".csv"),
    ],
)
def test_a_table_is_called_by_the_stem_of_its_file_or_by_the_name_before_it(
    given: str, name: str, path: str
) -> None:
    """So a query can be written without a look into any documentation."""
    (table,) = name_tables([given])
    assert (table.name, table.paths) == (name, (path,))


def test_a_path_that_exists_is_not_taken_for_a_name_and_a_path(tmp_path: Path) -> None:
    """Folders of partitions have an equals sign in their names."""
    folder = tmp_path / "day=1"
    folder.mkdir()
    assert split_name(str(folder)) == ("", str(folder))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["s3://bucket/2024-*.csv"], "Put one before it: NAME=s3://bucket/2024-*.csv"),
        (["2024-*.csv"], "Put one before it: NAME=2024-*.csv"),
        (["a/users.csv", "b/Users.parquet"], "would both be the table Users"),
        (["-"], "Standard input cannot be a table"),
    ],
)
def test_what_has_no_name_of_its_own_is_refused_with_a_way_out(given: list[str], words: str) -> None:
    """No name is made up that the user would have to guess."""
    with pytest.raises(ConfigError) as error:
        name_tables(given)
    assert words in str(error.value)
